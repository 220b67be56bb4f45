//! What a batch of the largest size costs: not run by itself, since it takes a while without
//! optimisation.
//!
//! `cargo test --release -p hefu-contracts --lib a_million_leaves -- --ignored --nocapture`

use std::time::Instant;

use hefu_primitives::codec::Canonical;
use hefu_primitives::log::{MemoryLog, inclusion_proof};

use super::*;
use crate::leaf::{self, LeafProof, MAX_LEAVES};

/// A line of `/proc/self/status`, where there is one.
fn status(name: &str) -> String {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.map_or_else(|| "unknown".to_owned(), |line| line.trim_matches([':', '\t', ' ']).to_owned())
}

#[test]
#[ignore = "a figure: a million leaves"]
fn a_million_leaves() {
    let mut ledger = Ledger::new();
    let body = |place: u32| {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&(place + 1).to_be_bytes());
        Attest { id: Id16(id), ..ledger.driving_licence(1) }
    };
    let salt = |place: u32| {
        let mut salt = [0x40; 32];
        salt[..4].copy_from_slice(&place.to_be_bytes());
        hefu_primitives::commitment::Salt::new(salt)
    };
    println!("before: {} resident", status("VmRSS"));
    let (begun, mut tree, mut bytes) = (Instant::now(), MemoryLog::new(), 0);
    for place in 0..MAX_LEAVES {
        let leaf = body(place).to_bytes();
        bytes += leaf.len();
        tree.append(leaf::hash(&salt(place), &leaf)).unwrap();
    }
    let root = tree.head().root;
    println!(
        "{MAX_LEAVES} leaves of {} bytes: built in {:?}",
        bytes / MAX_LEAVES as usize,
        begun.elapsed()
    );
    println!("the tree: {} resident, {} at most", status("VmRSS"), status("VmHWM"));
    let place = 777_777;
    let begun = Instant::now();
    let path = inclusion_proof(&tree, place.into(), MAX_LEAVES.into()).unwrap().path;
    let proof = LeafProof { leaf: place, salt: salt(place), path };
    println!("one proof: {} bytes, found in {:?}", proof.to_bytes().len(), begun.elapsed());
    let (leaf, begun) = (body(place), Instant::now());
    assert!(proof.leads(&leaf.to_bytes(), root, MAX_LEAVES));
    println!("checked in {:?}", begun.elapsed());
    assert_eq!(proof.path.len(), 20);
    assert!(!proof.leads(&body(place + 1).to_bytes(), root, MAX_LEAVES), "another leaf");
    let act = AttestBatch {
        batch_id: id(200),
        root,
        count: MAX_LEAVES,
        type_code: leaf.type_code,
        type_version: 1,
        schema: digest(0xd1),
        occurred_at: ledger.time,
    };
    let begun = Instant::now();
    println!("the act: {} bytes", act.to_bytes().len());
    ledger.act(&office(0, 0), act).unwrap();
    println!("recorded in {:?}", begun.elapsed());
    let begun = Instant::now();
    let materialise = Materialise { batch_id: id(200), proof, attestation: leaf };
    println!("a leaf as an act: {} bytes", materialise.to_bytes().len());
    ledger.act(&office(2, 1), materialise).unwrap();
    println!("made a record in {:?}", begun.elapsed());
}
