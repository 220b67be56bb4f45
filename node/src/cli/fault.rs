//! What went wrong: a stable code, with whatever particulars the code's text cannot know.
//!
//! The cause and the remedy of a code stand in the catalogue. Particulars are a text of the
//! catalogue too where people often meet them, what the operating system says of a file, or the
//! words of the layer below as they are ([`Detail`]).

use std::io;
use std::path::Path;

use super::exit::Exit;
use crate::text::{self, Lang};

/// Particulars of a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// The words of the layer below, a path, a place in a file: the same in every language.
    Plain(String),
    /// What a node said, in English; the catalogue may have it in the user's language.
    Node(String),
    /// A text of the catalogue, with its arguments.
    Said(&'static str, Vec<(&'static str, String)>),
    /// Particulars of a part: its name in the catalogue, and what is wrong with it.
    Of(&'static str, Box<Detail>),
    /// What the operating system says of something.
    System {
        /// The something: a file, an address.
        what: String,
        /// What kind of trouble; a text for it may be in the catalogue.
        kind: io::ErrorKind,
        /// The system's own words, for kinds without a text.
        words: String,
    },
}

impl Detail {
    /// The particulars in a language.
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::Plain(text) => text.clone(),
            Self::Node(text) => text::said(lang, text).unwrap_or_else(|| text.clone()),
            Self::Said(key, arguments) => {
                let arguments: Vec<(&str, &str)> =
                    arguments.iter().map(|(name, value)| (*name, value.as_str())).collect();
                text::text(lang, key, &arguments)
            }
            Self::Of(part, detail) => {
                format!("{}: {}", text::text(lang, part, &[]), detail.text(lang))
            }
            Self::System { what, kind, words } => {
                let key = system_key(*kind);
                let words = key.and_then(|key| text::find(lang, key)).unwrap_or(words);
                if what.is_empty() { words.to_owned() } else { format!("{what}: {words}") }
            }
        }
    }
}

const fn system_key(kind: io::ErrorKind) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::NotFound => "system-not-found",
        io::ErrorKind::PermissionDenied => "system-denied",
        io::ErrorKind::AlreadyExists => "system-exists",
        io::ErrorKind::AddrInUse => "system-port-in-use",
        io::ErrorKind::AddrNotAvailable => "system-no-such-address",
        io::ErrorKind::ConnectionRefused => "system-refused",
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => "system-cut",
        io::ErrorKind::TimedOut => "system-timed-out",
        io::ErrorKind::WouldBlock => "system-in-use",
        io::ErrorKind::IsADirectory => "system-is-folder",
        io::ErrorKind::NotADirectory => "system-no-folder",
        io::ErrorKind::StorageFull => "system-full",
        io::ErrorKind::ReadOnlyFilesystem => "system-read-only",
        _ => return None,
    })
}

/// A failed command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The stable code.
    pub code: String,
    /// How the program ends.
    pub exit: Exit,
    /// Particulars; in a box, because every command's result has room for a fault.
    pub detail: Option<Box<Detail>>,
    /// The transaction it is about.
    pub tx: Option<String>,
    /// Which act of the transaction.
    pub act: Option<u64>,
    /// The height at which a refusal was recorded; none when nothing was.
    pub height: Option<String>,
    /// The step at which something checked was found not to hold.
    pub step: Option<&'static str>,
}

/// The result of a command.
pub(crate) type Done = Result<Exit, Fault>;

impl Fault {
    /// A fault with a code of the catalogue.
    pub fn new(code: impl Into<String>) -> Self {
        let code = code.into();
        let exit = Exit::of_code(&code);
        Self { code, exit, detail: None, tx: None, act: None, height: None, step: None }
    }

    /// A fault with particulars.
    pub fn with(code: impl Into<String>, detail: impl core::fmt::Display) -> Self {
        Self { detail: Some(Box::new(Detail::Plain(detail.to_string()))), ..Self::new(code) }
    }

    /// A fault whose particulars are a text of the catalogue.
    pub fn said(
        code: impl Into<String>,
        key: &'static str,
        arguments: &[(&'static str, &dyn core::fmt::Display)],
    ) -> Self {
        let arguments = arguments.iter().map(|(name, value)| (*name, value.to_string())).collect();
        Self { detail: Some(Box::new(Detail::Said(key, arguments))), ..Self::new(code) }
    }

    /// A fault whose particulars were told elsewhere.
    pub fn about(code: impl Into<String>, detail: impl Into<Detail>) -> Self {
        Self { detail: Some(Box::new(detail.into())), ..Self::new(code) }
    }

    /// A fault whose particulars are the operating system's about something.
    pub fn system(code: impl Into<String>, what: impl ToString, error: &io::Error) -> Self {
        let (what, kind, words) = (what.to_string(), error.kind(), error.to_string());
        Self { detail: Some(Box::new(Detail::System { what, kind, words })), ..Self::new(code) }
    }

    /// Flags that are missing: `because` says what asks for them.
    pub fn needs(flags: &str, because: &'static str) -> Self {
        Self::said("cli.needs", because, &[("flags", &flags)])
    }

    /// A file that cannot be read or written.
    pub fn file(path: &Path, error: &io::Error) -> Self {
        let code = match error.kind() {
            io::ErrorKind::NotFound => "cli.no_file",
            io::ErrorKind::AlreadyExists => "cli.conflict",
            _ => "cli.file",
        };
        Self::system(code, path.display(), error)
    }

    /// An error of a layer below, with its causes. What the system says is said in the user's
    /// language.
    pub fn below(code: &str, error: &(dyn core::error::Error + 'static)) -> Self {
        let (what, system) = split(error);
        match system {
            Some(system) => Self::system(code, what, system),
            None => Self::with(code, what),
        }
    }

    /// What is wrong, in one line.
    pub fn message(&self, lang: Lang) -> String {
        let cause = text::explain(lang, &self.code).map_or(self.code.as_str(), |(cause, _)| cause);
        let cause = cause.replace('\n', " ");
        match &self.detail {
            Some(detail) => format!("{cause} [{}]", detail.text(lang)),
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
            line("error-detail", &detail.text(lang));
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
            "detail": self.detail.as_ref().map(|detail| detail.text(lang)),
            "tx": self.tx,
            "act": self.act,
            "height": self.height,
            "step": self.step,
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

/// What an error and its causes say, each once, up to what the operating system says, which is
/// apart when it is the last of them.
fn split<'a>(error: &'a (dyn core::error::Error + 'static)) -> (String, Option<&'a io::Error>) {
    let mut causes = vec![error];
    while let Some(cause) = causes.last().and_then(|last| last.source()) {
        causes.push(cause);
    }
    let system = causes.last().and_then(|last| last.downcast_ref::<io::Error>());
    let known = system.filter(|system| system_key(system.kind()).is_some());
    let Some(system) = known else { return (chain(error), None) };
    let words = system.to_string();
    let what = chain(error);
    let what = what.strip_suffix(&words).map(|what| what.trim_end_matches(": ").to_owned());
    match what {
        Some(what) => (what, Some(system)),
        None => (chain(error), None),
    }
}

impl From<anyhow::Error> for Fault {
    fn from(error: anyhow::Error) -> Self {
        Self::below("cli.fault", error.as_ref())
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

    #[test]
    fn what_the_system_says_is_said_in_the_users_language() {
        let missing = Fault::file(Path::new("a.json"), &io::ErrorKind::NotFound.into());
        assert_eq!(missing.code, "cli.no_file");
        let zh = missing.report(Lang::Zh);
        assert!(zh.contains("a.json: 不存在") && !zh.contains("entity"), "{zh}");
        assert!(missing.report(Lang::En).contains("a.json: does not exist"));
        let locked = crate::keystore::PassphraseError::File {
            path: "p".into(),
            source: io::ErrorKind::PermissionDenied.into(),
        };
        let zh = Fault::below("cli.file", &locked).message(Lang::Zh);
        assert!(zh.contains("权限"), "{zh}");
        let odd = Fault::file(Path::new("b"), &io::Error::other("broken disk")).message(Lang::Zh);
        assert!(odd.contains("b: broken disk"), "{odd}");
    }
}
