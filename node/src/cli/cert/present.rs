//! `hefu cert present`: chosen fields of a certificate for somebody else, as JSON and as a QR code.

use std::path::{Path, PathBuf};

use clap::Args;
use hefu_contracts::identity::Role;
use hefu_primitives::{Id16, Millis};
use serde_json::json;

use super::super::app::{App, now};
use super::super::args::{Signing, instant};
use super::super::exit::Exit;
use super::super::fault::{Done, Fault};
use super::super::sign;
use super::super::submit::Ledger;
use crate::vault::Presentation;
use crate::vault::presentation::{Disclosure, QrImage};

/// Pixels of a module in a PNG.
const PNG_SCALE: usize = 8;

#[derive(Args)]
pub(crate) struct Present {
    /// The attestation.
    #[arg(long = "att", value_name = "ATT_ID", required_unless_present = "find")]
    att_id: Option<Id16>,
    /// The latest with this identifier or number.
    #[arg(long, value_name = "TEXT", conflicts_with = "att_id")]
    find: Option<String>,
    /// Fields to open, separated by commas; the most important first.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', required = true)]
    fields: Vec<String>,
    /// Open the holder too.
    #[arg(long)]
    holder: bool,
    /// What it is for.
    #[arg(long, value_name = "TEXT")]
    purpose: Option<String>,
    /// After this time it should not be accepted.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    expires: Option<Millis>,
    /// Sign it with the issuer's key, which binds purpose and expiry.
    #[arg(long)]
    sign: bool,
    /// The presentation to write; standard output when not given.
    #[arg(long, short = 'O', value_name = "FILE")]
    out: Option<PathBuf>,
    /// A QR code to write: .svg or .png.
    #[arg(long, value_name = "FILE")]
    qr: Option<PathBuf>,
    /// The key, by label or id.
    #[arg(long, value_name = "LABEL|ID", requires = "sign")]
    key: Option<String>,
}

pub(crate) fn run(app: &App, args: &Present) -> Done {
    for path in args.out.iter().chain(&args.qr) {
        app.expect_new(path)?;
    }
    if let Some(path) = args.qr.as_deref().filter(|path| !is_picture(path)) {
        return Err(Fault::said("cli.input", "qr-name", &[("file", &path.display())]));
    }
    let vault = app.vault(false)?;
    let id = match (&args.att_id, &args.find) {
        (Some(id), _) => *id,
        (None, Some(text)) => {
            let found = vault.find(text);
            latest_recorded(app, &found)?
                .ok_or_else(|| Fault::said("cli.not_found", "not-in-vault", &[("what", text)]))?
        }
        (None, None) => return Err(Fault::new("cli.usage")),
    };
    let record = vault.get(id)?;
    drop(vault);
    let chain = chain(app)?;
    let signer = match args.sign {
        true => {
            let authority = Some(record.licence.issuer_code);
            let signing = Signing { authority, key: args.key.clone(), ..Signing::default() };
            Some(sign::signer(app, &signing, Role::Issuer)?)
        }
        false => None,
    };
    let disclosure = Disclosure {
        fields: args.fields.iter().map(String::as_str).collect(),
        holder: args.holder,
        expires: args.expires,
        purpose: args.purpose.as_deref(),
        sign_with: signer.as_ref().map(|signer| &signer.pair),
    };
    let made = match &args.qr {
        None => Presentation::new(&record, chain, now(), &disclosure)?,
        Some(path) => {
            let (made, image) = Presentation::new_with_qr(&record, chain, now(), &disclosure)?;
            app.write(path, &picture(path, &image)?)?;
            made
        }
    };
    let text = made.to_json();
    let Some(path) = &args.out else {
        app.out.line(&text);
        return Ok(Exit::Ok);
    };
    app.write(path, format!("{text}\n").as_bytes())?;
    let (file, id) = (path.display().to_string(), id.to_string());
    let fields = args.fields.join(", ");
    let arguments = [("file", file.as_str()), ("id", &id), ("fields", &fields)];
    let qr = args.qr.as_ref().map(|path| path.display().to_string());
    let value = json!({ "file": file, "att_id": id, "fields": args.fields, "qr": qr });
    app.out.done(&value, &app.out.text("presented", &arguments));
    Ok(Exit::Ok)
}

/// Of what the vault holds, the latest that the ledger has too: an attestation that was refused
/// stays in the vault. Without a node, the latest.
fn latest_recorded(app: &App, found: &[Id16]) -> Result<Option<Id16>, Fault> {
    let client = app.client()?;
    for id in found.iter().rev() {
        match client.find(&format!("/certificates/{id}"), &[]) {
            Ok(Some(_)) => return Ok(Some(*id)),
            Ok(None) => {}
            Err(_) => return Ok(Some(*id)),
        }
    }
    Ok(None)
}

fn is_picture(path: &Path) -> bool {
    matches!(path.extension().and_then(|extension| extension.to_str()), Some("svg" | "png"))
}

fn picture(path: &Path, image: &QrImage) -> Result<Vec<u8>, Fault> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("svg") => Ok(image.to_svg().into_bytes()),
        _ => Ok(image.to_png(PNG_SCALE)),
    }
}

/// The ledger: the genesis in the data folder tells as well as a node, and is always there.
fn chain(app: &App) -> Result<hefu_primitives::ChainId, Fault> {
    let path = app.settings()?.config.genesis_path();
    if path.exists() {
        return Ok(super::super::genesis::read(app, &path)?.genesis.hash());
    }
    Ok(Ledger::of(app.client()?)?.chain)
}
