//! Lists in pages, each with an opaque cursor pinned to a height: rows that change later are
//! neither skipped nor shown twice.
//!
//! A cursor names its height, what list and filter it belongs to, and the key to go on with.
//! It is not secret and not signed: a forged one reads nothing that a request could not.

use hefu_primitives::hash::hash;
use hefu_primitives::{Domain, Height};

use super::answer::{Page, hex, unhex};
use super::params::{DEFAULT_LIMIT, MAX_LIMIT};
use super::problem::{ApiCode, Problem};
use super::snapshot::{Row, Snapshot};

/// Version of cursors; others are refused.
const VERSION: u8 = 1;
/// Longest cursor, in characters: keys have at most 256 bytes.
const MAX_CURSOR: usize = 2 * (1 + 8 + 8 + 256);
/// Rows read ahead of what a page needs, at a time.
const READ_AHEAD: usize = 256;

/// What a list is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) limit: usize,
    /// The height the list is pinned to.
    pub(super) at: Option<Height>,
    from: Option<Vec<u8>>,
    list: [u8; 8],
}

impl Ask {
    /// Reads limit, cursor and height of the list called `list` with its filters.
    pub(super) fn new(
        list: &str,
        filters: &[&str],
        limit: Option<usize>,
        cursor: Option<&str>,
        at: Option<Height>,
    ) -> Result<Self, Problem> {
        let bad = |detail: &str| Problem::new(ApiCode::BadRequest, detail);
        let limit = limit.unwrap_or(DEFAULT_LIMIT);
        if limit == 0 || limit > MAX_LIMIT {
            return Err(bad("`limit` is 1 to 500"));
        }
        let list = name(list, filters);
        let Some(cursor) = cursor else {
            return Ok(Self { limit, at, from: None, list });
        };
        let cursor = Cursor::decode(cursor).ok_or_else(|| bad("`cursor` is none of ours"))?;
        if cursor.list != list {
            return Err(bad("`cursor` belongs to another list or filter"));
        }
        if at.is_some_and(|at| at != cursor.height) {
            return Err(bad("`cursor` is pinned to another height than `at_height`"));
        }
        Ok(Self { limit, at: Some(cursor.height), from: Some(cursor.from), list })
    }

    /// The cursor of the page that begins with a key.
    pub(super) fn next(&self, height: Height, from: &[u8]) -> String {
        Cursor { height, list: self.list, from: from.to_vec() }.encode()
    }

    /// The key with which the page begins, when it is not the first.
    pub(super) fn from(&self) -> Option<&[u8]> {
        self.from.as_deref()
    }

    /// Fills a page from a range of records: `show` makes an item of a row, or none when a filter
    /// leaves it out.
    pub(super) fn page<T>(
        &self,
        snapshot: &Snapshot<'_>,
        (first, to): (Vec<u8>, Vec<u8>),
        mut show: impl FnMut(Row) -> Result<Option<T>, Problem>,
    ) -> Result<Page<T>, Problem> {
        // A forged cursor stays within the list's own range.
        let resumed = self.from().unwrap_or_default().to_vec();
        let (mut from, mut items) = (first.max(resumed), Vec::new());
        let ahead = self.limit.saturating_add(1).min(READ_AHEAD);
        while from < to {
            let rows = snapshot.rows(&from, &to, ahead)?;
            let full = rows.len() == ahead;
            for row in rows {
                let filled = items.len() == self.limit;
                if filled || !snapshot.examine() {
                    let next_cursor = Some(self.next(snapshot.pin.height, &row.key));
                    return Ok(Page { items, next_cursor });
                }
                // The least key after this one.
                from = [row.key.as_slice(), &[0]].concat();
                items.extend(show(row)?);
            }
            if !full {
                break;
            }
        }
        Ok(Page { items, next_cursor: None })
    }
}

/// Says which list with which filters a cursor belongs to.
fn name(list: &str, filters: &[&str]) -> [u8; 8] {
    let parts: Vec<String> = std::iter::once(&list)
        .chain(filters)
        .map(|part| format!("{}:{part}", part.len()))
        .collect();
    let digest = hash(Domain::Digest, &[parts.join(",").as_bytes()]);
    let mut name = [0; 8];
    name.copy_from_slice(&digest.0[..8]);
    name
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Cursor {
    height: Height,
    list: [u8; 8],
    from: Vec<u8>,
}

impl Cursor {
    fn encode(&self) -> String {
        hex(&[&[VERSION][..], &self.height.0.to_be_bytes(), &self.list, &self.from].concat())
    }

    fn decode(text: &str) -> Option<Self> {
        if text.len() > MAX_CURSOR {
            return None;
        }
        let bytes = unhex(text)?;
        let (&version, rest) = bytes.split_first()?;
        let (height, rest) = rest.split_first_chunk::<8>()?;
        let (list, from) = rest.split_first_chunk::<8>()?;
        let height = Height(u64::from_be_bytes(*height));
        (version == VERSION).then(|| Self { height, list: *list, from: from.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ask(cursor: Option<&str>, at: Option<u64>) -> Result<Ask, String> {
        let asked = Ask::new("keys", &["owner"], Some(7), cursor, at.map(Height));
        asked.map_err(|problem| problem.code().to_owned())
    }

    #[test]
    fn a_cursor_belongs_to_its_list_and_height() {
        let first = ask(None, None).unwrap();
        assert_eq!((first.from(), first.at), (None, None));
        let next = first.next(Height(9), b"key");
        let second = ask(Some(&next), None).unwrap();
        assert_eq!((second.from(), second.at), (Some(&b"key"[..]), Some(Height(9))));
        assert!(ask(Some(&next), Some(9)).is_ok());
        assert_eq!(ask(Some(&next), Some(8)).unwrap_err(), "api.bad_request");
        for (list, filters) in [("key", &["owner"][..]), ("keys", &["other"]), ("keys", &[])] {
            assert!(Ask::new(list, filters, None, Some(&next), None).is_err());
        }
        let joined = Ask::new("keys", &["ow", "ner"], None, Some(&next), None);
        assert!(joined.is_err(), "filters are not just strung together");
    }

    #[test]
    fn limits() {
        for (limit, good) in [(0, false), (1, true), (500, true), (501, false)] {
            assert_eq!(Ask::new("x", &[], Some(limit), None, None).is_ok(), good, "{limit}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn cursors_round_trip(height: u64, list: [u8; 8], from in prop::collection::vec(any::<u8>(), 0..=256)) {
            let cursor = Cursor { height: Height(height), list, from };
            prop_assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        }

        #[test]
        fn no_text_breaks_the_reader(text in ".{0,700}") {
            let _ = Cursor::decode(&text);
        }
    }
}
