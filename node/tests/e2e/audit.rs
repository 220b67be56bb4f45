//! An auditor's walk through docs/audit.md: the questions, asked of four processes on which six scenarios
//! were played, by commands of the program alone.

use std::collections::BTreeMap;
use std::path::Path;

use hefu_primitives::time::Day;
use serde_json::{Value, json};

use crate::harness::cli::Hefu;
use crate::harness::network::{Network, Province};
use crate::harness::{SOON, wait_for};

/// After the scenarios: what they planted is found, and nothing else.
pub(crate) fn walk(network: &mut Network, today: Day) {
    questions(network);
    crate::auditor::walk(network, today);
    exports(network);
}

fn questions(network: &Network) {
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
    on_paper(network, node, &wrong[0]);
    tables(node, key);
    mistakes(node);
}

/// Zhejiang's auditors.
pub(crate) const AUDIT: &str = "11330000HEFU03112F";

/// Exports are the same to the byte, however they came about, and their manifests say when they are not.
fn exports(network: &mut Network) {
    let height = network.settle().to_string();
    let folder = network.scratch.path().to_owned();
    let genesis = network.chain().to_string();
    let zhejiang = &network.provinces[2];
    follows(zhejiang);
    let export = |node: &Province, question: &str, format: &str, file: &Path| {
        let asked = ["audit", "export", question, "--at-height", &height, "--as", AUDIT];
        node.hefu(&asked).args(["--format", format, "--yes", "--out"]).arg(file)
    };
    let verify = |node: &Province, file: &Path| {
        let manifest = format!("{}.manifest.json", file.display());
        node.hefu(&["verify", &manifest, "--genesis", &genesis])
    };
    let (csv, lines) = (folder.join("events.csv"), folder.join("wrong.jsonl"));
    let made = export(zhejiang, "events", "csv", &csv).json();
    let verified = verify(zhejiang, &csv).json();
    assert_eq!(verified["rows"], made["rows"]);
    assert_eq!(verified["key_in_force"], true, "{verified:#}");
    assert_eq!(verified["block_proven"], true, "{verified:#}");
    export(zhejiang, "q04", "jsonl", &lines).run().exits(0);
    assert_eq!(verify(zhejiang, &lines).json()["authority"], AUDIT);
    let whole = std::fs::read(&csv).expect("an export");
    assert!(whole.starts_with(b"\xef\xbb\xbfheight,time,tx,event,"));

    // What was exported is replaced only when asked, and one export writes at a time.
    let asked = ["audit", "export", "q04", "--as", AUDIT, "--out"];
    zhejiang.hefu(&asked).arg(&csv).run().exits(7).fault("cli.conflict");
    assert_eq!(std::fs::read(&csv).expect("an export"), whole);
    let (busy, part) = (folder.join("busy.csv"), folder.join("busy.csv.part"));
    let other = std::fs::File::create(&part).expect("a part");
    other.lock().expect("a lock");
    zhejiang.hefu(&asked).arg(&busy).run().exits(1).fault("cli.file");
    drop(other);
    zhejiang.hefu(&asked).arg(&busy).run().exits(0);

    // A link that stands in the way leads to somebody else's file.
    let (theirs, linked) = (folder.join("theirs"), folder.join("linked.csv"));
    let part = folder.join("linked.csv.part");
    std::fs::write(&theirs, "keep").expect("a file");
    for hard in [false, true] {
        match hard {
            true => std::fs::hard_link(&theirs, &part).expect("a link"),
            false => std::os::unix::fs::symlink(&theirs, &part).expect("a link"),
        }
        zhejiang.hefu(&asked).arg(&linked).run().exits(2).fault("cli.export_part");
        assert_eq!(std::fs::read(&theirs).expect("theirs"), b"keep");
        std::fs::remove_file(&part).expect("the link");
    }
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(&csv).expect("an export").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "rows are for their owner, as the manifest is");

    // A period that ends before it begins finds nothing, which must not look like an answer.
    let reversed = ["--from", "2026-12-31", "--to", "2026-01-01"];
    let refused = zhejiang.hefu(&asked).arg(&linked).args(reversed).run().exits(2);
    refused.fault("api.bad_request");
    assert!(!linked.exists());

    // Interrupted in the middle of a line, and gone on with.
    let resumed = folder.join("resumed.csv");
    let first = ["audit", "query", "events", "--at-height", &height, "--limit", "10"];
    let cursor = zhejiang.hefu(&first).json()["next_cursor"].clone();
    let bytes: usize = whole.split_inclusive(|byte| *byte == b'\n').take(11).map(<[u8]>::len).sum();
    std::fs::write(folder.join("resumed.csv.part"), &whole[..bytes + 5]).expect("a part");
    let mut part = json!({
        "genesis": genesis, "question": "events", "params": {"at_height": height}, "written": "csv", "height": height,
        "complete": true, "cursor": cursor, "rows": 10, "bytes": bytes,
        "blake3": blake3::hash(&whole[..bytes]).to_hex().to_string(),
    });
    let note = |part: &Value| {
        std::fs::write(folder.join("resumed.csv.part.json"), part.to_string()).expect("its place");
    };
    note(&part);
    export(zhejiang, "events", "csv", &resumed).arg("--resume").run().exits(0);
    assert_eq!(std::fs::read(&resumed).expect("an export"), whole);

    // What is there is not what was written, or is of something else: never signed, never overwritten.
    let refused = |written: &[u8], part: &Value| {
        std::fs::write(folder.join("resumed.csv.part"), written).expect("a part");
        note(part);
        export(zhejiang, "events", "csv", &resumed)
            .arg("--resume")
            .run()
            .exits(2)
            .fault("cli.export_part");
        assert_eq!(std::fs::read(folder.join("resumed.csv.part")).expect("a part"), written);
    };
    refused(&whole[..bytes - 1], &part);
    let mut changed = whole[..bytes].to_vec();
    changed[20] ^= 1;
    refused(&changed, &part);
    part["scope"] = json!({"mandate": "05"});
    refused(&whole[..bytes], &part);
    part["scope"] = Value::Null;
    part["genesis"] = "ab".repeat(32).into();
    refused(&whole[..bytes], &part);
    part["genesis"] = genesis.clone().into();
    part["params"]["kind"] = "attested".into();
    refused(&whole[..bytes], &part);
    let unknown = || {
        export(zhejiang, "events", "csv", &resumed).arg("--resume").run().exits(2);
    };
    std::fs::remove_file(folder.join("resumed.csv.part.json")).expect("to remove");
    unknown();
    assert_eq!(std::fs::read(folder.join("resumed.csv.part")).expect("a part"), &whole[..bytes]);
    std::fs::remove_file(folder.join("resumed.csv.part")).expect("to remove");
    export(zhejiang, "events", "csv", &resumed).arg("--resume").run().exits(0);
    assert_eq!(
        std::fs::read(&resumed).expect("an export"),
        whole,
        "nothing begun: from the beginning"
    );

    // By columns: the same rows, one for one.
    let (columns, rows) = (folder.join("events.parquet"), folder.join("events.jsonl"));
    export(zhejiang, "events", "parquet", &columns).run().exits(0);
    export(zhejiang, "events", "jsonl", &rows).run().exits(0);
    assert_eq!(verify(zhejiang, &columns).json()["rows"], made["rows"]);
    same_rows(&columns, &rows);
    export(zhejiang, "events", "parquet", &columns)
        .arg("--resume")
        .run()
        .exits(2)
        .fault("cli.export_part");

    // Without the capsule beside it the key is not shown to be good; with another one it is wrong.
    let capsule = folder.join("events.csv.evidence.hefu");
    let proof = std::fs::read(&capsule).expect("a capsule");
    std::fs::remove_file(&capsule).expect("to remove");
    assert_eq!(verify(zhejiang, &csv).json()["key_in_force"], Value::Null);
    std::fs::write(&capsule, &proof[..proof.len() - 1]).expect("a file");
    verify(zhejiang, &csv).run().exits(3).fault("cli.invalid");
    std::fs::write(&capsule, proof).expect("a file");

    // One byte more, or another ledger.
    let mut longer = whole.clone();
    longer.push(b' ');
    std::fs::write(&resumed, longer).expect("a file");
    verify(zhejiang, &resumed).run().exits(3).fault("cli.invalid");
    let manifest = format!("{}.manifest.json", csv.display());
    let elsewhere = zhejiang.hefu(&["verify", &manifest, "--genesis", &"ab".repeat(32)]);
    elsewhere.run().exits(3).fault("cli.invalid");
    let told = std::fs::read_to_string(&manifest).expect("a manifest");
    std::fs::write(&manifest, told.replace("\"complete\": true", "\"complete\": false"))
        .expect("a file");
    verify(zhejiang, &csv).run().exits(3).fault("cli.invalid");

    // Without its index a node makes it again, and answers to the byte what it answered.
    let zhejiang = &mut network.provinces[2];
    zhejiang.node.take().expect("runs").kill();
    std::fs::remove_dir_all(zhejiang.home.join("audit")).expect("the index");
    zhejiang.start();
    zhejiang.node().wait_ready();
    follows(zhejiang);
    let again = folder.join("again.csv");
    export(zhejiang, "events", "csv", &again).run().exits(0);
    assert_eq!(std::fs::read(&again).expect("an export"), whole);
}

/// A Parquet file has the rows of JSON Lines.
fn same_rows(columns: &Path, rows: &Path) {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let file = std::fs::File::open(columns).expect("a file");
    let file = SerializedFileReader::new(file).expect("a file of Parquet");
    let found = file.get_row_iter(None).expect("rows").map(|row| row.expect("a row"));
    let lines = std::fs::read_to_string(rows).expect("lines");
    let mut count = 0;
    for (found, line) in found.zip(lines.lines()) {
        let line: Value = serde_json::from_str(line).expect("a line");
        let columns = found.get_column_iter();
        let found: BTreeMap<&String, Value> =
            columns.map(|(name, field)| (name, plain(field))).collect();
        let found = |name: &str| &found[&name.to_owned()];
        for name in ["event", "subject", "actor", "region", "key", "flags", "tx"] {
            assert_eq!(found(name), &line[name], "{name} of {line}");
        }
        assert_eq!(found("height").to_string(), line["height"].as_str().expect("a height"));
        count += 1;
    }
    assert_eq!(count, lines.lines().count());
    assert!(count > 10);
}

fn plain(field: &parquet::record::Field) -> Value {
    use parquet::record::Field;
    match field {
        Field::Null => Value::Null,
        Field::Long(number) => json!(number),
        Field::Str(text) => json!(text),
        Field::ListInternal(list) => list.elements().iter().map(plain).collect(),
        other => json!(other.to_string()),
    }
}

/// The index has every block, and says so.
pub(crate) fn follows(node: &Province) {
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

/// A decision on paper, and the capsule beside it.
fn on_paper(network: &Network, node: &Province, wrong: &Value) {
    let record = format!("dec:{}", wrong["decision"].as_str().expect("a decision"));
    let file = network.scratch.join("decision.pdf");
    let report = || node.hefu(&["audit", "report", &record, "-O"]).arg(&file);
    let no_font = network.scratch.join("no-font");
    std::fs::write(&no_font, b"no font").expect("a file");
    report().arg("--font").arg(&no_font).run().exits(4).fault("cli.no_font");
    assert!(!file.exists(), "nothing is left of what failed");
    let other = format!("case:{}", "01".repeat(16));
    node.hefu(&["audit", "report", &other, "-O"]).arg(&file).run().exits(2).fault("cli.input");
    let made = report().run();
    if made.report().contains("cli.no_font") {
        println!("skipped: report (no font with its characters)");
        return;
    }
    let made = made.exits(0).json();
    assert!(std::fs::read(&file).expect("a report").starts_with(b"%PDF-1.7"));
    let (capsule, genesis) = (file.with_extension("hefu"), network.chain().to_string());
    node.hefu(&["verify"]).arg(&capsule).args(["--genesis", &genesis]).run().exits(0);
    let qr = made["qr"].as_str().expect("a code");
    assert!(qr.contains(&record) && genesis.starts_with(&qr[qr.len() - 16..]), "{qr}");
    report().run().exits(7).fault("cli.conflict");
    let chinese = network.scratch.join("决定.pdf");
    let also = node.hefu(&["audit", "report", &record, "--lang", "zh", "-O"]).arg(&chinese);
    let also = also.run().exits(0).json();
    for (file, made, title) in [(&file, &made, "Evidencereport"), (&chinese, &also, "证据报告")]
    {
        let Ok(text) = std::process::Command::new("pdftotext").arg(file).arg("-").output() else {
            println!("skipped: pdftotext (not installed)");
            return;
        };
        let text = String::from_utf8(text.stdout).expect("text");
        let apart: String = text.split_whitespace().collect();
        for wanted in [title, &record, &genesis, made["sha256"].as_str().expect("a digest")] {
            assert!(apart.contains(wanted), "{wanted} is not in\n{text}");
        }
    }
}

/// What is told in tables: nothing is told twice, and times of totals are Beijing's too.
fn tables(node: &Province, key: &str) {
    let told = |arguments: &[&str], lang: &str| {
        let mut asked = vec!["-o", "table", "--lang", lang, "audit", "query"];
        asked.extend(arguments);
        Hefu::plain(&node.home).arg("--data-dir").arg(&node.home).args(asked).run().exits(0)
    };
    let nothing = told(&["q08", "--catalogue", "310000/none-01"], "en");
    assert!(nothing.report().contains("Nothing was found."), "{}", nothing.report());
    assert!(!nothing.report().contains("Nothing there yet"), "{}", nothing.report());
    for lang in ["zh", "en"] {
        let compromised = told(&["q07", "--key", key], lang);
        assert!(!compromised.stdout.contains(".000Z"), "{}", compromised.report());
        assert!(compromised.stdout.contains(" 00:00:00"), "{}", compromised.report());
    }
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
