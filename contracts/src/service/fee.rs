//! Fees of a case (非税支付): that one was settled and when, never what, how much or by whom.

use hefu_primitives::{H32, Id16, Millis};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::case::CaseState;
use super::{find, in_state, put, signs_for};
use crate::code::Code;
use crate::common::Stamp;
use crate::exec::Context;
use crate::identity::Role;

/// Most fees of a case.
pub const MAX_FEES: usize = 8;
/// States in which a fee may be settled: from the check until the case is over.
const DUE: &[CaseState] = &[
    CaseState::Ready,
    CaseState::HandedOver,
    CaseState::AtHandler,
    CaseState::Supplement,
    CaseState::Accepted,
    CaseState::Paused,
    CaseState::Decided,
    CaseState::Dispatched,
    CaseState::Delivered,
];

/// A fee that was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct FeeRecord {
    /// Salted commitment to the receipt of the payment platform.
    #[n(0)]
    pub receipt: H32,
    /// When.
    #[n(1)]
    pub stamp: Stamp,
}

/// Records that a fee of a case was settled (非税支付).
///
/// Who: the handler with a handler key, or the receiver with a window key.
///
/// Errors: `E106` · `E619` no such case · `E622` neither · `E620` not checked yet, or over · `E118` a
/// zero commitment, one that was recorded before, or more than eight fees · `E112`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettleFee {
    /// The case.
    #[n(0)]
    pub case_id: Id16,
    /// Salted commitment to the receipt of the payment platform.
    #[n(1)]
    pub receipt: H32,
    /// When it was paid.
    #[n(2)]
    pub occurred_at: Millis,
}

impl SettleFee {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let case = find(ctx, &self.case_id)?;
        if signs_for(ctx, &case.body.handler) {
            ctx.require(Role::Handler)?;
        } else if signs_for(ctx, &case.receiver) {
            ctx.require(Role::Window)?;
        } else {
            return Err(Code::NotHandler);
        }
        let mut case = in_state(case, DUE)?;
        let stamp = ctx.stamp(self.occurred_at)?;
        let fees = case.fees.get_or_insert_default();
        let known = fees.iter().any(|fee| fee.receipt == self.receipt);
        if known || self.receipt == H32::ZERO || fees.len() >= MAX_FEES {
            return Err(Code::BadField);
        }
        fees.push(FeeRecord { receipt: self.receipt, stamp });
        put(ctx, &case, "fee_settled", Vec::new());
        Ok(())
    }
}
