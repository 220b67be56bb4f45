//! Four nodes; one loses what it cosigned and gets an older copy back. Whatever anybody ever saw of
//! its cosignatures is of one log, and never goes back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use hefu_contracts::identity::Role;
use hefu_node::demo::cluster::Cluster;
use hefu_node::demo::traffic;
use hefu_node::runtime::{Service, wall_clock};
use hefu_node::store::EngineKind;
use hefu_primitives::log::LogHead;
use hefu_primitives::transparency::{Checkpoint, SignatureKind, VerifierKey, cosigner_name};
use hefu_primitives::{H32, Region, TypeCode};

const PATIENCE: Duration = Duration::from_secs(120);
const RESTORED: Region = Region(320_000);

/// Heads that a province was seen to cosign, by the time it says: seconds.
type Seen = BTreeSet<(u64, u64, H32)>;

/// What the nodes that run serve now of a province's cosignatures.
fn look(cluster: &Cluster, seen: &mut Seen) {
    let province = &cluster.provinces[&RESTORED];
    for (_, service) in cluster.running() {
        let Some(served) = service.checkpoint() else { continue };
        let name = cosigner_name(&service.chain(), RESTORED);
        let key = province.keys.cosigner.public();
        let key = VerifierKey::new(name, SignatureKind::Cosignature, &key).unwrap();
        let (checkpoint, note) = Checkpoint::of_note(served.note.as_bytes()).unwrap();
        if let Some(time) = note.signed_by(&key).unwrap() {
            seen.insert((time, checkpoint.head.size, checkpoint.head.root));
        }
    }
}

/// Submits acts until the province has cosigned a log that is larger by `more` than any seen so far.
async fn grow(cluster: &Cluster, seen: &mut Seen, more: u64) {
    let from = seen.iter().map(|(_, size, _)| *size).max().unwrap_or(1);
    let grown = tokio::time::timeout(PATIENCE, async {
        while seen.iter().all(|(_, size, _)| *size < from + more) {
            submit(cluster).await;
            look(cluster, seen);
        }
    });
    grown.await.expect("its cosignatures are seen");
}

/// Cosignatures tell their time in seconds: what is signed after this has a later one.
async fn another_second() {
    let now = || wall_clock().0 / 1_000;
    let before = now();
    while now() == before {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// One act through a node that always runs.
async fn submit(cluster: &Cluster) {
    let province = &cluster.provinces[&Region(310_000)];
    let service: &Service = province.service().unwrap();
    let licence: TypeCode = "11100000HEFU90025A001".parse().unwrap();
    let issuer = province.keys.authorities.iter().find(|a| a.may_issue.contains(&licence)).unwrap();
    let act = traffic::licence(issuer, province.region).unwrap();
    let tx = traffic::sign(service.chain(), issuer, Role::Issuer, "att:x", &[act.into()]).unwrap();
    service.submit_and_wait(tx.as_bytes().to_vec(), PATIENCE).await.unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let into = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &into),
            false => drop(std::fs::copy(entry.path(), into).unwrap()),
        }
    }
}

#[test]
fn a_restored_backup_never_cosigns_two_logs() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let backup = tempfile::tempdir().unwrap();
        let mut cluster = Cluster::start(folder.path(), 18_700, EngineKind::Memory).await.unwrap();
        let mut seen = Seen::new();
        grow(&cluster, &mut seen, 5).await;
        // The backup is of what was cosigned alone: the block files know better, this does not.
        cluster.stop_node(RESTORED).await.unwrap();
        let cosigned = cluster.provinces[&RESTORED].folder().join("store/cosign");
        copy(&cosigned, &backup.path().join("cosign"));
        assert!(backup.path().join("cosign/cosigned").exists(), "the backup holds what was signed");
        cluster.start_node(RESTORED).await.unwrap();
        grow(&cluster, &mut seen, 20).await;

        for lost in [false, true] {
            another_second().await;
            cluster.stop_node(RESTORED).await.unwrap();
            std::fs::remove_dir_all(&cosigned).unwrap();
            if !lost {
                copy(&backup.path().join("cosign"), &cosigned);
            }
            for _ in 0..3 {
                submit(&cluster).await;
                look(&cluster, &mut seen);
            }
            cluster.start_node(RESTORED).await.unwrap();
            grow(&cluster, &mut seen, 10).await;
        }
        check(&cluster, &seen);
        cluster.stop().await;
    });
}

/// All heads are of the log that the four agree on, and later ones are not smaller.
fn check(cluster: &Cluster, seen: &Seen) {
    let service = cluster.running()[0].1.clone();
    let newest = service.log_head();
    for (_, size, root) in seen {
        let head = LogHead { size: *size, root: *root };
        let proof = service.prove_consistency(*size, newest.size).unwrap();
        proof.verify(head, newest).unwrap_or_else(|error| panic!("{size} leaves: {error}"));
    }
    let mut largest: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for (time, size, _) in seen {
        let entry = largest.entry(*time).or_insert((*size, *size));
        *entry = (entry.0.min(*size), entry.1.max(*size));
    }
    let spans: Vec<(u64, u64)> = largest.into_values().collect();
    for pair in spans.windows(2) {
        assert!(pair[0].1 <= pair[1].0, "a smaller log was cosigned later: {spans:?}");
    }
    assert!(spans.len() > 2, "too little was seen to tell anything: {spans:?}");
    // The check can fail: the log of another history does not pass it.
    let other = LogHead { size: newest.size, root: H32([9; 32]) };
    let proof = service.prove_consistency(newest.size, newest.size).unwrap();
    assert!(proof.verify(other, newest).is_err());
}
