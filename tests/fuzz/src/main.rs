//! Hours of fuzzing by command; see the library.
//!
//! ```text
//! cargo run --release -p hefu-fuzz -- --target capsule --for 1h
//! cargo run --release -p hefu-fuzz -- --for 10m --keep      # every target in turn
//! cargo run --release -p hefu-fuzz -- --target note --file broken-note
//! ```

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Parser;
use hefu_fuzz::corpus::{self, MAX_KEPT_BYTES};
use hefu_fuzz::hunt::{Until, ask, hunt};
use hefu_fuzz::targets::{TARGETS, Target, find};
use hefu_primitives::hash::{Domain, hash};

/// Fuzzes decoders. Without a target, all of them in turn.
#[derive(Parser)]
struct Fuzz {
    /// The target.
    #[arg(long)]
    target: Option<String>,
    /// How long for each target: 30s, 10m, 1h.
    #[arg(long = "for", default_value = "30s", value_parser = duration)]
    time: Duration,
    /// The seed; from the clock when not given.
    #[arg(long)]
    seed: Option<u64>,
    /// Keep small inputs that got a new answer in the corpus.
    #[arg(long)]
    keep: bool,
    /// Most inputs that are kept for a target.
    #[arg(long, default_value_t = 32)]
    most: usize,
    /// Only hand over this file.
    #[arg(long, requires = "target")]
    file: Option<PathBuf>,
    /// Name the targets.
    #[arg(long)]
    list: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    let end = text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).len();
    let (number, unit) = text.split_at(end);
    let number: u64 = number.parse().map_err(|_| "a number and s, m or h".to_owned())?;
    let seconds = match unit {
        "s" | "" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err("a number and s, m or h".to_owned()),
    };
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(|| "too long".to_owned())
}

fn main() -> anyhow::Result<()> {
    let asked = Fuzz::parse();
    if asked.list {
        TARGETS.iter().for_each(|target| println!("{}", target.name));
        return Ok(());
    }
    let targets: Vec<&Target> = match &asked.target {
        Some(name) => vec![find(name).with_context(|| format!("no target {name}: see --list"))?],
        None => TARGETS.iter().collect(),
    };
    if let (Some(file), Some(target)) = (&asked.file, targets.first()) {
        let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
        // The panic tells what is wrong.
        println!("{:?}", (target.run)(&bytes));
        return Ok(());
    }
    let seed = asked.seed.unwrap_or_else(|| {
        let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        since.as_nanos() as u64
    });
    println!("seed {seed}");
    let mut broken = 0;
    for target in targets {
        broken += usize::from(!one(target, seed, &asked)?);
    }
    if broken > 0 {
        bail!("{broken} targets broke a rule");
    }
    Ok(())
}

/// Fuzzes one target; whether it held.
fn one(target: &Target, seed: u64, asked: &Fuzz) -> anyhow::Result<bool> {
    std::panic::set_hook(Box::new(|_| {}));
    let found = hunt(target, seed, Until::Time(asked.time));
    drop(std::panic::take_hook());
    println!(
        "{:<14} {:>10} inputs, {:>5} answers, slowest {:?} ({} bytes)",
        target.name,
        found.inputs,
        found.answers,
        found.slowest.0,
        found.slowest.1.len()
    );
    let name = |bytes: &[u8]| hash(Domain::Digest, &[bytes]).to_string()[..16].to_owned();
    if asked.keep {
        let small = found.new.iter().filter(|input| input.len() <= MAX_KEPT_BYTES);
        for input in small.take(asked.most) {
            corpus::keep(&corpus::folder(target.name), &name(input), input)?;
        }
    }
    let Some(input) = found.broken else { return Ok(true) };
    let file = format!("broken-{}-{}", target.name, name(&input));
    let path = corpus::keep(Path::new("."), &file, &input)?;
    eprintln!("{}: broke a rule with {} bytes: {}", target.name, input.len(), path.display());
    eprintln!("  see it with: --target {} --file {}", target.name, path.display());
    let _ = ask(target, &input);
    Ok(false)
}
