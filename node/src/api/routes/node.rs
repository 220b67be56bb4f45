//! This node, its peers, and whether the network can decide.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use hefu_contracts::identity::Member;
use hefu_genesis::Kind;
use hefu_primitives::codes::region::province_of;
use hefu_primitives::{Millis, PublicKey, Region};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::health::is_syncing;
use crate::api::answer::{Answer, immutable, immutable_json, json};
use crate::api::params::{Nothing, Params};
use crate::api::problem::Problem;
use crate::api::snapshot::Snapshot;
use crate::api::state::Api;
use crate::core::PROTOCOL;
use crate::network::{NodeKey, PeerInfo};
use crate::runtime::Service;

/// Whether the network can decide now, as this node sees it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Quorum {
    /// How many validators decide the next height.
    validators: usize,
    /// Their voting power.
    total_power: String,
    /// Voting power of the keys that nodes linked with this one say they vote with, its own included.
    online: String,
    /// Voting power a decision needs.
    needed: String,
    /// What may still fail: online less needed; negative when nothing can be decided.
    margin: i64,
}

impl Quorum {
    fn of(service: &Service) -> Self {
        let validators = service.tip().validators;
        let (online, needed) = (service.online_power(), validators.quorum().0);
        Self {
            validators: validators.len(),
            total_power: validators.total_power().to_string(),
            online: online.to_string(),
            needed: needed.to_string(),
            margin: i64::try_from(online).unwrap_or(i64::MAX)
                - i64::try_from(needed).unwrap_or(i64::MAX),
        }
    }
}

/// Transactions that wait for a block.
#[derive(Serialize, ToSchema)]
pub(crate) struct Pool {
    transactions: usize,
    bytes: usize,
}

/// A registered peer.
#[derive(Serialize, ToSchema)]
pub(crate) struct Peer {
    #[schema(value_type = Option<u32>)]
    region: Option<Region>,
    node_key: String,
    connected: bool,
    /// Since when the link is up (RFC 3339).
    connected_since: Option<String>,
    rtt_ms: Option<f64>,
    /// Standing, 0 to 100.
    score: u32,
    banned_for_ms: Option<u64>,
    /// Why there is no link, when that is known.
    refusal: Option<String>,
    bytes_in: String,
    bytes_out: String,
}

impl Peer {
    fn of(peer: &PeerInfo, regions: &BTreeMap<NodeKey, Region>) -> Self {
        let ms = |d: std::time::Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
        Self {
            region: regions.get(&peer.key).copied().or(peer.region),
            node_key: peer.key.to_string(),
            connected: peer.since.is_some(),
            connected_since: peer.since.map(rfc3339),
            rtt_ms: peer.rtt.map(|rtt| rtt.as_secs_f64() * 1_000.0),
            score: peer.score,
            banned_for_ms: peer.banned_for.map(ms),
            refusal: peer.refusal.map(|refusal| refusal.to_string()),
            bytes_in: peer.traffic.bytes_in.to_string(),
            bytes_out: peer.traffic.bytes_out.to_string(),
        }
    }
}

fn rfc3339(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)).to_rfc3339()
}

/// This node.
#[derive(Serialize, ToSchema)]
pub(crate) struct Node {
    /// Version of the program.
    version: &'static str,
    /// Version of the rules it executes.
    protocol: u16,
    /// The ledger: the hash of its genesis.
    chain: String,
    network_name_zh: String,
    network_name_en: String,
    #[schema(value_type = String)]
    kind: Kind,
    #[schema(value_type = u32)]
    region: Region,
    region_name_zh: Option<&'static str>,
    region_name_en: Option<&'static str>,
    node_key: String,
    /// Whether this node decides the next height.
    validator: bool,
    block_id: String,
    log_size: String,
    log_root: String,
    block_time: String,
    block_time_ms: String,
    peers: Vec<Peer>,
    quorum: Quorum,
    pool: Pool,
    /// Whether it is catching up with its peers.
    syncing: bool,
    /// How many heights it is behind the furthest of them.
    heights_behind: String,
    /// Why it had to stop, if it had to.
    halted: Option<String>,
    /// Contradictions of validators seen since the start.
    equivocations: usize,
    /// Connections refused lately, oldest first.
    refused_connections: Vec<RefusedConnection>,
}

/// A connection that was refused.
#[derive(Serialize, ToSchema)]
pub(crate) struct RefusedConnection {
    node_key: Option<String>,
    reason: String,
}

/// This node, its peers and what it last stored.
#[utoipa::path(get, path = "/api/v1/node", tag = "node", operation_id = "get_node",
    responses((status = 200, body = Answer<Node>)))]
pub(crate) async fn node(
    State(api): State<Api>,
    Params(Nothing {}): Params<Nothing>,
) -> Result<Answer<Node>, Problem> {
    api.read(None, |snapshot| Ok(describe(snapshot.service))).await
}

fn describe(service: &Service) -> Node {
    let tip = service.tip();
    let genesis = service.genesis();
    let charter = genesis.charter();
    let name = province_of(service.region());
    let regions = regions(&service.members());
    let (transactions, bytes) = service.pool();
    let refused = |(key, reason): (Option<NodeKey>, String)| RefusedConnection {
        node_key: key.map(|key| key.to_string()),
        reason,
    };
    Node {
        version: env!("CARGO_PKG_VERSION"),
        protocol: PROTOCOL,
        chain: service.chain().to_string(),
        network_name_zh: charter.name_zh.clone(),
        network_name_en: charter.name_en.clone(),
        kind: charter.kind,
        region: service.region(),
        region_name_zh: name.map(|province| province.name),
        region_name_en: name.map(|province| province.english),
        node_key: service.network().key().to_string(),
        validator: service.is_validator(),
        block_id: tip.block.to_string(),
        log_size: tip.log_size.to_string(),
        log_root: tip.log_root.to_string(),
        block_time: tip.time.to_rfc3339(),
        block_time_ms: tip.time.to_string(),
        peers: service.peers().iter().map(|peer| Peer::of(peer, &regions)).collect(),
        quorum: Quorum::of(service),
        pool: Pool { transactions, bytes },
        syncing: is_syncing(service),
        heights_behind: service.heights_behind().to_string(),
        halted: service.halt_reason(),
        equivocations: service.equivocations().len(),
        refused_connections: service.refusals().into_iter().map(refused).collect(),
    }
}

fn regions(members: &[Member]) -> BTreeMap<NodeKey, Region> {
    let region = |member: &Member| (NodeKey(*member.node_key.as_bytes()), member.region);
    members.iter().map(region).collect()
}

/// A validator and the member behind it.
#[derive(Serialize, ToSchema)]
pub(crate) struct NetworkValidator {
    #[schema(value_type = u32)]
    region: Region,
    name_zh: String,
    name_en: String,
    /// Its consensus key.
    #[schema(value_type = String)]
    key: PublicKey,
    key_id: String,
    power: String,
    node_key: Option<String>,
    /// Whether it votes with this key, linked with this node or on it.
    online: bool,
}

/// The network as this node sees it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Network {
    validators: Vec<NetworkValidator>,
    quorum: Quorum,
}

/// The validators, which of them vote within this node's reach, and the quorum's margin.
#[utoipa::path(get, path = "/api/v1/network", tag = "node", operation_id = "get_network",
    responses((status = 200, body = Answer<Network>)))]
pub(crate) async fn network(
    State(api): State<Api>,
    Params(Nothing {}): Params<Nothing>,
) -> Result<Answer<Network>, Problem> {
    api.read(None, |snapshot| {
        let service = snapshot.service;
        let members = service.members();
        let validators = service.tip().validators;
        let voting = service.voting_keys();
        let validators = validators.validators().iter().map(|validator| {
            let member = members.iter().find(|member| member.region == validator.region);
            NetworkValidator {
                region: validator.region,
                name_zh: member.map(|member| member.name_zh.clone()).unwrap_or_default(),
                name_en: member.map(|member| member.name_en.clone()).unwrap_or_default(),
                key: validator.key,
                key_id: validator.key.id().to_string(),
                power: validator.power.to_string(),
                node_key: member.map(|m| NodeKey(*m.node_key.as_bytes()).to_string()),
                online: voting.contains(&validator.key.id()),
            }
        });
        Ok(Network { validators: validators.collect(), quorum: Quorum::of(service) })
    })
    .await
}

/// Whether a member's node is this one or linked with it.
pub(super) fn is_online(snapshot: &Snapshot<'_>, member: &Member) -> bool {
    let network = snapshot.service.network();
    let key = NodeKey(*member.node_key.as_bytes());
    key == network.key() || network.connected().contains(&key)
}

/// The genesis.
#[derive(Serialize, ToSchema)]
pub(crate) struct GenesisAnswer {
    /// Its hash: what names the ledger.
    chain: String,
    /// The document.
    #[schema(value_type = Object)]
    document: Value,
    /// What the hash covers.
    #[schema(value_type = Object)]
    anchor: Value,
}

/// The genesis document and its hash.
#[utoipa::path(get, path = "/api/v1/genesis", tag = "node", operation_id = "get_genesis",
    responses((status = 200, body = GenesisAnswer)))]
pub(crate) async fn genesis(
    State(api): State<Api>,
    headers: HeaderMap,
    Params(Nothing {}): Params<Nothing>,
) -> Result<Response, Problem> {
    let answer = api.blocking(genesis_answer).await?;
    immutable_json(&api, &headers, &answer)
}

fn genesis_answer(service: &Service) -> Result<GenesisAnswer, Problem> {
    let genesis = service.genesis();
    let anchor = genesis.anchor();
    Ok(GenesisAnswer {
        chain: service.chain().to_string(),
        document: json(genesis)?,
        anchor: json(&anchor)?,
    })
}

/// The canonical bytes of the genesis document.
#[utoipa::path(get, path = "/api/v1/genesis/raw", tag = "node", operation_id = "get_genesis_raw",
    responses((status = 200, body = Vec<u8>, content_type = "application/cbor")))]
pub(crate) async fn genesis_raw(
    State(api): State<Api>,
    headers: HeaderMap,
    Params(Nothing {}): Params<Nothing>,
) -> Response {
    let bytes = api.service.genesis().as_bytes().to_vec();
    immutable(&api, &headers, "application/cbor", bytes)
}
