//! Signing acts and bringing them onto the ledger.
//!
//! 1. The command waits for the committed outcome unless told otherwise: a refusal is an error,
//!    with its code; what is not final yet ends with 8.
//! 2. A governor's act is submitted once for each governor key that is here, the same bytes each
//!    time, until the ledger says that it applied.

use hefu_contracts::Act;
use hefu_contracts::identity::Role;
use hefu_primitives::codec::Canonical;
use hefu_primitives::{ChainId, Millis, Region, SignedTransaction, TransactionBody};
use serde_json::{Value, json};

use super::app::{App, now};
use super::args::Signing;
use super::client::{Client, Submitted};
use super::exit::Exit;
use super::fault::{Done, Fault};
use super::list::text_at;
use super::sign::{self, Signer};
use super::standing::explain;

/// How long a transaction stays valid, in milliseconds: long enough for any wait of ours.
const VALIDITY_MS: u64 = 10 * 60 * 1000;
/// Margin kept below the ledger's longest validity for a clock that runs ahead.
const LONGEST_MS: u64 = hefu_primitives::bounds::MAX_VALIDITY_MS - 5 * 60 * 1000;

/// The ledger a node serves, and its time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ledger {
    pub(crate) chain: ChainId,
    pub(crate) block_time: Millis,
}

impl Ledger {
    /// Asks the node.
    pub(crate) fn of(client: &Client) -> Result<Self, Fault> {
        let node = client.get("/node", &[])?;
        let bad = |name: &str| Fault::with("cli.bad_answer", name.to_owned());
        let chain = text_at(&node, "/chain")?.parse().map_err(|_| bad("chain"))?;
        let block_time = match &node["block_time_ms"] {
            Value::String(text) => text.parse().map_err(|_| bad("block_time_ms"))?,
            Value::Number(number) => Millis(number.as_u64().unwrap_or_default()),
            _ => Millis(0),
        };
        Ok(Self { chain, block_time })
    }

    /// Until when a transaction signed now is valid: ten minutes from now. The last block tells
    /// more of the time than a clock that is behind it, and bounds one that is ahead; a clock that
    /// is far ahead cannot be told from a network that rested, and is believed.
    pub(crate) fn not_after(&self) -> Millis {
        let (block, clock) = (self.block_time.0, now().0);
        let (until, longest) = (clock.max(block) + VALIDITY_MS, block + LONGEST_MS);
        Millis(if clock < longest { until.min(longest) } else { until })
    }

    /// Signs acts as one transaction.
    pub(crate) fn sign(
        &self,
        acts: &[Act],
        subject: &str,
        signer: &Signer,
    ) -> Result<SignedTransaction, Fault> {
        let acts = acts.iter().map(|act| act.to_bytes().into()).collect();
        let body = TransactionBody { chain: self.chain, not_after: self.not_after(), acts };
        Ok(SignedTransaction::sign(&body, signer.owner, subject, &signer.pair)?)
    }
}

/// Signs one act with a key of `role` and submits it. `extra` is added to what programs are told.
pub(crate) fn submit(
    app: &App,
    signing: &Signing,
    role: Role,
    act: Act,
    subject: &str,
    extra: &Value,
) -> Done {
    submit_acts(app, signing, role, &[act], subject, extra)
}

/// As [`submit`], with several acts in one transaction: all apply, or none.
pub(crate) fn submit_acts(
    app: &App,
    signing: &Signing,
    role: Role,
    acts: &[Act],
    subject: &str,
    extra: &Value,
) -> Done {
    let client = app.client()?;
    let ledger = Ledger::of(client)?;
    let signer = sign::signer(app, signing, role)?;
    save(app, signing, acts)?;
    let transaction = ledger.sign(acts, subject, &signer)?;
    let sent = send(app, &transaction, signing.no_wait);
    match sent.map_err(|fault| explain(app, acts, fault))? {
        Submitted::Applied(answer) => {
            tell_applied(app, &answer, extra);
            Ok(Exit::Ok)
        }
        Submitted::Pending => Ok(tell_pending(app, &transaction, extra)),
    }
}

/// Submits a governor's act with every governor key that is here, until it applies.
pub(crate) fn submit_governed(
    app: &App,
    signing: &Signing,
    member: Option<Region>,
    act: Act,
    subject: &str,
    extra: &Value,
) -> Done {
    let client = app.client()?;
    let ledger = Ledger::of(client)?;
    let (signers, threshold) = sign::governors(app, signing, member)?;
    save(app, signing, std::slice::from_ref(&act))?;
    let mut waiting = None;
    for signer in &signers {
        let transaction = ledger.sign(std::slice::from_ref(&act), subject, signer)?;
        let answer = match send(app, &transaction, signing.no_wait) {
            Ok(Submitted::Applied(answer)) => answer,
            Ok(Submitted::Pending) => return Ok(tell_pending(app, &transaction, extra)),
            // Signed in an earlier attempt: the next governor's turn.
            Err(fault) if fault.code == "E213" => continue,
            Err(fault) => return Err(explain(app, std::slice::from_ref(&act), fault)),
        };
        if is_complete(&answer, threshold) {
            tell_applied(app, &answer, extra);
            return Ok(Exit::Ok);
        }
        waiting = Some(answer);
    }
    let Some(answer) = waiting else { return Err(Fault::new("E213")) };
    let (have, need) = progress(&answer).unwrap_or((signers.len(), threshold));
    let (have, need) = (have.to_string(), need.to_string());
    app.out.tell("governors-wanting", &[("have", &have), ("need", &need)]);
    report(app, &answer, extra, "pending-governors");
    Ok(Exit::Pending)
}

fn save(app: &App, signing: &Signing, acts: &[Act]) -> Result<(), Fault> {
    let Some(path) = &signing.save else { return Ok(()) };
    let text = match acts {
        [act] => serde_json::to_string_pretty(act),
        acts => serde_json::to_string_pretty(acts),
    };
    let mut text = text.unwrap_or_default();
    text.push('\n');
    app.write(path, text.as_bytes())
}

/// Hands a transaction to the node.
pub(crate) fn send(
    app: &App,
    transaction: &SignedTransaction,
    no_wait: bool,
) -> Result<Submitted, Fault> {
    let id = transaction.id().to_string();
    let sent = app.client()?.submit(&id, transaction.as_bytes(), !no_wait);
    app.drafts.sent(&sent);
    sent
}

/// Whether a governor's act applied with this transaction: it did something besides collecting a
/// signature, or had as many as it needs.
fn is_complete(answer: &Value, threshold: usize) -> bool {
    let kinds = events(answer).filter_map(|event| event["kind"].as_str());
    let applied = kinds.into_iter().any(|kind| kind != "endorsed");
    applied || progress(answer).is_none_or(|(have, _)| have >= threshold)
}

fn events(answer: &Value) -> impl Iterator<Item = &Value> {
    answer["events"].as_array().into_iter().flatten()
}

/// How many governors have signed, of how many: the flag `1_of_2` of the event.
fn progress(answer: &Value) -> Option<(usize, usize)> {
    let endorsed = events(answer).find(|event| event["kind"] == "endorsed")?;
    let flag = endorsed["flags"].as_array()?.first()?.as_str()?;
    let (have, need) = flag.split_once("_of_")?;
    Some((have.parse().ok()?, need.parse().ok()?))
}

/// Says that an act applied.
pub(crate) fn tell_applied(app: &App, answer: &Value, extra: &Value) {
    report(app, answer, extra, "applied");
}

/// Says that the outcome is not known yet; the exit for it.
pub(crate) fn tell_pending(app: &App, transaction: &SignedTransaction, extra: &Value) -> Exit {
    let answer = json!({ "tx": transaction.id().to_string(), "status": "submitted" });
    report(app, &answer, extra, "submitted");
    Exit::Pending
}

fn report(app: &App, answer: &Value, extra: &Value, status: &str) {
    let mut shown = answer.clone();
    if let (Some(shown), Some(extra)) = (shown.as_object_mut(), extra.as_object()) {
        shown.extend(extra.clone());
        if status == "pending-governors" {
            shown.insert("status".to_owned(), status.replace('-', "_").into());
        }
    }
    let field = |name: &str| match &answer[name] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => "–".to_owned(),
    };
    let arguments = [("tx", field("tx")), ("height", field("height"))];
    let arguments: Vec<(&str, &str)> =
        arguments.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut prose = app.out.text(&format!("submit-{status}"), &arguments);
    for (name, value) in extra.as_object().into_iter().flatten() {
        let label = app.out.text(&format!("col-{}", name.replace('_', "-")), &[]);
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        prose.push_str(&format!("\n  {label}: {value}"));
    }
    // Those of a key are its roles, which whoever bound it gave.
    let noticed = |event: &&Value| !event["kind"].as_str().is_some_and(|k| k.starts_with("key_"));
    let flagged = events(answer).filter(noticed);
    for flag in flagged.flat_map(|event| event["flags"].as_array().into_iter().flatten()) {
        if let Some(word) = flag.as_str().and_then(|f| super::table::word_of(f, app.lang())) {
            prose.push_str(&format!("\n  {}: {word}", app.out.text("col-flag", &[])));
        }
    }
    app.out.done(&shown, &prose);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn governors_are_counted() {
        let endorsed = |flag: &str| json!({"events": [{"kind": "endorsed", "flags": [flag]}]});
        assert!(!is_complete(&endorsed("1_of_2"), 2));
        assert!(is_complete(&endorsed("2_of_2"), 2));
        assert_eq!(progress(&endorsed("1_of_2")), Some((1, 2)));
        let done =
            json!({"events": [{"kind": "endorsed", "flags": ["2_of_2"]}, {"kind": "key_bound"}]});
        assert!(is_complete(&done, 2));
        assert!(is_complete(&json!({"events": [{"kind": "agreement_proposed"}]}), 2));
    }

    #[test]
    fn validity_follows_block_time() {
        let at = |block_time| Ledger { chain: ChainId::ZERO, block_time }.not_after().0;
        let clock = now().0;
        assert!(at(Millis(clock)) >= clock + VALIDITY_MS);
        let behind = clock + 30 * 60 * 1000;
        assert!(at(Millis(behind)) >= behind + VALIDITY_MS, "a clock that is behind");
        let ahead = clock - 50 * 60 * 1000;
        assert!(at(Millis(ahead)) <= ahead + 60 * 60 * 1000, "a clock that is ahead");
        let rested = clock - 9 * 60 * 60 * 1000;
        assert!(at(Millis(rested)) >= clock + VALIDITY_MS, "a network that rested");
    }
}
