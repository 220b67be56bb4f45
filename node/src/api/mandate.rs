//! What an auditor may be answered: the terms of the mandate on the ledger decide, request by
//! request, and every answer is in the log of reads before it is given.
//!
//! Four kinds of paths are open to a mandate. What everybody needs to check a proof (members, keys,
//! headers, the log) is answered under any. A record is answered when kind, province and day of its
//! recording are in the mandate's scope; a transaction's capsule when that holds of all its events. Of
//! events, and of what the questions find, that in the scope is answered and the rest left out, which
//! the answer says. Every other path is refused: a list would tell of records outside.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::Method;
use hefu_audit::scope::kind_of;
use hefu_contracts::Code;
use hefu_contracts::dispute::Subject;
use hefu_contracts::identity::KEYS;
use hefu_contracts::oversight::{AuditMandate, RecordKind, mandate_of, scope_of};
use hefu_primitives::time::Day;
use hefu_primitives::{Millis, Region, Uscc};

use super::problem::{ApiCode, Problem};
use super::signed::{SignedRead, Used};
use crate::reads::{Entry, ReadLogError, question};
use crate::runtime::{Service, wall_clock};

/// Paths, as routes name them, that any mandate opens: public keys, rules, headers and proofs.
const FREE: &[&str] = &[
    "/api/v1/node",
    "/api/v1/genesis",
    "/api/v1/genesis/raw",
    "/api/v1/members",
    "/api/v1/members/{region}",
    "/api/v1/authorities",
    "/api/v1/authorities/{uscc}",
    "/api/v1/keys",
    "/api/v1/keys/{key_id}",
    "/api/v1/validators",
    "/api/v1/parameters",
    "/api/v1/rules",
    "/api/v1/calendars",
    "/api/v1/types",
    "/api/v1/types/{code}",
    "/api/v1/scenarios",
    "/api/v1/scenarios/{code}",
    "/api/v1/standards",
    "/api/v1/regions",
    "/api/v1/checkpoints",
    "/api/v1/blocks",
    "/api/v1/blocks/{height}",
    "/api/v1/blocks/{height}/light",
    "/api/v1/log/consistency",
    "/api/v1/log/cosigners",
    "/api/v1/log/proof",
    "/api/v1/audit/index",
    "/api/v1/audit/mandates/{id}",
    "/api/v1/audit/questions",
    "/api/v1/audit/read-logs",
    "/checkpoint",
];
/// Paths of one record: the prefix, what follows the id, and how events name it.
const RECORDS: &[(&str, &[&str], &str)] = &[
    ("/api/v1/certificates/", &["", "/status", "/evidence"], "att"),
    ("/api/v1/recognitions/", &[""], "dec"),
    ("/api/v1/requests/", &[""], "req"),
    ("/api/v1/grants/", &[""], "grant"),
    ("/api/v1/receipts/", &[""], "rcp"),
    ("/api/v1/cases/", &[""], "case"),
];
/// Paths whose answers are limited to the scope: events, and the questions over the index.
const LIMITED: &[&str] = &["/api/v1/audit/events", "/api/v1/audit/{question}"];
/// The capsule of a transaction.
const CAPSULE: &str = "/api/v1/transactions/{tx}/evidence";
/// Most events of a block that are looked at for one transaction.
const MAX_EVENTS: usize = 65_536;

/// On whose behalf a request is answered, when it is an auditor's; a request's extension.
#[derive(Clone, Debug)]
pub(crate) struct Scope(Arc<AuditMandate>);

impl Scope {
    /// Whether something an authority of `region` did on a day may be told.
    pub(crate) fn covers(&self, kind: RecordKind, regions: &[Region], day: Day) -> bool {
        self.0.covers(kind, regions, day)
    }

    /// The same for the query index.
    pub(crate) fn of_index(&self) -> hefu_audit::Scope {
        let terms = self.0.terms.clone();
        hefu_audit::Scope {
            mandate: terms.mandate_id,
            members: terms.members,
            kinds: terms.kinds,
            from: terms.from,
            to: terms.to,
        }
    }

    /// Names the mandate in cursors, so that one's pages are not another's.
    pub(crate) fn name(&self) -> String {
        self.0.terms.mandate_id.to_string()
    }

    /// Refuses a province that the mandate does not cover.
    pub(crate) fn expect_member(&self, region: Region) -> Result<(), Problem> {
        match self.0.terms.members.contains(&region) {
            true => Ok(()),
            false => Err(limit(ApiCode::MandateMember, "the mandate does not cover that province")),
        }
    }
}

/// Admits a signed request: signature, mandate, scope, log, in this order. Reads the ledger and
/// writes the log; for a blocking thread.
///
/// # Errors
/// 401 for the signature; 403 for the mandate, with the code of the limit; 503 where the read cannot
/// be logged.
pub(super) fn admit(
    service: &Service,
    used: &Used,
    signed: &SignedRead,
    parts: &(Method, String, String),
) -> Result<Scope, Problem> {
    let (method, route, asked) = parts;
    if method != Method::GET && method != Method::HEAD {
        return Err(limit(ApiCode::MandatePath, "a mandate is for reading"));
    }
    let now = wall_clock();
    let key = signed.verify(service, used, now)?;
    let today = Day::of_beijing(service.tip().time.max(now));
    let mandate = mandate_of(service.records(), &signed.mandate, &key.owner, today);
    let mandate = mandate.map_err(unusable)?;
    open(service, &mandate, route, asked)?;
    log(service, signed, key.owner, asked, now)?;
    Ok(Scope(Arc::new(mandate)))
}

/// What the ledger's word on a mandate is here.
fn unusable(code: Code) -> Problem {
    match code {
        Code::MandateExpired => limit(ApiCode::MandateOver, "the mandate's last day is past"),
        _ => limit(ApiCode::MandateNone, "there is no such mandate for this auditor"),
    }
}

/// Whether a path is open to a mandate.
fn open(
    service: &Service,
    mandate: &AuditMandate,
    route: &str,
    asked: &str,
) -> Result<(), Problem> {
    if FREE.contains(&route) || LIMITED.contains(&route) {
        return Ok(());
    }
    if route == CAPSULE {
        return capsule(service, mandate, asked);
    }
    let closed = || {
        limit(
            ApiCode::MandatePath,
            "a mandate does not open this path: ask for events or for one record",
        )
    };
    let subject = record(asked).filter(|_| route.contains('{')).ok_or_else(closed)?;
    let (kind, regions, time) = match scope_of(service.records(), &subject) {
        Ok(scope) => scope,
        Err(Code::SubjectUnknown) => return Err(Problem::not_found(&subject.to_string())),
        Err(_) => return Err(closed()),
    };
    within(mandate, kind, &regions, time)
}

/// What may be asked of a capsule under any mandate: of further records those of keys, which are public.
fn may_ask_of_capsule(pair: &str) -> bool {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    let of_keys = format!("{:02x}", KEYS.prefix());
    match name {
        "" | "at_height" | "witness" => true,
        "records" | "status" => value.split(',').all(|key| key.starts_with(&of_keys)),
        _ => false,
    }
}

/// Whether all that a transaction did is covered, so that its capsule may be had. What a capsule brings
/// along is what the transaction rests on; further records may not be asked for with it.
fn capsule(service: &Service, mandate: &AuditMandate, asked: &str) -> Result<(), Problem> {
    let (path, query) = asked.split_once('?').unwrap_or((asked, ""));
    if !query.split('&').all(may_ask_of_capsule) {
        return Err(limit(
            ApiCode::MandatePath,
            "of further records a mandate opens those of keys",
        ));
    }
    let tx = path.split('/').nth(4).unwrap_or_default();
    let tx = tx.parse().map_err(|_| Problem::not_found("transaction"))?;
    let at = service.position(&tx)?.ok_or_else(|| Problem::not_found("transaction"))?;
    let block = service.block(at.height)?.ok_or_else(|| Problem::not_found("block"))?;
    let time = block.block.header.time;
    let (mut from, mut found) = (0, false);
    loop {
        let events = service.events((at.height, from), at.height, MAX_EVENTS)?;
        let Some((_, last, _)) = events.last() else { break };
        from = last.saturating_add(1);
        for (_, _, event) in events.iter().filter(|(_, _, event)| event.transaction == at.number) {
            within(mandate, kind_of(&event.subject), &[event.region], time)?;
            found = true;
        }
    }
    if found { Ok(()) } else { Err(limit(ApiCode::MandateKind, "it did nothing that is covered")) }
}

/// The limit of a mandate that a record is beyond, if it is.
fn within(
    mandate: &AuditMandate,
    kind: RecordKind,
    regions: &[Region],
    time: Millis,
) -> Result<(), Problem> {
    let (terms, day) = (&mandate.terms, Day::of_beijing(time));
    if !terms.kinds.contains(&kind) {
        return Err(limit(ApiCode::MandateKind, "the mandate does not cover records of this kind"));
    }
    if !regions.iter().any(|region| terms.members.contains(region)) {
        return Err(limit(
            ApiCode::MandateMember,
            "the mandate does not cover the record's provinces",
        ));
    }
    if !(terms.from..=terms.to).contains(&day) {
        return Err(limit(
            ApiCode::MandatePeriod,
            "the record is of a day outside the mandate's period",
        ));
    }
    Ok(())
}

/// The record that a path is about.
fn record(asked: &str) -> Option<Subject> {
    let path = asked.split('?').next().unwrap_or_default();
    RECORDS.iter().find_map(|(prefix, suffixes, name)| {
        let rest = path.strip_prefix(prefix)?;
        let (id, suffix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let known = suffixes.contains(&suffix);
        known.then(|| subject(name, id)).flatten()
    })
}

fn subject(name: &str, id: &str) -> Option<Subject> {
    let id = id.parse().ok()?;
    Some(match name {
        "att" => Subject::Attestation(id),
        "dec" => Subject::Decision(id),
        "req" => Subject::Request(id),
        "grant" => Subject::Grant(id),
        "rcp" => Subject::Receipt(id),
        "case" => Subject::Case(id),
        _ => return None,
    })
}

fn log(
    service: &Service,
    signed: &SignedRead,
    auditor: Uscc,
    asked: &str,
    now: Millis,
) -> Result<(), Problem> {
    let entry = Entry {
        at: now,
        auditor,
        key: signed.key,
        mandate: signed.mandate,
        question: question(asked),
        height: service.tip().height,
        nonce: signed.nonce.clone(),
    };
    service.read_log().append(&entry).map(|_| ()).map_err(|error| {
        tracing::error!(%error, "a read could not be logged and is not answered");
        let why = match error {
            ReadLogError::Full => "the log of reads of this day is full",
            ReadLogError::Io(_) => "the read cannot be logged",
        };
        Problem::new(ApiCode::Unavailable, why)
    })
}

fn limit(code: ApiCode, why: &str) -> Problem {
    Problem::new(code, why)
}

/// What [`admit`] needs of a request.
pub(super) fn parts(request: &Request, route: &str) -> (Method, String, String) {
    let asked = request.uri().path_and_query().map_or("/", |both| both.as_str());
    (request.method().clone(), route.to_owned(), asked.to_owned())
}

#[cfg(test)]
mod tests {
    use hefu_contracts::common::Stamp;
    use hefu_contracts::oversight::{GrantedBy, MandateTerms};
    use hefu_primitives::{H32, Height, Id16, KeyId};

    use super::*;

    fn mandate() -> AuditMandate {
        let day = |text: &str| text.parse().unwrap();
        AuditMandate {
            terms: MandateTerms {
                mandate_id: Id16([1; 16]),
                auditor: "11310000HEFU01010W".parse().unwrap(),
                members: vec![Region(310_000)],
                kinds: vec![RecordKind::Certificate],
                from: day("2026-01-01"),
                to: day("2026-06-30"),
                instrument: H32([1; 32]),
                until: day("2027-01-01"),
            },
            granted_by: GrantedBy::Vote,
            stamp: Stamp {
                height: Height(1),
                time: Millis(1),
                occurred_at: Millis(1),
                key: KeyId([0; KeyId::LEN]),
            },
            revoked: None,
        }
    }

    #[test]
    fn each_limit_has_a_code_of_its_own() {
        let in_may = Millis(1_778_000_000_000);
        let code = |kind, regions: &[u32], time| {
            let regions: Vec<Region> = regions.iter().map(|code| Region(*code)).collect();
            within(&mandate(), kind, &regions, time).err().map(|problem| problem.code().to_owned())
        };
        use RecordKind::{Certificate, Sharing};
        assert_eq!(code(Certificate, &[310_000], in_may), None);
        assert_eq!(code(Certificate, &[320_000, 310_000], in_may), None);
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(code(Sharing, &[310_000], in_may), named("api.mandate_kind"));
        assert_eq!(code(Certificate, &[320_000], in_may), named("api.mandate_member"));
        assert_eq!(code(Certificate, &[], in_may), named("api.mandate_member"));
        let later = Millis(1_790_000_000_000);
        assert_eq!(code(Certificate, &[310_000], later), named("api.mandate_period"));
    }

    #[test]
    fn a_mandate_that_is_over_is_not_one_that_is_not_there() {
        assert_eq!(unusable(Code::MandateExpired).code(), "api.mandate_over");
        assert_eq!(unusable(Code::NoAuditMandate).code(), "api.mandate_none");
    }

    #[test]
    fn paths_of_records_name_their_subject() {
        let id = "05".repeat(16);
        let named = |path: &str| record(path).map(|subject| subject.to_string());
        assert_eq!(named(&format!("/api/v1/certificates/{id}")), Some(format!("att:{id}")));
        assert_eq!(
            named(&format!("/api/v1/certificates/{id}/status?at_height=3")),
            Some(format!("att:{id}"))
        );
        assert_eq!(named(&format!("/api/v1/cases/{id}")), Some(format!("case:{id}")));
        for path in ["/api/v1/cases", "/api/v1/cases/x", "/api/v1/certificates/x/status/y", "/x"] {
            assert_eq!(named(path), None, "{path}");
        }
        assert_eq!(named(&format!("/api/v1/certificates/{id}/else")), None);
    }
}
