//! The draw of a panel.
//!
//! The panel of a dispute that was escalated in block h is drawn at the start of block h + 1, from
//! the id of block h: nobody who escalates knows it, since the id covers the block's transactions,
//! roots and time.
//!
//! The draw, for the candidates `c` in ascending order, the block id `b` and the dispute id `d`:
//!
//! ```text
//! for k in 0, 1, 2 while c is not empty:
//!     r = the first eight bytes, big-endian, of hash(Digest, "hefu dispute panel" ‖ b ‖ d ‖ k)
//!     take c[r mod |c|] out of c; it is the k-th member
//! ```
//!
//! Candidates are the members that may act and are not of the parties' provinces.
//!
//! How far it can be bent:
//!
//! * The remainder favours a candidate by less than |c| / 2^64, with 64 candidates under 2^-58.
//! * Who proposes block h can try blocks: with t tries it has the best of t panels. If a share p of
//!   panels suits it, one of t tries does with 1 − (1 − p)^t ≤ t·p. It must then still be the
//!   proposer of that height, and its tries must fit into a proposal's time; a validator that
//!   proposes rarely and late is seen. Against that the panel needs two agreeing provinces, and
//!   with four founders there is nothing to draw: the two that are no parties are the panel.
//! * Who escalates can choose the block to try for, not its id.

use hefu_primitives::hash::hash;
use hefu_primitives::{BlockId, Domain, Id16, Region};

use super::PANEL;
use super::record::{DISPUTES, DRAWS, Dispute};
use crate::exec::BlockInfo;
use crate::identity::{MEMBERS, MemberState};
use crate::state::{State, StateView};

/// Separates the draw from other digests.
const LABEL: &[u8] = b"hefu dispute panel";
/// Most panels drawn in one block; more wait for the next, and its parent's id.
const MAX_DRAWS: usize = 256;

/// The members that may rule in a dispute, ascending.
pub(super) fn candidates(view: &dyn StateView, dispute: &Dispute) -> Vec<Region> {
    let most = hefu_primitives::bounds::MAX_VALIDATORS.saturating_mul(2);
    let members = MEMBERS.read_all(view, &(), most);
    let active = members.into_iter().filter(|(_, member)| {
        matches!(member.state, MemberState::Active | MemberState::Leaving)
            && !dispute.conflicted.contains(&member.region)
    });
    active.map(|(_, member)| member.region).collect()
}

/// Draws a panel from candidates in ascending order.
pub fn draw(mut candidates: Vec<Region>, block: &BlockId, dispute: &Id16) -> Vec<Region> {
    let mut panel = Vec::new();
    for place in 0..PANEL as u8 {
        let count = candidates.len() as u64;
        let digest = hash(Domain::Digest, &[LABEL, block.as_bytes(), dispute.as_bytes(), &[place]]);
        let [a, b, c, d, e, f, g, h, ..] = digest.0;
        let number = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        let Some(taken) = number.checked_rem(count) else { break };
        panel.push(candidates.remove(taken as usize));
    }
    panel
}

/// Draws the panels of what the block before escalated.
pub(super) fn draw_pending(block: &BlockInfo, state: &mut State<'_>) {
    for (key, ()) in state.scan(&DRAWS, &(), MAX_DRAWS) {
        let Some(id) = key.last_chunk().copied().map(Id16) else { continue };
        state.delete(&DRAWS, &id);
        if let Some(mut dispute) = state.get(&DISPUTES, &id) {
            dispute.panel = draw(candidates(&*state, &dispute), &block.parent, &id);
            state.put(&DISPUTES, &id, &dispute);
        }
    }
}
