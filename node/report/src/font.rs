//! Finding a font that has what must be written.

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};

/// Largest file that is looked at, in bytes.
const MAX_FONT_BYTES: u64 = 64 * 1024 * 1024;
/// Most faces of a collection.
const MAX_FACES: u32 = 64;
/// Most folders and files that are looked at.
const MAX_ENTRIES: usize = 20_000;
/// Most files that are opened.
const MAX_OPENED: usize = 64;
/// Names of fonts with Chinese, by preference: what has one of these in its name is opened first.
const KNOWN: &[&str] = &[
    "notosanscjk",
    "sourcehansans",
    "notosanssc",
    "notoserifcjk",
    "sourcehanserif",
    "wqy",
    "droidsansfallback",
    "fangsong",
    "simfang",
    "simsun",
    "simhei",
    "msyh",
    "pingfang",
    "songti",
    "stheiti",
    "hiragino",
    "uming",
    "ukai",
    "cjk",
];

/// Why there is no font.
#[derive(Debug, thiserror::Error)]
pub enum FontError {
    /// The file.
    #[error("{}: {error}", path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Not a font that can be used.
    #[error("{}: not a TrueType or OpenType font", .0.display())]
    NoFont(PathBuf),
    /// The font lacks characters that must be written.
    #[error("{}: the font has no {missing}", path.display())]
    Missing {
        /// Where.
        path: PathBuf,
        /// Some of the characters.
        missing: String,
    },
    /// No font of the system has them.
    #[error("no font of this system has {0}")]
    None(String),
}

/// A font.
#[derive(Clone)]
pub struct FontFile {
    path: PathBuf,
    data: Vec<u8>,
    index: u32,
}

impl core::fmt::Debug for FontFile {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} #{}", self.path.display(), self.index)
    }
}

impl FontFile {
    /// The font of a file, of a collection the first face that has what must be written.
    ///
    /// # Errors
    /// [`FontError`].
    pub fn read(path: &Path, text: &str) -> Result<Self, FontError> {
        let fault = |error| FontError::File { path: path.to_owned(), error };
        let length = std::fs::metadata(path).map_err(fault)?.len();
        if length > MAX_FONT_BYTES {
            return Err(FontError::NoFont(path.to_owned()));
        }
        let data = std::fs::read(path).map_err(fault)?;
        let mut missing = None;
        for index in 0..MAX_FACES {
            let Ok(face) = FontRef::from_index(&data, index) else { break };
            let lacks = lacking(&face, text);
            if lacks.is_empty() {
                return Ok(Self { path: path.to_owned(), data, index });
            }
            missing.get_or_insert(lacks);
        }
        Err(match missing {
            Some(missing) => FontError::Missing { path: path.to_owned(), missing },
            None => FontError::NoFont(path.to_owned()),
        })
    }

    /// A font of the system that has what must be written.
    ///
    /// # Errors
    /// [`FontError::None`].
    pub fn find(text: &str) -> Result<Self, FontError> {
        Self::find_in(&folders(), text)
    }

    /// The same, of these folders and those below them.
    ///
    /// # Errors
    /// [`FontError::None`].
    pub fn find_in(folders: &[PathBuf], text: &str) -> Result<Self, FontError> {
        let mut files = files(folders);
        files.sort_by_cached_key(|path| (preference(path), path.clone()));
        let found = files.iter().take(MAX_OPENED).find_map(|path| Self::read(path, text).ok());
        found
            .ok_or_else(|| FontError::None(shortened(text.chars().filter(|c| *c as u32 >= 0x2e80))))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn data(&self) -> &[u8] {
        &self.data
    }

    pub(crate) const fn index(&self) -> u32 {
        self.index
    }
}

/// A glyph's number and width, in parts of the size.
pub(crate) fn glyph(face: &FontRef<'_>, character: char) -> Option<(u32, f32)> {
    let glyph = face.charmap().map(character).filter(|glyph| glyph.to_u32() != 0)?;
    let units = f32::from(face.metrics(Size::unscaled(), LocationRef::default()).units_per_em);
    let width =
        face.glyph_metrics(Size::unscaled(), LocationRef::default()).advance_width(glyph)?;
    Some((glyph.to_u32(), width / units))
}

/// What a face cannot write.
fn lacking(face: &FontRef<'_>, text: &str) -> String {
    let wanted: BTreeSet<char> = text.chars().filter(|c| !c.is_control()).collect();
    shortened(wanted.into_iter().filter(|character| glyph(face, *character).is_none()))
}

fn shortened(characters: impl Iterator<Item = char>) -> String {
    characters.take(8).collect()
}

/// Where systems keep fonts.
fn folders() -> Vec<PathBuf> {
    let home = std::env::home_dir().unwrap_or_default();
    let shared = [
        "/usr/share/fonts",
        "/usr/local/share/fonts",
        "/System/Library/Fonts",
        "/Library/Fonts",
        "C:\\Windows\\Fonts",
    ];
    let own = [".local/share/fonts", ".fonts", "Library/Fonts"].map(|folder| home.join(folder));
    shared.into_iter().map(PathBuf::from).chain(own).collect()
}

/// Files whose names are those of fonts, in these folders and below.
fn files(folders: &[PathBuf]) -> Vec<PathBuf> {
    let mut left: VecDeque<PathBuf> = folders.iter().cloned().collect();
    let (mut files, mut looked_at) = (Vec::new(), 0);
    while let Some(folder) = left.pop_front() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            looked_at += 1;
            if looked_at > MAX_ENTRIES {
                return files;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => left.push_back(entry.path()),
                Ok(_) if is_font(&entry.path()) => files.push(entry.path()),
                _ => {}
            }
        }
    }
    files
}

fn is_font(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| ["ttf", "otf", "ttc", "otc"].contains(&ending.as_str()))
}

/// Smaller is looked at earlier: known names first, regular weights before others.
fn preference(path: &Path) -> (usize, bool) {
    let name =
        path.file_stem().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let name: String = name.chars().filter(|c| c.is_alphanumeric()).collect();
    let known = KNOWN.iter().position(|known| name.contains(known)).unwrap_or(KNOWN.len());
    let heavy = ["bold", "black", "light", "thin", "italic", "oblique"];
    (known, heavy.iter().any(|weight| name.contains(weight)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_font_or_is_not_there_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ttf");
        assert!(matches!(FontFile::read(&path, "a"), Err(FontError::File { .. })));
        std::fs::write(&path, b"no font at all").unwrap();
        assert!(matches!(FontFile::read(&path, "a"), Err(FontError::NoFont(_))));
        let none = FontFile::find_in(&[folder.path().to_owned()], "a 证照").unwrap_err();
        assert_eq!(none.to_string(), "no font of this system has 证照");
    }

    #[test]
    fn known_names_and_regular_weights_come_first() {
        let of = |name: &str| preference(Path::new(name));
        assert!(of("NotoSansCJK-Regular.ttc") < of("NotoSansCJK-Bold.ttc"));
        assert!(of("NotoSansCJK-Bold.ttc") < of("wqy-zenhei.ttc"));
        assert!(of("wqy-zenhei.ttc") < of("DejaVuSans.ttf"));
        assert!(is_font(Path::new("x.TTC")) && !is_font(Path::new("x.pcf.gz")));
    }
}
