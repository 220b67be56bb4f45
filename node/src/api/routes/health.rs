//! Probes and metrics.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::problem::Problem;
use crate::api::state::Api;
use crate::runtime::Service;

/// Heights a node may be behind the furthest peer and still be called ready: one is decided while
/// the last one is stored.
const MAX_BEHIND: u64 = 2;
/// What Prometheus expects.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A probe's answer.
#[derive(Serialize, ToSchema)]
pub(crate) struct Live {
    /// Always true: the process answers.
    live: bool,
}

/// What is not ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Unready {
    /// `halted`, `quorum`, `catching_up`.
    what: &'static str,
    /// For people.
    detail: String,
}

/// Whether submissions can become final here.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ready {
    /// Whether nothing is in the way.
    ready: bool,
    /// What is.
    not_ready: Vec<Unready>,
}

/// Whether the process answers.
#[utoipa::path(get, path = "/livez", tag = "health", responses((status = 200, body = Live)))]
pub(crate) async fn livez() -> Json<Live> {
    Json(Live { live: true })
}

/// Whether submissions can become final through this node; names what is in the way.
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, body = Ready),
    (status = 503, body = Ready, description = "Not ready, and why"),
))]
pub(crate) async fn readyz(State(api): State<Api>) -> Result<Response, Problem> {
    let not_ready = api.blocking(|service| Ok(unready(service))).await?;
    let ready = not_ready.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((status, Json(Ready { ready, not_ready })).into_response())
}

pub(super) fn unready(service: &Service) -> Vec<Unready> {
    let mut found = Vec::new();
    let mut add = |what, detail| found.push(Unready { what, detail });
    if let Some(reason) = service.halt_reason() {
        add("halted", reason);
    }
    let (online, needed) = (service.online_power(), service.tip().validators.quorum().0);
    if online < needed {
        add("quorum", format!("voting power online {online}, needed {needed}"));
    }
    let behind = service.heights_behind();
    if behind > MAX_BEHIND {
        add("catching_up", format!("{behind} heights behind the furthest peer"));
    }
    found
}

/// Whether the node is catching up with its peers.
pub(super) fn is_syncing(service: &Service) -> bool {
    service.heights_behind() > MAX_BEHIND
}

/// Metrics in the OpenMetrics text format.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, body = String, content_type = "application/openmetrics-text")))]
pub(crate) async fn metrics(State(api): State<Api>) -> Result<Response, Problem> {
    let measured = api.clone();
    let page = api.blocking(move |service| Ok(measured.metrics.text(service))).await?;
    Ok(([(CONTENT_TYPE, OPEN_METRICS)], page).into_response())
}
