//! How long proofs over the audit log take, and how much they read.
//!
//! ```text
//! cargo bench -p hefu-primitives --bench log [-- LEAVES …]
//! ```
//!
//! Leaves are in memory; what a node's index adds is a read for each hash counted here.

#![allow(clippy::disallowed_types)] // it measures time

use std::cell::Cell;
use std::time::{Duration, Instant};

use hefu_primitives::log::{
    Frontier, HashReader, MemoryLog, consistency_proof, inclusion_proof, leaf_hash,
};
use hefu_primitives::transparency::receipt::{ReceiptKey, ReceiptSigner};
use hefu_primitives::transparency::{Es256Key, Receipt, ReceiptAlg, ReceiptClaims};
use hefu_primitives::{Canonical, H32, Height, KeyPair};

/// Proofs of each kind that are made.
const PROOFS: u64 = 2_000;

/// Counts what is read.
struct Counted<'a>(&'a MemoryLog, Cell<u64>);

impl HashReader for Counted<'_> {
    fn hash(&self, level: u8, index: u64) -> Option<H32> {
        self.1.set(self.1.get() + 1);
        self.0.hash(level, index)
    }
}

fn main() {
    let given: Vec<u64> = std::env::args().filter_map(|text| text.parse().ok()).collect();
    let sizes = if given.is_empty() { vec![10_000, 1_000_000, 10_000_000] } else { given };
    for size in sizes {
        measure(size);
    }
    receipts();
}

fn micros(time: Duration, count: u64) -> f64 {
    time.as_secs_f64() * 1e6 / count as f64
}

fn measure(size: u64) {
    let leaf = |number: u64| leaf_hash(&number.to_be_bytes());
    let mut log = MemoryLog::new();
    let began = Instant::now();
    (0..size).for_each(|number| log.append(leaf(number)).unwrap());
    let append = micros(began.elapsed(), size);
    let head = log.head();
    // The same places in every run, spread over the log.
    let place = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % size;

    let reader = Counted(&log, Cell::new(0));
    let began = Instant::now();
    let proofs: Vec<_> =
        (0..PROOFS).map(|n| inclusion_proof(&reader, place(n), size).unwrap()).collect();
    let (made, reads) = (micros(began.elapsed(), PROOFS), reader.1.get() / PROOFS);
    let began = Instant::now();
    for proof in &proofs {
        proof.verify(leaf(proof.index), head).unwrap();
    }
    let checked = micros(began.elapsed(), PROOFS);
    let bytes = proofs.iter().map(|proof| proof.to_bytes().len()).max().unwrap();
    println!(
        "{size} leaves: append {append:.2} µs; inclusion: made {made:.1} µs with {reads} reads, \
         checked {checked:.1} µs, at most {bytes} bytes"
    );

    let olds: Vec<u64> = (0..PROOFS).map(|n| place(n) + 1).collect();
    let heads: Vec<_> =
        olds.iter().map(|old| Frontier::from_reader(&log, *old).unwrap().head()).collect();
    let reader = Counted(&log, Cell::new(0));
    let began = Instant::now();
    let proofs: Vec<_> =
        olds.iter().map(|old| consistency_proof(&reader, *old, size).unwrap()).collect();
    let (made, reads) = (micros(began.elapsed(), PROOFS), reader.1.get() / PROOFS);
    let began = Instant::now();
    for (proof, old) in proofs.iter().zip(&heads) {
        proof.verify(*old, head).unwrap();
    }
    let checked = micros(began.elapsed(), PROOFS);
    println!(
        "{size} leaves: consistency: made {made:.1} µs with {reads} reads, checked {checked:.1} µs"
    );
}

fn receipts() {
    let (size, count) = (10_000u64, 200u64);
    let mut log = MemoryLog::new();
    (0..size).for_each(|n| log.append(leaf_hash(&n.to_be_bytes())).unwrap());
    let pair = KeyPair::from_secret(&[7; 32]);
    let es256 = Es256Key::derive(&pair).unwrap();
    for alg in [ReceiptAlg::EdDsa, ReceiptAlg::Es256] {
        let (signer, key) = match alg {
            ReceiptAlg::EdDsa => (ReceiptSigner::EdDsa(&pair), ReceiptKey::EdDsa(pair.public())),
            ReceiptAlg::Es256 => (ReceiptSigner::Es256(&es256), ReceiptKey::Es256(es256.public())),
        };
        let claims = ReceiptClaims {
            alg,
            key: pair.id(),
            issuer: format!("hefu/{}/310000", "0".repeat(64)),
            subject: "att:00000000000000000000000000000000".into(),
            size,
            height: Height(1_000),
        };
        let began = Instant::now();
        let made: Vec<_> = (1..=count)
            .map(|leaf| {
                let proof = inclusion_proof(&log, leaf, size).unwrap();
                Receipt::sign(claims.clone(), proof, log.head().root, signer).unwrap()
            })
            .collect();
        let signed = micros(began.elapsed(), count);
        let began = Instant::now();
        for (receipt, leaf) in made.iter().zip(1u64..) {
            receipt.verify(leaf_hash(&leaf.to_be_bytes()), &key).unwrap();
        }
        let checked = micros(began.elapsed(), count);
        let bytes = made.iter().map(|receipt| receipt.bytes().len()).max().unwrap();
        println!("receipts {alg:?}: made {signed:.0} µs, checked {checked:.0} µs, {bytes} bytes");
    }
}
