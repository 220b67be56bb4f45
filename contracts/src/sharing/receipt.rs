//! Receipts: evidence that data was used under a grant, signed by one side or by both.
//!
//! ```text
//! –         ─ put, both signatures ─▶ CONFIRMED (final)
//! –         ─ put, one signature ─▶ ONE_SIDED ─ other side ─▶ CONFIRMED | CONTESTED (final)
//! ```
//!
//! Rules:
//! 1. A use must fall into the life of its grant: from its giving and the first day of its term,
//!    until its term ends or it is revoked, and a few hours after that (a ledger parameter) with
//!    the flag `AFTER_EXPIRY`. Anything else has no grant (`E521`).
//! 2. A use over the day's cap, without a case, or while the grant was suspended really happened:
//!    it is recorded with a flag. The day is the Beijing day of `t0`; every receipt counts as one
//!    use, also a one-sided or contested one.
//! 3. The other side's signature covers the chain and the canonical receipt, so that neither can
//!    be moved to another ledger or another receipt.
//!
//! A receipt never changes: the answer of the other side is a record of its own, so that its
//! absence can be proven.

use hefu_primitives::codec::Canonical;
use hefu_primitives::time::{DAY_MS, Day};
use hefu_primitives::{ChainId, Domain, H32, Id16, KeyId, Millis, Signature, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::catalogue::CATALOGUE;
use super::grant::{GRANTS, Grant, GrantState};
use super::request::PurposeKind;
use super::{acts_for, clock};
use crate::code::Code;
use crate::common::{EvidenceRef, Stamp};
use crate::exec::Context;
use crate::identity::{AUTHORITIES, AuthorityState, KEYS, MEMBERS, Role};
use crate::state::Table;

/// Receipts by id.
pub const RECEIPTS: Table<Id16, ReceiptRecord> = Table::unproven(0xb8);
/// Answers to one-sided receipts, by the receipt's id.
pub const RECEIPT_ANSWERS: Table<Id16, ReceiptAnswer> = Table::proven(0x39);
/// Uses of a grant on a Beijing day, written as YYYYMMDD.
pub const USAGE: Table<(Id16, u32), Usage> = Table::unproven(0xba);
/// Receipts of a grant in the order of their use.
pub const RECEIPTS_BY_GRANT: Table<(Id16, Millis, Id16), ()> = Table::unproven(0xbb);

/// Longest use, in milliseconds: a day.
const MAX_USE_MS: u64 = DAY_MS;

/// What kind of use it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum UseKind {
    /// A query.
    #[n(0)]
    Query,
    /// A question answered with yes or no.
    #[n(1)]
    Verify,
    /// A file.
    #[n(2)]
    File,
    /// A delivery under a subscription.
    #[n(3)]
    Subscribe,
}

/// How a use ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UseResult {
    /// With data.
    #[n(0)]
    Ok,
    /// With nothing found.
    #[n(1)]
    Empty,
    /// With the exchange platform's error code.
    #[n(2)]
    Error(#[n(0)] u16),
}

/// What both sides of a use sign.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Random id.
    #[n(0)]
    pub rcp_id: Id16,
    /// The grant.
    #[n(1)]
    pub grant_id: Id16,
    /// Version of the catalogue entry in use.
    #[n(2)]
    pub cat_version: u16,
    /// Salted commitment to the case it was for.
    #[n(3)]
    pub case: Option<H32>,
    /// Kind of use.
    #[n(4)]
    pub kind: UseKind,
    /// How many records came back.
    #[n(5)]
    pub n_records: u32,
    /// Salted commitment to the request.
    #[n(6)]
    pub req: H32,
    /// Salted commitment to the response.
    #[n(7)]
    pub resp: H32,
    /// How it ended.
    #[n(8)]
    pub result: UseResult,
    /// When it began.
    #[n(9)]
    pub t0: Millis,
    /// When it ended.
    #[n(10)]
    pub t1: Millis,
}

impl Receipt {
    /// What the cosignature is over, under [`Domain::Cosignature`]: the chain id and the canonical
    /// receipt.
    pub fn signed_parts(&self, chain: &ChainId) -> ([u8; 32], Vec<u8>) {
        (*chain.as_bytes(), self.to_bytes())
    }

    /// The message that a cosigner signs: the hash of [`Receipt::signed_parts`].
    pub(crate) fn cosigned(&self, chain: &ChainId) -> H32 {
        let (chain, body) = self.signed_parts(chain);
        hefu_primitives::hash::hash(Domain::Cosignature, &[&chain, &body])
    }
}

/// The other side's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cosignature {
    /// Its key.
    #[n(0)]
    pub key: KeyId,
    /// The signature over [`Receipt::signed_parts`].
    #[n(1)]
    pub signature: Signature,
}

/// A side of a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The provider.
    #[n(0)]
    Provider,
    /// The consumer.
    #[n(1)]
    Consumer,
}

impl Side {
    const fn other(self) -> Self {
        match self {
            Self::Provider => Self::Consumer,
            Self::Consumer => Self::Provider,
        }
    }

    pub(super) const fn role(self) -> Role {
        match self {
            Self::Provider => Role::Provider,
            Self::Consumer => Role::Consumer,
        }
    }
}

/// What the ledger noticed about a use.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize,
)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptFlag {
    /// More uses on its day than the grant allows.
    #[n(0)]
    OverCap,
    /// After the end of the grant, within the hours allowed for lateness.
    #[n(1)]
    AfterExpiry,
    /// The purpose is an item, but no case is named.
    #[n(2)]
    NoCase,
    /// While the grant was suspended.
    #[n(3)]
    WhileSuspended,
    /// The two sides state different numbers of uses or records in an hour.
    #[n(4)]
    CountMismatch,
    /// The two sides state the same numbers in an hour, but not the same uses.
    #[n(5)]
    RootMismatch,
}

impl ReceiptFlag {
    /// The flag as events write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OverCap => "over_cap",
            Self::AfterExpiry => "after_expiry",
            Self::NoCase => "no_case",
            Self::WhileSuspended => "while_suspended",
            Self::CountMismatch => "count_mismatch",
            Self::RootMismatch => "root_mismatch",
        }
    }
}

/// A stored receipt.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct ReceiptRecord {
    /// What was signed.
    #[n(0)]
    pub receipt: Receipt,
    /// The other side's signature, when it came with it.
    #[n(1)]
    pub cosignature: Option<Cosignature>,
    /// Which side put it on the ledger.
    #[n(2)]
    pub put_by: Side,
    /// When.
    #[n(3)]
    pub stamp: Stamp,
    /// What the ledger noticed.
    #[n(4)]
    pub flags: Vec<ReceiptFlag>,
}

/// What the two sides say of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptState {
    /// Both sides signed or confirmed it.
    Confirmed,
    /// One side signed it.
    OneSided,
    /// The other side contests it.
    Contested,
}

impl ReceiptRecord {
    /// The state, given the other side's answer.
    pub fn state(&self, answer: Option<&ReceiptAnswer>) -> ReceiptState {
        match (self.cosignature, answer.map(|answer| answer.answer)) {
            (Some(_), _) | (None, Some(Answer::Confirm)) => ReceiptState::Confirmed,
            (None, Some(Answer::Contest { .. })) => ReceiptState::Contested,
            (None, None) => ReceiptState::OneSided,
        }
    }
}

/// Uses on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Usage {
    /// Receipts.
    #[n(0)]
    pub uses: u32,
    /// Records that came back.
    #[n(1)]
    pub records: u64,
}

/// Records a use of data.
///
/// Who: a provider key of the grant's provider or a consumer key of its consumer, or of the
/// successor; the other side may sign along.
///
/// Errors: `E118` times backwards or over a day apart, a commitment to a case or request that is
/// zero, or a version the entry did not have since the request · `E112` the use lies in the future · `E114`
/// id used · `E526` no such grant · `E522` a signer is neither side · `E106` a key lacks the role
/// of its side · `E523` both signers are the same side · `E104` `E105` `E210` `E102` the other side's
/// key is unknown or not accepted, or did not sign this · `E521` the grant did not exist then.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutReceipt {
    /// The receipt.
    #[n(0)]
    pub receipt: Receipt,
    /// The other side's signature.
    #[n(1)]
    pub cosignature: Option<Cosignature>,
}

impl PutReceipt {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let receipt = &self.receipt;
        check_duration(receipt)?;
        if receipt.case == Some(H32::ZERO) || receipt.req == H32::ZERO {
            return Err(Code::BadField);
        }
        let stamp = ctx.stamp(receipt.t1)?;
        if ctx.state.has(&RECEIPTS, &receipt.rcp_id) {
            return Err(Code::IdReused);
        }
        let grant = ctx.state.shared(&GRANTS, &receipt.grant_id).ok_or(Code::UnknownGrant)?;
        let side = side_of(ctx, &grant, ctx.actor()).ok_or(Code::NotReceiptParty)?;
        ctx.require(side.role())?;
        if let Some(cosignature) = &self.cosignature {
            check_cosignature(ctx, &grant, side, receipt, cosignature)?;
        }
        check_version(receipt, &grant, ctx)?;
        let mut flags = flags_of(receipt, &grant, ctx)?;
        if count_use(ctx, receipt) > grant.extent.per_day {
            flags.push(ReceiptFlag::OverCap);
        }
        flags.sort();
        let names = flags.iter().map(|flag| flag.name().to_owned()).collect();
        let (receipt, cosignature) = (receipt.clone(), self.cosignature);
        let record = ReceiptRecord { receipt, cosignature, put_by: side, stamp, flags };
        let id = record.receipt.rcp_id;
        ctx.state.put(&RECEIPTS, &id, &record);
        ctx.state.put(&RECEIPTS_BY_GRANT, &(grant.id, record.receipt.t0, id), &());
        let confirmed = self.cosignature.is_some();
        let kind = if confirmed { "receipt_confirmed" } else { "receipt_one_sided" };
        ctx.emit(kind, format!("rcp:{id}"), names);
        Ok(())
    }
}

fn check_duration(receipt: &Receipt) -> Result<(), Code> {
    match receipt.t1.0.checked_sub(receipt.t0.0) {
        Some(duration) if duration <= MAX_USE_MS => Ok(()),
        _ => Err(Code::BadField),
    }
}

/// The entry had this version at some time since the request.
fn check_version(receipt: &Receipt, grant: &Grant, ctx: &Context<'_, '_>) -> Result<(), Code> {
    let catalogue = ctx.state.shared(&CATALOGUE, &grant.cat_id).ok_or(Code::UnknownCatalogue)?;
    let versions = grant.cat_version..=catalogue.entry.version;
    if versions.contains(&receipt.cat_version) { Ok(()) } else { Err(Code::BadField) }
}

/// Which side of a grant an authority is on.
pub(super) fn side_of(ctx: &Context<'_, '_>, grant: &Grant, authority: Uscc) -> Option<Side> {
    if acts_for(ctx, grant.provider, authority) {
        Some(Side::Provider)
    } else if acts_for(ctx, grant.consumer, authority) {
        Some(Side::Consumer)
    } else {
        None
    }
}

/// Rule 3. The cosigning key is judged at block time, like the signer's.
fn check_cosignature(
    ctx: &Context<'_, '_>,
    grant: &Grant,
    signer: Side,
    receipt: &Receipt,
    cosignature: &Cosignature,
) -> Result<(), Code> {
    let key = ctx.state.shared(&KEYS, &cosignature.key).ok_or(Code::UnknownKey)?;
    let side = side_of(ctx, grant, key.owner).ok_or(Code::NotReceiptParty)?;
    if side != signer.other() {
        return Err(Code::SameSide);
    }
    let owner = ctx.state.shared(&AUTHORITIES, &key.owner).ok_or(Code::UnknownAuthority)?;
    if !key.is_accepted_at(ctx.block.time) || owner.state != AuthorityState::Active {
        return Err(Code::KeyNotActive);
    }
    let member = ctx.state.shared(&MEMBERS, &owner.member).ok_or(Code::UnknownMember)?;
    if !member.acts() {
        return Err(Code::MemberNotActive);
    }
    if !key.roles.contains(&side.role()) {
        return Err(Code::RoleMissing);
    }
    let message = receipt.cosigned(&ctx.block.chain);
    if ctx.cosignatures.verify(&key.key, message, &cosignature.signature) {
        Ok(())
    } else {
        Err(Code::BadSignature)
    }
}

/// Rules 1 and 2, but for the cap.
fn flags_of(
    receipt: &Receipt,
    grant: &Grant,
    ctx: &Context<'_, '_>,
) -> Result<Vec<ReceiptFlag>, Code> {
    let (begin, end) = (grant.given.time.max(grant.extent.from.start()), grant.end());
    let late_ms = u64::from(ctx.parameters.late_use_hours).saturating_mul(3_600_000);
    if receipt.t0 < begin || receipt.t0.0 >= end.0.saturating_add(late_ms) {
        return Err(Code::NoGrantAtTime);
    }
    let mut flags = Vec::new();
    if receipt.t0 >= end {
        flags.push(ReceiptFlag::AfterExpiry);
    } else if grant.state_at(receipt.t0) == GrantState::Suspended {
        flags.push(ReceiptFlag::WhileSuspended);
    }
    if grant.purpose.kind == PurposeKind::Item && receipt.case.is_none() {
        flags.push(ReceiptFlag::NoCase);
    }
    Ok(flags)
}

/// Counts a use; returns the uses of its day, this one included.
fn count_use(ctx: &mut Context<'_, '_>, receipt: &Receipt) -> u32 {
    let key = (receipt.grant_id, Day::of_beijing(receipt.t0).number());
    let mut usage = ctx.state.get(&USAGE, &key).unwrap_or_default();
    usage.uses = usage.uses.saturating_add(1);
    usage.records = usage.records.saturating_add(u64::from(receipt.n_records));
    ctx.state.put(&USAGE, &key, &usage);
    usage.uses
}

/// Why a receipt is contested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum ContestReason {
    /// The use did not happen.
    #[n(0)]
    NotUsed,
    /// The number of records differs.
    #[n(1)]
    CountDiffers,
    /// The request or response differs.
    #[n(2)]
    ContentDiffers,
    /// The times differ.
    #[n(3)]
    TimeDiffers,
    /// It was used for another case or purpose.
    #[n(4)]
    PurposeDiffers,
}

/// What the other side says of a one-sided receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It is as the receipt says.
    #[n(0)]
    Confirm,
    /// It is not.
    #[n(1)]
    Contest {
        /// Why.
        #[n(0)]
        reason: ContestReason,
        /// Evidence.
        #[n(1)]
        evidence: Option<EvidenceRef>,
    },
}

/// A stored answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct ReceiptAnswer {
    /// The answer.
    #[n(0)]
    pub answer: Answer,
    /// When.
    #[n(1)]
    pub stamp: Stamp,
    /// Who.
    #[n(2)]
    pub by: Uscc,
}

/// Confirms or contests a one-sided receipt. A late answer counts, with a flag.
///
/// Who: a key of the side that did not put it, with that side's role.
///
/// Errors: `E524` no such receipt · `E522` neither side · `E523` the side that put it · `E106` ·
/// `E525` already confirmed or answered · `E118` evidence that commits to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerReceipt {
    /// The receipt.
    #[n(0)]
    pub rcp_id: Id16,
    /// What the side says.
    #[n(1)]
    pub answer: Answer,
}

impl AnswerReceipt {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let record = ctx.state.get(&RECEIPTS, &self.rcp_id).ok_or(Code::UnknownReceipt)?;
        let grant = ctx.state.get(&GRANTS, &record.receipt.grant_id).ok_or(Code::UnknownGrant)?;
        let side = side_of(ctx, &grant, ctx.actor()).ok_or(Code::NotReceiptParty)?;
        if side == record.put_by {
            return Err(Code::SameSide);
        }
        ctx.require(side.role())?;
        let answered = ctx.state.has(&RECEIPT_ANSWERS, &self.rcp_id);
        if answered || record.cosignature.is_some() {
            return Err(Code::ReceiptState);
        }
        if matches!(self.answer, Answer::Contest { evidence: Some(e), .. } if !e.is_given()) {
            return Err(Code::BadField);
        }
        let late = clock::is_answer_late(record.stamp.time, ctx.block.time, super::calendars(ctx));
        let answer = ReceiptAnswer { answer: self.answer, stamp: ctx.stamp_now(), by: ctx.actor() };
        ctx.state.put(&RECEIPT_ANSWERS, &self.rcp_id, &answer);
        let kind = match self.answer {
            Answer::Confirm => "receipt_confirmed",
            Answer::Contest { .. } => "receipt_contested",
        };
        ctx.emit(kind, format!("rcp:{}", self.rcp_id), clock::late_flag(late, "late_answer"));
        Ok(())
    }
}
