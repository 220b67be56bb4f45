//! `hefu audit query QUESTION`: the questions of auditors, asked of a node's query index.

use std::path::{Path, PathBuf};

use clap::Args;
use hefu_audit::question::{As, Kind, QUESTIONS, Question, question};
use hefu_primitives::H32;
use hefu_primitives::commitment::{Commitment, Purpose, Salt};
use serde::Deserialize;
use serde_json::{Value, json};

use super::app::App;
use super::args::{self, Paging};
use super::exit::Exit;
use super::fault::{Done, Fault};
use super::list::{foot, items};
use super::output::Format;
use super::table::{self, Column, Show, col};
use crate::text::Lang;

/// Pages asked for at most.
const MAX_PAGES: usize = 10_000;

macro_rules! asked {
    ($($name:ident)*) => {
        /// What a question is asked with; each takes some of these.
        #[derive(Args, Clone, Debug, Default)]
        pub(crate) struct Asked {
            $(#[arg(long)] $name: Option<String>,)*
        }

        impl Asked {
            /// Those given, by name.
            pub(crate) fn pairs(&self) -> Vec<(&'static str, String)> {
                [$((stringify!($name), &self.$name),)*]
                    .into_iter()
                    .filter_map(|(name, value)| Some((name, value.clone()?)))
                    .collect()
            }
        }
    };
}

asked! {
    at_height day from to from_height to_height certificate commitment authority actor region kind subject flag key
    issuer_region relying_region reason wrong state catalogue consumer provider province other item lead
    handler pauses pause_days power in_force action opposed member hours
}

/// An identifier and its salt, as whoever was shown them keeps them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Opened {
    identifier: String,
    salt: H32,
}

impl Asked {
    /// The certificate whose identifier and salt are in a file: what is asked with is the commitment
    /// to them, which tells neither.
    pub(crate) fn opened(&self, app: &App, file: &Path) -> Result<Self, Fault> {
        let text = app.read_text(file)?;
        let opened: Opened = serde_json::from_str(&text)
            .map_err(|_| Fault::said("cli.input", "audit-opening", &[("file", &file.display())]))?;
        let salt = Salt::new(*opened.salt.as_bytes());
        let commitment = Commitment::new(Purpose::Identifier, &salt, &opened.identifier);
        Ok(Self { commitment: Some(H32::from(commitment).to_string()), ..self.clone() })
    }
}

/// The parameters of a question as the interface takes them: a province may be given by name.
pub(crate) fn parameters(
    question: &'static Question,
    asked: &Asked,
) -> Result<Vec<(&'static str, String)>, Fault> {
    let mut pairs = asked.pairs();
    for (name, value) in &mut pairs {
        let known = question.all_params().find(|param| param.name == *name);
        let Some(param) = known else {
            let flag = format!("{} --{}", question.name, name.replace('_', "-"));
            return Err(Fault::with("cli.audit_parameter", &flag));
        };
        if param.kind == Kind::Region
            && let Ok(region) = args::region(value)
        {
            *value = region.to_string();
        }
    }
    if let Some(missing) = question.params.iter().find(|param| {
        let given = |wanted: &str| pairs.iter().any(|(name, _)| *name == wanted);
        let named = param.name == "certificate" && given("commitment");
        param.required && !named && !given(param.name)
    }) {
        let flag = format!("{} --{}", question.name, missing.name.replace('_', "-"));
        return Err(Fault::with("cli.audit_parameter_missing", &flag));
    }
    Ok(pairs)
}

/// The question of a name.
pub(crate) fn named(name: &str) -> Result<&'static Question, Fault> {
    // As the interface has it.
    let name = if name == "search" { "events" } else { name };
    question(name).map_err(|_| Fault::with("cli.audit_question", name))
}

/// Where a question is asked.
pub(crate) fn path(question: &Question) -> String {
    let name = if question.name == "events" { "search" } else { question.name };
    format!("/audit/{name}")
}

/// All questions, and what each is asked with.
pub(crate) fn list(app: &App) -> Done {
    let item = |question: &&'static Question| {
        let params = |required: bool| -> Vec<String> {
            let params = question.params.iter().filter(|param| param.required == required);
            params.map(|param| format!("--{}", param.name.replace('_', "-"))).collect()
        };
        let (title, about) = match app.out.lang {
            Lang::Zh => (question.title.zh, question.about.zh),
            Lang::En => (question.title.en, question.about.en),
        };
        json!({
            "question": question.name,
            "title": title,
            "about": about,
            "required": params(true),
            "optional": params(false),
        })
    };
    let rows: Vec<Value> = QUESTIONS.iter().map(item).collect();
    let columns = [
        col("question", "/question").raw(),
        col("title", "/title").raw(),
        col("required", "/required"),
        col("optional", "/optional"),
    ];
    app.out.list(&json!({ "items": rows }), &rows, &columns, "list-empty");
    Ok(Exit::Ok)
}

/// Asks, shows rows and totals, and fetches evidence if asked for.
pub(crate) fn ask(
    app: &App,
    question: &'static Question,
    asked: &Asked,
    paging: &Paging,
    capsules: Option<&Path>,
) -> Done {
    let filters = parameters(question, asked)?;
    let limit = if paging.all { 1_000 } else { paging.limit }.to_string();
    let (mut cursor, mut rows, mut first) = (paging.cursor.clone(), Vec::new(), Value::Null);
    for _ in 0..MAX_PAGES {
        let mut query: Vec<(&str, &str)> = vec![("limit", &limit)];
        query.extend(filters.iter().map(|(name, value)| (*name, value.as_str())));
        query.extend(cursor.iter().map(|cursor| ("cursor", cursor.as_str())));
        let answer = app.client()?.get(&path(question), &query)?;
        rows.extend_from_slice(items(&answer));
        cursor = answer.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
        if first.is_null() {
            first = answer;
        }
        if !paging.all || cursor.is_none() {
            break;
        }
    }
    if let Some(fields) = first.as_object_mut() {
        fields.insert("items".to_owned(), Value::Array(rows.clone()));
        fields.insert("next_cursor".to_owned(), json!(cursor));
    }
    show(app, question, &first, &rows);
    if let Some(cursor) = cursor {
        app.out.tell("list-more", &[("cursor", &cursor)]);
    }
    tell_scope(app, &first);
    foot(app, &first);
    if let Some(folder) = capsules {
        fetch(app, &rows, folder)?;
    }
    Ok(Exit::Ok)
}

/// Says what the mandate left out, if it did.
fn tell_scope(app: &App, answer: &Value) {
    let Some(scope) = answer.get("scope").filter(|scope| scope["restricts"] == true) else {
        return;
    };
    let of = |name: &str| table::cell(scope.get(name));
    let word = |kind: &str| table::word_of(kind, app.lang()).unwrap_or_else(|| kind.to_owned());
    let kinds: Vec<String> = of("kinds").split(' ').map(word).collect();
    let said = ["mandate", "members", "from", "to"].map(|name| (name, of(name)));
    let mut said = Vec::from(said);
    said.push(("kinds", kinds.join(", ")));
    let said: Vec<(&str, &str)> =
        said.iter().map(|(name, value)| (*name, value.as_str())).collect();
    app.out.tell("audit-scope", &said);
}

fn show(app: &App, question: &'static Question, answer: &Value, rows: &[Value]) {
    if app.out.format == Format::Table
        && let Some(totals) = answer.get("totals").filter(|totals| !totals.is_null())
    {
        let of = |name: &str| totals.get(name).and_then(Value::as_array).cloned();
        let names = of("columns").unwrap_or_default();
        let shown = |column: &Value| {
            let shown = column_of(column.get("name")?.as_str()?.to_owned().leak());
            Some(if column.get("type")? == "time" { shown.as_time() } else { shown })
        };
        let columns: Vec<Column> = names.iter().filter_map(shown).collect();
        // Where there is nothing to sum up, the rows below say so.
        let lines = of("items").filter(|lines| !lines.is_empty());
        if let Some(lines) = lines {
            app.out.list(totals, &lines, &columns, "audit-nothing");
            app.out.line("");
        }
    }
    let mut columns = vec![col("height", "/height"), col("time", "/time").as_time()];
    columns.extend(question.columns.iter().map(|column| {
        let shown = column_of(column.name);
        match column.read_as {
            As::Plain => shown.short(),
            As::Time => shown.as_time(),
            _ => shown,
        }
    }));
    app.out.list(answer, rows, &columns, "audit-nothing");
}

/// The key of a column's title. Of a block a certificate is its commit certificate.
fn title_of(name: &str) -> String {
    match name {
        "certificate" => "the-certificate".to_owned(),
        name => name.replace('_', "-"),
    }
}

/// A command runs once: what it leaks, it leaks once.
fn column_of(name: &'static str) -> Column {
    let path: &'static str = format!("/{name}").leak();
    Column { name: title_of(name).leak(), path, show: Show::Plain }
}

/// Writes the evidence capsule of each row, once for each transaction.
fn fetch(app: &App, rows: &[Value], folder: &Path) -> Result<(), Fault> {
    std::fs::create_dir_all(folder).map_err(|error| Fault::file(folder, &error))?;
    let mut seen = std::collections::BTreeSet::new();
    for tx in rows.iter().filter_map(|row| row.get("tx")?.as_str()) {
        if !seen.insert(tx) {
            continue;
        }
        let capsule = app.client()?.download(&format!("/transactions/{tx}/evidence"), &[])?;
        let file: PathBuf = folder.join(format!("{tx}.hefu"));
        app.write(&file, &capsule)?;
    }
    let (count, folder) = (seen.len().to_string(), folder.display().to_string());
    app.out.tell("audit-capsules", &[("count", &count), ("folder", &folder)]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, Parser};

    #[test]
    fn every_column_has_a_title() {
        let columns = QUESTIONS.iter().flat_map(|question| {
            question.columns.iter().chain(question.summary.iter().flat_map(|s| s.columns))
        });
        for column in columns {
            let key = format!("col-{}", title_of(column.name));
            for lang in Lang::ALL {
                assert!(crate::text::find(lang, &key).is_some(), "{key} {lang:?}");
            }
        }
    }

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        _asked: Asked,
    }

    #[test]
    fn every_parameter_of_every_question_can_be_given() {
        let command = Alone::command();
        let known: Vec<&str> = command.get_arguments().map(|arg| arg.get_id().as_str()).collect();
        for question in QUESTIONS {
            for param in question.all_params() {
                assert!(known.contains(&param.name), "{} --{}", question.name, param.name);
            }
        }
    }
}
