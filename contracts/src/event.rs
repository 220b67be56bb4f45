//! What happened, for subscribers and indexes. Events are derived by execution and prove nothing
//! themselves; the audit log and the authenticated map do.

use hefu_primitives::{Region, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// One thing an act did.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Event {
    /// Which transaction of the block, from 0.
    #[n(0)]
    pub transaction: u32,
    /// Which act of the transaction, from 0.
    #[n(1)]
    pub act: u16,
    /// What happened, in snake case: `attested`, `decision_recorded`, `grant_given`, …
    #[n(2)]
    pub kind: String,
    /// What it happened to: `att:…`, `dec:…`, `key:…`, `cat:…`.
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
