//! `hefu key rotate`: a new key takes the place of an old one, with the same owner and roles.

use clap::Args;
use hefu_contracts::Act;
use hefu_contracts::identity::{Role, RotateKey};
use hefu_primitives::{KeyId, Millis};
use serde_json::json;

use super::super::app::App;
use super::super::args::{Signing, instant};
use super::super::fault::{Done, Fault};
use super::super::sign;
use super::super::submit::{Ledger, submit_governed};
use super::super::waiting::{completing, names_key};
use super::bind::member_of;
use super::{key_here, possession};
use crate::keystore::KeystoreError;

#[derive(Args)]
pub(crate) struct Rotate {
    /// The old key, by label or id.
    old: String,
    /// Label of the new key, made when it is not there; or id, when another governor made it.
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
    let member = member_of(app, known.owner)?;
    let named = names_key(Some(&keystore), &args.new_key);
    let same = |act: &RotateKey| {
        let term = args.not_after.is_none_or(|end| end == act.not_after);
        let overlap = act.overlap_days == args.overlap_days;
        act.old == old && named.may_be(act.key.id()) && term && overlap
    };
    let waits = |act: &Act| matches!(act, Act::RotateKey(act) if same(act));
    let act = match completing(app, member, named, waits)? {
        Some(act) => act,
        None => {
            let pair = match keystore.load(args.new_key.as_str(), app.passphrase()?) {
                Err(KeystoreError::Unknown { .. }) => {
                    key_here(app, &keystore, &args.new_key, &roles)?
                }
                loaded => loaded?,
            };
            let ledger = Ledger::of(app.client()?)?;
            let (not_before, not_after, possession) =
                possession(&ledger, &pair, known.owner, &roles, args.not_after);
            let (key, overlap_days) = (pair.public(), args.overlap_days);
            RotateKey { old, key, not_before, not_after, overlap_days, possession }.into()
        }
    };
    let Act::RotateKey(rotated) = &act else { return Err(Fault::new("cli.fault")) };
    let told = json!({ "old": old, "key_id": rotated.key.id() });
    submit_governed(app, &args.signing, Some(member), act, &format!("key:{old}"), &told)
}
