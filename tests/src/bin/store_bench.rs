//! How the storage engines bear the node's own write pattern.
//!
//! ```text
//! store_bench --engine sled|fjall [--acts N] [--per-block K] [--preload M] [--output json]
//!             [--rate R] [--seconds S] [--window W] [--forget first|parent]
//!             [--rebuild-seconds S] [--dir FOLDER]
//! ```
//!
//! Drives block files (real fsync) and the overlay over an engine as `core::ledger` does, one act a
//! transaction: for each act its record with the height before it, what it replaced, the used
//! transaction id and its later removal, position, leaf, event and log nodes; and the reads that
//! executing it makes. 60 % of acts attest something new, 40 % change a record drawn evenly from
//! all there are, which is the worst case for every cache. Signatures, hashes and the rules
//! themselves are left out.
//!
//! `--preload` first writes that many records in the same rows, without reads; it is left out of
//! all figures but its own. `--rate` paces the blocks; without it the loop is closed. `--seconds`
//! ends the preload, and the acts, whatever is left. `--dir` keeps the folder and goes on from
//! where it ends. `--forget` says where the search for used ids whose time is over begins: at the
//! first key there can be, or at the parent block's time. `acts_per_s` includes the time until the
//! engine has everything; peak memory is that of the whole process in that phase.

#[path = "store_bench/ledger.rs"]
mod ledger;
#[path = "store_bench/measure.rs"]
mod measure;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, thread};

use anyhow::{Context, Result, bail};
use hefu_node::store::blocks::DEFAULT_SEGMENT_BYTES;
use hefu_node::store::{BlockFiles, EngineKind, Index, Overlay, Policy, RealDisk, open_index};
use serde_json::{Value, json};

use ledger::{Kind, Ledger, from_stored, start, stored_block};
use measure::{Times, Usage, disk_bytes, status_bytes, timed};

/// Acts of a preloaded block.
const PRELOAD_BLOCK: u64 = 4_096;

struct Options {
    engine: EngineKind,
    acts: u64,
    per_block: u64,
    preload: u64,
    rate: u64,
    limit: Duration,
    window: u64,
    forget_from_parent: bool,
    rebuild: Duration,
    dir: Option<PathBuf>,
    is_json: bool,
}

impl Options {
    fn from_args() -> Result<Self> {
        let mut given = BTreeMap::new();
        let mut args = env::args().skip(1);
        while let Some(name) = args.next() {
            let name = name.strip_prefix("--").context("an option begins with --")?.to_owned();
            given.insert(name, args.next().context("an option has a value")?);
        }
        let engine = given.remove("engine").context("--engine sled or fjall")?;
        let mut number = |name: &str, default: u64| match given.remove(name) {
            Some(text) => text.replace('_', "").parse().with_context(|| format!("--{name}")),
            None => Ok(default),
        };
        let options = Self {
            engine: EngineKind::from_name(&engine).context("--engine sled or fjall")?,
            acts: number("acts", 500_000)?,
            per_block: number("per-block", 1_000)?.max(1),
            preload: number("preload", 0)?,
            rate: number("rate", 0)?,
            limit: Duration::from_secs(number("seconds", 240)?),
            window: number("window", 300_000)?,
            rebuild: Duration::from_secs(number("rebuild-seconds", 30)?),
            forget_from_parent: given.remove("forget").is_some_and(|place| place == "parent"),
            dir: given.remove("dir").map(PathBuf::from),
            is_json: given.remove("output").is_some_and(|form| form == "json"),
        };
        match given.into_keys().next() {
            Some(unknown) => bail!("--{unknown} is not an option"),
            None => Ok(options),
        }
    }
}

fn main() -> Result<()> {
    let options = Options::from_args()?;
    let scratch = tempfile::tempdir()?;
    let dir = options.dir.clone().unwrap_or_else(|| scratch.path().to_owned());
    let mut bench = Bench::open(&options, &dir)?;
    let left = options.preload.saturating_sub(bench.ledger.records);
    let preload = bench.run(left, PRELOAD_BLOCK, Kind::Preload, 0, options.limit)?;
    bench.overlay()?.checkpoint()?;
    let window = options.window / options.per_block;
    let kind = Kind::Acts { window, forget_from_parent: options.forget_from_parent };
    let acts = bench.run(options.acts, options.per_block, kind, options.rate, options.limit)?;
    let checkpoint = timed(|| Ok(bench.overlay()?.checkpoint()?))?;
    let space = bench.space(&dir)?;
    let reopen = bench.reopen()?;
    let rebuild = bench.rebuild(options.rebuild)?;
    let report = json!({
        "engine": options.engine.name(),
        "per_block": options.per_block,
        "rate": options.rate,
        "records": space.0,
        "preload": preload,
        "acts": acts,
        "last_checkpoint_s": checkpoint.as_secs_f64(),
        "space": space.1,
        "reopen": reopen,
        "rebuild": rebuild,
    });
    if options.is_json {
        println!("{report}");
    } else {
        println!("{report:#}");
    }
    Ok(())
}

struct Bench {
    engine: EngineKind,
    index_path: PathBuf,
    blocks: BlockFiles<RealDisk>,
    /// Gone only while it is opened again.
    overlay: Option<Overlay>,
    ledger: Ledger,
}

impl Bench {
    fn open(options: &Options, dir: &Path) -> Result<Self> {
        let disk = RealDisk::open(dir.join("blocks"))?;
        let blocks = BlockFiles::open(disk, DEFAULT_SEGMENT_BYTES, &mut |_| {})?;
        let index_path = dir.join("index");
        let overlay = Overlay::new(open_index(options.engine, &index_path)?, Policy::default())?;
        let ledger = start(&overlay)?;
        let mut bench =
            Self { engine: options.engine, index_path, blocks, overlay: Some(overlay), ledger };
        // A run that was killed left an index that lags.
        bench.replay(Duration::MAX)?;
        Ok(bench)
    }

    /// Applies the block files from where the index stands, as far as the time reaches.
    fn replay(&mut self, limit: Duration) -> Result<()> {
        let began = Instant::now();
        while self.ledger.height < self.blocks.tip() && began.elapsed() < limit {
            let block = self.blocks.read(self.ledger.height + 1)?.context("a stored block")?;
            let (acts, kind) = from_stored(&block).context("a block of ours")?;
            let overlay = self.overlay.as_ref().context("the overlay is open")?;
            let batch = self.ledger.execute(overlay, acts, kind)?;
            overlay.submit(self.ledger.height, batch)?;
        }
        Ok(())
    }

    fn overlay(&self) -> Result<&Overlay> {
        self.overlay.as_ref().context("the overlay is open")
    }

    /// Executes and commits blocks, and waits until the engine has them.
    fn run(
        &mut self,
        acts: u64,
        per_block: u64,
        kind: Kind,
        rate: u64,
        limit: Duration,
    ) -> Result<Value> {
        let overlay = self.overlay.as_ref().context("the overlay is open")?;
        let mut times = Times::default();
        let usage = Usage::start();
        let mut done = 0;
        while done < acts && usage.since.elapsed() < limit {
            let due =
                Duration::from_secs_f64(if rate > 0 { done as f64 / rate as f64 } else { 0.0 });
            thread::sleep(due.saturating_sub(usage.since.elapsed()));
            let in_block = per_block.min(acts - done);
            let began = Instant::now();
            let batch = self.ledger.execute(overlay, in_block, kind)?;
            times.execute.push(began.elapsed());
            times.scan.push(self.ledger.scan);
            let height = self.ledger.height;
            let block = stored_block(in_block, kind, height);
            let began = Instant::now();
            self.blocks.append(height, &block)?;
            times.append.push(began.elapsed());
            overlay.submit(height, batch)?;
            times.commit.push(began.elapsed());
            let lag = overlay.lag();
            times.lag_blocks = times.lag_blocks.max(lag.blocks);
            times.lag_bytes = times.lag_bytes.max(lag.bytes);
            times.late = times.late.max(usage.since.elapsed().saturating_sub(due));
            done += in_block;
            if height.is_multiple_of(100) {
                eprintln!(
                    "{height}: {done} acts in {:.1?}, lag {}",
                    usage.since.elapsed(),
                    lag.blocks
                );
            }
        }
        let committed = usage.since.elapsed();
        overlay.flush()?;
        Ok(times.report(done, committed, rate, &usage))
    }

    /// Live records; and bytes on disk against those of the rows.
    fn space(&self, dir: &Path) -> Result<(u64, Value)> {
        let (index, logical) = (disk_bytes(&self.index_path)?, self.ledger.logical);
        let report = json!({
            "index_bytes": index,
            "logical_bytes": logical,
            "ratio": index as f64 / logical as f64,
            "block_file_bytes": disk_bytes(&dir.join("blocks"))?,
        });
        Ok((self.ledger.records, report))
    }

    /// Opens the index again after a clean stop; the system's file cache is warm.
    fn reopen(&mut self) -> Result<Value> {
        let closed = timed(|| {
            self.overlay = None;
            Ok(())
        })?;
        let usage = Usage::start();
        let overlay = Overlay::new(open_index(self.engine, &self.index_path)?, Policy::default())?;
        let found = start(&overlay)?;
        let opened = usage.since.elapsed();
        if found.acts != self.ledger.acts {
            bail!("the index forgot acts");
        }
        self.overlay = Some(overlay);
        Ok(json!({
            "close_s": closed.as_secs_f64(),
            "open_s": opened.as_secs_f64(),
            "peak_rss_bytes": status_bytes("VmHWM:"),
        }))
    }

    /// Wipes the index and applies the block files again, as far as the time reaches.
    fn rebuild(&mut self, limit: Duration) -> Result<Value> {
        if limit.is_zero() {
            return Ok(Value::Null);
        }
        let overlay = self.overlay()?;
        let wiped = timed(|| Ok(overlay.wipe()?))?;
        let empty = start(overlay)?;
        let of = std::mem::replace(&mut self.ledger, empty).acts;
        let usage = Usage::start();
        self.replay(limit)?;
        self.overlay()?.checkpoint()?;
        let seconds = usage.since.elapsed().as_secs_f64();
        Ok(json!({
            "wipe_s": wiped.as_secs_f64(),
            "acts": self.ledger.acts,
            "of": of,
            "seconds": seconds,
            "acts_per_s": self.ledger.acts as f64 / seconds,
            "peak_rss_bytes": status_bytes("VmHWM:"),
        }))
    }
}
