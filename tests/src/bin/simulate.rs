//! Runs the simulator over many seeds: `cargo run --release -p hefu-tests --bin simulate`.
//!
//! Every seed is run with each number of nodes asked for, on all cores. A failing seed is shrunk,
//! printed with the command that repeats it, and makes the exit code 1. With `--mutants` broken
//! machines are run instead, and it is said which checker caught which.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::Parser;
use hefu_tests::sim::{Failure, Fault, Mutant, Plan, Report, hunt, run, run_aloud, shrink};
use indicatif::{ProgressBar, ProgressStyle};

/// Lines of a failing run's trace that are printed.
const LINES: usize = 60;
/// Seeds tried to catch a mutant.
const MUTANT_SEEDS: u64 = 100;

/// Runs the deterministic simulator of the node's core over many seeds.
#[derive(Debug, Parser)]
#[command(name = "simulate")]
struct Options {
    /// How many seeds to run.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    start: u64,
    /// Run this seed alone, and print its trace.
    #[arg(long)]
    seed: Option<u64>,
    /// Numbers of validators, 4 to 10; each seed is run with each.
    #[arg(long, value_delimiter = ',', default_values_t = [4usize, 7])]
    nodes: Vec<usize>,
    /// Faults to leave out, by name.
    #[arg(long, value_delimiter = ',')]
    without: Vec<String>,
    /// When the faults stop, in milliseconds, instead of what the seed says.
    #[arg(long)]
    fault_ms: Option<u64>,
    /// How many stories clients begin, instead of what the seed says.
    #[arg(long)]
    stories: Option<u64>,
    /// Lines of the trace to print.
    #[arg(long, default_value_t = LINES)]
    lines: usize,
    /// Run broken machines, and say which were caught.
    #[arg(long)]
    mutants: bool,
}

impl Options {
    fn plan(&self, seed: u64, nodes: usize, without: &[Fault]) -> Plan {
        let mut plan = Plan::new(seed, nodes).without(without);
        plan.fault_ms = self.fault_ms.unwrap_or(plan.fault_ms);
        plan.stories = self.stories.unwrap_or(plan.stories);
        plan
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
    for nodes in &options.nodes {
        let plan = options.plan(seed, *nodes, without);
        say(&format!("seed {seed}: {plan}"));
        match run_aloud(&plan) {
            Ok(report) => say(&summary(&report)),
            Err(failure) => {
                good = false;
                show(&failure, options.lines);
            }
        }
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn many(options: &Options, without: &[Fault]) -> ExitCode {
    let runs = options.seeds * options.nodes.len() as u64;
    let bar = ProgressBar::new(runs);
    if let Ok(style) =
        ProgressStyle::with_template("{bar:30} {pos}/{len} runs, {per_sec}, {eta} to go {msg}")
    {
        bar.set_style(style);
    }
    let (next, begun) = (AtomicU64::new(0), Instant::now());
    let (sum, failures) = (Mutex::new(Report::default()), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= runs {
                return;
            }
            let count = options.nodes.len() as u64;
            let (seed, nodes) = (options.start + number / count, (number % count) as usize);
            match run(&options.plan(seed, options.nodes[nodes], without)) {
                Ok(report) => sum.lock().unwrap_or_else(PoisonError::into_inner).add(&report),
                Err(failure) => {
                    let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
                    let (nodes, violation) = (failure.plan.nodes, &failure.violation);
                    bar.suspend(|| say(&format!("seed {seed}, {nodes} nodes: {violation}")));
                    failures.push(failure);
                    bar.set_message(format!("({} failed)", failures.len()));
                }
            }
            bar.inc(1);
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    bar.finish_and_clear();
    let report = *sum.lock().unwrap_or_else(PoisonError::into_inner);
    say(&format!("{}, in {} s", summary(&report), begun.elapsed().as_secs()));
    let mut failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    if failures.is_empty() {
        return ExitCode::SUCCESS;
    }
    say(&format!("{} of {runs} runs broke a rule; the first, shrunk:", failures.len()));
    failures.sort_by_key(|failure| (failure.plan.seed, failure.plan.nodes));
    let smallest = shrink(failures.swap_remove(0));
    match run_aloud(&smallest.plan) {
        Err(failure) => show(&failure, options.lines),
        Ok(_) => show(&smallest, options.lines),
    }
    ExitCode::FAILURE
}

fn summary(report: &Report) -> String {
    let Report { seeds, heights, late_rounds, transactions, applied, .. } = report;
    let Report { crashes, messages, fetched, evidence, virtual_ms, trace, .. } = report;
    format!(
        "{seeds} runs, {heights} heights ({late_rounds} after round 0), {applied} of \
         {transactions} transactions applied, {crashes} crashes, {messages} messages, {fetched} \
         blocks fetched, {evidence} contradictions proven, {} virtual minutes, trace {trace:016x}",
        virtual_ms / 60_000
    )
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
