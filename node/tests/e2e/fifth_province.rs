//! A fifth province joins four that run, by vote and through the command line alone; then a
//! validator's key is replaced, and a validator is taken away. What was recorded before, between
//! and after is proven with the genesis hash alone. Then the suspended province is reinstated, one moves
//! its node to another address and key, and one that lost its governors gets new ones.

use std::sync::atomic::{AtomicU32, Ordering};

use hefu_node::core::StoredBlock;
use hefu_primitives::PublicKey;
use hefu_primitives::capsule::Capsule;
use hefu_primitives::codes::uscc::with_checks;
use hefu_primitives::transparency::receipt::ReceiptKey;
use hefu_primitives::transparency::{ReceiptAlg, TransparentStatement};
use serde_json::Value;

use crate::harness::cli::Hefu;
use crate::harness::network::{Network, Province};
use crate::harness::{SOON, free_port, wait_for};

const REGION: &str = "350000";
/// A made-up data administration of Fujian.
const OPERATOR: &str = "11350000HEFU05011D";

#[test]
fn a_fifth_province_joins_keys_change_and_a_validator_goes() {
    let mut network = Network::start("fifth");
    let before = act(&network.provinces[1]);
    assert_eq!(follows(&network, 1, &[])["set_changes"], 0);
    join(&mut network);
    let joined = prove(&network);
    sees_vote_of(&network, "350000");
    rotate(&mut network);
    let between = act(&network.provinces[4]);
    let own = act(&network.provinces[3]);
    let statement = receipts_of(&network, &own);
    rotate_cosigner(&network);
    leaves(&network);
    retire(&network.provinces[3]);
    let after = act(&network.provinces[4]);
    too_early(&network);
    returns(&network);
    moves(&mut network);
    recovers(&network);
    network.assert_agreement();
    receipts_hold(&network, &statement);
    corpus_holds(&network, "1134");
    let also = format!("http://127.0.0.1:{}", network.provinces[4].api);
    let followed = follows(&network, 2, &["--also", &also]);
    // The newcomer, a new key, one fewer and that one back: each change is passed through.
    assert!(followed["set_changes"].as_u64().is_some_and(|n| n >= 4), "{followed}");
    assert_eq!(followed["agreeing"][0], also.as_str());
    assert_eq!(followed["validators"].as_array().map(Vec::len), Some(5), "{followed}");
    for (name, tx) in
        [("before", before), ("joined", joined), ("between", between), ("after", after)]
    {
        let file = network.scratch.join(format!("{name}.hefu"));
        network.provinces[2].hefu(&["tx", "evidence", &tx, "--out"]).arg(&file).run().exits(0);
        let verify = Hefu::new(network.scratch.path()).arg("verify").arg(&file);
        verify.args(["--genesis", &network.hash]).run().exits(0);
    }
}

/// The transaction with a receipt of each founder in both algorithms; the newcomer has bound no
/// cosigning key.
fn receipts_of(network: &Network, tx: &str) -> TransparentStatement {
    let http = network.provinces[1].http();
    wait_for("receipts of four provinces", SOON, || {
        let answer = http.get(&format!("/api/v1/transactions/{tx}/receipt?alg=both"));
        let statement = TransparentStatement::decode(&answer.body).ok()?;
        (statement.receipts().len() == 8).then_some(statement)
    })
}

/// Zhejiang cosigns with another key from now on; the old one is accepted no more.
fn rotate_cosigner(network: &Network) {
    let zhejiang = &network.provinces[2];
    let rotate = zhejiang.hefu(&["key", "rotate", "cosigner", "--new", "cosigner-2"]);
    rotate.args(["--overlap-days", "0"]).run().exits(0);
    let old = zhejiang.key("cosigner").public();
    // Without an overlap it ends with the block: the next one sees it gone.
    act(&network.provinces[0]);
    wait_for("the old key is accepted no more", SOON, || {
        let cosigners = zhejiang.http().json("/api/v1/log/cosigners").to_string();
        (!cosigners.contains(&old.id().to_string())).then_some(())
    });
}

/// Receipts verify with the keys that the ledger still has on record, accepted or not.
fn receipts_hold(network: &Network, statement: &TransparentStatement) {
    let http = network.provinces[1].http();
    let mut signers = std::collections::BTreeSet::new();
    for receipt in statement.receipts() {
        let claims = receipt.claims();
        let record = http.json(&format!("/api/v1/keys/{}", claims.key));
        let key: PublicKey = serde_json::from_value(record["record"]["key"].clone())
            .unwrap_or_else(|error| panic!("{error}: {record}"));
        if claims.alg == ReceiptAlg::EdDsa {
            receipt.verify(statement.leaf(), &ReceiptKey::EdDsa(key)).expect("a receipt");
            signers.insert(claims.key);
        }
    }
    assert_eq!(signers.len(), 4);
    for province in [2, 3] {
        let old = network.provinces[province].key("cosigner").id();
        assert!(signers.contains(&old), "a key that has gone since is among them");
    }
}

/// Anhui is no validator any more; now its keys go too.
fn retire(anhui: &Province) {
    anhui.hefu(&["key", "revoke", "cosigner", "--reason", "ceased", "--yes"]).run().exits(0);
    let rotate = anhui.hefu(&["key", "rotate", "governor-1", "--new", "governor-1b"]);
    rotate.args(["--overlap-days", "0"]).run().exits(0);
}

/// Every transaction there is, proven with the genesis hash alone; among them those of authorities
/// whose codes begin like this.
fn corpus_holds(network: &Network, gone: &str) {
    let http = network.provinces[1].http();
    let chain = network.hash.parse().expect("a hash");
    let (mut all, mut of_gone) = (0, 0);
    for height in 1..=http.height().expect("a height") {
        let block = http.json(&format!("/api/v1/blocks/{height}"));
        for recorded in block["transactions"].as_array().expect("a list") {
            if recorded["result"]["applied"].is_null() {
                continue;
            }
            let tx = text(recorded, "tx");
            let bytes = http.get(&format!("/api/v1/transactions/{tx}/evidence")).body;
            let capsule =
                Capsule::from_file(&bytes).unwrap_or_else(|error| panic!("{tx}: {error}"));
            let verified = capsule.verify(chain).unwrap_or_else(|error| panic!("{tx}: {error}"));
            all += 1;
            of_gone += usize::from(verified.transaction.claims().issuer.as_str().starts_with(gone));
        }
    }
    assert!(of_gone > 3 && all > 2 * of_gone, "{of_gone} of {all}");
}

/// A light client, which keeps what it believes from one call to the next, over the node of a
/// province.
fn follows(network: &Network, province: usize, more: &[&str]) -> Value {
    let file = network.scratch.join("ledger.light");
    let light = network.provinces[province].hefu(&["light"]).arg(file);
    light.args(["--genesis", &network.hash]).args(more).json()
}

fn text(answer: &Value, name: &str) -> String {
    let found = answer[name].as_str();
    found.unwrap_or_else(|| panic!("{name} in {answer}")).to_owned()
}

/// An act of a province's own governors, each another: the transaction that completed it.
fn act(province: &Province) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1_000);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let code = with_checks(&format!("11{}HEFU{number}", province.region)).expect("a code");
    let register = province.hefu(&["authority", "register", code.as_str(), "--level", "3"]);
    text(&register.args(["--name", "示例机关(虚构)"]).json(), "tx")
}

/// From the request to the approval; the newcomer's node runs and has caught up at the end.
fn join(network: &mut Network) {
    let home = network.scratch.join(REGION);
    std::fs::create_dir(&home).expect("a home");
    let region = "350000";
    let newcomer = Province { region, home, p2p: free_port(), api: free_port(), node: None };
    let file = network.scratch.join("join.json");
    let address = format!("127.0.0.1:{}", newcomer.p2p);
    let request = newcomer.hefu(&["member", "join-request", "--province", REGION]);
    let request = request.args(["--operator", OPERATOR, "--operator-name", "福建示例数据局(虚构)"]);
    request.args(["--address", &address, "--out"]).arg(&file).run().exits(0);
    let written = std::fs::read_to_string(&file).expect("the request");
    assert!(written.contains("admit_member") && !written.contains("secret"), "{written}");

    let [shanghai, jiangsu, zhejiang, _] = &network.provinces[..] else { panic!("four") };
    let looked = shanghai.hefu(&["proposal", "preflight", "--file"]).arg(&file).json();
    assert_eq!((&looked["possible"], &looked["needed"]), (&true.into(), &3.into()), "{looked}");
    let proposed = shanghai.hefu(&["member", "propose"]).arg(&file).json();
    let proposal = text(&proposed, "proposal");
    // Approved by three; until then its node is a stranger.
    for voter in [jiangsu, zhejiang] {
        voter.hefu(&["proposal", "vote", &proposal, "yes"]).run().exits(0);
    }
    let member = shanghai.hefu(&["member", "show", REGION]).json();
    assert_eq!(member["record"]["state"], "approved", "{member}");
    let looked = shanghai.hefu(&["proposal", "preflight", "--join", REGION]).json();
    assert_eq!(looked["then"]["validators"].as_array().map(Vec::len), Some(5), "{looked}");

    let init = newcomer.hefu(&["init", "--province", REGION, "--genesis"]).arg(&network.genesis);
    let api = format!("127.0.0.1:{}", newcomer.api);
    let init = init.args(["--p2p-listen", &address, "--api-listen", &api, "--open-reading"]);
    init.run().exits(0);
    network.provinces.push(newcomer);
    network.province(REGION).start();
    network.province(REGION).node().wait_alive();
    network.settle();
}

/// The newcomer proves its keys through its own node, and is the fifth validator.
fn prove(network: &Network) -> String {
    let proven = network.provinces[4].hefu(&["member", "prove"]).json();
    let member = network.provinces[0].hefu(&["member", "show", REGION]).json();
    assert_eq!(member["record"]["state"], "active", "{member}");
    decided_by(network, 5);
    text(&proven, "tx")
}

/// Waits until so many validators decide the next height at every node.
fn decided_by(network: &Network, count: usize) {
    act(&network.provinces[0]);
    for province in &network.provinces {
        wait_for(&format!("{count} validators at {}", province.region), SOON, || {
            let answer = province.http().json("/api/v1/validators");
            let sets = ["validators", "next"].map(|set| answer[set].as_array().map(Vec::len));
            (sets == [Some(count); 2]).then_some(())
        });
    }
}

/// Waits until a province's vote stands in a certificate. A quorum is enough for one, so the
/// slowest is not in every one of them: acts go on until it is.
fn sees_vote_of(network: &Network, region: &str) {
    let validators = network.provinces[0].http().json("/api/v1/validators")["validators"].clone();
    let validators = validators.as_array().expect("a list");
    let place = validators.iter().position(|v| v["region"].to_string().contains(region));
    let place = place.expect("a validator");
    let mut number = 0;
    wait_for(&format!("a vote of {region}"), SOON, || {
        number += 1;
        act(&network.provinces[number % 4]);
        let http = network.provinces[0].http();
        let raw = http.get(&format!("/api/v1/blocks/{}/raw", http.height()?)).body;
        let stored = StoredBlock::decode(&raw).expect("a block");
        let voted = stored.certificate.signatures.iter().any(|s| usize::from(s.index) == place);
        voted.then_some(())
    });
}

/// Shanghai's validator key is replaced while its node runs: the node holds the new one already.
fn rotate(network: &mut Network) {
    network.provinces[0].hefu(&["key", "new", "validator-2"]).run().exits(0);
    let shanghai = network.province("310000");
    shanghai.node.take().expect("runs").stop();
    shanghai.start();
    shanghai.node().wait_ready();
    let key = shanghai.key("validator-2").public();
    let rotated = shanghai.hefu(&["member", "rotate-validator"]).json();
    assert_eq!(rotated["region"].to_string(), "310000", "{rotated}");
    decided_by(network, 5);
    let validators = network.provinces[3].http().json("/api/v1/validators");
    assert!(validators["validators"].to_string().contains(&key.to_string()), "{validators}");
    sees_vote_of(network, "310000");
}

/// The others suspend Anhui in full: four validators are left, and no fewer are possible.
fn leaves(network: &Network) {
    let evidence = network.scratch.join("evidence.txt");
    std::fs::write(&evidence, "minutes of the meeting").expect("a file");
    let suspend = |region: &str| {
        let suspend = network.provinces[0].hefu(&["member", "suspend", region, "--reason", "1"]);
        suspend.args(["--extent", "full", "--evidence"]).arg(&evidence)
    };
    // Each governor runs the same command; the second one completes what the first began.
    let first = suspend("340000").args(["--key", "governor-1"]).run().exits(8).json();
    let second = suspend("340000").args(["--key", "governor-2"]).run().exits(0).json();
    let proposal = text(&second, "proposal");
    assert_eq!(text(&first, "proposal"), proposal);
    suspend("340000").run().fault("cli.conflict");
    for voter in [1, 4] {
        network.provinces[voter].hefu(&["proposal", "vote", &proposal, "yes"]).run().exits(0);
    }
    decided_by(network, 4);
    suspend("330000").run().exits(7).fault("E214");
    let refused = network.provinces[3].hefu(&["authority", "suspend", "11340000HEFU04027M"]);
    refused.args(["--reason", "1"]).run().exits(6).fault("E210");
}

/// Expulsion comes after thirty days of suspension, leaving ninety days after notice: both are
/// refused before, and change nothing.
fn too_early(network: &Network) {
    let (shanghai, fujian) = (&network.provinces[0], &network.provinces[4]);
    let evidence = network.scratch.join("evidence.txt");
    let expel = shanghai.hefu(&["member", "expel", "340000", "--reason", "7", "--evidence"]);
    expel.arg(&evidence).run().exits(6).fault("E117");
    let expel = shanghai.hefu(&["member", "expel", "330000", "--reason", "7", "--evidence"]);
    expel.arg(&evidence).run().exits(6).fault("E215");
    fujian.hefu(&["member", "leave", "--yes"]).run().exits(6).fault("E215");
    let state = |region: &str| {
        let member = shanghai.hefu(&["member", "show", region]).json();
        member["record"]["state"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!((state("340000").as_str(), state("350000").as_str()), ("suspended_full", "active"));
    // Asked before what cannot be undone; without a terminal nothing is done.
    fujian.hefu(&["member", "notice"]).run().exits(7).fault("cli.needs_terminal");
    fujian.hefu(&["member", "notice", "--yes"]).run().exits(0);
    network.settle();
    assert_eq!(state("350000"), "leaving");
    fujian.hefu(&["member", "leave", "--yes"]).run().exits(6).fault("E117");
}

/// Anhui is reinstated by the others, and decides again.
fn returns(network: &Network) {
    let reinstate = network.provinces[0].hefu(&["member", "reinstate", "340000"]).json();
    pass(network, &text(&reinstate, "proposal"), &[1, 2]);
    decided_by(network, 5);
    let member = network.provinces[1].hefu(&["member", "show", "340000"]).json();
    assert_eq!(member["record"]["state"], "active", "{member}");
    act(&network.provinces[3]);
}

/// Votes of these provinces, each of which has what was proposed.
fn pass(network: &Network, proposal: &str, voters: &[usize]) {
    network.settle();
    for voter in voters {
        network.provinces[*voter].hefu(&["proposal", "vote", proposal, "yes"]).run().exits(0);
        network.settle();
    }
}

/// Jiangsu's node moves: another port, another key. The others know both from the ledger alone.
fn moves(network: &mut Network) {
    let jiangsu = network.province("320000");
    jiangsu.hefu(&["key", "new", "node-2"]).run().exits(0);
    let (before, port) = (format!("127.0.0.1:{}", jiangsu.p2p), free_port());
    let now = format!("127.0.0.1:{port}");
    let moved = jiangsu.hefu(&["member", "set-node", "--address", &now, "--new", "node-2"]).json();
    assert_eq!(moved["region"].to_string(), "320000", "{moved}");
    let file = jiangsu.home.join("hefu.toml");
    let settings = std::fs::read_to_string(&file).expect("the settings").replace(&before, &now);
    assert!(settings.contains(&now) && !settings.contains("[keystore]"), "{settings}");
    std::fs::write(&file, format!("{settings}\n[keystore]\nnode = \"node-2\"\n"))
        .expect("settings");
    jiangsu.node.take().expect("runs").stop();
    jiangsu.p2p = port;
    jiangsu.start();
    jiangsu.node().wait_ready();
    let key = jiangsu.key("node-2").public().to_string();
    act(&network.provinces[1]);
    let member = network.provinces[4].hefu(&["member", "show", "320000"]).json();
    assert_eq!(member["record"]["addresses"], serde_json::json!([now]), "{member}");
    assert_eq!(member["record"]["node_key"], key.as_str(), "{member}");
    network.assert_agreement();
}

/// Zhejiang lost its governors: the others put three new ones in their place, who act at once; the
/// old ones are nobody.
fn recovers(network: &Network) {
    let (shanghai, zhejiang) = (&network.provinces[0], &network.provinces[2]);
    let file = network.scratch.join("recover.json");
    zhejiang.hefu(&["member", "recovery-request", "--out"]).arg(&file).run().exits(0);
    let written = std::fs::read_to_string(&file).expect("the request");
    assert!(written.contains("replace_governors") && !written.contains("secret"), "{written}");
    let proposed = shanghai.hefu(&["member", "propose"]).arg(&file).json();
    pass(network, &text(&proposed, "proposal"), &[1, 3]);
    let member = shanghai.hefu(&["member", "show", "330000"]).json();
    let governors = member["record"]["governors"].to_string();
    for (label, governs) in [("governor-new-1", true), ("governor-1", false)] {
        let id = zhejiang.key(label).public().id().to_string();
        assert_eq!(governors.contains(&id), governs, "{label}: {member}");
    }
    act(zhejiang);
    let code = with_checks("11330000HEFU1999").expect("a code");
    let old = zhejiang.hefu(&["authority", "register", code.as_str(), "--level", "3"]);
    let old = old.args(["--name", "示例机关(虚构)", "--key", "governor-1"]);
    old.run().exits(4).fault("cli.no_key");
}
