//! Attesting a stock of certificates with one act, and making a record of one of them.
//!
//! Rules:
//! 1. A batch is the issuer's word on every leaf of it, given when the batch was recorded: a leaf
//!    that becomes a record counts, and is judged by the rules, as of then.
//! 2. Anybody who has a leaf and its proof can make a record of it, once: on demand, or in the
//!    transaction of its first change of status. What was never asked for costs no record.
//! 3. What nobody can see in a root is refused when it comes to light: an identifier that another
//!    certificate carries (`E303`), a personal number (`E306`), a certificate that the issuer could
//!    not have attested. Such a leaf never becomes a record.
//! 4. A leaf takes no other certificate's place: stock has no history here.
//!
//! This module does not know how a holder's licence library keeps its leaves.

use hefu_primitives::{H32, Height, Id16, Millis, Region, TypeCode, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use hefu_primitives::codec::Canonical;

use super::attest::{Attest, Word, adopted_type};
use super::records::{ATTESTATIONS, Attestation, TYPES};
use crate::code::Code;
use crate::common::Stamp;
use crate::exec::Context;
use crate::identity::Role;
use crate::leaf::{LeafProof, is_batch};
use crate::state::Table;

/// Batches by id.
pub const BATCHES: Table<Id16, CertificateBatch> = Table::proven(0x25);
/// The attestation that a leaf of a batch became.
pub const LEAVES: Table<(Id16, u32), Id16> = Table::unproven(0xa2);
/// Batches of an issuer, in the order they were recorded.
pub const BATCHES_BY_ISSUER: Table<(Uscc, Height, Id16), ()> = Table::unproven(0xa4);

/// A batch.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct CertificateBatch {
    /// What was attested.
    #[n(0)]
    pub body: AttestBatch,
    /// The issuer of every leaf.
    #[n(1)]
    pub issuer: Uscc,
    /// Its province.
    #[n(2)]
    pub region: Region,
    /// When it was recorded.
    #[n(3)]
    pub made: Stamp,
}

/// Where an attestation comes from that was a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct FromBatch {
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

impl Attestation {
    /// Whether it was no record after a height, but a leaf of a batch: attested, and not to be
    /// found by its id.
    pub fn is_leaf_at(&self, height: Height) -> bool {
        self.made.height <= height && self.leaf.is_some_and(|leaf| leaf.recorded.height > height)
    }
}

/// Attests many certificates of one type: stock, or a night's volume.
///
/// Who: issuer. Pre: a new id (`E114`); the type's version is adopted (`E301`) and within the mandate
/// (`E302`); one to 2^20 leaves, a root, and the type's schema (`E315`); it did not happen in the
/// future (`E112`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttestBatch {
    /// Random id.
    #[n(0)]
    pub batch_id: Id16,
    /// Root of the tree over the leaves.
    #[n(1)]
    pub root: H32,
    /// How many leaves it has.
    #[n(2)]
    pub count: u32,
    /// The type of all.
    #[n(3)]
    pub type_code: TypeCode,
    /// The type's version.
    #[n(4)]
    pub type_version: u16,
    /// Digest of the type's schema, by which contents are committed to.
    #[n(5)]
    pub schema: H32,
    /// When it was made, as the signer says.
    #[n(6)]
    pub occurred_at: Millis,
}

impl AttestBatch {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        ctx.require(Role::Issuer)?;
        if ctx.state.has(&BATCHES, &self.batch_id) {
            return Err(Code::IdReused);
        }
        let kind = adopted_type(ctx, &(self.type_code, self.type_version))?;
        if !ctx.signer.authority.may_issue.contains(&self.type_code) {
            return Err(Code::NoMandate);
        }
        if !is_batch(self.root, self.count) || self.schema != kind.terms.schema_digest {
            return Err(Code::BadBatch);
        }
        let made = ctx.stamp(self.occurred_at)?;
        let (issuer, region, id) = (ctx.actor(), ctx.region(), self.batch_id);
        let batch = CertificateBatch { body: self.clone(), issuer, region, made };
        ctx.state.put(&BATCHES, &id, &batch);
        ctx.state.put(&BATCHES_BY_ISSUER, &(issuer, ctx.block.height, id), &());
        ctx.emit("batch_attested", format!("bat:{id}"), vec![format!("count_{}", self.count)]);
        Ok(())
    }
}

/// Makes a record of a leaf.
///
/// Who: any key of an authority but a governor's (`E106`). Pre: the batch is known, and the leaf's
/// type is the batch's (`E315`); the proof leads to its root (`E316`); the leaf is no record yet,
/// nor its id used (`E114`); it takes no other's place (`E309`); and the rules of `Attest` on
/// regions, commitments, identifiers, days and seals, as of the batch (`E118`, `E303`–`E308`,
/// `E319`, `E112`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Materialise {
    /// The batch.
    #[n(0)]
    pub batch_id: Id16,
    /// The proof.
    #[n(1)]
    pub proof: LeafProof,
    /// The leaf's body.
    #[n(2)]
    pub attestation: Attest,
}

impl Materialise {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        ctx.require_office()?;
        let certificate = &self.attestation;
        let batch = ctx.state.get(&BATCHES, &self.batch_id).ok_or(Code::BadBatch)?;
        let kind = (certificate.type_code, certificate.type_version);
        if kind != (batch.body.type_code, batch.body.type_version) {
            return Err(Code::BadBatch);
        }
        if !self.proof.leads(&certificate.to_bytes(), batch.body.root, batch.body.count) {
            return Err(Code::BadProof);
        }
        let place = (self.batch_id, self.proof.leaf);
        if ctx.state.has(&LEAVES, &place) || ctx.state.has(&ATTESTATIONS, &certificate.id) {
            return Err(Code::IdReused);
        }
        if certificate.previous.is_some() {
            return Err(Code::PrevInvalid);
        }
        // Whatever became of the type since: it was adopted when the batch was recorded.
        let terms = ctx.state.get(&TYPES, &kind).ok_or(Code::TypeNotAdopted)?.terms;
        let made = Stamp { occurred_at: certificate.occurred_at, ..batch.made };
        let word = Word { issuer: batch.issuer, region: batch.region, made };
        let latest = made.time.0.saturating_add(ctx.parameters.max_future_ms);
        if made.occurred_at.0 > latest {
            return Err(Code::FutureTime);
        }
        certificate.check(ctx, &terms, &word)?;
        let (leaf, recorded) = (self.proof.leaf, ctx.stamp_now());
        let from = FromBatch { batch: self.batch_id, leaf, recorded };
        ctx.state.put(&LEAVES, &place, &certificate.id);
        let record = certificate.record(batch.issuer, made, Some(from));
        certificate.write(ctx, record, "materialised");
        Ok(())
    }
}
