//! What happened, for subscribers and indexes. Events are derived by execution and prove nothing
//! themselves; the audit log and the authenticated map do.

use hefu_primitives::{Region, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// The transaction of an event that no transaction made: the record of a contradiction.
pub const OF_BLOCK: u32 = u32::MAX;

/// One thing an act did, or the block itself.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Event {
    /// Which transaction of the block, from 0; [`OF_BLOCK`] for what the block itself did.
    #[n(0)]
    pub transaction: u32,
    /// Which act of the transaction, from 0.
    #[n(1)]
    pub act: u16,
    /// What happened, in snake case: `attested`, `decision_recorded`, `grant_given`, …
    #[n(2)]
    pub kind: String,
    /// What it happened to: `att:…`, `dec:…`, `key:…`, `cat:…`, `equ:…`.
    #[n(3)]
    pub subject: String,
    /// The authority that acted.
    #[n(4)]
    pub actor: Uscc,
    /// Its province.
    #[n(5)]
    pub region: Region,
    /// Flags the ledger derived, in snake case.
    #[n(6)]
    pub flags: Vec<String>,
}
