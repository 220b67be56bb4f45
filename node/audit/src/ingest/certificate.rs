//! Certificates, their changes, and decisions on them.

use hefu_contracts::certificate::{ATTESTATIONS, ChangeKind, Ident, REAFFIRMED};
use hefu_contracts::identity::AUTHORITIES;
use hefu_contracts::recognition::{DECISIONS, DecisionFlag};
use hefu_primitives::{KeyId, Region, Uscc};

use super::{Block, Seen};
use crate::error::AuditError;
use crate::schema::{self, CERTS, CHANGES};
use crate::value::{Value, list, name};
use crate::writer::Batch;

const NEW: &[&str] = &["attested", "materialised"];
const CHANGED: &[&str] = &[
    "attestation_suspended",
    "attestation_resumed",
    "attestation_revoked",
    "attestation_superseded",
    "attestation_reaffirmed",
    "attestation_transferred",
    "transfer_offered",
    "transfer_cancelled",
];

/// Whether an event of this kind added a change to a certificate's history.
pub(super) fn is_change(kind: &str) -> bool {
    CHANGED.contains(&kind)
}

/// The member that an authority belongs to.
pub(super) fn region_of(block: &Block<'_>, code: &Uscc) -> Option<Region> {
    AUTHORITIES.read(block.records, code).map(|authority| authority.member)
}

pub(super) fn put(batch: &mut Batch<'_>, seen: &Seen<'_>) -> Result<(), AuditError> {
    let kind = seen.event.kind.as_str();
    if NEW.contains(&kind) {
        attested(batch, seen)
    } else if is_change(kind) {
        changed(batch, seen)
    } else {
        Ok(())
    }
}

fn attested(batch: &mut Batch<'_>, seen: &Seen<'_>) -> Result<(), AuditError> {
    let found =
        ATTESTATIONS.read(seen.block.records, &seen.id16()?).ok_or_else(|| seen.missing())?;
    let (ident, commitment) = match &found.ident {
        Ident::Plain(text) => (Some(text.as_str()), None),
        Ident::Committed(commitment) => (None, Some(*commitment)),
    };
    batch.put(
        &CERTS,
        vec![
            seen.at.0.into(),
            found.id.into(),
            found.type_code.into(),
            found.type_version.into(),
            found.issuer.into(),
            region_of(seen.block, &found.issuer).into(),
            found.region.into(),
            ident.into(),
            found.cert_version.into(),
            found.issued_on.into(),
            found.valid_from.into(),
            found.valid_until.into(),
            found.previous.map(|previous| previous.id).into(),
            found.leaf.map(|leaf| leaf.batch).into(),
            found.made.height.into(),
            found.made.time.into(),
            found.made.key.into(),
            commitment.into(),
        ],
    );
    Ok(())
}

/// Each change has one event, in the order of the history.
fn changed(batch: &mut Batch<'_>, seen: &Seen<'_>) -> Result<(), AuditError> {
    let found =
        ATTESTATIONS.read(seen.block.records, &seen.id16()?).ok_or_else(|| seen.missing())?;
    let mut made = found.changes.iter().filter(|change| change.stamp.height == seen.block.height);
    let change = made.nth(seen.nth).ok_or_else(|| seen.missing())?;
    let (mut detail, mut reason, mut until, mut retroactive, mut other) =
        (Value::Null, Value::Null, Value::Null, false, Value::Null);
    let kind = match change.kind {
        ChangeKind::Suspended { reason: why, until: last } => {
            (reason, until) = (why.into(), last.into());
            "suspended"
        }
        ChangeKind::Resumed { reason: why } => {
            reason = why.into();
            "resumed"
        }
        ChangeKind::Revoked { kind, reason: why, retroactive: back, .. } => {
            (detail, reason, retroactive) = (name(&kind), why.into(), back);
            "revoked"
        }
        ChangeKind::Superseded { by, reason: why } => {
            (detail, other) = (name(&why), by.into());
            "superseded"
        }
        ChangeKind::Reaffirmed => "reaffirmed",
        ChangeKind::TransferOffered { to } => {
            detail = to.into();
            detail = detail.int().map(|to| to.to_string()).into();
            "transfer_offered"
        }
        ChangeKind::TransferCancelled => "transfer_cancelled",
        ChangeKind::Transferred { by } => {
            other = by.into();
            "transferred"
        }
    };
    batch.put(
        &CHANGES,
        vec![
            seen.at.0.into(),
            found.id.into(),
            kind.into(),
            detail,
            reason,
            change.effective.into(),
            until,
            retroactive.into(),
            other,
            change.stamp.height.into(),
            change.stamp.time.into(),
            change.stamp.key.into(),
            change.by.into(),
        ],
    );
    Ok(())
}

/// A span of a compromised key's acts, reaffirmed.
pub(super) fn reaffirmed(
    batch: &mut Batch<'_>,
    seen: &Seen<'_>,
    key: KeyId,
) -> Result<(), AuditError> {
    use hefu_contracts::Act;
    use hefu_contracts::certificate::ReaffirmScope;
    let known = REAFFIRMED.read(seen.block.records, &key).ok_or_else(|| seen.missing())?;
    let Some(Act::Reaffirm(act)) = &seen.act else { return Err(seen.missing()) };
    let ReaffirmScope::Span { from, to, .. } = act.scope else { return Err(seen.missing()) };
    if !known.spans.iter().any(|span| (span.from, span.to) == (from, to)) {
        return Err(seen.missing());
    }
    batch.put(&schema::REAFFIRMED, vec![seen.at.0.into(), key.into(), from.into(), to.into()]);
    Ok(())
}

pub(super) fn decision(batch: &mut Batch<'_>, seen: &Seen<'_>) -> Result<(), AuditError> {
    if seen.event.kind != "decision_recorded" {
        return Ok(());
    }
    let found = DECISIONS.read(seen.block.records, &seen.id16()?).ok_or_else(|| seen.missing())?;
    let body = &found.body;
    let issuer = ATTESTATIONS.read(seen.block.records, &body.att_id).map(|found| found.issuer);
    let flag = |flag: DecisionFlag| found.flags.contains(&flag);
    batch.put(
        &schema::DECISIONS,
        vec![
            seen.at.0.into(),
            body.dec_id.into(),
            body.att_id.into(),
            issuer.into(),
            issuer.and_then(|issuer| region_of(seen.block, &issuer)).into(),
            found.relying.into(),
            found.region.into(),
            name(&body.outcome),
            body.scenario.into(),
            body.item.into(),
            body.agreement.into(),
            body.case.into(),
            body.checked_height.into(),
            found.checked_day.into(),
            list(&body.reasons),
            list(&found.false_reasons),
            list(found.flags.iter().map(|flag| flag.name())),
            flag(DecisionFlag::RefusedWhileValid).into(),
            flag(DecisionFlag::AcceptedWhileInvalid).into(),
            flag(DecisionFlag::RepeatDemand).into(),
            found.corrects.into(),
            found.leaf.map(|leaf| leaf.batch).into(),
        ],
    );
    Ok(())
}
