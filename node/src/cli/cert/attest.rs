//! `hefu cert attest` and `renew`: one certificate, from a licence document or from its particulars.
//!
//! The record with its salts is durable in the vault before anything is submitted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use hefu_contracts::Act;
use hefu_contracts::certificate::{Previous, SealEvidence, SupersedeReason};
use hefu_contracts::identity::Role;
use hefu_primitives::time::Day;
use hefu_primitives::{Id16, Region, TypeCode, Uscc};
use serde_json::json;

use super::super::app::{App, now};
use super::super::args::{Signing, any_region, word};
use super::super::fault::{Done, Fault};
use super::super::sign;
use super::super::submit::submit;
use super::ledger::{Manner, Types, attestation};
use crate::vault::licence::FaceFields;
use crate::vault::record::licence_file_digest;
use crate::vault::{Holder, Licence, Record};

#[derive(Args)]
pub(crate) struct Attest {
    /// The licence as JSON, one object; else give its particulars.
    #[arg(required_unless_present = "type_code")]
    licence: Option<PathBuf>,
    /// The document as issued (OFD, PDF, …): a commitment to it is recorded.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// An identifier that breaks GB/T 36904 is committed to, with the mark "legacy".
    #[arg(long)]
    legacy: bool,
    /// From a paper original.
    #[arg(long)]
    paper: bool,
    /// Evidence of its electronic seal, as JSON.
    #[arg(long, value_name = "FILE")]
    seal: Option<PathBuf>,
    #[command(flatten)]
    particulars: Particulars,
    #[command(flatten)]
    signing: Signing,
}

/// What a licence document would say.
#[derive(Args)]
struct Particulars {
    /// The certificate type.
    #[arg(long = "type", value_name = "TYPE", conflicts_with = "licence",
          requires_all = ["authority", "identifier", "number", "area", "issued_on", "holder_code", "holder_name"])]
    type_code: Option<TypeCode>,
    /// The identifier (电子证照标识).
    #[arg(long, value_name = "TEXT")]
    identifier: Option<String>,
    /// The number (证照编号).
    #[arg(long, value_name = "TEXT")]
    number: Option<String>,
    /// Version of the certificate.
    #[arg(long, default_value_t = 1)]
    cert_version: u16,
    /// Where it belongs.
    #[arg(long, value_name = "REGION", value_parser = any_region)]
    area: Option<Region>,
    /// Day of issue.
    #[arg(long, value_name = "DAY")]
    issued_on: Option<Day>,
    /// First day of validity; the day of issue when not given.
    #[arg(long, value_name = "DAY")]
    valid_from: Option<Day>,
    /// Last day of validity; without an end when not given.
    #[arg(long, value_name = "DAY")]
    valid_until: Option<Day>,
    /// Kind of the holder's code (GB/T 36903).
    #[arg(long, value_name = "DIGITS", default_value = "001")]
    holder_code_type: String,
    /// The holder's code.
    #[arg(long, value_name = "TEXT")]
    holder_code: Option<String>,
    /// The holder's name.
    #[arg(long, value_name = "TEXT")]
    holder_name: Option<String>,
    /// A field of the face: NAME=VALUE.
    #[arg(long = "field", value_name = "NAME=VALUE")]
    fields: Vec<String>,
}

#[derive(Args)]
pub(crate) struct Renew {
    /// The attestation that is replaced.
    #[arg(long = "previous", value_name = "ATT_ID")]
    replaced: Id16,
    /// renewal, change or correction.
    #[arg(long, default_value = "renewal", value_parser = word::<SupersedeReason>)]
    reason: SupersedeReason,
    #[command(flatten)]
    attest: Attest,
}

pub(crate) fn renew(app: &App, args: &Renew) -> Done {
    let previous = Previous { id: args.replaced, reason: args.reason };
    run(app, &args.attest, Some(previous))
}

pub(crate) fn run(app: &App, args: &Attest, previous: Option<Previous>) -> Done {
    run_as(app, args, previous, Act::from)
}

/// Attests by an act that is made of the attestation.
pub(super) fn run_as(
    app: &App,
    args: &Attest,
    previous: Option<Previous>,
    act_of: impl Fn(hefu_contracts::certificate::Attest) -> Act,
) -> Done {
    let licence = args.document(app)?;
    let signing = Signing {
        authority: args.signing.authority.or(Some(licence.issuer_code)),
        ..args.signing.clone()
    };
    let digest = match &args.file {
        Some(path) => Some(licence_file_digest(&app.read(path)?)),
        None => None,
    };
    sign::choose(app, &signing, Role::Issuer)?;
    let mut types = Types::default();
    let terms = types.terms(app.client()?, licence.type_code)?;
    let record = Record::new(licence, digest, now())?;
    let manner = Manner { legacy: args.legacy, paper: args.paper, previous };
    let mut act = attestation(&record, terms, manner, now())?;
    act.seal = match &args.seal {
        Some(path) => Some(seal_evidence(app, path)?),
        None => None,
    };
    let mut vault = app.vault(true)?;
    vault.put(&record)?;
    vault.sync()?;
    drop(vault);
    let told = json!({ "att_id": record.att_id });
    submit(app, &signing, Role::Issuer, act_of(act), &format!("att:{}", record.att_id), &told)
}

/// What whoever verified the seal wrote down: digests, a time and a verdict.
fn seal_evidence(app: &App, path: &Path) -> Result<SealEvidence, Fault> {
    let read = serde_json::from_slice(&app.read(path)?);
    read.map_err(|error| Fault::with("cli.input", format_args!("{}: {error}", path.display())))
}

impl Attest {
    fn document(&self, app: &App) -> Result<Licence, Fault> {
        if let Some(path) = &self.licence {
            return Ok(Licence::from_json(app.read(path)?.trim_ascii())?);
        }
        let issuer = self.signing.authority.ok_or_else(|| Fault::needs("--as", "needs-as"))?;
        self.particulars.document(issuer)
    }
}

impl Particulars {
    fn document(&self, issuer_code: Uscc) -> Result<Licence, Fault> {
        let missing = || Fault::new("cli.usage");
        let text = |text: &Option<String>| text.clone().ok_or_else(missing);
        let mut fields = BTreeMap::new();
        for field in &self.fields {
            let (name, value) = field
                .split_once('=')
                .filter(|(name, _)| !name.is_empty())
                .ok_or_else(|| Fault::said("cli.input", "field-form", &[("what", field)]))?;
            fields.insert(name.to_owned(), value.to_owned());
        }
        let issued_on = self.issued_on.ok_or_else(missing)?;
        let licence = Licence {
            type_code: self.type_code.ok_or_else(missing)?,
            identifier: text(&self.identifier)?,
            certificate_number: text(&self.number)?,
            version: self.cert_version,
            issuer_code,
            area_code: self.area.ok_or_else(missing)?,
            issued_on,
            valid_from: self.valid_from.unwrap_or(issued_on),
            valid_until: self.valid_until,
            holder: Holder {
                code_type: self.holder_code_type.clone(),
                code: text(&self.holder_code)?,
                name: text(&self.holder_name)?,
            },
            fields: FaceFields(fields),
        };
        licence.check()?;
        Ok(licence)
    }
}
