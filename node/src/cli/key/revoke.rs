//! `hefu key revoke`: a key is accepted no more.

use clap::Args;
use hefu_contracts::identity::{Action, RevocationReason, RevokeByVote, RevokeKey};
use hefu_primitives::{KeyId, Millis};
use serde_json::json;

use super::super::app::App;
use super::super::args::{Signing, instant, word};
use super::super::fault::{Done, Fault};
use super::super::proposal::propose_action;
use super::super::sign;
use super::super::submit::submit_governed;
use super::bind::member_of;

#[derive(Args)]
pub(crate) struct Revoke {
    /// The key, by label or id.
    #[arg(value_name = "LABEL|ID")]
    revoked: String,
    /// ceased, lost or compromised.
    #[arg(long, value_parser = word::<RevocationReason>)]
    reason: RevocationReason,
    /// Since when it was in other hands (compromised only).
    #[arg(long, value_name = "TIME", value_parser = instant)]
    since: Option<Millis>,
    /// Put it to a vote between provinces: a compromised key of any of them.
    #[arg(long)]
    by_vote: bool,
    #[command(flatten)]
    signing: Signing,
}

pub(crate) fn run(app: &App, args: &Revoke) -> Done {
    match (args.reason == RevocationReason::Compromised, args.since) {
        (true, None) => return Err(Fault::needs("--since", "needs-since")),
        (false, _) if args.by_vote => {
            return Err(Fault::needs("--reason compromised", "needs-compromised"));
        }
        (false, Some(_)) => return Err(Fault::needs("--reason compromised", "needs-compromised")),
        _ => {}
    }
    let key: KeyId = match args.revoked.parse() {
        Ok(id) => id,
        Err(_) => app.keystore()?.info(args.revoked.as_str())?.id,
    };
    let known = sign::on_ledger(app.client()?, key)?.ok_or_else(|| Fault::with("E104", key))?;
    let owner = known.owner.to_string();
    app.confirm("confirm-revoke-key", &[("key", &key.to_string()), ("owner", &owner)])?;
    if let (true, Some(since)) = (args.by_vote, args.since) {
        let action = Action::RevokeKey(RevokeByVote { key, since });
        return propose_action(app, &args.signing, None, None, action);
    }
    let act = RevokeKey { key, reason: args.reason, since: args.since };
    let member = member_of(app, known.owner)?;
    let told = json!({ "key_id": key });
    submit_governed(app, &args.signing, Some(member), act.into(), &format!("key:{key}"), &told)
}
