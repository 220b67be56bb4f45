//! The floor: what a ledger of four validators on this machine cannot do without, and nothing else.
//!
//! Each of four receivers gets every transaction over TCP, decodes and hashes it, looks whether it
//! had it before, checks its signature in batches as the nodes do, and appends it to a file that is
//! made durable once for every thousand acts. No consensus, no records, no proofs, no interface.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use hefu_primitives::crypto::batch::{SignedMessage, verify_all};
use hefu_primitives::{KeyId, KeyPair, PublicKey, SignedTransaction};
use serde::Serialize;

use super::file;
use super::founding::Founding;

/// Receivers, as many as the smallest ledger has validators.
const RECEIVERS: usize = 4;
/// Transactions checked together.
const TOGETHER: usize = 256;
/// Acts between two syncs.
const ACTS_PER_SYNC: usize = 1_000;
/// Acts that are sent; more than these say nothing more.
const MOST_ACTS: usize = 100_000;
/// Signatures, and syncs, that the machine is measured with.
const SIGNATURES: usize = 2_048;
const SYNCS: usize = 64;

/// What the machine does, measured in the same run.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Machine {
    /// A signature checked in a batch of 256, on one core with nothing beside.
    pub verify_us: f64,
    /// Median of making 4 KiB durable.
    pub fsync_ms_p50: f64,
    /// Cores.
    pub cores: usize,
}

/// Measures the machine in a folder.
///
/// # Errors
/// When the folder cannot be written.
pub fn machine(folder: &Path) -> std::io::Result<Machine> {
    let pairs: Vec<_> = (0..64).map(|number| KeyPair::from_secret(&[number; 32])).collect();
    let sign = |number: usize| {
        let (pair, message) = (&pairs[number % pairs.len()], number.to_le_bytes().repeat(48));
        (pair.public(), pair.sign(&message), message)
    };
    let signed: Vec<_> = (0..SIGNATURES).map(sign).collect();
    let signed: Vec<_> = signed
        .iter()
        .map(|(key, signature, message)| SignedMessage {
            key: *key,
            message,
            signature: *signature,
        })
        .collect();
    let began = Instant::now();
    let all = signed.chunks(TOGETHER).all(verify_all);
    let verify_us = began.elapsed().as_secs_f64() * 1e6 / SIGNATURES as f64;
    debug_assert!(all, "they were signed just now");

    let mut out = File::create(file(folder, "syncs"))?;
    let mut syncs = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let began = Instant::now();
        out.write_all(&[7; 4_096])?;
        out.sync_data()?;
        syncs.push(began.elapsed());
    }
    syncs.sort_unstable();
    let fsync_ms_p50 = syncs[SYNCS / 2].as_secs_f64() * 1e3;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Ok(Machine { verify_us, fsync_ms_p50, cores })
}

/// A run of the floor program.
pub struct Floor<'a> {
    transactions: &'a [SignedTransaction],
    keys: BTreeMap<KeyId, PublicKey>,
}

impl<'a> Floor<'a> {
    /// Over transactions whose signers a ledger's genesis names.
    pub fn new(founding: &Founding, transactions: &'a [SignedTransaction]) -> Self {
        let issuers = founding.issuers.iter().flat_map(|(_, office)| &office.keys);
        let keys = issuers.map(|(_, pair)| (pair.id(), pair.public())).collect();
        let mut acts = 0;
        let most = transactions.iter().take_while(|tx| {
            acts += tx.body().acts.len();
            acts <= MOST_ACTS
        });
        Self { transactions: &transactions[..most.count().max(1)], keys }
    }

    /// Acts a second that all receivers have made durable.
    ///
    /// # Errors
    /// When the loopback interface or the folder cannot be used, or a transaction is not signed.
    pub fn run(&self, folder: &Path) -> anyhow::Result<f64> {
        let acts: usize = self.transactions.iter().map(|tx| tx.body().acts.len()).sum();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let began = std::thread::scope(|scope| -> anyhow::Result<Instant> {
            let mut receivers = Vec::new();
            let mut lines = Vec::new();
            for number in 0..RECEIVERS {
                lines.push(TcpStream::connect(address)?);
                let (stream, _) = listener.accept()?;
                let out = file(folder, &format!("floor-{number}"));
                receivers.push(scope.spawn(move || self.receive(stream, &out)));
            }
            let began = Instant::now();
            let senders: Vec<_> =
                lines.into_iter().map(|line| scope.spawn(move || self.send(line))).collect();
            for sender in senders {
                sender.join().map_err(|_| anyhow::anyhow!("a sender failed"))??;
            }
            for receiver in receivers {
                let seen = receiver.join().map_err(|_| anyhow::anyhow!("a receiver failed"))??;
                anyhow::ensure!(seen == acts, "a receiver saw {seen} of {acts} acts");
            }
            Ok(began)
        })?;
        Ok(acts as f64 / began.elapsed().max(Duration::from_micros(1)).as_secs_f64())
    }

    fn send(&self, line: TcpStream) -> std::io::Result<()> {
        let mut line = BufWriter::new(line);
        for tx in self.transactions {
            line.write_all(&(tx.as_bytes().len() as u32).to_be_bytes())?;
            line.write_all(tx.as_bytes())?;
        }
        line.flush()
    }

    fn receive(&self, line: TcpStream, out: &Path) -> anyhow::Result<usize> {
        let (mut line, mut out) = (BufReader::new(line), File::create(out)?);
        let (mut seen, mut acts, mut unsynced) = (HashSet::new(), 0, 0);
        let mut left = self.transactions.len();
        while left > 0 {
            let batch: Vec<_> =
                (0..TOGETHER.min(left)).map(|_| read(&mut line)).collect::<anyhow::Result<_>>()?;
            left -= batch.len();
            let signed: Option<Vec<_>> = batch
                .iter()
                .map(|tx| tx.signed_message(self.keys.get(&tx.claims().key)?))
                .collect();
            anyhow::ensure!(verify_all(&signed.context("an unknown key")?), "a false signature");
            for tx in &batch {
                anyhow::ensure!(seen.insert(tx.id()), "a transaction came twice");
                out.write_all(tx.as_bytes())?;
                unsynced += tx.body().acts.len();
                if unsynced >= ACTS_PER_SYNC || left == 0 {
                    out.sync_data()?;
                    (acts, unsynced) = (acts + unsynced, 0);
                }
            }
        }
        Ok(acts + unsynced)
    }
}

fn read(line: &mut impl Read) -> anyhow::Result<SignedTransaction> {
    let mut length = [0; 4];
    line.read_exact(&mut length)?;
    let mut bytes = vec![0; u32::from_be_bytes(length) as usize];
    line.read_exact(&mut bytes)?;
    Ok(SignedTransaction::decode(&bytes)?)
}
