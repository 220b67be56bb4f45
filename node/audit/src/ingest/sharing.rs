//! Catalogue entries, requests, grants and uses of data.

use hefu_contracts::clock::{calendars, limit};
use hefu_contracts::sharing::{
    Answer, CATALOGUE, GRANTS, Grant, RECEIPT_ANSWER_DAYS, RECEIPT_ANSWERS, RECEIPT_WINDOWS,
    RECEIPTS, REQUESTS, WINDOW_MS, request_clocks,
};
use hefu_primitives::time::{Day, working_days_between};
use hefu_primitives::{Id16, Millis};

use super::Seen;
use super::certificate::region_of;
use crate::error::AuditError;
use crate::schema;
use crate::value::{Value, list, name};
use crate::writer::Batch;

pub(super) fn catalogue(batch: &mut Batch<'_>, seen: &Seen<'_>) -> Result<(), AuditError> {
    let id = seen.id().to_owned();
    let found = CATALOGUE.read(seen.block.records, &id).ok_or_else(|| seen.missing())?;
    let entry = &found.entry;
    let tightened = seen.event.flags.iter().any(|flag| flag == "tightened");
    batch.put(
        &schema::CATALOGUE,
        vec![
            seen.at.0.into(),
            id.into(),
            entry.version.into(),
            found.provider.into(),
            region_of(seen.block, &found.provider).into(),
            entry.title.as_str().into(),
            name(&entry.share),
            name(&found.state),
            entry.basis.map_or(Value::Null, |basis| name(&basis.kind)),
            entry.basis.map(|basis| basis.digest).into(),
            entry.tightening.map_or(Value::Null, |why| name(&why)),
            tightened.into(),
            entry.personal.into(),
        ],
    );
    Ok(())
}

pub(super) fn request(batch: &mut Batch<'_>, seen: &Seen<'_>) -> Result<(), AuditError> {
    let (id, records) = (seen.id16()?, seen.block.records);
    let found = REQUESTS.read(records, &id).ok_or_else(|| seen.missing())?;
    let clocks = request_clocks(&found, seen.block.time, calendars(records));
    let ack_due = limit(calendars(records), found.submitted.time, found.sla.ack, seen.block.time).0;
    let until = found.closed.map_or(seen.block.time, |closed| closed.time);
    let (from, until) = (Day::of_beijing(found.submitted.time), Day::of_beijing(until));
    let used = working_days_between(calendars(records), from, until).ok();
    let purpose = &found.body.purpose;
    let row = vec![
        id.into(),
        found.body.cat_id.as_str().into(),
        found.provider.into(),
        region_of(seen.block, &found.provider).into(),
        found.consumer.into(),
        region_of(seen.block, &found.consumer).into(),
        name(&purpose.kind),
        purpose.code.into(),
        name(&found.state),
        found.submitted.time.into(),
        found.acknowledged.map(|stamp| stamp.time).into(),
        found.closed.map(|stamp| stamp.time).into(),
        ack_due.into(),
        clocks.due.into(),
        found.closed.and(used).into(),
        found.denial.map(|denial| denial.reason).into(),
        found.denial.and_then(|d| d.basis).map_or(Value::Null, |basis| name(&basis.kind)),
    ];
    let new = seen.event.kind == "access_requested" && seen.event.flags.is_empty();
    batch.version(&schema::REQUESTS, seen.at, new, row)
}

fn grant_of(seen: &Seen<'_>, id: &Id16) -> Result<Grant, AuditError> {
    GRANTS.read(seen.block.records, id).ok_or_else(|| seen.missing())
}

pub(super) fn grant(batch: &mut Batch<'_>, seen: &Seen<'_>) -> Result<(), AuditError> {
    let grant = grant_of(seen, &seen.id16()?)?;
    let row = vec![
        grant.id.into(),
        grant.cat_id.as_str().into(),
        grant.provider.into(),
        grant.consumer.into(),
        name(&grant.purpose.kind),
        grant.purpose.code.into(),
        grant.extent.per_day.into(),
        grant.extent.from.into(),
        grant.extent.until.into(),
        grant.automatic.into(),
        name(&grant.state()),
    ];
    batch.version(&schema::GRANTS, seen.at, seen.event.kind == "grant_given", row)
}

/// What is common to a receipt and to the receipts of an hour.
struct Use {
    id: String,
    grant: Grant,
    case: Value,
    uses: u32,
    records: u64,
    t0: Millis,
    put_by: Value,
    state: Value,
    answer: Value,
    answer_due: Option<Millis>,
    flags: Value,
}

impl Use {
    fn put(self, batch: &mut Batch<'_>, seen: &Seen<'_>, new: bool) -> Result<(), AuditError> {
        let grant = &self.grant;
        let row = vec![
            self.id.into(),
            grant.id.into(),
            grant.cat_id.as_str().into(),
            grant.provider.into(),
            region_of(seen.block, &grant.provider).into(),
            grant.consumer.into(),
            region_of(seen.block, &grant.consumer).into(),
            grant.purpose.code.into(),
            grant.extent.per_day.into(),
            self.case,
            self.uses.into(),
            self.records.into(),
            self.t0.into(),
            Day::of_beijing(self.t0).into(),
            self.put_by,
            self.state,
            self.answer,
            self.answer_due.into(),
            self.flags,
        ];
        batch.version(&schema::RECEIPTS, seen.at, new, row)
    }
}

pub(super) fn receipt(batch: &mut Batch<'_>, seen: &Seen<'_>) -> Result<(), AuditError> {
    let (id, records) = (seen.id16()?, seen.block.records);
    let found = RECEIPTS.read(records, &id).ok_or_else(|| seen.missing())?;
    let answer = RECEIPT_ANSWERS.read(records, &id);
    let said = answer.map_or(Value::Null, |answer| match answer.answer {
        Answer::Confirm => "confirmed".into(),
        Answer::Contest { reason, .. } => name(&reason),
    });
    let due = limit(calendars(records), found.stamp.time, RECEIPT_ANSWER_DAYS, seen.block.time).0;
    let new = found.cosignature.is_some() || seen.event.kind == "receipt_one_sided";
    let whole = Use {
        id: id.to_string(),
        grant: grant_of(seen, &found.receipt.grant_id)?,
        case: found.receipt.case.into(),
        uses: 1,
        records: u64::from(found.receipt.n_records),
        t0: found.receipt.t0,
        put_by: name(&found.put_by),
        state: name(&found.state(answer.as_ref())),
        answer: said,
        answer_due: due.filter(|_| found.cosignature.is_none()),
        flags: list(found.flags.iter().map(|flag| flag.name())),
    };
    whole.put(batch, seen, new)
}

pub(super) fn window(batch: &mut Batch<'_>, seen: &Seen<'_>) -> Result<(), AuditError> {
    let (grant, hour) = seen.id().split_once(':').ok_or_else(|| seen.missing())?;
    let grant: Id16 = grant.parse().map_err(|_| seen.missing())?;
    let hour: u64 = hour.parse().map_err(|_| seen.missing())?;
    let hour = Millis(hour.saturating_mul(WINDOW_MS));
    let records = seen.block.records;
    let found = RECEIPT_WINDOWS.read(records, &(grant, hour)).ok_or_else(|| seen.missing())?;
    let sides = [found.provider, found.consumer];
    let stated = || sides.iter().flatten().map(|side| side.body);
    let first = sides.iter().flatten().map(|side| side.stamp.time).min();
    let due =
        first.and_then(|at| limit(calendars(records), at, RECEIPT_ANSWER_DAYS, seen.block.time).0);
    let both = sides.iter().all(Option::is_some);
    let side = if found.provider.is_some() { "provider" } else { "consumer" };
    let whole = Use {
        id: seen.id().to_owned(),
        grant: grant_of(seen, &grant)?,
        case: Value::Null,
        uses: stated().map(|body| body.count).max().unwrap_or(0),
        records: stated().map(|body| body.n_records).max().unwrap_or(0),
        t0: hour,
        put_by: if both { "both" } else { side }.into(),
        state: name(&found.state()),
        answer: Value::Null,
        answer_due: due.filter(|_| !both),
        flags: list(found.flags.iter().map(|flag| flag.name())),
    };
    whole.put(batch, seen, !both)
}
