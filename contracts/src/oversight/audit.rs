//! Audit mandates: who may read what, about which days, until when, and on whose authority.

use hefu_primitives::time::Day;
use hefu_primitives::{H32, Id16, Region, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::common::Stamp;
use crate::exec::Context;
use crate::identity::endorse::{endorse, require_governor};
use crate::identity::{AUTHORITIES, AuthorityState, MEMBERS, succeeds};
use crate::state::{State, StateView, Table};

/// Mandates by id.
pub const MANDATES: Table<Id16, AuditMandate> = Table::proven(0x5b);
/// Mandates of an auditor.
pub const MANDATES_BY_AUDITOR: Table<(Uscc, Id16), ()> = Table::unproven(0xda);

/// Longest mandate, in days.
const MAX_MANDATE_DAYS: i64 = 731;
/// Most provinces of one scope.
const MAX_MEMBERS: usize = hefu_primitives::bounds::MAX_VALIDATORS;

/// Kinds of records a mandate may cover.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize,
)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    /// Members, authorities, keys, votes.
    #[n(0)]
    Identity,
    /// Attestations.
    #[n(1)]
    Certificate,
    /// Agreements and decisions.
    #[n(2)]
    Recognition,
    /// Catalogue, requests, grants, receipts.
    #[n(3)]
    Sharing,
    /// Items, cases, evaluations.
    #[n(4)]
    Service,
    /// Disputes.
    #[n(5)]
    Dispute,
}

/// What a mandate says.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MandateTerms {
    /// Random id.
    #[n(0)]
    pub mandate_id: Id16,
    /// Who may read: audit, discipline inspection, cyberspace, archives.
    #[n(1)]
    pub auditor: Uscc,
    /// Whose records, ascending.
    #[n(2)]
    pub members: Vec<Region>,
    /// Which kinds, ascending.
    #[n(3)]
    pub kinds: Vec<RecordKind>,
    /// First day of the records.
    #[n(4)]
    pub from: Day,
    /// Last day of the records.
    #[n(5)]
    pub to: Day,
    /// Digest of the instrument that orders the audit.
    #[n(6)]
    pub instrument: H32,
    /// Last day of the mandate.
    #[n(7)]
    pub until: Day,
}

/// On whose authority a mandate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantedBy {
    /// A province's, for its own records.
    #[n(0)]
    Member(#[n(0)] Region),
    /// More than two thirds of the provinces'.
    #[n(1)]
    Vote,
}

/// A mandate.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct AuditMandate {
    /// What it says.
    #[n(0)]
    pub terms: MandateTerms,
    /// On whose authority.
    #[n(1)]
    pub granted_by: GrantedBy,
    /// When.
    #[n(2)]
    pub stamp: Stamp,
    /// When it was revoked.
    #[n(3)]
    pub revoked: Option<Stamp>,
}

/// What a mandate is worth on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MandateStatus {
    /// It may be used.
    Active,
    /// It was revoked.
    Revoked,
    /// Its last day is past.
    Expired,
}

impl MandateTerms {
    /// Whether it could be granted now.
    ///
    /// # Errors
    /// `E114` id used · `E229` `E227` the auditor is unknown or not active · `E211` a member is
    /// unknown · `E118` lists empty, not ascending or too long; days backwards; the last day past or
    /// more than two years ahead; no digest of the instrument.
    pub(crate) fn check(&self, ctx: &Context<'_, '_>) -> Result<(), Code> {
        if ctx.state.has(&MANDATES, &self.mandate_id) {
            return Err(Code::IdReused);
        }
        let auditor = ctx.state.get(&AUTHORITIES, &self.auditor).ok_or(Code::UnknownAuthority)?;
        if auditor.state != AuthorityState::Active {
            return Err(Code::AuthorityNotActive);
        }
        if !self.members.iter().all(|member| ctx.state.has(&MEMBERS, member)) {
            return Err(Code::UnknownMember);
        }
        let listed = (1..=MAX_MEMBERS).contains(&self.members.len())
            && self.members.is_sorted_by(|a, b| a < b)
            && !self.kinds.is_empty()
            && self.kinds.is_sorted_by(|a, b| a < b);
        let today = ctx.today();
        let last = today.add_days(MAX_MANDATE_DAYS);
        let days = self.from <= self.to
            && self.until >= today
            && last.is_some_and(|last| self.until <= last);
        let sound = listed && days && self.instrument != H32::ZERO;
        if sound { Ok(()) } else { Err(Code::BadField) }
    }

    pub(crate) fn grant(&self, state: &mut State<'_>, granted_by: GrantedBy, stamp: Stamp) {
        let mandate = AuditMandate { terms: self.clone(), granted_by, stamp, revoked: None };
        state.put(&MANDATES, &self.mandate_id, &mandate);
        state.put(&MANDATES_BY_AUDITOR, &(self.auditor, self.mandate_id), &());
    }
}

impl AuditMandate {
    /// What it is worth on a day.
    pub fn status(&self, today: Day) -> MandateStatus {
        match self.revoked {
            Some(_) => MandateStatus::Revoked,
            None if today > self.terms.until => MandateStatus::Expired,
            None => MandateStatus::Active,
        }
    }

    /// Whether its scope covers a record of some provinces that came onto the ledger on a day.
    pub fn covers(&self, kind: RecordKind, regions: &[Region], day: Day) -> bool {
        let terms = &self.terms;
        terms.kinds.contains(&kind)
            && regions.iter().any(|region| terms.members.contains(region))
            && (terms.from..=terms.to).contains(&day)
    }
}

/// The mandate under which an auditor acts today.
///
/// # Errors
/// `E901` unknown, revoked, or another auditor's · `E903` its last day is past.
pub fn mandate_of<V: StateView + ?Sized>(
    view: &V,
    id: &Id16,
    auditor: &Uscc,
    today: Day,
) -> Result<AuditMandate, Code> {
    let mandate = MANDATES.read(view, id).ok_or(Code::NoAuditMandate)?;
    if !succeeds(view, &mandate.terms.auditor, auditor) {
        return Err(Code::NoAuditMandate);
    }
    match mandate.status(today) {
        MandateStatus::Active => Ok(mandate),
        MandateStatus::Revoked => Err(Code::NoAuditMandate),
        MandateStatus::Expired => Err(Code::MandateExpired),
    }
}

/// Mandates an auditor for one's own province.
///
/// Who: the governors of a member, two of three. The data of several provinces take a vote
/// (`Action::GrantMandate`).
///
/// Errors: `E106` `E221` not a governor, or another province's data · `E213` this governor has
/// signed · those of `MandateTerms::check`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantMandate {
    /// What it says.
    #[n(0)]
    pub terms: MandateTerms,
}

impl GrantMandate {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let member = require_governor(ctx)?;
        if self.terms.members != [member.region] {
            return Err(Code::NotOwn);
        }
        self.terms.check(ctx)?;
        if endorse(ctx)? {
            let stamp = ctx.stamp_now();
            self.terms.grant(ctx.state, GrantedBy::Member(member.region), stamp);
            ctx.emit("mandate_granted", subject(&self.terms.mandate_id), Vec::new());
        }
        Ok(())
    }
}

/// Revokes a mandate that one's province granted.
///
/// Who: the governors of that member, two of three. What was granted by vote is revoked by vote
/// (`Action::RevokeMandate`).
///
/// Errors: `E106` `E221` not a governor, or granted by others · `E901` no such mandate · `E908`
/// revoked already · `E213` this governor has signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeMandate {
    /// The mandate.
    #[n(0)]
    pub mandate_id: Id16,
}

impl RevokeMandate {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let member = require_governor(ctx)?;
        let mandate = revocable(&*ctx.state, &self.mandate_id, GrantedBy::Member(member.region))?;
        if endorse(ctx)? {
            let stamp = ctx.stamp_now();
            revoke(ctx.state, mandate, stamp);
            ctx.emit("mandate_revoked", subject(&self.mandate_id), Vec::new());
        }
        Ok(())
    }
}

/// A mandate that whoever granted it may revoke.
///
/// # Errors
/// `E901`, `E221`, `E908`.
pub(crate) fn revocable(
    view: &dyn StateView,
    id: &Id16,
    granted_by: GrantedBy,
) -> Result<AuditMandate, Code> {
    let mandate = MANDATES.read(view, id).ok_or(Code::NoAuditMandate)?;
    if mandate.granted_by != granted_by {
        return Err(Code::NotOwn);
    }
    if mandate.revoked.is_some() { Err(Code::MandateState) } else { Ok(mandate) }
}

/// Revokes a mandate.
pub(crate) fn revoke(state: &mut State<'_>, mandate: AuditMandate, stamp: Stamp) {
    let id = mandate.terms.mandate_id;
    state.put(&MANDATES, &id, &AuditMandate { revoked: Some(stamp), ..mandate });
}

/// How events name a mandate.
pub(super) fn subject(id: &Id16) -> String {
    format!("mandate:{id}")
}
