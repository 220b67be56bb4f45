//! What every request passes: who may read and within which mandate, how many are at work, how long
//! they may take, and the count of it.

use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{ACCEPT_LANGUAGE, CONTENT_LANGUAGE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};

use super::mandate;
use super::problem::{ApiCode, Problem};
use super::signed::{NODE, SignedRead};
use super::state::Api;
use crate::text::Lang;

/// How long a read may take.
const READ_TIME: Duration = Duration::from_secs(10);
/// Paths that anybody may ask: they tell nothing of the ledger.
const UNGUARDED: &[&str] = &["/livez", "/readyz", "/openapi.json"];
/// The stream of events lasts, and counts its own readers.
const STREAM: &str = "/api/v1/events";

/// Puts the guard around every route.
pub(super) fn layer(routes: Router<Api>, api: &Api) -> Router<Api> {
    routes.layer(from_fn_with_state(api.clone(), guard))
}

async fn guard(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("other", MatchedPath::as_str);
    let chinese = language(request.headers()) == Some(Lang::Zh);
    let mut response = match admit(&api, &mut request, route).await {
        Ok(kind) => run(&api, kind, request, next).await,
        Err(problem) => problem.into_response(),
    };
    if let Some(problem) = response.extensions_mut().remove::<Problem>()
        && chinese
    {
        let status = response.status();
        response = problem.in_language(Lang::Zh).into_response();
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_LANGUAGE, HeaderValue::from_static("zh"));
    }
    // Whoever is to sign must know for which node.
    if response.status() == StatusCode::UNAUTHORIZED
        && let Ok(region) = HeaderValue::from_str(&api.service.region().to_string())
    {
        response.headers_mut().insert(NODE, region);
    }
    api.metrics.request(&method, route, response.status(), started.elapsed());
    response
}

/// The first language of ours that the caller names; weights are not compared.
fn language(headers: &HeaderMap) -> Option<Lang> {
    let asked = headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?;
    asked.split(',').find_map(|range| Lang::of(range.split(';').next().unwrap_or_default().trim()))
}

/// Whether a path can be read without a credential.
pub(super) fn is_unguarded(path: &str) -> bool {
    UNGUARDED.contains(&path) || path == "/docs" || path.starts_with("/docs/")
}

enum Kind {
    /// Bounds itself.
    Own,
    /// Bounded here.
    Read,
}

async fn admit(api: &Api, request: &mut Request, route: &str) -> Result<Kind, Problem> {
    if request.method() == Method::POST {
        return Ok(Kind::Own);
    }
    let path = request.uri().path();
    if is_unguarded(path) {
        return Ok(Kind::Read);
    }
    let signed = SignedRead::of(request.method(), request.uri(), request.headers())?;
    if let Some(signed) = signed {
        let _permit = api.request_permit()?;
        let (used, parts) = (api.used.clone(), mandate::parts(request, route));
        let admit = move |service: &_| mandate::admit(service, &used, &signed, &parts);
        let scope = api.blocking(admit).await?;
        request.extensions_mut().insert(scope);
        return Ok(Kind::Read);
    }
    api.access.check(request.headers())?;
    Ok(if path == STREAM { Kind::Own } else { Kind::Read })
}

async fn run(api: &Api, kind: Kind, request: Request, next: Next) -> Response {
    if matches!(kind, Kind::Own) {
        return next.run(request).await;
    }
    let _permit = match api.request_permit() {
        Ok(permit) => permit,
        Err(problem) => return problem.into_response(),
    };
    match tokio::time::timeout(READ_TIME, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(ApiCode::Timeout, "the node took too long").into_response(),
    }
}
