//! Help and usage errors in the user's language.
//!
//! The command tree is clap's; its texts come from the catalogue: `cmd-cert-import` is about a
//! command, `arg-cert-import-file` about one of its arguments, `arg-file` about every argument of
//! that name that has no text of its own. A test walks the tree: nothing is without a text.

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory};

use super::Hefu;
use super::exit::Exit;
use crate::text::{self, Lang};

/// The language named on the command line, before anything else is parsed.
pub(crate) fn asked_lang(arguments: &[OsString]) -> Option<Lang> {
    let mut arguments = arguments.iter().filter_map(|argument| argument.to_str());
    while let Some(argument) = arguments.next() {
        if let Some(value) = argument.strip_prefix("--lang=") {
            return Lang::of(value);
        }
        if argument == "--lang" {
            return arguments.next().and_then(Lang::of);
        }
    }
    None
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
    let (arguments, options) = (say("help-arguments"), say("help-options"));
    let globals = say("help-globals");
    command = command.mut_args(move |argument| {
        let key = argument_key(&path_owned, argument.get_id().as_str(), lang);
        let heading = match () {
            () if argument.is_positional() => &arguments,
            () if argument.is_global_set() => &globals,
            () => &options,
        };
        argument
            .help(StyledStr::from(text::text(lang, &key, &[])))
            .help_heading(heading.clone())
            .hide_env(true)
    });
    let below: Vec<String> =
        command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    for name in below {
        let path = if path.is_empty() { name.clone() } else { format!("{path}-{name}") };
        command = command.mut_subcommand(name, |command| localise(command, &path, lang));
    }
    command
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

/// Tells a usage error, help or version.
pub(crate) fn report(error: &clap::Error, lang: Lang) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _ = error.print();
            Exit::Ok
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            Exit::Usage
        }
        _ => {
            eprintln!("{}", usage_error(error, lang));
            Exit::Usage
        }
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
    let mut lines = vec![format!(
        "{} cli.usage: {}",
        text::text(lang, "error", &[]),
        text::text(lang, key, &[("what", &what)])
    )];
    let mut add = |key: &str, found: Option<String>| {
        if let Some(found) = found.filter(|found| !found.is_empty()) {
            lines.push(format!("  {}: {found}", text::text(lang, key, &[])));
        }
    };
    if let Some(source) = core::error::Error::source(error) {
        add("error-detail", Some(source.to_string()));
    }
    let suggestion = context(ContextKind::SuggestedArg)
        .or_else(|| context(ContextKind::SuggestedSubcommand))
        .or_else(|| context(ContextKind::SuggestedValue));
    add("usage-suggestion", suggestion);
    add("usage-possible", context(ContextKind::ValidValue).filter(|_| true));
    let usage = context(ContextKind::Usage).map(|usage| {
        let usage = usage.trim();
        usage.strip_prefix("Usage:").unwrap_or(usage).trim().to_owned()
    });
    add("help-usage", usage);
    lines.join("\n")
}

#[cfg(test)]
mod tests {
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
        assert!(text.contains("cli.usage") && text.contains("import"), "{text}");
        let text = error("hefu block show --heigth 3");
        assert!(text.contains("--heigth"), "{text}");
        let text = error("hefu status -o xml");
        assert!(text.contains("jsonl"), "{text}");
    }
}
