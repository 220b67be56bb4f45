//! Every command of the README is run here, in its order, in one scratch folder.
//!
//! Commands stand in fences marked `console` or `sh`, on lines that begin with `$ `; a backslash
//! continues a line, and what follows up to the next command is output. Output is compared
//! loosely: one shown line, numbers and hashes aside, must be there. What has no end of its own
//! (`hefu demo`, `hefu run`) runs beside the commands that follow. Ports are exchanged for free ones,
//! the same for the same. Texts are the English ones.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::cli::{Hefu, Started, bare};
use crate::harness::{PROGRAM, SOON, Scratch, free_port, wait_for};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
/// What would test the test, or needs another machine.
const NOT_RUN: &[&str] = &["cargo test", "cargo build", "git ", "cd ", "docker ", ".ci/run"];

/// One command and the output shown for it.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    line: usize,
    command: String,
    output: Vec<String>,
}

#[test]
fn every_command_works() {
    let text = std::fs::read_to_string(README).expect("the README");
    let commands = commands(&text);
    assert!(!commands.is_empty(), "the README shows no command");
    let folder = Scratch::new("readme");
    let sources = Path::new(README).parent().expect("a folder");
    std::os::unix::fs::symlink(sources.join("tests"), folder.join("tests")).expect("a link");
    let mut beside: Vec<Started> = Vec::new();
    let mut ports = BTreeMap::new();
    for mut shown in commands {
        shown.command = with_free_ports(&shown.command, &mut ports);
        run(&shown, folder.path(), &mut beside);
    }
    for mut running in beside {
        assert!(!running.has_ended(), "{}", running.stderr());
        running.interrupt();
        running.finish().exits(0);
    }
}

fn run(shown: &Shown, folder: &Path, beside: &mut Vec<Started>) {
    if NOT_RUN.iter().any(|start| shown.command.starts_with(start)) {
        return;
    }
    let command = shown.command.replace("cargo run --release --", "hefu");
    if let Some(arguments) = endless(&command) {
        let mut started = Hefu::plain(folder).args(arguments.split_whitespace()).start();
        wait_for(&format!("README line {}: {command} starts", shown.line), SOON, || {
            assert!(!started.has_ended(), "{}", started.stderr());
            ["4/4", "the node runs", "✔"].iter().find(|sign| started.stderr().contains(**sign))
        });
        beside.push(started);
        return;
    }
    let programs = Path::new(PROGRAM).parent().expect("a folder").display();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell: Command = bare("sh".as_ref(), folder);
    shell.args(["-c", &command]).env("PATH", format!("{programs}:{path}"));
    shell.stdin(Stdio::null());
    let done = shell.output().expect("a shell");
    let mut said = String::from_utf8_lossy(&done.stdout).into_owned();
    said.push_str(&String::from_utf8_lossy(&done.stderr));
    let Shown { line, output, .. } = shown;
    assert!(done.status.success(), "README line {line}: {command}\n{}\n{said}", done.status);
    let said: Vec<String> = said.lines().map(shape).collect();
    let wanted: Vec<String> = output.iter().map(|line| shape(line)).collect();
    let wanted: Vec<&String> = wanted.iter().filter(|line| !line.is_empty()).collect();
    let found = wanted.iter().any(|wanted| said.iter().any(|line| line.contains(wanted.as_str())));
    assert!(wanted.is_empty() || found, "README line {line}: {command}\n{wanted:#?}\n{said:#?}");
}

/// A command with every loopback port exchanged.
fn with_free_ports(command: &str, ports: &mut BTreeMap<String, u16>) -> String {
    const LOOPBACK: &str = "127.0.0.1:";
    let mut parts = command.split(LOOPBACK);
    let mut changed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let (port, rest) = part.split_at(end);
        let free = ports.entry(port.to_owned()).or_insert_with(free_port);
        changed.push_str(&format!("{LOOPBACK}{free}{rest}"));
    }
    changed
}

/// The arguments of a command that runs until it is told to end.
fn endless(command: &str) -> Option<&str> {
    let arguments = command.strip_prefix("hefu ")?;
    let mut words = arguments.split_whitespace();
    let first = words.next()?;
    let controls =
        ["stop", "start", "partition", "heal", "tamper", "--for", "--scenario", "--help"];
    let ends = words.any(|word| controls.contains(&word) || word.starts_with("--for="));
    (matches!(first, "demo" | "run") && !ends && !command.contains('|')).then_some(arguments)
}

/// A line without what differs from run to run.
fn shape(line: &str) -> String {
    let line = line.split('#').next().unwrap_or_default();
    let words = line.split_whitespace().filter(|word| {
        let plain = word.trim_matches(|c: char| !c.is_alphanumeric());
        !plain.is_empty() && !plain.chars().any(|c| c.is_ascii_digit()) && !word.contains('…')
    });
    words.collect::<Vec<_>>().join(" ")
}

fn commands(text: &str) -> Vec<Shown> {
    let (mut found, mut fenced): (Vec<Shown>, bool) = (Vec::new(), false);
    let mut continued = false;
    for (place, line) in text.lines().enumerate() {
        if let Some(kind) = line.trim_start().strip_prefix("```") {
            fenced = !fenced && matches!(kind.trim(), "console" | "sh");
            continued = false;
            continue;
        }
        if !fenced {
            continue;
        }
        let joined = |text: &str| text.trim_end_matches('\\').trim().to_owned();
        if let Some(command) = line.strip_prefix("$ ") {
            found.push(Shown { line: place + 1, command: joined(command), output: Vec::new() });
            continued = line.ends_with('\\');
        } else if let Some(shown) = found.last_mut() {
            if continued {
                shown.command = format!("{} {}", shown.command, joined(line));
                continued = line.ends_with('\\');
            } else {
                shown.output.push(line.to_owned());
            }
        }
    }
    for shown in &mut found {
        // What a reader is told beside a command is not the command.
        if let Some((command, _)) = shown.command.split_once("  #") {
            shown.command = command.trim().to_owned();
        }
    }
    found
}

#[test]
fn commands_are_found_with_their_output() {
    let text = "```console\n$ hefu demo \\\n    --for 1s   # short\n高度 12\n$ hefu status\n```\n\
                $ not this\n```json\n$ nor this\n```\n";
    let found = commands(text);
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].line, found[0].command.as_str()), (2, "hefu demo --for 1s"));
    assert_eq!(found[0].output, ["高度 12"]);
    assert_eq!(endless("hefu demo --port 9000"), Some("demo --port 9000"));
    assert_eq!(endless("hefu demo --for 1s"), None);
    assert_eq!(endless("hefu demo stop 340000"), None);
    let mut ports = BTreeMap::new();
    let exchanged = with_free_ports("a 127.0.0.1:1 b 127.0.0.1:2/ c 127.0.0.1:1", &mut ports);
    assert_eq!(
        exchanged,
        format!("a 127.0.0.1:{0} b 127.0.0.1:{1}/ c 127.0.0.1:{0}", ports["1"], ports["2"])
    );
    assert_eq!(shape("✔ 高度 12 · block 0a1b… done"), "高度 block done");
}
