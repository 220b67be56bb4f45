//! Evidence capsules, and proofs of records by themselves: now, or at any height that is still
//! provable. A height that is no longer is 410 (`api.pruned`), never "not found".

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use hefu_contracts::certificate::ATTESTATIONS;
use hefu_contracts::evidence::{related, related_to_certificate};
use hefu_contracts::state::is_proven;
use hefu_primitives::codec::Canonical;
use hefu_primitives::map::MapProof;
use hefu_primitives::{Height, Id16, TxId};
use serde::Serialize;
use utoipa::ToSchema;

use super::certificates::attesting;
use crate::api::answer::{hex, unhex};
use crate::api::params::{Id, Repeated};
use crate::api::problem::{ApiCode, Problem};
use crate::api::state::Api;
use crate::runtime::Service;
use crate::runtime::service::CapsuleParts;

/// Most records proven at once.
const MAX_RECORDS: usize = 64;
/// Names under which records to prove are asked for.
const RECORDS: &[&str] = &["records", "status"];
/// What may be asked of a transaction's capsule; the first two only of that.
const ASKED: &[&str] = &["records", "status", "at_height", "witness"];
/// The content type of an evidence capsule.
const CAPSULE: &str = "application/octet-stream";

/// The evidence capsule of an applied transaction: verifiable offline with nothing but the
/// genesis hash. It proves the records that say what the transaction is worth: its signer's key, the
/// certificate it is about, the rule in force. `records` (hexadecimal keys, repeated or with commas)
/// names more, which are proven to be there or not to be.
#[utoipa::path(get, path = "/api/v1/transactions/{tx}/evidence", tag = "ledger",
    operation_id = "get_transaction_evidence",
    params(("tx" = String, Path),
        ("records" = Option<Vec<String>>, Query, description = "Further record keys to prove, at most 64"),
        ("status" = Option<Vec<String>>, Query, description = "The same"),
        ("at_height" = Option<String>, Query, description = "The height to prove them at; after the last block if absent"),
        ("witness" = Option<bool>, Query, description = "Whether the cosigned checkpoint and the receipts are in it; yes if absent")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream",
        headers(("hefu-height" = String, description = "Height of the records' proofs")))))]
pub(crate) async fn transaction(
    State(api): State<Api>,
    Id(tx): Id<TxId>,
    asked: Repeated,
) -> Result<Response, Problem> {
    asked.only(ASKED)?;
    let further = asked_records(&asked)?;
    let mut records = api.blocking(move |service| records_of(service, tx)).await?;
    records.extend(further.into_iter().filter(|key| !records.contains(key)).collect::<Vec<_>>());
    capsule(&api, tx, parts(&asked, records)?, &format!("tx-{tx}")).await
}

/// The evidence capsule of a certificate: the attesting transaction, the proven state of the
/// attestation and of the keys it rests on, and the version of its type.
#[utoipa::path(get, path = "/api/v1/certificates/{att_id}/evidence", tag = "certificates",
    operation_id = "get_certificate_evidence",
    params(("att_id" = String, Path),
        ("at_height" = Option<String>, Query, description = "The height to prove records at; after the last block if absent"),
        ("witness" = Option<bool>, Query, description = "Whether the cosigned checkpoint and the receipts are in it; yes if absent")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream",
        headers(("hefu-height" = String, description = "Height of the records' proofs")))))]
pub(crate) async fn certificate(
    State(api): State<Api>,
    Id(id): Id<Id16>,
    asked: Repeated,
) -> Result<Response, Problem> {
    asked.only(&ASKED[2..])?;
    let (tx, records) = api.blocking(move |service| basis(service, id)).await?;
    capsule(&api, tx, parts(&asked, records)?, &format!("cert-{id}")).await
}

/// A record and its proof.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProvenRecord {
    /// Full key in hexadecimal.
    key: String,
    /// Canonical bytes in hexadecimal; null when there is no such record.
    value: Option<String>,
    /// The siblings from the root down, and what stands where they end.
    #[schema(value_type = Object)]
    proof: MapProof,
}

/// Records under the state root of a certified header.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecordProofs {
    #[schema(value_type = String)]
    height: Height,
    /// Root of the authenticated map after that height.
    state_root: String,
    /// The header that has it, in hexadecimal.
    header_hex: String,
    /// The certificate of that header, in hexadecimal.
    certificate_hex: String,
    records: Vec<ProvenRecord>,
}

/// Proves records, or their absence, after the last block or at an earlier height.
#[utoipa::path(get, path = "/api/v1/records/proof", tag = "ledger", operation_id = "prove_records",
    params(("records" = Vec<String>, Query, description = "Record keys to prove, at most 64"),
        ("at_height" = Option<String>, Query, description = "The height to prove them at; after the last block if absent")),
    responses((status = 200, body = RecordProofs)))]
pub(crate) async fn records(
    State(api): State<Api>,
    asked: Repeated,
) -> Result<axum::Json<RecordProofs>, Problem> {
    asked.only(&["records", "at_height"])?;
    let keys = asked_records(&asked)?;
    if keys.is_empty() {
        return Err(Problem::new(ApiCode::BadRequest, "`records` says which records to prove"));
    }
    let status = api.service.prove_records(keys, at_height(&asked)?).await?;
    let header = &status.certified.header;
    let records = status.records.iter().map(|record| ProvenRecord {
        key: hex(&record.key),
        value: record.value.as_ref().map(|value| hex(value)),
        proof: record.proof.clone(),
    });
    Ok(axum::Json(RecordProofs {
        height: header.height,
        state_root: header.state_root.to_string(),
        header_hex: hex(&header.to_bytes()),
        certificate_hex: hex(&status.certified.certificate.to_bytes()),
        records: records.collect(),
    }))
}

/// Records asked for by key, without duplicates.
fn asked_records(asked: &Repeated) -> Result<Vec<Vec<u8>>, Problem> {
    let bad = |detail: String| Problem::new(ApiCode::BadRequest, detail);
    let mut records: Vec<Vec<u8>> = Vec::new();
    for text in asked.values(RECORDS) {
        let key = unhex(text).filter(|key| is_proven(key) && key.len() <= 256);
        let key = key.ok_or_else(|| bad(format!("`{text}` is no key of a proven record")))?;
        if !records.contains(&key) {
            records.push(key);
        }
    }
    if records.len() > MAX_RECORDS {
        return Err(bad(format!("at most {MAX_RECORDS} records can be proven at once")));
    }
    Ok(records)
}

fn parts(asked: &Repeated, records: Vec<Vec<u8>>) -> Result<CapsuleParts, Problem> {
    let witness = match asked.values(&["witness"]).last() {
        None | Some("true") => true,
        Some("false") => false,
        Some(other) => {
            let detail = format!("`witness` is true or false, not `{other}`");
            return Err(Problem::new(ApiCode::BadRequest, detail));
        }
    };
    Ok(CapsuleParts { records, at: at_height(asked)?, witness })
}

/// The height asked for; no header has the state of genesis.
fn at_height(asked: &Repeated) -> Result<Option<Height>, Problem> {
    let Some(text) = asked.values(&["at_height"]).last() else { return Ok(None) };
    match text.parse::<u64>() {
        Ok(height) if height > 0 => Ok(Some(Height(height))),
        _ => Err(Problem::new(ApiCode::BadRequest, format!("`at_height`: {text} is no height"))),
    }
}

/// The records that say what a transaction is worth.
fn records_of(service: &Service, tx: TxId) -> Result<Vec<Vec<u8>>, Problem> {
    let not_found = || Problem::not_found("transaction");
    let position = service.position(&tx)?.ok_or_else(not_found)?;
    let signed = service.transaction_at(&position)?.ok_or_else(not_found)?;
    Ok(related(service.records(), &signed))
}

/// The transaction that attested, and the records a verifier wants.
fn basis(service: &Service, id: Id16) -> Result<(TxId, Vec<Vec<u8>>), Problem> {
    let attestation = ATTESTATIONS.read(service.records(), &id);
    let attestation = attestation.ok_or_else(|| Problem::not_found("certificate"))?;
    let records = related_to_certificate(service.records(), &id);
    // A leaf of a batch became a record by a transaction of its own, which shows it.
    let recorded = attestation.leaf.map_or(attestation.made.height, |leaf| leaf.recorded.height);
    Ok((attesting(service, recorded, &format!("att:{id}"))?, records))
}

/// A capsule as a file.
async fn capsule(
    api: &Api,
    tx: TxId,
    parts: CapsuleParts,
    name: &str,
) -> Result<Response, Problem> {
    let capsule = api.service.capsule(tx, parts).await?;
    let height = capsule.status.as_ref().map(|status| status.certified.header.height);
    let file = capsule.to_file().map_err(|error| {
        tracing::error!(%error, %tx, "a capsule cannot be written");
        Problem::new(ApiCode::Internal, "the capsule cannot be written")
    })?;
    let mut response = file.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(CAPSULE));
    // The status in it is that of this moment.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let file = format!("attachment; filename=\"{name}.hefu\"");
    if let Ok(file) = HeaderValue::from_str(&file) {
        headers.insert(CONTENT_DISPOSITION, file);
    }
    if let Ok(height) = HeaderValue::from_str(&height.map_or("0".into(), |h: Height| h.to_string()))
    {
        headers.insert("hefu-height", height);
    }
    Ok(response)
}
