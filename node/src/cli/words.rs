//! What tables show of the protocol has words in both languages: acts, events, and the values of
//! every enumeration. The sources are read, so that what is added there is missed here.

use std::collections::BTreeSet;
use std::path::Path;

use crate::text::{Lang, find};

/// Literals of the contracts that nobody is shown: names of parts of a record or of a format.
const NOT_SHOWN: &[&str] = &["snake_case", "case_id", "req_id", "occurred_at", "act_number"];

/// Sources of the contracts, without their tests.
fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if path.is_dir() && name != "tests" {
            sources(&path, found);
        } else if name.ends_with(".rs") && !name.contains("test") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push(text.split("#[cfg(test)]").next().unwrap_or_default().to_owned());
        }
    }
}

fn contracts() -> Vec<String> {
    let mut found = Vec::new();
    sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../contracts/src")), &mut found);
    found
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

/// Variants of enumerations that are written as words: plain ones, and ones that hold something.
fn variants(source: &str) -> (Vec<String>, Vec<String>) {
    let (mut plain, mut holding) = (Vec::new(), Vec::new());
    let mut lines = source.lines();
    let mut derives = String::new();
    while let Some(line) = lines.next() {
        let is_enum = line.starts_with("pub enum ");
        if !is_enum {
            match line {
                line if line.starts_with("#[")
                    || line.starts_with(' ')
                    || line.starts_with(")]") =>
                {
                    derives.push_str(line);
                }
                line if line.starts_with("///") => {}
                _ => derives.clear(),
            }
            continue;
        }
        let shown = derives.contains("Serialize") && derives.contains("snake_case");
        derives.clear();
        for line in lines.by_ref().take_while(|line| *line != "}") {
            let Some(name) = line.strip_prefix("    ").filter(|_| shown) else { continue };
            if !name.starts_with(|c: char| c.is_ascii_uppercase()) {
                continue;
            }
            let end = name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len());
            let (word, rest) = name.split_at(end);
            let list = if rest.starts_with(['(', ' ']) { &mut holding } else { &mut plain };
            list.push(snake(word));
        }
    }
    (plain, holding)
}

fn lacking(keys: impl IntoIterator<Item = String>) -> Vec<String> {
    let lacks = |key: &String| Lang::ALL.iter().any(|lang| find(*lang, key).is_none());
    let lacking: BTreeSet<String> = keys.into_iter().filter(lacks).collect();
    lacking.into_iter().collect()
}

#[test]
fn every_value_of_an_enumeration_has_a_word_in_both_languages() {
    let (mut values, mut labels) = (BTreeSet::new(), BTreeSet::new());
    for source in contracts() {
        let (plain, holding) = variants(&source);
        values.extend(plain.iter().map(|word| format!("value-{word}")));
        labels.extend(holding);
    }
    assert!(values.len() > 150, "the sources are not read: {}", values.len());
    assert!(labels.contains("admit_member"), "{labels:?}");
    assert_eq!(lacking(values), Vec::<String>::new());
    // What holds something is a label; one of a field will do.
    let label = |word: &String| match find(Lang::Zh, &format!("col-{}", word.replace('_', "-"))) {
        Some(_) => format!("col-{}", word.replace('_', "-")),
        None => format!("value-{word}"),
    };
    assert_eq!(lacking(labels.iter().map(label)), Vec::<String>::new());
}

#[test]
fn every_act_and_event_has_a_word_in_both_languages() {
    let acts = hefu_contracts::Act::NAMES.iter().map(|name| format!("value-{name}"));
    assert_eq!(lacking(acts), Vec::<String>::new());
    let mut words = BTreeSet::new();
    for source in contracts() {
        let is_word = |text: &&str| {
            text.contains('_') && text.bytes().all(|c| c.is_ascii_lowercase() || c == b'_')
        };
        let texts = source.lines().filter(|line| !line.trim_start().starts_with("//"));
        let texts = texts.flat_map(|line| line.split('"').skip(1).step_by(2));
        words.extend(texts.filter(is_word).map(str::to_owned));
    }
    assert!(words.contains("case_opened"), "the sources are not read");
    let shown = words.iter().filter(|word| !NOT_SHOWN.contains(&word.as_str()));
    assert_eq!(lacking(shown.map(|word| format!("value-{word}"))), Vec::<String>::new());
}

/// What an answer says beside a record, and the flags of a status.
#[test]
fn what_the_interface_derives_has_labels() {
    let mut routes = Vec::new();
    sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/api/routes")), &mut routes);
    let named = routes.iter().flat_map(|source| source.split("(\"").skip(1));
    let names: BTreeSet<&str> = named
        .filter_map(|rest| rest.split_once("\", json!(").map(|(name, _)| name))
        .filter(|name| name.bytes().all(|c| c.is_ascii_lowercase() || c == b'_'))
        .collect();
    assert!(names.contains("clocks"), "the sources are not read: {names:?}");
    let labels = names.iter().map(|name| format!("col-{}", name.replace('_', "-")));
    assert_eq!(lacking(labels), Vec::<String>::new());
    let flags = ["retroactive", "questioned", "unopenable"].map(|flag| format!("value-{flag}"));
    assert_eq!(lacking(flags), Vec::<String>::new());
}

#[test]
fn variants_are_read_from_a_source() {
    let source = "#[derive(Serialize)]\n#[serde(rename_all = \"snake_case\")]\npub enum A {\n    /// x\n    \
                  #[n(0)]\n    OneTwo,\n    #[n(1)]\n    Three(#[n(0)] u8),\n    Four {\n        five: u8,\n    },\n}\n\
                  #[derive(Clone)]\npub enum B {\n    Hidden,\n}\n";
    let (plain, holding) = variants(source);
    assert_eq!(
        (plain, holding),
        (vec!["one_two".to_owned()], vec!["three".to_owned(), "four".to_owned()])
    );
}

/// What the interface says in fixed words can be said in Chinese. Not covered are the words of what
/// lies below it: of parsers, of the store, of `format!`.
#[test]
fn what_the_interface_says_can_be_said_in_chinese() {
    let mut found = Vec::new();
    sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/api")), &mut found);
    let mut told = BTreeSet::new();
    for source in &found {
        for before in ["not_found(\"", "bad(\"", "(ApiCode::"] {
            for rest in source.split(before).skip(1) {
                let rest = match before.starts_with('(') {
                    true => rest.split_once(", \"").filter(|(name, _)| !name.contains(')')),
                    false => Some(("", rest)),
                };
                told.extend(rest.and_then(|(_, rest)| rest.split_once('"')).map(|(told, _)| told));
            }
        }
    }
    assert!(told.len() > 50, "the sources are not read: {told:?}");
    told.retain(|told| crate::text::said(Lang::Zh, told).is_none());
    assert_eq!(told, BTreeSet::new());
}

/// The fields of every structure that is shown, with their types.
fn structures(source: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut found = Vec::new();
    let mut lines = source.lines();
    let mut derives = String::new();
    while let Some(line) = lines.next() {
        let Some(name) = line.strip_prefix("pub struct ").and_then(|l| l.strip_suffix(" {")) else {
            match line {
                line if line.starts_with("///") => {}
                line if line.starts_with(['#', ' ', ')']) => derives.push_str(line),
                _ => derives.clear(),
            }
            continue;
        };
        let shown = derives.contains("Serialize");
        derives.clear();
        let fields = lines.by_ref().take_while(|line| *line != "}").filter_map(|line| {
            let (name, of) = line.strip_prefix("    pub ")?.split_once(": ")?;
            Some((name.to_owned(), of.trim_end_matches(',').to_owned()))
        });
        let fields: Vec<(String, String)> = fields.collect();
        if shown {
            found.push((name.to_owned(), fields));
        }
    }
    found
}

/// Two fields of one thing with the same label cannot be told apart in `show`.
#[test]
fn no_two_fields_of_one_thing_have_the_same_label() {
    let all: Vec<_> = contracts().iter().flat_map(|source| structures(source)).collect();
    assert!(all.len() > 100, "the sources are not read: {}", all.len());
    let mut same = Vec::new();
    for (name, fields) in &all {
        let is_it = |of: &str| of.split(|c: char| !c.is_alphanumeric()).any(|word| word == name);
        let holders = all.iter().flat_map(|(_, fields)| fields).filter(|(_, of)| is_it(of));
        let mut holders: BTreeSet<String> = holders.map(|(field, _)| format!("{field}.")).collect();
        if holders.is_empty() {
            holders.insert(String::new());
        }
        for (lang, holder) in
            Lang::ALL.into_iter().flat_map(|l| holders.iter().map(move |h| (l, h)))
        {
            let mut labels = std::collections::BTreeMap::new();
            for (field, _) in fields {
                let label = super::table::label(&format!("{holder}{field}"), lang);
                if let Some(other) = labels.insert(label.clone(), field) {
                    same.push(format!("{name}: {holder}{other} and {field}: {label}"));
                }
            }
        }
    }
    assert_eq!(same, Vec::<String>::new());
}
