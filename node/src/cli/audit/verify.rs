//! `hefu audit verify`: checks this node's own copy again, all of it or a sample, without a node and
//! beside one that runs.

use std::sync::Arc;

use clap::{ArgGroup, Args};
use hefu_genesis::Genesis;
use hefu_primitives::H32;
use serde_json::{Value, json};

use crate::cli::app::App;
use crate::cli::exit::Exit;
use crate::cli::fault::{Done, Fault, chain};
use crate::cli::progress::Progress;
use crate::config::NodeConfig;
use crate::keystore::seal;
use crate::recheck::{self, RecheckError, Report, Sample, Step};
use crate::store::{BlockFiles, EngineKind, RealDisk, StoreError, open_index};

#[derive(Args)]
#[command(group = ArgGroup::new("extent").required(true).args(["from_genesis", "sample", "confidence"]))]
pub(crate) struct Verify {
    /// Everything.
    #[arg(long)]
    from_genesis: bool,
    /// Certificates and signatures of so many blocks, drawn at random.
    #[arg(long, value_name = "BLOCKS", value_parser = clap::value_parser!(u64).range(1..))]
    sample: Option<u64>,
    /// As many blocks as this confidence takes.
    #[arg(long, value_name = "PERCENT")]
    confidence: Option<Percent>,
    /// The share of damaged blocks that would be found with that confidence.
    #[arg(long, value_name = "PERCENT", default_value = "1%", conflicts_with = "from_genesis")]
    share: Percent,
    /// What draws the sample, to draw the same again.
    #[arg(long, value_name = "HEX", conflicts_with = "from_genesis")]
    seed: Option<H32>,
}

/// A share, written as `99%` or `0.99`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Percent(f64);

impl std::str::FromStr for Percent {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, of) = match text.strip_suffix('%') {
            Some(number) => (number, 100.0),
            None => (text, 1.0),
        };
        let share = number.trim().parse::<f64>().map_err(|_| "99% / 0.99")? / of;
        if share > 0.0 && share < 1.0 { Ok(Self(share)) } else { Err("0% < x < 100%") }
    }
}

pub(crate) fn run(app: &App, args: &Verify) -> Done {
    let config = &app.node_settings()?.config;
    let signed = crate::cli::genesis::read(app, &config.genesis_path())?;
    let genesis = signed.genesis;
    let folder = config.store_path().join("blocks");
    if !folder.is_dir() {
        return Err(Fault::with("cli.not_found", folder.display()));
    }
    let disk = RealDisk::reading(&folder);
    let mut frames = Progress::new(app, "progress-verify", 0);
    let opened = BlockFiles::reading(disk, &mut |so_far| {
        frames.set(so_far.bytes.div_ceil(1 << 20), so_far.total_bytes.div_ceil(1 << 20));
    });
    frames.finish();
    let blocks = match opened {
        Ok(blocks) => Arc::new(blocks),
        Err(error @ StoreError::Corrupt { height, .. }) => {
            return tell(app, args, &genesis, recheck::damaged(height, &error), None);
        }
        Err(error) => return Err(Fault::below("cli.file", &error)),
    };
    let mut progress = Progress::new(app, "progress-audit", blocks.tip());
    let (report, sample) = match args.from_genesis {
        true => (full(app, config, &genesis, &blocks, &mut progress)?, None),
        false => {
            let sample = draw(args, blocks.tip())?;
            let mut set = |done, of| progress.set(done, of);
            let report = recheck::sampled(&genesis, &blocks, &sample, &mut set);
            (report.map_err(fault)?, Some(sample))
        }
    };
    progress.finish();
    tell(app, args, &genesis, report, sample.as_ref())
}

/// Executes into an index that is thrown away.
fn full(
    app: &App,
    config: &NodeConfig,
    genesis: &Genesis,
    blocks: &Arc<BlockFiles<RealDisk>>,
    progress: &mut Progress<'_>,
) -> Result<Report, Fault> {
    let scratch = tempfile::Builder::new().prefix("hefu-audit-").tempdir();
    let scratch = scratch
        .map_err(|error| Fault::system("cli.file", std::env::temp_dir().display(), &error))?;
    let kind = match config.storage.engine {
        crate::config::Engine::Sled => EngineKind::Sled,
        crate::config::Engine::Fjall => EngineKind::Fjall,
    };
    let index = open_index(kind, &scratch.path().join("index"));
    let index = index.map_err(|error| Fault::below("cli.file", &error))?;
    if app.out.is_table() {
        app.out.tell("audit-begins", &[("height", &blocks.tip().to_string())]);
    }
    recheck::full(genesis, blocks, index, &mut |done, of| progress.set(done, of)).map_err(fault)
}

fn draw(args: &Verify, tip: u64) -> Result<Sample, Fault> {
    let seed = match args.seed {
        Some(seed) => seed,
        None => H32(seal::random()?),
    };
    let count = match (args.sample, args.confidence) {
        (Some(count), _) => count.min(tip),
        (None, Some(confidence)) => recheck::size_for(confidence.0, args.share.0, tip),
        (None, None) => 0,
    };
    Ok(Sample::draw(seed, count, tip))
}

fn fault(error: RecheckError) -> Fault {
    Fault::with("cli.file", chain(&error))
}

/// What was checked and what was not, in words and in numbers; what was found decides the exit.
fn tell(
    app: &App,
    args: &Verify,
    genesis: &Genesis,
    report: Report,
    sample: Option<&Sample>,
) -> Done {
    let say = |key: &str| app.out.text(key, &[]);
    let mode = if args.from_genesis { "full" } else { "sample" };
    let mut lines = Vec::new();
    let drawn = sample.map(|sample| sampled(app, args, &report, sample, &mut lines));
    let counts = counts(app, &report);
    let found: Vec<Value> = report.findings.iter().map(|finding| told(app, finding)).collect();
    let value = json!({
        "mode": mode,
        "sound": report.is_sound(),
        "chain": genesis.hash(),
        "report": report,
        "sample": drawn,
        "findings": found,
        "checked": say(&format!("audit-checked-{mode}")),
        "not_checked": say(&format!("audit-open-{mode}")),
    });
    let mut prose = vec![say(if report.is_sound() { "audit-sound" } else { "audit-unsound" })];
    prose.push(counts);
    prose.append(&mut lines);
    prose.extend([say(&format!("audit-checked-{mode}")), say(&format!("audit-open-{mode}"))]);
    for finding in &found {
        let field = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        prose.push(format!(
            "✘ {} · {} · {}\n    {}",
            field("height"),
            field("title"),
            field("detail"),
            field("remedy")
        ));
    }
    app.out.done(&value, &prose.join("\n"));
    match report.findings.first() {
        None => Ok(Exit::Ok),
        Some(first) => {
            let (height, step) = (first.height, say(&format!("audit-step-{}", first.step.name())));
            Err(Fault::said(
                "cli.audit_failed",
                "audit-first",
                &[("height", &height), ("step", &step)],
            ))
        }
    }
}

fn counts(app: &App, report: &Report) -> String {
    let numbers = [
        ("height", report.height.0),
        ("checked_to", report.checked_to.0),
        ("blocks", report.blocks),
        ("transactions", report.transactions),
        ("signatures", report.signatures),
        ("certificates", report.certificates),
        ("changes", report.validator_changes),
    ]
    .map(|(name, number)| (name, number.to_string()));
    let arguments: Vec<_> = numbers.iter().map(|(name, text)| (*name, text.as_str())).collect();
    app.out.text("audit-counts", &arguments)
}

/// How sure the sample makes one. The confidence is of what was really checked.
fn sampled(
    app: &App,
    args: &Verify,
    report: &Report,
    sample: &Sample,
    lines: &mut Vec<String>,
) -> Value {
    let share = args.share;
    let (tip, bad) = (report.height.0, recheck::bad_of(share.0, report.height.0));
    let confidence = recheck::confidence(report.certificates, tip, bad);
    let percent = |share: f64| format!("{:.2}%", share * 100.0);
    let texts = [
        ("blocks", sample.heights.len().to_string()),
        ("certificates", report.certificates.to_string()),
        ("of", tip.to_string()),
        ("bad", bad.to_string()),
        ("share", percent(share.0)),
        ("confidence", percent((confidence * 10_000.0).floor() / 10_000.0)),
        ("seed", sample.seed.to_string()),
        ("open_certificates", report.certificates_open.to_string()),
        ("open_signatures", report.signatures_open.to_string()),
    ];
    let arguments: Vec<_> = texts.iter().map(|(name, text)| (*name, text.as_str())).collect();
    lines.push(app.out.text("audit-sample", &arguments));
    if report.certificates_open + report.signatures_open > 0 {
        lines.push(app.out.text("audit-sample-open", &arguments));
    }
    json!({
        "seed": sample.seed,
        "blocks": sample.heights.len(),
        "share": share.0,
        "confidence": confidence,
        "statement": lines.join(" "),
    })
}

fn told(app: &App, finding: &recheck::Finding) -> Value {
    let name = finding.step.name();
    json!({
        "height": finding.height,
        "step": name,
        "title": app.out.text(&format!("audit-step-{name}"), &[]),
        "transaction": finding.transaction,
        "detail": finding.detail,
        "remedy": app.out.text(remedy(finding.step), &[]),
    })
}

/// What is to be done: a frame is the disk's fault, everything else somebody's.
const fn remedy(step: Step) -> &'static str {
    match step {
        Step::Frame => "audit-remedy-frame",
        Step::Certificate => "audit-remedy-certificate",
        Step::Header | Step::Contents | Step::Signature | Step::Outcome => "audit-remedy-changed",
        Step::Log | Step::State | Step::Execution => "audit-remedy-execution",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Lang, find};

    #[test]
    fn shares_are_written_in_two_ways() {
        assert_eq!("99%".parse(), Ok(Percent(0.99)));
        assert_eq!("0.5".parse(), Ok(Percent(0.5)));
        for wrong in ["0%", "100%", "1", "-1%", "x", ""] {
            assert!(wrong.parse::<Percent>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_step_has_words() {
        for (step, lang) in Step::ALL.into_iter().flat_map(|s| [(s, Lang::Zh), (s, Lang::En)]) {
            let name = step.name();
            assert_eq!(serde_json::to_value(step).unwrap(), name);
            assert!(find(lang, &format!("audit-step-{name}")).is_some(), "{name}");
            assert!(find(lang, remedy(step)).is_some(), "{name}");
        }
    }
}
