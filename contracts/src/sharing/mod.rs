//! The sharing of data between authorities: catalogue, requests, grants, and receipts of use.
//!
//! Rules:
//! 1. **No payload.** The ledger holds who may use what, and that it was used; the data itself
//!    goes through the exchange platforms that exist.
//! 2. **A grant stands on a purpose** in the consumer's mandate, a term and a cap on each Beijing
//!    day. Unconditionally shared data is granted by the ledger in the same act.
//! 3. **What happened is recorded**: a use over its cap, after its grant's end or without a case
//!    gets a flag. Only a use that no grant ever covered is refused.
//! 4. **Lateness is derived** from block times and the work calendar ([`clock`]); silence never
//!    becomes a grant.
//! 5. A successor of an authority has its powers and duties here.
//!
//! Tables: proven 0x30–0x3f for what changes, unproven 0xb0–0xbf for what merely happened and for
//! indexes. This module does not know certificates or their recognition.

pub mod catalogue;
pub mod clock;
pub mod consent;
pub mod grant;
pub mod receipt;
pub mod request;
#[cfg(test)]
mod tests;
mod text;
pub mod window;

pub use catalogue::*;
pub use clock::{RECEIPT_ANSWER_DAYS, RequestClocks, is_answer_late, request_clocks};
pub use consent::CatalogueConsent;
pub use grant::*;
pub use receipt::*;
pub use request::*;
pub use window::*;

use hefu_primitives::Uscc;
use hefu_primitives::time::WorkCalendar;

use crate::exec::Context;
use crate::identity::{CALENDARS, succeeds};

/// Whether the signer has the powers of an authority.
fn signs_for(ctx: &Context<'_, '_>, authority: Uscc) -> bool {
    acts_for(ctx, authority, ctx.actor())
}

/// Whether `actor` has the powers of `origin`.
fn acts_for(ctx: &Context<'_, '_>, origin: Uscc, actor: Uscc) -> bool {
    succeeds(&*ctx.state, &origin, &actor)
}

/// The work calendars adopted on the ledger.
fn calendars<'a>(ctx: &'a Context<'_, '_>) -> impl FnMut(u16) -> Option<WorkCalendar> + 'a {
    |year| ctx.state.get(&CALENDARS, &year)
}
