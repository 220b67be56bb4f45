//! `hefu genesis sign`: governors put their names to the assembled genesis.

use std::path::PathBuf;

use clap::Args;
use hefu_genesis::MemberSeed;
use hefu_primitives::Region;
use serde_json::json;

use super::super::app::App;
use super::super::exit::Exit;
use super::super::fault::{Done, Fault};

#[derive(Args)]
pub(crate) struct Sign {
    /// The genesis.
    genesis: PathBuf,
    /// Sign with this key, by label or id; with every governor key that is here when not given.
    #[arg(long = "key", value_name = "LABEL|ID")]
    keys: Vec<String>,
    /// Take over the signatures of these copies.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    merge: Vec<PathBuf>,
    /// Take over signatures only.
    #[arg(long, requires = "merge", conflicts_with = "keys")]
    merge_only: bool,
    /// The file to write; the genesis itself when not given.
    #[arg(long, short = 'O', value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn run(app: &App, args: &Sign) -> Done {
    let mut signed = super::read(app, &args.genesis)?;
    signed.verify(false)?;
    for path in &args.merge {
        signed.merge(&super::read(app, path)?)?;
    }
    let mut with = Vec::new();
    if !args.merge_only {
        let keystore = app.keystore()?;
        let governs = |member: &MemberSeed, id| member.governor_keys.iter().any(|k| k.id() == id);
        for info in keystore.list()? {
            let named =
                args.keys.iter().any(|key| *key == info.label || *key == info.id.to_string());
            let governor = signed.genesis.members().iter().any(|member| governs(member, info.id));
            if named || (args.keys.is_empty() && governor) {
                signed.sign(&keystore.load(info.id, app.passphrase()?)?)?;
                with.push(info.label);
            }
        }
        if with.is_empty() {
            let folder = keystore.folder().display();
            return Err(Fault::said("cli.no_key", "no-governor-key", &[("folder", &folder)]));
        }
    }
    let report = signed.verify(false)?;
    let path = args.out.as_ref().unwrap_or(&args.genesis);
    // The signed copy takes the place of the one without: that is what the command is for.
    crate::keystore::disk::replace(path, signed.to_json()?.as_bytes())
        .map_err(|error| Fault::file(path, &error))?;
    let missing: Vec<String> = report.missing().iter().map(Region::to_string).collect();
    let (hash, labels) = (signed.genesis.hash().to_string(), with.join(" "));
    let mut prose = app.out.text("genesis-signed", &[("keys", &labels), ("hash", &hash)]);
    let missing_text = missing.join(" ");
    prose.push('\n');
    prose.push_str(&match missing.is_empty() {
        true => app.out.text("genesis-complete", &[]),
        false => app.out.text("genesis-missing", &[("missing", &missing_text)]),
    });
    let value = json!({
        "file": path.display().to_string(),
        "genesis": hash,
        "signed_with": with,
        "complete": report.is_complete(),
        "missing": report.missing(),
    });
    app.out.done(&value, &prose);
    Ok(Exit::Ok)
}
