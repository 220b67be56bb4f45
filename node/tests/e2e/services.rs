//! A household move from Anhui to Zhejiang: an item that four provinces agree on, a case by proxy
//! from window to archive, a dispute about its handover, and an audit of it. Four processes, every
//! act through the command line.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::network::{Network, Province};

const ITEM: &str = "990790003000";
/// Public security: where people move to, which receives; where they come from, which decides.
const ZHEJIANG: &str = "11330000HEFU030241";
const ANHUI: &str = "11340000HEFU04027M";
const ANHUI_AUDIT: &str = "11340000HEFU041154";
/// Food business licences, for government services across provinces.
const FOOD: &str = "11100000HEFU90025A002=401";
/// Zhejiang's data administration and its auditors.
const OPERATOR: &str = "11330000HEFU030166";
const AUDIT: &str = "11330000HEFU03112F";

#[test]
fn a_household_move_is_handled_disputed_and_audited() {
    let network = Network::start("services");
    let stage = Stage { network: &network };
    stage.item();
    let case = stage.case();
    stage.online();
    stage.dispute(&case);
    stage.oversight(&case);
    stage.operator();
    stage.important();
    stage.agreement();
    network.assert_agreement();
}

struct Stage<'n> {
    network: &'n Network,
}

impl Stage<'_> {
    fn zhejiang(&self) -> &Province {
        &self.network.provinces[2]
    }

    fn anhui(&self) -> &Province {
        &self.network.provinces[3]
    }

    /// A file with some text.
    fn file(&self, name: &str) -> PathBuf {
        let path = self.network.scratch.join(name);
        std::fs::write(&path, format!("{name}\n")).expect("a file");
        path
    }

    /// Runs a command that changes the ledger, and waits until every node has it.
    fn act(&self, province: &Province, arguments: &[&str], files: &[(&str, &Path)]) -> Value {
        let mut command = province.hefu(arguments);
        for (flag, file) in files {
            command = command.arg(flag).arg(file);
        }
        let answer = command.json();
        let height = answer["height"].as_str().and_then(|height| height.parse().ok());
        self.network.wait_height(height.unwrap_or_else(|| panic!("no height in {answer:#}")));
        answer
    }

    fn item(&self) {
        let (materials, guide, standard) =
            (self.file("materials"), self.file("guide"), self.file("standard"));
        let mut propose = vec!["item", "propose", ITEM, "--name", "国内户口迁移(示例)"];
        propose.extend(["--lead", "330000", "--with", "310000,320000,340000"]);
        propose.extend(["--mode", "online,proxy,joint", "--legal-days", "20"]);
        propose.extend(["--promise-days", "6", "--pause-days", "10", "--scenario", "301"]);
        let files: [(&str, &Path); 3] =
            [("--materials", &materials), ("--guide", &guide), ("--standard", &standard)];
        let proposed = self.act(self.zhejiang(), &propose, &files);
        assert_eq!(proposed["version"], 2, "the first came with genesis");
        let live = ["item", "state", ITEM, "live", "--version", "2"];
        self.zhejiang().hefu(&live).run().fault("E602");
        for province in &self.network.provinces {
            let agree = ["item", "agree", ITEM, "--version", "2", "--lead", "330000"];
            self.act(province, &agree, &[]);
        }
        self.act(self.zhejiang(), &live, &[]);
        let listed = self.network.provinces[0].hefu(&["item", "list", "--lead", "浙江"]).json();
        assert_eq!(listed["items"][0]["state"], "live", "{listed:#}");
        assert_eq!(listed["items"][0]["record"]["current"], 2);
    }

    /// Received in Zhejiang, decided in Anhui; the documents travel beside the ledger.
    fn case(&self) -> String {
        let windows = ["authority", "units", ZHEJIANG, "--add", "A-01=330100,A-02=330200"];
        self.act(self.zhejiang(), &windows, &[]);
        let mut open = vec!["case", "open", "--as", ZHEJIANG, "--item", ITEM, "--handler", ANHUI];
        open.extend(["--number", "11340000HEFU04027M2990790003000202611220001", "--unit", "A-01"]);
        let elsewhere: Vec<&str> =
            open.iter().map(|word| if *word == "A-01" { "B-09" } else { *word }).collect();
        self.zhejiang().hefu(&elsewhere).run().exits(6).fault("E230");
        let opened = self.act(self.zhejiang(), &open, &[]);
        let id = opened["case_id"].as_str().expect("an id").to_owned();
        let consent = self.file("consent");
        let checked = ["case", "check", &id, "--as", ZHEJIANG];
        let assertion = self.file("assertion");
        let files: [(&str, &Path); 2] = [("--consent", &consent), ("--assertion", &assertion)];
        self.act(self.zhejiang(), &checked, &files);
        let (first, second) = (self.file("register"), self.file("deed"));
        let slip = self.network.scratch.join("slip.json");
        let documents: [(&str, &Path); 3] =
            [("--document", &first), ("--document", &second), ("--slip", &slip)];
        self.act(self.zhejiang(), &["case", "handover", &id, "--as", ZHEJIANG], &documents);

        let receive = ["case", "receive", &id, "--as", ANHUI];
        let incomplete = self.anhui().hefu(&receive).arg("--slip").arg(&slip);
        incomplete.arg("--document").arg(&first).run().exits(3).fault("cli.invalid");
        let other = self.file("another");
        let altered = self.anhui().hefu(&receive).arg("--slip").arg(&slip);
        altered.arg("--document").arg(&other).run().exits(3).fault("cli.invalid");
        self.act(self.anhui(), &receive, &documents);
        self.act(self.anhui(), &["case", "accept", &id, "--as", ANHUI], &[]);

        let receipt = self.file("receipt");
        let fee = ["case", "fee", &id, "--as", ANHUI];
        self.act(self.anhui(), &fee, &[("--receipt", &receipt)]);
        let decide = |by| ["case", "decide", &id, "approved", "--as", by];
        self.zhejiang().hefu(&decide(ZHEJIANG)).run().fault("E622");
        self.act(self.anhui(), &decide(ANHUI), &[]);
        self.act(self.zhejiang(), &["case", "deliver", &id, "--as", ZHEJIANG], &[]);
        let mut grade = vec!["case", "evaluate", &id, "--as", ZHEJIANG, "--stage", "deliver"];
        grade.extend(["--grade", "5", "--person", "holder-demo-0001"]);
        self.act(self.zhejiang(), &grade, &[]);
        let archive = self.file("archive");
        let close = ["case", "close", &id, "--as", ANHUI];
        self.act(self.anhui(), &close, &[("--archive", &archive)]);

        let shown = self.network.provinces[0].hefu(&["case", "show", &id]).json();
        assert_eq!(shown["record"]["state"], "closed", "{shown:#}");
        assert_eq!(shown["clocks"]["overdue_promise"], false);
        assert_eq!(shown["clocks"]["promise_days"], 6);
        assert!(shown["record"]["check"]["assertion"].is_string(), "{shown:#}");
        assert_eq!(shown["record"]["fees"].as_array().map(Vec::len), Some(1), "{shown:#}");
        assert_eq!(shown["evaluations"][0]["body"]["grade"], 5);
        let events = format!("/api/v1/audit/events?subject=case:{id}");
        let events = self.anhui().http().json(&events);
        assert_eq!(events["items"].as_array().map(Vec::len), Some(10), "{events:#}");
        id
    }

    /// Wholly online, by the deciding authority alone: what lacks is asked for, the clocks stand still and
    /// are extended, and a bad grade is put right.
    fn online(&self) {
        let mut open = vec!["case", "open", "--as", ANHUI, "--item", ITEM, "--handler", ANHUI];
        open.extend(["--mode", "online", "--channel", "site"]);
        open.extend(["--number", "11340000HEFU04027M2990790003000202611220002"]);
        let opened = self.act(self.anhui(), &open, &[]);
        let id = opened["case_id"].as_str().expect("an id").to_owned();
        let of = |verb| ["case", verb, id.as_str(), "--as", ANHUI];
        let with = |verb, more: &[&'static str]| -> Vec<String> {
            of(verb).iter().chain(more).map(|word| (*word).to_owned()).collect()
        };
        let act = |words: Vec<String>, files: &[(&str, &Path)]| {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            self.act(self.anhui(), &words, files)
        };
        let state = || {
            let shown = self.network.provinces[0].hefu(&["case", "show", &id]).json();
            shown["record"]["state"].as_str().expect("a state").to_owned()
        };
        let consent = self.file("online-consent");
        act(with("check", &[]), &[("--consent", &consent)]);
        self.anhui().hefu(&of("decide")).arg("approved").run().exits(6).fault("E620");
        let (notice, missing) = (self.file("missing"), self.file("lease"));
        act(with("supplement", &[]), &[("--ask", &notice)]);
        assert_eq!(state(), "supplement");
        let slip = self.network.scratch.join("online-slip.json");
        act(with("supplement", &[]), &[("--document", &missing), ("--slip", &slip)]);
        act(with("accept", &[]), &[]);
        act(with("pause", &["--kind", "hearing", "--days", "2"]), &[]);
        assert_eq!(state(), "paused");
        act(with("continue", &[]), &[]);
        let approval = self.file("approval");
        act(with("extend", &["--days", "5"]), &[("--approval", &approval)]);
        let again = self.anhui().hefu(&of("extend")).args(["--days", "5"]).arg("--approval");
        again.arg(&approval).run().exits(6).fault("E6");
        act(with("decide", &["approved"]), &[]);
        act(with("deliver", &[]), &[]);
        let person = ["--stage", "deliver", "--grade", "1", "--person", "holder-demo-0002"];
        act(with("evaluate", &person), &[]);
        let shown = self.anhui().hefu(&["case", "show", &id]).json();
        let evaluation = &shown["evaluations"][0]["body"];
        let evaluator = evaluation["evaluator"].as_str().expect("an evaluator").to_owned();
        let answer = |by: &str, more: &[&'static str], files: &[(&str, &Path)]| {
            let mut words = vec!["case", "answer", &id, "--stage", "deliver", "--as", by];
            words.extend(["--evaluator", &evaluator]);
            words.extend(more);
            self.act(self.anhui(), &words, files)
        };
        let done = self.file("put-right");
        answer(ANHUI, &[], &[]);
        answer(ANHUI, &[], &[("--rectified", &done)]);
        let revisited = ["case", "answer", &id, "--stage", "deliver", "--revisited", "4"];
        let own = self.anhui().hefu(&revisited).args(["--evaluator", &evaluator, "--as", ANHUI]);
        own.run().exits(6).fault("E704");
        answer(ANHUI_AUDIT, &["--revisited", "4", "--role", "auditor"], &[]);
        answer(ANHUI_AUDIT, &["--closed", "--role", "auditor"], &[]);
        let listed = self.anhui().hefu(&["case", "evaluations", "--unit", ANHUI]).json();
        assert!(listed["items"][0].to_string().contains("\"closed\""), "{listed:#}");
        let archive = self.file("online-archive");
        act(with("close", &[]), &[("--archive", &archive)]);
        assert_eq!(state(), "closed");
    }

    /// Who runs an authority's systems is disclosed; another authority never does.
    fn operator(&self) {
        let of = |who| ["authority", "operator", ZHEJIANG, who];
        self.zhejiang().hefu(&of(ANHUI)).run().exits(6).fault("E238");
        self.act(self.zhejiang(), &of("91330100HEFU80038K"), &[]);
        let disclosed = || {
            let shown = self.anhui().hefu(&["authority", "show", ZHEJIANG]).json();
            shown["record"]["operated_by"].clone()
        };
        assert_eq!(disclosed(), "91330100HEFU80038K");
        self.act(self.zhejiang(), &of("--none"), &[]);
        assert_eq!(disclosed(), Value::Null);
    }

    /// Important data is seen by all and requested by none before provinces consented.
    fn important(&self) {
        let entry = "330000/reserve-01";
        let mut publish =
            vec!["share", "publish", entry, "--as", ZHEJIANG, "--title", "储备信息(示例)"];
        publish.extend(["--items", "品类,库点", "--share", "unconditional"]);
        publish.extend(["--data-class", "important"]);
        self.act(self.zhejiang(), &publish, &[]);
        let awaits = || {
            let shown = self.anhui().hefu(&["share", "show", "catalogue", entry]).json();
            shown["awaits_consent"].clone()
        };
        assert_eq!(awaits(), true);
        let basis = self.file("basis");
        let mut request = vec!["share", "request", entry, "--as", ANHUI, "--item", ITEM];
        request.extend(["--fields", "品类", "--per-day", "10", "--basis-kind", "state-council"]);
        let refused = self.anhui().hefu(&request).arg("--basis-file").arg(&basis);
        refused.run().exits(6).fault("E507");
        let proposed = self.act(self.zhejiang(), &["share", "consent", entry], &[]);
        let proposal = proposed["proposal"].as_str().expect("an id").to_owned();
        for province in &self.network.provinces[..2] {
            self.act(province, &["proposal", "vote", &proposal, "yes"], &[]);
        }
        assert_eq!(awaits(), false);
        let asked = self.act(self.anhui(), &request, &[("--basis-file", &basis)]);
        self.uses(asked["request"].as_str().expect("an id"));
    }

    /// Uses that one side states: the other confirms one and contests another, which is disputed.
    fn uses(&self, grant: &str) {
        let (asked, answered) = (self.file("asked"), self.file("answered"));
        let files: [(&str, &Path); 2] = [("--request", &asked), ("--response", &answered)];
        let state = |receipt: &str| {
            let recorded = self.anhui().http().json(&format!("/api/v1/receipts/{receipt}"));
            recorded["state"].as_str().expect("a state").to_owned()
        };
        let stated = || {
            let of = ["share", "receipt", "--grant", grant, "--as", ANHUI];
            let put = self.act(self.anhui(), &of, &files);
            let receipt = put["receipt"].as_str().expect("an id").to_owned();
            assert_eq!(state(&receipt), "one_sided");
            receipt
        };
        let (right, wrong) = (stated(), stated());
        self.act(self.zhejiang(), &["share", "confirm", &right, "--as", ZHEJIANG], &[]);
        assert_eq!(state(&right), "confirmed");
        let evidence = self.file("counted");
        let contest = |receipt: &str| -> Vec<String> {
            let words =
                ["share", "contest", receipt, "--reason", "count-differs", "--as", ZHEJIANG];
            words.map(str::to_owned).to_vec()
        };
        let words = contest(&wrong);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.act(self.zhejiang(), &words, &[("--evidence", &evidence)]);
        assert_eq!(state(&wrong), "contested");
        let late =
            self.zhejiang().hefu(&contest(&right).iter().map(String::as_str).collect::<Vec<_>>());
        late.arg("--evidence").arg(&evidence).run().exits(6).fault("E525");

        let (about, statement) = (format!("rcp:{wrong}"), self.file("why"));
        let mut open = vec!["dispute", "open", "--as", ANHUI, "--kind", "receipt-contested"];
        open.extend(["--about", &about, "--respondent", ZHEJIANG]);
        let opened = self.act(self.anhui(), &open, &[("--statement", &statement)]);
        let id = opened["dispute_id"].as_str().expect("an id").to_owned();
        self.act(self.anhui(), &["dispute", "withdraw", &id, "--as", ANHUI], &[]);
        let shown = self.network.provinces[1].hefu(&["dispute", "show", &id]).json();
        assert_eq!(shown["record"]["state"], "withdrawn", "{shown:#}");
    }

    /// Agreed by two provinces, amended by a new version, and left by one of them.
    fn agreement(&self) {
        let text = self.file("agreement");
        let now = self.zhejiang().http().json("/api/v1/node")["block_time_ms"].clone();
        let now = now.as_str().map_or_else(|| now.to_string(), str::to_owned);
        let now = hefu_primitives::Millis(now.parse().expect("a time"));
        let today = hefu_primitives::time::Day::of_beijing(now).to_string();
        let state = |id: &str| {
            let shown = self.network.provinces[0].hefu(&["agreement", "show", id]).json();
            shown["state"].as_str().unwrap_or_else(|| panic!("{shown:#}")).to_owned()
        };
        let mut propose = vec!["agreement", "propose", "--party", "330000", "--party", "340000"];
        propose.extend(["--entry", FOOD, "--effective", &today]);
        let agree = |words: &[&str]| {
            let proposed = self.act(self.zhejiang(), words, &[("--text", &text)]);
            let id = proposed["agreement"].as_str().unwrap_or_else(|| panic!("{proposed:#}"));
            for province in [self.zhejiang(), self.anhui()] {
                self.act(province, &["agreement", "sign", id], &[]);
            }
            assert_eq!(state(id), "in_force");
            id.to_owned()
        };
        let first = agree(&propose);
        propose.extend(["--amends", &first, "--version", "2"]);
        let second = agree(&propose);
        assert_eq!(state(&first), "replaced");
        let leave = ["agreement", "withdraw", &second];
        self.anhui().hefu(&leave).run().exits(7).fault("cli.needs_terminal");
        self.act(self.anhui(), &["agreement", "withdraw", &second, "--yes"], &[]);
        // It ends after its notice; until then it is in force, and says who leaves when.
        assert_eq!(state(&second), "in_force");
        let shown = self.network.provinces[1].hefu(&["agreement", "show", &second]).json();
        assert_eq!(shown["record"]["leaves"].as_array().map(Vec::len), Some(1), "{shown:#}");
    }

    fn dispute(&self, case: &str) {
        let (statement, terms) = (self.file("statement"), self.file("terms"));
        let about = format!("case:{case}");
        let mut open = vec!["dispute", "open", "--as", ANHUI, "--kind", "case-handover"];
        open.extend(["--about", &about, "--respondent", ZHEJIANG]);
        let opened = self.act(self.anhui(), &open, &[("--statement", &statement)]);
        let id = opened["dispute_id"].as_str().expect("an id").to_owned();
        self.anhui().hefu(&["dispute", "escalate", &id, "--as", ANHUI]).run().fault("E804");
        self.anhui().hefu(&["dispute", "ack", &id, "--as", ANHUI]).run().fault("E810");
        self.act(self.zhejiang(), &["dispute", "ack", &id, "--as", ZHEJIANG], &[]);
        let seen = self.file("seen").display().to_string();
        self.act(self.anhui(), &["dispute", "evidence", &id, &seen, "--as", ANHUI], &[]);
        // Its clocks run for days: no panel was drawn, so nobody may rule, and nothing is owed.
        let rule = ["dispute", "rule", &id, "uphold", "--basis", &seen];
        self.network.provinces[0].hefu(&rule).run().exits(6).fault("E8");
        let fulfil = ["dispute", "fulfil", &id, "--proof", &seen, "--as", ZHEJIANG];
        self.zhejiang().hefu(&fulfil).run().exits(6).fault("E8");
        let terms: [(&str, &Path); 1] = [("--terms", &terms)];
        let propose = ["dispute", "propose", &id, "no-action", "--as", ZHEJIANG];
        self.act(self.zhejiang(), &propose, &terms);
        self.act(self.anhui(), &["dispute", "agree", &id, "no-action", "--as", ANHUI], &terms);
        let shown = self.network.provinces[1].hefu(&["dispute", "show", &id]).json();
        assert_eq!(shown["record"]["state"], "settled", "{shown:#}");
        assert_eq!(shown["unfulfilled"], Value::Null, "nothing is owed");
    }

    fn oversight(&self, case: &str) {
        let (order, purpose, log) = (self.file("order"), self.file("purpose"), self.file("log"));
        let mut grant = vec!["audit", "mandate", "grant", "--auditor", AUDIT, "--of", "330000"];
        grant.extend(["--kind", "service", "--from", "2026-01-01", "--to", "2099-12-31"]);
        let tomorrow = self.zhejiang().http().json("/api/v1/node")["block_time_ms"].clone();
        let tomorrow = tomorrow.as_str().map_or_else(|| tomorrow.to_string(), str::to_owned);
        let tomorrow = hefu_primitives::Millis(tomorrow.parse().expect("a time"));
        let today = hefu_primitives::time::Day::of_beijing(tomorrow);
        let until = today.next().to_string();
        grant.extend(["--until", &until]);
        // One governor after another, the same command.
        let first = self.zhejiang().hefu(&grant).arg("--instrument").arg(&order);
        let first = first.args(["--key", "governor-1"]).run().exits(8).json();
        grant.extend(["--key", "governor-2"]);
        let granted = self.act(self.zhejiang(), &grant, &[("--instrument", &order)]);
        assert_eq!(first["mandate"], granted["mandate"]);
        let mandate = granted["mandate"].as_str().expect("a mandate").to_owned();
        let record = format!("case:{case}");
        let openings = ["audit", "openings", &record, "--mandate", &mandate, "--as", AUDIT];
        self.act(self.zhejiang(), &openings, &[("--purpose", &purpose)]);
        let shown = self.anhui().hefu(&["audit", "mandate", "show", &mandate]).json();
        assert_eq!(shown["opening_requests"].as_array().map(Vec::len), Some(1), "{shown:#}");

        self.read_under(&mandate, case, &today.to_string());
        let yesterday = today.previous().to_string();
        let read = ["audit", "read-log", &yesterday, "--auditor", AUDIT, "--as", OPERATOR];
        let put = self.act(self.zhejiang(), &read, &[("--log", &log)]);
        assert_eq!(put["count"], 1);
        let again = self.zhejiang().hefu(&read).arg("--log").arg(&log);
        again.run().fault("E904");

        let report = self.file("report");
        let mut incident = vec!["notice", "incident", "--as", ZHEJIANG, "--kind", "outage"];
        incident.extend(["--severity", "4", "--since", "2026-01-01"]);
        self.act(self.zhejiang(), &incident, &[("--report", &report)]);
        let receipt = self.file("receipt");
        let mut held = vec!["notice", "checkpoint", "1", "--place", "archive", "--as", OPERATOR];
        held.extend(["--role", "provider"]);
        self.act(self.zhejiang(), &held, &[("--receipt", &receipt)]);
        let told = self.network.provinces[0].hefu(&["notice", "list"]).json();
        assert_eq!(told["items"].as_array().map(Vec::len), Some(1), "{told:#}");
    }

    /// The auditor reads through Zhejiang's node without a token; what it read stands in its log.
    fn read_under(&self, mandate: &str, case: &str, today: &str) {
        let listed = ["key", "list", "--ledger", "--owner", AUDIT];
        let keys = self.zhejiang().hefu(&listed).json();
        let key = &keys["items"][0];
        let key = key["id"].as_str().or_else(|| key["key_id"].as_str()).expect("a key").to_owned();
        let node = format!("127.0.0.1:{}", self.zhejiang().api);
        let under = ["--under", mandate, "--read-key", &key, "--node", &node];
        let read = self.zhejiang().hefu(&["case", "show", case]).args(under).json();
        assert!(read["record"].to_string().contains(case), "{read:#}");
        let list = self.zhejiang().hefu(&["case", "list"]).args(under);
        list.run().exits(6).fault("api.mandate_path");
        let log = self.zhejiang().hefu(&["audit", "reads"]).json();
        let page = &log["items"][0];
        assert_eq!(
            (&page["status"], &page["day"]),
            (&"not_stated".into(), &today.into()),
            "{log:#}"
        );
        let day = ["audit", "reads", "--day", today, "--auditor", AUDIT];
        let entries = self.zhejiang().hefu(&day).json();
        let asked = entries["items"][0]["entry"]["question"].as_str().map(str::to_owned);
        assert_eq!(asked, Some(format!("/api/v1/cases/{case}")), "{entries:#}");
        self.zhejiang().hefu(&day).args(["--prove", "0"]).run().exits(4);
    }
}
