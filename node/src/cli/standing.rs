//! What a refusal for a wrong state leaves open: in which state the thing is, and which one the act
//! wants; for some other refusals, which of several conditions was not met.
//!
//! The node is asked after the refusal, and only to say more: when it cannot answer, the fault is
//! told as it came.

use hefu_contracts::Act;
use hefu_primitives::{Id16, Region};
use serde_json::Value;

use super::app::App;
use super::fault::Fault;
use super::list::record;
use super::table::word_in;

/// Where the state of a thing is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Case(Id16),
    Dispute(Id16),
    Certificate(Id16),
}

const SUBS: &[&str] = &["ready", "handed_over", "at_handler", "supplement", "accepted", "paused"];
const UNDECIDED: &[&str] =
    &["received", "ready", "handed_over", "at_handler", "accepted", "supplement", "paused"];
const UNSETTLED: &[&str] = &["open", "acked", "escalated"];

/// What an act is about, and in which states that may be; none listed where it depends.
fn wanted(act: &Act) -> Option<(Place, &'static [&'static str])> {
    use Place::{Case, Certificate, Dispute};
    Some(match act {
        Act::CheckCase(act) => (Case(act.case_id), &["received"]),
        Act::RefuseCase(act) => (Case(act.case_id), &["received"]),
        Act::WithdrawCase(act) => (Case(act.case_id), UNDECIDED),
        Act::Handover(act) => (Case(act.case_id), &["ready"]),
        Act::ReceiveHandover(act) => (Case(act.case_id), &["handed_over"]),
        Act::RejectHandover(act) => (Case(act.case_id), &["handed_over"]),
        Act::AcceptCase(act) => (Case(act.case_id), &["at_handler"]),
        Act::DeclineCase(act) => (Case(act.case_id), &["at_handler"]),
        Act::AskSupplement(act) => (Case(act.case_id), &["at_handler"]),
        Act::Supplement(act) => (Case(act.case_id), &["supplement"]),
        Act::PauseCase(act) => (Case(act.case_id), &["accepted"]),
        Act::ContinueCase(act) => (Case(act.case_id), &["paused"]),
        Act::ExtendCase(act) => (Case(act.case_id), &["accepted"]),
        Act::DecideCase(act) => (Case(act.case_id), &["accepted"]),
        Act::OpenSub(act) => (Case(act.case_id), SUBS),
        Act::DecideSub(act) => (Case(act.case_id), SUBS),
        Act::DispatchCase(act) => (Case(act.case_id), &["decided"]),
        Act::DeliverCase(act) => (Case(act.case_id), &["decided", "dispatched"]),
        Act::CloseCase(act) => (Case(act.case_id), &["decided", "delivered"]),
        Act::AckDispute(act) => (Dispute(act.dispute_id), &["open"]),
        Act::AddEvidence(act) => (Dispute(act.dispute_id), UNSETTLED),
        Act::ProposeSettlement(act) => (Dispute(act.dispute_id), &["acked"]),
        Act::AgreeSettlement(act) => (Dispute(act.dispute_id), &["acked"]),
        Act::EscalateDispute(act) => (Dispute(act.dispute_id), &["open", "acked"]),
        Act::RuleDispute(act) => (Dispute(act.dispute_id), &["escalated"]),
        Act::WithdrawDispute(act) => (Dispute(act.dispute_id), UNSETTLED),
        Act::ReportFulfilment(act) => (Dispute(act.dispute_id), &["settled", "ruled"]),
        Act::SuspendAttestation(act) => (Certificate(act.id), &["active"]),
        Act::ResumeAttestation(act) => (Certificate(act.id), &["suspended"]),
        Act::RevokeAttestation(act) => (Certificate(act.id), &["active", "suspended"]),
        Act::TransferOut(act) => (Certificate(act.id), &["active"]),
        Act::CancelTransfer(act) => (Certificate(act.id), &[]),
        _ => return None,
    })
}

/// The fault, saying more where it can.
pub(crate) fn explain(app: &App, acts: &[Act], fault: Fault) -> Fault {
    let at = fault.act.and_then(|at| usize::try_from(at).ok()).unwrap_or(0);
    let Some(act) = acts.get(at) else { return fault };
    if fault.detail.is_some() {
        return fault;
    }
    let said = match fault.code.as_str() {
        "E320" | "E620" | "E809" => state(app, act),
        "E330" => transfer(app, act),
        "E401" => agreement(app, act),
        _ => None,
    };
    let detail = said.and_then(|said| said.detail);
    Fault { detail, ..fault }
}

fn state(app: &App, act: &Act) -> Option<Fault> {
    let (place, states) = wanted(act)?;
    let (path, pointer) = match place {
        Place::Case(id) => (format!("/cases/{id}"), "/state"),
        Place::Dispute(id) => (format!("/disputes/{id}"), "/state"),
        Place::Certificate(id) => (format!("/certificates/{id}/status"), "/status"),
    };
    let answer = app.client().ok()?.find(&path, &[]).ok()??;
    let now = record(&answer).pointer(pointer).or_else(|| answer.pointer(pointer))?.as_str()?;
    let word =
        |state: &str| word_in("state", state, app.lang()).unwrap_or_else(|| state.to_owned());
    if let (Place::Certificate(_), offer @ Value::Object(_)) = (place, &answer["transfer"]) {
        let to = offer["to"].to_string();
        return Some(Fault::said("E320", "state-offered", &[("now", &word(now)), ("to", &to)]));
    }
    let listed: Vec<String> = states.iter().map(|state| word(state)).collect();
    let or = app.out.text("or", &[]);
    Some(match listed.is_empty() {
        true => Fault::said("E320", "state-now", &[("now", &word(now))]),
        false => Fault::said(
            "E620",
            "state-wanted",
            &[("now", &word(now)), ("wanted", &listed.join(&or))],
        ),
    })
}

/// To which province a certificate cannot be moved, and why.
fn transfer(app: &App, act: &Act) -> Option<Fault> {
    let Act::TransferOut(act) = act else { return None };
    let key = match active(app, act.to)? {
        true => "transfer-own",
        false => "transfer-no-member",
    };
    Some(Fault::said("E330", key, &[("to", &act.to)]))
}

/// Whether a province is an active member.
fn active(app: &App, region: Region) -> Option<bool> {
    let member = app.client().ok()?.find(&format!("/members/{region}"), &[]).ok()?;
    Some(member.is_some_and(|member| record(&member)["state"] == "active"))
}

/// Which condition of an agreement is not met.
fn agreement(app: &App, act: &Act) -> Option<Fault> {
    let Act::ProposeAgreement(act) = act else { return None };
    let (terms, client) = (act, app.client().ok()?);
    let said =
        |key, what: &dyn core::fmt::Display| Some(Fault::said("E401", key, &[("what", what)]));
    for party in &terms.parties {
        if !active(app, *party)? {
            return said("agreement-party", party);
        }
    }
    if terms.until.is_some_and(|until| until < terms.effective) {
        return said("agreement-days", &terms.effective);
    }
    let adopted = |path: String| {
        let answer = client.find(&path, &[]).ok()?;
        let rows = answer.as_ref().map(|answer| match super::list::items(answer) {
            [] => vec![answer.clone()],
            rows => rows.to_vec(),
        });
        Some(rows.unwrap_or_default().iter().any(|row| row["state"] == "adopted"))
    };
    for entry in &terms.entries {
        if !adopted(format!("/types/{}", entry.type_code))? {
            return said("agreement-type", &entry.type_code);
        }
        for scenario in &entry.scenarios {
            if !adopted(format!("/scenarios/{scenario}"))? {
                return said("agreement-scenario", scenario);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use hefu_contracts::dispute::{AckDispute, DisputeState};
    use hefu_contracts::service::{CaseState, DeliverCase, WithdrawCase};
    use hefu_primitives::{H32, Millis};
    use serde_json::json;

    use super::*;
    use crate::text::Lang;

    #[test]
    fn the_states_are_states_and_have_words() {
        let all = [SUBS, UNDECIDED, &["decided", "dispatched", "delivered"]].concat();
        for state in all {
            assert!(serde_json::from_value::<CaseState>(json!(state)).is_ok(), "{state}");
            assert!(word_in("state", state, Lang::Zh).is_some(), "{state}");
        }
        for state in [UNSETTLED, &["settled", "ruled"]].concat() {
            assert!(serde_json::from_value::<DisputeState>(json!(state)).is_ok(), "{state}");
            assert!(word_in("state", state, Lang::Zh).is_some(), "{state}");
        }
    }

    #[test]
    fn acts_name_what_they_are_about() {
        let id = Id16([3; 16]);
        let deliver: Act = DeliverCase { case_id: id, occurred_at: Millis(0) }.into();
        let states: &[&str] = &["decided", "dispatched"];
        assert_eq!(wanted(&deliver), Some((Place::Case(id), states)));
        let withdraw: Act = WithdrawCase { case_id: id, request: H32::ZERO }.into();
        assert_eq!(wanted(&withdraw), Some((Place::Case(id), UNDECIDED)));
        let ack: Act = AckDispute { dispute_id: id }.into();
        assert_eq!(wanted(&ack), Some((Place::Dispute(id), &["open"][..])));
    }
}
