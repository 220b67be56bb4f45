//! What a signature costs to check: alone, in batches, and in batches with few keys.
//!
//! ```text
//! cargo bench -p hefu-primitives --bench signatures
//! ```
//!
//! Ratios within one run are what counts; the machine is rarely alone.

#![allow(clippy::disallowed_types)] // it measures time

use std::hint::black_box;
use std::time::Instant;

use hefu_primitives::KeyPair;
use hefu_primitives::crypto::batch::{SignedMessage, verify_all};

/// Signatures that are made, and each way is measured over.
const COUNT: usize = 4_096;
/// Rounds of everything; the quickest counts.
const ROUNDS: usize = 5;

fn main() {
    println!("{:>10} {:>8} {:>12} {:>8}", "batch", "keys", "µs each", "ratio");
    let mut single = 0.0;
    for (batch, keys) in
        [(1, 64), (16, 64), (64, 64), (256, 4_096), (256, 64), (256, 4), (1_024, 64)]
    {
        let signed = signed(keys);
        let signed: Vec<_> = signed.iter().map(|(pair, message)| view(pair, message)).collect();
        let each = (0..ROUNDS).map(|_| micros(&signed, batch)).fold(f64::MAX, f64::min);
        if batch == 1 {
            single = each;
        }
        println!("{batch:>10} {keys:>8} {each:>12.1} {:>8.2}", single / each);
    }
}

type Signed = (KeyPair, ([u8; 400], hefu_primitives::Signature));

fn signed(keys: usize) -> Vec<Signed> {
    let pair = |number: usize| {
        let mut secret = [7; 32];
        secret[..8].copy_from_slice(&(number as u64).to_le_bytes());
        KeyPair::from_secret(&secret)
    };
    let pairs: Vec<_> = (0..keys).map(pair).collect();
    let sign = |number: usize| {
        let mut message = [0; 400];
        message[..8].copy_from_slice(&(number as u64).to_le_bytes());
        let pair = pairs[number % keys].clone();
        let signature = pair.sign(&message);
        (pair, (message, signature))
    };
    (0..COUNT).map(sign).collect()
}

fn view<'a>(
    pair: &KeyPair,
    (message, signature): &'a ([u8; 400], hefu_primitives::Signature),
) -> SignedMessage<'a> {
    SignedMessage { key: pair.public(), message, signature: *signature }
}

fn micros(signed: &[SignedMessage<'_>], batch: usize) -> f64 {
    let began = Instant::now();
    assert!(signed.chunks(batch).all(|batch| black_box(verify_all(black_box(batch)))));
    began.elapsed().as_secs_f64() * 1e6 / signed.len() as f64
}
