//! Recognition and sharing, from act to answer. The acts are written as the JSON that the
//! interface shows of them, so that both forms are one.

use hefu_contracts::Act;
use hefu_genesis::sample::AuthorityKeys;
use hefu_primitives::codec::Canonical;
use hefu_primitives::time::Day;
use hefu_primitives::{Height, Id16, Millis};
use serde_json::{Value, json};

use super::network::{Network, PATIENCE, fresh, licence};
use crate::runtime::wall_clock;

const CAT: &str = "307001234/000012";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn recognition_and_sharing_over_http() {
    let network = Network::start().await;
    recognition(&network).await;
    sharing(&network).await;
    border(&network).await;
    network.stop().await;
}

/// Submits acts given as JSON through a province; where it was recorded, for everybody.
async fn act(network: &Network, signer: &AuthorityKeys, act: Value) -> Value {
    let act: Act = serde_json::from_value(act).unwrap();
    let tx = network.sign(signer, std::slice::from_ref(&act));
    let applied = network.client(0).submit(&tx).await;
    assert_eq!(applied.status, 200, "{}", String::from_utf8_lossy(&applied.body));
    let shown = network.client(0).read(&format!("/api/v1/transactions/{}", tx.id())).await;
    assert_eq!(shown["acts"], json!([act]));
    applied.json()
}

async fn settle(network: &Network, applied: &Value, province: usize) {
    let height: Height = applied["height"].as_str().unwrap().parse().unwrap();
    let service = &network.provinces[province].running.service;
    tokio::time::timeout(PATIENCE, service.wait_height(height)).await.unwrap();
}

fn hash(byte: u8) -> String {
    format!("{byte:02x}").repeat(32)
}

async fn recognition(network: &Network) {
    let client = network.client(0);
    let agreements = client.read("/api/v1/agreements").await;
    let agreement = &agreements["items"][0];
    assert_eq!(agreement["state"], "in_force");
    let (issuer, relying) = (network.issuer(0), network.issuer(1));
    let number = fresh();
    let attested = json!({ "act": "attest" });
    let mut attest = serde_json::to_value(licence(issuer, number)).unwrap();
    attest.as_object_mut().unwrap().extend(attested.as_object().unwrap().clone());
    let applied = act(network, issuer, attest).await;
    let scenario = client.read("/api/v1/scenarios/201").await;
    let decide = |number: u8, outcome: &str, reasons: Value| {
        json!({
            "act": "decide", "dec_id": Id16([number; 16]), "att_id": applied["events"][0]["subject"].as_str().unwrap()[4..],
            "unit": null, "agreement": agreement["record"]["terms"]["id"], "scenario": 201,
            "item": scenario["record"]["terms"]["item"], "case": hash(number), "mode": "online",
            "checked_height": applied["height"], "digest_match": true, "seal_verdict": "not_checked",
            "consent": "holder", "outcome": outcome, "reasons": reasons, "statute": null,
            "evidence": [], "decided_at": wall_clock(),
        })
    };
    let (good, bad) = (fresh(), fresh());
    act(network, relying, decide(good, "accepted", json!([]))).await;
    let refused = act(network, relying, decide(bad, "refused", json!([5]))).await;
    settle(network, &refused, 2).await;
    let client = network.client(2);
    let one = client.read(&format!("/api/v1/recognitions/{}", Id16([good; 16]))).await;
    assert_eq!(one["record"]["flags"], json!(["consistent"]), "{one}");
    assert_eq!((&one["correction"], &one["basis_annulled"]), (&Value::Null, &json!(false)));
    assert_eq!(one["proven"], false, "what merely happened is in the log, not in the map");
    let att_id = Id16([number; 16]);
    let both = client.read(&format!("/api/v1/recognitions?att_id={att_id}")).await;
    let ids: Vec<&Value> =
        both["items"].as_array().unwrap().iter().map(|i| &i["record"]["body"]["dec_id"]).collect();
    assert_eq!(ids, [&json!(Id16([good; 16])), &json!(Id16([bad; 16]))], "in their order");
    let flagged = format!("/api/v1/recognitions?relying={}&flag=refused_while_valid", relying.code);
    let flagged = client.read(&flagged).await;
    assert_eq!(
        flagged["items"][0]["record"]["body"]["dec_id"],
        json!(Id16([bad; 16])),
        "{flagged}"
    );
    let events = client.read("/api/v1/audit/events?flag=refused_while_valid").await;
    assert_eq!(events["items"][0]["kind"], "decision_recorded");
}

async fn sharing(network: &Network) {
    let (provider, consumer) = (network.issuer(0), network.issuer(2));
    let today = Day::of_beijing(wall_clock());
    act(network, provider, json!({
        "act": "publish_catalogue", "cat_id": CAT, "version": 1, "title": "企业登记信息", "class": 1,
        "share": "unconditional", "conditions_digest": null, "basis": null, "tightening": null,
        "items_digest": hash(1), "item_count": 12, "mode": "verify_only", "update_cycle": "daily",
        "open_attr": "closed", "personal": false, "data_class": "general",
        "sla": { "ack": 1, "answer": 10, "deliver": 20 },
    }))
    .await;
    let id = Id16([fresh(); 16]);
    let scenario = network.client(0).read("/api/v1/scenarios/201").await;
    act(
        network,
        consumer,
        json!({
            "act": "request_access", "req_id": id, "cat_id": CAT, "cat_version": 1,
            "purpose": { "kind": "item", "code": scenario["record"]["terms"]["item"] },
            "legal_basis": { "kind": "state_council", "digest": hash(4) },
            "extent": {
                "fields_digest": hash(2), "field_count": 3, "per_day": 1,
                "from": today, "until": today.add_days(30).unwrap(),
            },
            "scenario": null,
        }),
    )
    .await;
    let receipt = Id16([fresh(); 16]);
    let now = wall_clock();
    let used = act(network, consumer, json!({
        "act": "put_receipt", "cosignature": null,
        "receipt": {
            "rcp_id": receipt, "grant_id": id, "cat_version": 1, "case": hash(9), "kind": "verify",
            "n_records": 1, "req": hash(5), "resp": hash(6), "result": "ok",
            "t0": now, "t1": Millis(now.0 + 1),
        },
    }))
    .await;
    settle(network, &used, 3).await;
    let client = network.client(3);
    let entry = client.read(&format!("/api/v1/catalogue/{}", CAT.replace('/', "%2F"))).await;
    assert_eq!(
        (&entry["record"]["state"], &entry["record"]["entry"]["cat_id"]),
        (&json!("published"), &json!(CAT))
    );
    let request = client.read(&format!("/api/v1/requests/{id}")).await;
    assert_eq!(request["record"]["state"], "granted");
    assert_eq!(request["clocks"]["overdue"], false, "{request}");
    let grant = client.read(&format!("/api/v1/grants/{id}")).await;
    assert_eq!((&grant["status"], &grant["used_today"]), (&json!("exhausted_today"), &json!(1)));
    let one = client.read(&format!("/api/v1/receipts/{receipt}")).await;
    assert_eq!((&one["state"], &one["answer"]), (&json!("one_sided"), &Value::Null));
    // Every index leads to the same records.
    let first = |list: &str| {
        let (client, list) = (network.client(3), list.to_owned());
        async move { client.read(&format!("/api/v1/{list}")).await["items"][0]["record"].clone() }
    };
    assert_eq!(first(&format!("catalogue?provider={}", provider.code)).await, entry["record"]);
    assert_eq!(first(&format!("requests?cat_id={CAT}")).await, request["record"]);
    assert_eq!(first(&format!("requests?consumer={}", consumer.code)).await, request["record"]);
    assert_eq!(first(&format!("grants?provider={}", provider.code)).await, grant["record"]);
    assert_eq!(first(&format!("grants?consumer={}", consumer.code)).await, grant["record"]);
    assert_eq!(first(&format!("receipts?grant={id}")).await, one["record"]);
    assert_eq!(first(&format!("grants?provider={}", consumer.code)).await, Value::Null);
}

/// What crosses a provincial border, and batches: from act to answer.
async fn border(network: &Network) {
    let (issuer, taker) = (network.issuer(0), network.issuer(1));
    let (leaf, taken) = (licence(issuer, fresh()), fresh());
    let salt = hefu_primitives::commitment::Salt::new([7; 32]);
    let root = hefu_contracts::leaf::hash(&salt, &leaf.to_bytes());
    let schema = network.client(0).read(&format!("/api/v1/types/{}", leaf.type_code)).await;
    let schema = schema["items"][0]["record"]["terms"]["schema_digest"].clone();
    let batch = Id16([fresh(); 16]);
    let batched = json!({
        "act": "attest_batch", "batch_id": batch, "root": root, "count": 1,
        "type_code": leaf.type_code, "type_version": 1, "schema": schema,
        "occurred_at": wall_clock(),
    });
    act(network, issuer, batched).await;
    let proof = json!({ "leaf": 0, "salt": salt, "path": [] });
    let shown =
        json!({ "act": "materialise", "batch_id": batch, "proof": proof, "attestation": leaf });
    act(network, network.issuer(2), shown).await;
    let request = Id16([fresh(); 16]);
    let asked = json!({
        "act": "request_status", "request_id": request, "att_id": leaf.id, "wanted": "suspend",
        "reason": 3, "evidence": [{ "kind": 0, "commit": hash(1), "bytes": 5 }], "days": 5,
        "occurred_at": wall_clock(),
    });
    act(network, taker, asked).await;
    let refused = json!({ "refuse": { "reason": 2, "evidence": null } });
    let answered =
        json!({ "act": "answer_status_request", "request_id": request, "answer": refused });
    act(network, issuer, answered).await;
    let offer = json!({
        "act": "transfer_out", "id": leaf.id, "to": 320_000, "occurred_at": wall_clock(),
    });
    let offered = act(network, issuer, offer).await;
    settle(network, &offered, 3).await;
    let client = &network.client(3);
    let status = client.read(&format!("/api/v1/certificates/{}/status", leaf.id)).await;
    assert_eq!((&status["status"], &status["transfer"]["to"]), (&json!("active"), &json!(320_000)));
    let mut certificate = licence(taker, taken);
    certificate.region = hefu_primitives::Region(320_000);
    let reason = hefu_contracts::certificate::SupersedeReason::Transfer;
    certificate.previous = Some(hefu_contracts::certificate::Previous { id: leaf.id, reason });
    let took = act(network, taker, json!({ "act": "transfer_in", "attestation": certificate }));
    settle(network, &took.await, 3).await;
    let status = client.read(&format!("/api/v1/certificates/{}/status", leaf.id)).await;
    assert_eq!((&status["status"], &status["transfer"]), (&json!("transferred"), &Value::Null));
    let seal = json!({
        "act": "register_seal", "seal_id": hash(1), "maker_cert": hash(2), "signer_cert": hash(3),
        "valid_from": "2026-01-01", "valid_until": "2030-12-31",
    });
    settle(network, &act(network, network.issuer(2), seal).await, 3).await;
    let first = |list: String| async move { client.read(&list).await["items"][0].clone() };
    let one = first(format!("/api/v1/batches?authority={}", issuer.code)).await;
    assert_eq!(one["record"], client.read(&format!("/api/v1/batches/{batch}")).await["record"]);
    let record = first(format!("/api/v1/batches/{batch}/certificates")).await;
    assert_eq!(record["record"]["leaf"]["batch"], json!(batch), "{record}");
    for list in [
        format!("/api/v1/status-requests?attestation={}", leaf.id),
        format!("/api/v1/status-requests?issuer={}&open=false", issuer.code),
        format!("/api/v1/status-requests?by={}", taker.code),
    ] {
        let one = first(list).await;
        assert_eq!(one["record"]["body"]["request_id"], json!(request), "{one}");
        assert_eq!((&one["overdue"], &one["clock"]["late"]), (&json!(false), &json!(false)));
    }
    let open = client.read("/api/v1/status-requests?open=true").await;
    assert_eq!(open["items"], json!([]));
    let seal = first(format!("/api/v1/seals?owner={}", network.issuer(2).code)).await;
    assert_eq!((&seal["state"], &seal["proven"]), (&json!("active"), &json!(true)));
    let evidence = client.get(&format!("/api/v1/certificates/{}/evidence", leaf.id)).await;
    assert_eq!(evidence.status, 200, "the capsule of a leaf");
}
