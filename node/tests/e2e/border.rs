//! What crosses a provincial border, and very many at once: a stock of licences attested with one act,
//! the first change of one of them, a transfer, a request from another province, seals, batches of
//! decisions, rules. Four processes, every act through the command line.

use std::path::PathBuf;

use hefu_primitives::time::Day;
use hefu_primitives::{Height, Id16, Millis};
use serde_json::{Value, json};

use crate::four_provinces::{ITEM, JIANGSU, LICENCES, SCENARIO};
use crate::harness::network::{Network, Province};

/// Food licences, and the market regulator of Zhejiang that issues them.
const FOOD: &str = "11100000HEFU90025A002";
const ZHEJIANG: &str = "11330000HEFU03032U";

#[test]
fn certificates_cross_provincial_borders() {
    let network = Network::start("border");
    let stage = Stage { network: &network };
    let ids = stage.stock();
    stage.first_change(&ids[0]);
    stage.transfer(&ids[1]);
    stage.request(&ids[2]);
    stage.decisions(&ids[3]);
    stage.governance(&ids[4]);
    network.assert_agreement();
}

struct Stage<'n> {
    network: &'n Network,
}

impl Stage<'_> {
    fn jiangsu(&self) -> &Province {
        &self.network.provinces[1]
    }

    fn zhejiang(&self) -> &Province {
        &self.network.provinces[2]
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.network.scratch.join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// Runs a command that changes the ledger, and waits until every node has it.
    fn act(&self, province: &Province, arguments: &[&str], file: Option<(&str, &str)>) -> Value {
        let mut command = province.hefu(arguments);
        if let Some((flag, text)) = file {
            let path = self.file(&format!("{}.txt", flag.trim_start_matches('-')), text);
            command = command.arg(flag).arg(path);
        }
        let answer = command.json();
        let height = answer["height"].as_str().and_then(|height| height.parse().ok());
        self.network.wait_height(height.unwrap_or_else(|| panic!("no height in {answer:#}")));
        answer
    }

    fn status(&self, id: &str, exit: i32) -> Value {
        self.jiangsu().hefu(&["cert", "status", id]).run().exits(exit).json()
    }

    /// Food licences of an issuer, from the sample, that are valid today and tomorrow.
    fn licences(&self, issuer: &str) -> Vec<String> {
        let text = std::fs::read_to_string(LICENCES).expect("the sample");
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now = u64::try_from(since.expect("a clock").as_millis()).expect("a time");
        let today = Day::of_beijing(Millis(now)).to_string();
        let fits = |line: &&str| {
            let licence: Value = serde_json::from_str(line).expect("a licence");
            let day = |name: &str| licence[name].as_str().map(str::to_owned);
            licence["issuer_code"] == issuer
                && licence["type_code"] == FOOD
                && day("valid_from").is_some_and(|first| first <= today)
                && day("valid_until").is_none_or(|last| last > today)
        };
        text.lines().filter(fits).map(str::to_owned).collect()
    }

    /// Six licences with one act; none of them is a record, and each can become one.
    fn stock(&self) -> Vec<String> {
        let licences: Vec<String> = self.licences(ZHEJIANG).into_iter().take(6).collect();
        assert_eq!(licences.len(), 6);
        let file = self.file("stock.jsonl", &licences.join("\n"));
        let import = || self.zhejiang().hefu(&["cert", "import", "--stock"]).arg(&file).json();
        assert_eq!(import(), json!({"accepted": 6, "already": 0, "refused": []}));
        assert_eq!(import(), json!({"accepted": 6, "already": 6, "refused": []}));
        let batches = self.zhejiang().hefu(&["cert", "batches", "--issuer", ZHEJIANG]).json();
        assert_eq!(batches["items"][0]["record"]["body"]["count"], 6, "{batches:#}");
        assert_eq!(batches["items"].as_array().map(Vec::len), Some(1));
        let recorded = self.zhejiang().hefu(&["cert", "list", "--issuer", ZHEJIANG]).json();
        assert_eq!(recorded["items"], json!([]), "a leaf is no record");
        let find = |line: &String| {
            let licence: Value = serde_json::from_str(line).expect("a licence");
            let text = licence["identifier"].as_str().expect("an identifier").to_owned();
            let found = self.zhejiang().hefu(&["cert", "find", &text]).json();
            found["items"][0]["att_id"].as_str().expect("an id").to_owned()
        };
        licences.iter().map(find).collect()
    }

    fn first_change(&self, id: &str) {
        self.act(self.zhejiang(), &["cert", "suspend", id, "--reason", "4"], None);
        assert_eq!(self.status(id, 3)["status"], "suspended");
        self.act(self.zhejiang(), &["cert", "resume", id, "--reason", "1"], None);
        assert_eq!(self.status(id, 0)["status"], "active");
    }

    fn transfer(&self, id: &str) {
        self.act(self.zhejiang(), &["cert", "transfer-out", id, "--to", "江苏"], None);
        let offered = self.status(id, 0);
        assert_eq!(offered["transfer"]["to"], 320_000, "{offered:#}");
        self.act(self.zhejiang(), &["cert", "cancel-transfer", id], None);
        assert_eq!(self.status(id, 0)["transfer"], Value::Null);
        let licence = self.licences(JIANGSU).swap_remove(0);
        let licence = self.file("taken.json", &licence);
        let take = || {
            let take = self.jiangsu().hefu(&["cert", "transfer-in", "--previous", id]);
            take.arg(&licence)
        };
        take().run().fault("E331");
        self.act(self.zhejiang(), &["cert", "transfer-out", id, "--to", "320000"], None);
        let taken = take().json();
        let height = taken["height"].as_str().and_then(|height| height.parse().ok());
        self.network.wait_height(height.expect("a height"));
        assert_eq!(self.status(id, 3)["status"], "transferred");
        assert_eq!(self.status(taken["att_id"].as_str().expect("an id"), 0)["status"], "active");
    }

    fn request(&self, id: &str) {
        self.act(self.zhejiang(), &["cert", "materialise", id], None);
        let ask = |wanted: &str| {
            let mut ask = vec!["cert", "request", id, "--wanted", wanted, "--reason", "7"];
            ask.extend(["--as", JIANGSU, "--role", "verifier"]);
            let asked = self.act(self.jiangsu(), &ask, Some(("--evidence", "inspection")));
            asked["request_id"].as_str().expect("an id").to_owned()
        };
        let (suspend, revoke) = (ask("suspend"), ask("revoke"));
        let open = ["cert", "requests", "--open", "--issuer", ZHEJIANG];
        let open = || self.zhejiang().hefu(&open).json();
        assert_eq!(open()["items"].as_array().map(Vec::len), Some(2), "{:#}", open());
        self.act(self.zhejiang(), &["cert", "answer", &suspend, "no", "--reason", "2"], None);
        let yes = ["cert", "answer", &revoke, "yes", "--reason", "7", "--yes"];
        self.act(self.zhejiang(), &yes, None);
        assert_eq!(open()["items"], json!([]));
        let revoked = self.status(id, 3);
        assert_eq!(revoked["status"], "revoked");
        assert_eq!(revoked["deciding_change"]["request"], revoke.as_str(), "{revoked:#}");
    }

    /// Two acceptances under one root, one of them opened; a refusal among them is not taken.
    fn decisions(&self, id: &str) {
        self.act(self.zhejiang(), &["cert", "materialise", id], None);
        let http = self.jiangsu().http();
        let node = http.json("/api/v1/node");
        let now: Millis = node["block_time_ms"].as_str().and_then(|t| t.parse().ok()).expect("now");
        let height: Height = node["height"].as_str().and_then(|h| h.parse().ok()).expect("tip");
        let agreement =
            http.json("/api/v1/agreements")["items"][0]["record"]["terms"]["id"].clone();
        let decision = |number: u8, outcome: &str, reasons: Value| {
            json!({
                "dec_id": Id16([number; 16]), "att_id": id, "unit": null, "agreement": agreement,
                "scenario": SCENARIO.parse::<u32>().expect("a number"), "item": ITEM, "case": null,
                "mode": "online", "checked_height": height, "digest_match": true,
                "seal_verdict": "valid", "consent": "holder", "outcome": outcome,
                "reasons": reasons, "statute": null, "evidence": [], "decided_at": now,
            })
            .to_string()
        };
        let (one, two) = (decision(1, "accepted", json!([])), decision(2, "accepted", json!([])));
        let mixed = [one.clone(), decision(3, "refused", json!([5]))].join("\n");
        let batch = |name: &str, lines: &str| {
            let batch = self.jiangsu().hefu(&["recognise", "batch", "--as", JIANGSU]);
            batch.arg(self.file(name, lines)).run()
        };
        batch("mixed.jsonl", &mixed).fault("E417");
        let made = batch("good.jsonl", &[one, two].join("\n")).exits(0).json();
        let id = made["batch_id"].as_str().expect("an id").to_owned();
        let second = Id16([2; 16]).to_string();
        let open = ["recognise", "open", &id, &second, "--as", JIANGSU];
        self.act(self.jiangsu(), &open, None);
        let opened = self.zhejiang().hefu(&["recognise", "show", &second]).json();
        assert_eq!(opened["record"]["flags"], json!(["consistent"]), "{opened:#}");
        assert_eq!(opened["record"]["leaf"]["batch"], id.as_str());
    }

    fn governance(&self, id: &str) {
        let hash = |digit: &str| digit.repeat(64);
        let (seal, maker, signer) = (hash("1"), hash("2"), hash("3"));
        let mut register = vec!["cert", "seal", "register", &seal, "--as", ZHEJIANG];
        register.extend(["--maker-cert", &maker, "--signer-cert", &signer]);
        register.extend(["--valid-from", "2026-01-01", "--valid-until", "2030-12-31"]);
        self.act(self.zhejiang(), &register, None);
        let revoke = ["cert", "seal", "state", &seal, "revoked", "--reason", "1", "--as", ZHEJIANG];
        self.act(self.zhejiang(), &revoke, None);
        let seals = self.jiangsu().hefu(&["cert", "seal", "list", "--owner", ZHEJIANG]).json();
        assert_eq!(seals["items"][0]["state"], "revoked", "{seals:#}");

        let destroy = ["cert", "destroy-salt", id, "--yes"];
        self.act(self.zhejiang(), &destroy, None);
        assert_eq!(self.status(id, 0)["unopenable"], true);
        self.zhejiang().hefu(&["cert", "find", id]).run().exits(0);

        let rules = self.zhejiang().hefu(&["proposal", "rules"]).json();
        assert_eq!(rules["rules"][0]["threshold"], "two_thirds", "{rules:#}");
        let fixed = ["proposal", "set-rule", "membership", "majority"];
        self.zhejiang().hefu(&fixed).run().exits(2).fault("E118");
        let rule = ["proposal", "set-rule", "catalogue", "majority"];
        let proposed = self.act(self.zhejiang(), &rule, None);
        let proposal = proposed["proposal"].as_str().expect("an id").to_owned();
        for province in &self.network.provinces[..2] {
            self.act(province, &["proposal", "vote", &proposal, "yes"], None);
        }
        let rules = self.jiangsu().hefu(&["proposal", "rules"]).json();
        assert_eq!(rules["rules"][0]["threshold"], "majority", "{rules:#}");

        let http = self.jiangsu().http();
        let terms = http.json("/api/v1/agreements")["items"][0]["record"]["terms"].clone();
        let agreement = terms["id"].as_str().expect("an id").to_owned();
        let time = http.json("/api/v1/node")["block_time_ms"].clone();
        let time = time.as_str().and_then(|time| time.parse().ok()).expect("a time");
        let until = Day::of_beijing(Millis(time)).add_days(5).expect("a day").to_string();
        let mut pause = vec!["agreement", "pause", &agreement, "--type", FOOD];
        pause.extend(["--reason", "quality", "--until", &until]);
        self.act(self.jiangsu(), &pause, None);
        self.act(self.jiangsu(), &["agreement", "resume", &agreement, "--type", FOOD], None);
    }
}
