//! What an operator is told when something is in the way: a code of its own, the cause, the remedy,
//! the exit code, in Chinese and English, and nothing written or half started.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use serde_json::Value;

use crate::harness::cli::{Hefu, Outcome};
use crate::harness::network::Network;
use crate::harness::{Scratch, free_port};

/// A command in Chinese whose output is for people.
fn zh(folder: &Path, arguments: &[&str]) -> Outcome {
    let outcome = Hefu::plain(folder).args(["--lang", "zh", "--insecure-fast-kdf"]);
    let outcome = outcome.args(arguments).run();
    assert_chinese(&outcome);
    outcome
}

/// The same in English, as JSON.
fn en(folder: &Path, arguments: &[&str]) -> Outcome {
    Hefu::new(folder).arg("--insecure-fast-kdf").args(arguments).run()
}

/// No line is English prose (three plain words in a row without Chinese), none a debug form.
#[track_caller]
fn assert_chinese(outcome: &Outcome) {
    let plain = |word: &&str| {
        let letters = word.bytes().filter(u8::is_ascii_lowercase).count();
        letters > 2 && letters == word.trim_end_matches([',', '.', ':', ';']).len()
    };
    for line in outcome.stderr.lines().chain(outcome.stdout.lines()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let english = words.windows(3).any(|three| three.iter().all(plain));
        let chinese = line.chars().any(|c| c > '\u{2e80}');
        assert!(chinese || !english, "{line}\n{}", outcome.report());
        for form in ["Region(", "Some(", "None", "Err(", "{ "] {
            assert!(!line.contains(form), "{line}\n{}", outcome.report());
        }
    }
}

/// Both languages: the exit code, the stable code, and words of the particulars.
#[track_caller]
fn told(folder: &Path, arguments: &[&str], exit: i32, code: &str, parts: &[&str]) {
    let chinese = zh(folder, arguments).exits(exit).fault(code);
    assert!(chinese.stderr.contains("办法"), "{}", chinese.report());
    let english = en(folder, arguments).exits(exit).fault(code);
    let fault: Value = serde_json::from_str(english.stderr.lines().last().unwrap_or_default())
        .unwrap_or_else(|error| panic!("{error}: {}", english.report()));
    assert_eq!(fault["code"], code, "{fault}");
    assert_eq!(fault["exit"], exit, "{fault}");
    assert!(fault["remedy"].as_str().is_some_and(|text| !text.is_empty()), "{fault}");
    for part in parts {
        assert!(chinese.stderr.contains(part), "{part}: {}", chinese.report());
        assert!(fault["detail"].to_string().contains(part), "{part}: {fault}");
    }
}

#[track_caller]
fn nothing_at(path: &Path) {
    assert!(!path.exists(), "{} was written", path.display());
}

#[test]
fn what_is_missing_is_named() {
    let scratch = Scratch::new("missing");
    let folder = scratch.path();
    told(folder, &["run", "--data-dir", "nowhere"], 4, "cli.no_data_dir", &["nowhere"]);
    told(folder, &["status", "--data-dir", "nowhere"], 4, "cli.no_data_dir", &["nowhere"]);
    told(folder, &["config", "show", "--data-dir", "nowhere"], 4, "cli.no_data_dir", &[]);
    told(folder, &["genesis", "sign", "g", "--data-dir", "nowhere"], 4, "cli.no_file", &["g"]);
    told(folder, &["status", "--config", "no.toml"], 4, "cli.no_config", &["no.toml"]);
    nothing_at(&scratch.join("nowhere"));
    std::fs::create_dir(scratch.join("empty")).expect("a folder");
    told(folder, &["run", "--data-dir", "empty"], 4, "cli.no_genesis", &["genesis.json"]);
    let present = ["cert", "present", "--find", "x", "--fields", "a", "--data-dir", "empty"];
    told(folder, &present, 4, "cli.no_vault", &["vault"]);
    told(folder, &["cert", "attest", "no.json"], 4, "cli.no_file", &["no.json"]);
    let left = std::fs::read_dir(scratch.join("empty")).expect("a folder").count();
    assert_eq!(left, 0, "nothing is made on the way");
    let node = format!("127.0.0.1:{}", free_port());
    told(folder, &["status", "--node", &node], 5, "cli.unreachable", &[&node]);
    told(folder, &["demo", "heal"], 4, "cli.no_demo", &[]);
    told(folder, &["explain", "E999"], 4, "cli.unknown_code", &["E999"]);
    let encrypted = format!("https://{node}");
    told(folder, &["status", "--node", &encrypted], 2, "cli.tls", &[&encrypted]);
}

#[test]
fn passphrases_that_do_not_do() {
    let scratch = Scratch::new("passphrases");
    let folder = scratch.path();
    let file = |name: &str, text: &str| {
        std::fs::write(scratch.join(name), text).expect("a file");
        name.to_owned()
    };
    let (short, other) = (file("short", "geheim\n"), file("other", "another long passphrase\n"));
    let new = |label, file| ["key", "new", label, "--data-dir", "home", "--passphrase-file", file];
    told(folder, &new("a", &short), 2, "cli.bad_passphrase", &["12"]);
    nothing_at(&scratch.join("home"));
    told(folder, &new("a", "none"), 4, "cli.no_file", &["none"]);
    en(folder, &["key", "new", "a", "--data-dir", "home"]).exits(0);
    let mut change: Vec<&str> = vec!["key", "passphrase", "a", "--data-dir", "home"];
    change.extend(["--passphrase-file", &other, "--new-passphrase-file", &other]);
    told(folder, &change, 6, "cli.passphrase", &["a.key"]);
    let mut change: Vec<&str> = vec!["key", "passphrase", "a", "--data-dir", "home"];
    change.extend(["--new-passphrase-file", &short]);
    told(folder, &change, 2, "cli.bad_passphrase", &["12"]);
}

/// What can be seen to be wrong is said before anything is sent, signed or written: no node runs.
#[test]
fn what_must_be_given_together() {
    let scratch = Scratch::new("together");
    let folder = scratch.path();
    std::fs::write(scratch.join("text"), "x").expect("a file");
    let id = "0123456789abcdef0123456789abcdef";
    let decide = |more: &[&'static str]| -> Vec<&'static str> {
        let mut all = vec!["recognise", "decide", "--scenario", "401", "--att"];
        all.push("0123456789abcdef0123456789abcdef");
        all.extend(more);
        all
    };
    for (arguments, code, part) in [
        (decide(&["--outcome", "refused"]), "cli.needs", "--reason"),
        (decide(&["--outcome", "accepted", "--reason", "5"]), "cli.needs", "--reason"),
        (decide(&["--outcome", "refused", "--reason", "77"]), "cli.input", "77"),
        (decide(&["--outcome", "refused", "--reason", "5,5"]), "cli.input", "--reason"),
        (decide(&["--outcome", "refused", "--reason", "16"]), "cli.needs", "--statute"),
        (decide(&["--outcome", "refused", "--reason", "99"]), "cli.needs", "--evidence"),
        (decide(&["--outcome", "refused", "--reason", "3"]), "cli.needs", "--digest-match"),
    ] {
        told(folder, &arguments, 2, code, &[part]);
    }
    let publish = ["share", "publish", "a/1", "--title", "t", "--items", "a", "--share"];
    let publish = |more: &[&'static str]| -> Vec<&'static str> {
        publish.iter().chain(more).copied().collect()
    };
    for (arguments, part) in [
        (publish(&["conditional"]), "--conditions"),
        (publish(&["not-shared"]), "--basis-kind"),
        (publish(&["unconditional", "--ack-days", "11"]), "--ack-days"),
    ] {
        told(folder, &arguments, 2, "cli.needs", &[part]);
    }
    let request =
        ["share", "request", "a/1", "--item", "992090004000", "--fields", "a", "--per-day"];
    let request: Vec<&str> = request.into_iter().chain(["1"]).collect();
    told(folder, &request, 2, "cli.needs", &["--basis-kind"]);
    for (reason, code, part) in [
        ("3", "cli.needs", "--basis-kind"),
        ("4", "cli.needs", "--holder"),
        ("99", "cli.needs", "--evidence"),
        ("7", "cli.input", "7"),
    ] {
        told(folder, &["share", "deny", id, "--reason", reason], 2, code, &[part]);
    }
    told(folder, &["share", "grant-state", id, "revoked"], 2, "cli.needs", &["--reason"]);
    let revoke = ["cert", "revoke", id, "--kind", "other", "--reason", "1", "--yes"];
    told(folder, &revoke, 2, "cli.needs", &["--evidence"]);
    let key = ["key", "revoke", "a", "--reason", "compromised"];
    told(folder, &key, 2, "cli.needs", &["--since"]);
    told(folder, &["authority", "mandate", "11310000HEFU01010W"], 2, "cli.needs", &["--add-type"]);
    let agreement = ["agreement", "propose", "--party", "310000", "--text", "text", "--entry"];
    let agreement = agreement.into_iter().chain(["11100000HEFU90025A001=1", "--effective"]);
    let agreement: Vec<&str> = agreement.chain(["2030-01-01"]).collect();
    told(folder, &agreement, 2, "cli.needs", &["--party"]);
    nothing_at(&scratch.join(".local"));
    // Usage errors are faults like others for programs.
    let usage = en(folder, &["share", "publish", "a/1"]).exits(2);
    let fault: Value = serde_json::from_str(&usage.stderr).expect("JSON");
    assert_eq!(fault["code"], "cli.usage", "{fault}");
    zh(folder, &["share", "publish", "a/1"]).exits(2).fault("--title");
}

/// Founding and setting up: checked before anything is written. Then a node whose folder or port
/// is taken: said at once, and nothing of it starts.
#[test]
fn a_node_that_cannot_start_says_why_and_does_nothing() {
    let mut network = Network::found("in-the-way");
    let scratch = network.scratch.path().to_owned();
    let genesis = network.genesis.display().to_string();
    let draft = network.genesis.with_extension("draft.json").display().to_string();

    let join = ["genesis", "join", "--draft", &draft, "--sample", "310000", "--data-dir", "new"];
    let bad: Vec<&str> = join.into_iter().chain(["--address", "nowhere", "-O", "m.json"]).collect();
    zh(&scratch, &bad).exits(2).fault("--address");
    let there: Vec<&str> = join.into_iter().chain(["-O", &genesis]).collect();
    told(&scratch, &there, 7, "cli.conflict", &["genesis.json"]);
    let uninvited = ["genesis", "join", "--draft", &draft, "--sample", "440000"];
    let uninvited: Vec<&str> = uninvited.into_iter().chain(["--data-dir", "new"]).collect();
    assert_ne!(zh(&scratch, &uninvited).code, Some(0));
    for name in ["new", "m.json"] {
        nothing_at(&scratch.join(name));
    }

    let mut unsigned: Value =
        serde_json::from_slice(&std::fs::read(&genesis).expect("a genesis")).expect("JSON");
    unsigned["signatures"] = serde_json::json!([]);
    std::fs::write(scratch.join("unsigned.json"), unsigned.to_string()).expect("a genesis");
    told(&scratch, &["genesis", "verify", "unsigned.json"], 3, "cli.genesis", &["340000"]);

    let init = ["init", "--province", "310000", "--genesis", &genesis, "--data-dir", "new"];
    let open = init.into_iter().chain(["--api-listen", "0.0.0.0:8421", "--open-reading"]);
    let open: Vec<&str> = open.collect();
    told(&scratch, &open, 2, "cli.config", &["0.0.0.0:8421", "127.0.0.1"]);
    told(&scratch, &init, 1, "cli.node_key", &["310000"]);
    nothing_at(&scratch.join("new"));

    let [first, second] = [0, 1].map(|place| network.provinces[place].home.display().to_string());
    network.provinces[0].start();
    network.provinces[0].node().wait_alive();
    let again = ["run", "--data-dir", &first];
    told(&scratch, &again, 7, "cli.folder_in_use", &["310000"]);
    told(&scratch, &["store", "rebuild", "--data-dir", &first], 7, "cli.folder_in_use", &[]);

    for (flag, setting) in [("--api-listen", "api.listen"), ("--p2p-listen", "p2p.listen")] {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = taken.local_addr().expect("an address").to_string();
        let busy = ["run", "--data-dir", &second, flag, &address];
        told(&scratch, &busy, 1, "cli.port_in_use", &[&address, flag, setting]);
        let outcome = zh(&scratch, &busy);
        assert!(!outcome.stderr.contains("network started"), "{}", outcome.report());
    }
    let mut wrong = vec!["run", "--data-dir", &second, "--passphrase-file"];
    std::fs::write(scratch.join("wrong"), "not this one, sorry\n").expect("a file");
    wrong.push("wrong");
    told(&scratch, &wrong, 6, "cli.passphrase", &["node.key"]);

    // What works is told in words: one of three peers is no peer yet.
    let status = zh(&scratch, &["status", "--data-dir", &first]).exits(0);
    assert!(status.stdout.contains("已连接 0,共 3"), "{}", status.report());
    let doctor = zh(&scratch, &["doctor", "--data-dir", &first]);
    assert!(
        doctor.stdout.contains("时钟") && doctor.stdout.contains("在运行"),
        "{}",
        doctor.report()
    );
    let origin =
        en(&scratch, &["config", "show", "--origin", "--data-dir", &first]).exits(0).json();
    let data_dir = origin.as_array().expect("rows").iter().find(|row| row["setting"] == "data_dir");
    assert_eq!(data_dir.expect("the setting")["origin"], "--data-dir");
}
