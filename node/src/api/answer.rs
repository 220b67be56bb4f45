//! The frame of every answer, and answers that never change.

use axum::Json;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use hefu_contracts::state::is_proven;
use hefu_primitives::hash::hash;
use hefu_primitives::{Domain, H32, Height};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::problem::{ApiCode, Problem};
use super::snapshot::{Found, Pin};
use super::state::Api;

/// An answer and what it rests on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Answer<T> {
    /// The height the answer is pinned to.
    #[schema(value_type = String, example = "12")]
    height: Height,
    /// Root of the authenticated map after that height.
    #[schema(value_type = String)]
    state_root: H32,
    /// Whether nothing is missing.
    complete: bool,
    /// Why something is: `scan_bound`, `missing`, `pruned`, `pending`, `index_lags`, `index_stopped`,
    /// `mandate_scope`.
    #[serde(skip_serializing_if = "Option::is_none")]
    incomplete_reason: Option<&'static str>,
    #[serde(flatten)]
    content: T,
}

impl<T> Answer<T> {
    pub(super) fn new(pin: &Pin, incomplete_reason: Option<&'static str>, content: T) -> Self {
        let (height, state_root) = (pin.height, pin.state_root);
        let complete = incomplete_reason.is_none();
        Self { height, state_root, complete, incomplete_reason, content }
    }
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}

/// A record and what the ledger derives from it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Entry {
    /// The full key in hexadecimal: what evidence can be asked for, when `proven`.
    record_key: String,
    /// The height that wrote this version.
    #[schema(value_type = String)]
    written_height: Height,
    /// Whether the authenticated map commits to it.
    proven: bool,
    /// The record as the contract stores it.
    #[schema(value_type = Object)]
    record: Value,
    /// Derived: status, state, clocks, depending on the record.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    derived: Map<String, Value>,
}

impl Entry {
    /// A record with derived fields.
    pub(super) fn new<V: Serialize>(
        found: &Found<V>,
        derived: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> Result<Self, Problem> {
        let derived = derived.into_iter().map(|(name, value)| (name.to_owned(), value));
        Ok(Self {
            record_key: hex(&found.key),
            written_height: found.written,
            proven: is_proven(&found.key),
            record: json(&found.value)?,
            derived: derived.collect(),
        })
    }

    /// Adds a derived field.
    pub(super) fn derive(&mut self, name: &str, value: Value) {
        self.derived.insert(name.to_owned(), value);
    }
}

/// One page of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The items.
    pub(super) items: Vec<T>,
    /// Where to go on; null at the end.
    pub(super) next_cursor: Option<String>,
}

/// A value as JSON.
pub(super) fn json(value: &impl Serialize) -> Result<Value, Problem> {
    serde_json::to_value(value).map_err(|error| {
        tracing::error!(%error, "a record does not serialise");
        Problem::new(ApiCode::Internal, "the record cannot be shown")
    })
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes of hexadecimal, of either case.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.bytes().all(|c| c.is_ascii_hexdigit()) || text.len() % 2 == 1 {
        return None;
    }
    let pair = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(pair).collect()
}

/// An answer that will never be another: with a strong tag, to be kept for good.
pub(super) fn immutable(
    api: &Api,
    request: &HeaderMap,
    content_type: &'static str,
    body: Vec<u8>,
) -> Response {
    let tag = format!("\"{}\"", hash(Domain::Digest, &[&body]));
    let known = request.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let same = known.is_some_and(|known| known.split(',').any(|one| one.trim() == tag));
    let mut response = if same {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = Response::new(Body::from(body));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response
    };
    let scope = if api.access.is_open() { "public" } else { "private" };
    let keep = format!("{scope}, max-age=31536000, immutable");
    for (name, value) in [(ETAG, tag), (CACHE_CONTROL, keep)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// As [`immutable`], of JSON.
pub(super) fn immutable_json(
    api: &Api,
    request: &HeaderMap,
    answer: &impl Serialize,
) -> Result<Response, Problem> {
    let body = serde_json::to_vec(answer).map_err(|error| {
        tracing::error!(%error, "an answer does not serialise");
        Problem::new(ApiCode::Internal, "the answer cannot be shown")
    })?;
    Ok(immutable(api, request, "application/json", body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal() {
        assert_eq!(unhex(&hex(&[0, 255, 16])), Some(vec![0, 255, 16]));
        assert_eq!(unhex("FF"), Some(vec![255]));
        for bad in ["f", "zz", "+1", "é1"] {
            assert_eq!(unhex(bad), None, "{bad}");
        }
    }
}
