//! `hefu bench`: how fast this machine makes the ledger, beside what the machine allows.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::ProgressBar;

use super::app::App;
use super::demo::duration;
use super::exit::Exit;
use super::fault::{Done, Fault};
use crate::bench::{self, ACTS_PER_TX, Options, Report, Stage, VALIDATORS, Workload};
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
    let options = Options {
        validators: args.validators,
        workload: args.workload.into(),
        acts_per_tx: args.acts_per_tx,
        duration: args.duration,
        rate: args.rate,
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
    if report.agreed { Ok(Exit::Ok) } else { Err(Fault::new("cli.bench_disagrees")) }
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
    Ok(())
}

fn said(lang: Lang, stage: Stage) -> String {
    match stage {
        Stage::Signing(done, of) => {
            text(lang, "bench-signing", &[("done", &done.to_string()), ("of", &of.to_string())])
        }
        Stage::Floor => text(lang, "bench-floor", &[]),
        Stage::Starting => text(lang, "bench-starting", &[]),
        Stage::Preparing => text(lang, "bench-preparing", &[]),
        Stage::Loading(acts) => text(lang, "bench-loading", &[("acts", &acts.to_string())]),
        Stage::Settling => text(lang, "bench-settling", &[]),
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
        ("memory", format!("{:.0}", report.rss_mb_max)),
        ("blocks", report.blocks.to_string()),
        ("per_block", format!("{per_block:.0}")),
        ("failed", report.failed_acts.to_string()),
        ("left", report.left_over_acts.to_string()),
        ("verify", format!("{:.1}", report.machine.verify_us)),
        ("sync", format!("{:.2}", report.machine.fsync_ms_p50)),
    ];
    let numbers: Vec<(&str, &str)> =
        numbers.iter().map(|(name, number)| (*name, number.as_str())).collect();
    app.out.text("bench-report", &numbers)
}
