//! A validator that contradicts itself, over real sockets: its node is replaced by one that signs
//! two votes of a round. Every other node records it, and the proof it gives holds offline.

use std::collections::BTreeSet;

use hefu_consensus::Message;
use hefu_genesis::sample::MemberKeys;
use hefu_primitives::codec::Canonical;
use hefu_primitives::evidence_file::EquivocationProof;
use hefu_primitives::{BlockId, ChainId, Round, Vote, VoteKind};
use tokio::sync::watch;

use super::network::{Network, PATIENCE, Province};
use crate::network::{Channel, Limits, NetworkConfig, NetworkEvent, NodeKey, NodeSecret};

/// A peer with a validator's keys and none of its scruples, linked with the first node.
async fn liar(network: &Network, keys: &MemberKeys) -> crate::network::Network {
    let others = network.provinces.iter().map(|province| {
        let listening = province.running.service.network().listen_addrs();
        let key = NodeKey(*province.keys.node.public().as_bytes());
        (key, listening.into_iter().map(Into::into).collect())
    });
    let peers: Vec<(NodeKey, Vec<_>)> = others.collect();
    let allowed: BTreeSet<NodeKey> = peers.iter().map(|(key, _)| *key).collect();
    let first = peers[0].0;
    let config = NetworkConfig {
        secret: NodeSecret::new(keys.node.secret_bytes()),
        listen: (std::net::Ipv4Addr::LOCALHOST, 0).into(),
        peers,
        chain: network.genesis.hash(),
        region: keys.region,
        limits: Limits::default(),
    };
    let (known, allowed) = watch::channel(allowed);
    let (liar, mut events) = crate::network::Network::start(config, allowed).await.unwrap();
    while let Some(event) = events.recv().await {
        if matches!(event, NetworkEvent::Connected { peer, .. } if peer == first) {
            break;
        }
    }
    tokio::spawn(async move {
        let _known = known;
        while events.recv().await.is_some() {}
    });
    liar
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contradiction_is_recorded_and_its_proof_holds_offline() {
    let mut network = Network::start().await;
    let client = network.client(0);
    assert_eq!(client.get("/api/v1/evidence").await.json()["items"].as_array().unwrap().len(), 0);
    let Province { keys, running, server } = network.provinces.pop().unwrap();
    server.stop().await;
    running.stop().await.unwrap();
    let liar = liar(&network, &keys).await;
    let chain = network.genesis.hash();
    let lie = async {
        loop {
            // The height that the others decide; it may be over when this arrives.
            let service = &network.provinces[0].running.service;
            let height = service.tip().height.next();
            for block in [None, Some(BlockId([9; 32]))] {
                let (kind, round, key) = (VoteKind::Prevote, Round(0), &keys.validator);
                let vote = Vote { kind, height, round, block, validator: key.id() };
                let message = Message::Votes(vec![vote.sign(&chain, key)]);
                liar.broadcast(Channel::Consensus, message.to_bytes());
            }
            // Hearing of a height makes the others decide it.
            service.wait_height(height.next()).await;
            let list = client.get("/api/v1/evidence").await.json();
            if let Some(id) = list["items"][0]["id"].as_str() {
                return id.to_owned();
            }
        }
    };
    let id = tokio::time::timeout(PATIENCE, lie).await.expect("nothing was recorded");
    let one = client.get(&format!("/api/v1/evidence/{id}")).await;
    let record = one.json();
    assert_eq!(record["contradiction"], "prevote");
    assert_eq!(record["record"]["region"], keys.region.0);
    let recorded = record["record"]["recorded_at"].as_u64();
    let recorded = recorded.or_else(|| record["record"]["recorded_at"].as_str()?.parse().ok());
    for province in 0..network.provinces.len() {
        let height = hefu_primitives::Height(recorded.unwrap());
        network.provinces[province].running.service.wait_height(height).await;
        let client = network.client(province);
        let same = client.get(&format!("/api/v1/evidence/{id}")).await.json();
        assert_eq!(same["record"], record["record"], "node {province}");
        let events = client.get("/api/v1/audit/events?kind=equivocation_recorded").await.json();
        let subject = format!("equ:{id}");
        let events = events["items"].as_array().unwrap().clone();
        assert_eq!(events.iter().filter(|event| event["subject"] == *subject).count(), 1);
        assert!(events[0]["transaction"].is_null());
        let file = client.get(&format!("/api/v1/evidence/{id}/file")).await.body;
        assert!(EquivocationProof::is_file(&file));
        let proof = EquivocationProof::from_file(&file).unwrap();
        let proven = proof.verify(chain).unwrap();
        assert_eq!(proven.validator.region, keys.region);
        assert_eq!(proven.evidence.id().to_string(), id);
        assert!(proof.verify(ChainId::ZERO).is_err());
        let metrics = client.get("/metrics").await;
        let metrics = String::from_utf8(metrics.body).unwrap();
        assert!(metrics.lines().any(|line| line.starts_with("hefu_ledger_equivocations ")));
    }
    for unknown in ["x", &format!("{}-1", hefu_primitives::KeyId::ZERO)] {
        let status = client.get(&format!("/api/v1/evidence/{unknown}")).await.status;
        assert!(status == 400 || status == 404, "{unknown}: {status}");
    }
    liar.shutdown().await;
    network.stop().await;
}
