//! Which key signs, and opening it.
//!
//! Keys never leave this computer. Whose a key is and what it may sign, the ledger says; the
//! keystore only says which keys are here.

use std::collections::BTreeSet;

use hefu_contracts::identity::Role;
use hefu_primitives::{KeyId, KeyPair, PublicKey, Region, Uscc};
use serde_json::Value;

use super::app::App;
use super::args::Signing;
use super::client::Client;
use super::fault::Fault;
use super::list::{items, record};
use crate::keystore::{KeyInfo, Keystore};

/// A key ready to sign.
#[derive(Clone, Debug)]
pub(crate) struct Signer {
    pub(crate) pair: KeyPair,
    pub(crate) owner: Uscc,
}

/// A key as the ledger has it.
pub(crate) struct LedgerKey {
    pub(crate) id: KeyId,
    pub(crate) owner: Uscc,
    pub(crate) roles: Vec<String>,
    pub(crate) usable: bool,
}

impl LedgerKey {
    /// Reads a key record of the interface.
    fn of(value: &Value) -> Option<Self> {
        let value = record(value);
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let id = text("id").or_else(|| text("key_id")).and_then(|id| id.parse().ok());
        let id = id.or_else(|| Some(text("key")?.parse::<PublicKey>().ok()?.id()))?;
        let roles = value.get("roles")?.as_array()?;
        Some(Self {
            id,
            owner: text("owner")?.parse().ok()?,
            roles: roles.iter().filter_map(|role| role.as_str().map(str::to_owned)).collect(),
            usable: matches!(text("state"), Some("active" | "retiring")),
        })
    }

    fn may(&self, role: Role) -> bool {
        self.usable && self.roles.iter().any(|name| name == role.name())
    }
}

/// The key that signs as `signing` says, with a role.
pub(crate) fn signer(app: &App, signing: &Signing, role: Role) -> Result<Signer, Fault> {
    let (info, owner) = choose(app, signing, role)?;
    open(app, &app.keystore()?, &info, owner)
}

/// Which key [`signer`] takes, and whose it is. Opens nothing: for asking before something is
/// written whether there is one.
pub(crate) fn choose(app: &App, signing: &Signing, role: Role) -> Result<(KeyInfo, Uscc), Fault> {
    let (client, keystore) = (app.client()?, app.keystore()?);
    if let Some(key) = &signing.key {
        let info = keystore.info(key.as_str())?;
        let owner = match signing.authority {
            Some(owner) => owner,
            None => on_ledger(client, info.id)?.ok_or_else(|| Fault::with("E104", info.id))?.owner,
        };
        return Ok((info, owner));
    }
    if let Some(owner) = signing.authority {
        return Ok((key_of(app, &keystore, owner, role)?, owner));
    }
    let mut found: Vec<(KeyInfo, Uscc)> = Vec::new();
    for info in keystore.list()? {
        if let Some(key) = on_ledger(client, info.id)?.filter(|key| key.may(role)) {
            found.push((info, key.owner));
        }
    }
    let owners: BTreeSet<Uscc> = found.iter().map(|(_, owner)| *owner).collect();
    match (found.first(), owners.len()) {
        (Some((info, owner)), 1) => Ok((info.clone(), *owner)),
        (None, _) => Err(no_key(&keystore, None, role)),
        _ => {
            let owners: Vec<String> = owners.iter().map(Uscc::to_string).collect();
            let owners = owners.join("\n");
            Err(Fault::said("cli.which", "which-authority", &[("owners", &owners)]))
        }
    }
}

/// A key of an authority with a role, from those that are here.
pub(crate) fn signer_of(
    app: &App,
    keystore: &Keystore,
    owner: Uscc,
    role: Role,
) -> Result<Signer, Fault> {
    open(app, keystore, &key_of(app, keystore, owner, role)?, owner)
}

fn key_of(app: &App, keystore: &Keystore, owner: Uscc, role: Role) -> Result<KeyInfo, Fault> {
    let answer = app.client()?.get("/keys", &[("owner", owner.as_str()), ("limit", "500")])?;
    for key in items(&answer).iter().filter_map(LedgerKey::of) {
        if !key.may(role) {
            continue;
        }
        if let Ok(info) = keystore.info(key.id) {
            return Ok(info);
        }
    }
    Err(no_key(keystore, Some(owner), role))
}

fn no_key(keystore: &Keystore, owner: Option<Uscc>, role: Role) -> Fault {
    let folder = keystore.folder().display();
    let role = role.name();
    match owner {
        Some(owner) => Fault::said(
            "cli.no_key",
            "no-key-of",
            &[("owner", &owner), ("role", &role), ("folder", &folder)],
        ),
        None => Fault::said("cli.no_key", "no-key-for", &[("role", &role), ("folder", &folder)]),
    }
}

/// What the ledger says of a key.
pub(crate) fn on_ledger(client: &Client, id: KeyId) -> Result<Option<LedgerKey>, Fault> {
    let answer = client.find(&format!("/keys/{id}"), &[])?;
    Ok(answer.as_ref().and_then(LedgerKey::of))
}

/// The governor keys of a member that are here, opened; the member's threshold.
pub(crate) fn governors(
    app: &App,
    signing: &Signing,
    member: Option<Region>,
) -> Result<(Vec<Signer>, usize), Fault> {
    let (client, keystore) = (app.client()?, app.keystore()?);
    let held = keystore.list()?;
    let members = match member {
        Some(region) => vec![client.get(&format!("/members/{region}"), &[])?],
        None => {
            let answer = client.get("/members", &[("limit", "500")])?;
            items(&answer).to_vec()
        }
    };
    for answer in &members {
        let Some((operator, ids, threshold)) = governing(record(answer)) else { continue };
        if signing.authority.is_some_and(|authority| authority != operator) {
            continue;
        }
        let named = |info: &KeyInfo| match &signing.key {
            Some(key) => *key == info.label || *key == info.id.to_string(),
            None => true,
        };
        let mine: Vec<&KeyInfo> =
            held.iter().filter(|info| ids.contains(&info.id) && named(info)).collect();
        if mine.is_empty() {
            continue;
        }
        let signers = mine.into_iter().map(|info| open(app, &keystore, info, operator));
        return Ok((signers.collect::<Result<_, _>>()?, threshold));
    }
    Err(no_governor(&keystore, member))
}

/// The operator of a member whose key with a role is here, if there is just one.
pub(crate) fn operator_here(app: &App, role: Role) -> Result<Option<Uscc>, Fault> {
    let (client, keystore) = (app.client()?, app.keystore()?);
    let answer = client.get("/members", &[("limit", "500")])?;
    let operators = items(&answer).iter().filter_map(|row| governing(record(row)));
    let held = |owner: &Uscc| key_of(app, &keystore, *owner, role).is_ok();
    let found: Vec<Uscc> = operators.map(|(operator, ..)| operator).filter(held).collect();
    Ok(if let [one] = found.as_slice() { Some(*one) } else { None })
}

fn no_governor(keystore: &Keystore, member: Option<Region>) -> Fault {
    let folder = keystore.folder().display();
    match member {
        Some(member) => Fault::said(
            "cli.no_key",
            "no-governor-key-of",
            &[("folder", &folder), ("region", &member)],
        ),
        None => Fault::said("cli.no_key", "no-governor-key", &[("folder", &folder)]),
    }
}

fn governing(member: &Value) -> Option<(Uscc, Vec<KeyId>, usize)> {
    let operator = member.get("operator")?.as_str()?.parse().ok()?;
    let ids = member.get("governors")?.as_array()?;
    let ids = ids.iter().filter_map(|id| id.as_str()?.parse().ok()).collect();
    let threshold = member.get("threshold").and_then(Value::as_u64).unwrap_or(2);
    Some((operator, ids, usize::try_from(threshold).unwrap_or(usize::MAX)))
}

fn open(app: &App, keystore: &Keystore, info: &KeyInfo, owner: Uscc) -> Result<Signer, Fault> {
    let pair = keystore.load(info.id, app.passphrase()?)?;
    Ok(Signer { pair, owner })
}
