//! Transactions.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use hefu_contracts::Act;
use hefu_primitives::block::TxResult;
use hefu_primitives::{BlockId, KeyId, SignedTransaction, TxId, Uscc};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::api::answer::{Answer, hex, immutable_json, json as to_json};
use crate::api::params::{Id, Nothing, Params};
use crate::api::problem::{ApiCode, Problem};
use crate::api::snapshot::{Pin, Snapshot};
use crate::api::state::Api;
use crate::core::Position;
use crate::runtime::Service;

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
