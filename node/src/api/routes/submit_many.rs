//! Submitting many signed transactions in one request, for gateways that pass on what many
//! authorities sign.
//!
//! Nothing holds the transactions of a request together: each is checked, ordered and answered for
//! itself, and each may be sent again.

use std::time::Instant;

use axum::Json;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use hefu_primitives::block::TxResult;
use hefu_primitives::{Height, TxId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::submit::{check_content_type, problem, read_body, wait_time};
use crate::api::listener::Peer;
use crate::api::params::Params;
use crate::api::problem::{ApiCode, Problem};
use crate::api::state::Api;
use crate::core::Position;
use crate::runtime::service::{MAX_MANY, SubmitError, Submitted};

/// Most bytes in one request.
const MAX_MANY_BYTES: usize = 4 * 1024 * 1024;
/// The content type of a CBOR sequence (RFC 8742 §6.1).
const CONTENT_TYPES: &[&str] = &["application/cbor-seq"];

/// How to submit many.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ManyParams {
    /// How long to wait in milliseconds: 20000 if absent, at most 60000.
    timeout_ms: Option<u64>,
}

/// What became of each transaction, in the order of the request.
#[derive(Serialize, ToSchema)]
pub(crate) struct Many {
    items: Vec<OfMany>,
}

/// What became of one transaction of many.
#[derive(Serialize, ToSchema)]
pub(crate) struct OfMany {
    /// Its id, where the bytes are a transaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    tx: Option<TxId>,
    /// `applied`, `refused`, or `unknown` while it has no outcome.
    status: &'static str,
    /// Why it is not applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// The block that has the outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    height: Option<Height>,
    /// Its leaf in the audit log.
    #[serde(skip_serializing_if = "Option::is_none")]
    leaf: Option<String>,
}

/// Submits signed transactions (a CBOR sequence of COSE_Sign1) and waits for the outcome of each.
/// No credential is needed but the signatures. The order in the request is not the order on the
/// ledger. At most 1024 transactions and 4 MiB.
#[utoipa::path(post, path = "/api/v1/transactions/many", tag = "ledger",
    operation_id = "submit_transactions", params(ManyParams),
    request_body(content = Vec<u8>, content_type = "application/cbor-seq"),
    responses((status = 200, body = Many, description = "What became of each")))]
pub(crate) async fn submit_many(
    State(api): State<Api>,
    ConnectInfo(Peer(address)): ConnectInfo<Peer>,
    Params(params): Params<ManyParams>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Many>, Problem> {
    check_content_type(&headers, CONTENT_TYPES)?;
    let timeout = wait_time(params.timeout_ms)?;
    let _permit = api.submit_permit()?;
    let body = read_body(body, MAX_MANY_BYTES).await?;
    let transactions = split(&body)?;
    if !api.rates.take(address, transactions.len(), Instant::now()) {
        return Err(Problem::new(ApiCode::Busy, "too many transactions from this address"));
    }
    let began = Instant::now();
    let transactions = transactions.into_iter().map(<[u8]>::to_vec).collect();
    let submitted = api.service.submit_many_and_wait(transactions, timeout).await;
    let one = |submitted: Submitted| match submitted {
        Ok((tx, position)) => {
            api.metrics.committed(began.elapsed());
            outcome(tx, &position)
        }
        Err(error) => failed(error),
    };
    let items: Vec<_> = submitted.map_err(problem)?.into_iter().map(one).collect();
    // Of those of which some were taken, the others say so themselves.
    if items.iter().all(OfMany::is_busy) {
        return Err(Problem::new(ApiCode::Busy, SubmitError::Busy.to_string()));
    }
    Ok(Json(Many { items }))
}

impl OfMany {
    /// Whether there was no room for it.
    fn is_busy(&self) -> bool {
        self.height.is_none() && self.code.as_deref() == Some("api.busy")
    }
}

fn outcome(tx: TxId, position: &Position) -> OfMany {
    let height = Some(position.height);
    match position.result {
        TxResult::Applied { leaf } => {
            let leaf = Some(leaf.to_string());
            OfMany { tx: Some(tx), status: "applied", code: None, height, leaf }
        }
        TxResult::Refused { code, .. } => {
            let code = Some(format!("E{code}"));
            OfMany { tx: Some(tx), status: "refused", code, height, leaf: None }
        }
    }
}

fn failed(error: SubmitError) -> OfMany {
    let (tx, status) = match &error {
        SubmitError::Timeout(tx) => (Some(*tx), "unknown"),
        SubmitError::Malformed(_) | SubmitError::Refused(_) => (None, "refused"),
        SubmitError::Busy | SubmitError::Store(_) | SubmitError::Stopped => (None, "unknown"),
    };
    let code = Some(problem(error).code().to_owned());
    OfMany { tx, status, code, height: None, leaf: None }
}

/// The items of a sequence: where one ends the next begins.
fn split(body: &[u8]) -> Result<Vec<&[u8]>, Problem> {
    let mut items = Vec::new();
    let mut decoder = minicbor::Decoder::new(body);
    while decoder.position() < body.len() {
        let from = decoder.position();
        let broken = |_| {
            let detail = format!("byte {from}: here begins no CBOR item that ends in the request");
            Problem::new(ApiCode::BadRequest, detail)
        };
        decoder.skip().map_err(broken)?;
        items.push(body.get(from..decoder.position()).unwrap_or_default());
        if items.len() > MAX_MANY {
            let detail = format!("a request has at most {MAX_MANY} transactions");
            return Err(Problem::new(ApiCode::TooLarge, detail));
        }
    }
    match items.is_empty() {
        true => Err(Problem::new(ApiCode::BadRequest, "there is no transaction in the request")),
        false => Ok(items),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_is_split_at_its_items() {
        let bytes = [0x82, 1, 2, 0x41, 9, 0x18, 200];
        let items = split(&bytes).unwrap();
        assert_eq!(items, [&bytes[..3], &bytes[3..5], &bytes[5..]]);
    }

    #[test]
    fn what_found_no_room_is_told_from_what_has_no_outcome_yet() {
        let told = [SubmitError::Busy, SubmitError::Timeout(TxId([0; 32])), SubmitError::Stopped];
        assert_eq!(told.map(|error| failed(error).is_busy()), [true, false, false]);
    }

    #[test]
    fn what_is_no_sequence_is_refused() {
        for bytes in [&[][..], &[0x82, 1], &[1, 0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]] {
            assert_eq!(split(bytes).unwrap_err().code(), "api.bad_request", "{bytes:?}");
        }
        assert_eq!(split(&[1; MAX_MANY]).unwrap().len(), MAX_MANY);
        assert_eq!(split(&[1; MAX_MANY + 1]).unwrap_err().code(), "api.too_large");
    }
}
