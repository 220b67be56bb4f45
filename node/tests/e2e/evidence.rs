//! A validator that contradicts itself, over real sockets between processes: its node is replaced by
//! one that signs two votes of a round and tells one peer. Every other node records it, what is
//! exported convicts the validator without a node, and nothing of it is lost in a restart.

use std::collections::BTreeSet;

use hefu_consensus::Message;
use hefu_node::network::{
    Address, Channel, Limits, Network as Links, NetworkConfig, NetworkEvent, NodeKey, NodeSecret,
};
use hefu_primitives::codec::Canonical;
use hefu_primitives::{BlockId, Height, KeyPair, Round, Vote, VoteKind};
use serde_json::Value;

use crate::harness::cli::Hefu;
use crate::harness::http::Http;
use crate::harness::network::Network;
use crate::harness::{SOON, wait_for};

const LIAR: &str = "340000";

#[test]
fn a_contradiction_is_recorded_convicts_offline_and_survives_restarts() {
    let mut network = Network::start("evidence");
    let listed = network.provinces[0].hefu(&["evidence", "list"]).json();
    assert_eq!(listed["items"], Value::Array(Vec::new()), "{listed}");
    let id = lie(&mut network);
    let record = everywhere(&network, &id);
    assert_eq!(record["region"].to_string(), LIAR, "{record}");
    exported(&network, &id);
    restarted(&mut network, &id, &record);
    network.assert_agreement();
}

/// The fourth province's keys in a program of ours, linked with the first node alone.
fn lie(network: &mut Network) -> String {
    let chain = network.chain();
    let first = &network.provinces[0];
    let (node, http) = (NodeKey(*first.key("node").public().as_bytes()), first.http());
    let address: Address = format!("127.0.0.1:{}", first.p2p).parse().expect("an address");
    let liar = network.province(LIAR);
    liar.node.take().expect("runs").stop();
    let (secret, key) = (liar.key("node"), liar.key("validator"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (links, allowed) = runtime.block_on(async {
        let (allowed, watched) = tokio::sync::watch::channel(BTreeSet::from([node]));
        let config = NetworkConfig {
            secret: NodeSecret::new(secret.secret_bytes()),
            listen: "127.0.0.1:0".parse().expect("an address"),
            peers: vec![(node, vec![address])],
            chain,
            region: LIAR.parse().expect("a region"),
            limits: Limits::default(),
        };
        let (links, mut events) = Links::start(config, watched).await.expect("a network");
        let connected = async {
            while let Some(event) = events.recv().await {
                if matches!(event, NetworkEvent::Connected { .. }) {
                    return;
                }
            }
        };
        tokio::time::timeout(SOON, connected).await.expect("linked soon");
        tokio::spawn(async move { while events.recv().await.is_some() {} });
        (links, allowed)
    });
    let id = wait_for("a recorded contradiction", SOON, || {
        // The height that the others decide; it may be over when this arrives.
        let height = Height(http.height()?).next();
        for block in [None, Some(BlockId([9; 32]))] {
            let bytes = prevote(&key, height, block).sign(&chain, &key);
            links.send(node, Channel::Consensus, Message::Votes(vec![bytes]).to_bytes());
        }
        recorded(&http)
    });
    runtime.block_on(links.shutdown());
    drop(allowed);
    id
}

fn prevote(key: &KeyPair, height: Height, block: Option<BlockId>) -> Vote {
    Vote { kind: VoteKind::Prevote, height, round: Round(0), block, validator: key.id() }
}

/// The first contradiction that a node lists.
fn recorded(http: &Http) -> Option<String> {
    let listed = http.json("/api/v1/evidence");
    Some(listed["items"].as_array()?.first()?["id"].as_str()?.to_owned())
}

/// What every node that runs has of it: the same, once, with an event.
fn everywhere(network: &Network, id: &str) -> Value {
    let mut said: Option<Value> = None;
    for province in network.provinces.iter().filter(|province| province.node.is_some()) {
        let http = province.http();
        let one = wait_for(&format!("{id} at {}", province.region), SOON, || {
            recorded(&http).filter(|found| found == id)?;
            Some(http.json(&format!("/api/v1/evidence/{id}")))
        });
        assert_eq!(one["contradiction"], "prevote", "{one}");
        let record = one["record"].clone();
        assert_eq!(*said.get_or_insert_with(|| record.clone()), record, "{}", province.region);
        let events = http.json("/api/v1/audit/events?kind=equivocation_recorded");
        let subject = format!("equ:{id}");
        let events = events["items"].as_array().expect("a list").clone();
        assert_eq!(events.iter().filter(|event| event["subject"] == *subject).count(), 1);
        let shown = province.hefu(&["evidence", "show", id]).json();
        assert_eq!(shown["record"], record);
    }
    said.expect("a node runs")
}

/// A node that heard of it from others alone gives a file that convicts without any node, on this
/// ledger and as it is.
fn exported(network: &Network, id: &str) {
    let file = network.scratch.join("contradiction.hefu");
    let second = &network.provinces[1];
    second.hefu(&["evidence", "export", id, "-O"]).arg(&file).run().exits(0);
    let verify = |file: &std::path::Path, genesis: &str| {
        let verify = Hefu::new(network.scratch.path()).arg("verify").arg(file);
        verify.args(["--genesis", genesis])
    };
    let proven = verify(&file, &network.hash).json();
    assert_eq!(proven["kind"], "equivocation", "{proven}");
    assert_eq!((&proven["id"], proven["region"].to_string()), (&id.into(), LIAR.to_owned()));
    verify(&file, &network.hash).run().exits(0);
    verify(&file, &"0".repeat(64)).run().exits(3).fault("cli.invalid");
    let mut changed = std::fs::read(&file).expect("the file");
    let last = changed.len() - 1;
    changed[last] ^= 1;
    let forged = network.scratch.join("forged.hefu");
    std::fs::write(&forged, changed).expect("a file");
    verify(&forged, &network.hash).run().exits(3).fault("cli.invalid");
    // Of nobody else is there such a proof.
    let honest = second.key("validator").public().id();
    let unknown = second.hefu(&["evidence", "export", &format!("{honest}-1"), "-O"]);
    unknown.arg(network.scratch.join("nothing.hefu")).run().exits(4).fault("api.not_found");
}

/// All nodes end, the liar's own starts again too: it reads of itself what the others recorded.
fn restarted(network: &mut Network, id: &str, record: &Value) {
    for province in &mut network.provinces {
        if let Some(node) = province.node.take() {
            node.stop();
        }
    }
    network.provinces.iter_mut().for_each(|province| province.start());
    network.provinces.iter_mut().for_each(|province| province.node().wait_ready());
    network.settle();
    assert_eq!(everywhere(network, id), *record);
}
