//! The authenticated map beside two others, over the same keys, values and batches:
//! [jmt](https://docs.rs/jmt) in memory and [nomt](https://docs.rs/nomt), which makes each batch durable.
//!
//! ```text
//! cargo run --release --manifest-path tests/maps/Cargo.toml -- [--keys N] [ours] [jmt] [nomt]
//! ```
//!
//! All three hash with BLAKE3. Every candidate runs in a process of its own (memory is what that process
//! has more than before), holds `N` keys (10^6 if nothing is said), takes 100 batches of 1,000 changed and 100 of
//! 1,000 new keys, and proves 10,000 keys; one proof of each kind is verified. Ours and jmt make nothing
//! durable; nomt syncs each batch, so that its figures contain the disk. jmt's old nodes are removed
//! after each batch, as ours overwrites them.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

mod jellyfish;
mod nearly_optimal;
mod ours;

const CANDIDATES: [&str; 3] = ["ours", "jmt", "nomt"];
const BATCHES: u64 = 100;
const BATCH: u64 = 1_000;
const PROOFS: u64 = 10_000;

/// A path of the map and the hash of its record.
pub type Item = ([u8; 32], [u8; 32]);

/// What is compared.
pub trait Map {
    /// Sets these items as one batch, as a block does.
    fn update(&mut self, batch: Vec<Item>) -> anyhow::Result<()>;
    /// The encoded length of the proof of a path that is there.
    fn prove(&self, path: [u8; 32]) -> anyhow::Result<usize>;
    /// Whether a proof of this item, and one that a path is absent, hold under the root.
    fn verifies(&self, item: Item, absent: [u8; 32]) -> anyhow::Result<bool>;
}

fn main() -> anyhow::Result<()> {
    let (keys, names) = arguments()?;
    if let [name] = &names[..] {
        return measure(name, keys);
    }
    println!(
        "| map, {keys} keys | changed/s | new/s | memory a key | proof | to make it |\n|---|---|---|---|---|---|"
    );
    for name in names {
        let own = std::env::current_exe()?;
        let status = Command::new(own).args(["--keys", &keys.to_string(), &name]).status()?;
        anyhow::ensure!(status.success(), "{name}: {status}");
    }
    Ok(())
}

fn arguments() -> anyhow::Result<(u64, Vec<String>)> {
    let mut keys = 1_000_000;
    let mut names = Vec::new();
    let mut given = std::env::args().skip(1);
    while let Some(text) = given.next() {
        match text.as_str() {
            "--keys" => keys = given.next().context("--keys N")?.parse()?,
            name if CANDIDATES.contains(&name) => names.push(text),
            other => bail!("{other}: not one of {CANDIDATES:?}, nor --keys N"),
        }
    }
    anyhow::ensure!(keys >= BATCHES * BATCH, "--keys: at least {}", BATCHES * BATCH);
    if names.is_empty() {
        names = CANDIDATES.map(String::from).to_vec();
    }
    Ok((keys, names))
}

fn measure(name: &str, keys: u64) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let before = resident()?;
    let mut map: Box<dyn Map> = match name {
        "ours" => Box::new(ours::Ours::default()),
        "jmt" => Box::new(jellyfish::Jellyfish::default()),
        _ => Box::new(nearly_optimal::NearlyOptimal::open(folder.path())?),
    };
    // Filled in batches of 10,000: one of a million is nothing that a ledger does.
    for first in (0..keys).step_by(10_000) {
        map.update((first..keys.min(first + 10_000)).map(|number| item(number, 0)).collect())?;
    }
    let memory = resident()?.saturating_sub(before) / keys;
    let changed = updates(map.as_mut(), |number| item(number * 7_919 % keys, number + 1))?;
    let new = updates(map.as_mut(), |number| item(keys + number, 0))?;

    let start = Instant::now();
    let mut bytes = 0;
    for number in 0..PROOFS {
        bytes += map.prove(path(number * 7_919 % keys))?;
    }
    let each = start.elapsed() / u32::try_from(PROOFS)?;
    let last = item(keys, 0);
    anyhow::ensure!(map.verifies(last, path(u64::MAX))?, "{name}: its proofs do not hold");
    println!(
        "| {name} | {changed:.0} | {new:.0} | {memory} B | {} B | {} |",
        bytes as u64 / PROOFS,
        micros(each)
    );
    Ok(())
}

/// Items a second, in batches.
fn updates(map: &mut dyn Map, item: impl Fn(u64) -> Item) -> anyhow::Result<f64> {
    let batches: Vec<Vec<Item>> = (0..BATCHES)
        .map(|batch| (batch * BATCH..(batch + 1) * BATCH).map(&item).collect())
        .collect();
    let start = Instant::now();
    for batch in batches {
        map.update(batch)?;
    }
    Ok((BATCHES * BATCH) as f64 / start.elapsed().as_secs_f64())
}

fn item(key: u64, version: u64) -> Item {
    (path(key), *blake3::hash(&version.to_be_bytes()).as_bytes())
}

fn path(key: u64) -> [u8; 32] {
    *blake3::hash(&key.to_be_bytes()).as_bytes()
}

/// Resident memory of this process, in bytes (Linux; 0 elsewhere).
fn resident() -> anyhow::Result<u64> {
    let Ok(text) = std::fs::read_to_string("/proc/self/statm") else { return Ok(0) };
    let pages: u64 = text.split(' ').nth(1).context("statm")?.parse()?;
    Ok(pages * 4_096)
}

fn micros(time: Duration) -> String {
    format!("{:.1} µs", time.as_secs_f64() * 1e6)
}
