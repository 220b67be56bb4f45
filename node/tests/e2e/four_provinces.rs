//! The main job, from the founding to evidence that outlives the network: four processes, two
//! thousand licences, every act through the command line.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hefu_node::vault::licence::COLUMNS;
use hefu_primitives::capsule::Capsule;
use hefu_primitives::codes::Identifier;
use hefu_primitives::time::Day;
use hefu_primitives::{ChainId, Millis};
use serde_json::{Value, json};

use crate::formats::Formats;
use crate::harness::cli::Hefu;
use crate::harness::http::Http;
use crate::harness::network::{Network, REGIONS};
use crate::harness::{SOON, wait_for};
use crate::proofs::proofs;
use crate::showing::presentations;

/// Two thousand fictitious licences of 36 issuers in four provinces.
pub(crate) const LICENCES: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/licences.jsonl");
/// How many there are.
const COUNT: u64 = 2_000;
/// How many more come as CSV.
const CSV_COUNT: u64 = 3;
/// Food licences, which the market regulators issue and scenario 401 relies on.
const FOOD: &str = "11100000HEFU90025A002";
pub(crate) const SCENARIO: &str = "401";
pub(crate) const ITEM: &str = "992090004000";
/// Market regulators: of Zhejiang, whose licences are decided on, and of Jiangsu, which decides.
const ZHEJIANG: &str = "11330000HEFU03032U";
pub(crate) const JIANGSU: &str = "11320000HEFU0203X4";
/// Shaped like a citizen's number, of a region that does not exist.
const CITIZEN: &str = "999999194901010000";

#[test]
fn four_provinces_record_recognise_and_prove() {
    let mut network = Network::start("four");
    let desk = Desk::new(&network);
    let licences = read_licences();

    desk.import_interrupted(&network);
    network.province("340000").node.take().expect("runs").kill();
    let already = desk.import_to_the_end(&network, LICENCES.as_ref());
    assert!((20..COUNT).contains(&already), "{already} lines before the interruption");
    assert_eq!(count_certificates(&network.provinces[1].http()), COUNT);
    desk.import_again(&network, &licences);
    network.province("340000").start();
    network.province("340000").node().wait_ready();
    network.assert_agreement();
    desk.import_broken_lines(&network, &licences);

    presentations(&network, &desk, &licences);
    recognition(&network, &desk, &licences);
    sharing(&network);
    network.assert_agreement();
    let formats = Formats::read();
    let http = network.provinces[1].http();
    formats.assert_blocks(&http, http.height().expect("a height"));
    proofs(&network, &licences);
    evidence(&mut network, &licences, &formats);
}

fn read_licences() -> Vec<Value> {
    let text = std::fs::read_to_string(LICENCES).expect("the sample");
    text.lines().map(|line| serde_json::from_str(line).expect("a licence")).collect()
}

// --- Import --------------------------------------------------------------------------------------

/// The import desk in Shanghai: the keys of every issuer, entrusted to it as encrypted files.
pub(crate) struct Desk {
    keys: PathBuf,
}

impl Desk {
    fn new(network: &Network) -> Self {
        let keys = network.scratch.join("desk-keys");
        for province in &network.provinces {
            let listed = std::fs::read_dir(province.home.join("keys")).expect("keys").flatten();
            let of_authority = |path: &PathBuf| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with(province.region) && name.ends_with(".key")
            };
            let files: Vec<PathBuf> =
                listed.map(|entry| entry.path()).filter(of_authority).collect();
            assert_eq!(files.len(), 12, "twelve departments in {}", province.region);
            let import = province.hefu(&["key", "import"]).args(files);
            import.arg("--keystore").arg(&keys).run().exits(0);
        }
        Self { keys }
    }

    /// A command of the desk, which works through Shanghai's node.
    pub(crate) fn hefu(&self, network: &Network, arguments: &[&str]) -> Hefu {
        network.provinces[0].hefu(arguments).arg("--keystore").arg(&self.keys)
    }

    pub(crate) fn import(&self, network: &Network, file: &Path) -> Hefu {
        self.hefu(network, &["cert", "import"]).arg(file)
    }

    /// Kills the import when a part of it is on the ledger.
    fn import_interrupted(&self, network: &Network) {
        let http = network.provinces[0].http();
        let mut import = self.import(network, LICENCES.as_ref()).args(["--batch", "20"]).start();
        wait_for("a part of the import", SOON, || {
            assert!(!import.has_ended(), "{}\n{}", import.stdout(), import.stderr());
            (log_size(&http) > 6).then_some(())
        });
        import.kill();
        let recorded = count_certificates(&http);
        assert!((20..COUNT).contains(&recorded), "{recorded} lines before the interruption");
    }

    /// The same file goes on where it stopped, with one node less. Every fourth height waits for
    /// the proposer that is gone, so much is sent at a time.
    fn import_to_the_end(&self, network: &Network, file: &Path) -> u64 {
        let report = self.import(network, file).args(["--parallel", "16"]).json();
        assert_eq!(report["accepted"], COUNT, "{report:#}");
        assert_eq!(report["refused"], json!([]), "{report:#}");
        network.settle();
        report["already"].as_u64().expect("a count")
    }

    /// Once more, and as CSV in another order: nothing happens. What is new in the CSV is recorded.
    fn import_again(&self, network: &Network, licences: &[Value]) {
        let http = network.provinces[0].http();
        let before = log_size(&http);
        let csv = network.scratch.join("licences.csv");
        let import = |file: &Path, accepted: u64| {
            let done = self.import(network, file).run().exits(0);
            // No terminal: a line now and then.
            let lines = done.stderr.lines().filter(|line| line.contains("lines settled")).count();
            assert!((5..=11).contains(&lines), "{}", done.report());
            let report = done.json();
            let expected = json!({ "accepted": accepted, "already": COUNT, "refused": [] });
            assert_eq!(report, expected);
            network.settle();
        };
        import(LICENCES.as_ref(), COUNT);
        std::fs::write(&csv, as_csv(licences)).expect("a file");
        import(&csv, COUNT);
        let quiet = self.import(network, &csv).arg("--quiet").run().exits(0);
        assert_eq!(quiet.stderr, "", "{}", quiet.report());
        assert_eq!(log_size(&http), before);
        let mut more = licences.to_vec();
        more.extend(["CSVA", "CSVB", "CSVC"].map(|serial| food_licence(licences, serial)));
        std::fs::write(&csv, as_csv(&more)).expect("a file");
        import(&csv, COUNT + CSV_COUNT);
        assert!(log_size(&http) > before);
    }

    fn import_broken_lines(&self, network: &Network, licences: &[Value]) {
        let (lines, expected) = broken_lines(licences);
        let file = network.scratch.join("broken.jsonl");
        std::fs::write(&file, lines.join("\n")).expect("a file");
        let outcome = self.import(network, &file).run().exits(6);
        let report = outcome.json();
        let refused = report["refused"].as_array().expect("refusals");
        let found: Vec<(u64, &str)> = refused
            .iter()
            .map(|row| {
                let message = row["message"].as_str().unwrap_or_default();
                assert!(!message.is_empty(), "{row}");
                assert!(!message.contains(CITIZEN), "no personal number in a report: {row}");
                (row["line"].as_u64().unwrap_or(0), row["code"].as_str().unwrap_or_default())
            })
            .collect();
        assert_eq!(found, expected, "{report:#}");
        assert_eq!(report["accepted"], lines.len() - expected.len());
        assert_eq!(report["already"], 1, "{report:#}");
        network.settle();
        assert_eq!(count_certificates(&network.provinces[2].http()), COUNT + CSV_COUNT + 2);
    }
}

/// A food licence of Zhejiang that nobody attested yet.
pub(crate) fn food_licence(licences: &[Value], serial: &str) -> Value {
    let lasting = |licence: &&Value| {
        let until = licence["valid_until"].as_str().unwrap_or("9999");
        licence["type_code"] == FOOD && licence["issuer_code"] == ZHEJIANG && until > "2028"
    };
    let mut licence = licences.iter().find(lasting).expect("a food licence of Zhejiang").clone();
    let (kind, issuer) = (FOOD.parse().expect("a type"), ZHEJIANG.parse().expect("an issuer"));
    let identifier = Identifier::new(kind, issuer, serial, 1).expect("an identifier");
    licence["identifier"] = json!(identifier.to_string());
    licence["certificate_number"] = json!(serial);
    licence["version"] = json!(1);
    licence
}

/// The same documents as CSV, the last first.
fn as_csv(licences: &[Value]) -> Vec<u8> {
    let mut names: Vec<String> = COLUMNS.iter().map(|name| (*name).to_owned()).collect();
    let faces = licences.iter().filter_map(|licence| licence["fields"].as_object());
    let faces: BTreeSet<&String> = faces.flat_map(|fields| fields.keys()).collect();
    names.extend(faces.iter().map(|name| format!("fields.{name}")));
    let cell = |licence: &Value, name: &String| {
        let value = match name.split_once('.') {
            Some((above, below)) => &licence[above][below],
            None => &licence[name.as_str()],
        };
        match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    };
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&names).expect("in memory");
    for licence in licences.iter().rev() {
        let row = names.iter().map(|name| cell(licence, name));
        writer.write_record(row).expect("in memory");
    }
    writer.into_inner().expect("in memory")
}

fn log_size(http: &Http) -> u64 {
    let node = http.json("/api/v1/node");
    node["log_size"].as_str().and_then(|size| size.parse().ok()).expect("the size of the log")
}

/// Counts what a node lists, page by page at one height; every id once.
fn count_certificates(http: &Http) -> u64 {
    let (mut seen, mut cursor) = (BTreeSet::new(), String::new());
    loop {
        let page = http.json(&format!("/api/v1/certificates?limit=500{cursor}"));
        for item in page["items"].as_array().expect("items") {
            let id = item["record"]["id"].as_str().expect("an id").to_owned();
            assert!(seen.insert(id), "an attestation twice: {item}");
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => {
                assert_eq!(page["complete"], true);
                return seen.len() as u64;
            }
        }
    }
}

/// Lines of which two are good and one is on the ledger already, and what each of the others is refused with.
fn broken_lines(licences: &[Value]) -> (Vec<String>, Vec<(u64, &'static str)>) {
    let whole = licences
        .iter()
        .find(|licence| licence["type_code"] == FOOD && licence["issuer_code"] == ZHEJIANG);
    let whole = whole.expect("a food licence of Zhejiang");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    // A licence of its own, with a right check digit.
    let licence = |serial: &str, kind: &str, issuer: &str| {
        let (kind, issuer) = (kind.parse().expect("a type"), issuer.parse().expect("an issuer"));
        let identifier = Identifier::new(kind, issuer, serial, 1).expect("an identifier");
        let mut licence = whole.clone();
        licence["type_code"] = json!(kind);
        licence["issuer_code"] = json!(issuer);
        licence["identifier"] = json!(identifier.to_string());
        licence["certificate_number"] = json!(serial);
        licence
    };
    let changed = |serial: &str, changes: &[(&str, Value)]| {
        let mut licence = licence(serial, FOOD, ZHEJIANG);
        for (key, value) in changes {
            licence[*key] = value.clone();
        }
        licence.to_string()
    };
    let mut digit = text(&licence("DIGIT", FOOD, ZHEJIANG)["identifier"]);
    let last = digit.pop();
    digit.push(if last == Some('0') { '1' } else { '0' });
    let elsewhere = licence("ISSUER", FOOD, JIANGSU)["identifier"].clone();
    let mut renamed = whole.clone();
    renamed["holder"]["name"] = json!("另一家有限公司(虚构)");
    let cut = licence("CUT", FOOD, ZHEJIANG).to_string();
    let table = [
        (licence("GOODA", FOOD, ZHEJIANG).to_string(), None),
        (changed("DIGIT", &[("identifier", json!(digit))]), Some("E305")),
        (changed("ISSUER", &[("identifier", elsewhere)]), Some("E305")),
        (licence("MANDATE", "11100000HEFU9005XP003", ZHEJIANG).to_string(), Some("E302")),
        (licence("TYPE", "11100000HEFU90025A009", ZHEJIANG).to_string(), Some("E301")),
        (changed("ORDER", &[("valid_until", json!("2001-01-01"))]), Some("cli.licence_days")),
        (changed("NODAY", &[("issued_on", json!("2026-02-30"))]), Some("cli.licence_day")),
        (changed("FUTURE", &[("issued_on", json!("2031-01-01"))]), Some("E307")),
        (changed("LONG", &[("valid_until", json!("2099-01-01"))]), Some("E307")),
        (licence(CITIZEN, FOOD, ZHEJIANG).to_string(), Some("E306")),
        (cut.chars().take(100).collect(), Some("cli.licence_not_json")),
        (changed("KEY", &[("colour", json!("red"))]), Some("cli.licence_unknown_key")),
        (licence("GOODB", FOOD, ZHEJIANG).to_string(), None),
        (whole.to_string(), None),
        (renamed.to_string(), Some("E303")),
        (licence("NOKEY", FOOD, "11100000HEFU90025A").to_string(), Some("cli.no_key")),
        (changed("PROVINCE", &[("area_code", json!("310115"))]), Some("E118")),
    ];
    let refused = table.iter().enumerate();
    let refused = refused.filter_map(|(place, (_, code))| Some((place as u64 + 1, (*code)?)));
    (table.iter().map(|(line, _)| line.clone()).collect(), refused.collect())
}

// --- Certificates of the ledger ------------------------------------------------------------------

/// The `skip`-th food licence of Zhejiang that is valid for long, and its attestation.
pub(crate) fn valid_licence(http: &Http, licences: &[Value], skip: usize) -> (Value, String) {
    let good = |licence: &&Value| {
        let until = licence["valid_until"].as_str().unwrap_or("9999");
        let (kind, issuer) = (&licence["type_code"], &licence["issuer_code"]);
        kind == FOOD && issuer == ZHEJIANG && until > "2028"
    };
    let licence = licences.iter().filter(good).nth(skip).expect("enough food licences");
    let identifier = licence["identifier"].as_str().expect("an identifier");
    let found = http.json(&format!("/api/v1/certificates?identifier={identifier}"));
    let id = found["items"][0]["record"]["id"].as_str();
    (licence.clone(), id.unwrap_or_else(|| panic!("{identifier}: {found}")).to_owned())
}

// --- Recognition ---------------------------------------------------------------------------------

fn recognition(network: &Network, desk: &Desk, licences: &[Value]) {
    let http = network.provinces[1].http();
    let decide = |id: &str, outcome: &str, reasons: &[&str]| {
        let mut decide = network.provinces[1].hefu(&["recognise", "decide", "--as", JIANGSU]);
        decide = decide.args(["--att", id, "--scenario", SCENARIO, "--item", ITEM]);
        decide = decide.args(["--outcome", outcome]);
        for reason in reasons {
            decide = decide.args(["--reason", reason]);
        }
        let decided = decide.json();
        let id = decided["dec_id"].as_str().expect("the decision's id");
        network.wait_height(height_of(&decided));
        http.json(&format!("/api/v1/recognitions/{id}"))
    };
    let flags = |decision: &Value| decision["record"]["flags"].to_string().to_lowercase();

    let (_, good) = valid_licence(&http, licences, 1);
    let accepted = decide(&good, "accepted", &[]);
    assert!(flags(&accepted).contains("consistent"), "{accepted:#}");
    let refused = decide(&good, "refused", &["5"]);
    assert!(flags(&refused).contains("refused_while_valid"), "{refused:#}");

    let (_, suspended) = valid_licence(&http, licences, 2);
    let suspend = desk.hefu(network, &["cert", "suspend", &suspended, "--reason", "2"]).json();
    network.wait_height(height_of(&suspend));
    let status = network.provinces[1].hefu(&["cert", "status", &suspended]).run().exits(3);
    assert_eq!(status.json()["status"], "suspended");
    let yesterday = yesterday(&http);
    let (_, late) = valid_licence(&http, licences, 3);
    let change = |arguments: &[&str]| desk.hefu(network, &["cert"]).args(arguments);
    for verb in ["suspend", "resume"] {
        change(&[verb, &late, "--reason", "2", "--effective", &yesterday]).run().exits(0);
    }
    let penalty = ["revoke", &late, "--kind", "penalty", "--reason", "1", "--yes"];
    let reach_back = ["--effective", &yesterday, "--decided"];
    let now = change(&penalty).args(reach_back).arg(today(&http)).run().exits(6);
    now.fault("E323");
    let revoked = change(&penalty).args(["--effective", &yesterday]).json();
    network.wait_height(height_of(&revoked));
    let shown = http.json(&format!("/api/v1/certificates/{late}"));
    let changes = shown["record"]["changes"].as_array().expect("changes");
    assert_eq!(changes.len(), 3, "{shown:#}");
    assert!(changes.iter().all(|change| change["effective"] == yesterday.as_str()), "{shown:#}");
    let refused = decide(&suspended, "refused", &["4"]);
    assert!(flags(&refused).contains("consistent"), "{refused:#}");
    assert!(!flags(&refused).contains("refused_while_valid"), "{refused:#}");
}

/// The ledger's day, and the day before it.
fn today(http: &Http) -> String {
    ledger_day(http).to_string()
}

fn yesterday(http: &Http) -> String {
    ledger_day(http).previous().to_string()
}

fn ledger_day(http: &Http) -> Day {
    let node = http.json("/api/v1/node");
    let time = node["block_time_ms"].as_str().and_then(|time| time.parse().ok());
    Day::of_beijing(Millis(time.expect("the time of the last block")))
}

#[track_caller]
pub(crate) fn height_of(answer: &Value) -> u64 {
    let height = answer["height"].as_str().and_then(|height| height.parse().ok());
    height.unwrap_or_else(|| panic!("no height in {answer:#}"))
}

// --- Sharing -------------------------------------------------------------------------------------

/// Jiangsu asks Shanghai for insurance data, is granted less than it asked for, uses it, and both
/// sides sign for the use.
fn sharing(network: &Network) {
    let [provider, consumer] = ["11310000HEFU01045F", "11320000HEFU020484"];
    let (shanghai, jiangsu) = (&network.provinces[0], &network.provinces[1]);
    let text = |name: &str, content: &str| {
        let path = network.scratch.join(name);
        std::fs::write(&path, content).expect("a file");
        path
    };
    let submitted = |command: Hefu| {
        let answer = command.json();
        network.wait_height(height_of(&answer));
        answer
    };
    let catalogue = "310000/insurance-01";
    let publish = shanghai.hefu(&["share", "publish", catalogue, "--as", provider]);
    let publish = publish.args(["--title", "社保参保信息", "--share", "conditional", "--personal"]);
    let publish = publish.args(["--items", "参保状态,参保地", "--conditions"]);
    submitted(publish.arg(text("conditions.txt", "仅限窗口办件核验")));

    let request = jiangsu.hefu(&["share", "request", catalogue, "--as", consumer, "--item", ITEM]);
    let request = request.args(["--fields", "参保状态", "--per-day", "2000"]);
    let request = request.args(["--basis-kind", "state-council", "--basis-file"]);
    let requested = submitted(request.arg(text("basis.txt", "政务数据共享条例")));
    let id = requested["request"].as_str().expect("the request's id").to_owned();
    // Nobody but the provider answers.
    jiangsu.hefu(&["share", "grant", &id, "--as", consumer]).run().exits(6).fault("E519");
    submitted(shanghai.hefu(&["share", "acknowledge", &id, "--as", provider]));
    let more = shanghai.hefu(&["share", "grant", &id, "--as", provider, "--per-day", "9999"]);
    more.run().exits(6).fault("E514");
    let grant = shanghai.hefu(&["share", "grant", &id, "--as", provider, "--per-day", "500"]);
    submitted(grant);
    let granted = jiangsu.http().json(&format!("/api/v1/grants/{id}"));
    assert_eq!(granted["status"], "active", "{granted:#}");

    let (draft, signature) = (network.scratch.join("use.json"), network.scratch.join("use.sig"));
    let used = jiangsu.hefu(&["share", "receipt", "--grant", &id, "--as", consumer]);
    let used = used.args(["--case", "case-2026-0001", "--request"]).arg(text("asked", "一问"));
    let used = used.arg("--response").arg(text("answered", "一答")).arg("--draft").arg(&draft);
    let receipt = used.json()["receipt"].as_str().expect("the receipt's id").to_owned();
    let cosign = shanghai.hefu(&["share", "cosign", "--as", provider]).arg(&draft);
    cosign.arg("-O").arg(&signature).run().exits(0);
    let put = jiangsu.hefu(&["share", "receipt", "--as", consumer, "--from"]).arg(&draft);
    submitted(put.arg("--cosignature").arg(&signature));
    let recorded = shanghai.http().json(&format!("/api/v1/receipts/{receipt}"));
    assert_eq!(recorded["state"], "confirmed", "{recorded:#}");
    assert_eq!(recorded["record"]["flags"], json!([]), "{recorded:#}");
}

// --- Evidence ------------------------------------------------------------------------------------

/// A capsule that verifies when the whole network is gone, and not with any byte changed.
fn evidence(network: &mut Network, licences: &[Value], formats: &Formats) {
    let (_, id) = valid_licence(&network.provinces[2].http(), licences, 2);
    let file = network.scratch.join("licence.capsule");
    let written = network.provinces[2].hefu(&["cert", "evidence", &id, "-O"]).arg(&file).json();
    assert_eq!(written["genesis"], network.hash.as_str());
    println!("a capsule of one of twelve licences imported together: {} bytes", written["bytes"]);
    for province in &mut network.provinces {
        province.node.take().expect("runs").stop();
        assert!(province.http().try_get("/livez").is_none());
    }
    let nowhere = network.scratch.join("nowhere");
    std::fs::create_dir(&nowhere).expect("a folder");
    let verify = |file: &Path, hash: &str| {
        Hefu::new(&nowhere).arg("verify").arg(file).args(["--genesis", hash]).run()
    };
    let report = verify(&file, &network.hash).exits(0).json();
    assert_eq!(report["valid"], true, "{report:#}");
    assert_eq!(report["recorded"]["issuer"], ZHEJIANG);
    let attestations = report["status"]["attestations"].as_array().expect("attestations");
    let shown = attestations.iter().find(|shown| shown["att_id"] == id.as_str());
    assert_eq!(shown.expect("the attestation")["status"], "suspended", "{report:#}");

    verify(&file, &"00".repeat(32)).exits(3);
    let bytes = std::fs::read(&file).expect("a capsule");
    let file = formats.assert("capsule-file", &bytes);
    let inside = file.as_array().and_then(|parts| parts[0].as_bytes()).expect("a capsule");
    formats.assert("packed-capsule", inside);
    every_changed_byte_is_refused(&bytes, network.chain());
    let broken = network.scratch.join("broken.capsule");
    for sample in 0..20 {
        let mut changed = bytes.clone();
        let place = 1 + sample * (bytes.len() - 1) / 20;
        changed[place] ^= 0x10;
        std::fs::write(&broken, &changed).expect("a broken capsule");
        verify(&broken, &network.hash).exits(3).fault("cli.invalid");
    }
    // Without its first byte it is no capsule at all.
    std::fs::write(&broken, &bytes[1..]).expect("another file");
    verify(&broken, &network.hash).exits(2).fault("cli.input");
    std::fs::write(&broken, &bytes[..bytes.len() - 1]).expect("a short capsule");
    verify(&broken, &network.hash).exits(3);
    assert_eq!(network.provinces.len(), REGIONS.len());
}

fn every_changed_byte_is_refused(bytes: &[u8], chain: ChainId) {
    let accepts =
        |bytes: &[u8]| Capsule::from_file(bytes).is_ok_and(|capsule| capsule.verify(chain).is_ok());
    assert!(accepts(bytes));
    let mut changed = bytes.to_vec();
    for place in 0..bytes.len() {
        for bit in [0x01, 0x80] {
            changed[place] ^= bit;
            assert!(!accepts(&changed), "byte {place} of {} with {bit:#04x}", bytes.len());
            changed[place] ^= bit;
        }
    }
}
