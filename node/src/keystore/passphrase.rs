//! Where a passphrase comes from.
//!
//! In this order: a file the caller names, `HEFU_PASSPHRASE`, the file that `HEFU_PASSPHRASE_FILE`
//! names, a question at the terminal. A passphrase is wiped when dropped and never printed; it is
//! never an argument of a command, where other users could read it.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use zeroize::{Zeroize, Zeroizing};

/// Environment variable that holds the passphrase itself.
pub const PASSPHRASE_VARIABLE: &str = "HEFU_PASSPHRASE";
/// Environment variable that names a file with the passphrase.
pub const PASSPHRASE_FILE_VARIABLE: &str = "HEFU_PASSPHRASE_FILE";
/// Longest passphrase, in bytes of UTF-8.
pub const MAX_PASSPHRASE_BYTES: usize = 1024;

/// Least length of a passphrase for something new: letters and digits count one, others (Chinese
/// characters) two.
pub const MIN_PASSPHRASE_LENGTH: usize = 12;

/// A passphrase: not empty, bounded, wiped when dropped.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes a text that is not empty and not too long.
    ///
    /// # Errors
    /// [`PassphraseError::Empty`] or [`PassphraseError::TooLong`].
    pub fn new(mut text: String) -> Result<Self, PassphraseError> {
        let fault = match text.len() {
            0 => PassphraseError::Empty,
            length if length > MAX_PASSPHRASE_BYTES => PassphraseError::TooLong,
            _ => return Ok(Self(Zeroizing::new(text))),
        };
        text.zeroize();
        Err(fault)
    }

    /// Whether something new may be sealed with it. What is sealed already opens with any.
    ///
    /// # Errors
    /// [`PassphraseError::TooShort`].
    pub fn check_new(&self) -> Result<(), PassphraseError> {
        let length: usize = self.0.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
        let least = MIN_PASSPHRASE_LENGTH;
        if length < least { Err(PassphraseError::TooShort { least }) } else { Ok(()) }
    }

    /// The text.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl core::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

/// Why there is no passphrase.
#[derive(Debug, thiserror::Error)]
pub enum PassphraseError {
    /// An empty one protects nothing.
    #[error("the passphrase is empty")]
    Empty,
    /// Too short for something new.
    #[error("the passphrase is shorter than {least} characters (a Chinese one counts two)")]
    TooShort {
        /// The least length.
        least: usize,
    },
    /// Longer than [`MAX_PASSPHRASE_BYTES`].
    #[error("the passphrase has more than {MAX_PASSPHRASE_BYTES} bytes")]
    TooLong,
    /// Not UTF-8.
    #[error("the passphrase is not UTF-8")]
    NotText,
    /// The two that were typed differ.
    #[error("the two passphrases differ")]
    Differ,
    /// Nobody to ask: no file, no variable, no terminal.
    #[error("no passphrase: set {PASSPHRASE_VARIABLE}, name a file, or use a terminal")]
    NoSource,
    /// The file of the passphrase cannot be read.
    #[error("cannot read the passphrase from {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The terminal cannot be read.
    #[error("cannot read the passphrase from the terminal")]
    Terminal(#[source] std::io::Error),
}

/// Gets a passphrase from the first source that has one (see the head of this file).
///
/// `question` is what the terminal shows; with `confirm` it must be typed twice, which is for new
/// passphrases.
///
/// # Errors
/// [`PassphraseError`]; a source that is named and fails is never skipped.
pub fn obtain_passphrase(
    file: Option<&Path>,
    question: &str,
    confirm: bool,
) -> Result<Passphrase, PassphraseError> {
    match from_named(file, |variable| std::env::var_os(variable))? {
        Some(passphrase) => Ok(passphrase),
        None if std::io::stdin().is_terminal() => ask(question, confirm),
        None => Err(PassphraseError::NoSource),
    }
}

/// Reads the first line of a file; what follows it is ignored.
///
/// # Errors
/// [`PassphraseError`].
pub fn passphrase_from_file(path: &Path) -> Result<Passphrase, PassphraseError> {
    let fault = |source| PassphraseError::File { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(fault)?;
    // One line end more than the longest passphrase, and all at once: no reallocation that would
    // leave a copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_PASSPHRASE_BYTES + 2));
    file.take(MAX_PASSPHRASE_BYTES as u64 + 2).read_to_end(&mut bytes).map_err(fault)?;
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = std::str::from_utf8(line).map_err(|_| PassphraseError::NotText)?;
    Passphrase::new(text.to_owned())
}

fn from_named(
    file: Option<&Path>,
    variable: impl Fn(&str) -> Option<std::ffi::OsString>,
) -> Result<Option<Passphrase>, PassphraseError> {
    if let Some(path) = file {
        return passphrase_from_file(path).map(Some);
    }
    if let Some(text) = variable(PASSPHRASE_VARIABLE) {
        let text = text.into_string().map_err(|_| PassphraseError::NotText)?;
        return Passphrase::new(text).map(Some);
    }
    match variable(PASSPHRASE_FILE_VARIABLE) {
        Some(path) => passphrase_from_file(Path::new(&path)).map(Some),
        None => Ok(None),
    }
}

fn ask(question: &str, confirm: bool) -> Result<Passphrase, PassphraseError> {
    let read = |text: &str| {
        let typed = rpassword::prompt_password(text).map_err(PassphraseError::Terminal)?;
        Passphrase::new(typed)
    };
    let passphrase = read(&format!("{question}: "))?;
    if confirm && read(&format!("{question} (2/2): "))?.reveal() != passphrase.reveal() {
        return Err(PassphraseError::Differ);
    }
    Ok(passphrase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    #[test]
    fn bounds_and_silence() {
        assert!(matches!(Passphrase::new(String::new()), Err(PassphraseError::Empty)));
        let longest = Passphrase::new("x".repeat(MAX_PASSPHRASE_BYTES)).unwrap();
        assert_eq!(format!("{longest:?}"), "Passphrase(…)");
        let longer = Passphrase::new("x".repeat(MAX_PASSPHRASE_BYTES + 1));
        assert!(matches!(longer, Err(PassphraseError::TooLong)));
    }

    #[test]
    fn what_is_new_needs_a_long_one() {
        let check = |text: &str| Passphrase::new(text.to_owned()).unwrap().check_new();
        for short in ["x", "elevenchars", "五字口令啊"] {
            assert!(
                matches!(check(short), Err(PassphraseError::TooShort { least: 12 })),
                "{short}"
            );
        }
        for long in ["twelve chars", "六个汉字足够", "合符 hefu 2026"] {
            assert!(check(long).is_ok(), "{long}");
        }
    }

    #[test]
    fn the_first_line_of_a_file_counts() {
        let read = |bytes: &[u8]| {
            passphrase_from_file(file(bytes).path()).map(|read| read.reveal().to_owned())
        };
        assert_eq!(read("口令 one".as_bytes()).unwrap(), "口令 one");
        assert_eq!(read(b"one\r\ntwo\n").unwrap(), "one");
        assert!(matches!(read(b"\n"), Err(PassphraseError::Empty)));
        assert!(matches!(read(b"\xff\n"), Err(PassphraseError::NotText)));
        assert!(matches!(read(&[b'x'; MAX_PASSPHRASE_BYTES + 1]), Err(PassphraseError::TooLong)));
        assert!(matches!(read(&vec![b'x'; 1 << 20]), Err(PassphraseError::TooLong)));
        let missing = passphrase_from_file(Path::new("/nonexistent/passphrase"));
        assert!(matches!(missing, Err(PassphraseError::File { .. })));
    }

    #[test]
    fn sources_have_an_order() {
        let (first, second) = (file(b"named"), file(b"by variable"));
        let get = |path, text: Option<&str>, file: Option<&Path>| {
            from_named(path, |variable| match variable {
                PASSPHRASE_VARIABLE => text.map(Into::into),
                _ => file.map(|file| file.as_os_str().to_owned()),
            })
            .map(|found| found.map(|found| found.reveal().to_owned()))
        };
        let second = Some(second.path());
        assert_eq!(get(Some(first.path()), Some("text"), second).unwrap().unwrap(), "named");
        assert_eq!(get(None, Some("text"), second).unwrap().unwrap(), "text");
        assert_eq!(get(None, None, second).unwrap().unwrap(), "by variable");
        assert_eq!(get(None, None, None).unwrap(), None);
        assert!(get(None, Some(""), second).is_err(), "an empty variable is no reason to go on");
    }
}
