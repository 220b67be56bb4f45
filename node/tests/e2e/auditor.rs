//! docs/audit.md, walked as an auditor would who has that page and nothing else: every command of it, in
//! its order, on a ledger of which the six scenarios are the past. What is in capitals is filled in from
//! answers, as a reader does; what was answered is held against the transcripts in `scenes`, numbers, ids
//! and times aside.
//!
//! `UPDATE_TRANSCRIPTS=1` writes the transcripts anew: read them before they are kept.

use std::path::Path;

use hefu_primitives::time::Day;
use serde_json::Value;

use crate::audit::{AUDIT, follows};
use crate::harness::cli::Hefu;
use crate::harness::network::{Network, Province};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/audit.md");
/// Walked by a test of their own, with somebody who listens (webhooks.rs).
const ELSEWHERE: &str = "hefu webhook ";
/// What changes nothing, and is read in Chinese too.
const READS: [&str; 5] =
    ["audit query", "audit index", "audit reads", "audit verify", "audit mandate list"];
/// Commands that are meant to end otherwise than well: the first of two governors waits for the other,
/// and a day that is not over has no root in which an entry could be proven.
const OTHERWISE: [(&str, i32); 2] = [("--key governor-1", 8), ("--prove", 4)];

pub(crate) fn walk(network: &Network, today: Day) {
    let node = &network.provinces[2];
    follows(node);
    std::fs::write(node.home.join("order.pdf"), "what orders the audit").expect("a file");
    let page = std::fs::read_to_string(PAGE).expect("the page");
    let commands = commands(&page);
    let questions = (1..=22).map(|number| format!("hefu audit query q{number:02}"));
    for asked in questions {
        assert!(commands.iter().any(|command| command.starts_with(&asked)), "{asked}");
    }
    let (mut english, mut chinese) = (Vec::new(), Vec::new());
    for command in commands.iter().filter(|command| !command.starts_with(ELSEWHERE)) {
        let filled = filled(command, network, node, today);
        let arguments: Vec<&str> = filled.split_whitespace().skip(1).collect();
        english.extend(run(node, command, &arguments, "en"));
        let writes = command.contains("--capsules");
        if READS.iter().any(|read| command.contains(read)) && !writes {
            chinese.extend(run(node, command, &arguments, "zh"));
        }
    }
    assert_transcript("en", &english);
    assert_transcript("zh", &chinese);
}

/// What a command answered, after the command itself; nothing of one that this machine has no font for.
fn run(node: &Province, command: &str, arguments: &[&str], lang: &str) -> Option<String> {
    let pdf = node.home.join("certificate.pdf");
    if command.contains("certificate.hefu") && !pdf.exists() {
        return None;
    }
    let hefu = Hefu::plain(&node.home).args(["--lang", lang, "--insecure-fast-kdf"]);
    let done = hefu.arg("--data-dir").arg(&node.home).args(arguments).run();
    if done.stderr.contains("cli.no_font") {
        println!("skipped: report (no font with its characters)");
        return None;
    }
    let otherwise = OTHERWISE.iter().find(|(part, _)| command.contains(part));
    let done = done.exits(otherwise.map_or(0, |(_, code)| *code));
    let told: Vec<String> = done.stdout.lines().chain(done.stderr.lines()).map(shape).collect();
    let mut told: Vec<String> = told.into_iter().filter(|line| !line.is_empty()).collect();
    told.dedup();
    let told: String = told.iter().map(|line| format!("  {line}\n")).collect();
    Some(format!("$ {command}\n{told}"))
}

/// A command with values in the place of what the page has in capitals, and of its days.
fn filled(command: &str, network: &Network, node: &Province, today: Day) -> String {
    let mut before = "";
    let mut words = Vec::new();
    for word in command.split_whitespace() {
        words.push(match (before, word) {
            ("--to" | "--day", _) => today.to_string(),
            ("--until", _) => today.next().to_string(),
            (_, "HASH") => network.chain().to_string(),
            (_, "USCC") => AUDIT.to_owned(),
            (_, "5a5a…") => "5a".repeat(32),
            (_, word) => match word.rsplit_once(':') {
                Some((kind, capitals)) => format!("{kind}:{}", value(capitals, node)),
                None => value(word, node),
            },
        });
        before = word;
    }
    words.join(" ")
}

/// What a reader finds in the answers.
fn value(word: &str, node: &Province) -> String {
    let first = |arguments: &[&str], field: &str| {
        let answer = node.hefu(arguments).json();
        let found = answer.pointer(field).and_then(Value::as_str);
        found.unwrap_or_else(|| panic!("{field} of {answer:#}")).to_owned()
    };
    let query = ["audit", "query"];
    match word {
        "CERTIFICATE" => first(&[&query[..], &["q06"]].concat(), "/items/0/certificate"),
        "KEY" => {
            let revoked = [&query[..], &["events", "--kind", "key_revoked"]].concat();
            first(&revoked, "/items/0/subject").trim_start_matches("key:").to_owned()
        }
        "CATALOGUE" => first(&[&query[..], &["q09"]].concat(), "/items/0/catalogue"),
        "AUTHORITY" => first(&[&query[..], &["q04"]].concat(), "/items/0/relying"),
        "CASE" => {
            let opened = [&query[..], &["events", "--kind", "case_opened"]].concat();
            first(&opened, "/items/0/subject").trim_start_matches("case:").to_owned()
        }
        "MANDATE" => first(&["audit", "mandate", "list"], "/items/0/record/terms/mandate_id"),
        "LABEL" => {
            let keys = node.hefu(&["key", "list", "--ledger", "--owner", AUDIT]).json();
            let key = &keys["items"][0];
            key["id"].as_str().or_else(|| key["key_id"].as_str()).expect("a key").to_owned()
        }
        other => other.to_owned(),
    }
}

/// Every line of a fence that begins with the program's name, without what is said beside it.
fn commands(page: &str) -> Vec<String> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in page.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced && line.starts_with("hefu ") {
            let command = line.split("  #").next().unwrap_or_default();
            found.push(command.trim().to_owned());
        }
    }
    found
}

// --- Transcripts ---------------------------------------------------------------------------------

/// Those that sign receipts and checkpoints.
const PROVINCES: [&str; 4] = ["Shanghai", "Jiangsu", "Zhejiang", "Anhui"];

/// A line in which every number, time and id is `#`, and every list of provinces `@`.
fn shape(line: &str) -> String {
    let words = line.split_whitespace().map(|word| match word.chars().all(|c| "─━═".contains(c))
    {
        true => "─".to_owned(),
        false => unnumbered(word),
    });
    // How many have signed by now is chance.
    let place = |word: String| match PROVINCES.contains(&word.trim_end_matches(',')) {
        true => "@".to_owned(),
        false => word,
    };
    let mut words: Vec<String> = words.map(place).collect();
    words.dedup_by(|a, b| a == b && (a == "#" || a == "@"));
    words.join(" ")
}

fn unnumbered(word: &str) -> String {
    let is_of = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let (mut made, mut rest) = (String::new(), word);
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| is_of(c) != is_of(first)).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        let number = piece.bytes().any(|byte| byte.is_ascii_digit());
        let counted = is_of(first) && (number || piece.len() >= 12);
        made.push_str(if counted { "#" } else { piece });
        rest = after;
    }
    // Times and decimal numbers are one.
    for joined in ["#.#", "#:#", "#-#", "#T#", "#,#", "#…", "#Z", "##"] {
        while made.contains(joined) {
            made = made.replace(joined, "#");
        }
    }
    made
}

fn assert_transcript(lang: &str, found: &[String]) {
    let name = format!("tests/e2e/scenes/audit.{lang}.txt");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("UPDATE_TRANSCRIPTS").is_some() {
        std::fs::write(&path, found.concat()).expect("the transcript");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let mut kept = kept.split_inclusive('\n').peekable();
    for found in found {
        let (command, answer) = found.split_once('\n').unwrap_or((found, ""));
        while kept.next_if(|line| line.trim_end() != command).is_some() {}
        assert!(kept.next().is_some(), "{} has no {command}", path.display());
        let mut told = String::new();
        while let Some(line) = kept.next_if(|line| !line.starts_with("$ ")) {
            told.push_str(line);
        }
        assert_eq!(answer, told, "{command} in {}", path.display());
    }
}

#[test]
fn the_page_is_read_and_numbers_are_put_aside() {
    let page = "```\nhefu audit index   # how far\n$ no\n```\nhefu not here\n```toml\nx = 1\n```\n";
    assert_eq!(commands(page), ["hefu audit index"]);
    assert_eq!(shape("att:0123456789abcdef…  高度12,共 3 行"), "att:# 高度#,共 # 行");
    assert_eq!(shape("receipts by Shanghai, Anhui, 2"), "receipts by @ #");
    assert_eq!(shape("───  2026-11-23T01:02:03.004Z 7 8 ─"), "─ # ─");
    assert_eq!(shape("abcdefabcdef… decided 11330000HEFU03112F"), "# decided #HEFU#F");
}
