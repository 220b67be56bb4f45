//! The node's own settings: where its files are, what it listens on, how patient it is.
//!
//! Invariants:
//! 1. Rules of the ledger are not here: they stand in genesis and on the ledger.
//! 2. Precedence: flag, `HEFU_*` variable, TOML file, default; [`Loaded::origins`] tells which one
//!    decided. Unknown keys are errors.
//! 3. No secret is here: tokens stand as digests, a passphrase as the name of its file.
//!
//! This module does not open sockets or folders.

mod load;

pub(crate) use load::closest;
pub use load::{ConfigError, Flag, Loaded, Origin, load};

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use hefu_primitives::transparency::VerifierKey;
use hefu_primitives::{H32, Region};
use serde::{Deserialize, Serialize};

use crate::cosign::{FollowedLog, OutsideWitness};
use crate::webhook::{MAX_TARGETS, Target};

/// Name of the configuration file in the data folder.
pub const FILE_NAME: &str = "hefu.toml";

/// Name of the file of the token with which commands on this computer read, in the data folder.
pub const TOKEN_FILE_NAME: &str = "token";

/// Everything a node is told by its operator. A relative path is meant from the data folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NodeConfig {
    /// Where the node keeps its blocks, keys and vault.
    pub data_dir: PathBuf,
    /// The genesis, plain or signed.
    pub genesis: PathBuf,
    /// The province this node belongs to; without one the node follows and never votes.
    pub region: Option<Region>,
    /// The peer-to-peer network.
    pub p2p: P2p,
    /// The HTTP interface.
    pub api: Api,
    /// Storage.
    pub storage: Storage,
    /// Logs.
    pub log: Log,
    /// Secret keys.
    pub keystore: Keys,
    /// Other logs, and witnesses of this one.
    pub witness: Witnessing,
    /// What auditors ask.
    pub audit: Audit,
    /// Who is told of events.
    pub webhooks: Vec<Target>,
    /// How long things may take.
    pub timeouts: Timeouts,
}

/// The peer-to-peer network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct P2p {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where to dial a province's node, in place of the addresses in genesis: `host:port`.
    pub peers: BTreeMap<String, Vec<String>>,
}

/// The HTTP interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Api {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where the operator's own calls are answered; loopback only. None: nowhere.
    pub admin: Option<SocketAddr>,
    /// Who may read.
    pub read: ReadAccess,
    /// Tokens that may read, when reading needs one.
    pub tokens: Vec<Token>,
    /// Most requests answered at a time.
    pub max_requests: u32,
    /// Transactions that one address may submit in a second, in the long run; twice as many at once.
    pub submissions_per_second: u32,
}

/// Who may read through the HTTP interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadAccess {
    /// Whoever has a token.
    Token,
    /// Everybody who reaches the address.
    Open,
}

/// A token for reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Whose it is, for the log.
    pub name: String,
    /// BLAKE3 of the token, as `b3sum` prints it.
    pub digest: H32,
}

/// Storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Storage {
    /// What keeps the index beside the block files.
    pub engine: Engine,
    /// How many blocks back the state of a record, or its absence, can be proven; without it as far
    /// as there are blocks.
    pub proof_blocks: Option<u64>,
}

/// What keeps the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// sled 0.34.
    Sled,
    /// fjall 3.
    Fjall,
}

/// What auditors ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Audit {
    /// Where the query index is: a file, or `postgres://…`; empty for none.
    pub index: String,
    /// PEM file of the authorities whose certificates that database may show; those that browsers trust
    /// where none is given.
    pub index_ca_file: Option<PathBuf>,
    /// How many days the log of reads is kept after its root is on the ledger.
    pub keep_reads_days: u32,
}

/// Logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// For people or for machines.
    pub format: LogFormat,
    /// What to log, as `tracing` filters say: `info`, `hefu_node=debug,warn`.
    pub filter: String,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// Secret keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// The folder of encrypted keys.
    pub path: PathBuf,
    /// A file whose first line is the passphrase; else `HEFU_PASSPHRASE` or the terminal.
    pub passphrase_file: Option<PathBuf>,
    /// Label of the consensus key.
    pub validator: String,
    /// Label of the node's key in the peer-to-peer network.
    pub node: String,
    /// Label of the key that cosigns checkpoints.
    pub cosigner: String,
    /// Label of the operator's key that states roots of the log of reads; else one of the genesis.
    pub reads: Option<String>,
}

/// Witnessing beyond this ledger (c2sp.org/tlog-witness).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Witnessing {
    /// Other logs that this node witnesses.
    pub logs: Vec<FollowedLog>,
    /// Witnesses that are asked to cosign this ledger's checkpoints.
    pub ask: Vec<OutsideWitness>,
}

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// Most milliseconds a request to the HTTP interface takes.
    pub request_ms: u64,
    /// Most milliseconds a stop waits for what is under way.
    pub stop_ms: u64,
}

/// Most submissions a second that can be configured: no limit at all, on today's machines.
const MAX_SUBMISSIONS_PER_SECOND: u64 = 1_000_000;
/// Longest wait that can be configured, in milliseconds.
const MAX_TIMEOUT_MS: u64 = 600_000;

impl Default for NodeConfig {
    fn default() -> Self {
        Self {
            data_dir: default_data_dir(),
            genesis: "genesis.json".into(),
            region: None,
            p2p: P2p::default(),
            api: Api::default(),
            storage: Storage::default(),
            log: Log::default(),
            keystore: Keys::default(),
            witness: Witnessing::default(),
            audit: Audit::default(),
            webhooks: Vec::new(),
            timeouts: Timeouts::default(),
        }
    }
}

impl Default for P2p {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8431)), peers: BTreeMap::new() }
    }
}

impl Default for Api {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8421)),
            admin: None,
            read: ReadAccess::Token,
            tokens: Vec::new(),
            max_requests: 256,
            // Bulk import through one gateway stays below it.
            submissions_per_second: 2_000,
        }
    }
}

impl Default for Storage {
    fn default() -> Self {
        // docs/storage.md has the measurement behind this.
        Self { engine: Engine::Fjall, proof_blocks: None }
    }
}

impl Default for Audit {
    fn default() -> Self {
        Self { index: "audit/index.sqlite".to_owned(), index_ca_file: None, keep_reads_days: 1_096 }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Human, filter: "info".to_owned() }
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            path: "keys".into(),
            passphrase_file: None,
            validator: "validator".to_owned(),
            node: "node".to_owned(),
            cosigner: "cosigner".to_owned(),
            reads: None,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { request_ms: 20_000, stop_ms: 10_000 }
    }
}

/// The data folder when nobody names one: the user's own, else the current folder's `hefu`.
pub fn default_data_dir() -> PathBuf {
    let absolute =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .unwrap_or_default()
        .join("hefu")
}

/// Longest time that a log of reads is kept, in days: a century.
const MAX_KEEP_DAYS: u64 = 36_525;

/// A relation between settings that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Two listeners on one address.
    #[error("{0} and {1} are both on {2}")]
    SameAddress(&'static str, &'static str, SocketAddr),
    /// The operator's calls would be open to others.
    #[error("api.admin = {0}: only a loopback address is possible")]
    AdminNotLoopback(SocketAddr),
    /// Open reading for the whole network.
    #[error("api.read = \"open\" with api.listen = {0}: open reading is possible on loopback only")]
    OpenNotLoopback(SocketAddr),
    /// One token twice.
    #[error("api.tokens: {0} stands twice")]
    RepeatedToken(String),
    /// One label for two keys.
    #[error("two of keystore.validator, keystore.node and keystore.cosigner are \"{0}\"")]
    SameKey(String),
    /// Keys of `witness` that are none.
    #[error("witness: {0} is no verifier key (NAME+ID+KEY)")]
    WitnessKey(String),
    /// A log of `witness.logs` has no keys, or stands twice.
    #[error("witness.logs: {0} has no keys, or stands twice")]
    WitnessLog(String),
    /// A webhook that cannot be used, stands twice, or is one too many.
    #[error("webhooks: {0}")]
    Webhook(String),
    /// The province is none.
    #[error("region = {0}: not a province that can be a member")]
    Region(Region),
    /// A key of `p2p.peers` is no province, or an address is none.
    #[error("p2p.peers: {0}")]
    Peer(String),
    /// A number out of range.
    #[error("{0} is not between 1 and {1}")]
    Range(&'static str, u64),
}

impl NodeConfig {
    /// Checks what no single field can say.
    ///
    /// # Errors
    /// The first [`Conflict`].
    pub fn validate(&self) -> Result<(), Conflict> {
        let Api { listen, admin, .. } = self.api;
        let listeners = [
            ("p2p.listen", Some(self.p2p.listen)),
            ("api.listen", Some(listen)),
            ("api.admin", admin),
        ];
        for (place, (name, address)) in listeners.iter().enumerate() {
            let same = |(_, other): &&(&str, Option<SocketAddr>)| other == address;
            let Some(address) = address.filter(|address| address.port() != 0) else { continue };
            if let Some((other, _)) = listeners[..place].iter().find(same) {
                return Err(Conflict::SameAddress(other, name, address));
            }
        }
        if let Some(admin) = admin.filter(|admin| !admin.ip().is_loopback()) {
            return Err(Conflict::AdminNotLoopback(admin));
        }
        if self.api.read == ReadAccess::Open && !listen.ip().is_loopback() {
            return Err(Conflict::OpenNotLoopback(listen));
        }
        let Keys { validator, node, cosigner, .. } = &self.keystore;
        if validator == node || cosigner == node {
            return Err(Conflict::SameKey(node.clone()));
        }
        if validator == cosigner {
            return Err(Conflict::SameKey(cosigner.clone()));
        }
        if let Some(region) =
            self.region.filter(|r| !hefu_primitives::codes::region::is_member_eligible(*r))
        {
            return Err(Conflict::Region(region));
        }
        self.validate_lists()?;
        for (name, value, most) in [
            ("timeouts.request_ms", self.timeouts.request_ms, MAX_TIMEOUT_MS),
            ("timeouts.stop_ms", self.timeouts.stop_ms, MAX_TIMEOUT_MS),
            ("audit.keep_reads_days", u64::from(self.audit.keep_reads_days), MAX_KEEP_DAYS),
            ("api.max_requests", u64::from(self.api.max_requests), 65_535),
            (
                "api.submissions_per_second",
                u64::from(self.api.submissions_per_second),
                MAX_SUBMISSIONS_PER_SECOND,
            ),
        ] {
            if value == 0 || value > most {
                return Err(Conflict::Range(name, most));
            }
        }
        Ok(())
    }

    fn validate_witness(&self) -> Result<(), Conflict> {
        let Witnessing { logs, ask } = &self.witness;
        for (place, log) in logs.iter().enumerate() {
            if log.keys.is_empty() || logs.iter().take(place).any(|l| l.origin == log.origin) {
                return Err(Conflict::WitnessLog(log.origin.clone()));
            }
        }
        let keys = logs.iter().flat_map(|log| &log.keys).chain(ask.iter().map(|w| &w.key));
        match keys.into_iter().find(|key| key.parse::<VerifierKey>().is_err()) {
            Some(key) => Err(Conflict::WitnessKey(key.clone())),
            None => Ok(()),
        }
    }

    fn validate_webhooks(&self) -> Result<(), Conflict> {
        for (place, target) in self.webhooks.iter().enumerate() {
            let twice = self.webhooks.iter().take(place).any(|other| other.name == target.name);
            if place >= MAX_TARGETS || twice || !target.is_sound() {
                return Err(Conflict::Webhook(target.name.clone()));
            }
        }
        Ok(())
    }

    /// Webhooks, with the whole paths of their files.
    pub fn webhook_targets(&self) -> Vec<Target> {
        let whole = |target: &Target| {
            let ca_file = target.ca_file.as_ref().map(|file| self.resolve(file));
            Target { ca_file, ..target.clone() }
        };
        self.webhooks.iter().map(whole).collect()
    }

    fn validate_lists(&self) -> Result<(), Conflict> {
        self.validate_witness()?;
        self.validate_webhooks()?;
        for (place, token) in self.api.tokens.iter().enumerate() {
            let same = |t: &Token| t.name == token.name || t.digest == token.digest;
            if self.api.tokens[..place].iter().any(same) {
                return Err(Conflict::RepeatedToken(token.name.clone()));
            }
        }
        for (region, addresses) in &self.p2p.peers {
            let code = region.parse::<Region>().ok();
            if !code.is_some_and(hefu_primitives::codes::region::is_member_eligible) {
                return Err(Conflict::Peer(region.clone()));
            }
            let port = |a: &String| a.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
            if let Some(bad) = addresses.iter().find(|a| port(a).is_none_or(|port: u16| port == 0))
            {
                return Err(Conflict::Peer(bad.clone()));
            }
        }
        Ok(())
    }

    /// The genesis file.
    pub fn genesis_path(&self) -> PathBuf {
        self.resolve(&self.genesis)
    }

    /// The folder of encrypted keys.
    pub fn keystore_path(&self) -> PathBuf {
        self.resolve(&self.keystore.path)
    }

    /// The file of the passphrase, if one is named.
    pub fn passphrase_path(&self) -> Option<PathBuf> {
        self.keystore.passphrase_file.as_deref().map(|path| self.resolve(path))
    }

    /// The folder of licences' openings.
    pub fn vault_path(&self) -> PathBuf {
        self.resolve(Path::new("vault"))
    }

    /// The folder of blocks, log and index.
    pub fn store_path(&self) -> PathBuf {
        self.resolve(Path::new("store"))
    }

    /// Where the query index is; none when it is turned off.
    pub fn audit_location(&self) -> Option<hefu_audit::Location> {
        if self.audit.index.is_empty() {
            return None;
        }
        Some(match hefu_audit::Location::parse(&self.audit.index) {
            hefu_audit::Location::Sqlite(path) => hefu_audit::Location::Sqlite(self.resolve(&path)),
            hefu_audit::Location::Postgres(database) => {
                let ca_file = self.audit.index_ca_file.as_ref().map(|file| self.resolve(file));
                hefu_audit::Location::Postgres(hefu_audit::Database { ca_file, ..database })
            }
        })
    }

    fn resolve(&self, path: &Path) -> PathBuf {
        // Joining an absolute path gives that path.
        self.data_dir.join(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_valid_and_loopback() {
        let config = NodeConfig::default();
        assert_eq!(config.validate(), Ok(()));
        assert!(config.api.listen.ip().is_loopback() && config.p2p.listen.ip().is_loopback());
    }

    #[test]
    fn relations() {
        let broken = |change: fn(&mut NodeConfig)| {
            let mut config = NodeConfig::default();
            change(&mut config);
            config.validate().unwrap_err()
        };
        let any: SocketAddr = "0.0.0.0:8421".parse().unwrap();
        assert!(matches!(broken(|c| c.p2p.listen = c.api.listen), Conflict::SameAddress(..)));
        assert!(matches!(
            broken(|c| c.api.admin = Some(([10, 0, 0, 1], 9000).into())),
            Conflict::AdminNotLoopback(_)
        ));
        assert_eq!(
            broken(|c| {
                c.api.read = ReadAccess::Open;
                c.api.listen = ([0, 0, 0, 0], 8421).into();
            }),
            Conflict::OpenNotLoopback(any)
        );
        assert!(matches!(broken(|c| c.keystore.node = "validator".into()), Conflict::SameKey(_)));
        assert!(matches!(broken(|c| c.region = Some(Region(310_100))), Conflict::Region(_)));
        assert!(matches!(broken(|c| c.timeouts.stop_ms = 0), Conflict::Range(..)));
        assert!(matches!(broken(|c| c.audit.keep_reads_days = 0), Conflict::Range(..)));
        assert!(matches!(
            broken(|c| {
                c.p2p.peers.insert("310000".into(), vec!["host".into()]);
            }),
            Conflict::Peer(_)
        ));
        assert!(matches!(
            broken(|c| {
                let token = Token { name: "a".into(), digest: H32::ZERO };
                c.api.tokens = vec![token.clone(), token];
            }),
            Conflict::RepeatedToken(_)
        ));
    }

    #[test]
    fn paths_are_meant_from_the_data_folder() {
        let config = NodeConfig { data_dir: "/srv/hefu".into(), ..NodeConfig::default() };
        assert_eq!(config.genesis_path(), Path::new("/srv/hefu/genesis.json"));
        assert_eq!(config.keystore_path(), Path::new("/srv/hefu/keys"));
        let config = NodeConfig { genesis: "/etc/g.json".into(), ..config };
        assert_eq!(config.genesis_path(), Path::new("/etc/g.json"));
    }
}
