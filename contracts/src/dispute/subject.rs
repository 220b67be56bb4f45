//! What a dispute may be about, and who is a party to it.
//!
//! | kind | subject | opens | answers | only when |
//! |---|---|---|---|---|
//! | 01 02 09 | attestation | who decided on it | its issuer | |
//! | 03 | decision | the certificate's issuer | who decided | it refused or deferred |
//! | 04 | decision | the certificate's issuer | who decided | it relied on the certificate |
//! | 05 | request | consumer | provider | denied, or overdue |
//! | 06 | receipt | either side | the other | contested |
//! | 07 | grant, receipt | either side | the other | |
//! | 08 | case | receiver, handler | the other | they differ |
//! | 10 | grant | either side | the other | |
//! | 11 | key | any other authority | its owner | |
//! | 12 | item | an authority of a participating province | another that handles the item | |
//!
//! A successor is a party where its predecessor was.

use core::fmt;

use hefu_primitives::{BaseCode, Id16, KeyId, Region, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::CONSULTATION_DAYS;
use super::record::DisputeKind;
use crate::certificate::ATTESTATIONS;
use crate::clock::calendars;
use crate::code::Code;
use crate::exec::Context;
use crate::identity::{AUTHORITIES, KEYS, succeeds};
use crate::recognition::{AGREEMENTS, DECISIONS, DECISIONS_BY_ATTESTATION, DecisionOutcome};
use crate::service::{CASES, current_terms};
use crate::sharing::{
    GRANTS, Grant, RECEIPT_ANSWERS, RECEIPTS, REQUESTS, ReceiptState, RequestState, request_clocks,
};

/// Most decisions on an attestation that are looked through for one's own.
const MAX_DECISIONS: usize = 4_096;

/// What a dispute is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Subject {
    /// An attestation.
    #[n(0)]
    Attestation(#[n(0)] Id16),
    /// A decision on a certificate.
    #[n(1)]
    Decision(#[n(0)] Id16),
    /// A request for access.
    #[n(2)]
    Request(#[n(0)] Id16),
    /// A grant.
    #[n(3)]
    Grant(#[n(0)] Id16),
    /// A receipt of use.
    #[n(4)]
    Receipt(#[n(0)] Id16),
    /// A case.
    #[n(5)]
    Case(#[n(0)] Id16),
    /// A key.
    #[n(6)]
    Key(#[n(0)] KeyId),
    /// A service item.
    #[n(7)]
    Item(#[n(0)] BaseCode),
}

/// As events name it.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attestation(id) => write!(f, "att:{id}"),
            Self::Decision(id) => write!(f, "dec:{id}"),
            Self::Request(id) => write!(f, "req:{id}"),
            Self::Grant(id) => write!(f, "grant:{id}"),
            Self::Receipt(id) => write!(f, "rcp:{id}"),
            Self::Case(id) => write!(f, "case:{id}"),
            Self::Key(id) => write!(f, "key:{id}"),
            Self::Item(base) => write!(f, "item:{base}"),
        }
    }
}

/// The sides of a subject.
enum Sides {
    /// The first may open against the second.
    Against(Uscc, Uscc),
    /// Either may open against the other.
    Between(Uscc, Uscc),
}

/// What opening a dispute found out.
pub(super) struct Standing {
    /// Whether the opener is no party but an auditor.
    pub by_auditor: bool,
    /// Provinces of all parties, ascending.
    pub conflicted: Vec<Region>,
    /// Working days of consultation.
    pub consultation_days: u16,
}

/// Whether the signer may open a dispute of a kind about a subject against a respondent.
///
/// # Errors
/// `E802` no such record · `E806` the kind does not fit it · `E801` the signer or the respondent is
/// not a party · `E111` whether access is overdue cannot be told.
pub(super) fn standing(
    ctx: &Context<'_, '_>,
    kind: DisputeKind,
    subject: &Subject,
    respondent: &Uscc,
) -> Result<Standing, Code> {
    let (party, others) = match open_sides(ctx, kind, subject, respondent)? {
        Some(found) => found,
        None => {
            let (opener, answers) = match sides(ctx, kind, subject)? {
                Sides::Against(opener, answers) => (opener, answers),
                Sides::Between(a, b) if b == *respondent => (a, b),
                Sides::Between(a, b) => (b, a),
            };
            if answers != *respondent || opener == answers {
                return Err(Code::NotDisputeParty);
            }
            (succeeds(&*ctx.state, &opener, &ctx.actor()), vec![opener])
        }
    };
    if !party && ctx.require(crate::identity::Role::Auditor).is_err() {
        return Err(Code::NotDisputeParty);
    }
    let mut conflicted = vec![ctx.region()];
    for code in others.iter().chain([respondent]) {
        let authority = ctx.state.get(&AUTHORITIES, code).ok_or(Code::NotDisputeParty)?;
        conflicted.push(authority.member);
    }
    conflicted.sort_unstable();
    conflicted.dedup();
    let consultation_days = consultation_days(ctx, subject);
    Ok(Standing { by_auditor: !party, conflicted, consultation_days })
}

/// Subjects that many may complain of: whether the signer is one of them.
fn open_sides(
    ctx: &Context<'_, '_>,
    kind: DisputeKind,
    subject: &Subject,
    respondent: &Uscc,
) -> Result<Option<(bool, Vec<Uscc>)>, Code> {
    use DisputeKind as K;
    let actor = ctx.actor();
    let party = match (kind, subject) {
        (K::CertData | K::CertStatus | K::SuspectedForgery, Subject::Attestation(id)) => {
            let found = ctx.state.get(&ATTESTATIONS, id).ok_or(Code::SubjectUnknown)?;
            answers(found.issuer, respondent)?;
            has_decided(ctx, id) && !succeeds(&*ctx.state, &found.issuer, &actor)
        }
        (K::KeyIncident, Subject::Key(id)) => {
            let found = ctx.state.get(&KEYS, id).ok_or(Code::SubjectUnknown)?;
            answers(found.owner, respondent)?;
            actor != found.owner
        }
        (K::ItemBoundary, Subject::Item(base)) => {
            let terms = current_terms(&*ctx.state, base).ok_or(Code::SubjectUnknown)?.terms;
            let other = ctx.state.get(&AUTHORITIES, respondent).filter(|authority| {
                terms.participants.contains(&authority.member)
                    && authority.may_handle.contains(base)
            });
            if other.is_none() || actor == *respondent {
                return Err(Code::NotDisputeParty);
            }
            terms.participants.contains(&ctx.region())
        }
        _ => return Ok(None),
    };
    Ok(Some((party, Vec::new())))
}

fn answers(owner: Uscc, respondent: &Uscc) -> Result<(), Code> {
    if owner == *respondent { Ok(()) } else { Err(Code::NotDisputeParty) }
}

/// Whether the signer decided on an attestation.
fn has_decided(ctx: &Context<'_, '_>, attestation: &Id16) -> bool {
    let rows = ctx.state.scan(&DECISIONS_BY_ATTESTATION, attestation, MAX_DECISIONS);
    rows.iter().any(|(key, ())| {
        let id = key.last_chunk().copied().map(Id16);
        let decision = id.and_then(|id| ctx.state.get(&DECISIONS, &id));
        decision.is_some_and(|d| succeeds(&*ctx.state, &d.relying, &ctx.actor()))
    })
}

/// Subjects with two sides.
fn sides(ctx: &Context<'_, '_>, kind: DisputeKind, subject: &Subject) -> Result<Sides, Code> {
    use DisputeKind as K;
    let fits = |fits: bool| if fits { Ok(()) } else { Err(Code::DisputeKindMismatch) };
    match (kind, subject) {
        (K::RecognitionRefused | K::RecognitionAccepted, Subject::Decision(id)) => {
            let found = ctx.state.get(&DECISIONS, id).ok_or(Code::SubjectUnknown)?;
            let refused =
                matches!(found.body.outcome, DecisionOutcome::Refused | DecisionOutcome::Deferred);
            fits(refused == (kind == K::RecognitionRefused))?;
            let att = ctx.state.get(&ATTESTATIONS, &found.body.att_id);
            let issuer = att.ok_or(Code::SubjectUnknown)?.issuer;
            Ok(Sides::Against(issuer, found.relying))
        }
        (K::Access, Subject::Request(id)) => {
            let found = ctx.state.get(&REQUESTS, id).ok_or(Code::SubjectUnknown)?;
            if found.state != RequestState::Denied {
                fits(found.state.is_open())?;
                let clocks = request_clocks(&found, ctx.block.time, calendars(&*ctx.state));
                fits(clocks.overdue.ok_or(Code::NoCalendar)?)?;
            }
            Ok(Sides::Against(found.consumer, found.provider))
        }
        (K::ReceiptContested, Subject::Receipt(id)) => {
            let found = ctx.state.get(&RECEIPTS, id).ok_or(Code::SubjectUnknown)?;
            let answer = ctx.state.get(&RECEIPT_ANSWERS, id);
            fits(found.state(answer.as_ref()) == ReceiptState::Contested)?;
            between(grant_of(ctx, subject))
        }
        (K::UnauthorisedUse, Subject::Grant(_) | Subject::Receipt(_))
        | (K::CreditError, Subject::Grant(_)) => between(grant_of(ctx, subject)),
        (K::CaseHandover, Subject::Case(id)) => {
            let found = ctx.state.get(&CASES, id).ok_or(Code::SubjectUnknown)?;
            fits(!found.is_local())?;
            Ok(Sides::Between(found.receiver, found.body.handler))
        }
        _ => Err(Code::DisputeKindMismatch),
    }
}

fn between(grant: Option<Grant>) -> Result<Sides, Code> {
    let grant = grant.ok_or(Code::SubjectUnknown)?;
    Ok(Sides::Between(grant.provider, grant.consumer))
}

/// The grant a subject is or stands under.
pub(super) fn grant_of(ctx: &Context<'_, '_>, subject: &Subject) -> Option<Grant> {
    find_grant(&*ctx.state, subject)
}

/// As [`grant_of`], in any state.
pub(super) fn find_grant<V: crate::StateView + ?Sized>(
    view: &V,
    subject: &Subject,
) -> Option<Grant> {
    match subject {
        Subject::Grant(id) => GRANTS.read(view, id),
        Subject::Receipt(id) => GRANTS.read(view, &RECEIPTS.read(view, id)?.receipt.grant_id),
        _ => None,
    }
}

/// What the agreement says that a disputed decision rests on.
fn consultation_days(ctx: &Context<'_, '_>, subject: &Subject) -> u16 {
    let Subject::Decision(id) = subject else { return CONSULTATION_DAYS };
    let agreement = ctx.state.get(&DECISIONS, id).and_then(|decision| decision.body.agreement);
    let agreement = agreement.and_then(|id| ctx.state.get(&AGREEMENTS, &id));
    agreement.map_or(CONSULTATION_DAYS, |agreement| agreement.terms.dispute_days)
}
