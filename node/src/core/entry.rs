//! What the entries of the consensus log are, by their first byte, and how a log is read.

use std::collections::BTreeSet;
use std::sync::Arc;

use hefu_consensus::{Equivocation, WalEntry};
use hefu_primitives::bounds::MAX_CONSENSUS_MESSAGE_BYTES;
use hefu_primitives::codec::Canonical;
use hefu_primitives::{Bundle, BundleId, Height};

use super::{CoreError, Pool, evidence};
use crate::store::{Disk, Wal};

/// First byte of a log entry: a replica's entry.
pub(super) const ENTRY_REPLICA: u8 = 0;
/// First byte of a log entry: a bundle.
pub(super) const ENTRY_BUNDLE: u8 = 1;
/// First byte of a log entry: evidence that is not on the ledger yet.
pub(super) const ENTRY_EVIDENCE: u8 = 2;
/// First byte of a log entry: the height that was open when the log began.
pub(super) const ENTRY_BEGUN: u8 = 3;

/// Where the log's entries go that are not the replica's.
pub(super) struct Read<'a> {
    pub(super) pool: &'a mut Pool,
    pub(super) logged: &'a mut BTreeSet<BundleId>,
    pub(super) evidence: &'a mut evidence::Waiting,
    /// The height that was open when the log began, if it says so.
    pub(super) begun: &'a mut Option<Height>,
}

/// Splits the log into the replica's entries of the open height, bundles for the pool, and
/// evidence that waits.
pub(super) fn read_log<D: Disk>(
    wal: &Wal<D>,
    tip: Height,
    read: &mut Read<'_>,
) -> Result<Vec<WalEntry>, CoreError> {
    let mut entries = Vec::new();
    for (number, bytes) in wal.entries().iter().enumerate() {
        let unreadable = || CoreError::Entry(number);
        match bytes.split_first() {
            Some((&ENTRY_REPLICA, rest)) => {
                let entry = WalEntry::from_bytes(rest, MAX_CONSENSUS_MESSAGE_BYTES)
                    .map_err(|_| unreadable())?;
                if entry.height() > tip {
                    entries.push(entry);
                }
            }
            Some((&ENTRY_BUNDLE, rest)) => {
                let bundle = Bundle::decode(rest).map_err(|_| unreadable())?;
                read.logged.insert(bundle.id());
                read.pool.add_named(Arc::new(bundle));
            }
            Some((&ENTRY_EVIDENCE, rest)) => {
                read.evidence.keep(Equivocation::decode(rest).map_err(|_| unreadable())?);
            }
            Some((&ENTRY_BEGUN, rest)) => {
                let height = rest.try_into().map_err(|_| unreadable())?;
                *read.begun = Some(Height(u64::from_be_bytes(height)));
            }
            _ => return Err(unreadable()),
        }
    }
    Ok(entries)
}
