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
    #[arg(long = "address", value_name = "HOST:PORT", value_parser = address)]
    addresses: Vec<String>,
    /// The member file to write.
    #[arg(long, short = 'O', value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn run(app: &App, args: &Join) -> Done {
    let draft = super::read_draft(app, &args.draft)?;
    let plan = args.plan(app)?;
    // With keys that nobody will have: what is wrong with the contribution shows before the real
    // ones are made.
    let trial = args.contribution(&draft, plan.as_ref(), &mut Throwaway::default())?;
    let region = trial.0.member.region;
    let path = args.out.clone().unwrap_or_else(|| format!("member-{region}.json").into());
    app.expect_new(&path)?;
    app.new_passphrase()?;
    let mut maker = KeyMaker { app, keystore: app.new_keystore()? };
    let (file, pairs) = args.contribution(&draft, plan.as_ref(), &mut maker)?;
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

/// `host:port`, as the genesis takes it.
fn address(text: &str) -> Result<String, String> {
    match text.parse::<crate::network::Address>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("form-host".to_owned()),
    }
}

impl Join {
    /// What the province says about itself; none for one of the sample.
    fn plan(&self, app: &App) -> Result<Option<Plan>, Fault> {
        let Some(path) = &self.member else { return Ok(None) };
        let plan = serde_json::from_slice(&app.read(path)?).map_err(|error| {
            Fault::with("cli.genesis", format_args!("{}: {error}", path.display()))
        })?;
        Ok(Some(plan))
    }

    /// The signed contribution, and the keys it names.
    fn contribution(
        &self,
        draft: &Draft,
        plan: Option<&Plan>,
        keys: &mut dyn Keys,
    ) -> Result<(MemberFile, Vec<KeyPair>), Fault> {
        let created = draft.charter.created;
        let (mut seed, pairs) = match (plan, self.sample) {
            (Some(plan), _) => plan.seed(created, |label, roles| keys.key(label, roles))?,
            (None, Some(region)) => of_sample(keys, draft, region)?,
            (None, None) => return Err(Fault::new("cli.usage")),
        };
        if !self.addresses.is_empty() {
            seed.addresses.clone_from(&self.addresses);
        }
        let file = MemberFile::sign(draft, seed, &pairs.iter().collect::<Vec<_>>())?;
        Ok((file, pairs))
    }
}

/// Where the keys of a contribution come from.
trait Keys {
    fn key(&mut self, label: &str, roles: &[Role]) -> Result<KeyPair, Fault>;
}

/// Keys for a trial: one for each label, of no worth.
#[derive(Default)]
struct Throwaway(Vec<String>);

impl Keys for Throwaway {
    fn key(&mut self, label: &str, _: &[Role]) -> Result<KeyPair, Fault> {
        let place = self.0.iter().position(|known| known == label).unwrap_or_else(|| {
            self.0.push(label.to_owned());
            self.0.len() - 1
        });
        let mut secret = [0xff; 32];
        secret[..8].copy_from_slice(&(place as u64).to_be_bytes());
        Ok(KeyPair::from_secret(&secret))
    }
}

/// Keys of this province, made when they are not there.
struct KeyMaker<'a> {
    app: &'a App,
    keystore: Keystore,
}

impl Keys for KeyMaker<'_> {
    fn key(&mut self, label: &str, roles: &[Role]) -> Result<KeyPair, Fault> {
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
    maker: &mut dyn Keys,
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
