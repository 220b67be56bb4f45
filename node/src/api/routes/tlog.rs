//! The audit log for transparency tools: checkpoint and tiles (c2sp.org/tlog-tiles), receipts
//! (RFC 9942), the keys that sign them, and this node as a witness (c2sp.org/tlog-witness).
//!
//! Paths and content types of tiles and witness are those of their specifications, so they stand
//! outside `/api/v1`.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use hefu_primitives::transparency::receipt::STATEMENT_MEDIA_TYPE;
use hefu_primitives::transparency::{
    ReceiptAlg, Refusal, SignatureKind, Tile, VerifierKey, cosigner_name, ed25519_pem, origin,
    witness,
};
use hefu_primitives::{KeyId, PublicKey, Region, TxId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::answer::{Answer, immutable};
use crate::api::listener::Peer;
use crate::api::params::{Id, Nothing, Params};
use crate::api::problem::{ApiCode, Problem};
use crate::api::state::Api;
use crate::runtime::Service;
use crate::runtime::service::NoTile;

/// How long the body of a witness request may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(10);
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// The newest checkpoint of the audit log that more than two thirds of the validators cosigned:
/// a C2SP signed note.
#[utoipa::path(get, path = "/checkpoint", tag = "ledger", operation_id = "get_checkpoint",
    responses((status = 200, body = String, content_type = "text/plain; charset=utf-8")))]
pub(crate) async fn checkpoint(
    State(api): State<Api>,
    Params(Nothing {}): Params<Nothing>,
) -> Result<Response, Problem> {
    let none = || Problem::new(ApiCode::Unavailable, "no quorum has cosigned a checkpoint yet");
    let served = api.service.checkpoint().ok_or_else(none)?;
    Ok(note(served.note.to_string()))
}

fn note(text: String) -> Response {
    let mut response = text.into_response();
    response.headers_mut().insert(CONTENT_TYPE, TEXT);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// A tile of hashes or entries; not in the OpenAPI document, whose paths have no slashes in
/// parameters.
pub(crate) async fn tile(
    State(api): State<Api>,
    headers: HeaderMap,
    Path(path): Path<String>,
    Params(Nothing {}): Params<Nothing>,
) -> Result<Response, Problem> {
    let tile = Tile::parse(&path).map_err(|error| Problem::not_found(&error.to_string()))?;
    let bytes = api.blocking(move |service| {
        service.tile(tile).map_err(|error| match error {
            NoTile::Tile(error) => Problem::not_found(&error.to_string()),
            NoTile::Store(error) => error.into(),
            NoTile::Missing => Problem::new(ApiCode::Pruned, error.to_string()),
        })
    });
    Ok(immutable(&api, &headers, "application/octet-stream", bytes.await?))
}

/// A key that cosigns checkpoints and signs receipts, in every form that a tool may want.
#[derive(Serialize, ToSchema)]
pub(crate) struct CosignerAnswer {
    #[schema(value_type = String)]
    region: Region,
    /// `kid` of its receipts, and its record on the ledger.
    #[schema(value_type = String)]
    key_id: KeyId,
    /// `iss` of its receipts, and its name in notes.
    name: String,
    /// Its key for cosignatures, as signed notes write it.
    cosigner: String,
    /// Its key as the log, for tools and witnesses that want a plain signature.
    log: String,
    /// The public key for receipts in EdDSA (SPKI).
    ed25519_pem: String,
    /// The public key for receipts in ES256 (SPKI), once this node knows it.
    es256_pem: Option<String>,
    /// The same, compressed, in hexadecimal.
    es256: Option<String>,
    /// The Ed25519 key's signature that the ES256 key is its own.
    es256_endorsement: Option<String>,
}

/// The keys by which checkpoints and receipts are checked.
#[derive(Serialize, ToSchema)]
pub(crate) struct Cosigners {
    /// First line of every checkpoint.
    origin: String,
    /// Accepted now, by province.
    cosigners: Vec<CosignerAnswer>,
}

/// The keys of cosigners that the ledger accepts now. Their records can be proven like any other;
/// who trusts only the genesis hash compares.
#[utoipa::path(get, path = "/api/v1/log/cosigners", tag = "ledger",
    operation_id = "list_cosigners", responses((status = 200, body = Answer<Cosigners>)))]
pub(crate) async fn cosigners(
    State(api): State<Api>,
    Params(Nothing {}): Params<Nothing>,
) -> Result<Answer<Cosigners>, Problem> {
    api.read(None, |snapshot| {
        let service = snapshot.service;
        let all = service.cosigners();
        let cosigners = all.iter().map(|(region, key)| answer(service, *region, key));
        Ok(Cosigners {
            origin: origin(&service.chain()),
            cosigners: cosigners.collect::<Result<_, _>>()?,
        })
    })
    .await
}

fn answer(service: &Service, region: Region, key: &PublicKey) -> Result<CosignerAnswer, Problem> {
    let (name, origin) = (cosigner_name(&service.chain(), region), origin(&service.chain()));
    let verifier = |name: &String, kind| {
        let made = VerifierKey::new(name.clone(), kind, key);
        made.map(|key| key.to_string())
            .map_err(|error| Problem::new(ApiCode::Internal, error.to_string()))
    };
    let endorsed = service.endorsed(&key.id());
    Ok(CosignerAnswer {
        region,
        key_id: key.id(),
        cosigner: verifier(&name, SignatureKind::Cosignature)?,
        log: verifier(&origin, SignatureKind::Ed25519)?,
        name,
        ed25519_pem: ed25519_pem(key.as_bytes()),
        es256_pem: endorsed.and_then(|endorsed| endorsed.key.to_pem()),
        es256: endorsed.map(|endorsed| endorsed.key.to_string()),
        es256_endorsement: endorsed.map(|endorsed| endorsed.signature.to_string()),
    })
}

/// Which receipts.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReceiptParams {
    /// `eddsa` (if absent), `es256`, or `both`.
    alg: Option<String>,
}

/// An applied transaction as a SCITT transparent statement: its envelope with a COSE receipt of
/// every province that could be reached.
#[utoipa::path(get, path = "/api/v1/transactions/{tx}/receipt", tag = "ledger",
    operation_id = "get_transaction_receipt", params(("tx" = String, Path), ReceiptParams),
    responses((status = 200, body = Vec<u8>, content_type = "application/scitt-statement+cose",
        headers(("hefu-provinces" = String, description = "Provinces whose receipts are in it")))))]
pub(crate) async fn receipt(
    State(api): State<Api>,
    Id(tx): Id<TxId>,
    Params(params): Params<ReceiptParams>,
) -> Result<Response, Problem> {
    let algs = match params.alg.as_deref() {
        None | Some("eddsa") => vec![ReceiptAlg::EdDsa],
        Some("es256") => vec![ReceiptAlg::Es256],
        Some("both") => vec![ReceiptAlg::EdDsa, ReceiptAlg::Es256],
        Some(_) => {
            return Err(Problem::new(ApiCode::BadRequest, "`alg` is eddsa, es256 or both"));
        }
    };
    let (statement, provinces) = api.service.statement(tx, algs).await?;
    let mut response = statement.bytes().into_response();
    let provinces: Vec<String> = provinces.iter().map(Region::to_string).collect();
    let file = format!("attachment; filename=\"tx-{tx}.cose\"");
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(STATEMENT_MEDIA_TYPE));
    // A province that is away now may sign later.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for (name, value) in
        [("hefu-provinces", provinces.join(",")), (CONTENT_DISPOSITION.as_str(), file)]
    {
        if let (Ok(name), Ok(value)) =
            (axum::http::HeaderName::try_from(name), HeaderValue::from_str(&value))
        {
            headers.insert(name, value);
        }
    }
    Ok(response)
}

/// Asks this node to cosign a checkpoint of another log (c2sp.org/tlog-witness). Answers are those
/// of that specification: 409 with the size cosigned last, 422 when the proof does not fit.
#[utoipa::path(post, path = "/witness/add-checkpoint", tag = "ledger",
    operation_id = "witness_add_checkpoint",
    request_body(content = String, content_type = "text/plain"),
    responses((status = 200, body = String, content_type = "text/plain; charset=utf-8"),
        (status = 400), (status = 403), (status = 404),
        (status = 409, body = String, content_type = "text/x.tlog.size"), (status = 422)))]
pub(crate) async fn add_checkpoint(
    State(api): State<Api>,
    ConnectInfo(Peer(address)): ConnectInfo<Peer>,
    body: Body,
) -> Result<Response, Problem> {
    if !api.rates.take(address, 1, Instant::now()) {
        return Err(Problem::new(ApiCode::Busy, "too many requests from this address"));
    }
    let _permit = api.submit_permit()?;
    let read = axum::body::to_bytes(body, witness::MAX_BODY_BYTES);
    let body = match tokio::time::timeout(BODY_TIME, read).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return Err(Problem::new(ApiCode::TooLarge, "the request is too long")),
        Err(_) => return Err(Problem::new(ApiCode::Timeout, "the request did not arrive")),
    };
    let answer = api.blocking(move |service| Ok(service.witness(&body))).await?;
    Ok(match answer {
        Ok(line) => note(line.to_string()),
        Err(Refusal::Stale(size)) => {
            let kind = HeaderValue::from_static("text/x.tlog.size");
            (StatusCode::CONFLICT, [(CONTENT_TYPE, kind)], format!("{size}\n")).into_response()
        }
        Err(refusal) => {
            let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
            (status, [(CONTENT_TYPE, TEXT)], format!("{refusal}\n")).into_response()
        }
    })
}

/// The checkpoint of another log that this node cosigned last, by the SHA-256 of its origin.
#[utoipa::path(get, path = "/witness/{origin}/checkpoint", tag = "ledger",
    operation_id = "get_witnessed_checkpoint", params(("origin" = String, Path)),
    responses((status = 200, body = String, content_type = "text/plain; charset=utf-8")))]
pub(crate) async fn witnessed(
    State(api): State<Api>,
    Path(hash): Path<String>,
    Params(Nothing {}): Params<Nothing>,
) -> Result<Response, Problem> {
    let found = api.blocking(move |service| Ok(service.witnessed(&hash))).await?;
    let found = found.and_then(|bytes| String::from_utf8(bytes).ok());
    found.map(note).ok_or_else(|| Problem::not_found("a witnessed checkpoint"))
}
