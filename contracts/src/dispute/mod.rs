//! Disputes (异议): two authorities disagree about a record, consult, and if they cannot agree a
//! panel of provinces that are no parties rules.
//!
//! ```text
//! – ─ OpenDispute ─▶ OPEN ─ AckDispute ─▶ ACKED ─ ProposeSettlement, AgreeSettlement ─▶ SETTLED
//!                     │                    │
//!                     └── EscalateDispute ─┴─▶ ESCALATED ─ RuleDispute, two of the panel ─▶ RULED
//! OPEN, ACKED, ESCALATED ─ WithdrawDispute ─▶ WITHDRAWN
//! ```
//!
//! Rules:
//! 1. **A ruling never rewrites a record.** It obliges somebody to a follow-up, and stays
//!    unfulfilled until that is seen ([`follow`]): in the records where they can show it, else in
//!    the word of the respondent.
//! 2. **Who is a party follows from the subject** ([`subject`]); an auditor may open a dispute
//!    about any.
//! 3. **Nobody rules in their own matter**: provinces of the parties are not drawn ([`panel`]).
//! 4. Clocks ([`clocks`]): three working days to acknowledge, ten to consult (or what the agreement
//!    says that a disputed decision rests on), twenty to rule. An act that starts one is refused
//!    without its calendar (`E111`).
//!
//! Where the table of domain.md §3.13 is silent:
//!
//! * One dispute of a kind about one subject at a time (`E803`); evidence is added to it.
//! * Each side may state sixteen pieces of evidence. A new proposal of a settlement takes the place
//!   of the last; only the other side can agree, to the same outcome and terms.
//! * A ruling is a province's act: its governors sign, two of three. A member of the panel may
//!   change its vote until two agree, so that three different votes are no end.
//! * With fewer than three provinces that are no parties all of them are the panel, and two must
//!   still agree; with fewer than two nobody can rule (`E807`), and the parties are left to settle.
//! * Where the ledger has a coordinator, whoever escalates chooses between it and the panel; the key
//!   that is named then rules alone. Without one everything goes to a panel.
//! * What came of a disputed decision on a certificate is derived ([`challenge_of`]).
//!
//! Tables: proven 0x50–0x57, unproven 0xd0–0xd7.

pub mod acts;
pub mod follow;
pub mod open;
pub mod panel;
pub mod record;
pub mod subject;
#[cfg(test)]
mod tests;

pub use acts::{
    AckDispute, AddEvidence, AgreeSettlement, EscalateDispute, ProposeSettlement, ReportFulfilment,
    RuleDispute, WithdrawDispute,
};
pub use follow::{
    Challenge, DisputeClocks, FORGERY_DAYS, ForgeryDuty, challenge_of, clocks, forgery_duty,
    is_fulfilled,
};
pub use open::OpenDispute;
pub use panel::draw;
pub use record::*;
pub use subject::Subject;

use crate::exec::BlockInfo;
use crate::state::State;

/// Working days in which a respondent acknowledges.
pub const ACK_DAYS: u16 = 3;
/// Working days of consultation, where no agreement says otherwise.
pub const CONSULTATION_DAYS: u16 = 10;
/// Working days in which the panel rules.
pub const RULING_DAYS: u16 = 20;
/// Members of a panel.
pub const PANEL: usize = 3;
/// Votes that make a ruling, and the least panel there can be.
pub const PANEL_NEEDED: usize = 2;

/// What disputes do at the start of every block: panels are drawn for what the block before
/// escalated.
pub(crate) fn begin_block(block: &BlockInfo, state: &mut State<'_>) {
    panel::draw_pending(block, state);
}
