//! Every limit on what comes from outside, in one table, with its arithmetic.
//!
//! A limit is enforced where bytes come in; each has a test just below and just above it.

/// Largest encoded transaction, in bytes: an entry's length is 16 bits in C2SP tlog-tiles.
pub const MAX_TRANSACTION_BYTES: usize = 65_535;
/// Most acts in one transaction.
pub const MAX_ACTS: usize = 256;
/// Largest single encoded act, in bytes (domain.md §3.0). 256 × 4 KiB would pass the transaction
/// bound: both hold.
pub const MAX_ACT_BYTES: usize = 4_096;
/// Longest `sub` claim of a transaction, in bytes.
pub const MAX_SUBJECT_BYTES: usize = 128;
/// Largest encoded bundle, in bytes. One largest transaction and its framing fit four times.
pub const MAX_BUNDLE_BYTES: usize = 256 * 1024;
/// Most transactions in one bundle.
pub const MAX_BUNDLE_TRANSACTIONS: usize = 1_024;
/// Most bytes of bundles that one block may name.
pub const MAX_BLOCK_BYTES: usize = 4 * 1024 * 1024;
/// Most bundles that one block may name: 256 ids of 34 encoded bytes are 8.5 KiB of a proposal.
pub const MAX_BLOCK_BUNDLES: usize = 256;
/// Most pieces of evidence in one block: 8 × 512 bytes are 4 KiB of a proposal.
pub const MAX_BLOCK_EVIDENCE: usize = 8;
/// Largest encoded header with its bundle ids and evidence, in bytes: 1 KiB of header, 8.5 KiB of
/// ids, 4 KiB of evidence, slack.
pub const MAX_PROPOSED_BLOCK_BYTES: usize = 16 * 1024;
/// Most validators: 31 provinces and XPCC are 32; twice that leaves room.
pub const MAX_VALIDATORS: usize = 64;
/// Largest consensus message: a proposed block with its proposal, or a certificate of 64
/// signatures (64 × 70 = 4.4 KiB).
pub const MAX_CONSENSUS_MESSAGE_BYTES: usize = 32 * 1024;
/// Largest encoded commit certificate, in bytes: 64 signatures of 70 bytes, and 64 bytes around.
pub const MAX_CERTIFICATE_BYTES: usize = 8 * 1024;
/// Largest header with its certificate and the validator sets on both sides of it, in bytes: 1 KiB of
/// header, 4.4 KiB of signatures, and twice 64 validators of 60 bytes.
pub const MAX_LIGHT_BLOCK_BYTES: usize = 16 * 1024;
/// Largest stored block in bytes: bundles, the proposed block, its certificate and outcomes
/// (256 bundles × 1,024 transactions × 8 bytes are 2 MiB).
pub const MAX_STORED_BLOCK_BYTES: usize = 8 * 1024 * 1024;
/// Largest proof of the log or the map, in bytes.
pub const MAX_PROOF_BYTES: usize = 64 * 1024;
/// Largest evidence capsule, in bytes: a transaction, and proofs and set changes around it.
pub const MAX_CAPSULE_BYTES: usize = 4 * 1024 * 1024;
/// Most records that a capsule proves.
pub const MAX_CAPSULE_RECORDS: usize = 256;
/// Most cosigners in a capsule: as many as there can be validators.
pub const MAX_CAPSULE_COSIGNERS: usize = 64;
/// Largest genesis document, in bytes: 64 members with authorities, types and parameters.
pub const MAX_GENESIS_BYTES: usize = 4 * 1024 * 1024;
/// Longest span between a transaction's `not_after` and block time, in milliseconds (one hour);
/// the default of a ledger parameter.
pub const MAX_VALIDITY_MS: u64 = 3_600_000;
