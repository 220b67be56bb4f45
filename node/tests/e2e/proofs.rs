//! Proofs that outlive the network: a capsule with every part, what its parts are for tools that know
//! no capsules, and `hefu verify` of each, in both languages.

use std::path::{Path, PathBuf};

use hefu_primitives::transparency::TransparentStatement;
use serde_json::Value;

use crate::four_provinces::{ITEM, JIANGSU, SCENARIO, valid_licence};
use crate::harness::cli::{Hefu, Outcome};
use crate::harness::network::{Network, Province};

/// The size that is typical for a capsule of one act on a ledger of four provinces.
const TYPICAL: u64 = 8 * 1024;

struct Verifier<'a> {
    nowhere: PathBuf,
    hash: &'a str,
}

impl Verifier<'_> {
    /// Verifies in a folder where there is nothing, as somebody who has nothing but the hash.
    fn run(&self, file: &Path, more: &[&Path]) -> Outcome {
        self.against(self.hash, file, more)
    }

    fn against(&self, hash: &str, file: &Path, more: &[&Path]) -> Outcome {
        let verify = Hefu::new(&self.nowhere).arg("verify").arg(file).args(["--genesis", hash]);
        verify.args(more).run()
    }

    fn words(&self, lang: &str, file: &Path, more: &[&Path]) -> String {
        let verify = Hefu::plain(&self.nowhere).args(["--lang", lang, "verify"]).arg(file);
        verify.args(["--genesis", self.hash]).args(more).run().exits(0).stdout
    }
}

/// A decision of Jiangsu on a licence of Zhejiang, proven in every form there is.
pub(crate) fn proofs(network: &Network, licences: &[Value]) {
    let jiangsu = &network.provinces[1];
    let (_, licence) = valid_licence(&jiangsu.http(), licences, 1);
    let decide = jiangsu.hefu(&["recognise", "decide", "--as", JIANGSU, "--att", &licence]);
    let decide = decide.args(["--scenario", SCENARIO, "--item", ITEM, "--outcome", "accepted"]);
    let tx = decide.json()["tx"].as_str().expect("the transaction").to_owned();
    let nowhere = network.scratch.join("no-node");
    std::fs::create_dir(&nowhere).expect("a folder");
    let verifier = Verifier { nowhere, hash: &network.hash };
    let capsule = capsule(network, &verifier, &tx);
    checkpoints(network, &verifier, &capsule);
    receipts(network, &verifier, &capsule, &tx);
    past(jiangsu, network, &verifier, &tx);
}

fn capsule(network: &Network, verifier: &Verifier<'_>, tx: &str) -> PathBuf {
    let file = network.scratch.join("decision.hefu");
    let write = network.provinces[1].hefu(&["tx", "evidence", tx, "-O"]).arg(&file);
    let size = write.json()["bytes"].as_u64().expect("a size");
    println!("a capsule of one decision, with every part: {size} bytes");
    assert!(size <= TYPICAL, "{size}");
    let report = verifier.run(&file, &[]).exits(0).json();
    let decided = &report["recognised"][0];
    assert_eq!((&decided["outcome"], &decided["corrected"]), (&"accepted".into(), &false.into()));
    assert_eq!(decided["relying"], JIANGSU, "{report:#}");
    assert_eq!(report["status"]["attestations"][0]["status"], "active", "{report:#}");
    assert_eq!(report["signer"]["questioned"], false);
    let rules = report["rules"].as_array().expect("rules").iter();
    let rules: Vec<&str> = rules.filter_map(|rule| rule["rule"].as_str()).collect();
    assert!(rules.contains(&"type") && rules.contains(&"scenario"), "{report:#}");
    let count =
        |pointer: &str| report.pointer(pointer).and_then(Value::as_array).map_or(0, Vec::len);
    assert!(count("/witness/checkpoint/cosigned") >= 3, "a quorum: {report:#}");
    assert_eq!(count("/witness/receipts"), 4, "one of each province: {report:#}");
    assert_eq!(report["not_shown"], serde_json::json!(["later", "flags", "content"]), "{report:#}");
    assert_eq!(decided["stood"]["status"], "active", "when it was decided: {report:#}");
    let english = verifier.words("en", &file, &[]);
    let chinese = verifier.words("zh", &file, &[]);
    for words in [
        "recorded?",
        "status?",
        "recognised?",
        "the certificate then: active",
        "its key was valid then",
        "not shown",
    ] {
        assert!(english.contains(words), "{words}: {english}");
    }
    for words in
        ["是否记录", "状态如何", "是否认可", "当时密钥有效", "未证明", "联署检查点", "回执"]
    {
        assert!(chinese.contains(words), "{words}: {chinese}");
    }
    let bare = network.scratch.join("bare.hefu");
    let write = network.provinces[1].hefu(&["tx", "evidence", tx, "--bare", "-O"]).arg(&bare);
    println!("the same without checkpoint and receipts: {} bytes", write.json()["bytes"]);
    let report = verifier.run(&bare, &[]).exits(0).json();
    assert_eq!(report["witness"], Value::Null);
    file
}

/// The checkpoint out of the capsule, and the one a node serves, with keys from all three places.
fn checkpoints(network: &Network, verifier: &Verifier<'_>, capsule: &Path) {
    let parts = network.scratch.join("parts");
    let report = verifier.run(capsule, &["--extract".as_ref(), &parts]).exits(0).json();
    assert_eq!(report["extracted"].as_array().map(Vec::len), Some(2), "{report:#}");
    let inside = parts.join("checkpoint");
    let list = network.scratch.join("cosigners.json");
    let http = network.provinces[3].http();
    std::fs::write(&list, http.get("/api/v1/log/cosigners").body).expect("a file");
    let served = network.scratch.join("served");
    std::fs::write(&served, http.get("/checkpoint").body).expect("a file");
    for (keys, source) in [(capsule, "capsule"), (&*network.genesis, "genesis"), (&*list, "list")] {
        for note in [&inside, &served] {
            let report = verifier.run(note, &["--keys".as_ref(), keys]).exits(0).json();
            assert_eq!((&report["kind"], &report["keys"]), (&"checkpoint".into(), &source.into()));
            assert!(report["cosigned"].as_array().is_some_and(|who| who.len() >= 3), "{report:#}");
        }
    }
    let keys: [&Path; 2] = ["--keys".as_ref(), capsule];
    assert!(verifier.words("en", &inside, &keys).contains("cosigned"));
    assert!(verifier.words("zh", &inside, &keys).contains("由胶囊证明"));
    verifier.run(&inside, &[]).exits(2).fault("cli.needs");
    verifier.against(&"00".repeat(32), &inside, &["--keys".as_ref(), &list]).exits(3);
    let text = std::fs::read_to_string(&inside).expect("a note");
    let forged = network.scratch.join("forged");
    let size = text.lines().nth(1).expect("a size");
    std::fs::write(&forged, text.replacen(size, "7", 1)).expect("a file");
    let refused = verifier.run(&forged, &keys).exits(3).fault("cli.invalid");
    assert!(refused.stderr.contains("checkpoint ("), "{}", refused.report());
}

/// `hefu tx receipt`, the statement out of the capsule, and one receipt alone.
fn receipts(network: &Network, verifier: &Verifier<'_>, capsule: &Path, tx: &str) {
    let list = network.scratch.join("cosigners.json");
    let whole = network.scratch.join("statement.cose");
    let receipt = network.provinces[2].hefu(&["tx", "receipt", tx, "--alg", "both", "-O"]);
    let written = receipt.arg(&whole).json();
    assert_eq!(written["receipts"].as_array().map(Vec::len), Some(8), "{written:#}");
    let by_list: [&Path; 2] = ["--keys".as_ref(), &list];
    let report = verifier.run(&whole, &by_list).exits(0).json();
    assert_eq!((&report["kind"], &report["tx"]), (&"statement".into(), &tx.into()));
    let held = report["receipts"].as_array().expect("receipts").iter();
    assert_eq!(held.filter(|receipt| receipt["verified"] == true).count(), 8, "{report:#}");
    let inside = network.scratch.join("parts/statement.cose");
    let by_capsule: [&Path; 2] = ["--keys".as_ref(), capsule];
    let report = verifier.run(&inside, &by_capsule).exits(0).json();
    assert_eq!(report["receipts"].as_array().map(Vec::len), Some(4), "{report:#}");
    assert!(verifier.words("zh", &inside, &by_capsule).contains("是否记录"));
    assert!(verifier.words("en", &inside, &by_capsule).contains("recorded?"));

    let bytes = std::fs::read(&inside).expect("a statement");
    let statement = TransparentStatement::decode(&bytes).expect("a statement");
    let own = statement.receipts()[0].bytes();
    let alone = network.scratch.join("receipt.cose");
    std::fs::write(&alone, own).expect("a file");
    verifier.run(&alone, &by_capsule).exits(2).fault("--of");
    let of = [&by_capsule[..], &["--of".as_ref(), capsule]].concat();
    verifier.run(&alone, &of).exits(0);
    let mut changed = bytes;
    let last = changed.len() - 100;
    changed[last] ^= 1;
    std::fs::write(&alone, &changed).expect("a file");
    verifier.run(&alone, &by_capsule).exits(3).fault("cli.invalid");
    verifier.against(&"00".repeat(32), &inside, &by_list).exits(3);
}

/// The state of a record before it was there, and at a height that is to come.
fn past(jiangsu: &Province, network: &Network, verifier: &Verifier<'_>, tx: &str) {
    let height = jiangsu.http().json(&format!("/api/v1/transactions/{tx}"))["height"].clone();
    let height = height.as_str().expect("a height");
    let at = |height: &str, name: &str| {
        let file = network.scratch.join(name);
        let write = jiangsu.hefu(&["tx", "evidence", tx, "--at-height", height, "-O"]).arg(&file);
        (file, write)
    };
    let (file, write) = at(height, "then.hefu");
    write.run().exits(0);
    let report = verifier.run(&file, &[]).exits(0).json();
    assert_eq!(report["status"]["height"], height, "{report:#}");
    at("1", "early.hefu").1.run().exits(2).fault("api.bad_request");
    at("99999999", "late.hefu").1.run().exits(2).fault("api.height_in_future");
}
