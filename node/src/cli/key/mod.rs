//! `hefu key`: secret keys on this computer, and public keys on the ledger.

mod bind;
mod copy;
mod list;
mod new;
mod revoke;
mod rotate;

pub(crate) use bind::member_of;
use clap::Subcommand;
use hefu_contracts::identity::{Possession, Role};
use hefu_primitives::time::DAY_MS;
use hefu_primitives::{KeyPair, Millis, Signature, Uscc};
use serde_json::{Value, json};

use super::app::App;
use super::fault::Done;
use super::submit::Ledger;
use crate::keystore::KeyInfo;

/// Term of a new key in days: two years, the longest that the default parameters allow.
const TERM_DAYS: u64 = 730;

#[derive(Subcommand)]
pub(crate) enum Key {
    New(new::New),
    List(list::List),
    Import(copy::Import),
    Export(copy::Export),
    Passphrase(new::ChangePassphrase),
    Bind(bind::Bind),
    Rotate(rotate::Rotate),
    Revoke(revoke::Revoke),
    Show(list::Show),
}

pub(crate) fn run(app: &App, command: Key) -> Done {
    match command {
        Key::New(args) => new::run(app, &args),
        Key::List(args) => list::run(app, &args),
        Key::Import(args) => copy::import(app, &args),
        Key::Export(args) => copy::export(app, &args),
        Key::Passphrase(args) => new::change_passphrase(app, &args),
        Key::Bind(args) => bind::run(app, args),
        Key::Rotate(args) => rotate::run(app, &args),
        Key::Revoke(args) => revoke::run(app, &args),
        Key::Show(args) => list::show(app, &args),
    }
}

/// What may be told of a key.
fn shown(info: &KeyInfo) -> Value {
    json!({
        "label": info.label,
        "id": info.id,
        "public_key": info.public,
        "roles": info.roles,
        "created": info.created.to_rfc3339(),
        "weak_passphrase": info.kdf.is_weak(),
    })
}

/// A key of this keystore; made when it is not there.
pub(crate) fn key_here(
    app: &App,
    keystore: &crate::keystore::Keystore,
    label: &str,
    roles: &[Role],
) -> Result<KeyPair, super::fault::Fault> {
    match keystore.load(label, app.new_passphrase()?) {
        Ok(pair) => Ok(pair),
        Err(crate::keystore::KeystoreError::Unknown { .. }) => {
            let hints: Vec<String> = roles.iter().map(|role| hint(*role)).collect();
            let hints: Vec<&str> = hints.iter().map(String::as_str).collect();
            app.out.tell("key-making", &[("label", label)]);
            Ok(keystore.create(label, &hints, app.new_passphrase()?)?)
        }
        Err(error) => Err(error.into()),
    }
}

/// The keystore's word for a role: a hint for people, the ledger decides.
pub(crate) fn hint(role: Role) -> String {
    role.name().to_uppercase()
}

/// The term of a key bound now, with its own signature that it is to be bound so.
fn possession(
    ledger: &Ledger,
    pair: &KeyPair,
    owner: Uscc,
    roles: &[Role],
    not_after: Option<Millis>,
) -> (Millis, Millis, Signature) {
    let not_before = ledger.block_time;
    let longest = Millis(not_before.0.saturating_add(TERM_DAYS * DAY_MS));
    let not_after = not_after.unwrap_or(longest);
    let statement =
        Possession { chain: ledger.chain, owner, roles: roles.to_vec(), not_before, not_after };
    (not_before, not_after, statement.sign(pair))
}
