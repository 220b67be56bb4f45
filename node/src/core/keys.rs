//! Where things stand in the key-value index.
//!
//! ```text
//! G                          chain id ‖ layout: the index belongs to this ledger
//! s ‖ record key             height of writing (8) ‖ value          the current record
//! h ‖ record key ‖ height    height of writing (8) ‖ value          what that height replaced
//! t ‖ tx id                  Position                               where a transaction stands
//! b ‖ block id               height (8)
//! e, l, m, u                 events, leaves, log nodes and used ids, in runs  [`super::runs`]
//! ```
//!
//! That the id of a transaction is used up ([`SEEN`]) has no row of its own: its position says so.
//!
//! Numbers are big-endian, so that scans walk them in order. Record keys of one table never are
//! prefixes of each other, so a record's history is one range.

use hefu_contracts::exec::SEEN;
use hefu_primitives::{BlockId, Height, Millis, TxId};

/// The key that names the ledger.
pub const CHAIN: &[u8] = b"G";
/// The layout of this page. An index of another one is built again from the block files.
pub const LAYOUT: u8 = 3;

/// The current value of a record.
pub fn state(record: &[u8]) -> Vec<u8> {
    [b"s", record].concat()
}

/// What a record was before `height` replaced or deleted it.
pub fn history(record: &[u8], height: Height) -> Vec<u8> {
    [b"h", record, &height.0.to_be_bytes()[..]].concat()
}

/// The position of a transaction.
pub fn transaction(id: &TxId) -> Vec<u8> {
    [b"t", id.as_ref()].concat()
}

/// The height of a block.
pub fn block(id: &BlockId) -> Vec<u8> {
    [b"b", id.as_ref()].concat()
}

/// A run of events of a height.
pub fn event(height: Height, number: u32) -> Vec<u8> {
    [b"e", &height.0.to_be_bytes()[..], &number.to_be_bytes()].concat()
}

/// A run of leaves of the audit log.
pub fn leaf(number: u64) -> Vec<u8> {
    [b"l", &number.to_be_bytes()[..]].concat()
}

/// A run of nodes of the audit log.
pub fn log_node(level: u8, number: u64) -> Vec<u8> {
    [b"m", &[level][..], &number.to_be_bytes()].concat()
}

/// A run of used ids, the last of which may be sent until a time.
pub fn used(until: Millis, height: Height, number: u32) -> Vec<u8> {
    [b"u", &until.0.to_be_bytes()[..], &height.0.to_be_bytes(), &number.to_be_bytes()].concat()
}

/// The time until which it may be sent, and the id, of a record that says that an id is used up.
pub fn used_id(record: &[u8]) -> Option<(Millis, TxId)> {
    let (_, rest) = record.split_first().filter(|_| is_of_used_ids(record))?;
    let (time, id) = rest.split_first_chunk::<8>()?;
    Some((Millis(u64::from_be_bytes(*time)), TxId(id.try_into().ok()?)))
}

/// Whether a record key, or the beginning of one, is of the table of used ids.
pub fn is_of_used_ids(record: &[u8]) -> bool {
    record.first() == Some(&SEEN.prefix())
}

/// Windows that prove nothing and change with every block keep no history.
pub fn keeps_history(record: &[u8]) -> bool {
    record.first().is_none_or(|table| *table < SEEN.prefix())
}
