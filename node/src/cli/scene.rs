//! How scenarios are told: what there is, each step with who does what, the command that anybody
//! could type, and what came of it.

use serde_json::{Value, json};

use super::app::App;
use super::demo::named;
use super::exit::Exit;
use super::fault::{Done, Fault};
use super::table::{Column, col, lines, word_of};
use crate::demo::scene::play::{Missed, Played};
use crate::demo::scene::{ALL, Scenario, find};
use crate::text::{self, Lang, text};

const COLUMNS: &[Column] = &[col("name", "/name"), col("steps", "/steps"), col("scene", "/scene")];

/// `hefu demo --scenario list`.
pub(super) fn list(app: &App) -> Done {
    let row = |scenario: &Scenario| {
        let title = title(scenario, app.lang());
        json!({ "name": scenario.name, "steps": scenario.steps.len(), "scene": title })
    };
    let rows: Vec<Value> = ALL.iter().map(row).collect();
    app.out.list(&json!({ "items": rows }), &rows, COLUMNS, "list-empty");
    Ok(Exit::Ok)
}

/// The scenarios of these names, each once.
pub(super) fn choose(names: &[String]) -> Result<Vec<&'static Scenario>, Fault> {
    let mut chosen: Vec<&'static Scenario> = Vec::new();
    for name in names {
        let named: Vec<&'static Scenario> = match (name.as_str(), find(name)) {
            ("all", _) => ALL.iter().collect(),
            (_, Some(scenario)) => vec![scenario],
            (_, None) => return Err(unknown(name)),
        };
        for scenario in named {
            if !chosen.iter().any(|known| known.name == scenario.name) {
                chosen.push(scenario);
            }
        }
    }
    Ok(chosen)
}

fn unknown(name: &str) -> Fault {
    let known: Vec<&str> = ALL.iter().map(|scenario| scenario.name).collect();
    let known = known.join(", ");
    Fault::said("cli.no_scenario", "scene-unknown", &[("name", &name), ("known", &known)])
}

/// The step that came out otherwise.
pub(super) fn fault(missed: &Missed) -> Fault {
    let Missed { scenario, number, command, wanted, found, said, .. } = missed;
    Fault::said(
        "cli.scenario",
        "scene-missed",
        &[
            ("scenario", scenario),
            ("number", number),
            ("command", command),
            ("wanted", wanted),
            ("found", found),
            ("said", said),
        ],
    )
}

fn title(scenario: &Scenario, lang: Lang) -> String {
    text(lang, &format!("scene-{}", scenario.name), &[])
}

/// What there is, a line each, for the help of `hefu demo`.
pub(super) fn listing(lang: Lang) -> String {
    let rows = ALL.iter().map(|scenario| (format!("  {}", scenario.name), title(scenario, lang)));
    format!("{}:\n{}", text(lang, "scene-listing", &[]), lines(rows))
}

/// The line with which a scenario begins.
#[must_use]
pub fn head(scenario: &Scenario, lang: Lang) -> String {
    format!("\n━━ {} ━━ {}", scenario.name, title(scenario, lang))
}

/// A step: who does what, the command, what came of it.
#[must_use]
pub fn step(played: &Played, lang: Lang) -> String {
    let Played { scenario, number, of, step, region, .. } = played;
    let kept: Vec<(&str, &str)> =
        played.kept.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let key = format!("scene-{scenario}-{step}");
    let mut told = vec![
        format!("\n{number}/{of}  {}", named(*region, lang)),
        format!("  {}", text(lang, &key, &kept)),
        format!("  $ {}", played.command),
    ];
    match played.shown.get(lang.tag()) {
        Some(shown) => told.extend(shown.lines().map(|line| format!("  │ {}", line.trim_end()))),
        None => told.push(format!("  {}", outcome(played, lang))),
    }
    let after = format!("{key}-then");
    if text::find(lang, &after).is_some() {
        told.push(format!("  ▸ {}", text(lang, &after, &kept)));
    }
    told.join("\n")
}

/// What came of a command that changes something.
fn outcome(played: &Played, lang: Lang) -> String {
    if let Some(code) = &played.code {
        let cause = text::explain(lang, code).map_or("", |(cause, _)| cause);
        return text(lang, "scene-refused", &[("code", code), ("cause", cause)]);
    }
    let words = played.flags.iter().filter_map(|flag| word_of(flag, lang));
    let words: Vec<String> = words.collect();
    let recorded = match &played.height {
        Some(height) => text(lang, "scene-recorded", &[("height", height)]),
        None => text(lang, "scene-done", &[]),
    };
    if words.is_empty() { recorded } else { format!("{recorded} · {}", words.join(" · ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_chosen_once_and_unknown_ones_are_told_what_there_is() {
        let names = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            choose(&names).map(|chosen| chosen.iter().map(|s| s.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&[]), Ok(vec![]));
        assert_eq!(names(&["data-request", "data-request"]), Ok(vec!["data-request"]));
        assert_eq!(names(&["all"]).unwrap().len(), ALL.len());
        let fault = names(&["licence"]).unwrap_err();
        assert_eq!((fault.code.as_str(), fault.exit), ("cli.no_scenario", Exit::NotFound));
        for lang in Lang::ALL {
            assert!(fault.report(lang).contains("licence-suspended"), "{}", fault.report(lang));
        }
    }

    #[test]
    fn a_step_is_told_with_command_and_outcome() {
        let played = Played {
            scenario: "household-move",
            number: 8,
            of: 12,
            step: "outsider",
            region: hefu_primitives::Region(330_000),
            command: "hefu case decide".to_owned(),
            exit: 6,
            code: Some("E622".to_owned()),
            height: None,
            flags: Vec::new(),
            kept: [("case".to_owned(), "aa".to_owned())].into(),
            shown: std::collections::BTreeMap::new(),
        };
        for lang in Lang::ALL {
            let told = step(&played, lang);
            let (cause, _) = text::explain(lang, "E622").unwrap();
            for part in ["8/12", "330000", "$ hefu case decide", "E622", cause] {
                assert!(told.contains(part), "{told}");
            }
            assert!(!told.contains("scene-"), "{told}");
        }
        let good = Played {
            code: None,
            height: Some("7".into()),
            flags: vec!["consistent".into()],
            ..played
        };
        assert!(step(&good, Lang::En).contains('7'));
        assert!(step(&good, Lang::Zh).contains(&word_of("consistent", Lang::Zh).unwrap()));
    }
}
