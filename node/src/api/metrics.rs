//! What is measured, in the Prometheus text format. Labels come from enumerations, route
//! templates and province codes, never from ids.
//!
//! Counters follow commits; gauges are read when they are asked for.

use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use hefu_primitives::Height;
use hefu_primitives::block::{Outcome, TxResult};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use tokio::sync::broadcast::error::RecvError;

use super::state::Api;
use crate::runtime::Service;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabel {
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RegionLabel {
    region: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabel {
    method: &'static str,
    route: String,
    status: u16,
}

type Family64<L> = Family<L, Counter<u64, AtomicU64>>;

pub(super) struct Metrics {
    registry: Registry,
    transactions: Family64<OutcomeLabel>,
    refusals: Family64<CodeLabel>,
    rounds: Counter,
    commit: Histogram,
    requests: Family64<RequestLabel>,
    request_time: Histogram,
    height: Gauge,
    block_time: Gauge<f64, AtomicU64>,
    margin: Gauge<i64, AtomicI64>,
    pool_transactions: Gauge,
    pool_bytes: Gauge,
    peers: Gauge,
    peer_up: Family<RegionLabel, Gauge>,
    peer_rtt: Family<RegionLabel, Gauge<f64, AtomicU64>>,
    storage: Gauge,
    behind: Gauge,
    equivocations: Gauge,
    equivocations_recorded: Gauge,
    halted: Gauge,
    audit_behind: Gauge,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("hefu"),
            transactions: Family::default(),
            refusals: Family::default(),
            rounds: Counter::default(),
            commit: Histogram::new(exponential_buckets(0.01, 2.0, 13)),
            requests: Family::default(),
            request_time: Histogram::new(exponential_buckets(0.000_5, 2.0, 16)),
            height: Gauge::default(),
            block_time: Gauge::default(),
            margin: Gauge::default(),
            pool_transactions: Gauge::default(),
            pool_bytes: Gauge::default(),
            peers: Gauge::default(),
            peer_up: Family::default(),
            peer_rtt: Family::default(),
            storage: Gauge::default(),
            behind: Gauge::default(),
            equivocations: Gauge::default(),
            equivocations_recorded: Gauge::default(),
            halted: Gauge::default(),
            audit_behind: Gauge::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let r = &mut self.registry;
        r.register("transactions", "Committed transactions", self.transactions.clone());
        r.register("refusals", "Committed refusals by code", self.refusals.clone());
        r.register("consensus_rounds", "Rounds that blocks took", self.rounds.clone());
        let commit = "From a submission here to its durable commit";
        r.register_with_unit("commit_duration", commit, Unit::Seconds, self.commit.clone());
        r.register("http_requests", "HTTP requests answered", self.requests.clone());
        let time = "Time until an HTTP answer began";
        r.register_with_unit(
            "http_request_duration",
            time,
            Unit::Seconds,
            self.request_time.clone(),
        );
        r.register("consensus_height", "Height of the last block", self.height.clone());
        let time = "Block time of the last block, since 1970";
        r.register_with_unit("block_timestamp", time, Unit::Seconds, self.block_time.clone());
        let margin = "Voting power online above what a decision needs";
        r.register("quorum_margin", margin, self.margin.clone());
        r.register("pool_transactions", "Waiting transactions", self.pool_transactions.clone());
        r.register_with_unit("pool", "Waiting transactions", Unit::Bytes, self.pool_bytes.clone());
        r.register("peers_connected", "Peers linked with this node", self.peers.clone());
        r.register("peer_up", "Whether a province's node is linked", self.peer_up.clone());
        let rtt = "Time of a ping and its answer";
        r.register_with_unit("peer_rtt", rtt, Unit::Seconds, self.peer_rtt.clone());
        r.register_with_unit(
            "storage",
            "Size of the block files",
            Unit::Bytes,
            self.storage.clone(),
        );
        let behind = "Heights this node is behind the furthest peer";
        r.register("peer_lag_heights", behind, self.behind.clone());
        let evidence = "Contradictions of validators seen since the start";
        r.register("consensus_equivocations", evidence, self.equivocations.clone());
        let evidence = "Contradictions of validators that the ledger records";
        let recorded = self.equivocations_recorded.clone();
        r.register("ledger_equivocations", evidence, recorded);
        let behind = "Heights the query index is behind the ledger";
        r.register("audit_index_lag_heights", behind, self.audit_behind.clone());
        r.register("node_halted", "Whether the node had to stop", self.halted.clone());
    }

    /// An answered request.
    pub(super) fn request(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        let method = match *method {
            Method::GET => "GET",
            Method::POST => "POST",
            Method::HEAD => "HEAD",
            _ => "other",
        };
        let label = RequestLabel { method, route: route.to_owned(), status: status.as_u16() };
        self.requests.get_or_create(&label).inc();
        self.request_time.observe(took.as_secs_f64());
    }

    /// A submission whose outcome is durable.
    pub(super) fn committed(&self, took: Duration) {
        self.commit.observe(took.as_secs_f64());
    }

    fn outcomes(&self, outcomes: &[Outcome]) {
        for outcome in outcomes {
            let label = match outcome.result {
                TxResult::Applied { .. } => "applied",
                TxResult::Refused { code, .. } => {
                    let label = CodeLabel { code: format!("E{code}") };
                    self.refusals.get_or_create(&label).inc();
                    "refused"
                }
            };
            self.transactions.get_or_create(&OutcomeLabel { outcome: label }).inc();
        }
    }

    /// Everything, as text. Blocks on the block files' lock for a moment.
    pub(super) fn text(&self, service: &Service) -> String {
        self.measure(service);
        let mut page = String::new();
        if let Err(error) = text::encode(&mut page, &self.registry) {
            tracing::error!(%error, "metrics cannot be written");
        }
        page
    }

    fn measure(&self, service: &Service) {
        let tip = service.tip();
        self.height.set(tip.height.0 as i64);
        self.block_time.set(tip.time.0 as f64 / 1_000.0);
        let needed = tip.validators.quorum().0 as i64;
        self.margin.set(service.online_power() as i64 - needed);
        let (transactions, bytes) = service.pool();
        self.pool_transactions.set(transactions as i64);
        self.pool_bytes.set(bytes as i64);
        if let Ok(bytes) = service.storage_bytes() {
            self.storage.set(bytes as i64);
        }
        self.behind.set(service.heights_behind() as i64);
        self.equivocations.set(service.equivocations().len() as i64);
        self.equivocations_recorded.set(service.recorded_equivocations() as i64);
        self.halted.set(i64::from(service.halt_reason().is_some()));
        if let Some(index) = service.audit_index() {
            self.audit_behind.set(tip.height.0.saturating_sub(index.height().0) as i64);
        }
        self.measure_peers(service);
    }

    fn measure_peers(&self, service: &Service) {
        let peers = service.peers();
        self.peers.set(peers.iter().filter(|peer| peer.since.is_some()).count() as i64);
        for (peer, region) in peers.iter().filter_map(|peer| Some((peer, peer.region?))) {
            let label = RegionLabel { region: region.to_string() };
            self.peer_up.get_or_create(&label).set(i64::from(peer.since.is_some()));
            if let Some(rtt) = peer.rtt {
                self.peer_rtt.get_or_create(&label).set(rtt.as_secs_f64());
            }
        }
    }
}

/// Counts what is committed, also when commits come faster than they are counted.
pub(super) async fn watch(api: Api) {
    let mut commits = api.service.subscribe();
    let mut next = api.service.tip().height.next();
    loop {
        let upto = match commits.recv().await {
            Ok(committed) if committed.tip.height == next => {
                api.metrics.outcomes(&committed.stored.outcomes);
                api.metrics.rounds.inc_by(rounds(committed.stored.block.header.round));
                next = next.next();
                continue;
            }
            Ok(committed) => committed.tip.height,
            Err(RecvError::Lagged(_)) => api.service.tip().height,
            Err(RecvError::Closed) => return,
        };
        next = catch_up(&api, next, upto).await;
    }
}

async fn catch_up(api: &Api, mut next: Height, upto: Height) -> Height {
    while next <= upto {
        let height = next;
        let read = api.blocking(move |service| Ok(service.block(height)?)).await;
        if let Ok(Some(stored)) = read {
            api.metrics.outcomes(&stored.outcomes);
            api.metrics.rounds.inc_by(rounds(stored.block.header.round));
        }
        next = next.next();
    }
    next
}

fn rounds(round: hefu_primitives::Round) -> u64 {
    u64::from(round.0).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hefu_primitives::TxId;

    #[test]
    fn names_are_as_promised() {
        let metrics = Metrics::new();
        let (tx, took) = (TxId::ZERO, Duration::from_millis(30));
        let applied = Outcome { tx, result: TxResult::Applied { leaf: 1 } };
        let refused = Outcome { tx, result: TxResult::Refused { code: 415, act: 0 } };
        metrics.outcomes(&[applied.clone(), refused, applied]);
        metrics.committed(took);
        metrics.request(&Method::GET, "/livez", StatusCode::OK, took);
        let mut page = String::new();
        text::encode(&mut page, &metrics.registry).unwrap();
        for line in [
            "hefu_transactions_total{outcome=\"applied\"} 2",
            "hefu_refusals_total{code=\"E415\"} 1",
            "hefu_commit_duration_seconds_count 1",
            "hefu_http_requests_total{method=\"GET\",route=\"/livez\",status=\"200\"} 1",
            "hefu_consensus_height 0",
            "hefu_quorum_margin 0",
            "hefu_pool_transactions 0",
            "hefu_pool_bytes 0",
            "hefu_peers_connected 0",
            "hefu_storage_bytes 0",
            "hefu_consensus_rounds_total 0",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} in:\n{page}");
        }
    }
}
