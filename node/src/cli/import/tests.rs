//! The import against a node that is played: it remembers what it recorded, and can refuse single
//! lines, be away, and lose answers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use clap::Parser;
use hefu_contracts::Act;
use hefu_contracts::certificate::{HolderClass, ListState};
use hefu_primitives::{ChainId, Id16, KeyPair, SignedTransaction};
use serde_json::{Value, json};

use super::super::app::{App, Globals, now};
use super::super::cert::ledger::tests::{LICENCE, terms};
use super::super::exit::Exit;
use super::super::output::{Format, Output};
use super::*;
use crate::keystore::{Keystore, Passphrase, Profile};
use crate::text::Lang;

/// What the played node knows and does.
#[derive(Default)]
struct Node {
    /// Attestations, with what they commit to.
    recorded: BTreeMap<Id16, Value>,
    /// Batches: root and number of leaves.
    batches: BTreeMap<Id16, (hefu_primitives::H32, u32)>,
    /// Transactions by id: applied at a height, or refused with a code at an act.
    known: BTreeMap<String, Result<u64, (u16, usize)>>,
    submissions: usize,
    /// Certificate versions that are refused, with `E302`.
    refused: BTreeSet<u16>,
    /// Record, and hang up instead of answering, from this submission on.
    silent_after: Option<usize>,
    key: Value,
}

impl Node {
    fn answer(&mut self, method: &str, target: &str, body: &[u8]) -> Option<(u16, Value)> {
        let (path, _) = target.split_once('?').unwrap_or((target, ""));
        let path = path.trim_start_matches("/api/v1");
        Some(match (method, path) {
            ("GET", "/node") => (200, json!({"chain": ChainId::ZERO, "block_time_ms": now()})),
            ("GET", "/keys") => (200, json!({ "items": [{ "record": self.key }] })),
            ("GET", path) if path.starts_with("/types/") => {
                let stamp =
                    json!({"height": "0", "time": "0", "occurred_at": "0", "key": "00".repeat(20)});
                let history = json!([{"state": ListState::Adopted, "stamp": stamp}]);
                (200, json!({"record": {"terms": terms(HolderClass::Legal), "history": history}}))
            }
            ("GET", path) => match path.strip_prefix("/transactions/") {
                Some(id) => match self.known.get(id) {
                    Some(Ok(height)) => {
                        (200, json!({"status": "applied", "height": height.to_string()}))
                    }
                    Some(Err((code, act))) => {
                        (200, json!({"status": "refused", "code": format!("E{code}"), "act": act}))
                    }
                    None => (404, json!({"code": "api.not_found"})),
                },
                None => {
                    let id = path.strip_prefix("/certificates/").and_then(|id| id.parse().ok());
                    match id.and_then(|id: Id16| self.recorded.get(&id)) {
                        Some(content) => (200, json!({"record": {"content": content}})),
                        None => (404, json!({"code": "api.not_found"})),
                    }
                }
            },
            _ => {
                self.submissions += 1;
                let answer = self.submit(&SignedTransaction::decode(body).unwrap());
                if self.silent_after.is_some_and(|most| self.submissions > most) {
                    return None;
                }
                answer
            }
        })
    }

    /// All or none, and the same bytes get the same answer.
    fn submit(&mut self, transaction: &SignedTransaction) -> (u16, Value) {
        let id = transaction.id().to_string();
        let outcome = match self.known.get(&id) {
            Some(known) => *known,
            None => {
                let acts: Vec<_> =
                    transaction.body().acts.iter().map(|act| Act::decode(act).unwrap()).collect();
                let outcome = self.execute(&acts);
                self.known.insert(id.clone(), outcome);
                outcome
            }
        };
        match outcome {
            Ok(height) => {
                (200, json!({"tx": id, "status": "applied", "height": height.to_string()}))
            }
            Err((code, act)) => (422, json!({"code": format!("E{code}"), "act": act, "tx": id})),
        }
    }

    fn execute(&mut self, acts: &[Act]) -> Result<u64, (u16, usize)> {
        let mut ids = Vec::new();
        for (place, act) in acts.iter().enumerate() {
            if let Act::AttestBatch(batch) = act {
                if !self.refused.is_empty() {
                    return Err((302, place));
                }
                self.batches.insert(batch.batch_id, (batch.root, batch.count));
                continue;
            }
            let Act::Attest(attest) = act else { panic!("{act:?}") };
            if self.recorded.contains_key(&attest.id) {
                return Err((114, place));
            }
            if self.refused.contains(&attest.cert_version) {
                return Err((302, place));
            }
            ids.push((attest.id, json!(attest.content)));
        }
        self.recorded.extend(ids);
        Ok(self.known.len() as u64 + 1)
    }
}

/// Serves one request a connection, until the process ends.
fn serve(node: Arc<Mutex<Node>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let node = node.clone();
            std::thread::spawn(move || one(stream.unwrap(), &node));
        }
    });
    address
}

fn one(stream: TcpStream, node: &Mutex<Node>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let (status, value) = node.lock().unwrap().answer(method, target, &body)?;
    let text = value.to_string();
    let head = format!(
        "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        text.len()
    );
    (&stream).write_all((head + &text).as_bytes()).ok()
}

/// An office: a data folder with the issuer's key, a file of licences, and a played node.
struct Office {
    folder: tempfile::TempDir,
    node: Arc<Mutex<Node>>,
    address: SocketAddr,
}

/// What a test writes to.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    globals: Globals,
    #[command(flatten)]
    import: Import,
}

impl Office {
    /// `lines` licences; versions from 1, so that each can be told from the others.
    fn new(lines: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pass"), "a long secret\n").unwrap();
        let keystore =
            Keystore::with_profile(folder.path().join("keys"), Profile::InsecureFast).unwrap();
        let pair = KeyPair::from_secret(&[9; 32]);
        let passphrase = Passphrase::new("a long secret".to_owned()).unwrap();
        keystore.store("mr", &["ISSUER"], &pair, &passphrase).unwrap();
        let key = json!({"key": pair.public(), "owner": "11320000HEFU0203X4",
            "roles": ["issuer"], "state": "active"});
        let text: Vec<String> = (1..=lines).map(licence).collect();
        std::fs::write(folder.path().join("licences.jsonl"), text.join("\n")).unwrap();
        let node = Arc::new(Mutex::new(Node { key, ..Node::default() }));
        let address = serve(node.clone());
        Self { folder, node, address }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the import; how it ended, and its report.
    fn import(&self, more: &[&str]) -> (Result<Exit, Fault>, Value) {
        let path = |path: &Path| path.display().to_string();
        let (node, data, pass, file) = (
            self.address.to_string(),
            path(self.folder.path()),
            path(&self.path("pass")),
            path(&self.path("licences.jsonl")),
        );
        let mut words = vec![
            "x",
            "--node",
            &node,
            "--data-dir",
            &data,
            "--passphrase-file",
            &pass,
            "--insecure-fast-kdf",
            "--timeout",
            "1",
            "-o",
            "json",
            "-q",
            &file,
        ];
        words.extend(more);
        let line = Line::parse_from(words);
        let out = Shared::default();
        let output = Output::to(
            Format::Json,
            Lang::En,
            true,
            Box::new(out.clone()),
            Box::new(Shared::default()),
        );
        let done = run(&App::new(line.globals, output), &line.import);
        let report = serde_json::from_slice(&out.0.lock().unwrap()).unwrap_or_default();
        (done, report)
    }

    fn recorded(&self) -> usize {
        self.node.lock().unwrap().recorded.len()
    }
}

/// A licence of this version; its check character is computed.
fn licence(version: u16) -> String {
    let mut licence: Value = serde_json::from_str(LICENCE).unwrap();
    let identifier = hefu_primitives::codes::Identifier::new(
        "11100000HEFU90025A003".parse().unwrap(),
        "11320000HEFU0203X4".parse().unwrap(),
        "4Y6N3WD25RQ4",
        version,
    );
    licence["identifier"] = json!(identifier.unwrap().to_string());
    licence["version"] = json!(version);
    licence.to_string()
}

#[test]
fn everything_is_accepted_once() {
    let office = Office::new(25);
    let (done, report) = office.import(&["--batch", "10"]);
    assert_eq!(done, Ok(Exit::Ok));
    assert_eq!(report, json!({"accepted": 25, "already": 0, "refused": []}));
    assert_eq!((office.recorded(), office.node.lock().unwrap().submissions), (25, 3));
    let (done, report) = office.import(&["--batch", "10"]);
    assert_eq!(
        (done, report),
        (Ok(Exit::Ok), json!({"accepted": 25, "already": 25, "refused": []}))
    );
    assert_eq!(
        (office.recorded(), office.node.lock().unwrap().submissions),
        (25, 3),
        "nothing twice"
    );
}

#[test]
fn a_refused_line_does_not_take_its_batch_along() {
    let office = Office::new(12);
    office.node.lock().unwrap().refused = BTreeSet::from([3, 8]);
    let broken = [
        "not json".to_owned(),
        licence(13).replace("HEFU0203X4\",\"type", "HEFU0203X4\",\"x\":1,\"type"),
    ];
    let mut text = std::fs::read_to_string(office.path("licences.jsonl")).unwrap();
    text.push('\n');
    text.push_str(&broken.join("\n"));
    std::fs::write(office.path("licences.jsonl"), text).unwrap();
    let (done, report) = office.import(&[]);
    assert_eq!(done, Ok(Exit::Denied));
    assert_eq!((&report["accepted"], office.recorded()), (&json!(10), 10));
    let refused: Vec<_> = report["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (r["line"].as_u64().unwrap(), r["code"].as_str().unwrap()))
        .collect();
    let broken = [(13, "cli.licence_not_json"), (14, "cli.licence_unknown_key")];
    assert_eq!(refused, [[(3, "E302"), (8, "E302")], broken].concat());
    assert_eq!(report["refused"][0].as_object().unwrap().len(), 3, "line, code, message");
    office.node.lock().unwrap().refused.clear();
    let (_, report) = office.import(&[]);
    assert_eq!((&report["accepted"], office.recorded()), (&json!(12), 12), "tried again");
}

#[test]
fn answers_that_are_lost_lose_and_double_nothing() {
    let office = Office::new(20);
    office.node.lock().unwrap().silent_after = Some(1);
    let (done, _) = office.import(&["--batch", "5", "--parallel", "1"]);
    assert_eq!(done.unwrap_err().exit, Exit::Unreachable);
    let before = office.recorded();
    assert!((5..20).contains(&before), "{before}");
    office.node.lock().unwrap().silent_after = None;
    let (done, report) = office.import(&["--batch", "5"]);
    assert_eq!((done, &report["accepted"]), (Ok(Exit::Ok), &json!(20)));
    assert_eq!(office.recorded(), 20);
}

#[test]
fn lines_of_an_issuer_without_a_key_here_are_refused() {
    let office = Office::new(2);
    office.node.lock().unwrap().key["state"] = json!("revoked");
    let (done, report) = office.import(&[]);
    assert_eq!(done, Ok(Exit::Denied));
    assert_eq!(report["refused"][1]["code"], "cli.no_key");
    assert_eq!(office.recorded(), 0);
}

#[test]
fn csv_is_read_too() {
    let office = Office::new(1);
    let licence = crate::vault::Licence::from_json(licence(1).as_bytes()).unwrap();
    let content = licence.content().unwrap();
    let names: Vec<&str> = content.fields().iter().map(|field| field.name.as_str()).collect();
    let values: Vec<&str> = content.fields().iter().map(|field| field.value.as_str()).collect();
    let csv = format!("{}\n{}\n", names.join(","), values.join(","));
    std::fs::write(office.path("licences.jsonl"), csv).unwrap();
    let (done, report) = office.import(&["--format", "csv"]);
    assert_eq!((done, &report["accepted"]), (Ok(Exit::Ok), &json!(1)), "{report}");
}

/// The licence as another program saves it: other order of keys, other spaces.
fn resaved(version: u16) -> String {
    let licence: BTreeMap<String, Value> = serde_json::from_str(&licence(version)).unwrap();
    let members = licence.iter().rev().map(|(key, value)| format!("  {} : {value}", json!(key)));
    format!("{{ {} }}", members.collect::<Vec<_>>().join(" , "))
}

impl Office {
    /// Puts another file in the place of the last one.
    fn write(&self, lines: &[String]) {
        std::fs::write(self.path("licences.jsonl"), lines.join("\n")).unwrap();
    }
}

#[test]
fn a_licence_in_another_file_is_not_attested_again() {
    let office = Office::new(12);
    assert_eq!(office.import(&[]).0, Ok(Exit::Ok));
    let overlapping: Vec<String> = (7..=18).map(licence).collect();
    office.write(&overlapping);
    let (done, report) = office.import(&[]);
    let expected = json!({"accepted": 12, "already": 6, "refused": []});
    assert_eq!((done, report, office.recorded()), (Ok(Exit::Ok), expected, 18));
    let (before, shuffled) = (office.node.lock().unwrap().submissions, (1..=18).rev().map(resaved));
    office.write(&shuffled.collect::<Vec<_>>());
    let (done, report) = office.import(&[]);
    let expected = json!({"accepted": 18, "already": 18, "refused": []});
    assert_eq!((done, report, office.recorded()), (Ok(Exit::Ok), expected, 18));
    assert_eq!(office.node.lock().unwrap().submissions, before, "nothing was sent");
}

#[test]
fn an_interrupted_file_that_was_saved_anew_doubles_nothing() {
    let office = Office::new(20);
    office.node.lock().unwrap().silent_after = Some(1);
    let (done, _) = office.import(&["--batch", "5", "--parallel", "2"]);
    assert_eq!(done.unwrap_err().exit, Exit::Unreachable);
    let before = office.recorded();
    assert!((5..20).contains(&before), "{before}");
    office.node.lock().unwrap().silent_after = None;
    office.write(&(1..=20).rev().map(resaved).collect::<Vec<_>>());
    for already in [before, 20] {
        let (done, report) = office.import(&["--batch", "5"]);
        let expected = json!({"accepted": 20, "already": already, "refused": []});
        assert_eq!((done, report, office.recorded()), (Ok(Exit::Ok), expected, 20));
    }
}

#[test]
fn a_licence_that_comes_twice_is_attested_once() {
    let office = Office::new(1);
    let lines = [licence(1), licence(2), resaved(1), licence(3), resaved(3), licence(1)];
    office.write(&lines);
    office.node.lock().unwrap().refused = BTreeSet::from([3]);
    let (done, report) = office.import(&["--batch", "2"]);
    assert_eq!(done, Ok(Exit::Denied));
    assert_eq!((&report["accepted"], &report["already"]), (&json!(4), &json!(2)), "{report}");
    let refused: Vec<_> = report["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (&row["line"], &row["code"]))
        .collect();
    let code = json!("E302");
    assert_eq!(refused, [(&json!(4), &code), (&json!(5), &code)]);
    assert_eq!(office.recorded(), 2);
    office.node.lock().unwrap().refused.clear();
    let (done, report) = office.import(&["--batch", "2"]);
    let expected = json!({"accepted": 6, "already": 5, "refused": []});
    assert_eq!((done, report, office.recorded()), (Ok(Exit::Ok), expected, 3));
}

/// What `cert attest` put into the vault and onto the ledger stands in no journal.
#[test]
fn a_licence_attested_by_itself_is_known() {
    let office = Office::new(3);
    let passphrase = Passphrase::new("a long secret".to_owned()).unwrap();
    let folder = office.path("vault");
    let mut vault =
        crate::vault::Vault::create(&folder, &passphrase, Profile::InsecureFast).unwrap();
    let record = |version| {
        let licence = crate::vault::Licence::from_json(licence(version).as_bytes()).unwrap();
        crate::vault::Record::new(licence, None, now()).unwrap()
    };
    // The second was never submitted, or not recorded.
    let (recorded, kept) = (record(1), record(2));
    for record in [&recorded, &kept] {
        vault.put(record).unwrap();
    }
    vault.sync().unwrap();
    drop(vault);
    let content = json!(hefu_primitives::H32::from(recorded.commitments.content));
    office.node.lock().unwrap().recorded.insert(recorded.att_id, content);
    let (done, report) = office.import(&[]);
    let expected = json!({"accepted": 3, "already": 1, "refused": []});
    assert_eq!((done, report, office.recorded()), (Ok(Exit::Ok), expected, 3));
    assert!(office.node.lock().unwrap().recorded.contains_key(&kept.att_id), "its record is used");
}

/// An id is everybody's to choose: what another put onto the ledger under ours is not our record.
#[test]
fn an_id_that_another_took_is_no_record_of_ours() {
    let office = Office::new(1);
    let passphrase = Passphrase::new("a long secret".to_owned()).unwrap();
    let folder = office.path("vault");
    let mut vault =
        crate::vault::Vault::create(&folder, &passphrase, Profile::InsecureFast).unwrap();
    let licence = crate::vault::Licence::from_json(licence(1).as_bytes()).unwrap();
    let kept = crate::vault::Record::new(licence, None, now()).unwrap();
    vault.put(&kept).unwrap();
    vault.sync().unwrap();
    drop(vault);
    let foreign = json!("77".repeat(32));
    office.node.lock().unwrap().recorded.insert(kept.att_id, foreign);
    let (done, report) = office.import(&[]);
    assert_eq!(done, Ok(Exit::Denied));
    assert_eq!((&report["accepted"], &report["refused"][0]["code"]), (&json!(0), &json!("E114")));
}

#[test]
fn stock_is_one_act_and_each_line_can_be_proven() {
    use hefu_primitives::codec::Canonical;
    let office = Office::new(9);
    let (done, report) = office.import(&["--stock"]);
    let expected = json!({"accepted": 9, "already": 0, "refused": []});
    assert_eq!((done, report), (Ok(Exit::Ok), expected));
    assert_eq!((office.recorded(), office.node.lock().unwrap().submissions), (0, 1));
    let (batch, (root, count)) =
        office.node.lock().unwrap().batches.first_key_value().map(|(id, b)| (*id, *b)).unwrap();
    assert_eq!(count, 9);
    let passphrase = Passphrase::new("a long secret".to_owned()).unwrap();
    let vault = crate::vault::Vault::open(&office.path("vault"), &passphrase).unwrap();
    let ids: Vec<Id16> = vault.att_ids().collect();
    assert_eq!(ids.len(), 9);
    for id in ids {
        let leaf = vault.leaf(id).unwrap().unwrap();
        assert_eq!(leaf.batch, batch);
        assert!(leaf.proof.leads(&leaf.body.to_bytes(), root, count));
    }
    drop(vault);
    let (done, report) = office.import(&["--stock"]);
    let expected = json!({"accepted": 9, "already": 9, "refused": []});
    assert_eq!((done, report), (Ok(Exit::Ok), expected));
    assert_eq!(office.import(&[]).1["already"], 9, "nor singly");
    assert_eq!(office.node.lock().unwrap().submissions, 1, "nothing twice");
}

#[test]
fn stock_that_is_refused_or_whose_answer_is_lost_is_sent_again() {
    let office = Office::new(4);
    office.node.lock().unwrap().refused = BTreeSet::from([1]);
    let (done, report) = office.import(&["--stock"]);
    assert_eq!(done, Ok(Exit::Denied));
    assert_eq!(report["refused"].as_array().unwrap().len(), 4);
    assert_eq!(report["refused"][3]["code"], "E302");
    office.node.lock().unwrap().refused.clear();
    office.node.lock().unwrap().silent_after = Some(1);
    assert_eq!(office.import(&["--stock"]).0.unwrap_err().exit, Exit::Unreachable);
    office.node.lock().unwrap().silent_after = None;
    let (done, report) = office.import(&["--stock"]);
    let expected = json!({"accepted": 4, "already": 4, "refused": []});
    assert_eq!((done, report), (Ok(Exit::Ok), expected));
    assert_eq!(office.node.lock().unwrap().batches.len(), 1, "the same batch");
}
