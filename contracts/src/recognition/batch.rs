//! Decisions by the hour: the acceptances of a busy counter under one root.
//!
//! Rules:
//! 1. A batch is an authority's word that it accepted every certificate in it, as the ledger bore out;
//!    anything else is recorded singly, so that a refusal always shows (`E417`).
//! 2. Anybody who has a leaf and its proof can make a record of it. It is judged like any decision, as
//!    of the height it names, and as recorded when its batch was. What turns out unfit for a batch is
//!    recorded with a flag: the word was false.
//!
//! What was accepted and never opened is not found by a certificate's id. Of a certificate that was
//! annulled retroactively the ledger tells which batches may rest on it
//! ([`DecisionBatch::may_rest_on`]): whoever needs to know asks their authorities, and what they open
//! then has `BASIS_ANNULLED` like any decision.

use hefu_primitives::codec::Canonical;
use hefu_primitives::time::Day;
use hefu_primitives::{H32, Height, Id16, Millis, Region, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::agreement::AGREEMENTS;
use super::decision::is_annulment;
use super::decision_acts::{Decide, Maker};
use crate::certificate::{Attestation, SCENARIOS, ScenarioTerms, StatusChange};
use crate::code::Code;
use crate::common::Stamp;
use crate::exec::Context;
use crate::identity::Role;
use crate::leaf::{LeafProof, is_batch};
use crate::state::Table;

/// Batches by id.
pub const DECISION_BATCHES: Table<Id16, DecisionBatch> = Table::proven(0x2a);
/// Batches of an authority, in the order they were recorded.
pub const DECISION_BATCHES_BY_AUTHORITY: Table<(Uscc, Height, Id16), ()> = Table::unproven(0xa6);
/// The decision that a leaf of a batch became.
pub const DECISION_LEAVES: Table<(Id16, u32), Id16> = Table::unproven(0xa7);

/// Longest span of a batch, in milliseconds: an hour.
pub const MAX_SPAN_MS: u64 = 3_600_000;

/// A batch.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct DecisionBatch {
    /// What was recorded.
    #[n(0)]
    pub body: DecideBatch,
    /// The authority that decided.
    #[n(1)]
    pub relying: Uscc,
    /// Its province.
    #[n(2)]
    pub region: Region,
    /// When it was recorded.
    #[n(3)]
    pub made: Stamp,
}

impl DecisionBatch {
    /// Whether a leaf of it may rest on a certificate that was annulled afterwards, as known at a
    /// height: in a scenario that takes its type, and decided on a day that the annulment reaches
    /// back to, before it was recorded.
    pub fn may_rest_on(
        &self,
        attestation: &Attestation,
        scenario: &ScenarioTerms,
        height: Height,
    ) -> bool {
        let last = Day::of_beijing(self.body.to);
        let listed = scenario.types.iter().any(|listed| listed.code == attestation.type_code);
        let reaches = |change: &StatusChange| {
            is_annulment(change)
                && change.stamp.height <= height
                && change.effective <= last
                && self.body.from <= change.stamp.time
        };
        listed && scenario.id == self.body.scenario && attestation.changes.iter().any(reaches)
    }
}

/// The leaf that a decision was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct DecisionLeaf {
    /// The batch.
    #[n(0)]
    pub batch: Id16,
    /// Its place there.
    #[n(1)]
    pub leaf: u32,
    /// When it became a record, and under whose key.
    #[n(2)]
    pub recorded: Stamp,
}

/// Records the acceptances of at most an hour in one scenario.
///
/// Who: a verifier key of an authority with a mandate to rely on certificates in the scenario.
///
/// Errors: `E106` · `E334` no such scenario · `E415` no mandate for it · `E114` id used · `E118` no
/// root, no leaf or more than 2^20, or a span that is backwards or longer than an hour · `E417` not
/// all are acceptances · `E405` no such agreement · `E112` it ends in the future.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecideBatch {
    /// Random id.
    #[n(0)]
    pub batch_id: Id16,
    /// Root of the tree over the decisions.
    #[n(1)]
    pub root: H32,
    /// How many there are.
    #[n(2)]
    pub count: u32,
    /// How many of them accept, and agree with the ledger: all.
    #[n(3)]
    pub accepted: u32,
    /// The scenario of all.
    #[n(4)]
    pub scenario: u32,
    /// The agreement all rest on; none inside one's own province.
    #[n(5)]
    pub agreement: Option<Id16>,
    /// When the first was decided.
    #[n(6)]
    pub from: Millis,
    /// When the last was.
    #[n(7)]
    pub to: Millis,
}

impl DecideBatch {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        ctx.require(Role::Verifier)?;
        ctx.state.get(&SCENARIOS, &self.scenario).ok_or(Code::UnknownScenario)?;
        if !ctx.signer.authority.may_rely.contains(&self.scenario) {
            return Err(Code::NoRelyingMandate);
        }
        if ctx.state.has(&DECISION_BATCHES, &self.batch_id) {
            return Err(Code::IdReused);
        }
        let span = self.to.0.checked_sub(self.from.0);
        if !is_batch(self.root, self.count) || span.is_none_or(|span| span > MAX_SPAN_MS) {
            return Err(Code::BadField);
        }
        if self.accepted != self.count {
            return Err(Code::BatchHasRefusal);
        }
        if self.agreement.is_some_and(|id| !ctx.state.has(&AGREEMENTS, &id)) {
            return Err(Code::UnknownAgreement);
        }
        let made = ctx.stamp(self.to)?;
        let (relying, region, id) = (ctx.actor(), ctx.region(), self.batch_id);
        let batch = DecisionBatch { body: self.clone(), relying, region, made };
        ctx.state.put(&DECISION_BATCHES, &id, &batch);
        ctx.state.put(&DECISION_BATCHES_BY_AUTHORITY, &(relying, ctx.block.height, id), &());
        let count = vec![format!("count_{}", self.count)];
        ctx.emit("decisions_batched", format!("dba:{id}"), count);
        Ok(())
    }
}

/// Makes a record of a decision that is a leaf of a batch: for a dispute, or for an auditor.
///
/// Who: any key of an authority but a governor's.
///
/// Errors: `E106` · `E420` no such batch · `E316` the proof does not lead to its root · `E114` it is a
/// record already, or its id is used · `E118` of another scenario, agreement or time than the batch ·
/// and those of `Decide` about the decision itself, as of the batch.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenDecision {
    /// The batch.
    #[n(0)]
    pub batch_id: Id16,
    /// The proof.
    #[n(1)]
    pub proof: LeafProof,
    /// The leaf's body.
    #[n(2)]
    pub decision: Decide,
}

impl OpenDecision {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        ctx.require_office()?;
        let (batch_id, decision) = (self.batch_id, &self.decision);
        let batch =
            ctx.state.get(&DECISION_BATCHES, &batch_id).ok_or(Code::UnknownDecisionBatch)?;
        let body = &batch.body;
        if !self.proof.leads(&decision.to_bytes(), body.root, body.count) {
            return Err(Code::BadProof);
        }
        let place = (batch_id, self.proof.leaf);
        if ctx.state.has(&DECISION_LEAVES, &place) {
            return Err(Code::IdReused);
        }
        let same = (decision.scenario, decision.agreement) == (body.scenario, body.agreement);
        if !same || !(body.from..=body.to).contains(&decision.decided_at) {
            return Err(Code::BadField);
        }
        let (leaf, recorded) = (self.proof.leaf, ctx.stamp_now());
        let maker = Maker {
            relying: batch.relying,
            region: batch.region,
            stamp: Stamp { occurred_at: decision.decided_at, ..batch.made },
            leaf: Some(DecisionLeaf { batch: batch_id, leaf, recorded }),
        };
        ctx.state.put(&DECISION_LEAVES, &place, &decision.dec_id);
        decision.record(ctx, &maker, None)
    }
}
