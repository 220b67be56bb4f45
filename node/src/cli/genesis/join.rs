//! `hefu genesis join`: a province makes its keys at home and signs its contribution.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use hefu_contracts::identity::Role;
use hefu_genesis::{Draft, MemberFile, MemberSeed, sample};
use hefu_primitives::{KeyPair, Region};
use serde_json::json;

use super::super::app::App;
use super::super::args::region;
use super::super::exit::Exit;
use super::super::fault::{Done, Fault};
use super::plan::Plan;
use crate::keystore::{Keystore, KeystoreError};

#[derive(Args)]
pub(crate) struct Join {
    /// The draft.
    #[arg(long, value_name = "FILE")]
    draft: PathBuf,
    /// What the province says about itself; keys by their labels.
    #[arg(long, value_name = "FILE", required_unless_present = "sample")]
    member: Option<PathBuf>,
    /// This province of the fictitious sample.
    #[arg(long, value_name = "PROVINCE", value_parser = region, conflicts_with = "member")]
    sample: Option<Region>,
    /// Where other nodes first dial this one: host:port.
    #[arg(long = "address", value_name = "HOST:PORT")]
    addresses: Vec<String>,
    /// The member file to write.
    #[arg(long, short = 'O', value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn run(app: &App, args: &Join) -> Done {
    let draft = super::read_draft(app, &args.draft)?;
    let maker = KeyMaker { app, keystore: app.keystore()? };
    let (mut seed, pairs) = match (&args.member, args.sample) {
        (Some(path), _) => {
            let plan: Plan = serde_json::from_slice(&app.read(path)?).map_err(|error| {
                Fault::with("cli.genesis", format_args!("{}: {error}", path.display()))
            })?;
            plan.seed(draft.charter.created, |label, roles| maker.key(label, roles))?
        }
        (None, Some(region)) => of_sample(&maker, &draft, region)?,
        (None, None) => return Err(Fault::new("cli.usage")),
    };
    if !args.addresses.is_empty() {
        seed.addresses.clone_from(&args.addresses);
    }
    let region = seed.region;
    let pairs: Vec<&KeyPair> = pairs.iter().collect();
    let file = MemberFile::sign(&draft, seed, &pairs)?;
    let path = args.out.clone().unwrap_or_else(|| format!("member-{region}.json").into());
    app.write(&path, file.to_json()?.as_bytes())?;
    let (path, hash) = (path.display().to_string(), draft.hash().to_string());
    let (region, keys) = (region.to_string(), pairs.len().to_string());
    let folder = maker.keystore.folder().display().to_string();
    let arguments = [
        ("file", path.as_str()),
        ("region", &region),
        ("keys", &keys),
        ("folder", &folder),
        ("hash", &hash),
    ];
    let value =
        json!({ "file": path, "region": file.member.region, "draft": hash, "keys": pairs.len() });
    app.out.done(&value, &app.out.text("genesis-joined", &arguments));
    Ok(Exit::Ok)
}

/// Keys of this province, made when they are not there.
struct KeyMaker<'a> {
    app: &'a App,
    keystore: Keystore,
}

impl KeyMaker<'_> {
    fn key(&self, label: &str, roles: &[Role]) -> Result<KeyPair, Fault> {
        match self.keystore.load(label, self.app.new_passphrase()?) {
            Ok(pair) => Ok(pair),
            Err(KeystoreError::Unknown { .. }) => {
                let hints: Vec<String> =
                    roles.iter().map(|role| super::super::key::hint(*role)).collect();
                let hints: Vec<&str> = hints.iter().map(String::as_str).collect();
                self.app.out.tell("key-making", &[("label", label)]);
                Ok(self.keystore.create(label, &hints, self.app.new_passphrase()?)?)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The sample asks for keys by purpose (`310000/validator`, `310000-mr/acts`) and cannot fail for
/// want of one: keys are made ready first, from a trial run that only notes what is asked for.
fn of_sample(
    maker: &KeyMaker<'_>,
    draft: &Draft,
    region: Region,
) -> Result<(MemberSeed, Vec<KeyPair>), Fault> {
    let mut purposes = Vec::new();
    let mut note = |purpose: &str| {
        purposes.push(purpose.to_owned());
        let mut secret = [0; 32];
        secret[..8].copy_from_slice(&(purposes.len() as u64).to_be_bytes());
        KeyPair::from_secret(&secret)
    };
    sample::member(region, draft.charter.created, &mut note)?;
    let mut ready = BTreeMap::new();
    for purpose in purposes {
        let (of, kind) = purpose.split_once('/').unwrap_or(("", &purpose));
        let label = if kind == "acts" { of } else { kind };
        let roles: &[Role] = match kind {
            "cosigner" => &[Role::Cosigner],
            _ if kind.starts_with("governor") => &[Role::Governor],
            _ => &[],
        };
        ready.insert(purpose.clone(), maker.key(label, roles)?);
    }
    let fallback = KeyPair::from_secret(&[0; 32]);
    let mut give = |purpose: &str| ready.get(purpose).cloned().unwrap_or_else(|| fallback.clone());
    let (seed, keys) = sample::member(region, draft.charter.created, &mut give)?;
    Ok((seed, keys.all().into_iter().cloned().collect()))
}
