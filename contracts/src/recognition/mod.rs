//! Recognition: agreements between provinces, and what authorities decided on certificates.
//!
//! Rules:
//! 1. **A decision is judged as of the height it names**: by what the ledger then knew, about the
//!    Beijing day of that height. What became known later does not make it wrong.
//! 2. **Every checkable reason is true or false** by the table below. An acceptance must stand on
//!    the agreement it names; a refusal must stand against every agreement there is.
//! 3. **Nothing that happened is refused**: a wrong refusal is recorded with its flag. Refused is
//!    only what is malformed, or signed without a mandate.
//! 4. **A verdict can be judged again** at any later time from the records alone, and is the same
//!    byte for byte ([`judge_again`]).
//! 5. **States are derived** from signatures, pauses and notices with their heights, and the day;
//!    no transaction is needed for an agreement to come into force or to end.
//!
//! # Truth of the checkable reasons
//!
//! `h` is the checked height, `d` its Beijing day. A reason about a certificate that was not
//! attested up to `h` is false, but for 02.
//!
//! | code | true when |
//! |---|---|
//! | 01 `TYPE_NOT_LISTED` | no agreement in force between the two provinces lists the type with a least version up to the certificate's; or the scenario's own list does not; or the type's version is paused |
//! | 02 `NOT_FOUND` | not attested up to `h`, or only as a leaf of a batch that was no record yet |
//! | 04 `SUSPENDED` | status suspended about `d` as known at `h` |
//! | 05 `REVOKED` | status revoked, likewise |
//! | 06 `EXPIRED` | `d` is after the last day of validity, whatever the status |
//! | 07 `SUPERSEDED` | status superseded, or transferred to another province, likewise |
//! | 09 `ISSUER_KEY_INVALID`, 20 `QUESTIONED_KEY` | it rests on an act of a key compromised before, and nobody reaffirmed it up to `h`. The ledger takes no act of a key that is not accepted, so this is the one way in which an issuer's key can turn out invalid |
//! | 12 `AGREEMENT_NOT_IN_FORCE` | no agreement between the two provinces is in force on `d`, neither suspended; or all that list the type in the scenario are paused there by one of the two |
//! | 13 `SCENARIO_NOT_COVERED` | none in force lists the type in this scenario; or the scenario is paused or retired |
//! | 19 `NOT_YET_VALID` | `d` is before the first day of validity, whatever the status |
//!
//! Inside one province no agreement is needed: 12 is false, 01 and 13 depend on the scenario
//! alone. With no agreement in force 01 and 13 are true as well as 12.
//!
//! # Flags
//!
//! | flag | set when |
//! |---|---|
//! | `CONSISTENT` | no reason given is false, neither of the next two flags is set, and what was relied on is covered, or the condition says truly why not |
//! | `REFUSED_WHILE_VALID` | refused, and a checkable reason is false; or nothing but 99 is given and no checkable reason would be true |
//! | `ACCEPTED_WHILE_INVALID` | accepted while not valid: not attested, suspended, revoked, superseded, expired, not yet valid or in question; or accepted under a condition then, and no reason given is true |
//! | `STALE_CHECK` | block time is later than the time of `h` by more than the scenario's freshness |
//! | `OUT_OF_SCOPE` | the agreement named does not cover type, version and scenario between the two provinces, or the item is not the scenario's; without an agreement, unless both are one province |
//! | `REPEAT_DEMAND` | the authority decided on this certificate in this case before, but for what is being corrected |
//! | `UNFIT_FOR_BATCH` | it stood in a batch, and is no acceptance or not consistent |
//! | `SEAL_CONTRADICTED` | the seal was said to be genuine, and the issuer keeps a registry that, as known at `h`, does not bear it out |
//! | `SEAL_UNCHECKED` | relied on without a genuine seal, and the scenario asks for its check |
//!
//! The first three are about truth, the others stand beside them: a stale check can be consistent.
//! `BASIS_ANNULLED` is derived later ([`Decision::is_basis_annulled`]).
//!
//! Tables: proven 0x28–0x2f, unproven 0xa8–0xaf. This module does not know why a certificate was
//! issued or changed, nor what became of the case it was needed for.

pub mod agreement;
pub mod agreement_acts;
pub mod batch;
pub mod decision;
pub mod decision_acts;
pub mod facts;
pub mod heights;
pub mod reason;
pub mod replay;
#[cfg(test)]
mod tests;

pub use agreement::*;
pub use agreement_acts::*;
pub use batch::*;
pub use decision::*;
pub use decision_acts::*;
pub use facts::{Coverage, Question, coverage};
pub use reason::{Facts, Reason};
pub use replay::judge_again;

use crate::exec::BlockInfo;
use crate::state::State;

/// What recognition does at the start of every block: notes when it is, and lets go of types that
/// agreements over by now have listed.
pub(crate) fn begin_block(block: &BlockInfo, state: &mut State<'_>) {
    heights::record(block, state);
    agreement::release_types(block, state);
}
