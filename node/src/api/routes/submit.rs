//! Submitting a signed transaction and waiting for what becomes of it.
//!
//! The transaction's id is the idempotency key: the same bytes again are answered with the
//! outcome they already have.

use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;
use hefu_contracts::Code;
use hefu_primitives::block::TxResult;
use hefu_primitives::bounds::MAX_TRANSACTION_BYTES;
use hefu_primitives::transaction::TransactionError;
use hefu_primitives::{BlockId, Height, TxId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::event::{EventId, EventItem};
use crate::api::listener::Peer;
use crate::api::params::Params;
use crate::api::problem::{ApiCode, Problem};
use crate::api::state::Api;
use crate::core::Position;
use crate::runtime::Service;
use crate::runtime::service::SubmitError;

/// How long the outcome is waited for, if the request does not say, in milliseconds.
const DEFAULT_WAIT_MS: u64 = 20_000;
/// The longest wait, in milliseconds.
const MAX_WAIT_MS: u64 = 60_000;
/// How long the body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(10);
/// How much of a body that is too large is read and forgotten, so that the client gets to read
/// the answer: closing on unread bytes would reset the connection under it.
const MAX_DRAINED_BYTES: usize = 1024 * 1024;
/// Content types a transaction may have.
const CONTENT_TYPES: &[&str] = &["application/cose", "application/octet-stream"];
/// Events read at a time.
const EVENTS: usize = 1_024;

/// How to submit.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SubmitParams {
    /// Whether to wait for the committed outcome; true if absent.
    wait: Option<bool>,
    /// How long to wait in milliseconds: 20000 if absent, at most 60000.
    timeout_ms: Option<u64>,
}

/// A transaction that is on the ledger and applied.
#[derive(Serialize, ToSchema)]
pub(crate) struct Applied {
    #[schema(value_type = String)]
    tx: TxId,
    /// `applied`.
    status: &'static str,
    #[schema(value_type = String)]
    height: Height,
    /// Its place in the block, from 0.
    number: u32,
    /// Its leaf in the audit log.
    leaf: String,
    #[schema(value_type = String)]
    block_id: BlockId,
    block_time: String,
    block_time_ms: String,
    /// What its acts did.
    events: Vec<EventItem>,
}

/// A transaction that was handed over.
#[derive(Serialize, ToSchema)]
pub(crate) struct Submitted {
    #[schema(value_type = String)]
    tx: TxId,
    /// `submitted`.
    status: &'static str,
}

/// Submits a signed transaction (COSE_Sign1) and waits for its committed outcome. No credential
/// is needed but the signature. The same bytes may be sent again at any time.
#[utoipa::path(post, path = "/api/v1/transactions", tag = "ledger",
    operation_id = "submit_transaction", params(SubmitParams),
    request_body(content = Vec<u8>, content_type = "application/cose"),
    responses(
        (status = 200, body = Applied, description = "Committed and applied"),
        (status = 202, body = Submitted, description = "Handed over, with wait=false"),
        (status = 422, body = crate::api::problem::ProblemDocument,
            content_type = "application/problem+json",
            description = "Refused; with `height` when the refusal is on the ledger"),
        (status = 504, body = crate::api::problem::ProblemDocument,
            content_type = "application/problem+json",
            description = "Submitted, but not final in time; it may still become so"),
    ))]
pub(crate) async fn submit(
    State(api): State<Api>,
    ConnectInfo(Peer(address)): ConnectInfo<Peer>,
    Params(params): Params<SubmitParams>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    check_content_type(&headers, CONTENT_TYPES)?;
    let timeout = wait_time(params.timeout_ms)?;
    if !api.rates.take(address, 1, Instant::now()) {
        return Err(Problem::new(ApiCode::Busy, "too many transactions from this address"));
    }
    let _permit = api.submit_permit()?;
    let bytes = read_body(body, MAX_TRANSACTION_BYTES).await?;
    if params.wait == Some(false) {
        let tx = api.service.submit(bytes).await.map_err(problem)?;
        let answer = Submitted { tx, status: "submitted" };
        return Ok((StatusCode::ACCEPTED, Json(answer)).into_response());
    }
    let began = Instant::now();
    let (tx, position) = api.service.submit_and_wait(bytes, timeout).await.map_err(problem)?;
    if position.height >= api.service.tip().height {
        api.metrics.committed(began.elapsed());
    }
    let answer = api.blocking(move |service| outcome(service, tx, &position)).await?;
    Ok(Json(answer).into_response())
}

pub(super) fn check_content_type(headers: &HeaderMap, known: &[&str]) -> Result<(), Problem> {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let given = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if known.contains(&given.as_str()) {
        Ok(())
    } else {
        let detail = format!("the content type is not {}", known.join(" or "));
        Err(Problem::new(ApiCode::BadRequest, detail))
    }
}

pub(super) fn wait_time(asked_ms: Option<u64>) -> Result<Duration, Problem> {
    match asked_ms.unwrap_or(DEFAULT_WAIT_MS) {
        ms @ 1..=MAX_WAIT_MS => Ok(Duration::from_millis(ms)),
        _ => Err(Problem::new(ApiCode::BadRequest, "`timeout_ms` is 1 to 60000")),
    }
}

pub(super) async fn read_body(body: Body, most: usize) -> Result<Vec<u8>, Problem> {
    let (mut bytes, mut seen) = (Vec::new(), 0usize);
    let mut chunks = body.into_data_stream();
    let read = async {
        while let Some(chunk) = chunks.next().await {
            let broken = |_| Problem::new(ApiCode::BadRequest, "the transaction breaks off");
            let chunk = chunk.map_err(broken)?;
            seen = seen.saturating_add(chunk.len());
            match seen {
                _ if seen <= most => bytes.extend_from_slice(&chunk),
                _ if seen > most.saturating_add(MAX_DRAINED_BYTES) => break,
                _ => bytes.clear(),
            }
        }
        Ok::<(), Problem>(())
    };
    match tokio::time::timeout(BODY_TIME, read).await {
        Ok(read) => read?,
        Err(_) => return Err(Problem::new(ApiCode::Timeout, "the transaction came too slowly")),
    }
    if seen > most {
        let detail = format!("what is submitted has at most {most} bytes");
        return Err(Problem::new(ApiCode::TooLarge, detail));
    }
    Ok(bytes)
}

pub(super) fn problem(error: SubmitError) -> Problem {
    match error {
        SubmitError::Malformed(error) => malformed(&error),
        SubmitError::Refused(code) => Problem::refused(code.number()),
        SubmitError::Busy => Problem::new(ApiCode::Busy, error.to_string()),
        SubmitError::Timeout(tx) => Problem::new(ApiCode::Timeout, error.to_string()).of(tx),
        SubmitError::Store(error) => error.into(),
        SubmitError::Stopped => Problem::new(ApiCode::Unavailable, error.to_string()),
    }
}

/// Bytes that are no transaction have the contract's code for them.
fn malformed(error: &TransactionError) -> Problem {
    let code = Code::from(error);
    Problem::refused(code.number()).because(&error.to_string())
}

fn outcome(service: &Service, tx: TxId, position: &Position) -> Result<Applied, Problem> {
    let leaf = match position.result {
        TxResult::Applied { leaf } => leaf,
        TxResult::Refused { code, act } => {
            return Err(Problem::refused(code).of(tx).recorded(position, act));
        }
    };
    let stored = service.block(position.height)?;
    let stored =
        stored.ok_or_else(|| Problem::new(ApiCode::Unavailable, "its block is missing"))?;
    let header = &stored.block.header;
    Ok(Applied {
        tx,
        status: "applied",
        height: position.height,
        number: position.number,
        leaf: leaf.to_string(),
        block_id: header.id(),
        block_time: header.time.to_rfc3339(),
        block_time_ms: header.time.to_string(),
        events: events_of(service, position)?,
    })
}

/// The events of one transaction: they stand together, in the order of transactions.
fn events_of(service: &Service, position: &Position) -> Result<Vec<EventItem>, Problem> {
    let (mut from, mut found) = ((position.height, 0), Vec::new());
    loop {
        let page = service.events(from, position.height, EVENTS)?;
        let full = page.len() == EVENTS;
        for (height, number, event) in page {
            if event.transaction > position.number {
                return Ok(found);
            }
            from = (height, number.saturating_add(1));
            if event.transaction == position.number {
                found.push(EventItem::new(EventId(height, number), event));
            }
        }
        if !full {
            return Ok(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types() {
        let check = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, value.parse().unwrap());
            check_content_type(&headers, CONTENT_TYPES).is_ok()
        };
        assert!(check("application/cose"));
        assert!(check("Application/COSE; cose-type=\"cose-sign1\""));
        assert!(check("application/octet-stream"));
        assert!(!check("application/json"));
        assert!(check_content_type(&HeaderMap::new(), CONTENT_TYPES).is_err());
    }

    #[test]
    fn waits_are_bounded() {
        assert_eq!(wait_time(None).unwrap(), Duration::from_secs(20));
        assert!(wait_time(Some(60_000)).is_ok());
        assert!(wait_time(Some(60_001)).is_err());
        assert!(wait_time(Some(0)).is_err());
    }

    #[test]
    fn submission_errors_have_codes() {
        let tx = TxId::ZERO;
        assert_eq!(problem(SubmitError::Refused(Code::UnknownKey)).code(), "E104");
        assert_eq!(problem(SubmitError::Busy).code(), "api.busy");
        assert_eq!(problem(SubmitError::Timeout(tx)).code(), "api.timeout");
        assert_eq!(problem(SubmitError::Stopped).code(), "api.unavailable");
        assert_eq!(problem(TransactionError::ActCount(0).into()).code(), "E101");
        assert_eq!(problem(TransactionError::ActCount(257).into()).code(), "E110");
        let large = TransactionError::ActSize { position: 0, bytes: 5_000 };
        assert_eq!(problem(large.into()).code(), "E110");
        assert_eq!(problem(TransactionError::Algorithm(-7).into()).code(), "E113");
    }

    #[tokio::test]
    async fn bodies_are_bounded() {
        let read = |bytes: usize| async move {
            read_body(Body::from(vec![0; bytes]), MAX_TRANSACTION_BYTES).await.map(|b| b.len())
        };
        assert_eq!(read(MAX_TRANSACTION_BYTES).await.unwrap(), MAX_TRANSACTION_BYTES);
        for bytes in [MAX_TRANSACTION_BYTES + 1, MAX_DRAINED_BYTES + 1, 4 * MAX_DRAINED_BYTES] {
            assert_eq!(read(bytes).await.unwrap_err().code(), "api.too_large");
        }
    }
}
