//! Ids of what several governors sign one by one.
//!
//! Each of them runs the same command, perhaps on another computer, and what they sign must be the
//! same bytes: so the id follows from what is asked. Nothing is hidden by it, since these acts are
//! public. What was asked once, decided and over may be asked again: then the next number counts.

use hefu_contracts::identity::Action;
use hefu_contracts::oversight::MandateTerms;
use hefu_primitives::codec::Canonical;
use hefu_primitives::hash::hash;
use hefu_primitives::{Domain, Id16};
use serde_json::Value;

use super::app::App;
use super::fault::Fault;
use super::list::record;

/// What sets these digests apart from those of files.
const CONTEXT: &[u8] = b"id of a governors' act";
/// How often the very same thing can be asked for.
const MOST: u32 = 1_000;

/// The id that governors get for `asked` when it was asked for `nth` times before.
fn derived(asked: &[u8], nth: u32) -> Id16 {
    let digest = hash(Domain::Digest, &[CONTEXT, asked, &nth.to_be_bytes()]);
    let mut id = [0; 16];
    id.iter_mut().zip(digest.0).for_each(|(to, from)| *to = from);
    Id16(id)
}

/// The first id that is free. `open` is told what is recorded under one and says whether it is the
/// same thing, and not over: then there is nothing to sign.
fn free(
    asked: &[u8],
    find: impl Fn(Id16) -> Result<Option<Value>, Fault>,
    open: impl Fn(&Value) -> bool,
    said: &'static str,
) -> Result<Id16, Fault> {
    for id in (0..MOST).map(|nth| derived(asked, nth)) {
        match find(id)? {
            None => return Ok(id),
            Some(found) if open(record(&found)) => {
                return Err(Fault::said("cli.conflict", said, &[("id", &id)]));
            }
            Some(_) => {}
        }
    }
    Err(Fault::new("cli.conflict"))
}

/// The id under which governors propose an action.
pub(crate) fn proposal(app: &App, action: &Action) -> Result<Id16, Fault> {
    let client = app.client()?;
    let find = |id: Id16| client.find(&format!("/proposals/{id}"), &[]);
    free(&action.to_bytes(), find, |ballot| same_ballot(ballot, action), "already-proposed")
}

fn same_ballot(ballot: &Value, action: &Action) -> bool {
    let proposed = serde_json::from_value::<Action>(ballot["action"].clone());
    ballot["state"] == "open" && proposed.is_ok_and(|proposed| proposed == *action)
}

/// The terms with the id under which governors grant them.
pub(crate) fn mandate(app: &App, terms: MandateTerms) -> Result<MandateTerms, Fault> {
    let client = app.client()?;
    let asked = MandateTerms { mandate_id: Id16([0; 16]), ..terms.clone() };
    let find = |id: Id16| client.find(&format!("/audit/mandates/{id}"), &[]);
    let open = |mandate: &Value| same_mandate(mandate, &asked);
    let mandate_id = free(&asked.to_bytes(), find, open, "already-granted")?;
    Ok(MandateTerms { mandate_id, ..terms })
}

/// Whether a mandate is in force and says what is asked; the id aside.
fn same_mandate(mandate: &Value, asked: &MandateTerms) -> bool {
    let granted = serde_json::from_value::<MandateTerms>(mandate["terms"].clone());
    mandate["revoked"].is_null()
        && granted
            .is_ok_and(|granted| MandateTerms { mandate_id: asked.mandate_id, ..granted } == *asked)
}

#[cfg(test)]
mod tests {
    use hefu_primitives::Region;
    use serde_json::json;

    use super::*;

    fn reinstate(region: u32) -> Action {
        Action::ReinstateMember { member: Region(region) }
    }

    #[test]
    fn two_governors_get_one_id_for_one_thing() {
        let (one, other) = (reinstate(340_000).to_bytes(), reinstate(330_000).to_bytes());
        let nothing = |_| Ok(None);
        let id = |asked: &[u8]| free(asked, nothing, |_| false, "already-proposed").unwrap();
        assert_eq!(id(&one), id(&one));
        assert_ne!(id(&one), id(&other));
    }

    #[test]
    fn what_is_over_may_be_asked_again_and_what_is_open_may_not() {
        let action = reinstate(340_000);
        let asked = action.to_bytes();
        let ballot = |state: &str| json!({ "record": { "action": action, "state": state } });
        let ask = |state: &str| {
            let first = derived(&asked, 0);
            let find = |id: Id16| Ok((id == first).then(|| ballot(state)));
            free(&asked, find, |found| same_ballot(found, &action), "already-proposed")
        };
        assert_eq!(ask("rejected").unwrap(), derived(&asked, 1));
        assert_eq!(ask("open").unwrap_err().code, "cli.conflict");
        assert!(!same_ballot(record(&ballot("open")), &reinstate(330_000)), "another's id");
    }
}
