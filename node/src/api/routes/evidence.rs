//! Contradictions of validators: what the ledger records, and proofs to take away.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_DISPOSITION;
use axum::response::Response;
use hefu_contracts::equivocation::{EQUIVOCATIONS, EquivocationRecord};
use hefu_primitives::evidence::EquivocationId;
use serde_json::json;

use crate::api::answer::{Answer, Entry, Page, immutable};
use crate::api::page::Ask;
use crate::api::params::{At, Id, List, Nothing, Params};
use crate::api::problem::Problem;
use crate::api::snapshot::Found;
use crate::api::state::Api;

/// The content type of a proof.
const PROOF: &str = "application/octet-stream";

fn entry(found: &Found<EquivocationRecord>) -> Result<Entry, Problem> {
    let record = &found.value;
    let derived = [
        ("id", json!(record.evidence.id().to_string())),
        ("validator", json!(record.validator())),
        ("contradiction", json!(record.what())),
        ("at_height", json!(record.height())),
        ("round", json!(record.round())),
    ];
    Entry::new(found, derived)
}

/// Contradictions of validators that the ledger records, by validator and height. Nothing follows
/// from one by itself.
#[utoipa::path(get, path = "/api/v1/evidence", tag = "identity", operation_id = "list_evidence",
    params(List), responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn list(
    State(api): State<Api>,
    Params(list): Params<List>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let ask = Ask::new("evidence", &[], list.limit, list.cursor.as_deref(), list.at_height)?;
    api.read(ask.at, move |snapshot| {
        ask.page(snapshot, EQUIVOCATIONS.range(&()), |row| {
            snapshot.decode(&EQUIVOCATIONS, row).map(|found| entry(&found)).transpose()
        })
    })
    .await
}

/// A contradiction, by `KEY-HEIGHT`.
#[utoipa::path(get, path = "/api/v1/evidence/{id}", tag = "identity",
    operation_id = "get_evidence", params(("id" = String, Path), At),
    responses((status = 200, body = Answer<Entry>)))]
pub(crate) async fn one(
    State(api): State<Api>,
    Id(id): Id<EquivocationId>,
    Params(at): Params<At>,
) -> Result<Answer<Entry>, Problem> {
    api.read(at.at_height, move |snapshot| {
        entry(&snapshot.get(&EQUIVOCATIONS, &(id.validator, id.height), "evidence")?)
    })
    .await
}

/// The proof as a file: verifiable offline with nothing but the genesis hash.
#[utoipa::path(get, path = "/api/v1/evidence/{id}/file", tag = "identity",
    operation_id = "get_evidence_file", params(("id" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream")))]
pub(crate) async fn file(
    State(api): State<Api>,
    headers: HeaderMap,
    Id(id): Id<EquivocationId>,
    Params(Nothing {}): Params<Nothing>,
) -> Result<Response, Problem> {
    let proof = api.blocking(move |service| Ok(service.equivocation_proof(id)?)).await?;
    let mut response = immutable(&api, &headers, PROOF, proof.to_file());
    let name = format!("attachment; filename=\"equivocation-{id}.hefu\"");
    if let Ok(name) = HeaderValue::from_str(&name) {
        response.headers_mut().insert(CONTENT_DISPOSITION, name);
    }
    Ok(response)
}
