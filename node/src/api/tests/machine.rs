//! What a node tells of itself and does about its files: whose keys vote, and a block that decayed.

use std::os::unix::fs::FileExt;

use hefu_primitives::Height;

use super::network::{Network, PATIENCE, Province, fresh, licence};
use crate::core::StoredBlock;
use crate::runtime::{self, NodeError, NodeOptions};
use crate::store::blocks::DEFAULT_SEGMENT_BYTES;
use crate::store::{BlockFiles, RealDisk};

/// Looks until something is so.
async fn until(what: &str, mut look: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !look() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("never: {what}"));
}

async fn attest(network: &Network) {
    let issuer = network.issuer(0);
    let tx = network.sign(issuer, &[licence(issuer, fresh()).into()]);
    assert_eq!(network.client(0).submit(&tx).await.status, 200);
}

/// A node that is linked and holds no key that votes is no part of a quorum.
#[tokio::test(flavor = "multi_thread")]
async fn keys_that_vote_make_a_quorum_and_not_links() {
    let mut network = Network::start().await;
    let client = network.client(0);
    let service = network.provinces[0].running.service.clone();
    until("four votes", || service.online_power() == 4).await;
    let (keys, options) = network.provinces.pop().unwrap().stop().await;
    until("three votes", || service.online_power() == 3).await;
    // Somebody else's key is no key of its own.
    let foreign = network.provinces[0].keys.validator.clone();
    let wrong = NodeOptions { validators: vec![foreign], ..options.clone() };
    let refused = runtime::start(wrong, &mut |_| {}).await.err();
    assert!(matches!(refused, Some(NodeError::OtherValidatorKey { .. })), "{refused:?}");

    let without = NodeOptions { validators: Vec::new(), ..options.clone() };
    let follower = Province::start(keys, without).await;
    until("a follower that is linked", || service.network().connected().len() == 3).await;
    attest(&network).await;
    let tip = service.tip().height;
    follower.running.service.wait_height(tip).await;
    let node = client.read("/api/v1/node").await;
    assert_eq!((&node["quorum"]["online"], &node["quorum"]["margin"]), (&"3".into(), &0.into()));
    let seen = client.read("/api/v1/network").await;
    let online = |region: u32| {
        let all = seen["validators"].as_array().unwrap();
        all.iter().find(|v| v["region"] == region).unwrap()["online"].clone()
    };
    assert_eq!(online(follower.keys.region.0), false);
    assert_eq!(online(network.provinces[1].keys.region.0), true);

    let (keys, _) = follower.stop().await;
    network.provinces.push(Province::start(keys, options).await);
    until("four votes again", || service.online_power() == 4).await;
    network.stop().await;
}

/// A stored block decays under a running node: the node says so to who asks, gets the block from
/// the others, serves it, and starts again on what it has.
#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_decayed_is_fetched_again() {
    let mut network = Network::start().await;
    for _ in 0..4 {
        attest(&network).await;
    }
    let service = network.provinces[0].running.service.clone();
    let folder = network.provinces[0].options.data_dir.join("blocks");
    let segment = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let segment = segment.into_iter().find(|path| path.extension().is_some_and(|e| e == "seg"));
    let file = std::fs::OpenOptions::new().read(true).write(true).open(segment.unwrap()).unwrap();
    let (place, mut byte) = (file.metadata().unwrap().len() / 2, [0]);
    file.read_exact_at(&mut byte, place).unwrap();
    file.write_all_at(&[byte[0] ^ 4], place).unwrap();
    let tip = service.tip().height.0;
    let damaged: Vec<Height> =
        (1..=tip).map(Height).filter(|height| service.block_bytes(*height).is_err()).collect();
    assert_eq!(damaged.len(), 1);
    let height = damaged[0];
    until("the block again", || service.block_bytes(height).is_ok()).await;
    let block = |service: &runtime::Service| {
        let bytes = service.block_bytes(height).unwrap().unwrap();
        StoredBlock::decode(&bytes).unwrap().block
    };
    assert_eq!(block(&service), block(&network.provinces[1].running.service));
    let raw = network.client(0).get(&format!("/api/v1/blocks/{}/raw", height.0)).await;
    assert_eq!(raw.status, 200);
    drop(service);
    let (keys, options) = network.provinces.remove(0).stop().await;
    let disk = RealDisk::open(&folder).unwrap();
    let files = BlockFiles::open(disk, DEFAULT_SEGMENT_BYTES, &mut |_| {}).unwrap();
    assert!(files.tip() >= tip && files.read(height.0).unwrap().is_some());
    drop(files);
    let again = Province::start(keys, options).await;
    assert!(again.running.service.block_bytes(height).is_ok());
    network.provinces.push(again);
    network.stop().await;
}

/// What a peer gives is taken for the block only if it is that block.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_takes_the_place_of_a_block() {
    use hefu_primitives::codec::Canonical;
    let network = Network::start().await;
    for _ in 0..3 {
        attest(&network).await;
    }
    let service = &network.provinces[0].running.service;
    let height = Height(2);
    let bytes = service.block_bytes(height).unwrap().unwrap();
    let sound = StoredBlock::decode(&bytes).unwrap();
    assert_eq!(service.check_copy(height, &bytes), Ok(()));
    let other = service.block_bytes(Height(1)).unwrap().unwrap();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("no block", bytes[1..].to_vec()),
        ("another height", other),
        ("another header", {
            let mut stored = sound.clone();
            stored.block.header.time = stored.block.header.time.next();
            stored.to_bytes()
        }),
        ("no outcomes", StoredBlock { outcomes: Vec::new(), ..sound.clone() }.to_bytes()),
        ("no bundles", StoredBlock { bundles: Vec::new(), ..sound.clone() }.to_bytes()),
        ("too few signatures", {
            let mut stored = sound.clone();
            stored.certificate.signatures.truncate(2);
            stored.to_bytes()
        }),
    ];
    for (what, copy) in cases {
        assert!(service.check_copy(height, &copy).is_err(), "{what}");
    }
    network.stop().await;
}
