//! `hefu key rotate`: a new key takes the place of an old one, with the same owner and roles.

use clap::Args;
use hefu_contracts::identity::{Role, RotateKey};
use hefu_primitives::{KeyId, Millis};
use serde_json::json;

use super::super::app::App;
use super::super::args::{Signing, instant};
use super::super::fault::{Done, Fault};
use super::super::sign;
use super::super::submit::{Ledger, submit_governed};
use super::bind::member_of;
use super::possession;
use crate::keystore::KeystoreError;

#[derive(Args)]
pub(crate) struct Rotate {
    /// The old key, by label or id.
    old: String,
    /// Label of the new key; made when it is not there.
    #[arg(long = "new", value_name = "LABEL")]
    new_key: String,
    /// Days for which the old key is still accepted.
    #[arg(long, default_value_t = 7)]
    overlap_days: u16,
    /// End of the new key's term; two years from now when not given.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    not_after: Option<Millis>,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn run(app: &App, args: &Rotate) -> Done {
    let keystore = app.keystore()?;
    let old: KeyId = match args.old.parse() {
        Ok(id) => id,
        Err(_) => keystore.info(args.old.as_str())?.id,
    };
    let known = sign::on_ledger(app.client()?, old)?.ok_or_else(|| Fault::with("E104", old))?;
    let roles: Vec<Role> = known
        .roles
        .iter()
        .map(|name| super::super::args::word(name))
        .collect::<Result<_, _>>()
        .map_err(|name| Fault::with("cli.bad_answer", name))?;
    let pair = match keystore.load(args.new_key.as_str(), app.passphrase()?) {
        Ok(pair) => pair,
        Err(KeystoreError::Unknown { .. }) => {
            let hints: Vec<String> = roles.iter().map(|role| super::hint(*role)).collect();
            let hints: Vec<&str> = hints.iter().map(String::as_str).collect();
            keystore.create(&args.new_key, &hints, app.new_passphrase()?)?
        }
        Err(error) => return Err(error.into()),
    };
    let ledger = Ledger::of(app.client()?)?;
    let (not_before, not_after, possession) =
        possession(&ledger, &pair, known.owner, &roles, args.not_after);
    let (key, overlap_days) = (pair.public(), args.overlap_days);
    let act = RotateKey { old, key, not_before, not_after, overlap_days, possession };
    let member = member_of(app, known.owner)?;
    let told = json!({ "old": old, "key_id": key.id() });
    submit_governed(app, &args.signing, Some(member), act.into(), &format!("key:{old}"), &told)
}
