//! # `hefu bench`
//!
//! How fast the ledger is on this machine, and how near to what the machine allows: validators as
//! processes of their own with real links and durable storage, loaded through their HTTP interface,
//! and in the same run the floor, a program that only does what no ledger can leave out. Results are
//! ratios of the two, because machines differ and are rarely alone.
//!
//! An open load says when each act is due; the time of an act counts from then and not from when a
//! client got round to sending it ("coordinated omission", Gil Tene).

pub mod floor;
pub mod founding;
mod load;
mod nodes;
mod plot;
mod work;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

pub use load::Times;
pub use nodes::NodeFailed;
pub use plot::plot;

use self::floor::Floor;
use self::load::Plan;
use self::nodes::Nodes;
use self::work::Work;

/// Validators that can be measured in processes of their own.
pub const VALIDATORS: std::ops::RangeInclusive<usize> = 4..=31;
/// Acts that a transaction of the bench may hold.
pub const ACTS_PER_TX: std::ops::RangeInclusive<usize> = 1..=100;
/// Most transactions that are signed before a run; a load that wants more ends when they are used up.
const MAX_SIGNED: usize = 600_000;
/// What counts begins so long after the load.
const WARM_UP: Duration = Duration::from_secs(2);
/// Acts a second for which enough is signed when the saturation point is looked for.
const MOST_PER_SECOND: f64 = 40_000.0;

/// What the acts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Workload {
    /// Authorities attest licences.
    Attest,
    /// Authorities decide on licences of other provinces.
    Decide,
    /// Three decisions to one attestation.
    Mixed,
}

/// How a run is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// Validators, each a process.
    pub validators: usize,
    /// What the acts are.
    pub workload: Workload,
    /// Acts in each transaction.
    pub acts_per_tx: usize,
    /// How long is measured.
    pub duration: Duration,
    /// Acts a second that come whether or not the ledger keeps up. Without this there is always
    /// more to do than it can, which finds the saturation point.
    pub rate: Option<u32>,
    /// Where the nodes keep their data; everything in it goes when the run ends.
    pub folder: PathBuf,
    /// The program that a validator runs.
    pub program: PathBuf,
}

/// What a run does now, for whoever watches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// So many of all transactions are signed.
    Signing(usize, usize),
    /// The floor is measured.
    Floor,
    /// The nodes start.
    Starting,
    /// Licences are attested that will be decided on.
    Preparing,
    /// So many acts are committed.
    Loading(u64),
    /// The nodes come to the same height.
    Settling,
}

/// What a run found. Times are in milliseconds and microseconds as their names say.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Validators.
    pub validators: usize,
    /// What the acts were.
    pub workload: Workload,
    /// Acts in each transaction.
    pub acts_per_tx: usize,
    /// Acts a second that were due; none when saturated.
    pub rate: Option<u32>,
    /// Seconds that were measured.
    pub seconds: f64,
    /// Acts committed, durable and answered in that time, a second.
    pub committed_acts_per_s: f64,
    /// Acts a second of the floor, the mean of before and after.
    pub floor_acts_per_s: f64,
    /// Committed by floor.
    pub efficiency: f64,
    /// Acts that were refused or got no outcome.
    pub failed_acts: u64,
    /// Acts that waited at the end of an open load: it was more than the ledger takes.
    pub left_over_acts: u64,
    /// From when an act was due to the answer that it is durably committed.
    pub latency_ms: Times,
    /// Processor time of all validators.
    pub cpu_us_per_act: f64,
    /// Bytes that all validators wrote to storage, per act and validator.
    pub bytes_written_per_act: f64,
    /// Mean size of an act's share of its transaction.
    pub bytes_per_act: f64,
    /// Peak memory of the largest validator.
    pub rss_mb_max: f64,
    /// Blocks in the measured time.
    pub blocks: u64,
    /// Committed acts of each second, for a plot.
    pub acts_of_second: Vec<u64>,
    /// The machine, in the same run.
    pub machine: floor::Machine,
    /// Whether all validators ended with the same roots.
    pub agreed: bool,
}

/// Makes a run. `tell` hears of its stages.
///
/// # Errors
/// When a node does not start or ends, or the folder cannot be used.
pub fn run(options: &Options, tell: &(dyn Fn(Stage) + Sync)) -> anyhow::Result<Report> {
    let folder = tempfile::Builder::new().prefix("hefu-bench-").tempdir_in(&options.folder)?;
    let mut nodes = Nodes::found(options.validators, folder.path(), &options.program)?;
    let per_second = options.rate.map_or(MOST_PER_SECOND, f64::from);
    let seconds = (WARM_UP + options.duration).as_secs_f64();
    let wanted = (per_second * seconds / options.acts_per_tx as f64).ceil() as usize;
    let count = wanted.clamp(1, MAX_SIGNED);
    let founding = nodes.founding();
    let attests = Work::attest(founding, options.acts_per_tx, attested(options, count), tell)?;

    tell(Stage::Floor);
    let machine = floor::machine(folder.path())?;
    let before = Floor::new(founding, attests.transactions()).run(folder.path())?;

    tell(Stage::Starting);
    nodes.start()?;
    let work = match options.workload {
        Workload::Attest => attests,
        kind => {
            tell(Stage::Preparing);
            let height = load::send_all(&nodes, &attests)?;
            Work::on(kind, nodes.founding(), &attests, options.acts_per_tx, count, height, tell)?
        }
    };
    let plan = Plan { warm_up: WARM_UP, measured: options.duration, rate: options.rate };
    let loaded = load::run(&nodes, &work, plan, tell)?;
    tell(Stage::Settling);
    let agreed = nodes.settle()?;
    let rss_mb_max = nodes.rss_mb_max()?;
    nodes.stop();
    let after = Floor::new(nodes.founding(), work.transactions()).run(folder.path())?;

    let floor = f64::midpoint(before, after);
    let acts = loaded.acts.max(1) as f64;
    let committed = loaded.acts as f64 / loaded.seconds;
    Ok(Report {
        validators: options.validators,
        workload: options.workload,
        acts_per_tx: options.acts_per_tx,
        rate: options.rate,
        seconds: loaded.seconds,
        committed_acts_per_s: committed,
        floor_acts_per_s: floor,
        efficiency: committed / floor,
        failed_acts: loaded.failed,
        left_over_acts: loaded.left_over,
        latency_ms: loaded.latency_ms,
        cpu_us_per_act: loaded.used.cpu.as_secs_f64() * 1e6 / acts,
        bytes_written_per_act: loaded.used.written as f64 / acts / options.validators as f64,
        bytes_per_act: work.bytes_per_act(),
        rss_mb_max,
        blocks: loaded.blocks,
        acts_of_second: loaded.acts_of_second,
        machine,
        agreed,
    })
}

/// Transactions with attestations: the load itself, or what is decided on.
fn attested(options: &Options, count: usize) -> usize {
    match options.workload {
        Workload::Attest => count,
        Workload::Decide | Workload::Mixed => count.min(2_000 / options.acts_per_tx).max(4),
    }
}

/// The program that runs now, as the program of the validators.
///
/// # Errors
/// When the system does not tell.
pub fn this_program() -> std::io::Result<PathBuf> {
    std::env::current_exe()
}

fn file(folder: &Path, name: &str) -> PathBuf {
    folder.join(name)
}
