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
use super::super::submit::submit;
use super::change::change;

#[derive(Args)]
pub(crate) struct Reaffirmed {
    /// The attestations that are in question, up to 128.
    #[arg(value_name = "ATT_ID", required_unless_present = "of_key", conflicts_with = "of_key")]
    att_ids: Vec<Id16>,
    /// All acts of this compromised key in a span of time.
    #[arg(long, value_name = "ID", requires_all = ["from", "to"])]
    of_key: Option<KeyId>,
    /// Beginning of the span, by block time.
    #[arg(long, value_name = "TIME", value_parser = instant, requires = "of_key")]
    from: Option<Millis>,
    /// End of the span, by block time.
    #[arg(long, value_name = "TIME", value_parser = instant, requires = "of_key")]
    to: Option<Millis>,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn reaffirm(app: &App, args: &Reaffirmed) -> Done {
    let (scope, subject, told) = match (args.of_key, args.from, args.to) {
        (Some(key), Some(from), Some(to)) => {
            (ReaffirmScope::Span { key, from, to }, format!("key:{key}"), json!({ "key_id": key }))
        }
        _ => {
            let first = args.att_ids.first().ok_or_else(|| Fault::new("cli.usage"))?;
            let subject = format!("att:{first}");
            (ReaffirmScope::Attestations(args.att_ids.clone()), subject, json!({}))
        }
    };
    submit(app, &args.signing, Role::Issuer, Reaffirm { scope }.into(), &subject, &told)
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
