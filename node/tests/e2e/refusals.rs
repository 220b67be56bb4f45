//! What a node refuses: bad input at its door, strangers, another ledger, and its own damaged
//! files. Each refusal has its own stable code, changes nothing, and leaves the node running.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use hefu_contracts::Act;
use hefu_contracts::certificate::{Attest, Ident, Marks};
use hefu_node::network::{
    Address, Limits, Network as Links, NetworkConfig, NetworkEvent, NodeKey, NodeSecret, Refusal,
};
use hefu_primitives::codec::Canonical;
use hefu_primitives::codes::Identifier;
use hefu_primitives::time::Day;
use hefu_primitives::{
    ChainId, H32, Id16, KeyPair, Millis, Region, SignedTransaction, TransactionBody, TypeCode, Uscc,
};
use serde_json::Value;

use crate::harness::http::{Answer, Http};
use crate::harness::network::{Network, Province, ceremony};
use crate::harness::{SOON, wait_for};

/// Business licences: their holders are organisations, so identifiers stand in the clear.
const LICENCE: &str = "11100000HEFU90025A001";
/// Market regulator of Shanghai, and its audit office, which may not issue.
const REGULATOR: (&str, &str) = ("11310000HEFU01037L", "310000-mr");
const AUDIT: (&str, &str) = ("11310000HEFU011178", "310000-audit");
/// Shaped like a citizen's number, of a region that does not exist.
const CITIZEN: &str = "999999194901010000";

#[test]
fn what_is_refused_changes_nothing() {
    let mut network = Network::start("refusals");
    bad_input(&mut network);
    strangers(&network);
    another_ledger(&mut network);
    damaged_blocks(&mut network);
    network.assert_agreement();
}

// --- Bad input -----------------------------------------------------------------------------------

/// Someone who signs, and the ledger it is for.
struct Author {
    chain: ChainId,
    now: Millis,
    issuer: Uscc,
    key: KeyPair,
}

impl Author {
    fn new(network: &Network, (code, label): (&str, &str)) -> Self {
        let province = &network.provinces[0];
        let node = province.http().json("/api/v1/node");
        let time: u64 = node["block_time_ms"].as_str().and_then(|t| t.parse().ok()).unwrap_or(0);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now = now.map_or(time, |now| u64::try_from(now.as_millis()).unwrap_or(time));
        let issuer = code.parse().expect("a credit code");
        let chain = network.chain();
        Self { chain, now: Millis(now.max(time)), issuer, key: province.key(label) }
    }

    /// A licence that the ledger would take.
    fn licence(&self, id: u8, serial: &str) -> Attest {
        let kind: TypeCode = LICENCE.parse().expect("a type");
        let identifier = Identifier::new(kind, self.issuer, serial, 1).expect("an identifier");
        let today = Day::of_beijing(self.now);
        Attest {
            id: Id16([id; 16]),
            type_code: kind,
            type_version: 1,
            region: Region(310_000),
            ident: Ident::Plain(identifier.to_string()),
            holder: H32([1; 32]),
            content: H32([2; 32]),
            file: None,
            seal: None,
            cert_version: 1,
            issued_on: today,
            valid_from: today,
            valid_until: None,
            previous: None,
            marks: Marks::default(),
            occurred_at: self.now,
        }
    }

    fn body(&self, acts: Vec<Vec<u8>>) -> TransactionBody {
        let not_after = Millis(self.now.0 + 600_000);
        let acts = acts.into_iter().map(Into::into).collect();
        TransactionBody { chain: self.chain, not_after, acts }
    }

    fn sign(&self, body: &TransactionBody) -> Vec<u8> {
        let signed = SignedTransaction::sign(body, self.issuer, "test", &self.key);
        signed.expect("within bounds").as_bytes().to_vec()
    }

    fn attest(&self, act: Attest) -> Vec<u8> {
        self.sign(&self.body(vec![Act::from(act).to_bytes()]))
    }

    /// As [`Author::sign`], for bodies that our own library would not sign.
    fn forge(&self, body: &TransactionBody) -> Vec<u8> {
        let small = self.attest(self.licence(0, "SMALL"));
        let (protected, _) = parts(&small);
        let payload = body.to_bytes();
        let signature = self.key.sign(&structure(&protected, &payload));
        let mut bytes = vec![0xd2, 0x84];
        bytes.extend(byte_string(&protected));
        bytes.push(0xa0);
        bytes.extend(byte_string(&payload));
        bytes.extend(byte_string(&signature.0));
        bytes
    }
}

fn byte_string(bytes: &[u8]) -> Vec<u8> {
    minicbor::to_vec(minicbor::bytes::ByteVec::from(bytes.to_vec())).expect("a vector")
}

/// Protected header and payload of an envelope.
fn parts(envelope: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut decoder = minicbor::Decoder::new(envelope);
    let mut read = || -> Result<_, minicbor::decode::Error> {
        decoder.tag()?;
        decoder.array()?;
        let protected = decoder.bytes()?.to_vec();
        decoder.skip()?;
        Ok((protected, decoder.bytes()?.to_vec()))
    };
    read().expect("an envelope of ours")
}

/// What COSE signs.
fn structure(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x84, 0x6a];
    bytes.extend(b"Signature1");
    bytes.extend(byte_string(protected));
    bytes.push(0x40);
    bytes.extend(byte_string(payload));
    bytes
}

/// An encoded act with one field more than it has.
fn with_unknown_field(act: &[u8]) -> Vec<u8> {
    let mut bytes = act.to_vec();
    // [20, [[16 fields]]]: the innermost array grows by one.
    let head = bytes.iter().position(|byte| *byte == 0x90).expect("an array of sixteen");
    assert!(head < 5, "the act begins with its number and its body");
    bytes[head] = 0x91;
    bytes.push(0xf6);
    bytes
}

/// State root and size of the audit log: what no refusal may change.
fn state(http: &Http) -> (Value, Value) {
    let node = http.json("/api/v1/node");
    let height = node["height"].as_str().expect("a height").to_owned();
    let block = http.json(&format!("/api/v1/blocks/{height}"));
    (node["state_root"].clone(), block["header"]["log_size"].clone())
}

#[track_caller]
fn assert_refused(name: &str, answer: &Answer, status: u16, code: &str) {
    let problem = answer.json();
    assert_eq!((answer.status, &problem["code"]), (status, &code.into()), "{name}: {problem}");
    assert_eq!(answer.kind, "application/problem+json", "{name}");
    assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{name}: {problem}");
    assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{name}");
}

fn bad_input(network: &mut Network) {
    // Several authorities of the province hold such a key: nobody guesses for whom it is signed.
    let close = ["notice", "close", "0123456789abcdef0123456789abcdef", "--report"];
    network.provinces[0].hefu(&close).arg(&network.genesis).run().exits(2).fault("cli.which");
    let http = network.provinces[0].http();
    let author = Author::new(network, REGULATOR);
    let good = author.attest(author.licence(1, "GOOD"));
    let accepted = http.submit(&good);
    assert_eq!(accepted.status, 200, "{}", accepted.text());
    assert_eq!(accepted.json()["status"], "applied");
    let before = state(&http);
    refused_at_the_door(&http, &author, &good, network);
    assert_eq!(state(&http), before, "what was not recorded changed something");
    refused_by_the_ledger(&http, &author, network);
    assert_eq!(state(&http), before, "a refused act changed something");
    // The same bytes again are harmless: the recorded outcome comes back.
    let again = http.submit(&good).json();
    assert_eq!(
        (&again["status"], &again["height"]),
        (&"applied".into(), &accepted.json()["height"])
    );
    assert!(network.provinces[0].node().is_running());
}

fn refused_at_the_door(http: &Http, author: &Author, good: &[u8], network: &Network) {
    let act = Act::from(author.licence(2, "DOOR")).to_bytes();
    let body = |change: fn(&mut TransactionBody)| {
        let mut body = author.body(vec![act.clone()]);
        change(&mut body);
        body
    };
    let with_acts = |acts| author.forge(&author.body(acts));
    let sound = author.sign(&author.body(vec![act.clone()]));
    let mut broken_signature = sound.clone();
    *broken_signature.last_mut().expect("bytes") ^= 1;
    let mut trailing = sound.clone();
    trailing.push(0);
    let stranger =
        Author { key: KeyPair::from_secret(&[7; 32]), ..Author::new(network, REGULATOR) };
    let mut other_issuer = Author::new(network, REGULATOR);
    other_issuer.issuer = AUDIT.0.parse().expect("a credit code");
    let large = body(|body| body.acts = vec![vec![0x40; 4_000].into(); 17]);
    assert!(author.forge(&large).len() > 65_535);
    let cases = [
        ("no CBOR", b"not a transaction".to_vec(), 422, "E101"),
        ("nothing", Vec::new(), 422, "E101"),
        ("cut short", good[..good.len() - 1].to_vec(), 422, "E101"),
        ("a trailing byte", trailing, 422, "E101"),
        (
            "an unknown field",
            author.sign(&author.body(vec![with_unknown_field(&act)])),
            422,
            "E101",
        ),
        (
            "an unknown act",
            author.sign(&author.body(vec![vec![0x82, 0x18, 0xc8, 0x80]])),
            422,
            "E101",
        ),
        ("a wrong signature", broken_signature, 422, "E102"),
        ("another ledger", author.sign(&body(|body| body.chain = ChainId([9; 32]))), 422, "E103"),
        ("an unknown key", stranger.sign(&author.body(vec![act.clone()])), 422, "E104"),
        ("too late", author.sign(&body(|body| body.not_after = Millis(1))), 422, "E108"),
        ("too long", author.sign(&body(|body| body.not_after.0 += 30 * 86_400_000)), 422, "E108"),
        ("another's name", other_issuer.sign(&author.body(vec![act.clone()])), 422, "E116"),
        ("an act over its bound", with_acts(vec![vec![0x40; 4_097]]), 422, "E110"),
        ("257 acts", with_acts(vec![vec![0x80]; 257]), 422, "E110"),
        ("no act", with_acts(Vec::new()), 422, "E101"),
        ("a transaction over its bound", author.forge(&large), 413, "api.too_large"),
    ];
    for (name, bytes, status, code) in &cases {
        let answer = http.submit(bytes);
        assert_refused(name, &answer, *status, code);
        assert!(answer.json().get("height").is_none(), "{name}: nothing is recorded");
    }
    let unknown =
        SignedTransaction::decode(&author.sign(&author.body(vec![with_unknown_field(&act)])));
    let id = unknown.expect("the envelope is sound").id();
    let asked = http.get(&format!("/api/v1/transactions/{id}"));
    assert_refused("a transaction nobody recorded", &asked, 404, "api.not_found");
    for (name, path, status, code) in [
        ("an unknown path", "/api/v1/nothing", 404, "api.not_found"),
        ("an unknown parameter", "/api/v1/blocks?colour=red", 400, "api.unknown_field"),
        ("a height that is none", "/api/v1/blocks/-1", 400, "api.bad_request"),
        ("a future height", "/api/v1/types?at_height=999999", 400, "api.height_in_future"),
        ("an id that is none", "/api/v1/transactions/xyz", 400, "api.bad_request"),
    ] {
        assert_refused(name, &http.get(path), status, code);
    }
}

fn refused_by_the_ledger(http: &Http, author: &Author, network: &Network) {
    let audit = Author::new(network, AUDIT);
    let foreign = Author { issuer: author.issuer, ..Author::new(network, REGULATOR) };
    let changed = |change: fn(&mut Attest)| {
        let mut act = foreign.licence(3, "OTHER");
        change(&mut act);
        foreign.attest(act)
    };
    let cases = [
        ("a role that is missing", audit.attest(audit.licence(3, "AUDIT")), "E106"),
        ("an id twice", author.attest(author.licence(1, "NEW")), "E114"),
        ("an identifier twice", author.attest(author.licence(3, "GOOD")), "E303"),
        ("a citizen's number in a serial", author.attest(author.licence(3, CITIZEN)), "E306"),
        ("an unknown type", changed(|act| act.type_version = 9), "E301"),
        (
            "days in the wrong order",
            changed(|act| act.valid_until = Some("2001-01-01".parse().unwrap())),
            "E307",
        ),
        ("another province", changed(|act| act.region = Region(330_000)), "E118"),
        ("no commitment", changed(|act| act.content = H32::ZERO), "E118"),
        (
            "a wrong check digit",
            changed(|act| {
                let Ident::Plain(text) = &mut act.ident else { return };
                let last = text.pop().expect("a check digit");
                text.push(if last == '0' { '1' } else { '0' });
            }),
            "E305",
        ),
        ("the future", changed(|act| act.occurred_at.0 += 3_600_000), "E112"),
    ];
    for (name, bytes, code) in &cases {
        assert_refused(name, &http.submit(bytes), 422, code);
    }
}

// --- Strangers -----------------------------------------------------------------------------------

/// A peer that speaks the protocol, knows the ledger and has a key that is not registered: the node
/// drops it after the handshake, says why in its log, and nothing is ever exchanged.
fn strangers(network: &Network) {
    let province = &network.provinces[0];
    let node = NodeKey(*province.key("node").public().as_bytes());
    let address: Address = format!("127.0.0.1:{}", province.p2p).parse().expect("an address");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let reason = runtime.block_on(async {
        let (_allowed, watched) = tokio::sync::watch::channel(BTreeSet::from([node]));
        let config = NetworkConfig {
            secret: NodeSecret::new([42; 32]),
            listen: "127.0.0.1:0".parse().expect("an address"),
            peers: vec![(node, vec![address])],
            chain: network.chain(),
            region: Region(310_000),
            limits: Limits::default(),
        };
        let (links, mut events) = Links::start(config, watched).await.expect("a network");
        let first = tokio::time::timeout(SOON, events.recv()).await.expect("refused soon");
        let reason = match first.expect("the network runs") {
            NetworkEvent::Refused { reason, .. } => reason,
            event => panic!("a stranger got {event:?}"),
        };
        assert!(links.connected().is_empty());
        links.shutdown().await;
        reason
    });
    assert_eq!(reason, Refusal::Declined);
    let key = NodeSecret::new([42; 32]).key().to_string();
    wait_for("the node names the stranger", SOON, || {
        let log = network.provinces[0].node.as_ref().expect("runs").log();
        let named = |line: &&str| line.contains("not registered") && line.contains(&key);
        log.lines().find(named).map(|_| ())
    });
    let told = province.http().json("/api/v1/node")["refused_connections"].to_string();
    assert!(told.contains(&key), "{told}");
}

// --- Another ledger ------------------------------------------------------------------------------

/// The same provinces with the same keys found a second ledger; one node is started with it. Both
/// sides say what is wrong, and the others go on. On the data of the first it does not even start.
fn another_ledger(network: &mut Network) {
    let other = network.scratch.join("other.json");
    let created = ["--created", "2026-01-01"];
    let hash = ceremony(network.scratch.path(), &network.provinces, &other, &created);
    assert_ne!(hash, network.hash);
    let (first, network_hash) = (network.genesis.clone(), network.hash.clone());
    let province = network.province("340000");
    province.node.take().expect("runs").stop();

    let home = province.home.clone();
    replace_genesis(province, &other);
    province.start();
    let status = province.node().wait_end();
    let log = province.node().log();
    assert!(!status.success(), "{log}");
    let named = |line: &str| line.contains(&network_hash) && line.contains(&hash);
    assert!(log.lines().any(named), "both ledgers are named: {log}");
    province.node = None;
    replace_genesis(province, &first);

    // With a folder of its own it starts, and is alone.
    std::fs::rename(home.join("store"), home.join("store-of-the-first")).expect("a store");
    replace_genesis(province, &other);
    province.start();
    province.node().wait_alive();
    let says = |log: String, theirs: &str| {
        log.lines().any(|line| line.contains("another genesis") && line.contains(theirs))
    };
    wait_for("the wrong node says so", SOON, || {
        says(network.province("340000").node().log(), &network_hash).then_some(())
    });
    wait_for("the others say so", SOON, || {
        says(network.province("310000").node().log(), &hash).then_some(())
    });
    wait_for("its status says so", SOON, || {
        let node = network.province("310000").http().json("/api/v1/node");
        let peers = node["peers"].as_array().cloned().unwrap_or_default();
        let wrong = peers.iter().find(|peer| peer["region"] == 340_000)?;
        wrong["refusal"].as_str().filter(|text| text.contains("another genesis")).map(|_| ())
    });
    let peers = network.province("340000").http().json("/api/v1/node");
    let connected = |peer: &&Value| peer["connected"] == true;
    assert_eq!(peers["peers"].as_array().expect("peers").iter().filter(connected).count(), 0);
    assert_eq!(peers["chain"], hash.as_str());
    let author = Author::new(network, REGULATOR);
    let applied = network.provinces[0].http().submit(&author.attest(author.licence(4, "FOUR")));
    assert_eq!(applied.status, 200, "three go on: {}", applied.text());

    let province = network.province("340000");
    province.node.take().expect("runs").stop();
    std::fs::remove_dir_all(home.join("store")).expect("the other store");
    std::fs::rename(home.join("store-of-the-first"), home.join("store")).expect("a store");
    replace_genesis(province, &first);
    province.start();
    province.node().wait_ready();
    network.assert_agreement();
}

fn replace_genesis(province: &Province, genesis: &PathBuf) {
    std::fs::copy(genesis, province.home.join("genesis.json")).expect("a genesis");
}

// --- Damaged files -------------------------------------------------------------------------------

/// One bit of a stored block: the node does not start, and says which file, which height, and what
/// helps; then that is done, and it has the same ledger as the others.
fn damaged_blocks(network: &mut Network) {
    let province = network.province("330000");
    province.node.take().expect("runs").stop();
    let folder = province.home.join("store/blocks");
    let listed = std::fs::read_dir(&folder).expect("block files");
    let mut files: Vec<PathBuf> = listed.map(|entry| entry.expect("a file").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
    let file = files.first().expect("a segment").clone();
    let sound = std::fs::read(&file).expect("a block file");
    let mut broken = sound.clone();
    let place = sound.len() / 3;
    broken[place] ^= 1;
    std::fs::write(&file, &broken).expect("a damaged file");
    province.start();
    let status = province.node().wait_end();
    let log = province.node().log();
    let name = file.file_name().expect("a name").to_string_lossy().into_owned();
    let said = log.lines().rev().find(|line| line.contains(&name));
    let said = said.unwrap_or_else(|| panic!("the file is not named ({status}):\n{log}"));
    assert_eq!(status.code(), Some(3), "{log}");
    assert!(log.contains("cli.blocks_damaged") && log.contains("hefu store refetch"), "{log}");
    assert!(said.contains(&folder.display().to_string()) && said.contains(", byte "), "{said}");
    assert!(said.contains(", block "), "the height is not named: {said}");
    assert!(province.http().try_get("/livez").is_none(), "nothing is served");
    province.node = None;

    // Nor does a rebuild of the index hide it.
    let rebuilt = province.hefu(&["store", "rebuild"]).run();
    assert_ne!(rebuilt.code, Some(0), "{}", rebuilt.report());
    rebuilt.exits(3).fault("cli.blocks_damaged").fault(&name);
    let audited = province.hefu(&["audit", "verify", "--from-genesis"]).run().exits(3);
    let audited = audited.fault("cli.audit_failed").json();
    assert_eq!(
        (&audited["sound"], &audited["findings"][0]["step"]),
        (&false.into(), &"frame".into())
    );
    let looked = province.hefu(&["doctor"]).run().exits(3).fault("cli.blocks_damaged");
    let rows = looked.json();
    let row =
        rows["items"].as_array().and_then(|rows| rows.iter().find(|r| r["check"] == "blocks"));
    let row = row.unwrap_or_else(|| panic!("{rows:#}"));
    assert_eq!(row["result"], "failed");
    assert!(row["detail"].as_str().is_some_and(|detail| detail.contains(&name)), "{row}");

    refetch(network, &broken);
}

/// The remedy that the node named.
fn refetch(network: &mut Network, broken: &[u8]) {
    // Not on a node that runs, and not without a word.
    let running = network.province("310000");
    running.hefu(&["store", "refetch", "--yes"]).run().exits(7).fault("cli.node_runs");
    let sound = running.hefu(&["doctor"]).run().exits(0);
    assert!(sound.stdout.contains("sound up to height"), "{}", sound.report());
    // Beside a node that runs, an audit only reads: all of it, and a sample.
    let audit = running.hefu(&["audit", "verify", "--from-genesis"]).json();
    let report = &audit["report"];
    assert_eq!(
        (&audit["sound"], &report["checked_to"]),
        (&true.into(), &report["height"]),
        "{audit:#}"
    );
    let confident =
        ["audit", "verify", "--confidence", "99%", "--share", "5%", "--seed", &"5a".repeat(32)];
    let sample = running.hefu(&confident).json();
    assert_eq!((&sample["sound"], &sample["mode"]), (&true.into(), &"sample".into()), "{sample:#}");
    assert!(sample["sample"]["confidence"].as_f64().is_some_and(|sure| sure >= 0.99), "{sample:#}");
    running.hefu(&["audit", "verify"]).run().exits(2);
    let province = network.province("330000");
    let store = province.home.join("store");
    province.hefu(&["store", "refetch"]).run().exits(7).fault("cli.needs_terminal");
    refetch_is_not_done(province);
    assert!(store.join("blocks").is_dir(), "nothing was done");

    let done = province.hefu(&["store", "refetch", "--yes"]).json();
    assert!(done["damage"].as_str().is_some_and(|damage| damage.contains(", byte ")), "{done:#}");
    let aside = PathBuf::from(done["set_aside"].as_str().expect("a folder"));
    let kept = std::fs::read_dir(aside.join("blocks")).expect("the blocks").flatten();
    let mut kept = kept.filter_map(|entry| std::fs::read(entry.path()).ok());
    assert!(kept.any(|bytes| bytes == broken), "the damaged file is kept");
    assert!(!store.join("blocks").exists() && store.join("wal/wal-0.log").is_file());
    assert!(!store.join("index-fjall").exists() && aside.join("index-fjall").is_dir());

    province.start();
    province.node().wait_ready();
    network.assert_agreement();
    let province = network.province("330000");
    let log = province.node().log();
    let said = log.lines().filter(|line| line.contains("blocks") && line.contains("other nodes"));
    assert_eq!(said.count(), 2, "how far the fetching is, and its end: {log}");
    province.hefu(&["doctor"]).run().exits(0);
}

/// Somebody at a terminal says no; and a store without its consensus log is left alone.
fn refetch_is_not_done(province: &Province) {
    let (home, code) = (province.home.display(), "cli.canceled");
    let line = format!("{} store refetch --data-dir {home} --lang en", crate::harness::PROGRAM);
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = script.spawn().expect("script(1) of util-linux");
    child.stdin.take().expect("a pipe").write_all(b"n\n").expect("an answer");
    let ended = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&ended.stdout);
    assert_eq!(ended.status.code(), Some(7), "{said}");
    assert!(said.contains("[y/N]") && said.contains(code), "{said}");

    let (log, away) = (province.home.join("store/wal"), province.home.join("wal-away"));
    std::fs::rename(&log, &away).expect("the log");
    let refused = province.hefu(&["store", "refetch", "--yes"]).run().exits(7);
    refused.fault("cli.log_missing");
    let _ = std::fs::remove_dir_all(&log);
    std::fs::rename(&away, &log).expect("the log");
}
