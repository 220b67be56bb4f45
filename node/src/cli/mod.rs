//! # The command line
//!
//! One command, one small file. A command says what it needs through `app::App`, reads and
//! changes the ledger through the HTTP interface alone, and signs with keys that stay here.
//!
//! ## Rules
//!
//! 1. Data on standard output; progress, questions and faults on standard error.
//! 2. A command ends with one of the codes of [`exit::Exit`]. What was refused or is not final
//!    never looks like success.
//! 3. Every fault has a stable code, a cause and a remedy ([`fault::Fault`]).
//! 4. Every text stands in the catalogue, help included (`help`).
//!
//! This module does not know the rules of the ledger: the node decides. It opens no store; only
//! `engine` starts a node in this process.

mod agreement;
mod app;
mod args;
mod audit;
mod authority;
mod batch;
mod bench;
mod block;
mod case;
mod cert;
mod client;
mod codes;
mod completions;
mod config;
mod demo;
mod dispute;
mod doctor;
mod drafts;
mod engine;
mod evidence;
pub mod exit;
mod explain;
mod export;
pub mod fault;
mod genesis;
mod help;
mod import;
mod init;
mod item;
mod key;
mod licence;
mod light;
mod list;
mod mandate;
mod member;
mod notice;
mod openings;
mod origin;
pub mod output;
mod progress;
mod proposal;
mod question;
mod receipt;
mod recognise;
mod refusal;
mod run;
mod same_id;
pub mod scene;
mod share;
mod sign;
mod standing;
mod status;
mod store;
mod submit;
mod table;
mod token;
mod tx;
mod verify;
mod waiting;
mod webhook;
#[cfg(test)]
mod words;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{FromArgMatches, Parser, Subcommand};

use self::app::{App, Globals};
use self::exit::Exit;
use self::fault::{Done, Fault};
use self::output::{Format, Output};
use crate::text::Lang;

/// The whole command.
#[derive(Parser)]
#[command(name = "hefu", version, propagate_version = false, subcommand_required = true)]
#[command(arg_required_else_help = true, args_override_self = true)]
struct Hefu {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Demo),
    Bench(bench::Bench),
    Init(init::Init),
    Run(run::Run),
    Doctor,
    Status(status::Status),
    #[command(subcommand)]
    Key(key::Key),
    #[command(subcommand)]
    Genesis(genesis::Genesis),
    #[command(subcommand)]
    Member(member::Member),
    #[command(subcommand)]
    Authority(authority::Authority),
    #[command(subcommand)]
    Proposal(proposal::Proposal),
    #[command(subcommand)]
    Cert(cert::Cert),
    #[command(subcommand)]
    Recognise(recognise::Recognise),
    #[command(subcommand)]
    Agreement(agreement::Agreement),
    #[command(subcommand)]
    Share(share::Share),
    #[command(subcommand)]
    Item(item::Item),
    #[command(subcommand)]
    Case(case::Case),
    #[command(subcommand)]
    Dispute(dispute::Dispute),
    #[command(subcommand)]
    Notice(notice::Notice),
    #[command(subcommand)]
    Block(block::Block),
    #[command(subcommand)]
    Tx(tx::Tx),
    #[command(subcommand)]
    Audit(audit::Audit),
    #[command(subcommand)]
    Evidence(evidence::Evidence),
    Verify(verify::Verify),
    #[command(subcommand)]
    Webhook(webhook::Webhook),
    Light(light::Light),
    #[command(subcommand)]
    Store(store::Store),
    #[command(subcommand)]
    Token(token::Tokens),
    #[command(subcommand)]
    Config(config::Config),
    Completions(completions::Completions),
    Explain(explain::Explain),
}

/// Runs the command of this process.
pub fn run() -> ExitCode {
    run_with(std::env::args_os().collect()).into()
}

fn run_with(arguments: Vec<OsString>) -> Exit {
    let environment = |name: &str| std::env::var(name).ok();
    let lang = Lang::choose(help::asked_lang(&arguments), environment);
    let json = help::asked_json(&arguments);
    let parsed = help::command(lang)
        .try_get_matches_from(arguments)
        .and_then(|mut matches| Hefu::from_arg_matches_mut(&mut matches));
    let hefu = match parsed {
        Ok(hefu) => hefu,
        Err(error) => return help::report(&error, lang, json),
    };
    let format = if hefu.globals.json { Format::Json } else { hefu.globals.output };
    let out = Output::new(format, lang, hefu.globals.quiet);
    let app = App::new(hefu.globals, out);
    let done = dispatch(&app, hefu.command);
    app.drafts.settle(&app, done.is_err());
    match done {
        Ok(exit) => exit,
        Err(fault) => report(&app, &fault),
    }
}

fn dispatch(app: &App, command: Command) -> Done {
    match command {
        Command::Demo(args) => demo::run(app, args),
        Command::Bench(args) => bench::run(app, args),
        Command::Init(args) => init::run(app, &args),
        Command::Run(args) => run::run(app, &args),
        Command::Doctor => doctor::run(app),
        Command::Status(args) => status::run(app, &args),
        Command::Key(args) => key::run(app, args),
        Command::Genesis(args) => genesis::run(app, args),
        Command::Member(args) => member::run(app, args),
        Command::Authority(args) => authority::run(app, args),
        Command::Proposal(args) => proposal::run(app, args),
        Command::Cert(args) => cert::run(app, args),
        Command::Recognise(args) => recognise::run(app, args),
        Command::Agreement(args) => agreement::run(app, args),
        Command::Share(args) => share::run(app, args),
        Command::Item(args) => item::run(app, args),
        Command::Case(args) => case::run(app, args),
        Command::Dispute(args) => dispute::run(app, args),
        Command::Notice(args) => notice::run(app, args),
        Command::Block(args) => block::run(app, args),
        Command::Tx(args) => tx::run(app, args),
        Command::Audit(args) => audit::run(app, args),
        Command::Evidence(args) => evidence::run(app, args),
        Command::Verify(args) => verify::run(app, &args),
        Command::Webhook(args) => webhook::run(app, &args),
        Command::Light(args) => light::run(app, &args),
        Command::Store(args) => store::run(app, args),
        Command::Token(args) => token::run(app, args),
        Command::Config(args) => config::run(app, args),
        Command::Completions(args) => completions::run(app, &args),
        Command::Explain(args) => explain::run(app, &args),
    }
}

/// Tells a fault: prose for people, one JSON object a line for programs; both on standard error.
fn report(app: &App, fault: &Fault) -> Exit {
    match app.out.format {
        Format::Json | Format::Jsonl => app.out.warn(&fault.to_json(app.lang()).to_string()),
        Format::Table | Format::Csv => app.out.warn(&fault.report(app.lang())),
    }
    fault.exit
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::text::{Lang, find};

    /// Literals that follow a word in a source text.
    fn literals<'a>(source: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
        source
            .split(word)
            .skip(1)
            .filter_map(|rest| rest.trim_start().strip_prefix('"'))
            .filter_map(|rest| rest.split('"').next())
    }

    /// The second literal after a word, which is followed by a call with a literal: the key of a
    /// fault's particulars.
    fn seconds<'a>(source: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
        source.split(word).skip(1).filter_map(|rest| {
            let mut parts = rest.trim_start().strip_prefix('"')?.split('"');
            let (_, between, second) = (parts.next()?, parts.next()?, parts.next()?);
            (between.trim() == ",").then_some(second)
        })
    }

    fn sources(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                sources(&path, found);
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                found.push(text);
            }
        }
    }

    #[test]
    fn every_text_that_is_said_is_in_the_catalogue() {
        let mut found = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli"), &mut found);
        let mut missing = Vec::new();
        for source in &found {
            let said = ["out.text(", "out.tell(", ".say(", "say(", "confirm(", "empty: "];
            let keys = said.iter().flat_map(|word| literals(source, word)).map(str::to_owned);
            let particulars = ["::said(", "said(", "::needs("];
            let said = particulars.iter().flat_map(|word| seconds(source, word));
            let keys = keys.chain(said.map(str::to_owned));
            let columns = literals(source, "col(").map(|name| format!("col-{name}"));
            missing.extend(keys.chain(columns).filter(|key| {
                let key_like = key.bytes().all(|c| c.is_ascii_lowercase() || c == b'-');
                key_like && Lang::ALL.iter().any(|lang| find(*lang, key).is_none())
            }));
        }
        assert_eq!(missing, Vec::<String>::new());
    }

    #[test]
    fn codes_that_faults_carry_have_texts() {
        let mut found = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli"), &mut found);
        for code in found.iter().flat_map(|source| source.split('"')) {
            let plain = code.bytes().all(|c| c.is_ascii_lowercase() || c == b'_' || c == b'.');
            if plain && code.starts_with("cli.") && code.len() > 4 {
                assert!(crate::text::CLI_CODES.contains(&code), "{code}");
            }
        }
    }
}
