//! What auditors leave behind: requests for openings, and roots of read logs.

use hefu_primitives::time::Day;
use hefu_primitives::{H32, Id16, Millis, Region, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::audit::{RecordKind, mandate_of};
use super::require_acting;
use crate::certificate::ATTESTATIONS;
use crate::code::Code;
use crate::common::Stamp;
use crate::dispute::Subject;
use crate::exec::Context;
use crate::identity::{AUTHORITIES, Role};
use crate::recognition::DECISIONS;
use crate::service::CASES;
use crate::sharing::{GRANTS, Grant, RECEIPTS, REQUESTS};
use crate::state::{StateView, Table};

/// Requests for openings by id.
pub const OPENING_REQUESTS: Table<Id16, OpeningRecord> = Table::unproven(0xd9);
/// Requests for openings under a mandate.
pub const OPENING_REQUESTS_BY_MANDATE: Table<(Id16, Id16), ()> = Table::unproven(0xdb);
/// Roots of read logs by province, day (YYYYMMDD) and auditor.
pub const READ_LOGS: Table<((Region, u32), Uscc), ReadLogRecord> = Table::proven(0x5c);

/// Most records of one request.
const MAX_REFS: usize = 16;

/// Asks for the openings of commitments, under a mandate. Vaults answer outside the ledger.
///
/// Who: an auditor's key of the mandate's auditor or its successor.
///
/// Errors: `E106` · `E114` id used · `E118` no records, more than 16, one that commits to nothing, or
/// no digest of the purpose · `E901` no such mandate for this auditor · `E903` it is over · `E802` a
/// record is unknown · `E902` a record is out of its scope.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestOpenings {
    /// Random id.
    #[n(0)]
    pub request_id: Id16,
    /// The mandate.
    #[n(1)]
    pub mandate_id: Id16,
    /// The records.
    #[n(2)]
    pub refs: Vec<Subject>,
    /// Digest of the written purpose.
    #[n(3)]
    pub purpose: H32,
}

/// A request for openings.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct OpeningRecord {
    /// As it was asked.
    #[n(0)]
    pub body: RequestOpenings,
    /// Who asked.
    #[n(1)]
    pub auditor: Uscc,
    /// When.
    #[n(2)]
    pub stamp: Stamp,
}

impl RequestOpenings {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        ctx.require(Role::Auditor)?;
        if ctx.state.has(&OPENING_REQUESTS, &self.request_id) {
            return Err(Code::IdReused);
        }
        if !(1..=MAX_REFS).contains(&self.refs.len()) || self.purpose == H32::ZERO {
            return Err(Code::BadField);
        }
        let mandate = mandate_of(&*ctx.state, &self.mandate_id, &ctx.actor(), ctx.today())?;
        for subject in &self.refs {
            let (kind, regions, time) = scope_of(&*ctx.state, subject)?;
            if !mandate.covers(kind, &regions, Day::of_beijing(time)) {
                return Err(Code::OutOfScope);
            }
        }
        let (auditor, stamp) = (ctx.actor(), ctx.stamp_now());
        let record = OpeningRecord { body: self.clone(), auditor, stamp };
        ctx.state.put(&OPENING_REQUESTS, &self.request_id, &record);
        ctx.state.put(&OPENING_REQUESTS_BY_MANDATE, &(self.mandate_id, self.request_id), &());
        ctx.emit("openings_requested", format!("opening:{}", self.request_id), Vec::new());
        Ok(())
    }
}

/// What a mandate must cover for a record: its kind, its provinces, and when it was recorded.
///
/// # Errors
/// `E802` unknown · `E118` a record that commits to nothing.
pub fn scope_of<V: StateView + ?Sized>(
    view: &V,
    subject: &Subject,
) -> Result<(RecordKind, Vec<Region>, Millis), Code> {
    let unknown = Code::SubjectUnknown;
    let of = |code: &Uscc| AUTHORITIES.read(view, code).map(|authority| authority.member);
    let shared = |grant: Grant| [grant.provider, grant.consumer].iter().filter_map(of).collect();
    Ok(match subject {
        Subject::Attestation(id) => {
            let found = ATTESTATIONS.read(view, id).ok_or(unknown)?;
            let regions = of(&found.issuer).into_iter().collect();
            (RecordKind::Certificate, regions, found.made.time)
        }
        Subject::Decision(id) => {
            let found = DECISIONS.read(view, id).ok_or(unknown)?;
            (RecordKind::Recognition, vec![found.region], found.stamp.time)
        }
        Subject::Request(id) => {
            let found = REQUESTS.read(view, id).ok_or(unknown)?;
            let regions = [found.provider, found.consumer].iter().filter_map(of).collect();
            (RecordKind::Sharing, regions, found.submitted.time)
        }
        Subject::Grant(id) => {
            let found = GRANTS.read(view, id).ok_or(unknown)?;
            let given = found.given.time;
            (RecordKind::Sharing, shared(found), given)
        }
        Subject::Receipt(id) => {
            let found = RECEIPTS.read(view, id).ok_or(unknown)?;
            let grant = GRANTS.read(view, &found.receipt.grant_id).ok_or(unknown)?;
            (RecordKind::Sharing, shared(grant), found.stamp.time)
        }
        Subject::Case(id) => {
            let found = CASES.read(view, id).ok_or(unknown)?;
            let regions = vec![found.receiver_region, found.handler_region];
            (RecordKind::Service, regions, found.opened.time)
        }
        Subject::Key(_) | Subject::Item(_) => return Err(Code::BadField),
    })
}

/// States the root of a node's read log of one day, for one auditor.
///
/// Who: any key but a governor's of a member's operator.
///
/// Errors: `E106` · `E221` not the operator · `E112` the day is not over · `E229` no such auditor ·
/// `E118` reads without a root, or a root without reads · `E904` stated before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutReadLogRoot {
    /// The Beijing day.
    #[n(0)]
    pub day: Day,
    /// Who read.
    #[n(1)]
    pub auditor: Uscc,
    /// How many reads.
    #[n(2)]
    pub count: u64,
    /// Root of the log of reads; zero when there were none.
    #[n(3)]
    pub root: H32,
}

/// The root of a read log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct ReadLogRecord {
    /// As it was stated.
    #[n(0)]
    pub body: PutReadLogRoot,
    /// The province whose node it is.
    #[n(1)]
    pub region: Region,
    /// When.
    #[n(2)]
    pub stamp: Stamp,
}

impl PutReadLogRoot {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        require_acting(ctx)?;
        if ctx.signer.member.operator != ctx.actor() {
            return Err(Code::NotOwn);
        }
        if self.day >= ctx.today() {
            return Err(Code::FutureTime);
        }
        if !ctx.state.has(&AUTHORITIES, &self.auditor) {
            return Err(Code::UnknownAuthority);
        }
        if (self.count == 0) != (self.root == H32::ZERO) {
            return Err(Code::BadField);
        }
        let region = ctx.region();
        let key = ((region, self.day.number()), self.auditor);
        if ctx.state.has(&READ_LOGS, &key) {
            return Err(Code::ReadLogRecorded);
        }
        let late = self.day.next() < ctx.today();
        let record = ReadLogRecord { body: *self, region, stamp: ctx.stamp_now() };
        ctx.state.put(&READ_LOGS, &key, &record);
        let flags = late.then(|| "late".to_owned());
        ctx.emit("read_log_put", format!("readlog:{}", self.day), flags.into_iter().collect());
        Ok(())
    }
}
