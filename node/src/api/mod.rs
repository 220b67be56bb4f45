//! # The HTTP interface of a node, `/api/v1`
//!
//! Integrators, the command line and the console speak to a node through this and nothing else.
//!
//! ## Rules
//!
//! 1. **Every answer says what it rests on**: the height it is pinned to, that height's state
//!    root, and whether it is complete; when it is not, why.
//! 2. **Every error is a problem document** (RFC 9457) with a stable code: `E415` as contracts
//!    number them, or a dotted name of this interface (`problem`).
//! 3. **A refused act never looks like success**: submitting waits for the committed outcome, and
//!    a refusal is 422.
//! 4. **Everything is bounded**: connections, requests at work, bodies, time, rows examined,
//!    streams, submissions of one address. The bounds stand in the modules that keep them.
//! 5. **Reading needs a credential** unless the operator opens it; submitting needs none but the
//!    signature. An auditor's signed request is answered within its mandate (`mandate`), and logged.
//!
//! Knows a node only through [`Service`]; knows no rule of a contract beyond what it calls.

mod access;
mod answer;
mod document;
mod guard;
mod listener;
mod mandate;
mod metrics;
mod page;
mod params;
mod problem;
mod rate;
mod routes;
mod signed;
mod snapshot;
mod state;
#[cfg(test)]
pub(crate) mod tests;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpSocket;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::SwaggerUi;

pub use access::{ReadAccess, TokenHash, TokenHashError};
pub(crate) use signed::{NODE as NODE_HEADER, sign as sign_read};

use self::document::Document;
use self::listener::{Bounded, Peer};
use self::state::Api;
use crate::runtime::Service;

/// How long requests at work may take to end when the server stops.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// What the server is told at start.
#[derive(Clone, Debug)]
pub struct ApiOptions {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Who may read.
    pub read: ReadAccess,
    /// How much is answered.
    pub bounds: Bounds,
}

/// What the operator may set of the interface's bounds.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Most requests at work, without streams and submissions.
    pub requests: u32,
    /// Transactions that one address may submit in a second, in the long run; twice as many at once.
    pub submissions_per_second: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { requests: 256, submissions_per_second: 2_000 }
    }
}

/// An address taken for the server: nobody else can take it, and nobody is answered yet.
pub struct Reserved(TcpSocket);

impl Reserved {
    /// Takes an address.
    ///
    /// # Errors
    /// `AddrInUse` when another process listens there, and others of the system.
    pub fn take(address: SocketAddr) -> std::io::Result<Self> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // As listeners do: connections that end do not block a restart.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self(socket))
    }
}

/// A running server.
pub struct ApiServer {
    local: SocketAddr,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    watcher: JoinHandle<()>,
}

impl ApiServer {
    /// Starts to serve a node.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(service: Service, options: ApiOptions) -> std::io::Result<Self> {
        Self::start_on(service, Reserved::take(options.listen)?, options.read, options.bounds)
    }

    /// Starts to serve a node on an address that was taken before.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn start_on(
        service: Service,
        reserved: Reserved,
        read: ReadAccess,
        bounds: Bounds,
    ) -> std::io::Result<Self> {
        let listener = reserved.0.listen(BACKLOG)?;
        let local = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let api = Api::new(service, read, bounds, stopped.clone());
        let watcher = tokio::spawn(metrics::watch(api.clone()));
        let app = router(api).into_make_service_with_connect_info::<Peer>();
        let server =
            axum::serve(Bounded::new(listener), app).with_graceful_shutdown(until(stopped));
        let server = tokio::spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "the HTTP interface ended");
            }
        });
        tracing::info!(%local, "HTTP interface");
        Ok(Self { local, stop, server, watcher })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Stops: no more connections, streams end, requests at work get a few seconds.
    pub async fn stop(mut self) {
        self.watcher.abort();
        self.stop.send_replace(true);
        if tokio::time::timeout(STOP_PATIENCE, &mut self.server).await.is_err() {
            self.server.abort();
        }
    }
}

async fn until(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// The routes and the document that describes them.
fn described() -> (Router<Api>, OpenApi) {
    let routes = OpenApiRouter::with_openapi(Document::base()).merge(routes::all());
    let (routes, mut document) = routes.split_for_parts();
    document::complete(&mut document);
    (routes, document)
}

fn router(api: Api) -> Router {
    let (routes, document) = described();
    let routes = routes
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::wrong_method)
        .merge(SwaggerUi::new("/docs").url("/openapi.json", document));
    guard::layer(routes, &api).with_state(api)
}

/// The OpenAPI document, for `hefu` to print and tests to compare.
pub fn openapi() -> OpenApi {
    described().1
}
