//! `hefu cert reaffirm` and `destroy-salt`: what an issuer says of its own records without changing
//! their status.

use clap::Args;
use hefu_contracts::Act;
use hefu_contracts::certificate::{Reaffirm, ReaffirmScope, SaltDestroyed};
use hefu_contracts::identity::Role;
use hefu_primitives::{Id16, KeyId, Millis};
use serde_json::json;

use super::super::app::{App, now};
use super::super::args::{Signing, instant};
use super::super::fault::{Done, Fault};
use super::super::list::{record, text_at};
use super::super::submit::submit;
use super::change::change;

#[derive(Args)]
pub(crate) struct Reaffirmed {
    /// The attestations that are in question, up to 128.
    #[arg(value_name = "ATT_ID", required_unless_present = "of_key", conflicts_with = "of_key")]
    att_ids: Vec<Id16>,
    /// All acts of this compromised key, by label or id.
    #[arg(long, value_name = "LABEL|ID")]
    of_key: Option<String>,
    /// Beginning of the span, by block time; the compromise when not given.
    #[arg(long, value_name = "TIME", value_parser = instant, requires = "of_key")]
    from: Option<Millis>,
    /// End of the span, by block time; the revocation when not given.
    #[arg(long, value_name = "TIME", value_parser = instant, requires = "of_key")]
    to: Option<Millis>,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn reaffirm(app: &App, args: &Reaffirmed) -> Done {
    if let Some(key) = &args.of_key {
        return span(app, args, key);
    }
    let first = args.att_ids.first().ok_or_else(|| Fault::new("cli.usage"))?;
    let scope = ReaffirmScope::Attestations(args.att_ids.clone());
    let subject = format!("att:{first}");
    submit(app, &args.signing, Role::Issuer, Reaffirm { scope }.into(), &subject, &json!({}))
}

/// All acts of a key, from its compromise to its revocation unless told otherwise.
fn span(app: &App, args: &Reaffirmed, key: &str) -> Done {
    let key: KeyId = match key.parse() {
        Ok(id) => id,
        Err(_) => app.keystore()?.info(key)?.id,
    };
    let answer = app.client()?.find(&format!("/keys/{key}"), &[])?;
    let answer = answer.ok_or_else(|| Fault::with("E104", key))?;
    let known = record(&answer);
    if known.pointer("/revocation/reason").is_none_or(|reason| reason != "compromised") {
        return Err(Fault::said("E333", "reaffirm-unrevoked", &[("key", &key)]));
    }
    let time = |pointer: &str| {
        let text = known.pointer(pointer).and_then(serde_json::Value::as_str);
        text.and_then(|text| text.parse::<Millis>().ok())
    };
    let bad = || Fault::with("cli.bad_answer", "revocation");
    // A key that was revoked for another reason first signed nothing after that.
    let ended = time("/first_revocation/at").or_else(|| time("/revocation/at"));
    let from = args.from.or_else(|| time("/revocation/since")).ok_or_else(bad)?;
    let to = args.to.or(ended).ok_or_else(bad)?;
    let mut signing = args.signing.clone();
    if signing.authority.is_none() && signing.key.is_none() {
        signing.authority = text_at(known, "/owner")?.parse().ok();
    }
    let act = Reaffirm { scope: ReaffirmScope::Span { key, from, to } };
    let told = json!({ "key_id": key });
    submit(app, &signing, Role::Issuer, act.into(), &format!("key:{key}"), &told)
}

#[derive(Args)]
pub(crate) struct Destroy {
    /// The attestation.
    att_id: Id16,
    #[command(flatten)]
    signing: Signing,
}

/// First the ledger is told, so that nobody finds a record that does not open and nothing that says
/// why; then salts and document go. What stops in between is done by the same command again.
pub(crate) fn destroy(app: &App, args: &Destroy) -> Done {
    let id = args.att_id;
    app.confirm("confirm-destroy", &[("id", &id.to_string())])?;
    let act: Act = SaltDestroyed { id }.into();
    let answer = app.client()?.find(&format!("/certificates/{id}"), &[])?;
    let said = answer
        .is_some_and(|answer| !super::super::list::record(&answer)["salt_destroyed"].is_null());
    let done =
        if said { super::super::exit::Exit::Ok } else { change(app, &args.signing, id, act)? };
    if done != super::super::exit::Exit::Ok {
        return Ok(done);
    }
    if crate::vault::Vault::exists(&app.settings()?.config.vault_path()) {
        let mut vault = app.vault(false)?;
        match vault.get(id) {
            Ok(_) => {
                vault.erase_salt(id, now())?;
                app.out.tell("salt-erased", &[("id", &id.to_string())]);
            }
            // Erased by an earlier run, or in another vault.
            Err(crate::vault::VaultError::Unknown { .. } | crate::vault::VaultError::Erased(_)) => {
            }
            Err(other) => return Err(other.into()),
        }
    }
    Ok(done)
}
