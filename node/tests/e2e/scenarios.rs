//! The six scenarios of the programme, played by commands of the program against four processes.
//! Each step is held against what must come of it by the player; what people read of it is held,
//! in both languages, against the transcripts in `scenes`: ids, times and heights aside.
//!
//! `UPDATE_TRANSCRIPTS=1` writes the transcripts anew: read them before they are kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hefu_node::cli::scene::{head, step};
use hefu_node::demo::scene::play::{Actors, Played, Ran, play, prepare};
use hefu_node::demo::scene::{ALL, Scenario};
use hefu_node::text::Lang;
use hefu_primitives::Millis;
use hefu_primitives::time::Day;
use serde_json::Value;

use crate::harness::cli::Hefu;
use crate::harness::network::{Network, REGIONS};
use crate::harness::{Scratch, free_ports};

#[test]
fn six_scenarios_run_against_four_processes() {
    let mut network = Network::start("scenes");
    let today = today(&network);
    let mut operators = Operators { network: &network };
    for scenario in &ALL {
        prepare(scenario, network.scratch.path(), today).expect("the files of the scenario");
        let mut played = Vec::new();
        let done = play(scenario, today, &Lang::ALL, &mut operators, &mut |step| {
            played.push(step);
            true
        });
        done.unwrap_or_else(|missed| panic!("{missed}"));
        assert_eq!(played.len(), scenario.steps.len());
        for lang in Lang::ALL {
            assert_transcript(scenario, &played, lang);
        }
    }
    network.assert_agreement();
    crate::audit::walk(&mut network, today);
}

/// The day of the ledger, which need not be that of this computer's clock.
fn today(network: &Network) -> Day {
    let node = network.provinces[0].http().json("/api/v1/node");
    let time: Option<Millis> = node["block_time_ms"].as_str().and_then(|text| text.parse().ok());
    let time = time.filter(|time| time.0 > 0);
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let clock = Millis(u64::try_from(clock.expect("a clock").as_millis()).expect("a time"));
    Day::of_beijing(time.unwrap_or(clock).max(clock))
}

struct Operators<'n> {
    network: &'n Network,
}

impl Actors for Operators<'_> {
    fn run(&mut self, arguments: &[String]) -> std::io::Result<Ran> {
        let hefu = Hefu::plain(self.network.scratch.path()).args(arguments);
        let done = hefu.arg("--insecure-fast-kdf").run();
        Ok(Ran { code: done.code, stdout: done.stdout, stderr: done.stderr })
    }

    fn settle(&mut self) -> Result<(), String> {
        self.network.settle();
        Ok(())
    }
}

// --- Transcripts ---------------------------------------------------------------------------------

fn assert_transcript(scenario: &Scenario, played: &[Played], lang: Lang) {
    let mut told = vec![head(scenario, lang)];
    told.extend(played.iter().map(|played| step(played, lang)));
    let found = Normal::default().text(told.join("\n").trim_start());
    let path = transcript(scenario.name, lang);
    if std::env::var_os("UPDATE_TRANSCRIPTS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, &found).expect("the transcript");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    for (number, (found, kept)) in found.lines().zip(kept.lines()).enumerate() {
        assert_eq!(found, kept, "{} line {}", path.display(), number + 1);
    }
    assert_eq!(found.lines().count(), kept.lines().count(), "{}", path.display());
}

fn transcript(name: &str, lang: Lang) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/scenes");
    folder.join(format!("{name}.{}.txt", lang.tag()))
}

/// Makes what differs from run to run the same: ids by the order in which they come, heights, days
/// and times. Columns may be wider or narrower.
#[derive(Default)]
struct Normal {
    ids: BTreeMap<String, usize>,
}

impl Normal {
    fn text(&mut self, text: &str) -> String {
        text.lines().map(|line| self.line(line) + "\n").collect()
    }

    fn line(&mut self, line: &str) -> String {
        let indent = line.len() - line.trim_start().len();
        let mut words: Vec<String> = Vec::new();
        for word in line.split_whitespace() {
            let mut before = words.last().cloned().unwrap_or_default();
            let mut normal = String::new();
            // Chinese punctuation stands without spaces.
            for part in word.split_inclusive([',', ';', '(', ')']) {
                before = self.word(&before, part);
                normal.push_str(&before);
            }
            words.push(normal);
        }
        format!("{}{}", &line[..indent], words.join(" "))
    }

    /// A word, piece by piece: `dec:1e57…`, `高度 12,`, `2026-11-23`.
    fn word(&mut self, before: &str, word: &str) -> String {
        let mut normal = String::new();
        let mut rest = word;
        while let Some(first) = rest.chars().next() {
            let kind = |c: char| c.is_ascii_alphanumeric();
            let end = rest.find(|c| kind(c) != kind(first)).unwrap_or(rest.len());
            let (piece, after) = rest.split_at(end);
            normal.push_str(&self.piece(piece, after.starts_with('…')));
            rest = after.strip_prefix('…').unwrap_or(after);
        }
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
        let end = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
        let form = [("0000-00-00", "<day>"), ("00:00:00", "<time>")].into_iter();
        let mut form = form.filter_map(|(form, name)| Some((name, after_form(word, form)?)));
        match form.next() {
            Some((name, after)) => format!("{name}{after}"),
            None if end > 0 && is_before_height(before) => format!("<height>{}", &word[end..]),
            None if word.split_once('.').is_some_and(|(a, b)| digits(a) && digits(b)) => {
                "<event>".to_owned()
            }
            None => normal,
        }
    }

    fn piece(&mut self, piece: &str, is_short: bool) -> String {
        let hex = piece.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c));
        if !hex || !(piece.len() >= 32 || (is_short && piece.len() == SHORT)) {
            return piece.to_owned() + if is_short { "…" } else { "" };
        }
        let next = self.ids.len() + 1;
        let number = *self.ids.entry(piece[..SHORT].to_owned()).or_insert(next);
        format!("<id-{number}>")
    }
}

/// Digits of a shortened id.
const SHORT: usize = 12;

/// What follows digits in this form.
fn after_form<'w>(word: &'w str, form: &str) -> Option<&'w str> {
    let has = word.len() >= form.len() && word.is_char_boundary(form.len());
    let (found, after) = has.then(|| word.split_at(form.len()))?;
    let same = |(a, b): (u8, u8)| if b == b'0' { a.is_ascii_digit() } else { a == b };
    found.bytes().zip(form.bytes()).all(same).then_some(after)
}

fn is_before_height(word: &str) -> bool {
    ["height", "高度", "--at-height", "截至高度"].iter().any(|end| word.ends_with(end))
}

#[test]
fn ids_heights_and_times_are_normal() {
    let mut normal = Normal::default();
    let id = "0123456789abcdef0123456789abcdef";
    let line = format!("  $ hefu cert show {id} --at-height 48 --day 2026-11-13");
    assert_eq!(normal.line(&line), "  $ hefu cert show <id-1> --at-height <height> --day <day>");
    let line =
        "│ dec:ffffffffffffffffffffffffffffffff   0123456789ab…  高度 12,  02:55:16  7.0  2000";
    assert_eq!(normal.line(line), "│ dec:<id-2> <id-1> 高度 <height>, <time> <event> 2000");
    let line = "✔ 已记录于高度 2,2026-11-23 02:55:16(北京时间)";
    assert_eq!(normal.line(line), "✔ 已记录于高度 <height>,<day> <time>(北京时间)");
    assert_eq!(normal.line("✔ recorded at height 9"), "✔ recorded at height <height>");
    assert_eq!(normal.line("11310000HEFU01029R 20/12"), "11310000HEFU01029R 20/12");
}

// --- The demonstration plays them ----------------------------------------------------------------

#[test]
fn the_demonstration_plays_one_and_names_them_all() {
    let folder = Scratch::new("demo-scene");
    let hefu = |arguments: &[&str]| Hefu::new(folder.path()).args(arguments);
    let listed = hefu(&["demo", "--scenario", "list"]).json();
    let names = listed["items"].as_array().expect("a list").iter().map(|row| &row["name"]);
    assert!(names.eq(ALL.iter().map(|scenario| scenario.name)), "{listed}");
    let unknown = hefu(&["demo", "--scenario", "licence"]).run().exits(4).fault("cli.no_scenario");
    for scenario in &ALL {
        assert!(unknown.stderr.contains(scenario.name), "{}", unknown.report());
        for lang in ["zh", "en"] {
            let help = Hefu::plain(folder.path()).args(["--lang", lang, "demo", "--help"]);
            let help = help.run().exits(0);
            assert!(help.stdout.contains(scenario.name), "{}", help.report());
        }
    }
    let port = free_ports(4).to_string();
    let plays = ["demo", "--scenario", "licence-suspended", "--port", &port];
    let played = Hefu::plain(folder.path()).args(["--lang", "zh", "-o", "json"]).args(plays);
    let played = played.run().exits(0);
    let report = played.json();
    assert_eq!(report["agreed"], true, "{report}");
    let nodes = report["nodes"].as_array().expect("nodes");
    assert_eq!(nodes.len(), REGIONS.len());
    let steps = report["steps"].as_array().expect("steps");
    let scenario = &ALL[0];
    assert_eq!(steps.len(), scenario.steps.len());
    for (told, step) in steps.iter().zip(scenario.steps) {
        assert_eq!((&told["step"], &told["scenario"]), (&step.key.into(), &scenario.name.into()));
        assert!(told["command"].as_str().is_some_and(|c| c.starts_with("hefu ")), "{told}");
        assert!(played.stderr.contains(told["command"].as_str().unwrap_or("-")));
    }
    assert_eq!(steps[6]["flags"], Value::from(vec!["consistent"]));
    assert!(played.stderr.contains("安徽驾驶证在上海路面查验"), "{}", played.report());
    let kept = transcript(scenario.name, Lang::Zh);
    let kept = std::fs::read_to_string(kept).expect("a transcript");
    let (_, told) = played.stderr.split_once("━━").expect("the scenario begins");
    let told = Normal::default().text(told);
    for line in kept.lines().filter(|line| line.contains("▸") || line.contains("$ hefu")) {
        assert!(told.contains(line), "{line}\n{told}");
    }
}
