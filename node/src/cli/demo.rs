//! `hefu demo`: four provinces in one process, and what can be done to them from another terminal.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand, ValueEnum};
use hefu_primitives::codes::region::province_of;
use hefu_primitives::{Height, Region};
use indicatif::ProgressBar;
use serde_json::json;

use super::app::App;
use super::args::region;
use super::engine::{self, DemoCommand, DemoPlan, DemoTalk};
use super::exit::Exit;
use super::fault::{Done, Fault};
use crate::config::Engine;
use crate::text::{Lang, text};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Demo {
    /// Stop after this time: 30s, 5m, 1h; else Ctrl-C ends it.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    duration: Option<Duration>,
    /// Synthetic acts a second.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=1000))]
    rate: u32,
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
    Tamper(One),
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

fn show(app: &App, args: &Demo) -> Done {
    let plan = DemoPlan {
        duration: args.duration,
        rate: args.rate,
        first_port: args.port,
        engine: args.engine.into(),
    };
    app.out.tell("demo-head", &[("version", env!("CARGO_PKG_VERSION"))]);
    let bar = match app.out.quiet {
        true => ProgressBar::hidden(),
        false => ProgressBar::new_spinner(),
    };
    let mut talk = Talk {
        lang: app.lang(),
        quiet: app.out.quiet,
        rate: args.rate,
        bar,
        since: Instant::now(),
    };
    let (agreed, report) = engine::demo(&plan, &mut talk)?;
    talk.bar.finish_and_clear();
    let field = |pointer: &str| {
        report.pointer(pointer).map(ToString::to_string).unwrap_or_default().replace('"', "")
    };
    let key = if agreed { "demo-agreed" } else { "demo-disagreed" };
    let prose = app.out.text(
        key,
        &[
            ("height", &field("/nodes/0/height")),
            ("root", &field("/nodes/0/state_root")),
            ("acts", &field("/acts_applied")),
            ("p50", &field("/commit_ms/p50")),
            ("p99", &field("/commit_ms/p99")),
        ],
    );
    app.out.done(&report, &prose);
    if agreed { Ok(Exit::Ok) } else { Err(Fault::new("cli.demo_disagrees")) }
}

/// Speaks on standard error: the report alone is data.
struct Talk {
    lang: Lang,
    quiet: bool,
    rate: u32,
    bar: ProgressBar,
    since: Instant,
}

impl Talk {
    fn say(&self, key: &str, arguments: &[(&str, &str)]) {
        self.line(&text(self.lang, key, arguments));
    }

    fn line(&self, line: &str) {
        if !self.quiet {
            self.bar.suspend(|| eprintln!("{line}"));
        }
    }
}

impl DemoTalk for Talk {
    fn started(&mut self, provinces: &[(Region, SocketAddr)], genesis: &str) {
        for (region, api) in provinces {
            let name = province_of(*region).map_or("", |province| match self.lang {
                Lang::Zh => province.name,
                Lang::En => province.english,
            });
            self.line(&format!("  {region} {name}  http://{api}/  ✔"));
        }
        let seconds = format!("{:.1}", self.since.elapsed().as_secs_f64());
        let (count, rate) = (provinces.len().to_string(), self.rate.to_string());
        self.say("demo-started", &[("genesis", genesis), ("count", &count), ("seconds", &seconds)]);
        if let Some((region, api)) = provinces.first() {
            let last = provinces.last().map_or_else(|| region.to_string(), |(r, _)| r.to_string());
            let arguments = [("api", api.to_string()), ("rate", rate), ("region", last)];
            let arguments: Vec<(&str, &str)> =
                arguments.iter().map(|(name, value)| (*name, value.as_str())).collect();
            self.say("demo-try", &arguments);
        }
    }

    fn told(&mut self, lines: &[String]) {
        lines.iter().for_each(|line| self.line(&format!("  › {line}")));
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
    let command = match control {
        Control::Stop(One { region }) => DemoCommand::Stop { region },
        Control::Start(One { region }) => DemoCommand::Start { region },
        Control::Partition(Several { regions }) => DemoCommand::Partition { regions },
        Control::Tamper(One { region }) => DemoCommand::Tamper { region },
    };
    let (ok, lines) = engine::tell_demo(&command)?;
    app.out.done(&json!({ "ok": ok, "lines": lines }), &lines.join("\n"));
    if ok { Ok(Exit::Ok) } else { Err(Fault::with("cli.fault", lines.join("; "))) }
}

/// A time like 30s, 5m or 1h; a bare number is seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, "s"),
    };
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err("30s, 5m, 1h".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "30s, 5m, 1h".to_owned())?;
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
}
