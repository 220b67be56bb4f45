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
mod history;
mod kept;
mod load;
mod mix;
mod nodes;
mod plot;
mod report;
mod sharing;
mod work;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hefu_primitives::{Height, TxId};
use serde::Serialize;

pub use history::History;
pub use load::Times;
pub use nodes::NodeFailed;
pub use plot::plot;
pub use report::{CatchUp, Overload, Report};

use self::floor::{Floor, Machine};
use self::load::{LANES, Loaded, Plan};
use self::mix::Maker;
use self::nodes::{Memory, Nodes};
use self::sharing::Grants;
use self::work::{Licences, Work};

/// Validators that can be measured in processes of their own.
pub const VALIDATORS: std::ops::RangeInclusive<usize> = 4..=31;
/// Acts that a transaction of the bench may hold.
pub const ACTS_PER_TX: std::ops::RangeInclusive<usize> = 1..=100;
/// Most transactions that are signed before a run; a load that wants more ends when they are used up.
const MAX_SIGNED: usize = 2_000_000;
/// What counts begins so long after the load: nodes grow to their working size meanwhile.
const WARM_UP: Duration = Duration::from_secs(5);
/// Acts that the floor is measured with before the load, if it has as many.
const FLOOR_ACTS: usize = 40_000;
/// Most attestations of a history.
pub const MAX_HISTORY: u64 = 100_000_000;
/// Acts a second for which enough is signed when the saturation point is looked for: one act to a
/// transaction, and more; unless this is a program for tests.
const MOST_PER_SECOND: [f64; 2] =
    if cfg!(debug_assertions) { [3_000.0, 6_000.0] } else { [25_000.0, 100_000.0] };

/// What the acts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Workload {
    /// Authorities attest licences.
    Attest,
    /// Authorities decide on licences of other provinces.
    Decide,
    /// Of twenty acts twelve decisions, five receipts signed by both sides, two attestations, and one
    /// suspension, resumption or revocation.
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
    /// Attestations that are on the ledger before.
    pub history: u64,
    /// Whether twice as much comes afterwards as was taken.
    pub overload: bool,
    /// Whether one validator that lost everything joins anew afterwards.
    pub catch_up: bool,
    /// Where the nodes keep their data; everything in it goes when the run ends.
    pub folder: PathBuf,
    /// The program that a validator runs.
    pub program: PathBuf,
}

/// What a run does now, for whoever watches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// So many of all attestations of the history are stored.
    Laying(u64, u64),
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
    /// One that was emptied joins.
    Joining,
    /// What was acknowledged is looked for in the block files.
    Checking,
}

/// Makes a run. `tell` hears of its stages.
///
/// # Errors
/// When a node does not start or ends, or the folder cannot be used.
pub fn run(options: &Options, tell: &(dyn Fn(Stage) + Sync)) -> anyhow::Result<Report> {
    let folder = tempfile::Builder::new().prefix("hefu-bench-").tempdir_in(&options.folder)?;
    let mut nodes = Nodes::found(options.validators, folder.path(), &options.program)?;
    let mut run = Run::prepare(options, &mut nodes, folder.path(), tell)?;
    let (work, loaded) = run.load(&nodes, run.count, options.plan())?;
    let memory = nodes.rss_mb()?;
    let overload = match options.overload {
        true => Some(run.overload(&nodes, &loaded)?),
        false => None,
    };
    tell(Stage::Settling);
    let mut agreed = nodes.settle()?;
    let most = nodes.rss_mb()?.peak;
    let catch_up = match options.catch_up {
        true => Some(run.catch_up(&mut nodes, &loaded)?),
        false => None,
    };
    if catch_up.is_some() {
        agreed &= nodes.settle()?;
    }
    nodes.stop();
    tell(Stage::Checking);
    let lost_acts = run.lost(&nodes)? * options.acts_per_tx as u64;
    tell(Stage::Floor);
    let after = Floor::new(nodes.founding(), work.transactions()).run(folder.path())?;
    let found = Found { lost_acts, agreed, memory, most, overload, catch_up, after };
    Ok(run.report(&work, loaded, found))
}

/// What is found at the end.
struct Found {
    lost_acts: u64,
    agreed: bool,
    memory: Memory,
    most: f64,
    overload: Option<Overload>,
    catch_up: Option<CatchUp>,
    after: f64,
}

/// A run under way.
struct Run<'a> {
    options: &'a Options,
    tell: &'a (dyn Fn(Stage) + Sync),
    /// Transactions that are signed for the load.
    count: usize,
    history: Option<History>,
    licences: Licences,
    statuses: usize,
    grants: Grants,
    height: u64,
    /// Acts on the ledger when the load begins, but for the history.
    prepared: u64,
    rss_mb_start: f64,
    machine: Machine,
    before: f64,
    /// Transactions made so far.
    made: usize,
    acknowledged: HashSet<TxId>,
}

impl<'a> Run<'a> {
    /// Lays the history, starts the nodes and puts on the ledger what the load refers to.
    fn prepare(
        options: &'a Options,
        nodes: &mut Nodes,
        folder: &Path,
        tell: &'a (dyn Fn(Stage) + Sync),
    ) -> anyhow::Result<Self> {
        let count = options.transactions(options.rate.map_or(options.most_per_second(), f64::from));
        let mut licences = Licences::none(nodes.founding())?;
        let history = lay(options, nodes, &mut licences, tell)?;
        let sample = FLOOR_ACTS.div_ceil(options.acts_per_tx).min(count);
        let sample = Work::attest(nodes.founding(), options.acts_per_tx, sample, tell)?;
        tell(Stage::Floor);
        let machine = floor::machine(folder)?;
        let before = Floor::new(nodes.founding(), sample.transactions()).run(folder)?;
        tell(Stage::Starting);
        nodes.start()?;
        let rss_mb_start = nodes.rss_mb()?.now;

        // Twice the rate takes at most twice the transactions, and the load after it as many again.
        let most = if options.overload { count.saturating_mul(4) } else { count };
        let statuses = mix::statuses(options.workload, most, options.acts_per_tx);
        let mut run = Self {
            options,
            tell,
            count,
            history,
            licences,
            statuses,
            grants: Grants::default(),
            height: 0,
            prepared: 0,
            rss_mb_start,
            machine,
            before,
            made: 0,
            acknowledged: HashSet::new(),
        };
        run.put(nodes)?;
        Ok(run)
    }

    /// Puts on the ledger what the load refers to.
    fn put(&mut self, nodes: &Nodes) -> anyhow::Result<()> {
        let needed = match self.options.workload {
            Workload::Attest => return Ok(()),
            Workload::Decide | Workload::Mixed => mix::DECIDED + self.statuses,
        };
        let lacking = needed.saturating_sub(self.licences.count());
        let attests = self.licences.more(nodes.founding(), lacking, self.tell)?;
        (self.tell)(Stage::Preparing);
        self.height = load::send_all(nodes, &attests)?;
        self.prepared += attests.len() as u64 * work::PREPARING_ACTS as u64;
        if self.options.workload == Workload::Mixed {
            self.grants = Grants::plan(nodes.founding())?;
            for step in self.grants.steps(nodes.founding())? {
                self.height = load::send_all(nodes, &step)?;
                self.prepared += step.iter().map(|tx| tx.body().acts.len() as u64).sum::<u64>();
            }
        }
        Ok(())
    }

    /// Signs and sends so many transactions.
    fn load(&mut self, nodes: &Nodes, count: usize, plan: Plan) -> anyhow::Result<(Work, Loaded)> {
        let maker = Maker {
            founding: nodes.founding(),
            workload: self.options.workload,
            acts_per_tx: self.options.acts_per_tx,
            licences: self.licences,
            statuses: self.statuses,
            grants: self.grants.clone(),
            height: Height(self.height),
        };
        let work = maker.make(self.made..self.made + count, self.tell)?;
        self.made += count;
        let loaded = load::run(nodes, &work, plan, self.tell)?;
        let acknowledged = loaded.acknowledged.iter().filter_map(|at| work.transactions().get(*at));
        self.acknowledged.extend(acknowledged.map(hefu_primitives::SignedTransaction::id));
        Ok((work, loaded))
    }

    /// Twice as much as was taken, and then as much as before: a ledger slows as it grows, so what
    /// it takes at most is the mean of before and after, as with the floor.
    fn overload(&mut self, nodes: &Nodes, before: &Loaded) -> anyhow::Result<Overload> {
        let rss_mb_before = nodes.rss_mb()?.peak;
        let most = before.acts as f64 / before.seconds;
        let rate = (2.0 * most).ceil().max(1.0);
        let count = self.options.transactions(rate).min(self.count.saturating_mul(2));
        let lanes = load::many_lanes(self.options.validators);
        let plan = Plan { rate: Some(rate as u32), lanes, full: true, ..self.options.plan() };
        let (work, loaded) = self.load(nodes, count, plan)?;
        let committed = loaded.acts as f64 / loaded.seconds;
        let rss_mb_after = nodes.rss_mb()?.peak;
        let count = self.options.transactions(rate).min(self.count);
        let (_, after) = self.load(nodes, count, Plan { rate: None, ..self.options.plan() })?;
        let recovered = after.acts as f64 / after.seconds;
        Ok(Overload {
            offered_acts_per_s: rate,
            committed_acts_per_s: committed,
            recovered_acts_per_s: recovered,
            of_most: committed / f64::midpoint(most, recovered),
            sent_acts: loaded.answered,
            applied_acts: loaded.acknowledged.len() as u64 * work.acts_per_tx() as u64,
            busy_acts: loaded.busy,
            without_retry: loaded.without_retry,
            failed_acts: loaded.failed,
            unsent_acts: loaded.left_over,
            refusals: loaded.refusals,
            latency_ms: loaded.latency_ms,
            rss_mb_before,
            rss_mb_after,
        })
    }

    /// One validator begins again with the genesis alone.
    fn catch_up(&self, nodes: &mut Nodes, loaded: &Loaded) -> anyhow::Result<CatchUp> {
        (self.tell)(Stage::Joining);
        let height = history::height_of(self.history.as_ref()).0;
        let [of_history, all] = nodes.join_anew(height)?;
        let acts = self.acknowledged.len() as u64 * self.options.acts_per_tx as u64 + self.prepared;
        let history = self.history.map_or(0, |history| history.records);
        let seconds = (all - of_history).as_secs_f64().max(1e-3);
        let acts_per_s = acts as f64 / seconds;
        Ok(CatchUp {
            history_acts: history,
            history_seconds: of_history.as_secs_f64(),
            acts,
            seconds,
            acts_per_s,
            of_live: acts_per_s / (loaded.acts as f64 / loaded.seconds).max(1.0),
        })
    }

    /// Acknowledged transactions that some validator does not have on disk.
    fn lost(&self, nodes: &Nodes) -> anyhow::Result<u64> {
        let above = history::height_of(self.history.as_ref()).0;
        let mut lost = 0;
        for home in nodes.homes() {
            lost = lost.max(kept::missing(home, above, &self.acknowledged)?);
        }
        Ok(lost)
    }

    fn report(self, work: &Work, loaded: Loaded, found: Found) -> Report {
        let Self { options, history, machine, before, rss_mb_start, .. } = self;
        let floor = f64::midpoint(before, found.after);
        let acts = loaded.acts.max(1) as f64;
        let committed = loaded.acts as f64 / loaded.seconds;
        let written = loaded.used.written as f64 / acts / options.validators as f64;
        Report {
            validators: options.validators,
            workload: options.workload,
            acts_per_tx: options.acts_per_tx,
            rate: options.rate,
            seconds: loaded.seconds,
            committed_acts_per_s: committed,
            floor_acts_per_s: floor,
            efficiency: committed / floor,
            failed_acts: loaded.failed,
            busy_acts: loaded.busy,
            refusals: loaded.refusals,
            left_over_acts: loaded.left_over,
            lost_acts: found.lost_acts,
            latency_ms: loaded.latency_ms,
            cpu_us_per_act: loaded.used.cpu.as_secs_f64() * 1e6 / acts,
            bytes_written_per_act: written,
            bytes_per_act: work.bytes_per_act(),
            written_to_size: written / work.bytes_per_act().max(1.0),
            rss_mb_start,
            rss_mb_load: found.memory.peak,
            rss_mb_max: found.most.max(found.memory.peak),
            blocks: loaded.blocks,
            acts_of_second: loaded.acts_of_second,
            machine,
            history,
            overload: found.overload,
            catch_up: found.catch_up,
            agreed: found.agreed,
        }
    }
}

impl Options {
    fn most_per_second(&self) -> f64 {
        MOST_PER_SECOND[usize::from(self.acts_per_tx > 1)]
    }

    /// How the load is sent.
    fn plan(&self) -> Plan {
        let (warm_up, measured) = (WARM_UP, self.duration);
        Plan { warm_up, measured, rate: self.rate, lanes: LANES, full: false }
    }

    /// Transactions that a load of so many acts a second needs.
    fn transactions(&self, per_second: f64) -> usize {
        let seconds = (WARM_UP + self.duration).as_secs_f64();
        let wanted = (per_second * seconds / self.acts_per_tx as f64).ceil() as usize;
        wanted.clamp(1, MAX_SIGNED)
    }
}

/// Lays the history at the first node and gives it to the others.
fn lay(
    options: &Options,
    nodes: &mut Nodes,
    licences: &mut Licences,
    tell: &(dyn Fn(Stage) + Sync),
) -> anyhow::Result<Option<History>> {
    let homes = nodes.homes();
    let (Some((first, others)), 1..) = (homes.split_first(), options.history) else {
        return Ok(None);
    };
    let history = history::lay(nodes.founding(), first, options.history, licences, tell)?;
    others.iter().try_for_each(|other| history::copy(first, other))?;
    nodes.be_patient(options.history);
    Ok(Some(history))
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
