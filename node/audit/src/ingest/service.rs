//! Items, cases, handovers and what people thought of it.

use hefu_contracts::clock::calendars;
use hefu_contracts::service::{
    CASES, Case, EVALUATIONS, ITEM_VERSIONS, ITEMS, ItemState, ItemVersion, case_clocks,
    evaluation_clocks,
};
use hefu_contracts::{Act, StateView};
use hefu_primitives::time::Day;
use hefu_primitives::{BaseCode, H32, Id16, Region};

use super::Seen;
use super::certificate::region_of;
use crate::error::AuditError;
use crate::schema;
use crate::value::{Value, list, name};
use crate::writer::Batch;

pub(super) fn case(batch: &mut Batch<'_>, seen: &Seen<'_>) -> Result<(), AuditError> {
    let found = CASES.read(seen.block.records, &seen.id16()?).ok_or_else(|| seen.missing())?;
    match &seen.act {
        Some(Act::Evaluate(act)) => {
            return evaluation(batch, seen, (act.case_id, act.stage as u8, act.evaluator));
        }
        Some(Act::AnswerEvaluation(act)) => {
            return evaluation(batch, seen, (act.case_id, act.stage as u8, act.evaluator));
        }
        _ => {}
    }
    put_case(batch, seen, &found)?;
    if let Some(handover) = &found.handover {
        let sent = seen.event.kind == "case_handed_over";
        let over = sent || matches!(seen.event.kind.as_str(), "case_received" | "case_sent_back");
        let ended = found.end.as_ref().map(|end| end.stamp.time);
        if over || (ended.is_some() && handover.answered.is_none()) {
            let clocks = case_clocks(&found, seen.block.time, calendars(seen.block.records));
            let answered = handover.answered.map(|stamp| stamp.time);
            let result = match (answered, handover.rejected) {
                (Some(_), 0) => "received",
                (Some(_), _) => "sent_back",
                (None, _) if ended.is_some() => "ended",
                (None, _) => "waiting",
            };
            let id = found.body.case_id;
            let row = vec![
                format!("{id}:{}", handover.sent.height).into(),
                id.into(),
                found.receiver.into(),
                found.receiver_region.into(),
                found.body.handler.into(),
                found.handler_region.into(),
                handover.sent.time.into(),
                clocks.handover_due.into(),
                answered.or(ended).into(),
                result.into(),
            ];
            batch.version(&schema::HANDOVERS, seen.at, sent, row)?;
        }
    }
    Ok(())
}

fn put_case(batch: &mut Batch<'_>, seen: &Seen<'_>, case: &Case) -> Result<(), AuditError> {
    let records = seen.block.records;
    let clocks = case_clocks(case, seen.block.time, calendars(records));
    let paused = case.pauses.iter().map(|pause| {
        let until = pause.ended.map_or(seen.block.time, |ended| ended.time);
        let days = Day::of_beijing(pause.begun.time).days_until(Day::of_beijing(until));
        if pause.ended.is_some() { days } else { i64::from(pause.days) }
    });
    let decision = case.decision.as_ref();
    let row = vec![
        case.body.case_id.into(),
        case.body.base.into(),
        lead_of(records, &case.body.base).into(),
        name(&case.body.mode),
        case.receiver.into(),
        case.receiver_region.into(),
        case.body.handler.into(),
        case.handler_region.into(),
        name(&case.state),
        case.opened.time.into(),
        case.accepted.map(|stamp| stamp.time).into(),
        decision.map(|decision| decision.stamp.time).into(),
        case.end.as_ref().map(|end| end.stamp.time).into(),
        clocks.promise_due.into(),
        clocks.legal_due.into(),
        case.pauses.len().into(),
        paused.sum::<i64>().into(),
        decision.map_or(Value::Null, |decision| name(&decision.outcome)),
    ];
    batch.version(&schema::CASES, seen.at, seen.event.kind == "case_opened", row)
}

fn lead_of(records: &dyn StateView, base: &BaseCode) -> Option<Region> {
    ITEMS.read(records, base).map(|item| item.lead)
}

fn evaluation(
    batch: &mut Batch<'_>,
    seen: &Seen<'_>,
    key: (Id16, u8, H32),
) -> Result<(), AuditError> {
    let records = seen.block.records;
    let found = EVALUATIONS.read(records, &key).ok_or_else(|| seen.missing())?;
    let clocks = evaluation_clocks(&found, seen.block.time, calendars(records));
    let (case, stage, evaluator) = key;
    let row = vec![
        format!("{case}:{stage}:{evaluator}").into(),
        case.into(),
        name(&found.body.stage),
        found.body.grade.into(),
        found.unit.into(),
        region_of(seen.block, &found.unit).into(),
        found.by.into(),
        name(&found.state),
        found.stamp.time.into(),
        clocks.rectify_due.into(),
        found.remedied.map(|stamp| stamp.time).into(),
        found.revisit.map(|revisit| revisit.stamp.time).into(),
    ];
    batch.version(&schema::EVALUATIONS, seen.at, seen.event.kind == "evaluated", row)
}

pub(super) fn item(batch: &mut Batch<'_>, seen: &Seen<'_>) -> Result<(), AuditError> {
    let base: BaseCode = seen.id().parse().map_err(|_| seen.missing())?;
    let (lead, version) = match &seen.act {
        Some(Act::ProposeItem(act)) => (act.terms.lead, act.terms.version),
        Some(Act::AgreeItem(act)) => (act.lead, act.version),
        Some(Act::SetItemState(act)) => (seen.event.region, act.version),
        _ => return Ok(()),
    };
    put_item(batch, seen, base, lead, version)?;
    // A version that goes live retires the one before.
    let live = matches!(&seen.act, Some(Act::SetItemState(act)) if act.state == ItemState::Live);
    match version.checked_sub(1) {
        Some(before) if live && before > 0 => {
            let at = seen.at.beside();
            put_item(batch, &Seen { at, act: None, ..*seen }, base, lead, before)
        }
        _ => Ok(()),
    }
}

fn put_item(
    batch: &mut Batch<'_>,
    seen: &Seen<'_>,
    base: BaseCode,
    lead: Region,
    version: u16,
) -> Result<(), AuditError> {
    let found = ITEM_VERSIONS.read(seen.block.records, &((base, lead), version));
    let found = found.ok_or_else(|| seen.missing())?;
    let new = seen.event.kind == "item_proposed";
    batch.version(&schema::ITEMS, seen.at, new, item_row(&found))
}

pub(super) fn item_row(found: &ItemVersion) -> Vec<Value> {
    let terms = &found.terms;
    let since = |state: ItemState| {
        let change = found.history.iter().find(|change| change.state == state);
        change.map(|change| change.stamp.time)
    };
    vec![
        format!("{}:{}:{}", terms.base, terms.lead.0, terms.version).into(),
        terms.base.into(),
        terms.version.into(),
        terms.name.as_str().into(),
        terms.lead.into(),
        list(terms.participants.iter().map(|region| region.0)),
        name(&found.state()),
        since(ItemState::Agreed).into(),
        since(ItemState::Live).into(),
    ]
}
