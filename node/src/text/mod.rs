//! Every text a person reads, in Chinese and English, from one catalogue.
//!
//! Invariants:
//! 1. Both languages have the same keys and ask for the same arguments; a test says so.
//! 2. Every contract code and every code of the HTTP interface has a cause and a remedy.
//! 3. A missing key shows itself as the key: nothing fails because a text does.
//!
//! The files in `locales/` are Fluent; the small part of it used here needs no library
//! (`parse`). This module does not know who asks, nor where the text goes.

mod parse;

use std::sync::OnceLock;

use parse::Messages;

/// Codes of the HTTP interface that are not contract codes.
pub const API_CODES: &[&str] = &[
    "api.not_found",
    "api.bad_request",
    "api.unknown_field",
    "api.too_large",
    "api.unauthorised",
    "api.forbidden",
    "api.signature",
    "api.mandate_none",
    "api.mandate_over",
    "api.mandate_path",
    "api.mandate_kind",
    "api.mandate_member",
    "api.mandate_period",
    "api.busy",
    "api.timeout",
    "api.height_in_future",
    "api.pruned",
    "api.unavailable",
    "api.internal",
];

/// Codes of the command line itself.
pub const CLI_CODES: &[&str] = &[
    "cli.audit_failed",
    "cli.audit_parameter",
    "cli.audit_parameter_missing",
    "cli.audit_question",
    "cli.bad_answer",
    "cli.bad_passphrase",
    "cli.bench",
    "cli.bench_disagrees",
    "cli.bench_lost",
    "cli.blocks_damaged",
    "cli.canceled",
    "cli.check_failed",
    "cli.config",
    "cli.conflict",
    "cli.demo_disagrees",
    "cli.demo_state",
    "cli.disk_full",
    "cli.disk_readonly",
    "cli.fault",
    "cli.file",
    "cli.folder_in_use",
    "cli.fork",
    "cli.export_part",
    "cli.genesis",
    "cli.halted",
    "cli.input",
    "cli.invalid",
    "cli.journal",
    "cli.key",
    "cli.licence_cells",
    "cli.licence_code",
    "cli.licence_columns",
    "cli.licence_control",
    "cli.licence_day",
    "cli.licence_days",
    "cli.licence_empty",
    "cli.licence_fields",
    "cli.licence_kind",
    "cli.licence_missing_key",
    "cli.licence_not_json",
    "cli.licence_not_utf",
    "cli.licence_range",
    "cli.licence_repeated_key",
    "cli.licence_too_large",
    "cli.licence_too_long",
    "cli.licence_unknown_key",
    "cli.log_missing",
    "cli.needs",
    "cli.needs_terminal",
    "cli.no_config",
    "cli.no_data_dir",
    "cli.no_demo",
    "cli.no_file",
    "cli.no_font",
    "cli.no_genesis",
    "cli.no_key",
    "cli.no_passphrase",
    "cli.no_scenario",
    "cli.no_vault",
    "cli.node_key",
    "cli.node_runs",
    "cli.not_final",
    "cli.not_found",
    "cli.own_signature",
    "cli.passphrase",
    "cli.port_in_use",
    "cli.presentation",
    "cli.report",
    "cli.scenario",
    "cli.stale",
    "cli.tls",
    "cli.unknown_code",
    "cli.unreachable",
    "cli.usage",
    "cli.vault",
    "cli.which",
];

/// A language we speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Lang {
    /// Simplified Chinese.
    #[default]
    Zh,
    /// English.
    En,
}

impl Lang {
    /// Both.
    pub const ALL: [Lang; 2] = [Lang::Zh, Lang::En];

    /// The tag: `zh` or `en`.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Zh => "zh",
            Self::En => "en",
        }
    }

    /// The language of a tag or locale name: `zh`, `zh_CN.UTF-8`, `en-GB`; none for others.
    pub fn of(locale: &str) -> Option<Self> {
        let tag = locale.split(['_', '-', '.', '@']).next().unwrap_or_default();
        match tag.to_ascii_lowercase().as_str() {
            "zh" => Some(Self::Zh),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// Picks a language: what the caller asks for, `HEFU_LANG`, `LC_ALL`, `LANG`, else Chinese.
    /// A locale of another language, such as `C`, decides nothing.
    pub fn choose(asked: Option<Lang>, variable: impl Fn(&str) -> Option<String>) -> Self {
        let named = |name: &str| variable(name).and_then(|value| Self::of(&value));
        asked
            .or_else(|| named("HEFU_LANG"))
            .or_else(|| named("LC_ALL"))
            .or_else(|| named("LANG"))
            .unwrap_or_default()
    }
}

impl core::str::FromStr for Lang {
    type Err = UnknownLang;

    fn from_str(text: &str) -> Result<Self, UnknownLang> {
        Self::of(text).ok_or(UnknownLang)
    }
}

/// A language we do not speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("zh or en")]
pub struct UnknownLang;

/// The text of a key; the key itself when there is none.
pub fn text(lang: Lang, key: &str, arguments: &[(&str, &str)]) -> String {
    match find(lang, key) {
        Some(text) if arguments.is_empty() => text.to_owned(),
        Some(text) => parse::fill(text, arguments),
        None => key.to_owned(),
    }
}

/// The text of a key without arguments, if there is one.
pub fn find(lang: Lang, key: &str) -> Option<&'static str> {
    messages(lang).get(key).map(String::as_str)
}

/// Cause and remedy of a code (`E415`, `api.busy`, `cli.usage`), if it is one of ours.
pub fn explain(lang: Lang, code: &str) -> Option<(&'static str, &'static str)> {
    let key = code.replace('.', "-");
    Some((find(lang, &key)?, find(lang, &format!("{key}.remedy"))?))
}

/// What a node says of an occurrence, in a language; nothing when the catalogue does not know it.
pub fn said(lang: Lang, english: &str) -> Option<String> {
    said_of("api-said-", lang, english)
}

/// Why a proof does not hold, in a language; as the library says it when the catalogue does not
/// know that.
pub fn proof_said(lang: Lang, error: &dyn core::fmt::Display) -> String {
    let english = error.to_string();
    match lang {
        Lang::En => english,
        Lang::Zh => said_of("proof-said-", lang, &english).unwrap_or(english),
    }
}

/// The first pattern under a prefix that an English sentence fits, in a language.
fn said_of(prefix: &str, lang: Lang, english: &str) -> Option<String> {
    let sayings = messages(Lang::En).range(prefix.to_owned()..);
    let mut sayings = sayings.take_while(|(key, _)| key.starts_with(prefix));
    sayings.find_map(|(key, pattern)| {
        let arguments = parse::arguments(pattern, english)?;
        // What is named may be in the catalogue too: "block". It is shorter than what holds it.
        let word = |value: &str| said_of(prefix, lang, value).unwrap_or_else(|| value.to_owned());
        let arguments: Vec<(&str, String)> =
            arguments.into_iter().map(|(name, value)| (name, word(value))).collect();
        let arguments: Vec<(&str, &str)> =
            arguments.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Some(text(lang, key, &arguments))
    })
}

/// Every code there is a text for: contract codes, then those of the interface and the program.
pub fn all_codes() -> Vec<String> {
    let contract = hefu_contracts::Code::ALL.iter().map(|code| format!("E{}", code.number()));
    contract.chain(API_CODES.iter().chain(CLI_CODES).map(|code| (*code).to_owned())).collect()
}

macro_rules! files {
    ($lang:literal: $($name:literal)*) => {
        [$(include_str!(concat!("../../locales/", $lang, "/", $name, ".ftl")),)*]
    };
}

fn messages(lang: Lang) -> &'static Messages {
    static ZH: OnceLock<Messages> = OnceLock::new();
    static EN: OnceLock<Messages> = OnceLock::new();
    match lang {
        Lang::Zh => ZH.get_or_init(|| {
            read(
                &files!("zh": "codes" "api" "cli" "help" "words" "fields" "said" "proofs" "scenes" "values"),
            )
        }),
        Lang::En => EN.get_or_init(|| {
            read(
                &files!("en": "codes" "api" "cli" "help" "words" "fields" "said" "proofs" "scenes" "values"),
            )
        }),
    }
}

/// The files are part of the program and a test parses them; what a broken one held before the
/// break is still used.
fn read(files: &[&str]) -> Messages {
    let mut messages = Messages::new();
    for file in files {
        let parsed = parse::parse(file, &mut messages);
        debug_assert_eq!(parsed, Ok(()), "{}", file.lines().next().unwrap_or_default());
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_have_the_same_keys_and_arguments() {
        let (zh, en) = (messages(Lang::Zh), messages(Lang::En));
        let keys = |of: &Messages, other: &Messages| -> Vec<String> {
            of.keys().filter(|key| !other.contains_key(*key)).cloned().collect()
        };
        assert_eq!(keys(zh, en), Vec::<String>::new(), "only in zh");
        assert_eq!(keys(en, zh), Vec::<String>::new(), "only in en");
        for (key, text) in zh {
            assert_eq!(parse::placeholders(text), parse::placeholders(&en[key]), "{key}");
            assert!(!text.is_empty() && !en[key].is_empty(), "{key}");
        }
    }

    #[test]
    fn every_code_has_cause_and_remedy() {
        for lang in Lang::ALL {
            let missing: Vec<String> =
                all_codes().into_iter().filter(|code| explain(lang, code).is_none()).collect();
            assert_eq!(missing, Vec::<String>::new(), "no text in locales/{}", lang.tag());
        }
    }

    #[test]
    fn no_code_that_does_not_exist_is_explained() {
        let codes: Vec<String> = all_codes().iter().map(|code| code.replace('.', "-")).collect();
        for key in messages(Lang::Zh).keys() {
            if let Some(code) = key.strip_suffix(".remedy") {
                assert!(codes.iter().any(|known| known == code), "{code} is no code");
            }
        }
    }

    #[test]
    fn choosing_a_language() {
        let none = |_: &str| None;
        assert_eq!(Lang::choose(None, none), Lang::Zh);
        assert_eq!(Lang::choose(Some(Lang::En), none), Lang::En);
        let environment = |pairs: &'static [(&str, &str)]| {
            move |name: &str| {
                pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            }
        };
        let chosen = |pairs| Lang::choose(None, environment(pairs));
        assert_eq!(chosen(&[("LANG", "en_GB.UTF-8")]), Lang::En);
        assert_eq!(chosen(&[("LANG", "en_GB.UTF-8"), ("LC_ALL", "zh_CN.UTF-8")]), Lang::Zh);
        assert_eq!(chosen(&[("HEFU_LANG", "en"), ("LC_ALL", "zh_CN")]), Lang::En);
        assert_eq!(chosen(&[("LC_ALL", "C"), ("LANG", "en_US")]), Lang::En);
        assert_eq!(chosen(&[("LC_ALL", "C.UTF-8")]), Lang::Zh);
        let with_flag = Lang::choose(Some(Lang::Zh), environment(&[("HEFU_LANG", "en")]));
        assert_eq!(with_flag, Lang::Zh);
    }

    #[test]
    fn what_a_node_said_is_said_in_chinese() {
        let zh = |english| said(Lang::Zh, english);
        assert_eq!(zh("the node is stopping").as_deref(), Some("节点正在停止"));
        assert_eq!(zh("block: there is none here").as_deref(), Some("区块:没有此项"));
        assert_eq!(zh("/x/y: there is none here").as_deref(), Some("/x/y:没有此项"));
        assert_eq!(zh("leaf 3 of 2: there is none here").as_deref(), Some("叶 3(共 2):没有此项"));
        assert_eq!(zh("POST is not possible on /x").as_deref(), Some("/x 不接受 POST"));
        assert_eq!(zh("something else"), None);
        assert_eq!(said(Lang::En, "the node is stopping").as_deref(), Some("the node is stopping"));
    }

    /// Every sentence of the errors that a proof can fail with, with a 7 for whatever it names.
    #[test]
    fn what_a_proof_fails_with_is_said_in_chinese() {
        let sources = [
            "capsule/mod.rs",
            "codec.rs",
            "evidence.rs",
            "evidence_file.rs",
            "light/fork.rs",
            "light/state.rs",
            "light/verify.rs",
            "log/mod.rs",
            "log/proof.rs",
            "map/proof.rs",
            "transaction.rs",
            "transparency/checkpoint.rs",
            "transparency/note.rs",
            "transparency/receipt.rs",
            "validators.rs",
            "vote.rs",
        ];
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../primitives/src");
        let mut count = 0;
        for source in sources {
            let text = std::fs::read_to_string(folder.join(source)).expect(source);
            for part in text.split("#[error(").skip(1) {
                let part = part.trim_start();
                let Some((sentence, _)) = part.strip_prefix('"').and_then(|p| p.split_once('"'))
                else {
                    assert!(part.starts_with("transparent"), "{source}: {part:.60}");
                    continue;
                };
                let mut sample = String::new();
                for (index, piece) in sentence.split(['{', '}']).enumerate() {
                    sample.push_str(if index % 2 == 0 { piece } else { "7" });
                }
                let zh = proof_said(Lang::Zh, &sample);
                assert_ne!(zh, sample, "{source}: no Chinese for it");
                count += 1;
            }
        }
        assert!(count > 60, "{count}");
        let zh = |english: &str| proof_said(Lang::Zh, &english);
        assert_eq!(zh("header 9: power 2 signed; 3 are needed"), "区块头 9:签名的权重为 2,需要 3");
        assert_eq!(zh("encoding: not the canonical encoding"), "编码:不是规范编码");
        assert_eq!(zh("something else"), "something else");
        assert_eq!(proof_said(Lang::En, &"proof: x"), "proof: x");
    }

    #[test]
    fn a_missing_text_shows_its_key() {
        assert_eq!(text(Lang::En, "no-such-key", &[]), "no-such-key");
        assert_eq!(explain(Lang::En, "E999"), None);
    }
}
