//! What every command has at hand: the user's wishes, the settings, keys, and a node.
//!
//! Everything is opened when it is first needed: offline commands need no node, reading needs no
//! passphrase.

use std::cell::OnceCell;
use std::io::{BufRead, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use hefu_primitives::{Id16, Millis};

use super::client::Client;
use super::drafts::Drafts;
use super::fault::Fault;
use super::output::{Format, Output};
use crate::config::{self, Flag, Loaded};
use crate::keystore::{Keystore, Passphrase, Profile, obtain_passphrase};
use crate::text::Lang;
use crate::vault::Vault;

/// Largest file read as input, in bytes, where nothing smaller is said.
const MAX_INPUT_BYTES: u64 = 64 * 1024 * 1024;

/// Flags of every command.
#[derive(Args, Clone, Debug)]
pub(crate) struct Globals {
    /// The node to talk to.
    #[arg(long, global = true, env = "HEFU_NODE", hide_env_values = true, value_name = "URL")]
    pub(crate) node: Option<String>,
    /// The form of the output.
    #[arg(long, short, global = true, env = "HEFU_OUTPUT", value_enum, default_value_t)]
    pub(crate) output: Format,
    /// The same as --output json.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The language of texts.
    #[arg(long, global = true, value_name = "zh|en")]
    pub(crate) lang: Option<Lang>,
    /// No colours.
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    /// Seconds to wait for the node, and for the outcome of what is submitted.
    #[arg(long, global = true, default_value_t = 30, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,
    /// Nothing on standard error but errors.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Do not ask before what cannot be undone.
    #[arg(long, short, global = true)]
    pub(crate) yes: bool,
    /// The data folder.
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) data_dir: Option<PathBuf>,
    /// The configuration file.
    #[arg(long, global = true, env = "HEFU_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The folder of keys.
    #[arg(long, global = true, env = "HEFU_KEYSTORE", value_name = "FOLDER")]
    pub(crate) keystore: Option<PathBuf>,
    /// The file whose first line is the passphrase.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// The file whose first line is the token for reading.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// The audit mandate under which is read, with a key of the auditor.
    #[arg(
        long,
        global = true,
        env = "HEFU_UNDER",
        hide_env_values = true,
        value_name = "MANDATE",
        requires = "read_key"
    )]
    pub(crate) under: Option<Id16>,
    /// The auditor's key that signs what is asked, by label or id.
    #[arg(
        long,
        global = true,
        env = "HEFU_READ_KEY",
        hide_env_values = true,
        value_name = "LABEL|ID"
    )]
    pub(crate) read_key: Option<String>,
    /// For tests: seal new keys cheaply.
    #[arg(long, global = true, hide = true)]
    pub(crate) insecure_fast_kdf: bool,
}

/// The running program.
pub(crate) struct App {
    pub(crate) globals: Globals,
    pub(crate) out: Output,
    pub(crate) drafts: Drafts,
    settings: OnceCell<Loaded>,
    client: OnceCell<Client>,
    passphrase: OnceCell<Passphrase>,
}

impl App {
    pub(crate) fn new(globals: Globals, out: Output) -> Self {
        let (settings, client, passphrase) = Default::default();
        Self { globals, out, drafts: Drafts::default(), settings, client, passphrase }
    }

    /// The language of texts.
    pub(crate) fn lang(&self) -> Lang {
        self.out.lang
    }

    /// The settings of the node in the data folder, with what the command's own flags say.
    pub(crate) fn load_settings(&self, more: &[Flag]) -> Result<Loaded, Fault> {
        let path = |path: &Option<PathBuf>, flag, setting| {
            let value = path.as_ref()?.display().to_string();
            Some(Flag { flag, setting, value })
        };
        let flags: Vec<Flag> = path(&self.globals.data_dir, "--data-dir", "data_dir")
            .into_iter()
            .chain(path(&self.globals.keystore, "--keystore", "keystore.path"))
            .chain(path(
                &self.globals.passphrase_file,
                "--passphrase-file",
                "keystore.passphrase_file",
            ))
            .chain(more.iter().cloned())
            .map(absolute)
            .collect();
        let variables: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with("HEFU_"))
            .collect();
        let loaded = config::load(self.globals.config.as_deref(), &flags, &variables)?;
        Ok(loaded)
    }

    /// As [`App::load_settings`], once.
    pub(crate) fn settings(&self) -> Result<&Loaded, Fault> {
        if self.settings.get().is_none() {
            let loaded = self.load_settings(&[])?;
            let _ = self.settings.set(loaded);
        }
        self.settings.get().ok_or_else(|| Fault::new("cli.fault"))
    }

    /// As [`App::settings`], of a data folder that is there: one that was named and is not is most
    /// likely misspelt.
    pub(crate) fn node_settings(&self) -> Result<&Loaded, Fault> {
        let loaded = self.settings()?;
        expect_folder(loaded)?;
        Ok(loaded)
    }

    /// The node: `--node`, `HEFU_NODE`, else the interface of the node in the data folder.
    pub(crate) fn client(&self) -> Result<&Client, Fault> {
        if self.client.get().is_none() {
            let node = match &self.globals.node {
                Some(node) => node.clone(),
                None => self.node_settings()?.config.api.listen.to_string(),
            };
            let timeout = Duration::from_secs(self.globals.timeout);
            let client = match (self.globals.under, &self.globals.read_key) {
                (Some(mandate), Some(key)) => {
                    let pair = self.keystore()?.load(key.as_str(), self.passphrase()?)?;
                    Client::new(&node, None, timeout)?.under(mandate, pair)
                }
                _ => Client::new(&node, self.token()?, timeout)?,
            };
            let _ = self.client.set(client);
        }
        self.client.get().ok_or_else(|| Fault::new("cli.fault"))
    }

    fn token(&self) -> Result<Option<String>, Fault> {
        let token = match &self.globals.token_file {
            Some(path) => Some(self.read_text(path)?),
            None => std::env::var("HEFU_TOKEN").ok().or_else(|| self.own_token()),
        };
        let token = token.map(|text| text.lines().next().unwrap_or_default().trim().to_owned());
        Ok(token.filter(|token| !token.is_empty()))
    }

    /// The token that `hefu init` made for the node in the data folder. It is for that node alone:
    /// another, named by `--node`, is not told.
    fn own_token(&self) -> Option<String> {
        if self.globals.node.is_some() {
            return None;
        }
        let folder = &self.settings().ok()?.config.data_dir;
        std::fs::read_to_string(folder.join(config::TOKEN_FILE_NAME)).ok()
    }

    /// The folder of keys, which is there.
    pub(crate) fn keystore(&self) -> Result<Keystore, Fault> {
        let folder = self.node_settings()?.config.keystore_path();
        if !folder.is_dir() {
            return Err(Fault::said("cli.no_key", "no-keystore", &[("folder", &folder.display())]));
        }
        Ok(Keystore::with_profile(folder, self.profile())?)
    }

    /// The folder of keys, made when it is not there: for what brings keys.
    pub(crate) fn new_keystore(&self) -> Result<Keystore, Fault> {
        let folder = self.settings()?.config.keystore_path();
        Ok(Keystore::with_profile(folder, self.profile())?)
    }

    /// How new keys and vaults are sealed.
    pub(crate) fn profile(&self) -> Profile {
        if self.globals.insecure_fast_kdf { Profile::InsecureFast } else { Profile::Strong }
    }

    /// The passphrase of keys and vault, asked for once.
    pub(crate) fn passphrase(&self) -> Result<&Passphrase, Fault> {
        self.obtain("ask-passphrase", false)
    }

    /// The passphrase for what is new: long enough, and typed twice at a terminal.
    pub(crate) fn new_passphrase(&self) -> Result<&Passphrase, Fault> {
        let passphrase = self.obtain("ask-new-passphrase", true)?;
        passphrase.check_new()?;
        Ok(passphrase)
    }

    fn obtain(&self, question: &str, confirm: bool) -> Result<&Passphrase, Fault> {
        if self.passphrase.get().is_none() {
            let file = match &self.globals.passphrase_file {
                Some(file) => Some(file.clone()),
                None => self.settings()?.config.passphrase_path(),
            };
            let question = self.out.text(question, &[]);
            let passphrase = obtain_passphrase(file.as_deref(), &question, confirm)?;
            let _ = self.passphrase.set(passphrase);
        }
        self.passphrase.get().ok_or_else(|| Fault::new("cli.passphrase"))
    }

    /// The vault; made when there is none and `create` is set.
    pub(crate) fn vault(&self, create: bool) -> Result<Vault, Fault> {
        let folder = self.settings()?.config.vault_path();
        if create && !Vault::exists(&folder) {
            return Ok(Vault::create(&folder, self.new_passphrase()?, self.profile())?);
        }
        if !Vault::exists(&folder) {
            self.node_settings()?;
            return Err(Fault::with("cli.no_vault", folder.display()));
        }
        let vault = Vault::open(&folder, self.passphrase()?)?;
        if vault.torn_bytes() > 0 {
            self.out.tell("vault-torn", &[("bytes", &vault.torn_bytes().to_string())]);
        }
        Ok(vault)
    }

    /// Asks before what cannot be undone.
    pub(crate) fn confirm(&self, key: &str, arguments: &[(&str, &str)]) -> Result<(), Fault> {
        if self.globals.yes {
            return Ok(());
        }
        let stdin = std::io::stdin();
        if !stdin.is_terminal() {
            return Err(Fault::with("cli.needs_terminal", self.out.text(key, arguments)));
        }
        self.out.warn(&format!("{} [y/N]", self.out.text(key, arguments)));
        let mut answer = String::new();
        let read = stdin.lock().take(64).read_line(&mut answer);
        let yes = ["y", "yes", "是"].contains(&answer.trim().to_lowercase().as_str());
        if read.is_ok() && yes { Ok(()) } else { Err(Fault::new("cli.canceled")) }
    }

    /// Reads a file of text.
    pub(crate) fn read_text(&self, path: &Path) -> Result<String, Fault> {
        let bytes = self.read(path)?;
        String::from_utf8(bytes)
            .map_err(|_| Fault::said("cli.input", "file-not-utf8", &[("file", &path.display())]))
    }

    /// Reads a file, bounded; `-` is standard input.
    pub(crate) fn read(&self, path: &Path) -> Result<Vec<u8>, Fault> {
        let fault = |error: std::io::Error| Fault::file(path, &error);
        let mut bytes = Vec::new();
        let read = match path == Path::new("-") {
            true => std::io::stdin().lock().take(MAX_INPUT_BYTES + 1).read_to_end(&mut bytes),
            false => {
                let file = std::fs::File::open(path).map_err(fault)?;
                file.take(MAX_INPUT_BYTES + 1).read_to_end(&mut bytes)
            }
        };
        match read.map_err(fault)? as u64 {
            length if length > MAX_INPUT_BYTES => {
                Err(Fault::said("cli.input", "file-too-large", &[("file", &path.display())]))
            }
            _ => Ok(bytes),
        }
    }

    /// That a file can be written: said before the work whose result it shall hold.
    pub(crate) fn expect_new(&self, path: &Path) -> Result<(), Fault> {
        if path == Path::new("-") || self.globals.yes || !path.exists() {
            return Ok(());
        }
        Err(Fault::file(path, &std::io::ErrorKind::AlreadyExists.into()))
    }

    /// Writes a new file; one that is there is replaced only with `--yes`.
    pub(crate) fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), Fault> {
        if path == Path::new("-") {
            self.out.raw(bytes);
            return Ok(());
        }
        let written = match self.globals.yes {
            true => crate::keystore::disk::replace(path, bytes),
            false => crate::keystore::disk::write_new(path, bytes),
        };
        written.map_err(|error| Fault::file(path, &error))
    }
}

/// That a data folder which was named is there.
pub(crate) fn expect_folder(loaded: &Loaded) -> Result<(), Fault> {
    let folder = &loaded.config.data_dir;
    let named = loaded.origins.iter().any(|(setting, _, origin)| {
        setting == "data_dir" && !matches!(origin, config::Origin::Default)
    });
    if named && !folder.is_dir() {
        return Err(Fault::with("cli.no_data_dir", folder.display()));
    }
    Ok(())
}

/// Paths typed at a prompt are meant from where it stands, not from the data folder.
fn absolute(flag: Flag) -> Flag {
    let paths = ["data_dir", "keystore.path", "keystore.passphrase_file", "genesis"];
    let is_path = paths.contains(&flag.setting);
    let value = match std::path::absolute(&flag.value) {
        Ok(path) if is_path => path.display().to_string(),
        _ => flag.value.clone(),
    };
    Flag { value, ..flag }
}

/// Now, by this computer's clock.
pub(crate) fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Sixteen random bytes for a new record.
pub(crate) fn random_id() -> Result<hefu_primitives::Id16, Fault> {
    Ok(crate::vault::record::new_att_id()?)
}

macro_rules! faults {
    ($($error:ty => $code:expr;)*) => {$(
        impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                let code: fn(&$error) -> &'static str = $code;
                Self::below(code(&error), &error)
            }
        }
    )*};
}

faults! {
    crate::keystore::SealError => |_| "cli.fault";
    crate::vault::VaultError => |error| match error {
        crate::vault::VaultError::Unknown { .. } => "cli.not_found",
        wrong if wrong.is_wrong_passphrase() => "cli.passphrase",
        _ => "cli.vault",
    };
    crate::vault::presentation::PresentationError => |_| "cli.presentation";
    crate::vault::presentation::QrError => |_| "cli.input";
    hefu_primitives::transaction::TransactionError => |_| "cli.input";
    hefu_primitives::capsule::CapsuleError => |_| "cli.invalid";
    hefu_genesis::CeremonyError => |_| "cli.genesis";
    hefu_genesis::GenesisError => |_| "cli.genesis";
}
