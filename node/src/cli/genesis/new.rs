//! `hefu genesis new`: the draft that founders agree on before they bring keys.

use std::path::PathBuf;

use clap::Args;
use hefu_genesis::{Charter, Draft, sample};
use hefu_primitives::{Millis, Region};
use serde_json::json;

use super::super::app::{App, now};
use super::super::args::{instant, region};
use super::super::exit::Exit;
use super::super::fault::{Done, Fault};

#[derive(Args)]
pub(crate) struct New {
    /// What the founders agree on, as JSON.
    #[arg(long, value_name = "FILE", required_unless_present = "sample")]
    charter: Option<PathBuf>,
    /// A province that is invited; give all of them.
    #[arg(long = "invite", value_name = "PROVINCE", value_parser = region)]
    invited: Vec<Region>,
    /// The fictitious sample: four provinces of the Yangtze delta.
    #[arg(long, conflicts_with_all = ["charter", "invited"])]
    sample: bool,
    /// When the ledger begins (with --sample); now when not given.
    #[arg(long, value_name = "TIME", value_parser = instant, requires = "sample")]
    created: Option<Millis>,
    /// The draft to write.
    #[arg(long, short = 'O', value_name = "FILE", default_value = "draft.json")]
    out: PathBuf,
}

pub(crate) fn run(app: &App, args: New) -> Done {
    app.expect_new(&args.out)?;
    let draft = match &args.charter {
        Some(path) => {
            let charter: Charter = serde_json::from_slice(&app.read(path)?).map_err(|error| {
                Fault::with("cli.genesis", format_args!("{}: {error}", path.display()))
            })?;
            Draft::new(charter, args.invited)
        }
        None => sample::draft(args.created.unwrap_or_else(now))?,
    };
    draft.check()?;
    app.write(&args.out, draft.to_json()?.as_bytes())?;
    let (hash, file) = (draft.hash().to_string(), args.out.display().to_string());
    let invited: Vec<String> = draft.invited.iter().map(Region::to_string).collect();
    let arguments = [("file", file.as_str()), ("hash", &hash), ("invited", &invited.join(" "))];
    let value = json!({ "file": file, "draft": hash, "invited": draft.invited });
    app.out.done(&value, &app.out.text("genesis-drafted", &arguments));
    Ok(Exit::Ok)
}
