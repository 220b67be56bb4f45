//! Status of a certificate, about a day, as known at a height: by the rules of the contracts, over the
//! history in the index.

use hefu_contracts::certificate::{
    Attestation, ChangeKind, Ident, Marks, REAFFIRMED, Reaffirmed, ReaffirmedSpan, RevocationKind,
    StatusAnswer, StatusChange, SupersedeReason, status,
};
use hefu_contracts::common::Stamp;
use hefu_contracts::identity::{KEYS, KeyRecord, KeyRevocation, KeyState, RevocationReason, Role};
use hefu_contracts::state::MemoryState;
use hefu_primitives::codec::Canonical;
use hefu_primitives::time::Day;
use hefu_primitives::{H32, Height, Id16, KeyId, KeyPair, Millis, Region, TypeCode, Uscc};

use super::params::{CERTIFICATE, COMMITMENT};
use super::{As, Column, Question, Reach, Words, day, height, many, number, plain, time, yes};
use crate::backend::Backend;
use crate::compile::{Values, compile};
use crate::error::AuditError;
use crate::value::{Value, list, name};

pub(super) const Q01: Question = Question {
    name: "q01",
    title: Words { zh: "证照状态", en: "status of a certificate" },
    about: Words {
        zh: "某证照在某日的状态,按某高度时的已知情况;行是到该高度为止的全部历史,汇总是状态。",
        en: "The status of a certificate about a day, as known at a height. The rows are its history up to \
             then, the summary is the status.",
    },
    reach: Reach::Certificate,
    params: &[CERTIFICATE.required(), COMMITMENT],
    columns: &[
        plain("certificate"),
        plain("change"),
        plain("detail"),
        number("reason"),
        day("effective"),
        day("until"),
        yes("retroactive"),
        plain("other"),
        plain("actor"),
        plain("key"),
    ],
    sql: "SELECT pos, att, 'attested' AS change, type_code AS detail, NULL AS reason, \
          valid_from AS effective, valid_until AS until, 0 AS retroactive, previous AS other, \
          issuer AS actor, made_key AS key FROM certs WHERE att = :certificate AND pos < :end \
          UNION ALL SELECT pos, att, change, detail, reason, effective, until, retroactive, other, actor, \
          key FROM cert_changes WHERE att = :certificate AND pos < :end",
    summary: None,
    computed: Some(computed),
};

const STATUS: &[Column] = &[
    plain("certificate"),
    Column { name: "about", read_as: As::Day },
    height("as_known_at"),
    plain("status"),
    yes("retroactive"),
    yes("questioned"),
    plain("issuer"),
    number("issuer_region"),
    plain("type"),
    day("valid_from"),
    day("valid_until"),
    many("questioned_keys"),
    time("recorded"),
];

fn computed(
    db: &mut dyn Backend,
    values: &Values,
) -> Result<(&'static [Column], Vec<Vec<Value>>), AuditError> {
    let mut rows = |sql: &str| {
        let (sql, params) = compile(sql, values, db);
        db.query(&sql, &params)
    };
    let made = rows(
        "SELECT att, type_code, issuer, region, valid_from, valid_until, issued_on, made_height, \
         made_time, made_key FROM certs WHERE att = :certificate AND pos < :end",
    )?;
    let Some(made) = made.into_iter().next().and_then(|row| Made::read(&row)) else {
        return Ok((STATUS, Vec::new()));
    };
    let changes = rows(
        "SELECT change, detail, reason, effective, until, retroactive, other, height, time, key, actor \
         FROM cert_changes WHERE att = :certificate AND pos < :end ORDER BY pos",
    )?;
    let keys = rows(
        "SELECT key, owner, reason, since, revoked_at, revoked_height FROM keys WHERE reason = \
         'compromised' AND pos < :end AND upto >= :end - 1 AND key IN (SELECT made_key FROM certs \
         WHERE att = :certificate UNION SELECT key FROM cert_changes WHERE att = :certificate)",
    )?;
    let spans = rows(
        "SELECT key, from_ms, to_ms, pos / 1048576 FROM reaffirmed WHERE pos < :end AND key IN \
         (SELECT made_key FROM certs WHERE att = :certificate UNION SELECT key FROM cert_changes \
         WHERE att = :certificate) ORDER BY pos",
    )?;
    let known = Height(unsigned(values.get("known")));
    let about = date(values.get("day")).unwrap_or(made.valid_from);
    let state = state_of(&keys, &spans);
    let attestation = made.attestation(changes.iter().filter_map(|row| change(row)).collect());
    let answer = status(&state, &attestation, about, known);
    let compromised = list(keys.iter().filter_map(|row| row.first()?.text()));
    Ok((STATUS, vec![row_of(&made, about, known, answer, compromised)]))
}

fn row_of(
    made: &Made,
    about: Day,
    known: Height,
    answer: Option<StatusAnswer>,
    compromised: Value,
) -> Vec<Value> {
    vec![
        made.id.into(),
        about.into(),
        known.into(),
        answer.map_or("unknown".into(), |answer| name(&answer.status)),
        answer.is_some_and(|answer| answer.retroactive).into(),
        answer.is_some_and(|answer| answer.questioned).into(),
        made.issuer.into(),
        made.region.into(),
        made.type_code.into(),
        made.valid_from.into(),
        made.valid_until.into(),
        compromised,
        made.stamp.time.into(),
    ]
}

struct Made {
    id: Id16,
    type_code: TypeCode,
    issuer: Uscc,
    region: Option<Region>,
    valid_from: Day,
    valid_until: Option<Day>,
    issued_on: Day,
    stamp: Stamp,
}

impl Made {
    fn read(row: &[Value]) -> Option<Self> {
        let time = Millis(unsigned(row.get(8)));
        Some(Self {
            id: parsed(row.first())?,
            type_code: parsed(row.get(1))?,
            issuer: parsed(row.get(2))?,
            region: u32::try_from(unsigned(row.get(3))).ok().map(Region),
            valid_from: date(row.get(4))?,
            valid_until: date(row.get(5)),
            issued_on: date(row.get(6))?,
            stamp: Stamp {
                height: Height(unsigned(row.get(7))),
                time,
                occurred_at: time,
                key: parsed(row.get(9))?,
            },
        })
    }

    /// As much of the attestation as its status rests on.
    fn attestation(&self, changes: Vec<StatusChange>) -> Attestation {
        Attestation {
            id: self.id,
            type_code: self.type_code,
            type_version: 1,
            issuer: self.issuer,
            region: self.region.unwrap_or(Region(0)),
            ident: Ident::Committed(H32::ZERO),
            holder: H32::ZERO,
            content: H32::ZERO,
            file: None,
            seal: None,
            cert_version: 1,
            issued_on: self.issued_on,
            valid_from: self.valid_from,
            valid_until: self.valid_until,
            previous: None,
            marks: Marks::default(),
            made: self.stamp,
            changes,
            salt_destroyed: None,
            leaf: None,
        }
    }
}

fn change(row: &[Value]) -> Option<StatusChange> {
    let detail = row.get(1).and_then(Value::text).unwrap_or_default();
    let reason = u16::try_from(unsigned(row.get(2))).unwrap_or(0);
    let other = || parsed::<Id16>(row.get(6));
    let kind = match row.first()?.text()? {
        "suspended" => ChangeKind::Suspended { reason, until: date(row.get(4)) },
        "resumed" => ChangeKind::Resumed { reason },
        "revoked" => ChangeKind::Revoked {
            kind: RevocationKind::Other,
            reason,
            retroactive: unsigned(row.get(5)) == 1,
            evidence: None,
        },
        "superseded" => ChangeKind::Superseded { by: other()?, reason: SupersedeReason::Change },
        "reaffirmed" => ChangeKind::Reaffirmed,
        "transfer_offered" => ChangeKind::TransferOffered { to: Region(detail.parse().ok()?) },
        "transfer_cancelled" => ChangeKind::TransferCancelled,
        "transferred" => ChangeKind::Transferred { by: other()? },
        _ => return None,
    };
    let time = Millis(unsigned(row.get(8)));
    let stamp = Stamp {
        height: Height(unsigned(row.get(7))),
        time,
        occurred_at: time,
        key: parsed(row.get(9))?,
    };
    let effective = date(row.get(3))?;
    Some(StatusChange { kind, effective, stamp, by: parsed(row.get(10))?, request: None })
}

/// A state with the compromised keys and what was reaffirmed of theirs: all that a status asks for.
fn state_of(keys: &[Vec<Value>], spans: &[Vec<Value>]) -> MemoryState {
    // The rules look a key up by its id and never at its bytes.
    let some_key = KeyPair::from_secret(&[1; 32]).public();
    let mut state = MemoryState::default();
    for row in keys {
        let (Some(id), Some(owner)) = (parsed::<KeyId>(row.first()), parsed::<Uscc>(row.get(1)))
        else {
            continue;
        };
        let (at, height) = (Millis(unsigned(row.get(4))), Height(unsigned(row.get(5))));
        let since = Millis(unsigned(row.get(3)));
        let reason = RevocationReason::Compromised;
        let record = KeyRecord {
            key: some_key,
            owner,
            roles: vec![Role::Issuer],
            not_before: Millis(0),
            not_after: Millis(u64::MAX),
            state: KeyState::Revoked,
            retires_at: None,
            revocation: Some(KeyRevocation { reason, since, height, at }),
            bound_at: Height(0),
            bound_time: Millis(0),
            first_revocation: None,
        };
        state.0.insert(KEYS.key(&id), record.to_bytes());
        let of_key = spans.iter().filter(|span| span.first() == row.first());
        let spans = of_key.map(|span| ReaffirmedSpan {
            from: Millis(unsigned(span.get(1))),
            to: Millis(unsigned(span.get(2))),
            stamp: Stamp {
                height: Height(unsigned(span.get(3))),
                time: Millis(0),
                occurred_at: Millis(0),
                key: id,
            },
        });
        let reaffirmed = Reaffirmed { spans: spans.collect() };
        state.0.insert(REAFFIRMED.key(&id), reaffirmed.to_bytes());
    }
    state
}

fn unsigned(value: Option<&Value>) -> u64 {
    value.and_then(Value::int).and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
}

fn date(value: Option<&Value>) -> Option<Day> {
    Day::from_number(u32::try_from(value?.int()?).ok()?).ok()
}

fn parsed<T: std::str::FromStr>(value: Option<&Value>) -> Option<T> {
    value?.text()?.parse().ok()
}
