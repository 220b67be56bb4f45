//! The act that opens a dispute.

use hefu_primitives::{H32, Id16, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::ACK_DAYS;
use super::record::{
    DISPUTES, DISPUTES_BY_PARTY, DISPUTES_BY_SUBJECT, Dispute, DisputeKind, DisputeState,
    OPEN_DISPUTES,
};
use super::subject::{Subject, standing};
use crate::clock;
use crate::code::Code;
use crate::common::{EvidenceRef, MAX_EVIDENCE};
use crate::exec::Context;
use crate::identity::Role;

/// Opens a dispute.
///
/// Who: a party to the subject, with any key but a governor's; or an auditor's key.
///
/// Errors: `E106` a governor's key · `E114` id used · `E802` no such record · `E806` the kind does
/// not fit the record or its state · `E801` the signer or the respondent is no party · `E803` there
/// is an open dispute of this kind about it · `E118` no commitment to the statement · `E413` a
/// piece of evidence is zero, or there are more than eight · `E111` no calendar for the clock.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenDispute {
    /// Random id.
    #[n(0)]
    pub dispute_id: Id16,
    /// What kind of dispute.
    #[n(1)]
    pub kind: DisputeKind,
    /// About what.
    #[n(2)]
    pub subject: Subject,
    /// Who is to answer.
    #[n(3)]
    pub respondent: Uscc,
    /// Salted commitment to the statement.
    #[n(4)]
    pub statement: H32,
    /// Evidence, at most eight.
    #[n(5)]
    #[serde(default)]
    pub evidence: Vec<EvidenceRef>,
}

impl OpenDispute {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        if ctx.require(Role::Governor).is_ok() {
            return Err(Code::RoleMissing);
        }
        if self.statement == H32::ZERO {
            return Err(Code::BadField);
        }
        let given = self.evidence.iter().all(EvidenceRef::is_given);
        if !given || self.evidence.len() > MAX_EVIDENCE {
            return Err(Code::EvidenceRequired);
        }
        if ctx.state.has(&DISPUTES, &self.dispute_id) {
            return Err(Code::IdReused);
        }
        let standing = standing(ctx, self.kind, &self.subject, &self.respondent)?;
        let open = (self.subject.to_string(), self.kind as u8);
        if ctx.state.has(&OPEN_DISPUTES, &open) {
            return Err(Code::DuplicateDispute);
        }
        clock::begin(ctx, ACK_DAYS)?;
        let dispute = Dispute {
            body: self.clone(),
            opener: ctx.actor(),
            by_auditor: standing.by_auditor,
            conflicted: standing.conflicted,
            consultation_days: standing.consultation_days,
            state: DisputeState::Open,
            opened: ctx.stamp_now(),
            acked: None,
            evidence: Vec::new(),
            proposal: None,
            escalated: None,
            panel: Vec::new(),
            votes: Vec::new(),
            end: None,
            fulfilment: None,
            withdrawn: None,
            arbiter: None,
        };
        let (id, height) = (self.dispute_id, ctx.block.height);
        ctx.state.put(&OPEN_DISPUTES, &open, &id);
        ctx.state.put(&DISPUTES_BY_SUBJECT, &(open.0.clone(), height, id), &());
        ctx.state.put(&DISPUTES_BY_PARTY, &(ctx.actor(), height, id), &());
        ctx.state.put(&DISPUTES_BY_PARTY, &(self.respondent, height, id), &());
        super::acts::put(ctx, &dispute, "dispute_opened", vec![open.0]);
        Ok(())
    }
}
