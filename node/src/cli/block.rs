//! `hefu block`: what the ledger is made of.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use hefu_primitives::Height;
use serde_json::json;

use super::app::App;
use super::args::Paging;
use super::exit::Exit;
use super::fault::Done;
use super::list::{self, List};
use super::table::{Column, col};

const COLUMNS: &[Column] = &[
    col("height", "/height|/header/height"),
    col("time", "/time_ms|/block_time_ms|/header/time").as_time(),
    col("block-id", "/block_id").short(),
    col("proposer", "/proposer|/header/proposer").short(),
    col("transactions", "/transactions").count(),
    col("log-size", "/log_size|/header/log_size"),
];

#[derive(Subcommand)]
pub(crate) enum Block {
    List(From),
    Show(Show),
}

#[derive(Args)]
pub(crate) struct From {
    /// From this height on.
    #[arg(long, value_name = "HEIGHT")]
    from: Option<Height>,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Args)]
pub(crate) struct Show {
    /// The height.
    height: Height,
    /// Write the block's stored bytes to a file.
    #[arg(long, value_name = "FILE")]
    raw: Option<PathBuf>,
}

pub(crate) fn run(app: &App, command: Block) -> Done {
    match command {
        Block::List(args) => {
            let filters: Vec<(&str, String)> =
                args.from.iter().map(|height| ("from", height.to_string())).collect();
            List { path: "/blocks", columns: COLUMNS, empty: "list-empty" }.show(
                app,
                &args.paging,
                &filters,
            )
        }
        Block::Show(args) => match &args.raw {
            None => list::show(app, &format!("/blocks/{}", args.height), Default::default()),
            Some(path) => {
                let bytes = app.client()?.download(&format!("/blocks/{}/raw", args.height), &[])?;
                app.write(path, &bytes)?;
                let file = path.display().to_string();
                let size = bytes.len().to_string();
                let prose = app.out.text("file-written", &[("file", &file), ("bytes", &size)]);
                app.out.say(&prose);
                let _ = json!({ "file": file });
                Ok(Exit::Ok)
            }
        },
    }
}
