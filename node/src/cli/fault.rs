//! What went wrong: a stable code, with whatever particulars the code's text cannot know.
//!
//! The cause and the remedy of a code stand in the catalogue. Particulars are the words of the
//! layer below, a path, a place in a file; they are shown as they are.

use std::io;
use std::path::Path;

use super::exit::Exit;
use crate::text::{self, Lang};

/// A failed command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The stable code.
    pub code: String,
    /// How the program ends.
    pub exit: Exit,
    /// Particulars.
    pub detail: Option<String>,
    /// The transaction it is about.
    pub tx: Option<String>,
    /// Which act of the transaction.
    pub act: Option<u64>,
    /// The height at which a refusal was recorded; none when nothing was.
    pub height: Option<String>,
}

/// The result of a command.
pub(crate) type Done = Result<Exit, Fault>;

impl Fault {
    /// A fault with a code of the catalogue.
    pub fn new(code: impl Into<String>) -> Self {
        let code = code.into();
        let exit = Exit::of_code(&code);
        Self { code, exit, detail: None, tx: None, act: None, height: None }
    }

    /// A fault with particulars.
    pub fn with(code: impl Into<String>, detail: impl core::fmt::Display) -> Self {
        Self { detail: Some(detail.to_string()), ..Self::new(code) }
    }

    /// A file that cannot be read or written.
    pub fn file(path: &Path, error: &io::Error) -> Self {
        let code = match error.kind() {
            io::ErrorKind::NotFound => "cli.not_found",
            io::ErrorKind::AlreadyExists => "cli.conflict",
            _ => "cli.file",
        };
        Self::with(code, format_args!("{}: {error}", path.display()))
    }

    /// An error of a layer below, with its causes.
    pub fn below(code: &str, error: &(dyn core::error::Error + 'static)) -> Self {
        Self::with(code, chain(error))
    }

    /// What is wrong, in one line.
    pub fn message(&self, lang: Lang) -> String {
        let cause = text::explain(lang, &self.code).map_or(self.code.as_str(), |(cause, _)| cause);
        let cause = cause.replace('\n', " ");
        match &self.detail {
            Some(detail) => format!("{cause} [{detail}]"),
            None => cause,
        }
    }

    /// What to do about it.
    pub fn remedy(&self, lang: Lang) -> String {
        text::explain(lang, &self.code).map_or_else(String::new, |(_, remedy)| remedy.to_owned())
    }

    /// The fault for people: cause, particulars, remedy.
    pub fn report(&self, lang: Lang) -> String {
        let label = |key: &str| text::text(lang, key, &[]);
        let name = contract_name(&self.code).map_or_else(String::new, |name| format!(" {name}"));
        let cause = text::explain(lang, &self.code).map_or("", |(cause, _)| cause);
        let mut lines = vec![format!("{} {}{name}: {cause}", label("error"), self.code)];
        let mut line = |key: &str, value: &str| {
            lines.push(format!("  {}: {}", label(key), value.replace('\n', "\n    ")));
        };
        if let Some(detail) = &self.detail {
            line("error-detail", detail);
        }
        if let Some(tx) = &self.tx {
            let act = self.act.map_or_else(String::new, |act| format!(" #{act}"));
            line("error-tx", &format!("{tx}{act}"));
        }
        if let Some(height) = &self.height {
            line("error-height", height);
        }
        if let Some((_, remedy)) = text::explain(lang, &self.code) {
            line("error-remedy", remedy);
        }
        lines.join("\n")
    }

    /// The fault for programs.
    pub fn to_json(&self, lang: Lang) -> serde_json::Value {
        serde_json::json!({
            "code": self.code,
            "message": self.message(lang),
            "remedy": self.remedy(lang),
            "detail": self.detail,
            "tx": self.tx,
            "act": self.act,
            "height": self.height,
            "exit": self.exit.number(),
        })
    }
}

/// The name of a contract code: `NO_RELYING_MANDATE`.
pub(crate) fn contract_name(code: &str) -> Option<String> {
    let number = code.strip_prefix('E')?.parse().ok()?;
    hefu_contracts::Code::from_number(number).map(hefu_contracts::Code::name)
}

/// An error and its causes, each said once.
pub(crate) fn chain(error: &(dyn core::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        source = cause.source();
    }
    text
}

impl From<anyhow::Error> for Fault {
    fn from(error: anyhow::Error) -> Self {
        use crate::keystore::{KeystoreError, PassphraseError};
        let passphrase = error.chain().any(|cause| {
            let wrong = cause.downcast_ref::<KeystoreError>();
            cause.is::<PassphraseError>() || wrong.is_some_and(KeystoreError::is_wrong_passphrase)
        });
        let damaged = error.chain().any(|cause| {
            let node = cause.downcast_ref::<crate::runtime::NodeError>();
            node.is_some_and(crate::runtime::NodeError::is_of_damaged_blocks)
        });
        let code = match () {
            () if passphrase => "cli.passphrase",
            () if damaged => "cli.blocks_damaged",
            () => "cli.fault",
        };
        Self::with(code, format_args!("{error:#}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_code_cause_and_remedy_in_both_languages() {
        for lang in Lang::ALL {
            let report = Fault::with("E415", "x").report(lang);
            let (cause, remedy) = text::explain(lang, "E415").unwrap();
            for part in ["E415 NO_RELYING_MANDATE", cause, remedy, "x"] {
                assert!(report.contains(part), "{report}");
            }
        }
    }

    #[test]
    fn files_that_are_missing_or_in_the_way() {
        let fault = |kind: io::ErrorKind| Fault::file(Path::new("a"), &kind.into()).exit;
        assert_eq!(fault(io::ErrorKind::NotFound), Exit::NotFound);
        assert_eq!(fault(io::ErrorKind::AlreadyExists), Exit::Unsafe);
        assert_eq!(fault(io::ErrorKind::PermissionDenied), Exit::Fault);
    }
}
