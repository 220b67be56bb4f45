//! What the layers below refuse, as faults: with the code, the exit and the words that tell an
//! operator what to do. Errors whose own words do are turned over as they are, in `app`.

use super::fault::Fault;
use crate::config::{ConfigError, Conflict};
use crate::keystore::{KeystoreError, PassphraseError};
use crate::runtime::RunError;
use crate::store::DiskTrouble;

impl From<Conflict> for Fault {
    fn from(conflict: Conflict) -> Self {
        let said = |key, arguments: &[(&'static str, &dyn core::fmt::Display)]| {
            Self::said("cli.config", key, arguments)
        };
        match &conflict {
            Conflict::SameAddress(one, other, address) => {
                said("config-same-address", &[("one", one), ("other", other), ("address", address)])
            }
            Conflict::AdminNotLoopback(address) => {
                said("config-admin-loopback", &[("address", address)])
            }
            Conflict::OpenNotLoopback(address) => {
                said("config-open-loopback", &[("address", address)])
            }
            Conflict::RepeatedToken(name) => said("config-repeated-token", &[("name", name)]),
            Conflict::SameKey(label) => said("config-same-key", &[("label", label)]),
            Conflict::WitnessKey(key) => said("config-witness-key", &[("key", key)]),
            Conflict::Webhook(name) => said("config-webhook", &[("name", name)]),
            Conflict::WitnessLog(log) => said("config-witness-log", &[("log", log)]),
            Conflict::Region(region) => said("config-region", &[("region", region)]),
            Conflict::Peer(peer) => said("config-peer", &[("peer", peer)]),
            Conflict::Range(setting, most) => {
                said("config-range", &[("setting", setting), ("most", most)])
            }
        }
    }
}

impl From<ConfigError> for Fault {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::File { path, source } if source.kind() == std::io::ErrorKind::NotFound => {
                Self::with("cli.no_config", path.display())
            }
            ConfigError::File { path, source } => Self::system("cli.file", path.display(), &source),
            ConfigError::UnknownKey { origin, key, suggestion } => match suggestion {
                Some(like) => Self::said(
                    "cli.config",
                    "config-unknown-like",
                    &[("origin", &origin), ("key", &key), ("like", &like)],
                ),
                None => Self::said(
                    "cli.config",
                    "config-unknown",
                    &[("origin", &origin), ("key", &key)],
                ),
            },
            ConfigError::Value(words) => Self::with("cli.config", words),
            ConfigError::Conflict(conflict) => conflict.into(),
        }
    }
}

impl From<PassphraseError> for Fault {
    fn from(error: PassphraseError) -> Self {
        let bad = |key| Self::said("cli.bad_passphrase", key, &[]);
        match &error {
            PassphraseError::Empty => bad("passphrase-empty"),
            PassphraseError::TooShort { least } => {
                Self::said("cli.bad_passphrase", "passphrase-short", &[("least", least)])
            }
            PassphraseError::TooLong => bad("passphrase-long"),
            PassphraseError::NotText => bad("passphrase-not-text"),
            PassphraseError::Differ => bad("passphrase-differ"),
            PassphraseError::NoSource => Self::new("cli.no_passphrase"),
            PassphraseError::File { path, source } => Self::file(path, source),
            PassphraseError::Terminal(_) => Self::below("cli.no_passphrase", &error),
        }
    }
}

impl From<KeystoreError> for Fault {
    fn from(error: KeystoreError) -> Self {
        match &error {
            KeystoreError::Unknown { folder } => {
                Self::said("cli.no_key", "key-unknown", &[("folder", &folder.display())])
            }
            KeystoreError::Exists { label } => {
                Self::said("cli.conflict", "key-exists", &[("label", label)])
            }
            KeystoreError::Io { path, source } => Self::file(path, source),
            KeystoreError::File { path, .. } if error.is_wrong_passphrase() => {
                Self::with("cli.passphrase", path.display())
            }
            _ => Self::below("cli.key", &error),
        }
    }
}

impl From<RunError> for Fault {
    fn from(error: RunError) -> Self {
        let disk = match &error {
            RunError::Halted { disk, .. } => *disk,
            other => DiskTrouble::behind(other),
        };
        match disk {
            Some(DiskTrouble::Full) => return Self::below("cli.disk_full", &error),
            Some(DiskTrouble::ReadOnly) => return Self::below("cli.disk_readonly", &error),
            None => {}
        }
        match error {
            RunError::FolderInUse { folder } => Self::with("cli.folder_in_use", folder.display()),
            RunError::PortInUse { address, setting, flag } => Self::said(
                "cli.port_in_use",
                "port-in-use",
                &[("address", &address), ("setting", &setting), ("flag", &flag)],
            ),
            RunError::Listen { address, setting, source } => {
                Self::system("cli.config", format_args!("{setting} = {address}"), &source)
            }
            RunError::NoGenesis { path } => Self::with("cli.no_genesis", path.display()),
            RunError::File { path, source } => Self::file(&path, &source),
            RunError::Genesis { path, source } => {
                Self::with("cli.genesis", format_args!("{}: {source}", path.display()))
            }
            RunError::Unsigned { path, missing } => {
                let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
                let arguments: [(_, &dyn core::fmt::Display); 2] =
                    [("file", &path.display()), ("missing", &missing.join(" "))];
                Self::said("cli.genesis", "genesis-unsigned", &arguments)
            }
            RunError::Passphrase(error) => error.into(),
            RunError::Keystore(error) => error.into(),
            RunError::NoNodeKey { label, folder } => {
                let arguments: [(_, &dyn core::fmt::Display); 2] =
                    [("label", &label), ("folder", &folder.display())];
                Self::said("cli.node_key", "node-key-missing", &arguments)
            }
            RunError::OtherNodeKey { region } => {
                Self::said("cli.node_key", "node-key-other", &[("region", &region)])
            }
            RunError::ForeignNodeKey { owner } => {
                Self::said("cli.node_key", "node-key-foreign", &[("owner", &owner)])
            }
            RunError::OtherValidatorKey { region } => {
                Self::said("cli.node_key", "validator-key-other", &[("region", &region)])
            }
            RunError::Peer { region, address } => Self::said(
                "cli.config",
                "config-peer",
                &[("peer", &format_args!("{region}: {address}"))],
            ),
            RunError::Halted { reason, own_signature: true, .. } => {
                Self::said("cli.own_signature", "halted", &[("reason", &reason)])
            }
            RunError::Halted { reason, .. } => {
                Self::said("cli.halted", "halted", &[("reason", &reason)])
            }
            RunError::Runtime(source) => Self::system("cli.fault", "tokio", &source),
            damaged @ RunError::Damaged { .. } => Self::below("cli.blocks_damaged", &damaged),
            other @ (RunError::Node(_) | RunError::Flush(_)) => Self::below("cli.fault", &other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::exit::Exit;
    use crate::text::Lang;

    /// A log that was put back from an old copy, or a key that runs twice, has a code and a remedy of
    /// its own: starting again at once would be the wrong one.
    #[test]
    fn a_signature_that_the_log_does_not_know_is_named() {
        use crate::core::Halted;
        use hefu_primitives::{Height, Round};
        let (height, round) = (Height(9), Round(0));
        let halt = hefu_consensus::Halt::UnknownOwnSignature { what: "prevote", height, round };
        let Halted { reason, disk, own_signature } = Halted::from(&halt);
        let fault = Fault::from(RunError::Halted { reason, disk, own_signature });
        assert_eq!((fault.code.as_str(), fault.exit), ("cli.own_signature", Exit::Fault));
        let Halted { reason, disk, own_signature } = Halted::because("another reason");
        let fault = Fault::from(RunError::Halted { reason, disk, own_signature });
        assert_eq!(fault.code.as_str(), "cli.halted");
    }

    #[test]
    fn a_disk_that_is_full_or_read_only_is_named_while_running_and_at_start() {
        use crate::core::{CoreError, Halted};
        use crate::runtime::NodeError;
        use crate::store::{EngineFault, EngineKind, FileOp, StoreError};
        use std::io;
        for (kind, code) in [
            (io::ErrorKind::StorageFull, "cli.disk_full"),
            (io::ErrorKind::ReadOnlyFilesystem, "cli.disk_readonly"),
            (io::ErrorKind::PermissionDenied, ""),
        ] {
            let file = || StoreError::Io {
                op: FileOp::Append,
                file: "wal-0.log".into(),
                source: kind.into(),
            };
            let engine = EngineFault::Io(kind.into());
            let engine = StoreError::Engine { engine: EngineKind::Fjall, fault: engine };
            let folder = NodeError::Folder { path: "blocks".into(), error: kind.into() };
            let halted = Halted::from(&CoreError::from(file()));
            let Halted { reason, disk, own_signature } = halted;
            let errors = [
                RunError::Halted { reason, disk, own_signature },
                RunError::Node(NodeError::from(file())),
                RunError::Node(NodeError::from(engine)),
                RunError::Node(folder),
            ];
            for error in errors {
                let shown = format!("{error:?}");
                let fault = Fault::from(error);
                assert_eq!(fault.exit, Exit::Fault, "{shown}");
                let is_disk = ["cli.disk_full", "cli.disk_readonly"].contains(&fault.code.as_str());
                assert_eq!(if is_disk { fault.code.as_str() } else { "" }, code, "{shown}");
            }
        }
    }

    #[test]
    fn what_stands_in_the_way_of_a_node_is_named_with_its_exit() {
        let address = "127.0.0.1:8421".parse().unwrap();
        let cases = [
            (
                RunError::PortInUse { address, setting: "api.listen", flag: "--api-listen" },
                "cli.port_in_use",
                Exit::Fault,
                ["127.0.0.1:8421", "--api-listen"],
            ),
            (
                RunError::FolderInUse { folder: "/data/sh".into() },
                "cli.folder_in_use",
                Exit::Unsafe,
                ["/data/sh", "hefu status"],
            ),
            (
                RunError::NoGenesis { path: "/data/g.json".into() },
                "cli.no_genesis",
                Exit::NotFound,
                ["/data/g.json", "hefu init"],
            ),
        ];
        for (error, code, exit, parts) in cases {
            let fault = Fault::from(error);
            assert_eq!((fault.code.as_str(), fault.exit), (code, exit));
            for lang in Lang::ALL {
                let report = fault.report(lang);
                assert!(parts.iter().all(|part| report.contains(part)), "{report}");
            }
        }
    }

    #[test]
    fn relations_between_settings_are_told_in_the_users_language() {
        let any = "0.0.0.0:1".parse().unwrap();
        let conflicts = [
            Conflict::SameAddress("api.listen", "api.admin", any),
            Conflict::AdminNotLoopback(any),
            Conflict::OpenNotLoopback(any),
            Conflict::RepeatedToken("a".into()),
            Conflict::SameKey("a".into()),
            Conflict::Region(hefu_primitives::Region(1)),
            Conflict::Peer("a".into()),
            Conflict::Range("timeouts.stop_ms", 1),
        ];
        for conflict in conflicts {
            let fault = Fault::from(conflict);
            assert_eq!(fault.exit, Exit::Usage);
            let text = fault.detail.unwrap().text(Lang::Zh);
            assert!(text.chars().any(|c| c > '\u{2e80}'), "{text}");
        }
    }

    #[test]
    fn wrong_missing_and_unfit_passphrases_are_told_apart() {
        let code = |error| Fault::from(error).code;
        assert_eq!(code(PassphraseError::NoSource), "cli.no_passphrase");
        assert_eq!(code(PassphraseError::TooShort { least: 12 }), "cli.bad_passphrase");
        let missing =
            PassphraseError::File { path: "p".into(), source: std::io::ErrorKind::NotFound.into() };
        assert_eq!(Fault::from(missing).exit, Exit::NotFound);
    }
}
