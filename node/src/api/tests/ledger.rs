//! One network, asked everything: what is submitted, refused, listed, proven, streamed.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

use hefu_contracts::Act;
use hefu_contracts::certificate::{ATTESTATIONS, Attestation, RevocationKind, RevokeAttestation};
use hefu_primitives::capsule::Capsule;
use hefu_primitives::codec::Canonical;
use hefu_primitives::log::{ConsistencyProof, InclusionProof, LogHead};
use hefu_primitives::time::Day;
use hefu_primitives::{H32, Id16, SignedTransaction};
use serde_json::Value;

use super::network::{Client, Network, PATIENCE, fresh, licence, serve};
use crate::api::{ReadAccess, TokenHash};
use crate::runtime::wall_clock;

const COSE: &str = "application/cose";
const SEQUENCE: &str = "application/cbor-seq";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_ledger_over_http() {
    let network = Network::start().await;
    submitting(&network).await;
    submitting_many(&network).await;
    refusals(&network).await;
    reading(&network).await;
    listing(&network).await;
    blocks_and_caching(&network).await;
    proving(&network).await;
    streaming(&network).await;
    watching(&network).await;
    access(&network).await;
    without_quorum(network).await;
}

fn attest(network: &Network, number: u8) -> SignedTransaction {
    let issuer = network.issuer(0);
    network.sign(issuer, &[Act::from(licence(issuer, number))])
}

async fn submitting(network: &Network) {
    let tx = attest(network, fresh());
    let applied = network.client(0).submit(&tx).await;
    assert_eq!(applied.status, 200, "{applied:?}");
    let applied = applied.json();
    assert_eq!(
        (&applied["status"], &applied["tx"]),
        (&"applied".into(), &tx.id().to_string().into())
    );
    let event = &applied["events"][0];
    assert_eq!(event["kind"], "attested");
    assert_eq!(event["id"], format!("{}.0", applied["height"].as_str().unwrap()));
    // Again, elsewhere: the same outcome.
    let service = &network.provinces[1].running.service;
    let height = applied["height"].as_str().unwrap().parse().unwrap();
    tokio::time::timeout(PATIENCE, service.wait_height(height)).await.unwrap();
    let again = network.client(1).submit(&tx).await;
    assert_eq!((again.status, again.json()), (200, applied));
    // Without waiting, and the outcome later.
    let tx = attest(network, fresh());
    let handed = network.client(0).post("?wait=false", COSE, tx.as_bytes()).await;
    assert_eq!((handed.status, handed.json()["status"].as_str()), (202, Some("submitted")));
    let found = network.client(0).until(200, &format!("/api/v1/transactions/{}", tx.id())).await;
    assert_eq!(found.json()["acts"][0]["act"], "attest");
    assert_eq!(found.json()["complete"], true);
}

/// Every transaction of a request is answered for itself.
async fn submitting_many(network: &Network) {
    let number = fresh();
    let good = [attest(network, number), attest(network, fresh())];
    let mut forged = attest(network, fresh()).as_bytes().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    let no_transaction = vec![0x01];
    let body = [good[0].as_bytes(), &forged, good[1].as_bytes(), &no_transaction].concat();
    let client = network.client(0);
    let answer = client.post("/many", SEQUENCE, &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let items = answer.json()["items"].clone();
    let of = |place: usize, field: &str| items[place][field].as_str().map(ToOwned::to_owned);
    let statuses: Vec<_> = (0..4).map(|place| of(place, "status").unwrap()).collect();
    assert_eq!(statuses, ["applied", "refused", "applied", "refused"]);
    assert_eq!(of(0, "tx"), Some(good[0].id().to_string()));
    assert!(of(2, "height").is_some() && of(2, "leaf").is_some());
    assert_eq!((of(1, "code"), of(1, "height")), (Some("E102".into()), None));
    assert_eq!(of(3, "code"), Some("E101".into()));
    // What the ledger refused has a height, too; the same bytes again have the same outcome.
    let again = attest(network, number);
    assert_ne!(again.id(), good[0].id());
    let body = [again.as_bytes(), good[0].as_bytes()].concat();
    let answer = client.post("/many", SEQUENCE, &body).await.json();
    assert_eq!(answer["items"][0]["status"], "refused");
    assert!(answer["items"][0]["height"].is_string());
    assert_eq!(answer["items"][1], items[0]);
    for (body, status, code) in [
        (&b""[..], 400, "api.bad_request"),
        (&[0x82, 0x01], 400, "api.bad_request"),
        (&[0x01; 1_025], 413, "api.too_large"),
    ] {
        let answer = client.post("/many", SEQUENCE, body).await;
        assert_eq!(answer.problem(), (status, code.to_owned()));
    }
    let wrong = client.post("/many", COSE, good[0].as_bytes()).await;
    assert_eq!(wrong.problem(), (400, "api.bad_request".into()));
}

async fn refusals(network: &Network) {
    let client = network.client(0);
    let number = fresh();
    assert_eq!(client.submit(&attest(network, number)).await.status, 200);
    // The same certificate id again is refused on the ledger.
    let tx = attest(network, number);
    let refused = client.submit(&tx).await;
    let json = refused.json();
    assert_eq!(refused.problem().0, 422);
    assert_eq!((json["act"].as_u64(), &json["tx"]), (Some(0), &tx.id().to_string().into()));
    assert!(json["height"].is_string(), "{json}");
    let found = client.read(&format!("/api/v1/transactions/{}", tx.id())).await;
    assert_eq!((&found["status"], &found["code"]), (&"refused".into(), &json["code"]));
    let evidence = client.get(&format!("/api/v1/transactions/{}/evidence", tx.id())).await;
    assert_eq!(evidence.problem(), (404, "api.not_found".into()));
    // Refused at the door: nothing is recorded.
    let mut forged = tx.as_bytes().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    let forged = client.post("", COSE, &forged).await;
    assert_eq!(forged.problem().0, 422);
    for (query, kind, body, status, code) in [
        ("", COSE, &b"no transaction"[..], 422, "E101"),
        ("", COSE, &[], 422, "E101"),
        ("", COSE, &[0; 65_536], 413, "api.too_large"),
        ("", "application/json", b"{}", 400, "api.bad_request"),
        ("?wiat=true", COSE, b"", 400, "api.unknown_field"),
        ("?timeout_ms=60001", COSE, b"", 400, "api.bad_request"),
    ] {
        let answer = client.post(query, kind, body).await;
        assert_eq!(answer.problem(), (status, code.to_owned()));
    }
    for (path, status, code) in [
        ("/nothing", 404, "api.not_found"),
        ("/api/v1/keys/12", 400, "api.bad_request"),
        ("/api/v1/members/999999", 404, "api.not_found"),
        ("/api/v1/keys?limit=0", 400, "api.bad_request"),
        ("/api/v1/keys?limit=501", 400, "api.bad_request"),
        ("/api/v1/keys?cursor=00", 400, "api.bad_request"),
        ("/api/v1/keys?sort=asc", 400, "api.unknown_field"),
        ("/api/v1/node?x=1", 400, "api.unknown_field"),
        ("/api/v1/members?at_height=99999999", 400, "api.height_in_future"),
        ("/api/v1/blocks/0", 404, "api.not_found"),
        ("/api/v1/blocks/99999999", 404, "api.not_found"),
        ("/api/v1/log/proof", 400, "api.bad_request"),
        ("/api/v1/log/proof?leaf=1&size=999999999", 400, "api.height_in_future"),
    ] {
        assert_eq!(client.get(path).await.problem(), (status, code.to_owned()), "{path}");
    }
    let unproven = format!("/api/v1/transactions/{}/evidence?records=ab00", tx.id());
    assert_eq!(client.get(&unproven).await.problem(), (400, "api.bad_request".into()));
}

async fn reading(network: &Network) {
    let client = network.client(0);
    let (issuer, number) = (network.issuer(0), fresh());
    let id = Id16([number; 16]);
    let applied = client.submit(&attest(network, number)).await.json();
    let height: u64 = applied["height"].as_str().unwrap().parse().unwrap();
    let path = format!("/api/v1/certificates/{id}");
    let answer = client.read(&path).await;
    let record: Attestation = serde_json::from_value(answer["record"].clone()).unwrap();
    assert_eq!((record.id, record.issuer), (id, issuer.code));
    assert_eq!(answer["status"]["status"], "active");
    assert_eq!(answer["written_height"], height.to_string());
    assert_eq!(answer["proven"], true);
    // Bi-temporal: revoked from today, as known now and before.
    let revoke = RevokeAttestation {
        id,
        kind: RevocationKind::Deregister,
        effective: Day::of_beijing(wall_clock()),
        retroactive: false,
        reason: 1,
        evidence: None,
        occurred_at: wall_clock(),
    };
    let revoked = client.submit(&network.sign(issuer, &[Act::from(revoke)])).await;
    assert_eq!(revoked.status, 200, "{revoked:?}");
    let now = client.read(&format!("{path}/status")).await;
    assert_eq!((&now["status"], &now["flags"]), (&"revoked".into(), &Value::Array(vec![])));
    assert_eq!(now["deciding_change"]["stamp"]["height"], revoked.json()["height"]);
    let before = client.read(&format!("{path}/status?at_height={height}")).await;
    assert_eq!(before["status"], "active");
    assert_eq!(before["known_at_height"], height.to_string());
    assert!(before["deciding_change"].is_null());
    let earlier = client.read(&format!("{path}/status?day=2020-01-01")).await;
    assert_eq!(earlier["status"], "not_yet_valid");
    let unknown = client.get(&format!("{path}?at_height={}", height - 1)).await;
    assert_eq!(unknown.problem().0, 404);
    let old = client.read(&format!("{path}?at_height={height}")).await;
    assert_eq!(old["record"]["changes"], Value::Array(vec![]));
    assert_eq!(old["height"], height.to_string());
    assert_eq!(
        old["state_root"],
        client.read(&format!("/api/v1/blocks/{height}")).await["state_root"]
    );
    // By its identifier.
    let identifier = record.ident;
    let hefu_contracts::certificate::Ident::Plain(identifier) = identifier else { panic!() };
    let found = client.read(&format!("/api/v1/certificates?identifier={identifier}")).await;
    assert_eq!(found["items"][0]["record"]["id"], id.to_string());
    let none = client.read("/api/v1/certificates?identifier=none").await;
    assert_eq!((&none["items"], &none["complete"]), (&Value::Array(vec![]), &true.into()));
}

async fn listing(network: &Network) {
    let client = network.client(0);
    for _ in 0..5 {
        assert_eq!(client.submit(&attest(network, fresh())).await.status, 200);
    }
    let issuer = network.issuer(0).code;
    let path = format!("/api/v1/certificates?issuer={issuer}&limit=2");
    let first = client.read(&path).await;
    let pinned = first["height"].as_str().unwrap().to_owned();
    let (mut items, mut cursor) = (Vec::new(), first["next_cursor"].clone());
    items.extend(first["items"].as_array().unwrap().clone());
    while let Some(next) = cursor.as_str() {
        // The ledger moves on between the pages.
        assert_eq!(client.submit(&attest(network, fresh())).await.status, 200);
        let page = client.read(&format!("{path}&cursor={next}")).await;
        assert_eq!(page["height"], pinned.as_str());
        items.extend(page["items"].as_array().unwrap().clone());
        cursor = page["next_cursor"].clone();
    }
    let whole =
        client.read(&format!("/api/v1/certificates?issuer={issuer}&at_height={pinned}")).await;
    assert_eq!(Value::Array(items.clone()), whole["items"]);
    assert!(items.len() >= 8, "{}", items.len());
    let next = first["next_cursor"].as_str().unwrap();
    for other in ["/api/v1/certificates", "/api/v1/keys", &format!("{path}&type=x")] {
        let joined = if other.contains('?') { '&' } else { '?' };
        let answer = client.get(&format!("{other}{joined}cursor={next}")).await;
        assert_eq!(answer.problem(), (400, "api.bad_request".into()), "{other}");
    }
    // Every list answers, and its first item can be read by itself or not at all.
    for list in [
        "members",
        "authorities",
        "keys",
        "proposals",
        "types",
        "scenarios",
        "calendars",
        "agreements",
        "recognitions",
        "catalogue",
        "requests",
        "grants",
        "receipts",
        "blocks",
        "certificates",
        "audit/events",
    ] {
        let answer = client.read(&format!("/api/v1/{list}?limit=3")).await;
        assert!(answer["items"].is_array() && answer["complete"] == true, "{list}: {answer}");
    }
    let keys = client.read(&format!("/api/v1/keys?owner={issuer}")).await;
    for key in keys["items"].as_array().unwrap() {
        let one = client.read(&format!("/api/v1/keys/{}", key["key_id"].as_str().unwrap())).await;
        assert_eq!(one["record"], key["record"]);
        assert_eq!(one["accepted"], true);
    }
    let authority = client.read(&format!("/api/v1/authorities/{issuer}?at_height=0")).await;
    assert_eq!(authority["record"]["code"], issuer.to_string());
    assert_eq!(authority["state_root"], network.genesis.anchor().state_root.to_string());
    let wanted = format!("/api/v1/audit/events?kind=attested&to_height={pinned}");
    let events = client.read(&format!("{wanted}&limit=2")).await;
    let cursor = events["next_cursor"].as_str().unwrap();
    let more = client.read(&format!("{wanted}&limit=500&cursor={cursor}")).await;
    let ids = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|e| e["subject"].to_string()).collect()
    };
    let all: Vec<String> = ids(&events).into_iter().chain(ids(&more)).collect();
    let unique: std::collections::BTreeSet<&String> = all.iter().collect();
    assert_eq!(unique.len(), all.len());
    assert_eq!(all.len(), items.len(), "one event for each certificate at the pinned height");
}

async fn blocks_and_caching(network: &Network) {
    let client = network.client(0);
    let list = client.read("/api/v1/blocks?limit=2").await;
    let top = &list["items"][0];
    let next = list["next_cursor"].as_str().unwrap();
    let more = client.read(&format!("/api/v1/blocks?limit=2&cursor={next}")).await;
    let height = |item: &Value| item["height"].as_str().unwrap().parse::<u64>().unwrap();
    assert_eq!(height(&more["items"][0]) + 2, height(top));
    let path = format!("/api/v1/blocks/{}", height(top));
    let block = client.get(&path).await;
    assert_eq!(block.json()["block_id"], top["block_id"]);
    assert!(block.header("cache-control").contains("immutable"));
    let tag = block.header("etag").to_owned();
    let same = client.get_with(&path, &[("if-none-match", &tag)]).await;
    assert_eq!((same.status, same.body.len()), (304, 0));
    let by_id = client.get(&format!("/api/v1/blocks/{}", top["block_id"].as_str().unwrap())).await;
    assert_eq!(by_id.json(), block.json());
    let raw = client.get(&format!("{path}/raw")).await;
    let stored = crate::core::StoredBlock::decode(&raw.body).unwrap();
    assert_eq!(stored.block.id().to_string(), top["block_id"].as_str().unwrap());
    let genesis = client.get("/api/v1/genesis/raw").await;
    assert_eq!(genesis.body, network.genesis.as_bytes());
    let genesis = client.read("/api/v1/genesis").await;
    assert_eq!(genesis["chain"], network.genesis.hash().to_string());
}

async fn proving(network: &Network) {
    let client = network.client(0);
    let number = fresh();
    let id = Id16([number; 16]);
    let tx = attest(network, number);
    let applied = client.submit(&tx).await.json();
    let chain = network.genesis.hash();
    let absent = Id16([0xee; 16]).to_string();
    for path in [
        format!("/api/v1/certificates/{id}/evidence"),
        format!("/api/v1/transactions/{}/evidence", tx.id()),
        format!("/api/v1/transactions/{}/evidence?records={}", tx.id(), "22".to_owned() + &absent),
    ] {
        let answer = client.get(&path).await;
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        let capsule = Capsule::from_file(&answer.body).unwrap();
        let verified = capsule.verify(chain).unwrap();
        let said = hefu_contracts::evidence::read(&verified, None).unwrap();
        assert_eq!((said.acts.len(), said.rules.len()), (1, 1), "with whatever records beside");
        assert_eq!(verified.transaction.id(), tx.id());
        let witness = verified.witness.expect("a checkpoint and receipts");
        assert!(witness.head.is_some() && capsule.statement().is_some(), "{path}");
        let status = verified.status.unwrap();
        assert_eq!(answer.header("hefu-height"), status.header.height.to_string());
        assert!(!status.records.is_empty());
        let there = |(key, value): &(Vec<u8>, Option<Vec<u8>>)| {
            value.is_some() != (*key == ATTESTATIONS.key(&Id16([0xee; 16])))
        };
        assert!(status.records.iter().all(there), "{path}");
        if path.contains("certificates") {
            assert_eq!(status.records[0].0, ATTESTATIONS.key(&id));
            let cosigners = witness.cosigners.len();
            assert_eq!(status.records.len(), 3 + cosigners);
        }
    }
    let bare = format!("/api/v1/certificates/{id}/evidence?witness=false");
    let bare = Capsule::from_file(&client.get(&bare).await.body).unwrap();
    assert_eq!(bare.verify(chain).unwrap().witness, None);
    earlier(network, id, chain).await;
    let leaf = applied["leaf"].as_str().unwrap();
    let proof = client.read(&format!("/api/v1/log/proof?leaf={leaf}")).await;
    let number = |value: &Value| value.as_str().unwrap().parse::<u64>().unwrap();
    let root = |value: &Value| value.as_str().unwrap().parse::<H32>().unwrap();
    let inclusion = InclusionProof {
        index: number(&proof["leaf"]),
        size: number(&proof["size"]),
        path: serde_json::from_value(proof["path"].clone()).unwrap(),
    };
    let head = LogHead { size: inclusion.size, root: root(&proof["root"]) };
    assert_eq!(inclusion.verify(hefu_primitives::log::leaf_hash(tx.as_bytes()), head), Ok(()));
    assert_eq!(proof["leaf_hash"], hefu_primitives::log::leaf_hash(tx.as_bytes()).to_string());
    let proof = client.read("/api/v1/log/consistency?old=2").await;
    let consistency = ConsistencyProof {
        old: 2,
        new: number(&proof["new"]),
        path: serde_json::from_value(proof["path"].clone()).unwrap(),
    };
    let old = LogHead { size: 2, root: root(&proof["old_root"]) };
    let new = LogHead { size: consistency.new, root: root(&proof["new_root"]) };
    assert_eq!(consistency.verify(old, new), Ok(()));
    let genesis = client.read("/api/v1/log/proof?leaf=0&size=1").await;
    assert_eq!(genesis["path"], Value::Array(vec![]));
    assert_eq!(Attestation::from_bytes(b"", 8).ok(), None);
}

/// Records, and their absence, at heights of the past.
async fn earlier(network: &Network, id: Id16, chain: hefu_primitives::ChainId) {
    let client = network.client(0);
    let key = "22".to_owned() + &id.to_string();
    let now = client.read(&format!("/api/v1/records/proof?records={key}")).await;
    let written: u64 = client.read(&format!("/api/v1/certificates/{id}")).await["written_height"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let at = |height: u64| format!("/api/v1/records/proof?records={key}&at_height={height}");
    for (height, present) in [(1, false), (written - 1, false), (written, true)] {
        let proven = client.read(&at(height)).await;
        assert_eq!(proven["height"], height.to_string());
        assert_eq!(proven["records"][0]["value"].is_string(), present, "{height}");
        let proof: hefu_primitives::map::MapProof =
            serde_json::from_value(proven["records"][0]["proof"].clone()).unwrap();
        let root: H32 = proven["state_root"].as_str().unwrap().parse().unwrap();
        let path = hefu_primitives::map::path_of(&ATTESTATIONS.key(&id));
        assert_eq!(proof.verify(root, path).unwrap().is_some(), present, "{height}");
    }
    let tip: u64 = now["height"].as_str().unwrap().parse().unwrap();
    for (bad, status, code) in [
        (at(tip + 1_000), 400, "api.height_in_future"),
        (at(0), 400, "api.bad_request"),
        ("/api/v1/records/proof".to_owned(), 400, "api.bad_request"),
        (format!("/api/v1/records/proof?records=ab{}", &key[2..]), 400, "api.bad_request"),
    ] {
        assert_eq!(client.get(&bad).await.problem(), (status, code.into()), "{bad}");
    }
    let capsule = format!("/api/v1/certificates/{id}/evidence?at_height=");
    let short = network.client(3);
    short.until(200, &format!("/api/v1/records/proof?records={key}&at_height={tip}")).await;
    let pruned = short.get(&at(1)).await;
    assert_eq!(pruned.problem(), (410, "api.pruned".into()), "it was there: not \"not found\"");
    let detail = pruned.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("pruned: this node proves records from height"), "{detail}");
    let early = client.get(&format!("{capsule}{}", written - 1)).await;
    assert_eq!(early.problem(), (400, "api.bad_request".into()), "before the record");
    let exact = client.get(&format!("{capsule}{written}")).await;
    let exact = Capsule::from_file(&exact.body).unwrap().verify(chain).unwrap();
    assert_eq!(exact.status.unwrap().header.height.0, written);
}

/// Events of a stream: id, kind, data.
fn stream(at: SocketAddr, path: &str, last: &str) -> impl Iterator<Item = (String, String, Value)> {
    let mut socket = TcpStream::connect(at).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(socket, "GET {path} HTTP/1.1\r\nhost: x\r\nlast-event-id: {last}\r\n\r\n").unwrap();
    let mut lines = BufReader::new(socket).lines().map_while(Result::ok);
    std::iter::from_fn(move || {
        let (mut id, mut kind, mut data) = (String::new(), String::new(), Value::Null);
        for line in lines.by_ref() {
            match line.split_once(": ") {
                Some(("id", value)) => id = value.into(),
                Some(("event", value)) => kind = value.into(),
                Some(("data", value)) => data = serde_json::from_str(value).unwrap(),
                _ if line.is_empty() && !id.is_empty() => return Some((id, kind, data)),
                _ => {}
            }
        }
        None
    })
}

async fn streaming(network: &Network) {
    let client = network.client(0);
    let stored = client.read("/api/v1/audit/events?limit=500").await["items"].clone();
    let stored = stored.as_array().unwrap().clone();
    let (first, known) = (stored[0]["id"].as_str().unwrap().to_owned(), stored.len());
    let (at, after) = (client.at, first.clone());
    let reader = tokio::task::spawn_blocking(move || {
        stream(at, "/api/v1/events", &after).take(known).collect::<Vec<_>>()
    });
    // The last one of those taken happens only now.
    let number = fresh();
    assert_eq!(client.submit(&attest(network, number)).await.status, 200);
    let events = tokio::time::timeout(PATIENCE, reader).await.unwrap().unwrap();
    for ((id, kind, data), stored) in events.iter().zip(&stored[1..]) {
        assert_eq!((id.as_str(), data), (stored["id"].as_str().unwrap(), stored));
        assert_eq!(kind, stored["kind"].as_str().unwrap());
    }
    let (_, kind, data) = events.last().unwrap();
    assert_eq!(
        (kind.as_str(), &data["subject"]),
        ("attested", &format!("att:{}", Id16([number; 16])).into())
    );
    // Filtered, from the last one on: only what is asked for.
    let last = events.last().unwrap().0.clone();
    let wanted = Id16([fresh(); 16]);
    let path = format!("/api/v1/events?subject=att:{wanted}");
    let reader = tokio::task::spawn_blocking(move || stream(at, &path, &last).next());
    assert_eq!(client.submit(&attest(network, fresh())).await.status, 200);
    assert_eq!(client.submit(&attest(network, wanted.0[0])).await.status, 200);
    let event = tokio::time::timeout(PATIENCE, reader).await.unwrap().unwrap().unwrap();
    assert_eq!(event.2["subject"], format!("att:{wanted}"));
    let bad = client.get_with("/api/v1/events", &[("last-event-id", "seven")]).await;
    assert_eq!(bad.problem(), (400, "api.bad_request".into()));
}

async fn watching(network: &Network) {
    let client = network.client(0);
    let node = client.read("/api/v1/node").await;
    assert_eq!((&node["validator"], &node["syncing"]), (&true.into(), &false.into()));
    assert_eq!(node["quorum"]["needed"], "3");
    assert_eq!(node["peers"].as_array().unwrap().len(), 3);
    let seen = client.read("/api/v1/network").await;
    assert_eq!(seen["validators"].as_array().unwrap().len(), 4);
    let validators = client.read("/api/v1/validators").await;
    assert_eq!(validators["validators"], validators["next"]);
    let parameters = client.read("/api/v1/parameters").await;
    assert_eq!(parameters["record"]["fictitious"], true);
    let metrics = client.get("/metrics").await;
    let text = String::from_utf8(metrics.body.clone()).unwrap();
    assert!(metrics.header("content-type").starts_with("application/openmetrics-text"));
    for line in [
        "hefu_transactions_total{outcome=\"applied\"} ",
        "hefu_refusals_total{code=\"E",
        "hefu_commit_duration_seconds_count ",
        "hefu_peer_up{region=\"",
    ] {
        assert!(text.contains(line), "{line} in:\n{text}");
    }
    assert_eq!(client.read("/livez").await["live"], true);
    assert_eq!(client.read("/openapi.json").await["info"]["title"], "hefu");
    let docs = client.get("/docs/").await;
    assert!(docs.status == 200 && String::from_utf8_lossy(&docs.body).contains("swagger"));
}

async fn access(network: &Network) {
    let tokens = ReadAccess::Tokens(vec![TokenHash::of("a secret")]);
    let server = serve(&network.provinces[0].running, tokens).await;
    let client = Client::new(server.local_addr());
    assert_eq!(client.get("/livez").await.status, 200);
    assert_eq!(client.get("/openapi.json").await.status, 200);
    for path in ["/api/v1/node", "/api/v1/events", "/metrics", "/nothing"] {
        let none = client.get(path).await;
        assert_eq!(none.problem(), (401, "api.unauthorised".into()), "{path}");
        assert_eq!(none.header("www-authenticate"), "Bearer");
        let chinese =
            client.get_with(path, &[("accept-language", "fr, zh-CN;q=0.9, en;q=0.5")]).await;
        assert_eq!(chinese.problem(), (401, "api.unauthorised".into()), "{path}");
        assert_eq!(chinese.header("content-language"), "zh");
        assert_eq!(chinese.header("www-authenticate"), "Bearer");
        assert_eq!(chinese.json()["detail"], "读取须有令牌(Bearer)");
        assert!(none.json()["detail"].as_str().unwrap().starts_with("a bearer token"));
        let wrong = client.get_with(path, &[("authorization", "Bearer guess")]).await;
        assert_eq!(wrong.problem(), (403, "api.forbidden".into()), "{path}");
    }
    let right = client.get_with("/api/v1/node", &[("authorization", "Bearer a secret")]).await;
    assert_eq!(right.status, 200);
    // Whoever holds a registered key may submit.
    assert_eq!(client.submit(&attest(network, fresh())).await.status, 200);
    server.stop().await;
}

async fn without_quorum(mut network: Network) {
    let client = network.client(0);
    let at = client.at;
    let open = tokio::task::spawn_blocking(move || stream(at, "/api/v1/events", "0.0").count());
    for _ in 0..2 {
        let province = network.provinces.pop().unwrap();
        province.server.stop().await;
        province.running.stop().await.unwrap();
    }
    let unready = client.until(503, "/readyz").await.json();
    assert_eq!(unready["not_ready"][0]["what"], "quorum");
    assert!(client.read("/api/v1/node").await["quorum"]["margin"].as_i64().unwrap() < 0);
    let tx = attest(&network, fresh());
    let late = client.post("?timeout_ms=300", COSE, tx.as_bytes()).await;
    assert_eq!(late.problem(), (504, "api.timeout".into()));
    assert_eq!(late.json()["tx"], tx.id().to_string());
    let unknown = client.get(&format!("/api/v1/transactions/{}", tx.id())).await;
    assert_eq!(unknown.problem(), (404, "api.not_found".into()));
    // Streams end when the server stops.
    for province in network.provinces.drain(..) {
        province.server.stop().await;
        province.running.stop().await.unwrap();
    }
    assert!(tokio::time::timeout(PATIENCE, open).await.unwrap().unwrap() > 10);
}
