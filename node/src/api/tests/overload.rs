//! More than the ledger takes: what finds no room is told so, and what was taken is recorded.

use std::time::Duration;

use hefu_contracts::identity::Role;
use hefu_primitives::SignedTransaction;
use hefu_primitives::block::TxResult;

use super::network::{Network, PATIENCE, Province};
use crate::demo::traffic;
use crate::runtime::service::SubmitError;

/// Acts of a transaction: few transactions fill the pool.
const ACTS: usize = 100;
/// Transactions: more than wait at one node while nothing is recorded.
const COUNT: usize = 70;
/// What waits at most then, beside the one that passes it.
const ROOM: usize = 1024 * 1024;
/// Transactions that may wait at the door.
const AT_THE_DOOR: usize = 2_048;

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
    let (client, service) = (network.client(0), network.provinces[0].running.service.clone());
    let many = async |transactions: &[&SignedTransaction], wait_ms: u32| {
        let query = format!("/many?timeout_ms={wait_ms}");
        client.post(&query, "application/cbor-seq", &sequence(transactions)).await
    };
    // More at once than there is room for at the door: none of them is let in, and the room is free.
    let crowd = vec![transactions[0].as_bytes().to_vec(); AT_THE_DOOR + 1];
    let refused = service.submit_many_and_wait(crowd, Duration::from_millis(1)).await;
    assert!(matches!(refused, Err(SubmitError::Busy)) && service.pool() == (0, 0));
    // Nothing can be recorded: what was taken has no outcome, the others were told so.
    let answer = many(&transactions.iter().collect::<Vec<_>>(), 10_000).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let items = answer.json()["items"].as_array().unwrap().clone();
    let told = |code: &str| {
        let with = transactions.iter().zip(&items).filter(|(_, item)| item["code"] == code);
        with.map(|(tx, _)| tx).collect::<Vec<_>>()
    };
    let (taken, busy) = (told("api.timeout"), told("api.busy"));
    assert_eq!((items.len(), taken.len() + busy.len()), (COUNT, COUNT), "{items:?}");
    assert!(!taken.is_empty() && !busy.is_empty());
    let bytes = taken.len() * size;
    assert!((ROOM - size..ROOM + 4 * size).contains(&bytes), "{bytes}");
    assert!(service.pool().1 >= bytes);
    // One that comes now is told so, alone or among others, and nothing is kept of it.
    let late = large(&network);
    for answer in [client.submit(&late).await, many(&[&late], 10_000).await] {
        assert_eq!(answer.problem(), (429, "api.busy".to_owned()));
        assert_eq!(answer.header("retry-after"), "1");
    }
    for (keys, options) in away {
        network.provinces.push(Province::start(keys, options).await);
    }
    // What was taken is recorded without being sent again; the others when they come again.
    recorded(&network, &taken).await;
    let again: Vec<_> = busy.into_iter().chain([&late]).collect();
    assert_eq!(many(&again, 30_000).await.status, 200);
    recorded(&network, &again).await;
    network.stop().await;
}

/// Waits until another node than the one that was asked has the outcome of all.
async fn recorded(network: &Network, transactions: &[&SignedTransaction]) {
    let service = &network.provinces[1].running.service;
    let is_there = |tx: &&SignedTransaction| {
        let position = service.position(&tx.id()).unwrap();
        position.is_some_and(|position| matches!(position.result, TxResult::Applied { .. }))
    };
    let all = tokio::time::timeout(3 * PATIENCE, async {
        while !transactions.iter().all(is_there) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    all.await.expect("all are recorded");
}
