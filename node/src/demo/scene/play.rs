//! Playing a scenario: one command after the other, each held against what must come of it. The
//! first that comes out otherwise ends the play.
//!
//! Does not know where nodes are or how commands are run ([`Actors`]), nor any text.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use hefu_primitives::Region;
use hefu_primitives::time::Day;
use serde::Serialize;
use serde_json::Value;

use super::{Ends, Scenario, Step, Want};
use crate::text::Lang;

/// Those who type the commands.
pub trait Actors {
    /// Runs `hefu` with these arguments in the folder of the play, to its end.
    ///
    /// # Errors
    /// When the program cannot be started.
    fn run(&mut self, arguments: &[String]) -> io::Result<Ran>;

    /// Waits until every node has what any of them has.
    ///
    /// # Errors
    /// When they do not get there in time, in words.
    fn settle(&mut self) -> Result<(), String>;
}

/// What came of a command.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// One step that was played and came out as it must.
#[derive(Clone, Debug, Serialize)]
pub struct Played {
    /// The scenario.
    pub scenario: &'static str,
    /// Its place, from 1.
    pub number: usize,
    /// How many there are.
    pub of: usize,
    /// Its name.
    pub step: &'static str,
    /// Where it was typed.
    pub region: Region,
    /// What was typed.
    pub command: String,
    /// How it ended.
    pub exit: i32,
    /// The code with which it was refused, as it must be.
    pub code: Option<String>,
    /// The height at which it was recorded.
    pub height: Option<String>,
    /// What the ledger remarked.
    pub flags: Vec<String>,
    /// What has been kept of answers so far.
    #[serde(skip)]
    pub kept: BTreeMap<String, String>,
    /// What people are shown, in each language that was asked for.
    #[serde(skip)]
    pub shown: BTreeMap<&'static str, String>,
}

/// A step that did not come out as it must.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{scenario} {number} {step}: {command}: {found}, not {wanted}\n{said}")]
pub struct Missed {
    /// The scenario.
    pub scenario: &'static str,
    /// Its place, from 1.
    pub number: usize,
    /// Its name.
    pub step: &'static str,
    /// What was typed.
    pub command: String,
    /// What must have come of it.
    pub wanted: String,
    /// What did.
    pub found: String,
    /// What the command said.
    pub said: String,
}

impl Missed {
    /// It could not begin: its files could not be written.
    pub fn before(scenario: &Scenario, error: &io::Error) -> Self {
        let none = || "–".to_owned();
        let (found, scenario) = (error.to_string(), scenario.name);
        Self { scenario, number: 0, step: "", command: none(), wanted: none(), found, said: none() }
    }
}

/// Lays the files of a scenario ready.
///
/// # Errors
/// Those of the file system.
pub fn prepare(scenario: &Scenario, folder: &Path, today: Day) -> io::Result<()> {
    for prop in (scenario.props)(today) {
        std::fs::write(folder.join(prop.name), prop.bytes)?;
    }
    Ok(())
}

/// Plays a scenario whose files lie ready; `tell` hears of each step when it is done, and ends the
/// play by saying no.
///
/// # Errors
/// The first step that did not come out as it must.
pub fn play(
    scenario: &'static Scenario,
    today: Day,
    langs: &[Lang],
    actors: &mut dyn Actors,
    tell: &mut dyn FnMut(Played) -> bool,
) -> Result<(), Box<Missed>> {
    let start = super::props::start(today).to_string();
    let mut kept: BTreeMap<String, String> =
        [("today".to_owned(), today.to_string()), ("start".to_owned(), start)].into();
    for (place, step) in scenario.steps.iter().enumerate() {
        let typed = typed(step, &kept);
        let missed = |wanted: String, found: String, said: &str| {
            let (scenario, number, step) = (scenario.name, place + 1, step.key);
            let (command, said) = (shown(&typed), said.trim().to_owned());
            Box::new(Missed { scenario, number, step, command, wanted, found, said })
        };
        let ran = run(actors, &typed, &["--output", "json"])
            .map_err(|error| missed("–".to_owned(), error.to_string(), ""))?;
        let said = format!("{}\n{}", ran.stdout, ran.stderr);
        let answer = judge(step, &ran).map_err(|(wanted, found)| missed(wanted, found, &said))?;
        for (name, pointer) in step.keeps {
            let value = answer.pointer(pointer).and_then(plain);
            let value =
                value.ok_or_else(|| missed((*pointer).to_owned(), "–".to_owned(), &said))?;
            kept.insert((*name).to_owned(), value);
        }
        let mut to_show = BTreeMap::new();
        for lang in langs.iter().filter(|_| step.is_look) {
            let ran = run(actors, &typed, &["--lang", lang.tag()])
                .map_err(|error| missed("–".to_owned(), error.to_string(), ""))?;
            // A list without rows says so beside the data.
            let said = if ran.stdout.trim().is_empty() { ran.stderr } else { ran.stdout };
            to_show.insert(lang.tag(), said);
        }
        if !step.is_look {
            actors.settle().map_err(|why| missed("–".to_owned(), why, ""))?;
        }
        let going = tell(Played {
            scenario: scenario.name,
            number: place + 1,
            of: scenario.steps.len(),
            step: step.key,
            region: step.at,
            command: shown(&typed),
            exit: ran.code.unwrap_or_default(),
            code: match step.ends {
                Ends::Refused(code) => Some(code.to_owned()),
                Ends::With(_) => None,
            },
            // A query has a height too: what was recorded has a transaction.
            height: answer.get("height").and_then(plain).filter(|_| answer["tx"].is_string()),
            flags: flags(&answer),
            kept: kept.clone(),
            shown: to_show,
        });
        if !going {
            break;
        }
    }
    Ok(())
}

/// The words of a step's command, its holes filled, in its province.
fn typed(step: &Step, kept: &BTreeMap<String, String>) -> Vec<String> {
    let fill = |word: &str| {
        let filled = |word: String, (name, value): (&String, &String)| {
            word.replace(&format!("{{{name}}}"), value)
        };
        kept.iter().fold(word.to_owned(), filled)
    };
    let words = step.command.split_whitespace().map(fill);
    words.chain(["--data-dir".to_owned(), step.at.to_string()]).collect()
}

/// A command as people see it.
fn shown(typed: &[String]) -> String {
    format!("hefu {}", typed.join(" "))
}

fn run(actors: &mut dyn Actors, typed: &[String], how: &[&str]) -> io::Result<Ran> {
    let how = how.iter().map(|word| (*word).to_owned());
    actors.run(&typed.iter().cloned().chain(how).collect::<Vec<_>>())
}

/// The answer of a command that ended as it must and says what it must; else what was wanted and
/// what was found.
fn judge(step: &Step, ran: &Ran) -> Result<Value, (String, String)> {
    let code = ran.code.map_or_else(|| "–".to_owned(), |code| code.to_string());
    match step.ends {
        Ends::Refused(wanted) => {
            let found = fault_code(&ran.stderr);
            let refused = ran.code != Some(0) && found.as_deref() == Some(wanted);
            let found = format!("exit {code} {}", found.unwrap_or_default());
            refused.then_some(Value::Null).ok_or((wanted.to_owned(), found))
        }
        Ends::With(wanted) if ran.code == Some(wanted) => {
            let answer: Value = serde_json::from_str(&ran.stdout).unwrap_or_default();
            for (pointer, want) in step.wants {
                let value = answer.pointer(pointer);
                if !want.is_met(value) {
                    let found = value.map_or_else(|| "–".to_owned(), Value::to_string);
                    return Err((format!("{pointer} = {want:?}"), found));
                }
            }
            Ok(answer)
        }
        Ends::With(wanted) => Err((format!("exit {wanted}"), format!("exit {code}"))),
    }
}

/// The code of the fault that a command told on standard error.
fn fault_code(stderr: &str) -> Option<String> {
    let mut faults = stderr.lines().rev().filter_map(|line| serde_json::from_str(line).ok());
    faults.find_map(|fault: Value| fault["code"].as_str().map(str::to_owned))
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn flags(answer: &Value) -> Vec<String> {
    let events = answer["events"].as_array().into_iter().flatten();
    let flags = events.flat_map(|event| event["flags"].as_array().into_iter().flatten());
    flags.filter_map(|flag| flag.as_str().map(str::to_owned)).collect()
}

impl Want {
    fn is_met(&self, value: Option<&Value>) -> bool {
        let list = value.and_then(Value::as_array);
        match self {
            Self::Text(text) => value.and_then(Value::as_str) == Some(text),
            Self::Number(number) => value.and_then(plain) == Some(number.to_string()),
            Self::Yes(yes) => value.and_then(Value::as_bool) == Some(*yes),
            Self::Nothing => value.is_none_or(Value::is_null),
            Self::Count(count) => list.is_some_and(|list| list.len() == *count),
            Self::Has(text) => list.is_some_and(|list| list.iter().any(|item| item == text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Answers each command with the next of a list.
    struct Puppets {
        answers: Vec<Ran>,
        heard: Vec<String>,
    }

    impl Actors for Puppets {
        fn run(&mut self, arguments: &[String]) -> io::Result<Ran> {
            self.heard.push(arguments.join(" "));
            Ok(self.answers.remove(0))
        }

        fn settle(&mut self) -> Result<(), String> {
            Ok(())
        }
    }

    fn ran(code: i32, stdout: &Value, stderr: &str) -> Ran {
        Ran { code: Some(code), stdout: stdout.to_string(), stderr: stderr.to_owned() }
    }

    fn played(answers: Vec<Ran>) -> (Result<(), Box<Missed>>, Vec<Played>, Vec<String>) {
        static STEPS: &[Step] = &[
            super::super::act("first", Region(340_000), "cert attest a.json")
                .keeps(&[("att", "/att_id")]),
            super::super::act("second", Region(310_000), "cert suspend {att}")
                .ends(Ends::Refused("E321")),
            super::super::look("third", Region(310_000), "cert status {att} --day {today}")
                .ends(Ends::With(3))
                .wants(&[("/status", Want::Text("suspended")), ("/flags", Want::Has("x"))]),
        ];
        static SCENE: Scenario = Scenario { name: "test", steps: STEPS, props: |_| Vec::new() };
        let mut actors = Puppets { answers, heard: Vec::new() };
        let mut told = Vec::new();
        let today = "2026-11-22".parse().unwrap();
        let result = play(&SCENE, today, &[Lang::En], &mut actors, &mut |step| {
            told.push(step);
            true
        });
        (result, told, actors.heard)
    }

    fn good() -> Vec<Ran> {
        let answer =
            json!({"att_id": "aa", "tx": "bb", "height": "7", "events": [{"flags": ["late"]}]});
        vec![
            ran(0, &answer, ""),
            ran(6, &json!(null), "note\n{\"code\":\"E321\"}\n"),
            ran(3, &json!({"status": "suspended", "flags": ["x"]}), ""),
            ran(3, &json!("shown"), ""),
        ]
    }

    #[test]
    fn steps_are_played_in_order_with_what_was_kept() {
        let (result, told, heard) = played(good());
        assert!(result.is_ok());
        assert_eq!(heard[1], "cert suspend aa --data-dir 310000 --output json");
        assert_eq!(heard[2], "cert status aa --day 2026-11-22 --data-dir 310000 --output json");
        assert_eq!(heard[3], "cert status aa --day 2026-11-22 --data-dir 310000 --lang en");
        assert_eq!((told[0].height.as_deref(), &told[0].flags), (Some("7"), &vec!["late".into()]));
        assert_eq!(told[1].code.as_deref(), Some("E321"));
        assert_eq!(told[2].shown["en"], "\"shown\"");
        assert_eq!(told[0].command, "hefu cert attest a.json --data-dir 340000");
    }

    /// Each way in which a step comes out otherwise ends the play there.
    #[test]
    fn what_comes_out_otherwise_ends_the_play() {
        let cases: [(usize, Ran, &str); 5] = [
            (0, ran(1, &json!(null), "broken"), "exit 1"),
            (0, ran(0, &json!({"height": "7"}), ""), "–"),
            (1, ran(0, &json!(null), ""), "exit 0 "),
            (1, ran(6, &json!(null), "{\"code\":\"E322\"}"), "exit 6 E322"),
            (2, ran(3, &json!({"status": "active", "flags": ["x"]}), ""), "\"active\""),
        ];
        for (place, other, found) in cases {
            let mut answers = good();
            answers[place] = other;
            let (result, told, _) = played(answers);
            let missed = result.unwrap_err();
            assert_eq!((missed.number, missed.found.as_str()), (place + 1, found), "{missed}");
            assert_eq!(told.len(), place);
        }
    }

    #[test]
    fn wants() {
        let met = |want: Want, value: Value| want.is_met(Some(&value));
        assert!(met(Want::Number(3), json!("3")) && met(Want::Number(3), json!(3)));
        assert!(met(Want::Count(0), json!([])) && !met(Want::Count(0), json!([1])));
        assert!(Want::Nothing.is_met(None) && !met(Want::Nothing, json!(1)));
        assert!(met(Want::Yes(true), json!(true)) && !met(Want::Yes(true), json!("true")));
        assert!(!met(Want::Has("a"), json!("a")) && met(Want::Has("a"), json!(["b", "a"])));
        assert!(!Want::Text("a").is_met(None));
    }
}
