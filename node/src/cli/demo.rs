//! `hefu demo`: four provinces in one process, and what can be done to them from another terminal.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand, ValueEnum};
use hefu_primitives::codes::region::province_of;
use hefu_primitives::{Height, Region};
use indicatif::ProgressBar;
use serde_json::json;

use super::app::App;
use super::args::region;
use super::engine::{self, DemoCommand, DemoPlan, DemoStep, DemoTalk};
use super::exit::Exit;
use super::fault::{Done, Fault};
use super::scene;
use crate::config::Engine;
use crate::demo::scene::Scenario;
use crate::demo::scene::play::Played;
use crate::text::{Lang, text};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Demo {
    /// Stop after this time: 30s, 5m, 1h; else Ctrl-C ends it.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    duration: Option<Duration>,
    /// Synthetic acts a second: 20, or none while a scenario is played.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(0..=1000))]
    rate: Option<u32>,
    /// Play these scenarios and end; `all` of them, or `list` what there is.
    #[arg(long = "scenario", value_name = "NAME", value_delimiter = ',')]
    scenarios: Vec<String>,
    /// Go on when they are played, so that one can look around.
    #[arg(long, requires = "scenarios", conflicts_with = "duration")]
    stay: bool,
    /// Port of the first province; busy ones are passed over.
    #[arg(long, default_value_t = 8421)]
    port: u16,
    /// What keeps the index.
    #[arg(long, value_enum, default_value_t = EngineName::Fjall)]
    engine: EngineName,
    #[command(subcommand)]
    command: Option<Control>,
}

/// Names of engines as they are typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineName {
    /// sled
    Sled,
    /// fjall
    Fjall,
}

impl From<EngineName> for Engine {
    fn from(name: EngineName) -> Self {
        match name {
            EngineName::Sled => Self::Sled,
            EngineName::Fjall => Self::Fjall,
        }
    }
}

#[derive(Subcommand)]
enum Control {
    Stop(One),
    Start(One),
    Partition(Several),
    Heal,
    Tamper(Tamper),
}

#[derive(Args)]
struct Tamper {
    /// The province.
    #[arg(value_parser = region)]
    region: Region,
    /// Copy the damaged files to this new folder: the demonstration's own go when it ends.
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
}

#[derive(Args)]
struct One {
    /// The province.
    #[arg(value_parser = region)]
    region: Region,
}

#[derive(Args)]
struct Several {
    /// The provinces that are cut off; none heals all cuts.
    #[arg(value_parser = region)]
    regions: Vec<Region>,
}

pub(crate) fn run(app: &App, args: Demo) -> Done {
    match args.command {
        Some(control) => tell(app, control),
        None => show(app, &args),
    }
}

/// Synthetic acts a second, unless a scenario is played.
const RATE: u32 = 20;

fn show(app: &App, args: &Demo) -> Done {
    if args.scenarios.iter().any(|name| name == "list") {
        return scene::list(app);
    }
    let scenarios = scene::choose(&args.scenarios)?;
    let rate = args.rate.unwrap_or(if scenarios.is_empty() { RATE } else { 0 });
    let plays = !scenarios.is_empty();
    let plan = DemoPlan {
        duration: args.duration,
        rate,
        first_port: args.port,
        engine: args.engine.into(),
        scenarios,
        stay: args.stay,
        lang: app.lang(),
    };
    app.out.tell("demo-head", &[("version", env!("CARGO_PKG_VERSION"))]);
    let bar = match app.out.quiet {
        true => ProgressBar::hidden(),
        false => ProgressBar::new_spinner(),
    };
    let mut talk =
        Talk { lang: app.lang(), quiet: app.out.quiet, rate, plays, bar, since: Instant::now() };
    let (agreed, report, missed) = engine::demo(&plan, &mut talk)?;
    talk.bar.finish_and_clear();
    if let Some(missed) = missed {
        return Err(scene::fault(&missed));
    }
    let field = |pointer: &str| {
        report.pointer(pointer).map(ToString::to_string).unwrap_or_default().replace('"', "")
    };
    let prose = app.out.text(
        if agreed { "demo-agreed" } else { "demo-disagreed" },
        &[("height", &field("/nodes/0/height")), ("root", &field("/nodes/0/state_root"))],
    );
    let steps = report["steps"].as_array().map_or(0, Vec::len).to_string();
    let more = app.out.text(
        if plays { "demo-played" } else { "demo-traffic" },
        &[
            ("steps", &steps),
            ("acts", &field("/acts_applied")),
            ("p50", &field("/commit_ms/p50")),
            ("p99", &field("/commit_ms/p99")),
        ],
    );
    app.out.done(&report, &format!("{prose}\n{more}").replace('\n', "\n    "));
    if agreed { Ok(Exit::Ok) } else { Err(Fault::new("cli.demo_disagrees")) }
}

/// Speaks on standard error: the report alone is data.
struct Talk {
    lang: Lang,
    quiet: bool,
    rate: u32,
    plays: bool,
    bar: ProgressBar,
    since: Instant,
}

impl Talk {
    fn say(&self, key: &str, arguments: &[(&str, &str)]) {
        self.line(&text(self.lang, key, arguments).replace('\n', "\n    "));
    }

    fn line(&self, line: &str) {
        if !self.quiet {
            self.bar.suspend(|| eprintln!("{line}"));
        }
    }
}

impl DemoTalk for Talk {
    fn started(&mut self, provinces: &[(Region, SocketAddr)], genesis: &str, folder: &Path) {
        for (region, api) in provinces {
            self.line(&format!("  {}  http://{api}/  ✔", named(*region, self.lang)));
        }
        let seconds = format!("{:.1}", self.since.elapsed().as_secs_f64());
        let (count, rate) = (provinces.len().to_string(), self.rate.to_string());
        self.say("demo-started", &[("genesis", genesis), ("count", &count), ("seconds", &seconds)]);
        let Some((region, api)) = provinces.first() else { return };
        let last = provinces.last().map_or(*region, |(region, _)| *region).to_string();
        let (api, folder) = (api.to_string(), folder.display().to_string());
        let (home, first) = (format!("{folder}/{region}"), region.to_string());
        let arguments: [(&str, &str); 6] = [
            ("api", &api),
            ("rate", &rate),
            ("region", &last),
            ("folder", &folder),
            ("home", &home),
            ("first", &first),
        ];
        self.say(if self.plays { "demo-stage" } else { "demo-try" }, &arguments);
    }

    fn begins(&mut self, scenario: &'static Scenario) {
        self.line(&scene::head(scenario, self.lang));
    }

    fn played(&mut self, played: &Played) {
        self.line(&scene::step(played, self.lang));
    }

    fn told(&mut self, steps: &[DemoStep]) {
        steps.iter().for_each(|step| self.line(&format!("  › {}", words(step, self.lang))));
    }

    fn beat(&mut self, height: Height, online: usize, of: usize, p50_ms: f64) {
        let (height, online, of) = (height.to_string(), online.to_string(), of.to_string());
        let p50 = format!("{p50_ms:.0}");
        let arguments =
            [("height", height.as_str()), ("online", &online), ("of", &of), ("p50", &p50)];
        self.bar.set_message(text(self.lang, "demo-beat", &arguments));
        self.bar.tick();
    }
}

fn tell(app: &App, control: Control) -> Done {
    let mut keep = None;
    let command = match control {
        Control::Stop(One { region }) => DemoCommand::Stop { region },
        Control::Start(One { region }) => DemoCommand::Start { region },
        Control::Partition(Several { regions }) => DemoCommand::Partition { regions },
        Control::Heal => DemoCommand::Partition { regions: Vec::new() },
        Control::Tamper(args) => {
            keep = args.keep;
            DemoCommand::Tamper { region: args.region }
        }
    };
    if let Some(folder) = keep.as_deref().filter(|folder| folder.exists()) {
        return Err(Fault::file(folder, &std::io::ErrorKind::AlreadyExists.into()));
    }
    let (ok, steps) = engine::tell_demo(&command)?;
    if !ok {
        return Err(refused(&steps, app.lang()));
    }
    let mut lines: Vec<String> = steps.iter().map(|step| words(step, app.lang())).collect();
    for step in &steps {
        if let (DemoStep::Kept { folder, .. }, Some(keep)) = (step, &keep) {
            copy(folder, keep, MAX_DEPTH).map_err(|error| Fault::file(keep, &error))?;
            lines.push(app.out.text("demo-copied", &[("folder", &keep.display().to_string())]));
        }
    }
    app.out.done(&json!({ "ok": ok, "steps": steps, "lines": lines }), &lines.join("\n"));
    Ok(Exit::Ok)
}

/// Why the demonstration did not do it: the last step says so.
fn refused(steps: &[DemoStep], lang: Lang) -> Fault {
    let code = match steps.last() {
        Some(DemoStep::NoProvince { .. }) => "cli.not_found",
        Some(DemoStep::StoppedAlready { .. } | DemoStep::RunsAlready { .. }) => "cli.demo_state",
        _ => "cli.fault",
    };
    let lines: Vec<String> = steps.iter().map(|step| words(step, lang)).collect();
    Fault::with(code, lines.join("\n"))
}

/// A step in the user's language.
fn words(step: &DemoStep, lang: Lang) -> String {
    let say = |key: &str, arguments: &[(&str, String)]| {
        let arguments: Vec<(&str, &str)> =
            arguments.iter().map(|(name, value)| (*name, value.as_str())).collect();
        text(lang, key, &arguments)
    };
    let one = |region: &Region| ("region", named(*region, lang));
    let several = |name, regions: &[Region]| {
        let names: Vec<String> = regions.iter().map(|region| named(*region, lang)).collect();
        (name, names.join(", "))
    };
    match step {
        DemoStep::Stopped { region } => say("demo-stopped", &[one(region)]),
        DemoStep::Started { region } => say("demo-runs", &[one(region)]),
        DemoStep::StoppedAlready { region } => {
            say("demo-stopped-already", &[one(region), ("code", region.to_string())])
        }
        DemoStep::RunsAlready { region } => say("demo-runs-already", &[one(region)]),
        DemoStep::NoProvince { region, known } => {
            say("demo-no-province", &[one(region), several("known", known)])
        }
        DemoStep::CutOff { regions, others } => {
            say("demo-cut", &[several("regions", regions), several("others", others)])
        }
        DemoStep::Healed => say("demo-healed", &[]),
        DemoStep::Damaged { region, file, offset } => {
            let place = [one(region), ("file", file.clone()), ("offset", offset.to_string())];
            say("demo-damaged", &place)
        }
        DemoStep::RefusedToStart { region, why } => {
            say("demo-refused", &[one(region), ("why", why.clone())])
        }
        DemoStep::Kept { folder, .. } => {
            say("demo-kept", &[("folder", folder.display().to_string())])
        }
        DemoStep::Fetched { region, height } => {
            say("demo-fetched", &[one(region), ("height", height.to_string())])
        }
        DemoStep::Failed { why } => say("demo-failed", &[("why", why.clone())]),
    }
}

/// A province by code and name.
pub(super) fn named(region: Region, lang: Lang) -> String {
    let name = province_of(region).map(|province| match lang {
        Lang::Zh => province.name,
        Lang::En => province.english,
    });
    name.map_or_else(|| region.to_string(), |name| format!("{region} {name}"))
}

/// Most folders below one another that are copied.
const MAX_DEPTH: usize = 8;

/// Copies a folder of files and folders.
fn copy(from: &Path, to: &Path, depth: usize) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (kind, to) = (entry.file_type()?, to.join(entry.file_name()));
        match depth.checked_sub(1) {
            Some(depth) if kind.is_dir() => copy(&entry.path(), &to, depth)?,
            _ if kind.is_file() => drop(std::fs::copy(entry.path(), to)?),
            _ => {}
        }
    }
    Ok(())
}

/// A time like 30s, 5m or 1h; a bare number is seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, "s"),
    };
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err("form-duration".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "form-duration".to_owned())?;
    Ok(Duration::from_secs(number.saturating_mul(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("45"), Ok(Duration::from_secs(45)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for bad in ["", "s", "3d", "-1s", "1.5s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_happened_is_told_in_both_languages() {
        let region = Region(340_000);
        let steps = [
            DemoStep::Stopped { region },
            DemoStep::StoppedAlready { region },
            DemoStep::RunsAlready { region },
            DemoStep::NoProvince { region: Region(110_000), known: vec![region] },
            DemoStep::CutOff { regions: vec![region], others: vec![Region(310_000)] },
            DemoStep::Healed,
            DemoStep::Damaged { region, file: "a.seg".into(), offset: 7 },
            DemoStep::Kept { region, folder: "/tmp/x".into() },
            DemoStep::Fetched { region, height: Height(3) },
        ];
        for step in &steps {
            let (zh, en) = (words(step, Lang::Zh), words(step, Lang::En));
            assert_ne!(zh, en);
            assert!(zh.chars().any(|c| c > '\u{2e80}') && en.is_ascii(), "{zh} / {en}");
            assert!(!zh.contains("Region(") && !en.contains("Region("), "{zh} / {en}");
        }
        let fault = refused(&steps[1..2], Lang::En);
        assert_eq!((fault.code.as_str(), fault.exit), ("cli.demo_state", Exit::Fault));
        assert!(fault.report(Lang::En).contains("hefu demo start 340000"));
        assert_eq!(refused(&steps[3..4], Lang::En).exit, Exit::NotFound);
    }

    #[test]
    fn folders_are_copied_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::create_dir_all(from.join("deep")).unwrap();
        std::fs::write(from.join("deep/x"), b"1").unwrap();
        copy(&from, &to, MAX_DEPTH).unwrap();
        assert_eq!(std::fs::read(to.join("deep/x")).unwrap(), b"1");
    }
}
