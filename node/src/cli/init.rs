//! `hefu init`: a data folder for a province's node.
//!
//! The genesis names a founder's keys, so they must be here already (from the ceremony) or be
//! imported: a new key would be nobody's. A province that joins later has made its keys with its
//! request; the ledger names them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use hefu_contracts::identity::Role;
use hefu_genesis::{KeySeed, MemberSeed};
use hefu_primitives::{PublicKey, Region};
use serde_json::json;

use super::app::App;
use super::args::region;
use super::demo::EngineName;
use super::exit::Exit;
use super::fault::{Done, Fault};
use super::token::Fresh;
use crate::config::{FILE_NAME, NodeConfig, ReadAccess, TOKEN_FILE_NAME};
use crate::keystore::{KeyInfo, Keystore, disk};

#[derive(Args)]
pub(crate) struct Init {
    /// The province.
    #[arg(long, value_parser = region)]
    province: Region,
    /// The genesis.
    #[arg(long, value_name = "FILE")]
    genesis: PathBuf,
    /// Import the encrypted keys of this folder.
    #[arg(long, value_name = "FOLDER")]
    keys: Option<PathBuf>,
    /// Where other nodes reach this one.
    #[arg(long, value_name = "ADDRESS:PORT")]
    p2p_listen: Option<SocketAddr>,
    /// Where the HTTP interface answers.
    #[arg(long, value_name = "ADDRESS:PORT")]
    api_listen: Option<SocketAddr>,
    /// Let everybody read who reaches the interface (loopback only).
    #[arg(long)]
    open_reading: bool,
    /// What keeps the index.
    #[arg(long, value_enum)]
    engine: Option<EngineName>,
}

pub(crate) fn run(app: &App, args: &Init) -> Done {
    let defaults = NodeConfig::default();
    let data_dir = app.globals.data_dir.clone().unwrap_or(defaults.data_dir);
    let config = data_dir.join(FILE_NAME);
    if config.exists() && !app.globals.yes {
        return Err(Fault::with("cli.conflict", config.display()));
    }
    let folder = app.globals.keystore.clone().unwrap_or_else(|| data_dir.join("keys"));
    args.settings(&data_dir).validate()?;
    let signed = super::genesis::read(app, &args.genesis)?;
    signed.verify(false)?;
    let chain = signed.genesis.hash().to_string();
    let member = signed.genesis.member(args.province);
    let io = |path: &Path| {
        let path = path.to_owned();
        move |error: std::io::Error| Fault::file(&path, &error)
    };
    // Nothing is written before everything that is needed is known to be there.
    let keys = known_keys([Some(folder.as_path()), args.keys.as_deref()])?;
    let named = |member, key| label(&keys, &folder, member, key);
    let labels = match member {
        Some(member) => Labels {
            validator: named(member, member.validator_key)?,
            node: named(member, member.node_key)?,
            cosigner: cosigner_key(member).map(|key| named(member, key)).transpose()?,
        },
        None => requested(&keys).ok_or_else(|| Fault::with("E211", args.province))?,
    };
    let genesis = data_dir.join("genesis.json");
    let text = signed.to_json()?;
    let there = genesis.exists();
    let differs = || {
        super::genesis::read(app, &genesis)
            .map_or(true, |old| old.genesis.hash() != signed.genesis.hash())
    };
    if there && differs() {
        return Err(Fault::said("cli.conflict", "genesis-other", &[("file", &genesis.display())]));
    }
    disk::ensure_folder(&data_dir).map_err(io(&data_dir))?;
    if let Some(source) = &args.keys {
        import(&Keystore::with_profile(&folder, app.profile())?, source)?;
    }
    if !there {
        disk::write_new(&genesis, text.as_bytes()).map_err(io(&genesis))?;
    } else if app.globals.yes {
        // The same genesis, perhaps with signatures that were missing.
        app.write(&genesis, text.as_bytes())?;
    }
    let mut text = args.config(&folder, &data_dir, &labels);
    let token = data_dir.join(TOKEN_FILE_NAME);
    if !args.open_reading {
        // Reading needs a token: commands on this computer have one from the start.
        let fresh = Fresh::new("local")?;
        fresh.write(&token)?;
        text.push_str(&fresh.entry());
    }
    // A second genesis is never written over the first; the settings are, when that is meant.
    app.write(&config, text.as_bytes())?;
    let (folder, province) = (data_dir.display().to_string(), args.province.to_string());
    let arguments = [("folder", folder.as_str()), ("province", &province), ("genesis", &chain)];
    let value = json!({ "data_dir": folder, "region": args.province, "genesis": chain,
        "config": config.display().to_string() });
    app.out.done(&value, &app.out.text("init-done", &arguments));
    Ok(Exit::Ok)
}

fn import(keystore: &Keystore, source: &Path) -> Result<(), Fault> {
    let entries = std::fs::read_dir(source).map_err(|error| Fault::file(source, &error))?;
    for entry in entries {
        let path = entry.map_err(|error| Fault::file(source, &error))?.path();
        if path.extension().is_some_and(|extension| extension == "key") {
            match keystore.import(&path) {
                Ok(_) | Err(crate::keystore::KeystoreError::Exists { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// What is in the folders of keys that are there; makes none.
fn known_keys(folders: [Option<&Path>; 2]) -> Result<Vec<KeyInfo>, Fault> {
    let mut known = Vec::new();
    for folder in folders.into_iter().flatten().filter(|folder| folder.is_dir()) {
        known.extend(Keystore::open(folder)?.list()?);
    }
    Ok(known)
}

/// The labels of the keys that a province made with its request to join; none without them.
fn requested(known: &[KeyInfo]) -> Option<Labels> {
    let label = |label: &str| {
        let info = known.iter().find(|info| info.label == label);
        info.map(|info| info.label.clone())
    };
    let cosigner = label("cosigner");
    Some(Labels { validator: label("validator")?, node: label("node")?, cosigner })
}

/// The label of a key that the genesis names.
fn label(
    known: &[KeyInfo],
    folder: &Path,
    member: &MemberSeed,
    key: PublicKey,
) -> Result<String, Fault> {
    let known = known.iter().find(|info| info.public == key);
    known.map(|info| info.label.clone()).ok_or_else(|| {
        Fault::said(
            "cli.node_key",
            "init-key-missing",
            &[("region", &member.region), ("key", &key.id()), ("folder", &folder.display())],
        )
    })
}

/// The key by which a founding member cosigns, if it brought one.
fn cosigner_key(member: &MemberSeed) -> Option<PublicKey> {
    let operator = member.authorities.iter().find(|of| of.code == member.operator)?;
    let cosigns = |key: &&KeySeed| key.roles == [Role::Cosigner];
    operator.keys.iter().find(cosigns).map(|key| key.key)
}

/// What the node's keys are called in its keystore.
struct Labels {
    validator: String,
    node: String,
    cosigner: Option<String>,
}

impl Init {
    /// The settings that the file will hold, to be checked before it is written.
    fn settings(&self, data_dir: &Path) -> NodeConfig {
        let mut config = NodeConfig { region: Some(self.province), ..NodeConfig::default() };
        config.data_dir = data_dir.to_owned();
        config.p2p.listen = self.p2p_listen.unwrap_or(config.p2p.listen);
        config.api.listen = self.api_listen.unwrap_or(config.api.listen);
        if self.open_reading {
            config.api.read = ReadAccess::Open;
        }
        config
    }

    /// The configuration file: what was said, and nothing that is a default.
    fn config(&self, keys: &Path, data_dir: &Path, labels: &Labels) -> String {
        let quote = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let mut lines = vec![
            "# hefu node; \"hefu config show --origin\" lists every setting".to_owned(),
            format!("region = {}", self.province),
        ];
        let mut section = |name: &str, settings: &[(&str, Option<String>)]| {
            let given: Vec<String> = settings
                .iter()
                .filter_map(|(key, value)| Some(format!("{key} = {}", value.as_ref()?)))
                .collect();
            if !given.is_empty() {
                lines.push(format!("\n[{name}]\n{}", given.join("\n")));
            }
        };
        let address = |address: &Option<SocketAddr>| address.map(|a| quote(&a.to_string()));
        section("p2p", &[("listen", address(&self.p2p_listen))]);
        let read = self.open_reading.then(|| quote("open"));
        section("api", &[("listen", address(&self.api_listen)), ("read", read)]);
        let engine = self.engine.map(|engine| match engine {
            EngineName::Sled => quote("sled"),
            EngineName::Fjall => quote("fjall"),
        });
        section("storage", &[("engine", engine)]);
        let elsewhere = (keys != data_dir.join("keys")).then(|| quote(&keys.display().to_string()));
        let other = |label: &str, usual: &str| (label != usual).then(|| quote(label));
        section(
            "keystore",
            &[
                ("path", elsewhere),
                ("validator", other(&labels.validator, "validator")),
                ("node", other(&labels.node, "node")),
                ("cosigner", labels.cosigner.as_ref().and_then(|label| other(label, "cosigner"))),
            ],
        );
        lines.push(String::new());
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_file_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let init = Init {
            province: Region(320_000),
            genesis: "g".into(),
            keys: None,
            p2p_listen: Some(([127, 0, 0, 1], 9001).into()),
            api_listen: Some(([127, 0, 0, 1], 9002).into()),
            open_reading: true,
            engine: Some(EngineName::Fjall),
        };
        let labels = Labels {
            validator: "v\"1".to_owned(),
            node: "node".to_owned(),
            cosigner: Some("c".to_owned()),
        };
        let text = init.config(Path::new("/k"), folder.path(), &labels);
        let path = folder.path().join(FILE_NAME);
        std::fs::write(&path, text).unwrap();
        let config = crate::config::load(Some(&path), &[], &[]).unwrap().config;
        assert_eq!(config.region, Some(Region(320_000)));
        assert_eq!(config.api.listen.port(), 9002);
        assert_eq!(config.keystore.path, Path::new("/k"));
        assert_eq!(config.keystore.validator, "v\"1");
        assert_eq!(config.keystore.cosigner, "c");
        assert_eq!(config.storage.engine, crate::config::Engine::Fjall);
    }
}
