//! Which tile a path names (c2sp.org/tlog-tiles), and whether a log of a size has it.
//!
//! A tile is 256 consecutive hashes of one level of eight: tile `n` of level `l` holds the roots of
//! subtrees `256 n …` of height `8 l`. In this log's own storage these are consecutive nodes of
//! level `8 l`, so a tile is one range.
//!
//! ```text
//! <level or "entries">/[x<3 digits>/…]<3 digits>[.p/<width 1 to 255>]
//! ```

use crate::log::MAX_LEAVES;

/// Hashes of a full tile.
pub const TILE_WIDTH: u64 = 256;
/// The longest path: two digits, seven groups, a width.
const MAX_PATH_BYTES: usize = 64;

/// A tile of hashes, or the entries below one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Its level, from 0; none for the entries of a level-0 tile.
    pub level: Option<u8>,
    /// Its place within the level.
    pub index: u64,
    /// How many hashes or entries: 1 to 256.
    pub width: u16,
}

/// Why there is no such tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// Not the path of a tile.
    #[error("not the path of a tile")]
    Path,
    /// The log is not that large.
    #[error("the log has no such tile")]
    Absent,
}

impl Tile {
    /// Reads a path below `tile/`.
    ///
    /// # Errors
    /// [`TileError::Path`] for what would not be written like this.
    pub fn parse(path: &str) -> Result<Self, TileError> {
        let read = || {
            let (level, rest) = path.split_once('/')?;
            let level = match level {
                "entries" => None,
                digits => Some(digits.parse::<u8>().ok().filter(|level| *level < 64)?),
            };
            let (rest, width) = match rest.split_once(".p/") {
                Some((rest, width)) => (rest, width.parse::<u16>().ok().filter(|w| *w < 256)?),
                None => (rest, 256),
            };
            let mut index = 0u64;
            for group in rest.split('/') {
                let digits = group.strip_prefix('x').unwrap_or(group);
                let number: u64 = digits.parse().ok()?;
                index = index.checked_mul(1000)?.checked_add(number)?;
            }
            Some(Self { level, index, width })
        };
        let tile = (path.len() <= MAX_PATH_BYTES).then(read).flatten();
        let tile = tile.filter(|tile| tile.width > 0 && tile.to_string() == path);
        tile.ok_or(TileError::Path)
    }

    /// The height of its hashes in the log: the level of this log's own storage.
    pub fn height(&self) -> u8 {
        self.level.unwrap_or(0).saturating_mul(8)
    }

    /// The first of its hashes or entries within the level, if a log of `size` leaves has the tile.
    ///
    /// # Errors
    /// [`TileError::Absent`].
    pub fn first(&self, size: u64) -> Result<u64, TileError> {
        // 2^48 leaves have no subtree of a greater height.
        let complete = size.min(MAX_LEAVES).checked_shr(u32::from(self.height())).unwrap_or(0);
        let first = self.index.checked_mul(TILE_WIDTH).ok_or(TileError::Absent)?;
        match first.checked_add(u64::from(self.width)) {
            Some(end) if end <= complete => Ok(first),
            _ => Err(TileError::Absent),
        }
    }
}

impl core::fmt::Display for Tile {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.level {
            Some(level) => write!(f, "{level}/")?,
            None => f.write_str("entries/")?,
        }
        let mut groups = Vec::new();
        let mut rest = Some(self.index);
        while let Some(number) = rest {
            groups.push(number.checked_rem(1000).unwrap_or_default());
            rest = number.checked_div(1000).filter(|rest| *rest > 0);
        }
        while let Some(group) = groups.pop() {
            if groups.is_empty() {
                write!(f, "{group:03}")?;
            } else {
                write!(f, "x{group:03}/")?;
            }
        }
        if u64::from(self.width) == TILE_WIDTH { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_specification() {
        let tile = Tile::parse("0/x001/x234/067").unwrap();
        assert_eq!(tile, Tile { level: Some(0), index: 1_234_067, width: 256 });
        let partial = Tile::parse("entries/000.p/17").unwrap();
        assert_eq!(partial, Tile { level: None, index: 0, width: 17 });
        for text in ["63/000", "1/999", "1/x001/000", "0/x018/x446/x744/x073/x709/x551/615"] {
            assert_eq!(Tile::parse(text).map(|tile| tile.to_string()).as_deref(), Ok(text));
        }
        for bad in [
            "",
            "0",
            "0/",
            "0/0",
            "0/00",
            "0/0000",
            "0/1000",
            "64/000",
            "00/000",
            "+1/000",
            "0/+01",
            "-1/000",
            "a/000",
            "0/x000/001",
            "0/001/002",
            "0/x001",
            "0/x001/x002",
            "0/000.p/0",
            "0/000.p/256",
            "0/000.p/01",
            "0/000.p/+1",
            "0/000.p",
            "0/000.p/",
            "0/000/",
            "/0/000",
            "Entries/000",
            "0/x018/x446/x744/x073/x709/x551/616",
            "0/000.p/1.p/1",
        ] {
            assert_eq!(Tile::parse(bad), Err(TileError::Path), "{bad}");
        }
    }

    /// The specification's count for a tree of 70,000 leaves.
    #[test]
    fn a_log_has_its_tiles_and_no_others() {
        let has = |path: &str, size| Tile::parse(path).unwrap().first(size).is_ok();
        let size = 70_000;
        assert!(has("0/272", size) && has("0/273.p/112", size) && has("1/000", size));
        assert!(has("1/001.p/17", size) && has("2/000.p/1", size));
        assert!(!has("0/273", size) && !has("0/273.p/113", size) && !has("0/274.p/1", size));
        assert!(!has("1/001", size) && !has("1/001.p/18", size) && !has("2/000.p/2", size));
        assert!(!has("3/000.p/1", size) && !has("63/000.p/1", size));
        assert!(has("0/000", 256) && has("1/000.p/1", 256) && has("entries/000", 256));
        assert!(!has("0/000", 255) && !has("1/000.p/1", 255) && !has("0/000.p/1", 0));
        assert_eq!(Tile::parse("1/001.p/17").unwrap().first(size), Ok(256));
        assert!(!has("0/x018/x446/x744/x073/x709/x551/615", u64::MAX), "no arithmetic overflows");
    }
}
