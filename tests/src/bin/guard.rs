//! What an act costs, counted and not timed, so that CI can say when it costs more.
//!
//! ```text
//! guard check      measure, and fail where a count is more than 15 % above the baseline
//! guard renew      measure, and write the baseline
//! guard execute N  execute and store N blocks of the fixed acts and print what was counted
//! ```
//!
//! One validator's part after the signatures of a bundle were checked: a fixed set of signed acts
//! is executed into blocks that are committed to block files and index, all in memory. Rows read
//! and written and bytes stored are counted on the way; processor instructions by valgrind, as the
//! difference between many blocks and few. The same program counts the same everywhere; another
//! compiler may not, so instructions are only compared where the baseline's compiler made them.

#[path = "guard/acts.rs"]
mod acts;
#[path = "guard/counting.rs"]
mod counting;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

/// How much more than the baseline a count may be.
const MORE_BY_PERCENT: f64 = 15.0;
/// Blocks that are counted, and those that only set things up.
const BLOCKS: [u64; 2] = [2, 10];

/// Counts for each act.
type Counts = BTreeMap<String, f64>;

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let done = match given.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["check"] => check(),
        ["renew"] => renew(),
        ["execute", blocks] => execute(blocks),
        _ => Err(anyhow::anyhow!("guard check | guard renew | guard execute N")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn baseline() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/guard.json")
}

fn execute(blocks: &str) -> Result<()> {
    println!("{}", json!(acts::run(blocks.parse()?)?));
    Ok(())
}

fn renew() -> Result<()> {
    let (mut counts, instructions) = (counted()?, instructions()?);
    counts.insert("instructions".to_owned(), instructions);
    let text =
        serde_json::to_string_pretty(&json!({ "compiler": compiler()?, "per_act": counts }))?;
    std::fs::write(baseline(), text + "\n")?;
    println!("{} is written", baseline().display());
    Ok(())
}

fn check() -> Result<()> {
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(baseline())?)?;
    let kept_counts: Counts = serde_json::from_value(kept["per_act"].clone())?;
    let mut counts = counted()?;
    match skipped(&kept)? {
        Some(why) => println!("skipped: instructions ({why})"),
        None => _ = counts.insert("instructions".to_owned(), instructions()?),
    }
    let mut worse = Vec::new();
    for (name, now) in &counts {
        let before =
            *kept_counts.get(name).with_context(|| format!("no {name} in the baseline"))?;
        println!(
            "{name}: {now:.1} an act, {before:.1} in the baseline ({:+.1} %)",
            more(*now, before)
        );
        if is_worse(*now, before) {
            worse.push(name.as_str());
        }
    }
    ensure!(
        worse.is_empty(),
        "an act costs more than {MORE_BY_PERCENT} % more: {}. If that is meant, say why, and write \
         the baseline again: cargo run -p hefu-tests --bin guard -- renew",
        worse.join(", ")
    );
    Ok(())
}

fn more(now: f64, before: f64) -> f64 {
    (now / before - 1.0) * 100.0
}

fn is_worse(now: f64, before: f64) -> bool {
    more(now, before) > MORE_BY_PERCENT
}

/// Why instructions are not compared here.
fn skipped(kept: &Value) -> Result<Option<String>> {
    let (ours, theirs) = (compiler()?, kept["compiler"].as_str().unwrap_or_default().to_owned());
    if ours != theirs {
        return Ok(Some(format!("made by {ours}, the baseline by {theirs}")));
    }
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    if !cpu.contains("avx2") {
        return Ok(Some("a processor without AVX2 runs other code".to_owned()));
    }
    let found = Command::new("valgrind").arg("--version").output();
    Ok(found.is_err().then(|| "there is no valgrind".to_owned()))
}

fn compiler() -> Result<String> {
    let program = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let said = Command::new(program).arg("--version").output().context("no rustc")?;
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    Ok(format!("{} ({profile})", String::from_utf8(said.stdout)?.trim()))
}

/// What the program counts itself, for each act of the blocks between few and many.
fn counted() -> Result<Counts> {
    let [few, many] = BLOCKS.map(acts::run);
    let (few, many) = (few?, many?);
    let acts = (many["acts"] - few["acts"]) as f64;
    let between = |(name, count): (&String, &u64)| {
        (name.clone(), (count - few.get(name).copied().unwrap_or_default()) as f64 / acts)
    };
    Ok(many.iter().filter(|(name, _)| *name != "acts").map(between).collect())
}

/// Instructions for each act.
fn instructions() -> Result<f64> {
    let program = std::env::current_exe()?;
    let count = |blocks: u64| -> Result<(f64, f64)> {
        let mut command = Command::new("valgrind");
        command.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]);
        let said = command.arg(&program).args(["execute", &blocks.to_string()]).output()?;
        let (told, counts) = (String::from_utf8(said.stderr)?, String::from_utf8(said.stdout)?);
        let Some(refs) = instructions_in(&told) else { bail!("valgrind: {told}") };
        let counts: Value = serde_json::from_str(&counts)?;
        Ok((refs, counts["acts"].as_f64().context("no acts")?))
    };
    let [few, many] = BLOCKS.map(count);
    let ((few, few_acts), (many, many_acts)) = (few?, many?);
    Ok((many - few) / (many_acts - few_acts))
}

/// The number in a line such as `==1== I   refs:      1,234`.
fn instructions_in(told: &str) -> Option<f64> {
    let line = told.lines().find(|line| line.contains(" refs:") && line.contains("== I"))?;
    line.rsplit(' ').next()?.replace(',', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sixth_more_is_too_much_and_less_never_is() {
        assert!(is_worse(116.0, 100.0) && !is_worse(114.0, 100.0) && !is_worse(10.0, 100.0));
    }

    #[test]
    fn what_valgrind_says_is_read() {
        let told = "==7== Cachegrind\n==7== \n==7== I   refs:      1,234,567\n";
        assert_eq!(instructions_in(told), Some(1_234_567.0));
        assert_eq!(instructions_in("valgrind: failed"), None);
    }

    /// What is counted does not depend on the run, and the baseline has all of it.
    #[test]
    fn the_same_acts_count_the_same() {
        let counts = acts::run(2).unwrap();
        assert_eq!(counts, acts::run(2).unwrap());
        let kept: Value =
            serde_json::from_str(&std::fs::read_to_string(baseline()).unwrap()).unwrap();
        for name in counts.keys().filter(|name| *name != "acts") {
            assert!(kept["per_act"][name].as_f64().is_some_and(|count| count > 0.0), "{name}");
        }
    }
}
