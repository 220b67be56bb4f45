//! `hefu config show` and `check`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::app::App;
use super::exit::Exit;
use super::fault::Done;
use super::table::{Column, col};
use crate::config::{Loaded, Origin};

const SETTINGS: &[Column] = &[col("setting", "/setting"), col("value", "/value").raw()];
const WITH_ORIGIN: &[Column] =
    &[col("setting", "/setting"), col("value", "/value").raw(), col("origin", "/origin")];

#[derive(Subcommand)]
pub(crate) enum Config {
    Show(Show),
    Check,
}

#[derive(Args)]
pub(crate) struct Show {
    /// Where each value comes from.
    #[arg(long)]
    origin: bool,
}

pub(crate) fn run(app: &App, command: Config) -> Done {
    let loaded = app.node_settings()?;
    match command {
        Config::Show(args) => {
            let columns = if args.origin { WITH_ORIGIN } else { SETTINGS };
            let rows = rows(app, loaded);
            app.out.list(&json!(rows), &rows, columns, "list-empty");
        }
        Config::Check => {
            stray(app, loaded);
            let file =
                loaded.file.as_ref().map_or_else(|| "–".to_owned(), |f| f.display().to_string());
            let value = json!({ "valid": true, "file": loaded.file, "stray": loaded.stray });
            app.out.done(&value, &app.out.text("config-valid", &[("file", &file)]));
        }
    }
    Ok(Exit::Ok)
}

fn rows(app: &App, loaded: &Loaded) -> Vec<Value> {
    let row = |(setting, value, origin): &(String, String, Origin)| {
        let origin = match origin {
            Origin::Flag(name) | Origin::Variable(name) => name.clone(),
            Origin::File(path) => path.display().to_string(),
            Origin::Default => app.out.text("origin-default", &[]),
        };
        json!({ "setting": setting, "value": value, "origin": origin })
    };
    loaded.origins.iter().map(row).collect()
}

fn stray(app: &App, loaded: &Loaded) {
    for (name, like) in &loaded.stray {
        let like = like.as_deref().unwrap_or("–");
        app.out.warn(&app.out.text("config-stray", &[("name", name), ("like", like)]));
    }
}
