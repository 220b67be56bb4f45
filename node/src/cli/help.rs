//! Help and usage errors in the user's language.
//!
//! The command tree is clap's; its texts come from the catalogue: `cmd-cert-import` is about a
//! command, `arg-cert-import-file` about one of its arguments, `arg-file` about every argument of
//! that name that has no text of its own. A test walks the tree: nothing is without a text.

use std::ffi::OsString;
use std::io::{self, IsTerminal};

use clap::builder::{Str, StyledStr};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory};

use super::Hefu;
use super::exit::Exit;
use super::fault::Fault;
use crate::text::{self, Lang};

/// The language named last on the command line, before anything else is parsed.
pub(crate) fn asked_lang(arguments: &[OsString]) -> Option<Lang> {
    let mut arguments = arguments.iter().filter_map(|argument| argument.to_str());
    let mut asked = None;
    while let Some(argument) = arguments.next() {
        if let Some(value) = argument.strip_prefix("--lang=") {
            asked = Lang::of(value);
        } else if argument == "--lang" {
            asked = arguments.next().and_then(Lang::of);
        }
    }
    asked
}

/// The command tree with its texts.
pub(crate) fn command(lang: Lang) -> Command {
    localise(Hefu::command(), "", lang).disable_help_subcommand(true)
}

fn localise(command: Command, path: &str, lang: Lang) -> Command {
    let say = |key: &str| text::text(lang, key, &[]);
    let template = format!(
        "{{before-help}}{{about-with-newline}}\n{}: {{usage}}\n\n{{all-args}}{{after-help}}",
        say("help-usage")
    );
    let (about, path_owned) = (about_key(path), path.to_owned());
    let mut command = command
        .about(say(&about))
        .long_about(None)
        .help_template(template)
        .subcommand_help_heading(say("help-commands"))
        .subcommand_value_name(say("help-command"))
        .disable_help_flag(true)
        .arg(
            clap::Arg::new("help")
                .short('h')
                .long("help")
                .action(clap::ArgAction::HelpShort)
                .global(false)
                .help(say("arg-help")),
        );
    if path.is_empty() {
        command = command.disable_version_flag(true).arg(
            clap::Arg::new("version")
                .short('V')
                .long("version")
                .action(clap::ArgAction::Version)
                .help(say("arg-version")),
        );
        if let Some(after) = text::find(lang, "help-after") {
            command = command.after_help(after.to_owned());
        }
    }
    if path == "demo" {
        command = command.after_help(super::scene::listing(lang));
    }
    let (arguments, options) = (say("help-arguments"), say("help-options"));
    let globals = say("help-globals");
    command = command.mut_args(move |argument| {
        let key = argument_key(&path_owned, argument.get_id().as_str(), lang);
        let heading = match () {
            () if argument.is_positional() => &arguments,
            () if argument.is_global_set() => &globals,
            () => &options,
        };
        // Without a name of its own clap shows a value by the name of its field.
        let field = argument.get_id().as_str().to_uppercase();
        let own: Vec<String> = match argument.get_value_names() {
            Some(names) => names.iter().map(ToString::to_string).collect(),
            None => vec![field],
        };
        let names = argument
            .get_action()
            .takes_values()
            .then(|| own.iter().map(|name| placeholder(name, lang).into()).collect::<Vec<Str>>());
        let help = text::text(lang, &key, &[]) + &values(&argument, lang);
        let values = argument.get_action().takes_values();
        let argument = argument
            .help(StyledStr::from(help))
            .help_heading(heading.clone())
            .hide_env(true)
            .hide_default_value(values)
            .hide_possible_values(values);
        match names {
            Some(names) => argument.value_names(names),
            None => argument,
        }
    });
    let below: Vec<String> =
        command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    for name in below {
        let path = if path.is_empty() { name.clone() } else { format!("{path}-{name}") };
        command = command.mut_subcommand(name, |command| localise(command, &path, lang));
    }
    command
}

/// What can be given and what is taken when nothing is, in the user's language; clap says it in
/// English only.
fn values(argument: &Arg, lang: Lang) -> String {
    if !argument.get_action().takes_values() {
        return String::new();
    }
    let mut said = String::new();
    let possible: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| value.get_name().to_owned())
        .collect();
    let default: Vec<String> = argument
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy().into_owned())
        .collect();
    for (key, values) in [("help-possible", possible), ("help-default", default)] {
        if !values.is_empty() {
            said.push(' ');
            said.push_str(&text::text(lang, key, &[("values", &values.join(" | "))]));
        }
    }
    said
}

/// The name of a value in the user's language, word by word: `NAME=VALUE`, `LABEL|ID`.
fn placeholder(name: &str, lang: Lang) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut shown = String::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| is_part(c) != is_part(first)).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        let key = format!("ph-{}", part.to_lowercase().replace('_', "-"));
        shown.push_str(text::find(lang, &key).unwrap_or(part));
        rest = after;
    }
    shown
}

fn about_key(path: &str) -> String {
    if path.is_empty() { "cmd".to_owned() } else { format!("cmd-{path}") }
}

/// The most particular key that has a text.
fn argument_key(path: &str, id: &str, lang: Lang) -> String {
    let id = id.replace('_', "-");
    let own = format!("arg-{path}-{id}");
    if text::find(lang, &own).is_some() { own } else { format!("arg-{id}") }
}

/// Whether JSON is asked for, before anything else is parsed.
pub(crate) fn asked_json(arguments: &[OsString]) -> bool {
    let mut arguments = arguments.iter().filter_map(|argument| argument.to_str());
    while let Some(argument) = arguments.next() {
        if argument == "--json" {
            return true;
        }
        let joined = argument.strip_prefix("--output=").or_else(|| argument.strip_prefix("-o"));
        let value = match (argument, joined) {
            ("--output" | "-o", _) => arguments.next(),
            (_, joined) => joined,
        };
        if matches!(value, Some("json" | "jsonl")) {
            return true;
        }
    }
    false
}

/// Tells a usage error, help or version. A usage error is a fault like others: one JSON object for
/// programs, prose for people.
pub(crate) fn report(error: &clap::Error, lang: Lang, json: bool) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            print!("{}", rendered(error, lang, io::stdout().is_terminal()));
            Exit::Ok
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            eprint!("{}", rendered(error, lang, io::stderr().is_terminal()));
            Exit::Usage
        }
        _ if json => {
            let told = usage_error(error, lang);
            let fault = Fault::with("cli.usage", told);
            eprintln!("{}", fault.to_json(lang));
            Exit::Usage
        }
        _ => {
            let name = text::text(lang, "error", &[]);
            eprintln!("{name} cli.usage: {}", usage_error(error, lang));
            Exit::Usage
        }
    }
}

/// What clap wrote, with the words that it has in English only.
fn rendered(error: &clap::Error, lang: Lang, terminal: bool) -> String {
    let styled = error.render();
    let plain = !terminal || std::env::var_os("NO_COLOR").is_some();
    let shown = if plain { styled.to_string() } else { styled.ansi().to_string() };
    in_usage(&shown, lang)
}

fn in_usage(usage: &str, lang: Lang) -> String {
    usage.replace("[OPTIONS]", &format!("[{}]", text::text(lang, "help-options", &[])))
}

/// Forms of values, by the names of the values.
const FORMS: &[(&str, &str)] = &[
    ("DAY", "form-day"),
    ("USCC", "form-uscc"),
    ("ID", "form-id"),
    ("ATT_ID", "form-id"),
    ("DEC_ID", "form-id"),
    ("REQ_ID", "form-id"),
    ("GRANT_ID", "form-id"),
    ("RCP_ID", "form-id"),
    ("TX", "form-hash"),
    ("HASH", "form-hash"),
    ("HEIGHT", "form-height"),
    ("TYPE", "form-type"),
    ("TYPE_CODE", "form-type"),
    ("ITEM", "form-item"),
    ("ADDRESS:PORT", "form-address"),
    ("zh|en", "form-lang"),
];

/// What a value should be, in the user's language; what the reader of the value said where there
/// is no text for it.
fn form(argument: &str, said: &str, lang: Lang) -> String {
    if let Some(text) = text::find(lang, said) {
        return text.to_owned();
    }
    if let Some((_, range)) = said.split_once(" is not in ") {
        return text::text(lang, "form-range", &[("range", &range.replace("..=", "–"))]);
    }
    let name = argument.split_once(['<', '[']).map_or(argument, |(_, name)| name);
    let name = name.trim_end_matches('.').trim_end_matches(['>', ']']);
    let known = FORMS.iter().find(|(form, _)| *form == name || placeholder(form, lang) == name);
    if let Some((_, key)) = known {
        return text::text(lang, key, &[]);
    }
    let number = ["invalid digit", "number too large", "cannot parse integer"];
    match number.iter().any(|words| said.contains(words)) {
        true => text::text(lang, "form-number", &[]),
        false => said.to_owned(),
    }
}

/// A usage error in the user's language: what, where, and the usage.
fn usage_error(error: &clap::Error, lang: Lang) -> String {
    let context = |kind: ContextKind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
        Some(ContextValue::StyledStr(text)) => Some(text.to_string()),
        Some(ContextValue::StyledStrs(texts)) => {
            Some(texts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        }
        _ => None,
    };
    let argument = context(ContextKind::InvalidArg).unwrap_or_default();
    let invalid = argument.clone();
    let value = context(ContextKind::InvalidValue).unwrap_or_default();
    let (key, what) = match error.kind() {
        ErrorKind::InvalidSubcommand => {
            ("usage-command", context(ContextKind::InvalidSubcommand).unwrap_or_default())
        }
        ErrorKind::UnknownArgument => ("usage-unknown", argument),
        ErrorKind::MissingRequiredArgument => ("usage-missing", argument),
        ErrorKind::MissingSubcommand => ("usage-subcommand", String::new()),
        ErrorKind::ArgumentConflict => ("usage-conflict", argument),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation if value.is_empty() => {
            ("usage-no-value", argument)
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            ("usage-value", format!("{argument} = {value}"))
        }
        _ => ("usage-other", argument),
    };
    let mut lines = vec![text::text(lang, key, &[("what", &what)])];
    let mut add = |key: &str, found: Option<String>| {
        if let Some(found) = found.filter(|found| !found.is_empty()) {
            lines.push(format!("  {}: {found}", text::text(lang, key, &[])));
        }
    };
    let said = core::error::Error::source(error).map(ToString::to_string);
    match said.as_deref().map(|said| (said, said.strip_prefix(super::args::ONE_OF))) {
        Some((_, Some(words))) => add("usage-possible", Some(words.to_owned())),
        Some((said, None)) => add("error-detail", Some(form(&invalid, said, lang))),
        None => {}
    }
    let suggestion = context(ContextKind::SuggestedArg)
        .or_else(|| context(ContextKind::SuggestedSubcommand))
        .or_else(|| context(ContextKind::SuggestedValue));
    add("usage-suggestion", suggestion);
    add("usage-possible", context(ContextKind::ValidValue).filter(|_| true));
    let usage = context(ContextKind::Usage).map(|usage| {
        let usage = usage.trim();
        in_usage(usage.strip_prefix("Usage:").unwrap_or(usage).trim(), lang)
    });
    add("help-usage", usage);
    add("error-remedy", text::explain(lang, "cli.usage").map(|(_, remedy)| remedy.to_owned()));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;

    fn walk(command: &Command, path: &str, missing: &mut Vec<String>, lang: Lang) {
        if text::find(lang, &about_key(path)).is_none() {
            missing.push(about_key(path));
        }
        for argument in command.get_arguments() {
            let key = argument_key(path, argument.get_id().as_str(), lang);
            if text::find(lang, &key).is_none() {
                missing.push(format!("{key} (of {path})"));
            }
        }
        for below in command.get_subcommands() {
            let name = below.get_name();
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}-{name}") };
            walk(below, &path, missing, lang);
        }
    }

    #[test]
    fn every_command_and_argument_has_a_text() {
        for lang in Lang::ALL {
            let mut missing = Vec::new();
            walk(&command(lang), "", &mut missing, lang);
            missing.sort();
            missing.dedup();
            assert_eq!(missing, Vec::<String>::new(), "no text in locales/{}", lang.tag());
        }
    }

    #[test]
    fn the_tree_is_sound() {
        Hefu::command().debug_assert();
        command(Lang::Zh).debug_assert();
    }

    #[test]
    fn help_is_in_the_language_asked_for() {
        let help = |lang| command(lang).render_help().to_string();
        assert!(help(Lang::Zh).contains("用法") && !help(Lang::Zh).contains("Usage"));
        assert!(help(Lang::En).contains("Usage"));
    }

    #[test]
    fn the_language_is_found_before_parsing() {
        let asked = |text: &str| asked_lang(&text.split(' ').map(Into::into).collect::<Vec<_>>());
        assert_eq!(asked("--lang en audit --lang zh"), Some(Lang::Zh), "the last one counts");
        assert_eq!(asked("hefu --lang en status"), Some(Lang::En));
        assert_eq!(asked("hefu status --lang=zh"), Some(Lang::Zh));
        assert_eq!(asked("hefu status --lang"), None);
    }

    #[test]
    fn usage_errors_are_translated_and_suggest() {
        let error = |line: &str| {
            let parsed = command(Lang::En).try_get_matches_from(line.split(' '));
            usage_error(&parsed.unwrap_err(), Lang::En)
        };
        let text = error("hefu cert imprt x");
        assert!(text.contains("imprt") && text.contains("import"), "{text}");
        let text = error("hefu block show --heigth 3");
        assert!(text.contains("--heigth"), "{text}");
        let text = error("hefu status -o xml");
        assert!(text.contains("jsonl"), "{text}");
    }

    /// Every help there is, with the path of its command.
    fn helps(command: &Command, path: &str, found: &mut Vec<(String, String)>) {
        let path = format!("{path} {}", command.get_name());
        found.push((path.clone(), in_usage(&command.clone().render_help().to_string(), Lang::Zh)));
        for below in command.get_subcommands() {
            helps(below, &path, found);
        }
    }

    /// Words that stay as they are in Chinese prose: names, signs, what is typed.
    fn is_prose(word: &str) -> bool {
        let letters = word.chars().filter(|c| c.is_ascii_alphabetic()).count();
        letters > 2 && word.chars().all(|c| c.is_ascii_lowercase())
    }

    /// A line is English prose when it has no Chinese and three common words in a row.
    #[track_caller]
    fn assert_chinese(of: &str, text: &str) {
        for line in text.lines() {
            let chinese = line.chars().any(|c| c > '\u{2e80}');
            let words: Vec<&str> = line.split_whitespace().collect();
            let english = words.windows(3).any(|three| three.iter().all(|word| is_prose(word)));
            assert!(chinese || !english, "{of}: {line}");
            for artefact in
                ["possible values", "default:", "[OPTIONS]", "<COMMAND>", "Region(", "Some("]
            {
                assert!(!line.contains(artefact), "{of}: {line}");
            }
        }
    }

    #[test]
    fn every_help_in_chinese_is_chinese_throughout() {
        let mut found = Vec::new();
        let mut tree = command(Lang::Zh);
        tree.build();
        helps(&tree, "", &mut found);
        assert!(found.len() > 80, "{}", found.len());
        for (path, help) in &found {
            assert_chinese(path, help);
            // Every argument and command is explained: no line of the lists without Chinese.
            let listed = help
                .lines()
                .skip_while(|line| !line.ends_with(':'))
                .filter(|line| line.starts_with("  ") && !line.trim().is_empty());
            for line in listed {
                assert!(line.chars().any(|c| c > '\u{2e80}'), "{path}: {line}");
            }
        }
        let defaults = found.iter().filter(|(_, help)| help.contains("[默认:")).count();
        assert!(defaults > 50, "defaults are told: {defaults}");
    }

    /// Names of values are in Chinese too, but for what is typed as it stands.
    #[test]
    fn names_of_values_are_chinese() {
        fn walk(command: &Command, path: &str, found: &mut Vec<String>) {
            let valued = |argument: &&Arg| argument.get_action().takes_values();
            for argument in command.get_arguments().filter(valued) {
                let names = argument.get_value_names().unwrap_or_default();
                let left = names
                    .iter()
                    .filter(|name| name.len() > 3 && name.bytes().any(|c| c.is_ascii_uppercase()));
                found.extend(left.map(|name| format!("{path}: {name}")));
            }
            for below in command.get_subcommands() {
                walk(below, &format!("{path} {}", below.get_name()), found);
            }
        }
        let mut found = Vec::new();
        walk(&command(Lang::Zh), "hefu", &mut found);
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn wrong_values_are_explained_in_the_users_language() {
        for line in [
            "hefu member show nowhere",
            "hefu cert show zz",
            "hefu cert show 0123456789abcdef0123456789abcdef --at-height x",
            "hefu status --timeout 0",
            "hefu status --lang fr",
            "hefu status -o xml",
            "hefu demo --for soon",
            "hefu demo --port 99999",
            "hefu run --api-listen nowhere",
            "hefu genesis join --draft d --sample 310000 --address nowhere",
            "hefu cert suspend 0123456789abcdef0123456789abcdef --reason 0",
            "hefu cert suspend 0123456789abcdef0123456789abcdef --reason x",
            "hefu cert list --issuer x",
            "hefu cert present --find x --fields a --expires soon",
            "hefu recognise decide --att x --outcome maybe --scenario 1",
            "hefu tx show xx",
            "hefu verify c --genesis xx",
            "hefu share publish",
            "hefu key new",
            "hefu nothing",
            "hefu status --nothing",
            "hefu status --every",
            "hefu agreement propose --party 310000 --entry x --text t --effective soon",
        ] {
            for lang in Lang::ALL {
                let parsed = command(lang).try_get_matches_from(line.split(' '));
                let error = parsed.and_then(|mut m| Hefu::from_arg_matches_mut(&mut m).map(|_| ()));
                let told = usage_error(&error.expect_err(line), lang);
                assert!(told.lines().count() > 1 && !told.contains(": ?"), "{line}: {told}");
                if lang == Lang::Zh {
                    assert_chinese(line, &told);
                    let first = told.lines().take(2);
                    let all = first.clone().all(|l| l.chars().any(|c| c > '\u{2e80}'));
                    assert!(all, "{line}: {told}");
                }
            }
        }
    }

    #[test]
    fn programs_are_told_of_usage_errors_as_of_others() {
        let asked = |line: &str| asked_json(&line.split(' ').map(Into::into).collect::<Vec<_>>());
        assert!(asked("hefu -o json x") && asked("hefu x --output=jsonl") && asked("hefu -ojson"));
        assert!(!asked("hefu -o table json") && !asked("hefu status"));
    }
}
