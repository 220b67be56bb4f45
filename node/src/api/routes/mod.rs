//! The handlers, a file for each part of the ledger.

mod agreements;
mod audit;
mod batches;
mod blocks;
mod certificates;
mod disputes;
mod event;
mod evidence;
mod health;
mod identity;
mod log;
mod node;
mod oversight;
mod preflight;
mod proofs;
mod questions;
mod requests;
mod rules;
mod services;
mod sharing;
mod stream;
mod submit;
mod submit_many;
mod tlog;
mod transactions;
mod waiting;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::state::Api;

/// Every route of the interface.
pub(super) fn all() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(node_routes())
        .merge(identity_routes())
        .merge(ledger_routes())
        .merge(certificate_routes())
        .merge(exchange_routes())
        .merge(log_routes())
        .merge(service_routes())
}

fn log_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(tlog::checkpoint))
        .routes(routes!(tlog::cosigners))
        .routes(routes!(tlog::receipt))
        .routes(routes!(tlog::add_checkpoint))
        .routes(routes!(tlog::witnessed))
        .route("/tile/{*path}", axum::routing::get(tlog::tile))
}

fn node_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(health::livez))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
        .routes(routes!(node::node))
        .routes(routes!(node::network))
        .routes(routes!(node::genesis))
        .routes(routes!(node::genesis_raw))
}

fn identity_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(identity::members))
        .routes(routes!(identity::member))
        .routes(routes!(identity::authorities))
        .routes(routes!(identity::authority))
        .routes(routes!(identity::keys))
        .routes(routes!(identity::key))
        .routes(routes!(identity::proposals))
        .routes(routes!(identity::proposal))
        .routes(routes!(waiting::waiting))
        .routes(routes!(preflight::preflight))
        .routes(routes!(identity::validators))
        .routes(routes!(evidence::list))
        .routes(routes!(evidence::one))
        .routes(routes!(evidence::file))
}

fn ledger_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(submit::submit))
        .routes(routes!(submit_many::submit_many))
        .routes(routes!(transactions::transaction))
        .routes(routes!(proofs::transaction))
        .routes(routes!(blocks::blocks))
        .routes(routes!(blocks::block))
        .routes(routes!(blocks::raw))
        .routes(routes!(blocks::light))
        .routes(routes!(proofs::records))
        .routes(routes!(log::proof))
        .routes(routes!(log::consistency))
        .routes(routes!(audit::events))
        .routes(routes!(questions::questions))
        .routes(routes!(questions::index))
        .routes(routes!(questions::ask))
        .routes(routes!(stream::events))
}

fn certificate_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(rules::parameters))
        .routes(routes!(rules::rules))
        .routes(routes!(rules::calendars))
        .routes(routes!(rules::types))
        .routes(routes!(rules::type_versions))
        .routes(routes!(rules::scenarios))
        .routes(routes!(rules::scenario))
        .routes(routes!(certificates::certificates))
        .routes(routes!(certificates::certificate))
        .routes(routes!(certificates::status))
        .routes(routes!(proofs::certificate))
        .routes(routes!(requests::requests))
        .routes(routes!(requests::request))
        .routes(routes!(requests::seals))
        .routes(routes!(batches::batches))
        .routes(routes!(batches::batch))
        .routes(routes!(batches::certificates))
}

fn exchange_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(agreements::agreements))
        .routes(routes!(agreements::agreement))
        .routes(routes!(agreements::recognitions))
        .routes(routes!(agreements::recognition))
        .routes(routes!(agreements::replay))
        .routes(routes!(sharing::catalogue))
        .routes(routes!(sharing::catalogue_entry))
        .routes(routes!(sharing::requests))
        .routes(routes!(sharing::request))
        .routes(routes!(sharing::grants))
        .routes(routes!(sharing::grant))
        .routes(routes!(sharing::receipts))
        .routes(routes!(sharing::receipt))
        .routes(routes!(batches::decision_batches))
        .routes(routes!(batches::decision_batch))
        .routes(routes!(batches::decisions))
        .routes(routes!(batches::windows))
}

fn service_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(services::items))
        .routes(routes!(services::item))
        .routes(routes!(services::versions))
        .routes(routes!(services::cases))
        .routes(routes!(services::case))
        .routes(routes!(services::themes))
        .routes(routes!(services::theme))
        .routes(routes!(services::evaluations))
        .routes(routes!(disputes::disputes))
        .routes(routes!(disputes::dispute))
        .routes(routes!(oversight::notices))
        .routes(routes!(oversight::notice))
        .routes(routes!(oversight::standards))
        .routes(routes!(oversight::regions))
        .routes(routes!(oversight::checkpoints))
        .routes(routes!(oversight::mandates))
        .routes(routes!(oversight::mandate))
        .routes(routes!(oversight::read_logs))
}
