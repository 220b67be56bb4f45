//! More than the ledger takes: what finds no room is told so, and what was taken is recorded.

use std::time::Duration;

use hefu_contracts::identity::Role;
use hefu_primitives::SignedTransaction;
use serde_json::Value;

use super::network::{Network, PATIENCE, Province};
use crate::demo::traffic;

/// Acts of a transaction: few transactions fill the pool.
const ACTS: usize = 100;
/// Transactions: more than wait at one node while nothing is recorded.
const COUNT: usize = 130;
/// What waits at most then, beside the one that passes it.
const ROOM: usize = 2 * 1024 * 1024;

fn large(network: &Network) -> SignedTransaction {
    let (region, issuer) = (network.provinces[0].keys.region, network.issuer(0));
    let licences = (0..ACTS).map(|_| traffic::licence(issuer, region).unwrap().into());
    let acts: Vec<_> = licences.collect();
    traffic::sign(network.genesis.hash(), issuer, Role::Issuer, "att:test", &acts).unwrap()
}

fn sequence(transactions: &[&SignedTransaction]) -> Vec<u8> {
    transactions.iter().flat_map(|tx| tx.as_bytes()).copied().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_finds_no_room_is_told_when_to_come_again_and_what_was_taken_is_recorded() {
    let mut network = Network::start().await;
    let transactions: Vec<_> = (0..COUNT).map(|_| large(&network)).collect();
    let size = transactions[0].as_bytes().len();
    assert!(size * COUNT > ROOM + ROOM / 4, "{size}");
    // Two of four decide nothing: what is taken waits.
    let mut away = Vec::new();
    for _ in 0..2 {
        away.push(network.provinces.pop().unwrap().stop().await);
    }
    let (client, many) = (network.client(0), "/many?timeout_ms=60000");
    let body = sequence(&transactions.iter().collect::<Vec<_>>());
    let asking = client.clone();
    let asked = tokio::spawn(async move { asking.post(many, "application/cbor-seq", &body).await });
    let service = network.provinces[0].running.service.clone();
    let full = tokio::time::timeout(PATIENCE, async {
        while service.pool().1 <= ROOM {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    full.await.expect("the pool fills");
    // One that comes now is told so, alone or among others, and nothing is kept of it.
    let late = large(&network);
    for answer in [
        client.submit(&late).await,
        client.post(many, "application/cbor-seq", late.as_bytes()).await,
    ] {
        assert_eq!(answer.problem(), (429, "api.busy".to_owned()));
        assert_eq!(answer.header("retry-after"), "1");
    }
    for (keys, options) in away {
        network.provinces.push(Province::start(keys, options).await);
    }
    let answer = asked.await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    let items = answer.json()["items"].as_array().unwrap().clone();
    let is = |item: &Value, status: &str| item["status"] == status;
    let applied = items.iter().filter(|item| is(item, "applied")).count();
    let again: Vec<_> =
        transactions.iter().zip(&items).filter(|(_, item)| !is(item, "applied")).collect();
    assert_eq!((items.len(), applied + again.len()), (COUNT, COUNT));
    assert!(again.iter().all(|(_, item)| item["code"] == "api.busy"), "{items:?}");
    assert!(!again.is_empty() && applied > 0);
    assert!(applied * size <= ROOM + 4 * size, "{applied} of {size} bytes");
    // Those are taken now, the late one too, and another node knows all that was acknowledged.
    let again: Vec<_> = again.iter().map(|(tx, _)| *tx).chain([&late]).collect();
    let answer = client.post(many, "application/cbor-seq", &sequence(&again)).await;
    let items = answer.json()["items"].as_array().unwrap().clone();
    assert!(items.iter().all(|item| is(item, "applied")), "{items:?}");
    let tip = service.tip().height;
    network.provinces[1].running.service.wait_height(tip).await;
    for tx in transactions.iter().chain([&late]) {
        let position = network.provinces[1].running.service.position(&tx.id()).unwrap();
        assert!(position.is_some_and(|position| position.is_authentic()));
    }
    network.stop().await;
}
