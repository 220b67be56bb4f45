//! `hefu demo`: as CI runs it, and as somebody plays with it from a second terminal.

use serde_json::Value;

use crate::harness::cli::Hefu;
use crate::harness::http::Http;
use crate::harness::network::REGIONS;
use crate::harness::{SOON, Scratch, free_ports, wait_for};

#[test]
fn ends_with_four_nodes_that_agree() {
    let folder = Scratch::new("demo-ci");
    let port = free_ports(4).to_string();
    let report = Hefu::new(folder.path()).args(["demo", "--for", "10s", "--port", &port]).json();
    assert_report(&report);
    assert!(report["acts_applied"].as_u64().is_some_and(|acts| acts > 0), "{report}");
    for quantile in ["p50", "p99"] {
        let time = report["commit_ms"][quantile].as_f64();
        assert!(time.is_some_and(|ms| ms > 0.0), "{report}");
    }
    let left = std::fs::read_dir(folder.path()).expect("a folder").flatten();
    let left: Vec<_> = left.map(|entry| entry.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("hefu-demo")), "{left:?}");
}

#[track_caller]
fn assert_report(report: &Value) {
    assert_eq!(report["agreed"], true, "{report}");
    let nodes = report["nodes"].as_array().expect("nodes");
    let regions: Vec<&Value> = nodes.iter().map(|node| &node["region"]).collect();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    assert_eq!(regions.iter().map(|region| text(region)).collect::<Vec<_>>(), REGIONS);
    for key in ["height", "block_id", "log_root", "state_root"] {
        assert!(!nodes[0][key].is_null(), "{key}: {report}");
        assert!(nodes.iter().all(|node| node[key] == nodes[0][key]), "{key}: {report}");
    }
}

/// A node stops, three go on, it comes back; a split of two and two stops everything until it
/// heals; a damaged node refuses to start, says what is damaged, and gets the ledger again.
#[test]
fn obeys_a_second_terminal() {
    let folder = Scratch::new("demo-play");
    let hefu = |arguments: &[&str]| Hefu::new(folder.path()).args(arguments);
    hefu(&["demo", "stop", "340000"]).run().exits(4).fault("cli.no_demo");
    let port = free_ports(4).to_string();
    let mut demo = hefu(&["demo", "--rate", "10", "--port", &port]).start();
    let apis = wait_for("the demonstration starts", SOON, || {
        assert!(!demo.has_ended(), "{}", demo.stderr());
        contact(&folder)
    });
    let http = |place: usize| Http::new(apis[place]);
    let grows = |place: usize| {
        let from = wait_for("a height", SOON, || http(place).height());
        wait_for("the ledger grows", SOON, || http(place).height().filter(|at| *at > from + 2))
    };
    grows(0);
    let sound = |region: &str| {
        let home = home(&folder, region).to_string_lossy().into_owned();
        let told = hefu(&["doctor", "--data-dir", &home]).json();
        let checks = told["items"].as_array().expect("checks").clone();
        assert!(checks.iter().all(|check| check["result"] != "failed"), "{told}");
        let of = |name: &str| checks.iter().filter(|check| check["check"] == name).count();
        assert_eq!([of("genesis"), of("keys"), of("blocks")], [1, 2, 1], "{told}");
        let blocks = checks.iter().find(|check| check["check"] == "blocks").expect("blocks");
        assert!(blocks["detail"].as_str().is_some_and(|text| text.contains("height")), "{told}");
    };
    sound("310000");

    let stopped = hefu(&["demo", "stop", "340000"]).json();
    assert_eq!(stopped["ok"], true, "{stopped}");
    sound("340000");
    assert!(http(3).try_get("/livez").is_none());
    let height = grows(0);
    let again = hefu(&["demo", "stop", "340000"]).run().exits(1).fault("cli.demo_state");
    assert!(again.stderr.contains("hefu demo start 340000"), "{}", again.report());
    hefu(&["demo", "tamper", "340000"]).run().exits(1).fault("cli.demo_state");
    hefu(&["demo", "stop", "110000"]).run().exits(4).fault("cli.not_found");
    hefu(&["demo", "start", "340000"]).run().exits(0);
    wait_for("it catches up", SOON, || http(3).height().filter(|at| *at >= height));

    hefu(&["demo", "partition", "310000", "320000"]).run().exits(0);
    for place in [0, 3] {
        wait_for("no quorum", SOON, || {
            let node = http(place).json("/api/v1/node");
            node["quorum"]["margin"].as_i64().filter(|margin| *margin < 0)
        });
    }
    let healed = Hefu::plain(folder.path()).args(["--lang", "zh", "demo", "heal"]).run().exits(0);
    assert!(healed.stdout.contains("恢复"), "{}", healed.report());
    grows(0);

    let tampered = hefu(&["demo", "tamper", "330000", "--keep", "evidence"]).json();
    let told = tampered.to_string();
    assert!(told.contains("refuses to start") && told.contains(".seg"), "{told}");
    hefu(&["demo", "tamper", "330000", "--keep", "evidence"]).run().exits(7).fault("cli.conflict");
    grows(2);

    demo.interrupt();
    let ended = demo.finish().exits(0);
    assert_report(&ended.json());
    let p50 = ended.json()["commit_ms"]["p50"].as_f64().expect("a time") * 10.0;
    assert!((p50 - p50.round()).abs() < 1e-6, "to a tenth of a millisecond: {p50}");
    let kept = folder.join("evidence/blocks");
    assert!(kept.is_dir(), "the evidence outlives the demonstration");
}

/// The folder of a province while the demonstration runs.
fn home(folder: &Scratch, region: &str) -> std::path::PathBuf {
    let entries = std::fs::read_dir(folder.path()).expect("a folder").flatten();
    let mut homes = entries.map(|entry| entry.path().join(region)).filter(|home| home.is_dir());
    homes.next().expect("the folder of the demonstration")
}

/// Ports of the provinces' interfaces, once the demonstration has said where it is.
fn contact(folder: &Scratch) -> Option<Vec<u16>> {
    let mut files = std::fs::read_dir(folder.path()).ok()?.flatten();
    let file = files.find(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.starts_with("hefu-demo-") && name.ends_with(".json")
    })?;
    let contact: Value = serde_json::from_slice(&std::fs::read(file.path()).ok()?).ok()?;
    let apis = contact["apis"].as_array()?.iter();
    let port = |api: &Value| api[1].as_str()?.rsplit_once(':')?.1.parse().ok();
    let ports: Option<Vec<u16>> = apis.map(port).collect();
    ports.filter(|ports| ports.len() == 4)
}
