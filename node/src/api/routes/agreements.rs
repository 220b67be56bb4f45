//! Recognition: agreements between provinces, and decisions of authorities.

use axum::extract::State;
use hefu_contracts::certificate::ATTESTATIONS;
use hefu_contracts::dispute::{challenge_of, forgery_duty};
use hefu_contracts::recognition::{
    AGREEMENTS, Agreement, CORRECTIONS, DECISIONS, DECISIONS_BY_ATTESTATION,
    DECISIONS_BY_AUTHORITY, Decision, DecisionFlag, judge_again,
};
use hefu_primitives::codec::Canonical;
use hefu_primitives::hash::hash;
use hefu_primitives::{Domain, H32, Height, Id16, Uscc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use crate::api::answer::{Answer, Entry, Page};
use crate::api::page::Ask;
use crate::api::params::{At, Id, List, Params};
use crate::api::problem::Problem;
use crate::api::snapshot::{Found, Row, Snapshot};
use crate::api::state::Api;

fn agreement_entry(snapshot: &Snapshot<'_>, found: &Found<Agreement>) -> Result<Entry, Problem> {
    let state = found.value.state(snapshot.pin.day(), snapshot.pin.height);
    Entry::new(found, [("state", json!(state))])
}

/// Recognition agreements.
#[utoipa::path(get, path = "/api/v1/agreements", tag = "recognition",
    operation_id = "list_agreements", params(List),
    responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn agreements(
    State(api): State<Api>,
    Params(list): Params<List>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let ask = Ask::new("agreements", &[], list.limit, list.cursor.as_deref(), list.at_height)?;
    api.read(ask.at, move |snapshot| {
        ask.page(snapshot, AGREEMENTS.range(&()), |row| {
            let found = snapshot.decode(&AGREEMENTS, row);
            found.map(|found| agreement_entry(snapshot, &found)).transpose()
        })
    })
    .await
}

/// A recognition agreement.
#[utoipa::path(get, path = "/api/v1/agreements/{id}", tag = "recognition",
    operation_id = "get_agreement", params(("id" = String, Path), At),
    responses((status = 200, body = Answer<Entry>)))]
pub(crate) async fn agreement(
    State(api): State<Api>,
    Id(id): Id<Id16>,
    Params(at): Params<At>,
) -> Result<Answer<Entry>, Problem> {
    api.read(at.at_height, move |snapshot| {
        agreement_entry(snapshot, &snapshot.get(&AGREEMENTS, &id, "agreement")?)
    })
    .await
}

/// Whether a decision's certificate was annulled from before it on; none when it is not recorded.
fn is_annulled(snapshot: &Snapshot<'_>, decision: &Decision) -> Result<Option<bool>, Problem> {
    let attestation = snapshot.find(&ATTESTATIONS, &decision.body.att_id)?;
    Ok(attestation.map(|found| decision.is_basis_annulled(&found.value, snapshot.pin.height)))
}

fn decision_entry(snapshot: &Snapshot<'_>, found: &Found<Decision>) -> Result<Entry, Problem> {
    let decision = &found.value;
    let correction = snapshot.find(&CORRECTIONS, &decision.body.dec_id)?;
    let annulled = is_annulled(snapshot, decision)?;
    let correction = correction.map(|correction| correction.value);
    let challenge = challenge_of(snapshot, &decision.body.dec_id);
    let derived = [
        ("correction", json!(correction)),
        ("basis_annulled", json!(annulled)),
        ("challenge", json!(challenge)),
        ("forgery", json!(forgery_duty(snapshot, decision, snapshot.pin.time))),
    ];
    Entry::new(found, derived)
}

/// A list of decisions.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RecognitionList {
    /// Only those on this certificate.
    #[param(value_type = Option<String>)]
    att_id: Option<Id16>,
    /// Only those of this relying authority.
    #[param(value_type = Option<String>)]
    relying: Option<Uscc>,
    /// Only those with this flag: `refused_while_valid`, …
    flag: Option<String>,
    /// Only those whose certificate was annulled with effect before they were taken.
    annulled: Option<bool>,
    /// Most items: 1 to 500, 100 if absent.
    limit: Option<usize>,
    /// Where the last page ended; pinned to that page's height.
    cursor: Option<String>,
    /// Answer as of this height; the tip if absent.
    #[param(value_type = Option<String>)]
    at_height: Option<Height>,
}

/// Recognition decisions: those on a certificate or of an authority in the order they were
/// recorded, all in the order of their ids.
#[utoipa::path(get, path = "/api/v1/recognitions", tag = "recognition",
    operation_id = "list_recognitions", params(RecognitionList),
    responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn recognitions(
    State(api): State<Api>,
    Params(list): Params<RecognitionList>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let RecognitionList { att_id, relying, flag, annulled, limit, cursor, at_height } = list;
    let filters = [
        att_id.map(|id| id.to_string()).unwrap_or_default(),
        relying.map(|code| code.to_string()).unwrap_or_default(),
        flag.clone().unwrap_or_default(),
        annulled.map(|annulled| annulled.to_string()).unwrap_or_default(),
    ];
    let filters = filters.each_ref().map(String::as_str);
    let ask = Ask::new("recognitions", &filters, limit, cursor.as_deref(), at_height)?;
    api.read(ask.at, move |snapshot| {
        let range = match (att_id, relying) {
            (Some(id), _) => DECISIONS_BY_ATTESTATION.range(&id),
            (None, Some(code)) => DECISIONS_BY_AUTHORITY.range(&code),
            (None, None) => DECISIONS.range(&()),
        };
        let wanted = |found: &Found<Decision>| {
            let flags = found.value.flags.iter().map(|flag| flag.name());
            relying.is_none_or(|relying| found.value.relying == relying)
                && flag.as_ref().is_none_or(|flag| flags.into_iter().any(|name| name == flag))
        };
        ask.page(snapshot, range, |row| {
            let Some(found) = by_last_id(snapshot, row)?.filter(wanted) else { return Ok(None) };
            if let Some(wished) = annulled
                && is_annulled(snapshot, &found.value)?.unwrap_or(false) != wished
            {
                return Ok(None);
            }
            decision_entry(snapshot, &found).map(Some)
        })
    })
    .await
}

/// Keys of decisions and of their indexes all end with the decision's id.
fn by_last_id(snapshot: &Snapshot<'_>, row: Row) -> Result<Option<Found<Decision>>, Problem> {
    if row.key.first() == Some(&DECISIONS.prefix()) {
        return Ok(snapshot.decode(&DECISIONS, row));
    }
    match row.key.last_chunk().copied().map(Id16) {
        Some(id) => snapshot.find(&DECISIONS, &id),
        None => Ok(None),
    }
}

/// A recognition decision.
#[utoipa::path(get, path = "/api/v1/recognitions/{dec_id}", tag = "recognition",
    operation_id = "get_recognition", params(("dec_id" = String, Path), At),
    responses((status = 200, body = Answer<Entry>)))]
pub(crate) async fn recognition(
    State(api): State<Api>,
    Id(id): Id<Id16>,
    Params(at): Params<At>,
) -> Result<Answer<Entry>, Problem> {
    api.read(at.at_height, move |snapshot| {
        decision_entry(snapshot, &snapshot.get(&DECISIONS, &id, "decision")?)
    })
    .await
}

/// A decision judged again.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReplayAnswer {
    #[schema(value_type = String)]
    dec_id: Id16,
    /// Whether the same rule gives the record again, byte for byte.
    same: bool,
    /// The agreement it was judged under; an amendment is another one.
    #[schema(value_type = Option<String>)]
    agreement: Option<Id16>,
    /// The scenario it was judged in.
    scenario: u32,
    /// The version of the certificate's type, as it was attested; none when it is not recorded.
    type_version: Option<u16>,
    /// The height whose records were looked at.
    #[schema(value_type = String)]
    checked_height: Height,
    /// Digest of the record's bytes.
    #[schema(value_type = String)]
    recorded_digest: H32,
    /// Digest of the bytes of the record as judged again.
    #[schema(value_type = Option<String>)]
    judged_digest: Option<H32>,
    /// What the record says it was noticed for.
    #[schema(value_type = Vec<String>)]
    recorded_flags: Vec<DecisionFlag>,
    /// What is noticed now.
    #[schema(value_type = Vec<String>)]
    judged_flags: Vec<DecisionFlag>,
}

/// A recognition decision judged again by the rule it was judged by, from the history that records
/// carry: whatever happened since, the verdict is the same.
#[utoipa::path(get, path = "/api/v1/recognitions/{dec_id}/replay", tag = "recognition",
    operation_id = "replay_recognition", params(("dec_id" = String, Path), At),
    responses((status = 200, body = Answer<ReplayAnswer>)))]
pub(crate) async fn replay(
    State(api): State<Api>,
    Id(id): Id<Id16>,
    Params(at): Params<At>,
) -> Result<Answer<ReplayAnswer>, Problem> {
    api.read(at.at_height, move |snapshot| {
        let decision = snapshot.get(&DECISIONS, &id, "decision")?.value;
        let attestation = snapshot.find(&ATTESTATIONS, &decision.body.att_id)?;
        let judged = judge_again(snapshot, &decision);
        let digest = |decision: &Decision| hash(Domain::Digest, &[&decision.to_bytes()]);
        let recorded_digest = digest(&decision);
        let judged_digest = judged.as_ref().map(digest);
        Ok(ReplayAnswer {
            dec_id: id,
            same: judged_digest == Some(recorded_digest),
            agreement: decision.body.agreement,
            scenario: decision.body.scenario,
            type_version: attestation.map(|found| found.value.type_version),
            checked_height: decision.body.checked_height,
            recorded_digest,
            judged_digest,
            recorded_flags: decision.flags,
            judged_flags: judged.map(|judged| judged.flags).unwrap_or_default(),
        })
    })
    .await
}
