//! Runs the simulator over many seeds: `cargo run --release -p hefu-tests --bin simulate`.
//!
//! A failing seed is shrunk, printed with the command that repeats it, and makes the exit code 1.
//! With `--mutants` broken machines are run instead, and it is said which checker caught which.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use hefu_tests::sim::{
    Change, Failure, Fault, Mark, Mutant, Plan, Report, Told, hunt, run, run_aloud, shrink,
};
use indicatif::{ProgressBar, ProgressStyle};

/// Lines of a failing run's trace that are printed.
const LINES: usize = 60;
/// Seeds tried to catch a mutant.
const MUTANT_SEEDS: u64 = 100;
/// How often progress is said where there is no terminal to draw a bar on.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// Runs the deterministic simulator of the node's core over many seeds: the same machine as in a
/// node, on simulated disks, links and clocks, with faults, liars and checkers.
///
/// One seed decides everything that happens in a run; the same seed gives the same trace. Exit
/// codes: 0 all rules held, 1 a rule was broken (the first failing run is shrunk and printed with
/// the command that repeats it), 2 wrong usage.
#[derive(Debug, Parser)]
#[command(name = "simulate", after_help = EXAMPLES)]
struct Options {
    /// How many seeds to run.
    #[arg(long, default_value_t = 100, value_name = "N")]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    start: u64,
    /// Run this seed alone, and print what happened how often.
    #[arg(long)]
    seed: Option<u64>,
    /// Numbers of validators, 4 to 10; each seed is run with each. Without this a seed draws its
    /// own: 55 % have 4, 20 % have 7, 15 % have 5, 10 % have 10.
    #[arg(long, value_delimiter = ',', value_name = "N,…")]
    nodes: Vec<usize>,
    /// Runs at a time; all cores without this.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Stop after so many minutes, and say how far it went.
    #[arg(long, value_name = "M")]
    minutes: Option<u64>,
    /// Faults to leave out, by name.
    #[arg(long, value_delimiter = ',', value_name = "FAULT,…")]
    without: Vec<String>,
    /// When the faults stop, in milliseconds, instead of what the seed says.
    #[arg(long, value_name = "MS")]
    fault_ms: Option<u64>,
    /// How many stories clients begin, instead of what the seed says.
    #[arg(long, value_name = "N")]
    stories: Option<u64>,
    /// How validators change, instead of what the seed says: rotate, suspend or join; four
    /// validators cannot spare one, ten take no other.
    #[arg(long, value_name = "CHANGE")]
    change: Option<String>,
    /// How many stages of that change are gone through, instead of all.
    #[arg(long, value_name = "N")]
    stages: Option<usize>,
    /// Lines of a failing run's trace to print.
    #[arg(long, default_value_t = LINES, value_name = "N")]
    lines: usize,
    /// Print the lines of a run that held, too; with `--seed`.
    #[arg(long)]
    trace: bool,
    /// Run broken machines, and say which were caught by which checker.
    #[arg(long)]
    mutants: bool,
}

const EXAMPLES: &str = "Examples:
  simulate --seeds 100000                  many seeds on all cores
  simulate --seed 42                       one seed, as drawn
  simulate --seed 42 --nodes 7 --trace     one seed with 7 validators, line by line
  simulate --mutants                       show that every checker catches its broken machine";

impl Options {
    fn plan(&self, seed: u64, nodes: usize, without: &[Fault]) -> Plan {
        let mut plan = Plan::new(seed, nodes).without(without);
        plan.fault_ms = self.fault_ms.unwrap_or(plan.fault_ms);
        plan.stories = self.stories.unwrap_or(plan.stories);
        let change = self.change.as_deref().and_then(Change::from_name);
        if let Some(change) = change.filter(|change| Change::possible(nodes).contains(change)) {
            (plan.change, plan.stages) = (change, change.stages());
        }
        plan.stages = self.stages.unwrap_or(plan.stages);
        plan
    }

    /// The numbers of validators that a seed is run with.
    fn nodes(&self, seed: u64) -> Vec<usize> {
        if self.nodes.is_empty() { vec![Plan::nodes_of(seed)] } else { self.nodes.clone() }
    }

    /// The seed and number of validators of a run.
    fn run(&self, number: u64) -> (u64, usize) {
        let each = self.nodes.len().max(1) as u64;
        let seed = self.start + number / each;
        (seed, self.nodes(seed)[(number % each) as usize])
    }

    fn runs(&self) -> u64 {
        self.seeds * self.nodes.len().max(1) as u64
    }

    fn without(&self) -> Result<Vec<Fault>, String> {
        let known = || Fault::ALL.map(|fault| fault.to_string()).join(", ");
        let named = |name: &String| {
            Fault::from_name(name).ok_or_else(|| format!("no fault is called {name}: {}", known()))
        };
        self.without.iter().map(named).collect()
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let without = match options.without() {
        Ok(without) => without,
        Err(error) => return complain(&error),
    };
    if options.nodes.iter().any(|nodes| !(4..=10).contains(nodes)) {
        return complain("4 to 10 nodes can be simulated");
    }
    let change = options.change.as_deref();
    if change.is_some_and(|name| Change::from_name(name).is_none()) {
        return complain("validators change by rotate, suspend or join");
    }
    match options.seed {
        _ if options.mutants => mutants(),
        Some(seed) => one(&options, seed, &without),
        None => many(&options, &without),
    }
}

fn complain(error: &str) -> ExitCode {
    say(&format!("simulate: {error}"));
    ExitCode::from(2)
}

fn say(line: &str) {
    // A reader that has left is no reason to stop.
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn one(options: &Options, seed: u64, without: &[Fault]) -> ExitCode {
    let mut good = true;
    for nodes in options.nodes(seed) {
        let plan = options.plan(seed, nodes, without);
        say(&format!("seed {seed}: {plan}"));
        let ran = run_aloud(&plan);
        match ran {
            Ok((report, lines)) => {
                if options.trace {
                    lines.iter().for_each(|line| say(line));
                }
                say(&summary(&report));
                say(&coverage(&report));
            }
            Err(failure) => {
                good = false;
                show(&failure, options.lines);
            }
        }
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What many runs came to.
#[derive(Default)]
struct Tally {
    /// By number of validators.
    sums: BTreeMap<usize, Report>,
    failures: Vec<Failure>,
}

impl Tally {
    fn total(&self) -> Report {
        let mut total = Report::default();
        self.sums.values().for_each(|report| total.add(report));
        total
    }
}

fn many(options: &Options, without: &[Fault]) -> ExitCode {
    let runs = options.runs();
    let bar = bar(runs);
    let (next, begun) = (AtomicU64::new(0), Instant::now());
    let ends = options.minutes.map(|minutes| begun + Duration::from_secs(60 * minutes));
    let tally = Mutex::new(Tally::default());
    let said = Mutex::new(begun);
    let work = || {
        loop {
            let over = ends.is_some_and(|ends| Instant::now() >= ends);
            let number = next.fetch_add(1, Ordering::Relaxed);
            if over || number >= runs {
                return;
            }
            let (seed, nodes) = options.run(number);
            let ran = run(&options.plan(seed, nodes, without));
            let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
            match ran {
                Ok(report) => tally.sums.entry(nodes).or_default().add(&report),
                Err(failure) => {
                    let line = format!("seed {seed}, {nodes} nodes: {}", failure.violation);
                    bar.suspend(|| say(&line));
                    tally.failures.push(*failure);
                    bar.set_message(format!("({} failed)", tally.failures.len()));
                }
            }
            bar.inc(1);
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            if bar.is_hidden() && said.elapsed() >= SAY_EVERY {
                *said = Instant::now();
                let line = summary(&tally.total());
                say(&format!("after {} s, up to seed {seed}: {line}", begun.elapsed().as_secs()));
            }
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = options.threads.unwrap_or(cores).max(1);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    bar.finish_and_clear();
    let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    conclude(options, tally, begun.elapsed())
}

fn bar(runs: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(runs);
    let style = "{bar:30} {pos}/{len} runs, {per_sec}, {eta} to go {msg}";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar
}

fn conclude(options: &Options, tally: Tally, took: Duration) -> ExitCode {
    let total = tally.total();
    for (nodes, report) in &tally.sums {
        say(&format!("{nodes} nodes: {}", summary(report)));
    }
    say(&format!("all: {}, in {} s", summary(&total), took.as_secs()));
    say(&coverage(&total));
    let mut failures = tally.failures;
    if failures.is_empty() {
        return ExitCode::SUCCESS;
    }
    let runs = total.seeds + failures.len() as u64;
    say(&format!("{} of {runs} runs broke a rule; the first, shrunk:", failures.len()));
    failures.sort_by_key(|failure| (failure.plan.seed, failure.plan.nodes));
    let smallest = shrink(Box::new(failures.swap_remove(0)));
    let lines = options.lines;
    match run_aloud(&smallest.plan) {
        Err(failure) => show(&failure, lines),
        Ok(_) => show(&smallest, lines),
    }
    ExitCode::FAILURE
}

fn summary(report: &Report) -> String {
    let Report { seeds, heights, late_rounds, transactions, applied, .. } = report;
    let Report { crashes, messages, fetched, evidence, virtual_ms, trace, .. } = report;
    format!(
        "{seeds} runs, {heights} heights ({late_rounds} after round 0), {applied} of \
         {transactions} transactions applied, {crashes} crashes, {messages} messages, {fetched} \
         blocks fetched, {evidence} contradictions proven, {} virtual minutes (settling took \
         {:.1} s at most), trace {trace:016x}",
        virtual_ms / 60_000,
        report.longest_settling_ms as f64 / 1000.0
    )
}

/// How often everything happened, a line each.
fn coverage(report: &Report) -> String {
    let mark = |mark: &Mark| format!("  {:>12} {}\n", report.coverage.of(*mark), mark.text());
    let mut text = String::from("what happened:\n");
    text.extend(Mark::ALL.iter().map(mark));
    for (kind, counts) in report.coverage.liars().filter(|(_, counts)| counts[0] > 0) {
        let one = |(told, count): (Told, u64)| format!("{count} {}", told.text());
        let counts = Told::ALL.into_iter().zip(counts).filter(|(_, count)| *count > 0);
        let counts: Vec<String> = counts.map(one).collect();
        text += &format!("  {kind}: {}\n", counts.join(", "));
    }
    text.trim_end().to_owned()
}

fn show(failure: &Failure, lines: usize) {
    let skipped = failure.lines.len().saturating_sub(lines);
    failure.lines.iter().skip(skipped).for_each(|line| say(line));
    let Failure { plan, violation, at_ms, .. } = failure;
    say(&format!("at {at_ms} ms {violation}"));
    say(&format!("{plan}"));
    let full = Plan::new(plan.seed, plan.nodes);
    let gone: Vec<String> = full.faults.difference(&plan.faults).map(ToString::to_string).collect();
    let mut command = format!(
        "cargo run --release -p hefu-tests --bin simulate -- --seed {} --nodes {}",
        plan.seed, plan.nodes
    );
    if !gone.is_empty() {
        command += &format!(" --without {}", gone.join(","));
    }
    if (full.fault_ms, full.stories) != (plan.fault_ms, plan.stories) {
        command += &format!(" --fault-ms {} --stories {}", plan.fault_ms, plan.stories);
    }
    if full.change != plan.change {
        command += &format!(" --change {}", plan.change);
    }
    if plan.stages < plan.change.stages() {
        command += &format!(" --stages {}", plan.stages);
    }
    say(&format!("again: {command}"));
}

fn mutants() -> ExitCode {
    let mut good = true;
    for mutant in Mutant::ALL {
        match hunt(mutant, MUTANT_SEEDS) {
            Some((seed, violation)) => say(&format!("caught: {mutant} (seed {seed}): {violation}")),
            None => {
                good = false;
                say(&format!("missed: {mutant}, by {}", mutant.checker()));
            }
        }
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
