//! Puts the settings together from their sources, and remembers which source decided.

use std::path::{Path, PathBuf};

use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::{Conflict, FILE_NAME, NodeConfig};

/// Every setting that a variable can give, and whether its value is text as it stands. Lists and
/// tables of their own (`p2p.peers`, `api.tokens`, `witness`) belong in the file.
const SETTINGS: &[(&str, bool)] = &[
    ("data_dir", true),
    ("genesis", true),
    ("region", false),
    ("p2p.listen", true),
    ("api.listen", true),
    ("api.admin", true),
    ("api.read", true),
    ("api.max_requests", false),
    ("api.submissions_per_second", false),
    ("storage.engine", true),
    ("storage.proof_blocks", false),
    ("log.format", true),
    ("log.filter", true),
    ("keystore.path", true),
    ("keystore.passphrase_file", true),
    ("keystore.validator", true),
    ("keystore.node", true),
    ("keystore.cosigner", true),
    ("keystore.reads", true),
    ("audit.index", true),
    ("audit.index_ca_file", true),
    ("audit.keep_reads_days", false),
    ("timeouts.request_ms", false),
    ("timeouts.stop_ms", false),
];

/// `HEFU_*` variables that are no settings of a node.
const OTHER_VARIABLES: &[&str] = &[
    "HEFU_CONFIG",
    "HEFU_LANG",
    "HEFU_NODE",
    "HEFU_READ_KEY",
    "HEFU_UNDER",
    "HEFU_OUTPUT",
    "HEFU_TOKEN",
    "HEFU_PASSPHRASE",
    "HEFU_PASSPHRASE_FILE",
    "HEFU_KEYSTORE",
];

/// A setting given on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The flag, as typed: `--data-dir`.
    pub flag: &'static str,
    /// The setting: `data_dir`.
    pub setting: &'static str,
    /// The value.
    pub value: String,
}

/// Where the value of a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "kind", content = "name", rename_all = "snake_case")]
pub enum Origin {
    /// A flag.
    Flag(String),
    /// An environment variable.
    Variable(String),
    /// The configuration file.
    File(PathBuf),
    /// Nobody said otherwise.
    Default,
}

/// Settings, and where each comes from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub config: NodeConfig,
    /// Each setting with its value, as text, and its origin.
    pub origins: Vec<(String, String, Origin)>,
    /// The file that was read.
    pub file: Option<PathBuf>,
    /// `HEFU_*` variables that nothing reads, each with the one that may be meant.
    pub stray: Vec<(String, Option<String>)>,
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file that was asked for cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A key nobody knows.
    #[error("{origin}: {key} is not known{}", suggestion.as_ref().map(|s| format!("; did you mean {s}?")).unwrap_or_default())]
    UnknownKey {
        /// Where it stands.
        origin: String,
        /// The key with its section.
        key: String,
        /// The one that may be meant.
        suggestion: Option<String>,
    },
    /// A value of the wrong kind, or a file that is not TOML.
    #[error("{0}")]
    Value(String),
    /// Settings that do not go together.
    #[error(transparent)]
    Conflict(#[from] Conflict),
}

/// Loads and validates. `file` is one that must exist; else `hefu.toml` in the data folder is read
/// when it is there.
///
/// # Errors
/// [`ConfigError`].
pub fn load(
    file: Option<&Path>,
    flags: &[Flag],
    variables: &[(String, String)],
) -> Result<Loaded, ConfigError> {
    let given = given(flags, variables);
    let data_dir = given.iter().rev().find(|given| given.setting == "data_dir");
    let data_dir = data_dir.map_or_else(super::default_data_dir, |given| (&given.value).into());
    let path = match file {
        Some(path) => Some(path.to_owned()),
        None => Some(data_dir.join(FILE_NAME)).filter(|path| path.is_file()),
    };
    let mut figment = Figment::from(Serialized::defaults(NodeConfig::default()));
    if let Some(path) = &path {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::File { path: path.clone(), source })?;
        let folder = path.parent().filter(|_| file.is_none());
        if let Some(folder) = folder {
            // A file found in a data folder is about that folder.
            figment = figment.merge(Serialized::default("data_dir", folder));
        }
        figment = figment.merge(NamedToml { path: path.clone(), text });
    }
    for given in given {
        figment = figment.merge(given);
    }
    let config: NodeConfig = figment.extract().map_err(|error| explain(&error))?;
    config.validate()?;
    let origins = origins(&figment, &config);
    Ok(Loaded { config, origins, file: path, stray: stray(variables) })
}

/// A setting given outside the file.
#[derive(Clone)]
struct Given {
    source: String,
    setting: &'static str,
    text: bool,
    value: String,
}

fn given(flags: &[Flag], variables: &[(String, String)]) -> Vec<Given> {
    let text = |setting: &str| SETTINGS.iter().any(|(name, text)| *name == setting && *text);
    let of_variable = |(setting, text): &(&'static str, bool)| {
        let name = variable_of(setting);
        let (_, value) = variables.iter().find(|(given, _)| *given == name)?;
        Some(Given { source: name, setting, text: *text, value: value.clone() })
    };
    let of_flag = |flag: &Flag| Given {
        source: flag.flag.to_owned(),
        setting: flag.setting,
        text: text(flag.setting),
        value: flag.value.clone(),
    };
    SETTINGS.iter().filter_map(of_variable).chain(flags.iter().map(of_flag)).collect()
}

fn variable_of(setting: &str) -> String {
    format!("HEFU_{}", setting.replace('.', "_").to_uppercase())
}

impl Provider for Given {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.source.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let value = if self.text {
            Value::from(self.value.clone())
        } else {
            self.value.parse().unwrap_or_else(|_| Value::from(self.value.clone()))
        };
        let nested = figment::util::nest(self.setting, value);
        let dict = nested.into_dict().unwrap_or_default();
        Ok(Map::from([(Profile::Default, dict)]))
    }
}

/// The file, named by its path in errors and origins.
struct NamedToml {
    path: PathBuf,
    text: String,
}

impl Provider for NamedToml {
    fn metadata(&self) -> Metadata {
        Metadata::from(self.path.display().to_string(), self.path.as_path())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Toml::string(&self.text).data()
    }
}

fn explain(error: &figment::Error) -> ConfigError {
    let origin = error.metadata.as_ref().map_or_else(String::new, |m| m.name.to_string());
    match &error.kind {
        figment::error::Kind::UnknownField(name, known) => {
            let mut path = error.path.clone();
            if path.last() != Some(name) {
                path.push(name.clone());
            }
            let key = path.join(".");
            ConfigError::UnknownKey {
                origin,
                key,
                suggestion: closest(name, known.iter().copied()),
            }
        }
        _ => ConfigError::Value(error.to_string()),
    }
}

/// The candidate that is most like a word, if any is like it.
pub(crate) fn closest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    candidates
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.to_owned())
}

fn origins(figment: &Figment, config: &NodeConfig) -> Vec<(String, String, Origin)> {
    let mut leaves = Vec::new();
    if let Ok(value) = Value::serialize(config) {
        flatten("", &value, &mut leaves);
    }
    let origin = |key: &str| {
        let Some(metadata) = figment.find_metadata(key) else { return Origin::Default };
        match (
            metadata.source.as_ref().and_then(|source| source.file_path()),
            metadata.name.as_ref(),
        ) {
            (Some(path), _) => Origin::File(path.to_owned()),
            (None, flag) if flag.starts_with("--") => Origin::Flag(flag.to_owned()),
            (None, name) if name.starts_with("HEFU_") => Origin::Variable(name.to_owned()),
            _ => Origin::Default,
        }
    };
    leaves.into_iter().map(|(key, value)| (key.clone(), value, origin(&key))).collect()
}

fn flatten(path: &str, value: &Value, leaves: &mut Vec<(String, String)>) {
    match value {
        Value::Dict(_, dict) if path.is_empty() || !dict.is_empty() => {
            for (key, value) in dict {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                flatten(&path, value, leaves);
            }
        }
        Value::String(_, text) => leaves.push((path.to_owned(), text.clone())),
        Value::Empty(..) => leaves.push((path.to_owned(), "–".to_owned())),
        other => {
            let text = serde_json::to_string(other).unwrap_or_default();
            leaves.push((path.to_owned(), text));
        }
    }
}

fn stray(variables: &[(String, String)]) -> Vec<(String, Option<String>)> {
    let known: Vec<String> = SETTINGS
        .iter()
        .map(|(setting, _)| variable_of(setting))
        .chain(OTHER_VARIABLES.iter().map(|name| (*name).to_owned()))
        .collect();
    variables
        .iter()
        .filter(|(name, _)| name.starts_with("HEFU_") && !known.contains(name))
        .map(|(name, _)| (name.clone(), closest(name, known.iter().map(String::as_str))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    fn variable(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn flag_before_variable_before_file_before_default() {
        let (_folder, path) = file("region = 310000\n[api]\nlisten = \"127.0.0.1:1\"\n");
        let flags =
            [Flag { flag: "--api-listen", setting: "api.listen", value: "127.0.0.1:3".into() }];
        let variables =
            [variable("HEFU_API_LISTEN", "127.0.0.1:2"), variable("HEFU_LOG_FORMAT", "json")];
        let loaded = load(Some(&path), &flags, &variables).unwrap();
        let origin =
            |key: &str| loaded.origins.iter().find(|(name, ..)| name == key).unwrap().2.clone();
        assert_eq!(loaded.config.api.listen.port(), 3);
        assert_eq!(origin("api.listen"), Origin::Flag("--api-listen".into()));
        assert_eq!(origin("log.format"), Origin::Variable("HEFU_LOG_FORMAT".into()));
        assert_eq!(origin("region"), Origin::File(path.clone()));
        assert_eq!(origin("p2p.listen"), Origin::Default);
        let loaded = load(Some(&path), &[], &variables).unwrap();
        assert_eq!(loaded.config.api.listen.port(), 2);
        let loaded = load(Some(&path), &[], &[]).unwrap();
        assert_eq!(loaded.config.api.listen.port(), 1);
    }

    #[test]
    fn unknown_keys_are_errors_with_a_suggestion() {
        let (_folder, path) = file("[api]\nlisen = \"127.0.0.1:1\"\n");
        let error = load(Some(&path), &[], &[]).unwrap_err();
        let ConfigError::UnknownKey { key, suggestion, origin } = error else { panic!("{error}") };
        assert_eq!((key.as_str(), suggestion.as_deref()), ("api.lisen", Some("listen")));
        assert_eq!(origin, path.display().to_string());
        let (_folder, path) = file("nonsense_key = 1");
        let error = load(Some(&path), &[], &[]).unwrap_err();
        assert!(matches!(error, ConfigError::UnknownKey { suggestion: None, .. }), "{error}");
    }

    #[test]
    fn wrong_values_and_relations_are_errors() {
        for bad in ["region = \"x\"", "[storage]\nengine = \"rocks\"", "[api]\nlisten = 1", "= 1"] {
            let (_folder, path) = file(bad);
            let error = load(Some(&path), &[], &[]).unwrap_err();
            assert!(matches!(error, ConfigError::Value(_)), "{bad}: {error}");
        }
        let (_folder, path) = file("[timeouts]\nstop_ms = 0\n");
        assert!(matches!(load(Some(&path), &[], &[]), Err(ConfigError::Conflict(_))));
        let missing = Path::new("/no/such/file.toml");
        assert!(matches!(load(Some(missing), &[], &[]), Err(ConfigError::File { .. })));
    }

    #[test]
    fn the_file_of_a_data_folder_is_found_and_is_about_it() {
        let (folder, _) = file("region = 340000");
        let data_dir = folder.path().display().to_string();
        let flags = [Flag { flag: "--data-dir", setting: "data_dir", value: data_dir }];
        let loaded = load(None, &flags, &[]).unwrap();
        assert_eq!(loaded.config.region.map(|region| region.0), Some(340_000));
        assert_eq!(loaded.config.genesis_path(), folder.path().join("genesis.json"));
        let origin = loaded.origins.iter().find(|(name, ..)| name == "data_dir").unwrap();
        assert_eq!(origin.2, Origin::Flag("--data-dir".into()), "the flag named it");
    }

    #[test]
    fn stray_variables_are_named() {
        let variables =
            [variable("HEFU_API_LISEN", "x"), variable("HEFU_LANG", "zh"), variable("PATH", "x")];
        let found = stray(&variables);
        assert_eq!(found, [("HEFU_API_LISEN".into(), Some("HEFU_API_LISTEN".into()))]);
    }

    #[test]
    fn every_setting_has_a_variable() {
        let mut leaves = Vec::new();
        flatten("", &Value::serialize(NodeConfig::default()).unwrap(), &mut leaves);
        let own = ["p2p.peers", "api.tokens", "witness.logs", "witness.ask", "webhooks"];
        for (key, _) in leaves.iter().filter(|(key, _)| !own.contains(&key.as_str())) {
            assert!(SETTINGS.iter().any(|(setting, _)| setting == key), "{key}");
        }
    }
}
