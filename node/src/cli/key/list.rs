//! `hefu key list` and `show`: keys here, and keys on the ledger.

use clap::Args;
use hefu_primitives::{KeyId, Uscc};
use serde_json::{Value, json};

use super::super::app::App;
use super::super::args::{AtHeight, Paging};
use super::super::exit::Exit;
use super::super::fault::Done;
use super::super::list;
use super::super::table::{Column, col};
use super::shown;

const HERE: &[Column] = &[
    col("label", "/label").raw(),
    col("id", "/id"),
    col("roles", "/roles"),
    col("created", "/created"),
    col("weak-passphrase", "/weak_passphrase"),
];

const LEDGER: &[Column] = &[
    col("id", "/id|/key_id"),
    col("owner", "/owner"),
    col("roles", "/roles"),
    col("state", "/state"),
    col("not-before", "/not_before").as_time(),
    col("not-after", "/not_after").as_time(),
];

#[derive(Args)]
pub(crate) struct List {
    /// Keys on the ledger, not those here.
    #[arg(long)]
    ledger: bool,
    /// Keys of this authority.
    #[arg(long, value_name = "USCC", requires = "ledger")]
    owner: Option<Uscc>,
    #[command(flatten)]
    paging: Paging,
}

pub(crate) fn run(app: &App, args: &List) -> Done {
    if args.ledger {
        let filters: Vec<(&str, String)> =
            args.owner.iter().map(|owner| ("owner", owner.to_string())).collect();
        let keys = list::List { path: "/keys", columns: LEDGER, empty: "list-empty" };
        return keys.show(app, &args.paging, &filters);
    }
    let folder = app.node_settings()?.config.keystore_path();
    let rows: Vec<Value> = match folder.is_dir() {
        true => app.keystore()?.list()?.iter().map(shown).collect(),
        false => Vec::new(),
    };
    app.out.list(&json!({ "items": rows }), &rows, HERE, "key-list-empty");
    Ok(Exit::Ok)
}

#[derive(Args)]
pub(crate) struct Show {
    /// The key, by label or id.
    key: String,
    #[command(flatten)]
    at: AtHeight,
}

pub(crate) fn show(app: &App, args: &Show) -> Done {
    let id: KeyId = match args.key.parse() {
        Ok(id) => id,
        Err(_) => app.keystore()?.info(args.key.as_str())?.id,
    };
    list::show(app, &format!("/keys/{id}"), args.at)
}
