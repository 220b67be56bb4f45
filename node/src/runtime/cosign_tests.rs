//! When a node may cosign: not before a quorum has told it what it signed, never back, never what
//! does not fit.

use hefu_genesis::sample;
use hefu_primitives::log::LogHead;
use hefu_primitives::transparency::{
    Checkpoint, SignatureKind, VerifierKey, cosigner_name, origin,
};
use hefu_primitives::{H32, KeyPair, Millis, Signature};

use super::{NodeOptions, Running, Witnessing, start};
use crate::cosign::Cosigned;
use crate::network::NodeSecret;
use crate::store::EngineKind;

fn options(folder: &std::path::Path) -> (NodeOptions, sample::SampleKeys) {
    let mut number = 0u64;
    let (genesis, keys) = sample::demo(Millis(1_790_000_000_000), &mut |_| {
        number += 1;
        let mut secret = [9; 32];
        secret[..8].copy_from_slice(&number.to_be_bytes());
        KeyPair::from_secret(&secret)
    })
    .unwrap();
    let member = &keys.members[0];
    let options = NodeOptions {
        data_dir: folder.to_owned(),
        genesis: genesis.into(),
        region: member.region,
        validators: Vec::new(),
        addresses: Default::default(),
        cosigner: Some(member.cosigner.clone()),
        witness: Witnessing::default(),
        node_secret: NodeSecret::new(member.node.secret_bytes()),
        listen: ([127, 0, 0, 1], 0).into(),
        peers: Vec::new(),
        engine: EngineKind::Memory,
        heartbeat_ms: None,
        proof_blocks: None,
        reads: None,
    };
    (options, keys)
}

fn signed(
    running: &Running,
    region: hefu_primitives::Region,
    pair: &KeyPair,
    head: LogHead,
) -> Cosigned {
    let chain = running.service.chain();
    let name = cosigner_name(&chain, region);
    let verifier = VerifierKey::new(name, SignatureKind::Cosignature, &pair.public()).unwrap();
    let line = verifier.sign(pair, 60, &Checkpoint::new(origin(&chain), head).text());
    let signature = Signature(line.bytes[8..].try_into().unwrap());
    Cosigned { key: pair.id(), head, time: 60, signature }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_backup_signs_nothing_behind_what_it_signed() {
    let folder = tempfile::tempdir().unwrap();
    let (options, keys) = options(folder.path());
    let running = start(options.clone(), &mut |_| {}).await.unwrap();
    let service = &running.service;
    let genesis = service.log_head();
    assert!(!service.may_cosign() && service.cosign(genesis).is_none(), "nobody has answered");
    let others = keys.members[1..3].iter().map(|member| member.region);
    service.cosigning().answered().extend(others);
    assert!(service.may_cosign());
    let own = service.cosign(genesis).unwrap();
    assert!(service.covers(genesis));
    assert!(!service.covers(LogHead { root: H32([7; 32]), ..genesis }), "another log of that size");
    assert!(own.verify(&service.chain(), service.region(), &keys.members[0].cosigner.public()));

    // Another node has a later signature of ours: this folder is from a backup.
    let member = &keys.members[0];
    let later = LogHead { size: 9, root: H32([5; 32]) };
    assert!(service.take_cosigned(signed(&running, member.region, &member.cosigner, later)));
    assert!(service.cosign(genesis).is_none(), "never back");
    // Nor in another form: nobody knows yet whether our log is the one that was signed.
    assert!(!service.covers(genesis));
    running.stop().await.unwrap();

    // Also after a crash: what was taken over is on disk.
    let running = start(options, &mut |_| {}).await.unwrap();
    let service = &running.service;
    service.cosigning().answered().extend(keys.members[1..3].iter().map(|m| m.region));
    assert!(service.may_cosign() && service.cosign(genesis).is_none());
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_verify_or_is_a_fork_is_not_served() {
    let folder = tempfile::tempdir().unwrap();
    let (options, keys) = options(folder.path());
    let running = start(options, &mut |_| {}).await.unwrap();
    let service = &running.service;
    let genesis = service.log_head();
    let fork = LogHead { root: H32([6; 32]), ..genesis };
    for member in &keys.members[1..] {
        assert!(service.take_cosigned(signed(&running, member.region, &member.cosigner, fork)));
        let mut forged = signed(&running, member.region, &member.cosigner, genesis);
        forged.signature.0[40] ^= 1;
        assert!(!service.take_cosigned(forged));
    }
    assert!(service.checkpoint().is_none(), "a fork is no checkpoint, whoever signed it");
    for member in &keys.members[1..] {
        // A validator's key cosigns nothing: it is no cosigner on the ledger.
        service.take_cosigned(signed(&running, member.region, &member.validator, genesis));
    }
    assert!(service.checkpoint().is_none());
    for member in &keys.members[1..] {
        service.take_cosigned(signed(&running, member.region, &member.cosigner, genesis));
    }
    let served = service.checkpoint().unwrap();
    assert_eq!((served.head, served.provinces), (genesis, 3));
    running.stop().await.unwrap();
}
