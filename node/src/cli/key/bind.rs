//! `hefu key bind`: a key made here becomes an authority's on the ledger.

use clap::Args;
use hefu_contracts::Act;
use hefu_contracts::identity::{BindKey, Role};
use hefu_primitives::{Millis, Region, Uscc};
use serde_json::json;

use super::super::app::App;
use super::super::args::{Signing, instant, word};
use super::super::fault::{Done, Fault};
use super::super::list::record;
use super::super::submit::{Ledger, submit_governed};
use super::super::waiting::{completing, names_key};
use super::possession;

#[derive(Args)]
pub(crate) struct Bind {
    /// The key, by label or id.
    #[arg(value_name = "LABEL|ID")]
    new_key: String,
    /// The authority it is to belong to.
    #[arg(long, value_name = "USCC")]
    owner: Uscc,
    /// What it may sign.
    #[arg(long = "role", value_name = "ROLE", required = true, value_parser = word::<Role>)]
    roles: Vec<Role>,
    /// End of its term; two years from now when not given.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    not_after: Option<Millis>,
    #[command(flatten)]
    signing: Signing,
}

/// The governor who completes it signs the act of the first one: the key need not be on this
/// computer then.
pub(crate) fn run(app: &App, args: Bind) -> Done {
    let Bind { new_key, owner, mut roles, not_after, signing } = args;
    roles.sort_unstable();
    roles.dedup();
    let (member, keystore) = (member_of(app, owner)?, app.keystore()?);
    let named = names_key(Some(&keystore), &new_key);
    let same = |act: &BindKey| {
        let key = act.key.id();
        let term = not_after.is_none_or(|end| end == act.not_after);
        act.owner == owner && act.roles == roles && named.may_be(key) && term
    };
    let waits = |act: &Act| matches!(act, Act::BindKey(act) if same(act));
    let act = match completing(app, member, named, waits)? {
        Some(act) => act,
        None => {
            let pair = keystore.load(new_key.as_str(), app.passphrase()?)?;
            let ledger = Ledger::of(app.client()?)?;
            let (not_before, not_after, possession) =
                possession(&ledger, &pair, owner, &roles, not_after);
            let key = pair.public();
            BindKey { owner, key, roles, not_before, not_after, possession }.into()
        }
    };
    let Act::BindKey(bound) = &act else { return Err(Fault::new("cli.fault")) };
    let id = bound.key.id();
    let told = json!({ "key_id": id });
    submit_governed(app, &signing, Some(member), act, &format!("key:{id}"), &told)
}

/// The member an authority belongs to.
pub(crate) fn member_of(app: &App, authority: Uscc) -> Result<Region, Fault> {
    let answer = app.client()?.find(&format!("/authorities/{authority}"), &[])?;
    let answer = answer.ok_or_else(|| Fault::with("E229", authority))?;
    let member = record(&answer)["member"].clone();
    serde_json::from_value(member).map_err(|_| Fault::with("cli.bad_answer", "member"))
}
