//! Acts that wait for another governor: listing them, signing one, and finding the one that a
//! command is about, so that the second governor signs the same bytes as the first.
//!
//! A node is not believed: what is signed is the act whose bytes have the digest that the ledger
//! keeps, and the person who signs is asked about that act.

use clap::Args;
use hefu_contracts::Act;
use hefu_contracts::identity::endorse::digest;
use hefu_primitives::codec::Canonical;
use hefu_primitives::{H32, KeyId, Region};
use serde_json::{Value, json};

use super::app::App;
use super::args::{AtHeight, Paging, Signing, region};
use super::exit::Exit;
use super::fault::{Done, Fault};
use super::list::{self, List, items, record};
use super::submit::submit_governed;
use super::table::{Column, col};
use crate::keystore::Keystore;

const WAITING: &[Column] = &[
    col("act", "/act").short(),
    col("action", "/content/act"),
    col("subject", "/subject"),
    col("member", "/member"),
    col("signed", "/signed"),
    col("needed", "/needed"),
    col("signers", "/signers").short(),
    col("missing", "/missing").short(),
    col("closes", "/closes_at").as_time(),
];

/// Most pages of waiting acts that are read: each governor has few.
const MAX_PAGES: usize = 100;
/// Fewest digits of a digest that name an act.
const LEAST_DIGITS: usize = 8;

#[derive(Args)]
pub(crate) struct Pending {
    /// Only those of this province.
    #[arg(long, value_name = "PROVINCE", value_parser = region)]
    member: Option<Region>,
    /// Those that were not completed in time too.
    #[arg(long)]
    lapsed: bool,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Args)]
pub(crate) struct Sign {
    /// The act, as `hefu proposal pending` names it.
    #[arg(value_name = "ACT")]
    waiting: String,
    /// The province whose governor signs; that of the first signature when not given.
    #[arg(long, value_name = "PROVINCE", value_parser = region)]
    member: Option<Region>,
    #[command(flatten)]
    signing: Signing,
}

/// An act that waits.
pub(crate) struct Waiting {
    pub(crate) act: Act,
    /// As the interface tells of it.
    row: Value,
    digest: H32,
    member: Region,
    subject: String,
}

impl Waiting {
    /// Reads a row; none when the act is not told, or is another than the ledger keeps.
    fn of(row: &Value) -> Option<Self> {
        let act: Act = serde_json::from_value(row["content"].clone()).ok()?;
        let told: H32 = record(row)["act"].as_str()?.parse().ok()?;
        let member = serde_json::from_value(row["member"].clone()).ok()?;
        let subject = row["subject"].as_str().unwrap_or_default().to_owned();
        let digest = digest(&act.to_bytes());
        (digest == told).then(|| Self { act, row: row.clone(), digest, member, subject })
    }

    /// Asks whether this is to be signed: it was not made on this computer.
    pub(crate) fn confirm(&self, app: &App) -> Result<(), Fault> {
        if app.out.is_table() {
            let told = serde_json::to_value(&self.act).unwrap_or_default();
            app.out.warn(&super::table::record(&told, app.lang()));
        }
        let (act, subject) = (self.digest.to_string(), self.subject.as_str());
        app.confirm("confirm-cosign", &[("act", &act[..12]), ("subject", subject)])
    }
}

pub(crate) fn pending(app: &App, args: &Pending) -> Done {
    let region = args.member.map(|member| ("region", member.to_string()));
    let lapsed = (!args.lapsed).then(|| ("lapsed", "false".to_owned()));
    let filters: Vec<_> = region.into_iter().chain(lapsed).collect();
    let list = List { path: "/waiting-acts", columns: WAITING, empty: "pending-list-empty" };
    list.show(app, &args.paging, &filters)
}

pub(crate) fn sign(app: &App, args: Sign) -> Done {
    let named = args.waiting.to_lowercase();
    let mut found = acts(app, None)?;
    found.retain(|waiting| {
        named.len() >= LEAST_DIGITS && waiting.digest.to_string().starts_with(&named)
    });
    // Governors of two provinces may have signed the same act: it is one.
    found.dedup_by_key(|waiting| waiting.digest);
    let waiting = match found.len() {
        0 => return Err(Fault::said("cli.not_found", "no-waiting-act", &[("act", &named)])),
        1 => found.swap_remove(0),
        _ => return Err(Fault::with("cli.which", &named)),
    };
    waiting.confirm(app)?;
    let member = args.member.unwrap_or(waiting.member);
    let told = json!({ "act": waiting.digest });
    let subject = waiting.subject.clone();
    submit_governed(app, &args.signing, Some(member), waiting.act, &subject, &told)
}

/// The acts that can still be completed, of a province or of all.
pub(crate) fn acts(app: &App, member: Option<Region>) -> Result<Vec<Waiting>, Fault> {
    let region = member.map(|member| member.to_string());
    let (mut found, mut cursor) = (Vec::new(), None::<String>);
    for _ in 0..MAX_PAGES {
        let mut query = vec![("limit", "500"), ("lapsed", "false")];
        query.extend(region.iter().map(|region| ("region", region.as_str())));
        query.extend(cursor.iter().map(|cursor| ("cursor", cursor.as_str())));
        let answer = app.client()?.get("/waiting-acts", &query)?;
        found.extend(items(&answer).iter().filter_map(Waiting::of));
        cursor = answer["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    Ok(found)
}

/// Whether a key is the one somebody named: by id, by its label here, or by a label that only
/// another governor's computer has; then any is.
pub(crate) fn names_key(keystore: Option<&Keystore>, named: &str) -> Named {
    let here = keystore.and_then(|keystore| keystore.info(named).ok()).map(|info| info.id);
    match named.parse().ok().or(here) {
        Some(id) => Named::Key(id),
        None => Named::Elsewhere,
    }
}

/// A key that somebody named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// This one.
    Key(KeyId),
    /// One whose label is not known here.
    Elsewhere,
}

impl Named {
    pub(crate) fn may_be(self, id: KeyId) -> bool {
        self == Self::Key(id) || self == Self::Elsewhere
    }
}

/// The waiting act that a command is about, for a governor who completes it. One that concerns a key
/// that is not known here is asked about.
pub(crate) fn completing(
    app: &App,
    member: Region,
    named: Named,
    same: impl Fn(&Act) -> bool,
) -> Result<Option<Act>, Fault> {
    let mut found = acts(app, Some(member))?;
    found.retain(|waiting| same(&waiting.act));
    match found.len() {
        0 => Ok(None),
        1 => {
            let waiting = found.swap_remove(0);
            if named == Named::Elsewhere {
                waiting.confirm(app)?;
            }
            Ok(Some(waiting.act))
        }
        _ => Err(Fault::said("cli.which", "which-waiting-act", &[])),
    }
}

/// Shows one thing; of one that is only half-signed yet says so.
pub(crate) fn show(app: &App, path: &str, at: AtHeight, subject: &str) -> Done {
    match list::show(app, path, at) {
        Err(fault) if fault.code == "api.not_found" && at.at_height.is_none() => {
            let waiting = acts(app, None)?.into_iter().find(|waiting| waiting.subject == subject);
            let Some(waiting) = waiting else { return Err(fault) };
            app.out.tell("half-signed", &[("act", &waiting.digest.to_string()[..12])]);
            list::show_answer(app, &waiting.row);
            Ok(Exit::Pending)
        }
        shown => shown,
    }
}

#[cfg(test)]
mod tests {
    use hefu_contracts::identity::CastVote;
    use hefu_primitives::Id16;

    use super::*;

    #[test]
    fn an_act_other_than_the_one_on_the_ledger_is_not_taken() {
        let act: Act = CastVote { proposal: Id16([1; 16]), approve: true }.into();
        let row = |act: &Act, kept: H32| {
            json!({"record": {"act": kept, "closes_at": "5", "signers": []}, "member": 320_000,
                "subject": "prop:1", "content": act})
        };
        let kept = digest(&act.to_bytes());
        let read = Waiting::of(&row(&act, kept)).unwrap();
        assert_eq!((read.act, read.digest, read.member.0), (act.clone(), kept, 320_000));
        let other: Act = CastVote { proposal: Id16([1; 16]), approve: false }.into();
        assert!(Waiting::of(&row(&other, kept)).is_none(), "a node shows another act");
        assert!(Waiting::of(&json!({"record": {"act": kept}, "content": null})).is_none());
    }

    #[test]
    fn keys_are_named_by_id_or_by_a_label_of_another_computer() {
        let id = KeyId([7; 20]);
        assert_eq!(names_key(None, &id.to_string()), Named::Key(id));
        assert!(!names_key(None, &id.to_string()).may_be(KeyId([8; 20])));
        assert!(names_key(None, "clerk").may_be(id));
    }
}
