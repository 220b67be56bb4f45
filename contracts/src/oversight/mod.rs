//! Oversight: notices of incidents, standards and regions; anchors outside the ledger; and under
//! which mandates auditors read and ask for openings.
//!
//! Rules:
//! 1. **Reading is under a mandate.** A province mandates an auditor for its own data through its
//!    governors; data of several provinces takes a vote of more than two thirds ([`audit`]).
//! 2. **What auditors do leaves a trace.** A request for openings stands on the ledger before any
//!    vault answers it, and each node's operator puts the root of its read log of every day there
//!    ([`trace`]): a root that is missing can be proven to be missing.
//! 3. **Notices say that, not what.** An incident names affected keys and grants, and the digest of
//!    a report; never its content ([`notice`]).
//! 4. **Data, not code.** Standards and changes of region codes are adopted by vote and carry the
//!    digest of their official text ([`lists`]).
//!
//! Where domain.md §3.14 and §3.15 are silent:
//!
//! * A mandate lasts two years at most. Its scope is about the day a record came onto the ledger.
//! * Who granted a mandate can revoke it: a province's by its governors, the others by vote.
//! * A record of two provinces is in scope when one of them is; its opening comes from that
//!   province's vault.
//! * A read log is for a Beijing day that is over, one root for each auditor. Days without reads may
//!   be stated with a count of zero. What is stated later than the next day is flagged.
//! * A checkpoint is a claim that somebody outside holds it; anybody can compare it with the header.
//!
//! Tables: proven 0x58–0x5f, unproven 0xd8–0xdf. This module does not know how a node reads.

pub mod audit;
pub mod lists;
pub mod notice;
#[cfg(test)]
mod tests;
pub mod trace;

pub use audit::*;
pub use lists::*;
pub use notice::*;
pub use trace::*;

use hefu_primitives::Uscc;

use crate::code::Code;
use crate::exec::Context;
use crate::identity::{AUTHORITIES, Role};

/// Any key of an authority but a governor's.
///
/// # Errors
/// `E106`.
fn require_acting(ctx: &Context<'_, '_>) -> Result<(), Code> {
    if ctx.require(Role::Governor).is_ok() { Err(Code::RoleMissing) } else { Ok(()) }
}

/// Whether an authority is of the signer's member.
fn is_own(ctx: &Context<'_, '_>, code: &Uscc) -> bool {
    ctx.state.get(&AUTHORITIES, code).is_some_and(|found| found.member == ctx.region())
}
