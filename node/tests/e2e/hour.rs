//! Receipts by the hour, with hours that really pass: the clocks of the four nodes are put ahead with
//! libfaketime (its monotonic clock goes on as it should), as if everybody had come back later.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::four_provinces::ITEM;
use crate::harness::cli::Hefu;
use crate::harness::network::Network;
use crate::harness::node::NodeProcess;
use crate::harness::{PROGRAM, faketime};

const PROVIDER: &str = "11310000HEFU01045F";
const CONSUMER: &str = "11320000HEFU020484";
const CATALOGUE: &str = "310000/insurance-02";
const HOUR_MS: u64 = 3_600_000;

#[test]
fn both_sides_state_their_hours() {
    let Some(library) = faketime() else {
        eprintln!("skipped: libfaketime is not installed");
        return;
    };
    let mut network = Network::start("hour");
    let grant = granted(&network);
    let now = block_time(&network);
    // Three uses in this hour, two in the next one: the provider writes them down, the consumer has
    // the same drafts but for one of the second hour.
    let next = (now / HOUR_MS + 1) * HOUR_MS;
    let times = [now, now, now, next, next + 1];
    let drafts: Vec<String> =
        times.iter().enumerate().map(|(n, at)| draft(&network, &grant, n, *at)).collect();
    let whole = file(&network, "whole.jsonl", &drafts[..3].concat());
    let provided = file(&network, "provided.jsonl", &drafts[3..].concat());
    let consumed = file(&network, "consumed.jsonl", &drafts[3]);
    state(&network, 0, PROVIDER, &provided).run().exits(6).fault("E112");

    ahead(&mut network, &library, 3);
    let stated = state(&network, 0, PROVIDER, &whole).json();
    assert_eq!(stated["count"], 3, "{stated:#}");
    state(&network, 0, PROVIDER, &whole).run().exits(6).fault("E525");
    let hours = || {
        network.settle();
        let list = network.provinces[1].hefu(&["share", "hours", "--grant", &grant]).json();
        list["items"].as_array().expect("hours").clone()
    };
    assert_eq!(hours()[0]["state"], "one_sided");
    state(&network, 1, CONSUMER, &whole).run().exits(0);
    state(&network, 0, PROVIDER, &provided).run().exits(0);
    state(&network, 1, CONSUMER, &consumed).run().exits(0);
    let hours = hours();
    let of = |name: &str| hours.iter().map(|hour| hour[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("state"), ["confirmed", "differs"], "{hours:#?}");
    let flags = |hour: &Value| hour["record"]["flags"].clone();
    assert_eq!([flags(&hours[0]), flags(&hours[1])], [json!([]), json!(["count_mismatch"])]);
    let table = Hefu::plain(&network.provinces[1].home).args(["--lang", "zh", "share", "hours"]);
    let table = table.arg("--data-dir").arg(&network.provinces[1].home).run().exits(0);
    assert!(!table.stdout.contains("mismatch"), "{}", table.report());
    network.assert_agreement();
}

/// All nodes stop, and come back when it is so many hours later.
fn ahead(network: &mut Network, library: &Path, hours: u64) {
    for province in &mut network.provinces {
        province.node.take().expect("it runs").stop();
    }
    for province in &mut network.provinces {
        let (home, api) = (province.home.clone(), province.api);
        province.node = Some(NodeProcess::start_as(PROGRAM.as_ref(), &home, api, |command| {
            command.env("LD_PRELOAD", library);
            command.env("FAKETIME", format!("+{hours}h"));
            command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }));
    }
    for province in &mut network.provinces {
        province.node().wait_ready();
    }
}

fn file(network: &Network, name: &str, text: &str) -> PathBuf {
    let path = network.scratch.join(name);
    std::fs::write(&path, text).expect("a file");
    path
}

fn block_time(network: &Network) -> u64 {
    let node = network.provinces[0].http().json("/api/v1/node");
    node["block_time_ms"].as_str().and_then(|time| time.parse().ok()).expect("a time")
}

/// A grant of a thousand uses a day.
fn granted(network: &Network) -> String {
    let (shanghai, jiangsu) = (&network.provinces[0], &network.provinces[1]);
    let publish = shanghai.hefu(&["share", "publish", CATALOGUE, "--as", PROVIDER]);
    let publish = publish.args(["--title", "社保参保信息", "--share", "conditional", "--personal"]);
    let publish = publish.args(["--items", "参保状态", "--conditions"]);
    publish.arg(file(network, "conditions.txt", "仅限窗口办件核验")).run().exits(0);
    network.settle();
    let request = jiangsu.hefu(&["share", "request", CATALOGUE, "--as", CONSUMER, "--item", ITEM]);
    let request = request.args(["--fields", "参保状态", "--per-day", "1000"]);
    let request = request.args(["--basis-kind", "state-council", "--basis-file"]);
    let request = request.arg(file(network, "basis.txt", "政务数据共享条例")).json();
    let id = request["request"].as_str().expect("an id").to_owned();
    network.settle();
    shanghai.hefu(&["share", "grant", &id, "--as", PROVIDER]).run().exits(0);
    network.settle();
    id
}

/// A receipt as the consumer drafts it.
fn draft(network: &Network, grant: &str, number: usize, at: u64) -> String {
    let draft = network.scratch.join(format!("use-{number}.json"));
    let used = network.provinces[1].hefu(&["share", "receipt", "--grant", grant, "--as", CONSUMER]);
    let used = used.args(["--case", "办件-0001", "--begun", &at.to_string(), "--request"]);
    let used = used.arg(file(network, "asked.txt", "一问")).arg("--response");
    let used = used.arg(file(network, "answered.txt", "一答")).arg("--draft").arg(&draft);
    used.run().exits(0);
    std::fs::read_to_string(draft).expect("a draft")
}

fn state(network: &Network, province: usize, by: &str, file: &Path) -> Hefu {
    network.provinces[province].hefu(&["share", "hour", "--as", by]).arg(file)
}
