//! In tests, everything that is executed is held against `docs/hefu.cddl`: acts, records, events
//! and outcomes. Each rule is checked a few times in a run, not each time.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};

use cddl_cat::cbor::validate_cbor;
use cddl_cat::context::BasicContext;
use cddl_cat::flatten::flatten_from_str;
use hefu_primitives::SignedTransaction;
use hefu_primitives::codec::Canonical;

use crate::act::Act;
use crate::exec::Execution;

/// How often a rule is checked for each kind of sample.
const SAMPLES: u32 = 30;

fn rules() -> &'static BasicContext {
    static RULES: OnceLock<BasicContext> = OnceLock::new();
    RULES.get_or_init(|| {
        // The validator knows no tags; a transaction is checked by its parts.
        let text = include_str!("../../docs/hefu.cddl").replace("#6.18", "");
        BasicContext::new(flatten_from_str(&text).unwrap())
    })
}

fn wanted(sample: String) -> bool {
    static SEEN: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());
    let mut seen = SEEN.lock().unwrap();
    let count = seen.entry(sample).or_default();
    *count += 1;
    *count <= SAMPLES
}

/// Why bytes are not what a rule describes, if they are not.
pub(crate) fn differs(rule: &str, bytes: &[u8]) -> Option<String> {
    let value: ciborium::Value = match ciborium::from_reader(bytes) {
        Ok(value) => value,
        Err(error) => return Some(error.to_string()),
    };
    let Some(rule) = rules().rules.get(rule) else { return Some(format!("no rule {rule}")) };
    validate_cbor(rule, &value, rules()).err().map(|error| format!("{error}: {value:?}"))
}

fn check(sample: String, rule: &str, bytes: &[u8]) {
    if wanted(sample)
        && let Some(why) = differs(rule, bytes)
    {
        panic!("docs/hefu.cddl (cargo run -p hefu-reference) does not describe a {rule}: {why}");
    }
}

/// Checks a block that a test executed.
pub(crate) fn executed(transactions: &[&SignedTransaction], execution: &Execution) {
    for act in transactions.iter().flat_map(|tx| &tx.body().acts) {
        if let Ok(decoded) = Act::decode(act) {
            check(decoded.name().to_owned(), "act", act);
            crate::tests::kept::keep(decoded.name(), act);
        }
    }
    for (key, value) in &execution.writes {
        if let (Some(byte), Some(value)) = (key.first(), value) {
            let rule = format!("table-{byte:02x}");
            check(rule.clone(), &rule, value);
        }
    }
    for event in &execution.events {
        check(format!("event {}", event.kind), "event", &event.to_bytes());
    }
    crate::tests::codes::note(&execution.outcomes);
    for outcome in &execution.outcomes {
        check("outcome".to_owned(), "outcome", &outcome.to_bytes());
    }
}

#[test]
fn what_is_not_described_is_found() {
    let ledger = crate::testkit::Ledger::new();
    let outcome = hefu_primitives::block::Outcome {
        tx: hefu_primitives::TxId([1; 32]),
        result: hefu_primitives::block::TxResult::Refused { code: 101, act: 0 },
    };
    assert_eq!(differs("outcome", &outcome.to_bytes()), None);
    assert!(differs("event", &outcome.to_bytes()).is_some());
    assert!(differs("outcome", &ledger.height.to_bytes()).is_some());
    assert!(differs("outcome", &[0xff]).is_some());
    assert!(differs("no-such-rule", &[0]).is_some());
}
