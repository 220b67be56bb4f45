//! Acts that wait for another governor: what they are, who signed, who has not, and until when.
//!
//! The ledger keeps the digest of such an act and the keys that signed it. The act itself stands in
//! the transaction of the last signature, in the block that wrote the record: it is looked up there,
//! and is missing from the answer when that block is no longer kept.

use axum::extract::State;
use hefu_contracts::Act;
use hefu_contracts::identity::endorse::digest;
use hefu_contracts::identity::{ENDORSEMENTS, Endorsement, KEYS, KeyState, MEMBERS};
use hefu_primitives::block::TxResult;
use hefu_primitives::{H32, Height, KeyId, Region, SignedTransaction};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use crate::api::answer::{Answer, Entry, Page, json as to_json};
use crate::api::page::Ask;
use crate::api::params::Params;
use crate::api::problem::Problem;
use crate::api::snapshot::{Found, Snapshot};
use crate::api::state::Api;

/// A list of waiting acts.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WaitingList {
    /// Only those that governors of this member signed.
    #[param(value_type = Option<u32>)]
    region: Option<Region>,
    /// Only those that can, or can no longer, be completed.
    lapsed: Option<bool>,
    /// Most items: 1 to 500, 100 if absent.
    limit: Option<usize>,
    /// Where the last page ended; pinned to that page's height.
    cursor: Option<String>,
    /// Answer as of this height; the tip if absent.
    #[param(value_type = Option<String>)]
    at_height: Option<Height>,
}

/// Acts that some governors of a member have signed and others have yet to sign.
#[utoipa::path(get, path = "/api/v1/waiting-acts", tag = "identity",
    operation_id = "list_waiting_acts", params(WaitingList),
    responses((status = 200, body = Answer<Page<Entry>>)))]
pub(crate) async fn waiting(
    State(api): State<Api>,
    Params(list): Params<WaitingList>,
) -> Result<Answer<Page<Entry>>, Problem> {
    let WaitingList { region, lapsed, limit, cursor, at_height } = list;
    let filters = [
        region.map(|region| region.to_string()).unwrap_or_default(),
        lapsed.map(|lapsed| lapsed.to_string()).unwrap_or_default(),
    ];
    let filters = filters.each_ref().map(String::as_str);
    let ask = Ask::new("waiting-acts", &filters, limit, cursor.as_deref(), at_height)?;
    api.read(ask.at, move |snapshot| {
        let range = match region {
            Some(region) => ENDORSEMENTS.range(&region),
            None => ENDORSEMENTS.range(&()),
        };
        ask.page(snapshot, range, |row| {
            let found = snapshot.decode(&ENDORSEMENTS, row);
            let wanted =
                |found: &Found<Endorsement>| lapsed.is_none_or(|l| l == is_lapsed(snapshot, found));
            found.filter(wanted).map(|found| entry(snapshot, &found)).transpose()
        })
    })
    .await
}

fn is_lapsed(snapshot: &Snapshot<'_>, found: &Found<Endorsement>) -> bool {
    found.value.closes_at < snapshot.pin.time
}

/// With the member, its governors who have not signed, and the act.
fn entry(snapshot: &Snapshot<'_>, found: &Found<Endorsement>) -> Result<Entry, Problem> {
    let region = found.key.get(1..5).and_then(|bytes| bytes.try_into().ok());
    let region = Region(region.map_or(0, u32::from_be_bytes));
    let member = snapshot.get(&MEMBERS, &region, "member")?.value;
    // A signature counts while its key is one of a governor that is not revoked.
    let mut standing: Vec<KeyId> = Vec::new();
    for key in &member.governors {
        let record = snapshot.find(&KEYS, key)?;
        if record.is_some_and(|record| record.value.state != KeyState::Revoked) {
            standing.push(*key);
        }
    }
    let (signed, missing): (Vec<KeyId>, Vec<KeyId>) =
        standing.into_iter().partition(|key| found.value.signers.contains(key));
    let carrier = carrier(snapshot, found.written, found.value.act)?;
    if carrier.is_none() {
        snapshot.mark_incomplete("pruned");
    }
    let (tx, subject, act) = match carrier {
        Some((tx, act)) => (json!(tx.id()), json!(tx.claims().subject), to_json(&act)?),
        None => (Value::Null, Value::Null, Value::Null),
    };
    let derived = [
        ("member", json!(region)),
        ("signed", json!(signed.len())),
        ("needed", json!(member.threshold)),
        ("missing", json!(missing)),
        ("lapsed", json!(is_lapsed(snapshot, found))),
        ("tx", tx),
        ("subject", subject),
        ("content", act),
    ];
    Entry::new(found, derived)
}

/// The transaction of a block that holds the act with this digest, and the act.
fn carrier(
    snapshot: &Snapshot<'_>,
    height: Height,
    wanted: H32,
) -> Result<Option<(SignedTransaction, Act)>, Problem> {
    let Some(stored) = snapshot.service.block(height)? else { return Ok(None) };
    for tx in stored.transactions() {
        let acts = &tx.body().acts;
        let Some(bytes) = acts.iter().find(|bytes| digest(bytes) == wanted) else { continue };
        let position = snapshot.service.position(&tx.id())?;
        let applied = position.is_some_and(|p| matches!(p.result, TxResult::Applied { .. }));
        if let (true, Ok(act)) = (applied, Act::decode(bytes)) {
            return Ok(Some((tx, act)));
        }
    }
    Ok(None)
}
