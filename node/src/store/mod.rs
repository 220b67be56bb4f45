//! # Storage of a node
//!
//! Bytes on disk, and nothing else: this module knows heights, keys and values, not what a block,
//! a vote or a record means.
//!
//! ## Rules
//!
//! 1. **Block files are the truth** ([`BlockFiles`]). A block counts as stored when `append`
//!    returned, after one fsync. Everything else is a cache of them and can be rebuilt.
//! 2. **What was acknowledged is there, or its loss is named.** Opening cuts off a last frame that
//!    a crash tore, and nothing else; any other damage is [`StoreError::Corrupt`] with file, offset
//!    and height. A checksum is verified again at every read.
//! 3. **One write and one sync for a frame.** So at most one frame, the last, can be torn, which is
//!    what makes rule 2 decidable ([`frame`] has the argument).
//! 4. **After a failed sync the file is not trusted**: the writer refuses until it is reopened,
//!    since the kernel may have dropped the pages and forgotten the error.
//! 5. **What a crash left in the page cache is synced before it is believed**: every `open` syncs
//!    what it found, so that a kill followed by a power loss cannot take back what was reported.
//! 6. **An index batch and its height are one atomic write** ([`Index::apply`]); no type of an
//!    engine, no iterator and no transaction leaves [`index`].
//! 7. **No engine stall reaches a commit** ([`Overlay`]): recent batches are served from memory and
//!    written behind, in order, with a bound.
//!
//! Architecture invariant: no contract, consensus or network type, and no async runtime, here.

pub mod aside;
pub mod blocks;
pub mod disk;
mod error;
pub mod frame;
pub mod index;
pub mod overlay;
pub mod wal;

pub use aside::AsideError;
pub use blocks::{BlockFiles, Progress, TornTail, VerifiedBlocks, verify_blocks};
pub use disk::{Disk, DiskFile, RealDisk, SimDisk};
pub use error::{Damage, DiskTrouble, EngineFault, FileOp, Limit, StoreError};
pub use index::{EngineKind, Index, open_index, set_aside};
pub use overlay::{Overlay, Policy};
pub use wal::Wal;

#[cfg(test)]
mod power_tests;
