//! Transactions and their evidence.

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use hefu_contracts::Act;
use hefu_contracts::identity::{AUTHORITIES, KEYS};
use hefu_contracts::state::is_proven;
use hefu_primitives::block::TxResult;
use hefu_primitives::{BlockId, Height, KeyId, SignedTransaction, TxId, Uscc};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::api::answer::{Answer, hex, immutable_json, json as to_json, unhex};
use crate::api::params::{Id, Nothing, Params, Repeated};
use crate::api::problem::{ApiCode, Problem};
use crate::api::snapshot::{Pin, Snapshot};
use crate::api::state::Api;
use crate::core::Position;
use crate::runtime::Service;

/// Most records proven in one capsule.
const MAX_RECORDS: usize = 64;
/// Names under which records to prove are asked for.
const RECORDS: &[&str] = &["records", "status"];
/// The content type of an evidence capsule.
const CAPSULE: &str = "application/octet-stream";

/// Who signed, about what.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClaimsAnswer {
    #[schema(value_type = String)]
    key: KeyId,
    #[schema(value_type = String)]
    issuer: Uscc,
    subject: String,
}

/// A committed transaction.
#[derive(Serialize, ToSchema)]
pub(crate) struct TransactionAnswer {
    #[schema(value_type = String)]
    tx: TxId,
    /// `applied` or `refused`.
    status: &'static str,
    /// Its place in the block, from 0.
    number: u32,
    /// Its leaf in the audit log, when applied.
    leaf: Option<String>,
    /// Why it was refused: `E415`.
    code: Option<String>,
    /// Which act was refused.
    act: Option<u16>,
    #[schema(value_type = String)]
    block_id: BlockId,
    block_time: String,
    block_time_ms: String,
    /// Block time after which it could no longer commit.
    not_after: String,
    claims: ClaimsAnswer,
    /// The acts: `{"act": "attest", …}`; one that does not decode as `{"undecodable": hex}`.
    #[schema(value_type = Vec<Object>)]
    acts: Vec<Value>,
    /// The signed envelope (COSE_Sign1).
    envelope_hex: String,
}

/// A committed transaction and its outcome, pinned to its own height.
#[utoipa::path(get, path = "/api/v1/transactions/{tx}", tag = "ledger",
    operation_id = "get_transaction", params(("tx" = String, Path)),
    responses((status = 200, body = Answer<TransactionAnswer>),
        (status = 304, description = "As known")))]
pub(crate) async fn transaction(
    State(api): State<Api>,
    headers: HeaderMap,
    Id(tx): Id<TxId>,
    Params(Nothing {}): Params<Nothing>,
) -> Result<Response, Problem> {
    let answer = api.blocking(move |service| {
        let position = service.position(&tx)?.ok_or_else(|| Problem::not_found("transaction"))?;
        let answer = describe(service, tx, &position)?;
        let pin = Pin::at(service, Some(position.height))?;
        Ok((position.is_authentic(), Snapshot::new(service, pin).answer(answer)?))
    });
    match answer.await? {
        (true, answer) => immutable_json(&api, &headers, &answer),
        // Refused before its signature was looked at: the true one may still come.
        (false, answer) => Ok(answer.into_response()),
    }
}

fn describe(
    service: &Service,
    tx: TxId,
    position: &Position,
) -> Result<TransactionAnswer, Problem> {
    let gone = || Problem::new(ApiCode::Pruned, "its block is no longer kept");
    let stored = service.block(position.height)?.ok_or_else(gone)?;
    let signed = stored.transaction(position.number).ok_or_else(gone)?;
    let header = &stored.block.header;
    let (status, leaf, code, act) = match position.result {
        TxResult::Applied { leaf } => ("applied", Some(leaf.to_string()), None, None),
        TxResult::Refused { code, act } => ("refused", None, Some(format!("E{code}")), Some(act)),
    };
    let claims = signed.claims();
    Ok(TransactionAnswer {
        tx,
        status,
        number: position.number,
        leaf,
        code,
        act,
        block_id: header.id(),
        block_time: header.time.to_rfc3339(),
        block_time_ms: header.time.to_string(),
        not_after: signed.body().not_after.to_rfc3339(),
        claims: ClaimsAnswer {
            key: claims.key,
            issuer: claims.issuer,
            subject: claims.subject.clone(),
        },
        acts: acts(&signed)?,
        envelope_hex: hex(signed.as_bytes()),
    })
}

fn acts(signed: &SignedTransaction) -> Result<Vec<Value>, Problem> {
    let show = |bytes: &minicbor::bytes::ByteVec| match Act::decode(bytes) {
        Ok(act) => to_json(&act),
        Err(_) => Ok(json!({ "undecodable": hex(bytes) })),
    };
    signed.body().acts.iter().map(show).collect()
}

/// The evidence capsule of an applied transaction: verifiable offline with nothing but the
/// genesis hash. `records` (hexadecimal keys, repeated or with commas) says which records to
/// prove as they are now; the signer's key and authority if absent.
#[utoipa::path(get, path = "/api/v1/transactions/{tx}/evidence", tag = "ledger",
    operation_id = "get_transaction_evidence",
    params(("tx" = String, Path),
        ("records" = Option<Vec<String>>, Query, description = "Record keys to prove, at most 64"),
        ("status" = Option<Vec<String>>, Query, description = "The same")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream",
        headers(("hefu-height" = String, description = "Height of the records' proofs")))))]
pub(crate) async fn evidence(
    State(api): State<Api>,
    Id(tx): Id<TxId>,
    asked: Repeated,
) -> Result<Response, Problem> {
    let records = asked_records(&asked)?;
    let records = match records.is_empty() {
        false => records,
        true => api.blocking(move |service| signer_records(service, tx)).await?,
    };
    capsule(&api, tx, records, &format!("tx-{tx}")).await
}

/// Records asked for by key, without duplicates.
fn asked_records(asked: &Repeated) -> Result<Vec<Vec<u8>>, Problem> {
    asked.only(RECORDS)?;
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

fn signer_records(service: &Service, tx: TxId) -> Result<Vec<Vec<u8>>, Problem> {
    let not_found = || Problem::not_found("transaction");
    let position = service.position(&tx)?.ok_or_else(not_found)?;
    let signed = service.transaction_at(&position)?.ok_or_else(not_found)?;
    let claims = signed.claims();
    Ok(vec![KEYS.key(&claims.key), AUTHORITIES.key(&claims.issuer)])
}

/// A capsule as a file.
pub(super) async fn capsule(
    api: &Api,
    tx: TxId,
    records: Vec<Vec<u8>>,
    name: &str,
) -> Result<Response, Problem> {
    let capsule = api.service.capsule(tx, records).await?;
    let height = capsule.status.as_ref().map(|status| status.certified.header.height);
    let mut response = capsule.to_file().into_response();
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
