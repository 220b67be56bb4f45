//! `hefu bench`: how fast this machine makes the ledger, beside what the machine allows.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::ProgressBar;

use super::app::App;
use super::demo::duration;
use super::exit::Exit;
use super::fault::{Done, Fault};
use crate::bench::{
    self, ACTS_PER_TX, CatchUp, History, MAX_HISTORY, Options, Overload, Report, Stage, VALIDATORS,
    Workload,
};
use crate::text::{Lang, text};

/// The longest run: signing for a longer one would fill the memory.
const MAX_SECONDS: u64 = 600;

#[derive(Args)]
pub(crate) struct Bench {
    /// Validators, each a process of its own.
    #[arg(long, default_value_t = 4)]
    validators: usize,
    /// What the acts are.
    #[arg(long, value_enum, default_value_t = WorkloadName::Attest)]
    workload: WorkloadName,
    /// Acts in each transaction.
    #[arg(long, default_value_t = 1)]
    acts_per_tx: usize,
    /// How long is measured.
    #[arg(long = "for", value_name = "TIME", value_parser = duration, default_value = "20s")]
    duration: Duration,
    /// Acts a second; without it as many as are taken.
    #[arg(long)]
    rate: Option<u32>,
    /// Attestations that are on the ledger before.
    #[arg(long, value_name = "N", default_value_t = 0)]
    history: u64,
    /// Send twice as much afterwards as was taken.
    #[arg(long, conflicts_with = "rate")]
    overload: bool,
    /// Afterwards empty one validator and measure how it catches up.
    #[arg(long)]
    catch_up: bool,
    /// Where the nodes keep their data while it runs.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Write a picture (SVG) to this file.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

/// Names of workloads as they are typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WorkloadName {
    /// attest
    Attest,
    /// decide
    Decide,
    /// mixed
    Mixed,
}

impl From<WorkloadName> for Workload {
    fn from(name: WorkloadName) -> Self {
        match name {
            WorkloadName::Attest => Self::Attest,
            WorkloadName::Decide => Self::Decide,
            WorkloadName::Mixed => Self::Mixed,
        }
    }
}

pub(crate) fn run(app: &App, args: Bench) -> Done {
    check(&args)?;
    if let Some(folder) = &args.folder {
        std::fs::create_dir_all(folder).map_err(|error| Fault::file(folder, &error))?;
    }
    let options = Options {
        validators: args.validators,
        workload: args.workload.into(),
        acts_per_tx: args.acts_per_tx,
        duration: args.duration,
        rate: args.rate,
        history: args.history,
        overload: args.overload,
        catch_up: args.catch_up,
        folder: args.folder.unwrap_or_else(std::env::temp_dir),
        program: bench::this_program().map_err(|error| Fault::file(Path::new("hefu"), &error))?,
    };
    let bar = match app.out.quiet {
        true => ProgressBar::hidden(),
        false => ProgressBar::new_spinner(),
    };
    let lang = app.lang();
    let tell = |stage: Stage| {
        bar.set_message(said(lang, stage));
        bar.tick();
    };
    let made = bench::run(&options, &tell);
    bar.finish_and_clear();
    let report = made.map_err(|error| Fault::with("cli.bench", format_args!("{error:#}")))?;
    if let Some(path) = &args.plot {
        std::fs::write(path, bench::plot(&report)).map_err(|error| Fault::file(path, &error))?;
    }
    app.out.done(&serde_json::json!(report), &prose(app, &report));
    match (report.agreed, report.lost_acts) {
        (false, _) => Err(Fault::new("cli.bench_disagrees")),
        (true, 0) => Ok(Exit::Ok),
        (true, lost) => Err(Fault::with("cli.bench_lost", format_args!("{lost}"))),
    }
}

fn check(args: &Bench) -> Result<(), Fault> {
    let wrong = |name: &'static str, least: u64, most: u64| {
        let range: [(&'static str, &dyn core::fmt::Display); 3] =
            [("name", &name), ("least", &least), ("most", &most)];
        Err(Fault::said("cli.usage", "bench-range", &range))
    };
    let bounds =
        |range: &std::ops::RangeInclusive<usize>| (*range.start() as u64, *range.end() as u64);
    if !VALIDATORS.contains(&args.validators) {
        let (least, most) = bounds(&VALIDATORS);
        return wrong("--validators", least, most);
    }
    if !ACTS_PER_TX.contains(&args.acts_per_tx) {
        let (least, most) = bounds(&ACTS_PER_TX);
        return wrong("--acts-per-tx", least, most);
    }
    if !(1..=MAX_SECONDS).contains(&args.duration.as_secs()) {
        return wrong("--for", 1, MAX_SECONDS);
    }
    if args.rate.is_some_and(|rate| !(1..=1_000_000).contains(&rate)) {
        return wrong("--rate", 1, 1_000_000);
    }
    if args.history > MAX_HISTORY {
        return wrong("--history", 0, MAX_HISTORY);
    }
    Ok(())
}

fn said(lang: Lang, stage: Stage) -> String {
    match stage {
        Stage::Signing(done, of) => {
            text(lang, "bench-signing", &[("done", &done.to_string()), ("of", &of.to_string())])
        }
        Stage::Laying(done, of) => {
            text(lang, "bench-laying", &[("done", &done.to_string()), ("of", &of.to_string())])
        }
        Stage::Floor => text(lang, "bench-floor", &[]),
        Stage::Starting => text(lang, "bench-starting", &[]),
        Stage::Preparing => text(lang, "bench-preparing", &[]),
        Stage::Loading(acts) => text(lang, "bench-loading", &[("acts", &acts.to_string())]),
        Stage::Settling => text(lang, "bench-settling", &[]),
        Stage::Joining => text(lang, "bench-joining", &[]),
        Stage::Checking => text(lang, "bench-checking", &[]),
    }
}

fn prose(app: &App, report: &Report) -> String {
    let per_block = report.committed_acts_per_s * report.seconds / report.blocks.max(1) as f64;
    let numbers = [
        ("validators", report.validators.to_string()),
        ("cores", report.machine.cores.to_string()),
        ("acts", format!("{:.0}", report.committed_acts_per_s)),
        ("floor", format!("{:.0}", report.floor_acts_per_s)),
        ("efficiency", format!("{:.2}", report.efficiency)),
        ("p50", format!("{:.1}", report.latency_ms.p50)),
        ("p90", format!("{:.1}", report.latency_ms.p90)),
        ("p99", format!("{:.1}", report.latency_ms.p99)),
        ("longest", format!("{:.1}", report.latency_ms.max)),
        ("cpu", format!("{:.0}", report.cpu_us_per_act)),
        ("written", format!("{:.0}", report.bytes_written_per_act)),
        ("size", format!("{:.0}", report.bytes_per_act)),
        ("ratio", format!("{:.1}", report.written_to_size)),
        ("start", format!("{:.0}", report.rss_mb_start)),
        ("memory", format!("{:.0}", report.rss_mb_load)),
        ("blocks", report.blocks.to_string()),
        ("per_block", format!("{per_block:.0}")),
        ("failed", report.failed_acts.to_string()),
        ("busy", report.busy_acts.to_string()),
        ("left", report.left_over_acts.to_string()),
        ("lost", report.lost_acts.to_string()),
        ("verify", format!("{:.1}", report.machine.verify_us)),
        ("sync", format!("{:.2}", report.machine.fsync_ms_p50)),
    ];
    let history = report.history.as_ref().map(|history| of_history(app, history));
    let overload = report.overload.as_ref().map(|overload| of_overload(app, overload));
    let catch_up = report.catch_up.as_ref().map(|catch_up| of_catch_up(app, catch_up));
    let parts = [Some(said_with(app, "bench-report", &numbers)), history, overload, catch_up];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

fn of_history(app: &App, history: &History) -> String {
    let mib = |bytes: u64| format!("{:.0}", bytes as f64 / f64::from(1 << 20));
    let numbers = [
        ("records", history.records.to_string()),
        ("keys", history.map_keys.to_string()),
        ("seconds", format!("{:.1}", history.seconds)),
        ("blocks", mib(history.block_bytes)),
        ("index", mib(history.index_bytes)),
    ];
    said_with(app, "bench-history", &numbers)
}

fn of_overload(app: &App, overload: &Overload) -> String {
    let numbers = [
        ("offered", format!("{:.0}", overload.offered_acts_per_s)),
        ("acts", format!("{:.0}", overload.committed_acts_per_s)),
        ("ratio", format!("{:.2}", overload.of_most)),
        ("recovered", format!("{:.0}", overload.recovered_acts_per_s)),
        ("busy", overload.busy_acts.to_string()),
        ("failed", overload.failed_acts.to_string()),
        ("left", overload.unsent_acts.to_string()),
        ("p50", format!("{:.0}", overload.latency_ms.p50)),
        ("p99", format!("{:.0}", overload.latency_ms.p99)),
        ("before", format!("{:.0}", overload.rss_mb_before)),
        ("after", format!("{:.0}", overload.rss_mb_after)),
    ];
    said_with(app, "bench-overload", &numbers)
}

fn of_catch_up(app: &App, catch_up: &CatchUp) -> String {
    let numbers = [
        ("history", catch_up.history_acts.to_string()),
        ("first", format!("{:.1}", catch_up.history_seconds)),
        ("acts", catch_up.acts.to_string()),
        ("seconds", format!("{:.1}", catch_up.seconds)),
        ("ratio", format!("{:.1}", catch_up.of_live)),
    ];
    said_with(app, "bench-catch-up", &numbers)
}

fn said_with(app: &App, key: &'static str, numbers: &[(&str, String)]) -> String {
    let numbers: Vec<(&str, &str)> =
        numbers.iter().map(|(name, number)| (*name, number.as_str())).collect();
    app.out.text(key, &numbers)
}
