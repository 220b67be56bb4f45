//! Lists that provinces adopt by vote: standards they work by, and changes of region codes.
//!
//! The codes of GB/T 2260 as of a release are built in; what changes after it is data here. A
//! change is about the day it takes effect, so that older records keep their meaning.

use hefu_primitives::time::Day;
use hefu_primitives::{H32, Region};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::common::Stamp;
use crate::identity::public_name;
use crate::state::{State, StateView, Table};

/// Standards by number and version.
pub const STANDARDS: Table<(String, String), StandardRecord> = Table::proven(0x59);
/// Changed regions by code.
pub const REGION_TABLE: Table<Region, RegionRecord> = Table::proven(0x5a);

/// Longest version of a standard, in characters.
const MAX_VERSION: usize = 16;
/// Most regions of one change.
const MAX_REGIONS: usize = 32;

/// A standard that provinces work by.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandardRef {
    /// Its number or name, as printed.
    #[n(0)]
    pub name: String,
    /// Its version or year.
    #[n(1)]
    pub version: String,
    /// Digest of its text.
    #[n(2)]
    pub digest: H32,
    /// First day it applies.
    #[n(3)]
    pub effective: Day,
}

/// A standard as adopted.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct StandardRecord {
    /// The standard.
    #[n(0)]
    pub standard: StandardRef,
    /// When it was adopted.
    #[n(1)]
    pub stamp: Stamp,
}

/// A region as it is from a day on.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionEntry {
    /// Its code.
    #[n(0)]
    pub code: Region,
    /// Chinese name.
    #[n(1)]
    pub name_zh: String,
    /// English name.
    #[n(2)]
    pub name_en: String,
    /// The code is no longer used.
    #[n(3)]
    pub retired: bool,
}

/// A change of region codes (行政区划调整).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionChange {
    /// Digest of the official notice.
    #[n(0)]
    pub notice: H32,
    /// First day it applies.
    #[n(1)]
    pub effective: Day,
    /// The regions, ascending.
    #[n(2)]
    pub entries: Vec<RegionEntry>,
}

/// A changed region as stored.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct RegionRecord {
    /// The region.
    #[n(0)]
    pub entry: RegionEntry,
    /// First day it applies.
    #[n(1)]
    pub effective: Day,
    /// Digest of the official notice.
    #[n(2)]
    pub notice: H32,
    /// When it was adopted.
    #[n(3)]
    pub stamp: Stamp,
}

impl StandardRef {
    /// Whether it can be adopted now.
    ///
    /// # Errors
    /// `E118` `E109` a malformed name or version, or no digest · `E114` adopted before.
    pub(crate) fn check(&self, view: &dyn StateView) -> Result<(), Code> {
        public_name(&self.name)?;
        public_name(&self.version)?;
        if self.version.chars().count() > MAX_VERSION || self.digest == H32::ZERO {
            return Err(Code::BadField);
        }
        let adopted = STANDARDS.read(view, &(self.name.clone(), self.version.clone()));
        if adopted.is_some() { Err(Code::IdReused) } else { Ok(()) }
    }

    pub(crate) fn adopt(&self, state: &mut State<'_>, stamp: Stamp) {
        let key = (self.name.clone(), self.version.clone());
        state.put(&STANDARDS, &key, &StandardRecord { standard: self.clone(), stamp });
    }
}

impl RegionChange {
    /// Whether it can be adopted now.
    ///
    /// # Errors
    /// `E118` no entries, more than 32, or not ascending; no digest; `E201` a code of no level ·
    /// `E118` `E109` a malformed name.
    pub(crate) fn check(&self) -> Result<(), Code> {
        let listed = (1..=MAX_REGIONS).contains(&self.entries.len())
            && self.entries.is_sorted_by(|a, b| a.code < b.code);
        if !listed || self.notice == H32::ZERO {
            return Err(Code::BadField);
        }
        self.entries.iter().try_for_each(|entry| {
            public_name(&entry.name_zh)?;
            public_name(&entry.name_en)?;
            entry.code.level().map(|_| ()).ok_or(Code::RegionInvalid)
        })
    }

    pub(crate) fn adopt(&self, state: &mut State<'_>, stamp: Stamp) {
        let RegionChange { notice, effective, .. } = *self;
        for entry in &self.entries {
            let record = RegionRecord { entry: entry.clone(), effective, notice, stamp };
            state.put(&REGION_TABLE, &entry.code, &record);
        }
    }
}

/// What is known of a region about a day from changes adopted on the ledger; none when the built-in
/// table still says it.
pub fn changed_region<V: StateView + ?Sized>(
    view: &V,
    code: Region,
    day: Day,
) -> Option<RegionEntry> {
    let record = REGION_TABLE.read(view, &code)?;
    (record.effective <= day).then_some(record.entry)
}
