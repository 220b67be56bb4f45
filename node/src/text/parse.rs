//! Reads message files: the part of Fluent (FTL) that needs no library.
//!
//! ```text
//! # a comment
//! key = text with { $argument }
//!     goes on in an indented line
//!     .remedy = an attribute: the message "key.remedy"
//! ```
//!
//! Invariants: a file that parses here is valid Fluent with the same meaning; a key stands once.
//! This module does not know which messages there should be.

use std::collections::BTreeMap;

/// Messages of one language by key.
pub(super) type Messages = BTreeMap<String, String>;

/// A line that is no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ParseError {
    /// Neither a message, nor an attribute, nor a continuation.
    #[error("line {0}: not understood")]
    Line(usize),
    /// A key that stands twice.
    #[error("line {0}: the key stands twice")]
    Repeated(usize),
}

/// Adds the messages of a file.
pub(super) fn parse(text: &str, messages: &mut Messages) -> Result<(), ParseError> {
    let mut message = String::new();
    let mut current: Option<String> = None;
    for (number, line) in text.lines().enumerate() {
        let number = number + 1;
        let (indented, content) = (line.starts_with(' '), line.trim());
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let attribute = content.strip_prefix('.').filter(|_| indented);
        match (indented, attribute.unwrap_or(content).split_once('=')) {
            (false, Some((key, value))) if is_key(key.trim()) => {
                message = key.trim().to_owned();
                insert(messages, message.clone(), value.trim(), number)?;
                current = Some(message.clone());
            }
            (true, Some((key, value))) if attribute.is_some() && is_key(key.trim()) => {
                let key = format!("{message}.{}", key.trim());
                insert(messages, key.clone(), value.trim(), number)?;
                current = Some(key);
            }
            (true, _) if attribute.is_none() => {
                let key = current.as_ref().ok_or(ParseError::Line(number))?;
                let text = messages.entry(key.clone()).or_default();
                if !text.is_empty() {
                    text.push('\n');
                }
                text.push_str(content);
            }
            _ => return Err(ParseError::Line(number)),
        }
    }
    Ok(())
}

fn insert(
    messages: &mut Messages,
    key: String,
    value: &str,
    line: usize,
) -> Result<(), ParseError> {
    match messages.insert(key, value.to_owned()) {
        None => Ok(()),
        Some(_) => Err(ParseError::Repeated(line)),
    }
}

fn is_key(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_')
}

/// Puts arguments in the place of `{ $name }`; an argument nobody gave stays visible.
pub(super) fn fill(text: &str, arguments: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let placeable = after
            .split_once('}')
            .and_then(|(inside, after)| inside.trim().strip_prefix('$').map(|name| (name, after)));
        match placeable {
            Some((name, after)) => {
                match arguments.iter().find(|(given, _)| *given == name) {
                    Some((_, value)) => filled.push_str(value),
                    None => filled.push_str(&format!("{{${name}}}")),
                }
                rest = after;
            }
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}

/// What stands in a text in the place of each `{ $name }` of a pattern, if the text has its form.
pub(super) fn arguments<'a>(pattern: &'a str, text: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
    let mut parts = pattern.split('{');
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut found = Vec::new();
    for part in parts {
        let (inside, literal) = part.split_once('}')?;
        let name = inside.trim().strip_prefix('$')?;
        let at = if literal.is_empty() { rest.len() } else { rest.find(literal)? };
        let (value, after) = rest.split_at(at);
        found.push((name, value));
        rest = after.strip_prefix(literal)?;
    }
    let whole = rest.is_empty() && found.iter().all(|(_, value)| !value.is_empty());
    whole.then_some(found)
}

/// The arguments a text asks for, sorted.
#[cfg(test)]
pub(super) fn placeholders(text: &str) -> Vec<String> {
    let mut names: Vec<String> = text
        .split('{')
        .skip(1)
        .filter_map(|part| part.split_once('}'))
        .filter_map(|(inside, _)| inside.trim().strip_prefix('$').map(str::to_owned))
        .collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_attributes_continuations() {
        let mut messages = Messages::new();
        let file = "# head\na-1 = one { $x }\n    two = 2\n    .remedy = do it\n\nb = x\n";
        parse(file, &mut messages).unwrap();
        assert_eq!(messages["a-1"], "one { $x }\ntwo = 2");
        assert_eq!(messages["a-1.remedy"], "do it");
        assert_eq!(messages["b"], "x");
        assert_eq!(parse("b = y", &mut messages), Err(ParseError::Repeated(1)));
        assert_eq!(parse("nonsense", &mut messages), Err(ParseError::Line(1)));
        assert_eq!(parse("  lost", &mut Messages::new()), Err(ParseError::Line(1)));
    }

    #[test]
    fn filling() {
        assert_eq!(fill("{ $a }-{$b}-{ $c }", &[("a", "1"), ("b", "二")]), "1-二-{$c}");
        assert_eq!(fill("{ not one } {", &[]), "{ not one } {");
        assert_eq!(placeholders("{$b} { $a } {$b}"), ["a", "b"]);
    }
}
