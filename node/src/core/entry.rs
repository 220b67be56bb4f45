//! What the entries of the consensus log are, by their first byte.

/// First byte of a log entry: a replica's entry.
pub(super) const ENTRY_REPLICA: u8 = 0;
/// First byte of a log entry: a bundle.
pub(super) const ENTRY_BUNDLE: u8 = 1;
/// First byte of a log entry: evidence that is not on the ledger yet.
pub(super) const ENTRY_EVIDENCE: u8 = 2;
/// First byte of a log entry: the height that was open when the log began.
pub(super) const ENTRY_BEGUN: u8 = 3;
