//! What acts say that no event repeats: when it happened, and words in the clear.

use hefu_contracts::Act;
use hefu_contracts::certificate::Ident;
use hefu_primitives::Millis;
use hefu_primitives::codes::personal_data;

use super::Seen;
use crate::schema::TEXTS;
use crate::writer::Batch;

/// When it happened, as the signer says.
pub(super) fn occurred(act: &Act) -> Option<Millis> {
    Some(match act {
        // Whoever says it happened just now, and was issued long ago, is late as well.
        Act::Attest(act) => act.occurred_at.min(act.issued_on.end()),
        Act::TransferIn(act) => act.attestation.occurred_at,
        Act::AttestBatch(act) => act.occurred_at,
        Act::SuspendAttestation(act) => act.occurred_at,
        Act::ResumeAttestation(act) => act.occurred_at,
        Act::RevokeAttestation(act) => act.occurred_at,
        Act::TransferOut(act) => act.occurred_at,
        Act::CancelTransfer(act) => act.occurred_at,
        Act::Decide(act) => act.decided_at,
        Act::CorrectDecision(act) => act.decision.decided_at,
        Act::DecideBatch(act) => act.to,
        Act::PutReceipt(act) => act.receipt.t1,
        Act::PutReceiptBatch(act) => act.last,
        Act::OpenCase(act) => act.occurred_at,
        Act::Handover(act) => act.occurred_at,
        Act::ReceiveHandover(act) => act.occurred_at,
        Act::AcceptCase(act) => act.occurred_at,
        Act::DecideCase(act) => act.occurred_at,
        Act::DispatchCase(act) => act.occurred_at,
        Act::DeliverCase(act) => act.occurred_at,
        Act::Evaluate(act) => act.occurred_at,
        _ => return None,
    })
}

/// The words of an act, and what the guard says of them. Codes with check digits of their own are
/// no words.
pub(super) fn put(batch: &mut Batch<'_>, seen: &Seen<'_>) {
    let Some(act) = &seen.act else { return };
    for (n, (field, text)) in words(act).into_iter().enumerate() {
        let pattern = personal_data(text).map(|found| found.to_string()).unwrap_or_default();
        let row = vec![seen.at.0.into(), n.into(), field.into(), text.into(), pattern.into()];
        batch.put(&TEXTS, row);
    }
}

fn words(act: &Act) -> Vec<(&'static str, &str)> {
    let ident = |ident: &'_ Ident| match ident {
        Ident::Plain(_) => true,
        Ident::Committed(_) => false,
    };
    match act {
        Act::Attest(act) if ident(&act.ident) => serial(&act.ident),
        Act::TransferIn(act) => serial(&act.attestation.ident),
        Act::Materialise(act) => serial(&act.attestation.ident),
        Act::RegisterAuthority(act) => vec![("name", act.name.as_str())],
        Act::PublishCatalogue(act) => vec![("cat_id", act.cat_id.as_str()), ("title", &act.title)],
        Act::ProposeItem(act) => vec![("name", act.terms.name.as_str())],
        Act::OpenCase(act) => act.unit.iter().map(|unit| ("unit", unit.as_str())).collect(),
        Act::Decide(act) => act.unit.iter().map(|unit| ("unit", unit.as_str())).collect(),
        Act::CorrectDecision(act) => {
            act.decision.unit.iter().map(|unit| ("unit", unit.as_str())).collect()
        }
        Act::Propose(act) => match &act.action {
            hefu_contracts::identity::Action::AdoptType(terms) => {
                vec![("name_zh", terms.name_zh.as_str()), ("name_en", &terms.name_en)]
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// The part of an identifier that the issuer chose.
fn serial(ident: &Ident) -> Vec<(&'static str, &str)> {
    let Ident::Plain(text) = ident else { return Vec::new() };
    let serial = text.rsplit('.').nth(2).unwrap_or(text);
    vec![("serial", serial)]
}
