//! `hefu explain`: what a code means and what to do about it.

use clap::Args;
use serde_json::{Value, json};

use super::app::App;
use super::exit::Exit;
use super::fault::{Done, Fault, contract_name};
use super::table::{Column, col};
use crate::text::{self, Lang};

const COLUMNS: &[Column] =
    &[col("code", "/code"), col("name", "/name"), col("exit", "/exit"), col("cause", "/cause")];

#[derive(Args)]
pub(crate) struct Explain {
    /// The code.
    #[arg(required_unless_present = "list")]
    code: Option<String>,
    /// All codes.
    #[arg(long, conflicts_with = "code")]
    list: bool,
}

pub(crate) fn run(app: &App, args: &Explain) -> Done {
    let Some(code) = args.code.as_ref().filter(|_| !args.list) else {
        let rows: Vec<Value> =
            text::all_codes().iter().filter_map(|code| entry(app, code)).collect();
        app.out.list(&Value::Array(rows.clone()), &rows, COLUMNS, "list-empty");
        return Ok(Exit::Ok);
    };
    let code = normalised(code);
    let Some(found) = entry(app, &code) else {
        let codes = text::all_codes();
        let like = crate::config::closest(&code, codes.iter().map(String::as_str));
        let detail = like.map_or_else(|| code.clone(), |like| format!("{code} ~ {like}?"));
        return Err(Fault::with("cli.unknown_code", detail));
    };
    let prose = Fault::new(code).report(app.lang());
    // A code is explained, not reported: without the word for an error.
    let prose = prose.split_once(' ').map_or(prose.as_str(), |(_, rest)| rest);
    app.out.done(&found, prose);
    Ok(Exit::Ok)
}

/// `e415`, `415` and `E415` are the same.
fn normalised(code: &str) -> String {
    let digits = code.trim_start_matches(['e', 'E']);
    match digits.parse::<u16>() {
        Ok(number) => format!("E{number}"),
        Err(_) => code.to_lowercase(),
    }
}

/// In the language asked for, and in each: a table of codes is for people of both.
fn entry(app: &App, code: &str) -> Option<Value> {
    let (cause, remedy) = text::explain(app.lang(), code)?;
    let of = |lang| {
        let found = text::explain(lang, code);
        found.map(|(cause, remedy)| json!({ "cause": cause, "remedy": remedy }))
    };
    Some(json!({
        "zh": of(Lang::Zh),
        "en": of(Lang::En),
        "code": code,
        "name": contract_name(code),
        "exit": Exit::of_code(code).number(),
        "cause": cause,
        "remedy": remedy,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained_in_both_languages() {
        for code in text::all_codes() {
            let [zh, en] = Lang::ALL.map(|lang| text::explain(lang, &code).expect(&code));
            assert!(zh != en && !zh.1.is_empty() && !en.1.is_empty(), "{code}");
        }
    }

    #[test]
    fn codes_as_people_type_them() {
        assert_eq!(normalised("e415"), "E415");
        assert_eq!(normalised("415"), "E415");
        assert_eq!(normalised("API.busy"), "api.busy");
    }
}
