//! What several people and provinces sign one after another, each at home: keys and proposals that
//! wait for a second governor, a province suspended and back, a stolen key revoked by vote; what
//! refused commands leave behind; a decision corrected, and judged again. Four processes, every act
//! through the command line.

use std::path::{Path, PathBuf};

use hefu_primitives::Millis;
use hefu_primitives::time::Day;
use serde_json::{Value, json};

use crate::four_provinces::{ITEM, JIANGSU, LICENCES, SCENARIO};
use crate::harness::cli::Outcome;
use crate::harness::network::{Network, Province};

/// Food licences, and the market regulator of Zhejiang that issues them.
const FOOD: &str = "11100000HEFU90025A002";
const ZHEJIANG: &str = "11330000HEFU03032U";
/// Zhejiang's data administration.
const OPERATOR: &str = "11330000HEFU030166";
/// Public security of Zhejiang and Anhui, and Anhui's auditors.
const WINDOW: &str = "11330000HEFU030241";
const HANDLER: &str = "11340000HEFU04027M";
const AUDIT: &str = "11340000HEFU041154";

#[test]
fn acts_wait_are_refused_and_judged_again() {
    let network = Network::start("waiting");
    let stage = Stage { network: &network };
    let other = stage.another_computer();
    stage.key(&other);
    stage.rotation(&other);
    stage.suspension(&other);
    stage.stolen_key();
    stage.refused_handover();
    stage.judged_again();
    stage.hour();
    stage.lists();
    network.assert_agreement();
}

struct Stage<'n> {
    network: &'n Network,
}

impl Stage<'_> {
    fn zhejiang(&self) -> &Province {
        &self.network.provinces[2]
    }

    fn jiangsu(&self) -> &Province {
        &self.network.provinces[1]
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.network.scratch.join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// What came of a command; when it recorded something, every node has it.
    fn run(&self, province: &Province, arguments: &[&str], files: &[(&str, &Path)]) -> Outcome {
        let mut command = province.hefu(arguments);
        for (flag, file) in files {
            command = command.arg(flag).arg(file);
        }
        let outcome = command.run();
        self.network.settle();
        outcome
    }

    fn act(&self, province: &Province, arguments: &[&str], files: &[(&str, &Path)]) -> Value {
        self.run(province, arguments, files).exits(0).json()
    }

    fn read(&self, arguments: &[&str]) -> Value {
        self.jiangsu().hefu(arguments).json()
    }

    /// Zhejiang's second governor: a keystore with that key alone.
    fn another_computer(&self) -> PathBuf {
        let (file, keystore) =
            (self.network.scratch.join("g2.key"), self.network.scratch.join("g2"));
        self.zhejiang().hefu(&["key", "export", "governor-2"]).arg(&file).run().exits(0);
        let import = self.zhejiang().hefu(&["key", "import"]).arg(&file);
        import.arg("--keystore").arg(&keystore).run().exits(0);
        keystore
    }

    fn pending(&self) -> Vec<Value> {
        let pending = self.read(&["proposal", "pending", "--member", "330000"]);
        pending["items"].as_array().cloned().expect("a list")
    }

    /// The second governor completes what the first began, without the key that is bound.
    fn key(&self, other: &Path) {
        self.zhejiang().hefu(&["key", "new", "clerk", "--role", "provider"]).run().exits(0);
        let bind = |key: &str, more: &[&str]| {
            let bind = ["key", "bind", key, "--owner", OPERATOR, "--role", "provider"];
            [
                bind.map(str::to_owned).as_slice(),
                &more.iter().map(|m| (*m).to_owned()).collect::<Vec<_>>(),
            ]
            .concat()
        };
        let run = |line: Vec<String>, files: &[(&str, &Path)]| {
            let line: Vec<&str> = line.iter().map(String::as_str).collect();
            self.run(self.zhejiang(), &line, files)
        };
        let first = run(bind("clerk", &["--key", "governor-1"]), &[]).exits(8).json();
        assert_eq!(first["status"], "pending_governors", "{first:#}");
        let id = first["key_id"].as_str().expect("a key").to_owned();
        let waiting = self.pending();
        let [waits] = waiting.as_slice() else { panic!("{waiting:#?}") };
        assert_eq!(waits["content"]["act"], "bind_key", "{waits:#}");
        assert_eq!((&waits["signed"], &waits["needed"]), (&json!(1), &json!(2)));
        assert_eq!(waits["missing"].as_array().map(Vec::len), Some(2), "{waits:#}");
        assert_eq!((&waits["lapsed"], &waits["tx"]), (&json!(false), &first["tx"]));
        // The first governor again: it is the same act, and signed.
        run(bind("clerk", &["--key", "governor-1"]), &[]).fault("E213");
        let keystore: &[(&str, &Path)] = &[("--keystore", other)];
        // Elsewhere the label says nothing: the act is shown and asked about.
        run(bind("clerk", &[]), keystore).fault("cli.needs_terminal");
        run(bind(&id, &[]), keystore).exits(0);
        let shown = self.read(&["key", "show", &id]);
        assert_eq!(shown["record"]["state"], "active", "{shown:#}");
        assert_eq!(self.pending(), Vec::<Value>::new());
    }

    fn rotation(&self, other: &Path) {
        let rotate = ["key", "rotate", "clerk", "--new", "clerk-2", "--key", "governor-1"];
        let first = self.run(self.zhejiang(), &rotate, &[]).exits(8).json();
        let [old, new] = ["old", "key_id"].map(|name| first[name].as_str().expect("a key"));
        let rotate = ["key", "rotate", old, "--new", new];
        self.act(self.zhejiang(), &rotate, &[("--keystore", other)]);
        let state = |id: &str| self.read(&["key", "show", id])["record"]["state"].clone();
        assert_eq!((state(old), state(new)), (json!("retiring"), json!("active")));
    }

    fn votes(&self, proposal: &str) {
        for province in &self.network.provinces[..2] {
            self.act(province, &["proposal", "vote", proposal, "yes"], &[]);
        }
    }

    /// A half-signed proposal is seen, signed by its digest, and voted on; the province acts no more
    /// until it is reinstated.
    fn suspension(&self, other: &Path) {
        let evidence = self.file("evidence.txt", "an inspection\n");
        let suspend = ["member", "suspend", "340000", "--extent", "acts-only", "--reason", "1"];
        let by_first = [suspend.as_slice(), &["--key", "governor-1"]].concat();
        let first = self.run(self.zhejiang(), &by_first, &[("--evidence", &evidence)]);
        let first = first.exits(8).json();
        let proposal = first["proposal"].as_str().expect("an id").to_owned();
        let shown = self.jiangsu().hefu(&["proposal", "show", &proposal]).run().exits(8).json();
        assert_eq!(shown["content"]["act"], "propose", "{shown:#}");
        let digest = self.pending()[0]["record"]["act"].as_str().expect("a digest").to_owned();
        self.jiangsu().hefu(&["proposal", "sign", &digest[..7]]).run().fault("cli.not_found");
        let sign = ["proposal", "sign", &digest[..10], "--yes"];
        self.act(self.zhejiang(), &sign, &[("--keystore", other)]);
        self.read(&["proposal", "show", &proposal]);
        self.votes(&proposal);
        let state = || self.read(&["member", "show", "340000"])["record"]["state"].clone();
        assert_eq!(state(), "suspended_acts");
        let open = ["audit", "openings", "case:00000000000000000000000000000001", "--as", AUDIT];
        let open = [open.as_slice(), &["--mandate", "00000000000000000000000000000001"]].concat();
        let anhui = &self.network.provinces[3];
        self.run(anhui, &open, &[("--purpose", &evidence)]).fault("E210");
        let back = self.act(self.zhejiang(), &["member", "reinstate", "340000"], &[]);
        self.votes(back["proposal"].as_str().expect("an id"));
        assert_eq!(state(), "active");
    }

    fn stolen_key(&self) {
        let keys = self.read(&["key", "list", "--ledger", "--owner", AUDIT]);
        let key = keys["items"][0]["key_id"].as_str().expect("a key").to_owned();
        let now = self.zhejiang().http().json("/api/v1/node")["block_time_ms"].clone();
        let now = now.as_str().expect("a time");
        let revoke = ["key", "revoke", &key, "--reason", "compromised", "--since", now];
        let revoke = [revoke.as_slice(), &["--by-vote", "--yes"]].concat();
        let proposed = self.act(self.zhejiang(), &revoke, &[]);
        self.votes(proposed["proposal"].as_str().expect("an id"));
        let shown = self.read(&["key", "show", &key]);
        assert_eq!(shown["record"]["state"], "revoked", "{shown:#}");
        assert_eq!(shown["record"]["revocation"]["reason"], "compromised");
    }

    /// Files of openings in a province's data folder.
    fn openings(&self) -> usize {
        let listed = std::fs::read_dir(self.zhejiang().home.join("openings"));
        listed.map_or(0, |files| files.flatten().count())
    }

    /// A refused command leaves no slip and no openings, and says in which state the case is.
    fn refused_handover(&self) {
        let open = ["case", "open", "--as", WINDOW, "--item", "990790003000", "--handler", HANDLER];
        let number = ["--number", "11340000HEFU04027M2990790003000202611220009"];
        let opened = self.act(self.zhejiang(), &[open.as_slice(), &number].concat(), &[]);
        let id = opened["case_id"].as_str().expect("an id").to_owned();
        let kept = self.openings();
        assert!(kept > 0, "the case's own number");
        let (document, slip) = (self.file("deed.txt", "x"), self.network.scratch.join("slip.json"));
        let handover = ["case", "handover", &id, "--as", WINDOW];
        let files: [(&str, &Path); 2] = [("--document", &document), ("--slip", &slip)];
        let refused = self.run(self.zhejiang(), &handover, &files).fault("E620");
        assert!(refused.stderr.contains("received") && !slip.exists(), "{}", refused.report());
        let unknown =
            ["case", "open", "--as", WINDOW, "--item", "999999999999", "--handler", HANDLER];
        let refused = self.run(self.zhejiang(), &[unknown.as_slice(), &number].concat(), &[]);
        assert_ne!(refused.code, Some(0));
        assert_eq!(self.openings(), kept);
        let check = ["case", "check", &id, "--as", WINDOW];
        self.act(self.zhejiang(), &check, &[("--consent", &document)]);
        self.act(self.zhejiang(), &handover, &files);
        assert!(slip.exists() && self.openings() == kept + 1);
    }

    fn licence(&self) -> PathBuf {
        let text = std::fs::read_to_string(LICENCES).expect("the sample");
        let now = self.zhejiang().http().json("/api/v1/node")["block_time_ms"].clone();
        let now = now.as_str().and_then(|now| now.parse().ok()).expect("a time");
        let today = Day::of_beijing(Millis(now)).to_string();
        let fits = |line: &&str| {
            let licence: Value = serde_json::from_str(line).expect("a licence");
            let day = |name: &str| licence[name].as_str().map(str::to_owned);
            licence["issuer_code"] == ZHEJIANG
                && licence["type_code"] == FOOD
                && day("valid_from").is_some_and(|first| first <= today)
                && day("valid_until").is_none_or(|last| last > today)
        };
        self.file("licence.json", text.lines().find(fits).expect("a licence"))
    }

    /// A refusal against the facts is corrected; both decisions are judged again with the same
    /// verdict, also after the certificate was annulled; their transactions are found by their ids.
    fn judged_again(&self) {
        let attest = self.zhejiang().hefu(&["cert", "attest"]).arg(self.licence()).json();
        let id = attest["att_id"].as_str().expect("an id").to_owned();
        self.network.settle();
        let evidence = self.file("query.txt", "revoked, says our register\n");
        let decide = ["--att", &id, "--scenario", SCENARIO, "--item", ITEM, "--as", JIANGSU];
        let refuse = ["recognise", "decide", "--outcome", "refused", "--reason", "5"];
        let files: [(&str, &Path); 1] = [("--evidence", &evidence)];
        let first = self.act(self.jiangsu(), &[refuse.as_slice(), &decide].concat(), &files);
        let wrong = first["dec_id"].as_str().expect("an id").to_owned();
        let correct = ["recognise", "correct", "--corrects", &wrong, "--outcome", "accepted"];
        let second = self.act(self.jiangsu(), &[correct.as_slice(), &decide].concat(), &[]);
        let right = second["dec_id"].as_str().expect("an id").to_owned();
        let shown = self.read(&["recognise", "show", &wrong]);
        assert_eq!(shown["record"]["flags"], json!(["refused_while_valid"]), "{shown:#}");
        assert_eq!(shown["correction"]["by"], right.as_str(), "{shown:#}");
        assert_eq!(shown["tx"], first["tx"]);
        let annul = ["cert", "revoke", &id, "--kind", "annul", "--reason", "1", "--yes"];
        self.act(self.zhejiang(), &annul, &files);
        for (dec_id, outcome) in [(&wrong, &first), (&right, &second)] {
            let replayed = self.read(&["recognise", "replay", dec_id]);
            assert_eq!(replayed["same"], true, "{replayed:#}");
            assert_eq!(replayed["recorded_digest"], replayed["judged_digest"]);
            let capsule = self.network.scratch.join(format!("{dec_id}.capsule"));
            let subject = format!("dec:{dec_id}");
            let evidence = ["tx", "evidence", &subject];
            self.jiangsu().hefu(&evidence).arg("--out").arg(&capsule).run().exits(0);
            assert_eq!(self.read(&["tx", "show", &subject])["tx"], outcome["tx"]);
        }
        self.jiangsu().hefu(&["recognise", "replay", &id]).run().exits(4);
    }

    /// An hour is stated when it is over.
    fn hour(&self) {
        let now = self.zhejiang().http().json("/api/v1/node")["block_time_ms"].clone();
        let now: u64 = now.as_str().and_then(|now| now.parse().ok()).expect("a time");
        let receipt = json!({
            "rcp_id": "01".repeat(16), "grant_id": "02".repeat(16), "cat_version": 1, "case": null,
            "kind": "query", "n_records": 1, "req": "03".repeat(32), "resp": "04".repeat(32),
            "result": "ok", "t0": now.to_string(), "t1": now.to_string(),
        });
        let file = self.file("hour.jsonl", &receipt.to_string());
        let hour = self
            .zhejiang()
            .hefu(&["share", "hour", "--role", "provider", "--as", OPERATOR])
            .arg(&file);
        hour.run().fault("E112");
        let past = (now - 2 * 3_600_000).to_string();
        let old = receipt.to_string().replace(&now.to_string(), &past);
        let file = self.file("past.jsonl", &old);
        let hour = self
            .zhejiang()
            .hefu(&["share", "hour", "--role", "provider", "--as", OPERATOR])
            .arg(&file);
        hour.run().fault("E526");
    }

    /// Every table that was adopted or left can be listed.
    fn lists(&self) {
        for what in ["standards", "regions", "checkpoints", "read-logs", "incidents"] {
            let listed = self.read(&["notice", "list", what]);
            assert!(listed["items"].is_array(), "{what}: {listed:#}");
        }
        let calendars = self.read(&["notice", "list", "calendars"]);
        assert!(calendars["items"][0]["working_days"].as_u64() > Some(200), "{calendars:#}");
        let parameters = self.read(&["proposal", "parameters"]);
        assert!(parameters["record"]["ballot_days"].is_number(), "{parameters:#}");
        assert_eq!(self.read(&["case", "evaluations", "--grade", "5"])["items"], json!([]));
        let theme = [
            "case",
            "theme",
            "--item",
            "990790002000,990790003000",
            "--number",
            "T-1",
            "--as",
            WINDOW,
        ];
        let theme = self.act(self.zhejiang(), &theme, &[]);
        let id = theme["theme"].as_str().expect("an id").to_owned();
        let themes = self.read(&["case", "themes"]);
        assert_eq!(themes["items"][0]["record"]["id"], id.as_str(), "{themes:#}");
        let shown = self.read(&["case", "show", &id]);
        assert_eq!(shown["cases"][0]["case_id"], Value::Null, "{shown:#}");
    }
}
