//! An auditor's walk through docs/audit.md: the questions, asked of four processes on which six scenarios
//! were played, by commands of the program alone.

use serde_json::Value;

use crate::harness::network::{Network, Province};
use crate::harness::{SOON, wait_for};

/// After the scenarios: what they planted is found, and nothing else.
pub(crate) fn walk(network: &Network) {
    let node = &network.provinces[0];
    follows(node);
    let list = node.hefu(&["audit", "query", "--list"]).json();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(23));
    let rows = |arguments: &[&str]| {
        let mut command = vec!["audit", "query"];
        command.extend(arguments);
        let answer = node.hefu(&command).json();
        assert_eq!(answer["complete"], true, "{answer:#}");
        answer["items"].as_array().cloned().expect("rows")
    };
    // false-refusal: one refusal of a good certificate, and the dispute that overturned it.
    let wrong = rows(&["q04", "--wrong", "1"]);
    assert_eq!(wrong.len(), 1, "{wrong:#?}");
    assert_eq!(wrong[0]["issuer_region"], 330_000);
    let pair = ["q04", "--issuer-region", "浙江", "--relying-region", "320000", "--wrong", "1"];
    assert_eq!(rows(&pair), wrong);
    assert!(rows(&["q04", "--issuer-region", "310000", "--wrong", "1"]).is_empty());
    // licence-suspended: refused for a good reason, so that nothing false was accepted.
    assert!(rows(&["q05"]).is_empty());
    // retroactive-annulment: what was built on it.
    let built = rows(&["q06"]);
    assert!(!built.is_empty() && built.iter().all(|row| row["annulled_at"].is_string()));
    // data-request: one use over the cap.
    let over = rows(&["q09", "--flag", "over_cap"]);
    assert_eq!(over.len(), 1, "{over:#?}");
    // key-compromise.
    let compromised = rows(&["events", "--kind", "key_revoked"]);
    let key = compromised[0]["subject"].as_str().expect("a key");
    let signed = rows(&["q07", "--key", key]);
    assert!(!signed.is_empty() && signed.iter().all(|row| row["state"] == "reaffirmed"));
    // household-move: in time.
    assert!(rows(&["q13"]).is_empty() && rows(&["q14"]).is_empty());
    // Who signed the blocks.
    let signers = node.hefu(&["audit", "query", "q20"]).json();
    let signers = signers["totals"]["items"].as_array().cloned().expect("totals");
    assert!(signers.iter().any(|row| row["signers"].as_array().is_some_and(|s| s.len() >= 3)));
    earlier(node, &wrong[0]);
    evidence(network, node);
    mistakes(node);
}

/// The index has every block, and says so.
fn follows(node: &Province) {
    wait_for("the query index", SOON, || {
        let index = node.hefu(&["audit", "index"]).json();
        assert_eq!(index["fault"], Value::Null, "{index:#}");
        (index["lag"] == 0).then_some(())
    });
    let metrics = node.http().get("/metrics").text();
    assert!(metrics.contains("hefu_audit_index_lag_heights 0"), "{metrics}");
}

/// Before it happened nobody knew.
fn earlier(node: &Province, wrong: &Value) {
    let height: u64 = wrong["height"].as_str().and_then(|h| h.parse().ok()).expect("a height");
    let known = |height: u64| {
        let height = height.to_string();
        let asked = ["audit", "query", "q04", "--wrong", "1", "--at-height", &height];
        node.hefu(&asked).json()["items"].as_array().map(Vec::len)
    };
    assert_eq!((known(height - 1), known(height)), (Some(0), Some(1)));
}

/// Each row comes with a capsule that verifies without a node.
fn evidence(network: &Network, node: &Province) {
    let folder = network.scratch.join("capsules");
    std::fs::create_dir(&folder).expect("a folder");
    let asked = ["audit", "query", "q04", "--wrong", "1", "--capsules"];
    node.hefu(&asked).arg(&folder).run().exits(0);
    let files: Vec<_> = std::fs::read_dir(&folder).expect("a folder").flatten().collect();
    assert_eq!(files.len(), 1);
    let verified = node.hefu(&["verify"]).arg(files[0].path());
    verified.arg("--genesis").arg(network.chain().to_string()).run().exits(0);
}

fn mistakes(node: &Province) {
    node.hefu(&["audit", "query", "q99"]).run().exits(4).fault("cli.audit_question");
    node.hefu(&["audit", "query", "q01"]).run().exits(2).fault("cli.audit_parameter_missing");
    let odd = ["audit", "query", "q04", "--key", "00"];
    node.hefu(&odd).run().exits(2).fault("cli.audit_parameter");
    node.hefu(&["audit", "query", "q04", "--from", "never"])
        .run()
        .exits(2)
        .fault("api.bad_request");
}
