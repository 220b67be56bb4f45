//! Certificates: three separate answers (was it recorded, what is its status, the proof of both).

use axum::extract::State;
use hefu_contracts::certificate::{
    ATTESTATIONS, Attestation, IDENTS, Status, StatusAnswer, StatusChange, status as status_of,
};
use hefu_primitives::codes::identifier::normalised;
use hefu_primitives::time::Day;
use hefu_primitives::{Height, Id16, TxId, TypeCode, Uscc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use crate::api::answer::{Answer, Entry, Page, hex};
use crate::api::page::Ask;
use crate::api::params::{At, Id, Params};
use crate::api::problem::{ApiCode, Problem};
use crate::api::snapshot::{Found, Snapshot};
use crate::api::state::Api;
use crate::runtime::Service;

/// Longest identifier looked for.
const MAX_IDENTIFIER: usize = 256;
/// Events read at a time when the attesting transaction is looked for.
const EVENTS: usize = 1_024;

fn certificate_entry(
    snapshot: &Snapshot<'_>,
    found: &Found<Attestation>,
) -> Result<Entry, Problem> {
    let Pinned { day, height } = Pinned::of(snapshot);
    let answer = status_of(snapshot, &found.value, day, height);
    Entry::new(found, [("status", json!(answer)), ("about_day", json!(day))])
}

struct Pinned {
    day: Day,
    height: Height,
}

impl Pinned {
    fn of(snapshot: &Snapshot<'_>) -> Self {
        Self { day: snapshot.pin.day(), height: snapshot.pin.height }
    }
}

/// A list of certificates.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CertificateList {
    /// Only the one with this plain identifier (GB/T 36904).
    identifier: Option<String>,
    /// Only those of this issuer.
    #[param(value_type = Option<String>)]
    issuer: Option<Uscc>,
    /// Only those of this type.
    #[param(value_type = Option<String>)]
    r#type: Option<TypeCode>,
    /// Only those of this status about the day of the answer's height: `active`, `questioned`, …
    #[param(value_type = Option<String>)]
    status: Option<Status>,
    /// Most items: 1 to 500, 100 if absent.
    limit: Option<usize>,
    /// Where the last page ended; pinned to that page's height.
    cursor: Option<String>,
    /// Answer as of this height; the tip if absent.
    #[param(value_type = Option<String>)]
    at_height: Option<Height>,
}

/// Attested certificates, with their status about the day of the answer's height.
#[utoipa::path(get, path = "/api/v1/certificates", tag = "certificates",
    operation_id = "list_certificates", params(CertificateList),
    responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn certificates(
    State(api): State<Api>,
    Params(list): Params<CertificateList>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let CertificateList { identifier, issuer, r#type: kind, status, limit, cursor, at_height } =
        list;
    let text = |value: Option<String>| value.unwrap_or_default();
    let filters = [
        text(identifier.clone()),
        text(issuer.map(|issuer| issuer.to_string())),
        text(kind.map(|kind| kind.to_string())),
        text(status.map(|status| json!(status).to_string())),
    ];
    if filters.iter().any(|filter| filter.len() > MAX_IDENTIFIER) {
        return Err(Problem::new(ApiCode::TooLarge, "a filter is too long"));
    }
    let filters = filters.each_ref().map(String::as_str);
    let ask = Ask::new("certificates", &filters, limit, cursor.as_deref(), at_height)?;
    let wanted = move |snapshot: &Snapshot<'_>, found: &Found<Attestation>| {
        let now = || {
            let Pinned { day, height } = Pinned::of(snapshot);
            status_of(snapshot, &found.value, day, height).map(|answer| answer.status)
        };
        issuer.is_none_or(|issuer| found.value.issuer == issuer)
            && kind.is_none_or(|kind| found.value.type_code == kind)
            && status.is_none_or(|status| now() == Some(status))
    };
    api.read(ask.at, move |snapshot| match identifier {
        Some(identifier) => {
            let found = by_identifier(snapshot, &identifier)?;
            let found = found.filter(|found| wanted(snapshot, found));
            let item = found.map(|found| certificate_entry(snapshot, &found)).transpose()?;
            Ok(Page { items: item.into_iter().collect(), next_cursor: None })
        }
        None => ask.page(snapshot, ATTESTATIONS.range(&()), |row| {
            let found = snapshot.decode(&ATTESTATIONS, row);
            let found = found.filter(|found| wanted(snapshot, found));
            found.map(|found| certificate_entry(snapshot, &found)).transpose()
        }),
    })
    .await
}

fn by_identifier(
    snapshot: &Snapshot<'_>,
    identifier: &str,
) -> Result<Option<Found<Attestation>>, Problem> {
    // A zero byte ends a text key, so no identifier contains one.
    if identifier.contains('\0') {
        return Ok(None);
    }
    let known = match snapshot.find(&IDENTS, identifier)? {
        Some(known) => Some(known),
        None => snapshot.find(&IDENTS, normalised(identifier).as_str())?,
    };
    match known {
        Some(id) => snapshot.find(&ATTESTATIONS, &id.value),
        None => Ok(None),
    }
}

/// A certificate: the attestation and everything that became of it.
#[utoipa::path(get, path = "/api/v1/certificates/{att_id}", tag = "certificates",
    operation_id = "get_certificate", params(("att_id" = String, Path), At),
    responses((status = 200, body = Answer<Entry>)))]
pub(crate) async fn certificate(
    State(api): State<Api>,
    Id(id): Id<Id16>,
    Params(at): Params<At>,
) -> Result<Answer<Entry>, Problem> {
    api.read(at.at_height, move |snapshot| {
        certificate_entry(snapshot, &snapshot.get(&ATTESTATIONS, &id, "certificate")?)
    })
    .await
}

/// About which day, as known when.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatusParams {
    /// As known after this height; the tip if absent.
    #[param(value_type = Option<String>)]
    at_height: Option<Height>,
    /// About this day in Beijing (YYYY-MM-DD); the day of the height if absent.
    #[param(value_type = Option<String>)]
    day: Option<Day>,
}

/// The status of a certificate about a day, as known at a height.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatusDocument {
    #[schema(value_type = String)]
    att_id: Id16,
    /// `active`, `suspended`, `revoked`, `superseded`, `transferred`, `not_yet_valid`, `expired`,
    /// `questioned`, and what it rests on; `transfer` while it is offered to another province.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    answer: StatusAnswer,
    /// Those of `retroactive`, `questioned`, `unopenable` that hold.
    flags: Vec<&'static str>,
    #[schema(value_type = String)]
    known_at_height: Height,
    #[schema(value_type = String)]
    about_day: Day,
    /// First day of the effect of the change that decided.
    #[schema(value_type = Option<String>)]
    since: Option<Day>,
    /// The change that decided.
    #[schema(value_type = Option<Object>)]
    deciding_change: Option<StatusChange>,
    #[schema(value_type = String)]
    type_code: TypeCode,
    #[schema(value_type = String)]
    issuer: Uscc,
    /// The full key of the attestation in hexadecimal.
    record_key: String,
}

/// The status of a certificate about a day, as known at a height.
#[utoipa::path(get, path = "/api/v1/certificates/{att_id}/status", tag = "certificates",
    operation_id = "get_certificate_status", params(("att_id" = String, Path), StatusParams),
    responses((status = 200, body = Answer<StatusDocument>)))]
pub(crate) async fn status(
    State(api): State<Api>,
    Id(id): Id<Id16>,
    Params(params): Params<StatusParams>,
) -> Result<Answer<StatusDocument>, Problem> {
    api.read(params.at_height, move |snapshot| {
        let found = snapshot.get(&ATTESTATIONS, &id, "certificate")?;
        let attestation = &found.value;
        let (day, height) = (params.day.unwrap_or(snapshot.pin.day()), snapshot.pin.height);
        let answer = status_of(snapshot, attestation, day, height)
            .ok_or_else(|| Problem::not_found("certificate"))?;
        let decided = attestation.decided(day, height).map(|(_, change)| *change);
        let flags = [
            ("retroactive", answer.retroactive),
            ("questioned", answer.questioned),
            ("unopenable", answer.unopenable),
        ];
        Ok(StatusDocument {
            att_id: id,
            answer,
            flags: flags.into_iter().filter_map(|(name, set)| set.then_some(name)).collect(),
            known_at_height: height,
            about_day: day,
            since: decided.map(|change| change.effective),
            deciding_change: decided,
            type_code: attestation.type_code,
            issuer: attestation.issuer,
            record_key: hex(&found.key),
        })
    })
    .await
}

/// Finds the transaction through the event it left.
pub(super) fn attesting(service: &Service, height: Height, subject: &str) -> Result<TxId, Problem> {
    let missing = || Problem::new(ApiCode::Unavailable, "the attesting transaction is not found");
    let mut from = (height, 0);
    loop {
        let page = service.events(from, height, EVENTS)?;
        let made = |event: &hefu_contracts::Event| {
            ["attested", "materialised"].contains(&event.kind.as_str()) && event.subject == subject
        };
        if let Some((_, _, event)) = page.iter().find(|(_, _, event)| made(event)) {
            let stored = service.block(height)?.ok_or_else(missing)?;
            let outcome = stored.outcomes.get(event.transaction as usize);
            return outcome.map(|outcome| outcome.tx).ok_or_else(missing);
        }
        match page.last() {
            Some((_, number, _)) if page.len() == EVENTS => from.1 = number.saturating_add(1),
            _ => return Err(missing()),
        }
    }
}
