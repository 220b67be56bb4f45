//! Services and oversight over the interface: items, cases, evaluations, disputes, notices and
//! mandates; their filters and pages, and what is not found or not understood.

use hefu_contracts::Act;
use hefu_contracts::dispute::{DisputeKind, OpenDispute, Subject};
use hefu_contracts::oversight::{
    GrantMandate, IncidentKind, MandateTerms, NoticeIncident, RecordKind,
};
use hefu_contracts::service::{
    AcceptCase, ApplicantClass, CaseMode, Channel, CheckCase, Evaluate, OpenCase, Stage,
};
use hefu_genesis::sample::AuthorityKeys;
use hefu_primitives::codec::Canonical;
use hefu_primitives::time::Day;
use hefu_primitives::{BaseCode, H32, Id16, Millis, SignedTransaction, TransactionBody};
use serde_json::{Value, json};

use super::network::{Client, Network};
use crate::runtime::wall_clock;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn services_and_oversight_over_http() {
    let network = Network::start().await;
    let base = items(&network.client(0)).await;
    cases(&network, base).await;
    evaluations(&network, base).await;
    disputes(&network, base).await;
    oversight(&network).await;
    not_understood(&network.client(0), base).await;
    network.stop().await;
}

async fn act(network: &Network, signer: &AuthorityKeys, act: impl Into<Act>) {
    let tx = network.sign(signer, &[act.into()]);
    let applied = network.client(0).submit(&tx).await;
    assert_eq!(applied.status, 200, "{}", String::from_utf8_lossy(&applied.body));
}

/// All items of a list, fetched one by one: the pages join without a gap or a double.
async fn paged(client: &Client, path: &str) -> Vec<Value> {
    let joined = if path.contains('?') { '&' } else { '?' };
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.read(&format!("{path}{joined}limit=1{cursor}")).await;
        items.extend(page["items"].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let whole = client.read(path).await;
    assert_eq!(whole["items"], Value::Array(items.clone()), "{path}");
    items
}

/// Of each item of a list what stands at a place.
async fn listed(client: &Client, path: &str, place: &str) -> Vec<Value> {
    paged(client, path).await.iter().map(|item| item.pointer(place).unwrap().clone()).collect()
}

fn ids(numbers: &[u8]) -> Vec<Value> {
    numbers.iter().map(|number| json!(Id16([*number; 16]))).collect()
}

async fn items(client: &Client) -> BaseCode {
    let all = paged(client, "/api/v1/items").await;
    assert_eq!(all.len(), 4, "one led by each province");
    let led = listed(client, "/api/v1/items?lead=320000", "/record/base").await;
    let [base] = led.as_slice() else { panic!("{led:?}") };
    assert_eq!(paged(client, "/api/v1/items?lead=110000").await, Vec::<Value>::new());
    let base = base.as_str().unwrap();
    let one = client.read(&format!("/api/v1/items/{base}")).await;
    assert_eq!((&one["record"]["lead"], &one["implementations"]), (&json!(320_000), &json!([])));
    let versions = format!("/api/v1/items/{base}/versions");
    assert_eq!(listed(client, &versions, "/missing").await, [json!([])], "all have agreed");
    base.parse().unwrap()
}

fn open(number: u8, base: BaseCode, mode: CaseMode, handler: &AuthorityKeys) -> OpenCase {
    OpenCase {
        case_id: Id16([number; 16]),
        no: H32([number; 32]),
        base,
        implementation: None,
        mode,
        unit: None,
        handler: handler.code,
        channel: Channel::Site,
        applicant: ApplicantClass::Legal,
        theme: None,
        occurred_at: wall_clock(),
    }
}

/// Two cases that one province takes in for another, and one of its own that it accepts.
async fn cases(network: &Network, base: BaseCode) {
    let (near, far) = (network.issuer(0), network.issuer(1));
    for number in [3, 1] {
        act(network, near, open(number, base, CaseMode::Proxy, far)).await;
    }
    act(network, near, open(2, base, CaseMode::Online, near)).await;
    let (case_id, consent) = (Id16([2; 16]), H32([9; 32]));
    act(network, near, CheckCase { case_id, consent, assurance: 2, assertion: Some(H32([9; 32])) })
        .await;
    act(network, near, AcceptCase { case_id, occurred_at: wall_clock() }).await;
    let client = &network.client(0);
    let of = async |query: &str| {
        listed(client, &format!("/api/v1/cases{query}"), "/record/body/case_id").await
    };
    assert_eq!(of("").await, ids(&[1, 2, 3]), "by their ids");
    assert_eq!(of(&format!("?handler={}", far.code)).await, ids(&[3, 1]), "as they were opened");
    assert_eq!(of(&format!("?receiver={}", near.code)).await, ids(&[3, 1, 2]));
    assert_eq!(of(&format!("?item={base}")).await, ids(&[3, 1, 2]));
    assert_eq!(of("?state=received").await, ids(&[1, 3]));
    assert_eq!(of("?state=accepted").await, ids(&[2]));
    assert_eq!(of(&format!("?receiver={}&state=accepted", near.code)).await, ids(&[2]));
    assert_eq!(of(&format!("?handler={}&state=accepted", far.code)).await, ids(&[]));
    assert_eq!(of("?overdue=true").await, ids(&[]));
    assert_eq!(of("?overdue=false").await, ids(&[1, 2, 3]));
    assert_eq!(of("?at_height=0").await, ids(&[]));
    let one = client.read(&format!("/api/v1/cases/{case_id}")).await;
    assert_eq!((&one["record"]["state"], &one["evaluations"]), (&json!("accepted"), &json!([])));
}

async fn evaluations(network: &Network, base: BaseCode) {
    let near = network.issuer(0);
    for (evaluator, grade) in [(1, 5), (2, 1)] {
        let evaluate = Evaluate {
            case_id: Id16([2; 16]),
            stage: Stage::Accept,
            grade,
            channel: Channel::Hotline,
            indicators: vec![1, 6],
            evaluator: H32([evaluator; 32]),
            occurred_at: wall_clock(),
        };
        act(network, near, evaluate).await;
    }
    let client = &network.client(0);
    let of = async |query: String| {
        listed(client, &format!("/api/v1/evaluations{query}"), "/record/body/grade").await
    };
    assert_eq!(of(String::new()).await.len(), 2);
    assert_eq!(of(format!("?unit={}", near.code)).await, [json!(5), json!(1)], "as they came");
    assert_eq!(of(format!("?unit={}&grade=1", near.code)).await, [json!(1)]);
    assert_eq!(of("?grade=3".into()).await, Vec::<Value>::new());
    assert_eq!(of(format!("?unit={}", network.issuer(3).code)).await, Vec::<Value>::new());
    let one = client.read(&format!("/api/v1/cases/{}", Id16([2; 16]))).await;
    assert_eq!(one["evaluations"].as_array().unwrap().len(), 2, "{base}");
}

async fn disputes(network: &Network, base: BaseCode) {
    let (opener, respondent) = (network.issuer(0), network.issuer(1));
    let dispute = OpenDispute {
        dispute_id: Id16([7; 16]),
        kind: DisputeKind::ItemBoundary,
        subject: Subject::Item(base),
        respondent: respondent.code,
        statement: H32([1; 32]),
        evidence: Vec::new(),
    };
    act(network, opener, dispute).await;
    let client = &network.client(0);
    let of = async |query: String| {
        listed(client, &format!("/api/v1/disputes{query}"), "/record/body/dispute_id").await
    };
    let one = client.read(&format!("/api/v1/disputes/{}", Id16([7; 16]))).await;
    let state = one["record"]["state"].as_str().unwrap().to_owned();
    for query in [
        String::new(),
        format!("?subject={}", Subject::Item(base)),
        format!("?party={}", opener.code),
        format!("?party={}&state={state}", respondent.code),
    ] {
        assert_eq!(of(query.clone()).await, ids(&[7]), "{query}");
    }
    for query in [
        "?subject=att:1".to_owned(),
        format!("?party={}", network.issuer(2).code),
        format!("?subject={}&party={}", Subject::Item(base), network.issuer(2).code),
        "?state=withdrawn".to_owned(),
    ] {
        assert_eq!(of(query.clone()).await, ids(&[]), "{query}");
    }
}

async fn oversight(network: &Network) {
    let teller = network.issuer(2);
    for number in [5, 4] {
        let notice = NoticeIncident {
            incident_id: Id16([number; 16]),
            kind: IncidentKind::Leak,
            grade: 4,
            keys: Vec::new(),
            grants: Vec::new(),
            since: wall_clock(),
            report: H32([number; 32]),
        };
        act(network, teller, notice).await;
    }
    let client = &network.client(0);
    let told = listed(client, "/api/v1/notices", "/record/body/incident_id").await;
    assert_eq!(told, ids(&[4, 5]));
    let one = client.read(&format!("/api/v1/notices/{}", Id16([5; 16]))).await;
    assert_eq!(one["record"]["by"], json!(teller.code));
    let today = Day::of_beijing(wall_clock());
    let auditor = network.issuer(3).code;
    let terms = MandateTerms {
        mandate_id: Id16([6; 16]),
        auditor,
        members: vec![network.provinces[0].keys.region],
        kinds: vec![RecordKind::Certificate],
        from: today,
        to: today,
        instrument: H32([1; 32]),
        until: today.add_days(30).unwrap(),
    };
    for governor in 0..2 {
        govern(network, governor, GrantMandate { terms: terms.clone() }).await;
    }
    let of = async |query: String| {
        listed(client, &format!("/api/v1/audit/mandates{query}"), "/record/terms/mandate_id").await
    };
    assert_eq!(of(String::new()).await, ids(&[6]));
    assert_eq!(of(format!("?auditor={auditor}")).await, ids(&[6]));
    assert_eq!(of(format!("?auditor={}", teller.code)).await, ids(&[]));
    let one = client.read(&format!("/api/v1/audit/mandates/{}", Id16([6; 16]))).await;
    assert_eq!((&one["status"], &one["opening_requests"]), (&json!("active"), &json!([])));
}

/// Signs as a governor of the first province.
async fn govern(network: &Network, governor: usize, act: impl Into<Act>) {
    let keys = &network.provinces[0].keys;
    let body = TransactionBody {
        chain: network.genesis.hash(),
        not_after: Millis(wall_clock().0 + 600_000),
        acts: vec![act.into().to_bytes().into()],
    };
    let key = &keys.governors[governor];
    let tx = SignedTransaction::sign(&body, keys.operator, "aud:test", key).unwrap();
    let applied = network.client(0).submit(&tx).await;
    assert_eq!(applied.status, 200, "{}", String::from_utf8_lossy(&applied.body));
}

async fn not_understood(client: &Client, base: BaseCode) {
    let nobody = Id16([0xee; 16]);
    for path in ["cases", "themes", "disputes", "notices", "audit/mandates"] {
        let unknown = client.get(&format!("/api/v1/{path}/{nobody}")).await;
        assert_eq!(unknown.problem(), (404, "api.not_found".into()), "{path}");
        let garbled = client.get(&format!("/api/v1/{path}/nobody")).await;
        assert_eq!(garbled.problem(), (400, "api.bad_request".into()), "{path}");
    }
    assert_eq!(client.get("/api/v1/items/1").await.problem(), (400, "api.bad_request".into()));
    let early = client.get(&format!("/api/v1/cases/{}?at_height=0", Id16([1; 16]))).await;
    assert_eq!(early.problem(), (404, "api.not_found".into()), "not opened then");
    for list in ["items", "cases", "evaluations", "disputes", "notices", "audit/mandates"] {
        for (query, code) in [
            ("limit=0", "api.bad_request"),
            ("limit=501", "api.bad_request"),
            ("cursor=00", "api.bad_request"),
            ("at_height=99999999", "api.height_in_future"),
            ("sort=asc", "api.unknown_field"),
        ] {
            let refused = client.get(&format!("/api/v1/{list}?{query}")).await;
            assert_eq!(refused.problem(), (400, code.into()), "{list}?{query}");
        }
    }
    for path in [
        "items?lead=Zhejiang",
        "cases?handler=1",
        "cases?item=1",
        "cases?state=lost",
        "cases?overdue=maybe",
        "evaluations?unit=1",
        "evaluations?grade=much",
        "disputes?party=1",
        "disputes?state=lost",
        "disputes?subject=a%00b",
        "audit/mandates?auditor=1",
    ] {
        let refused = client.get(&format!("/api/v1/{path}")).await;
        assert_eq!(refused.problem(), (400, "api.bad_request".into()), "{path}");
    }
    let page = client.read(&format!("/api/v1/cases?item={base}&limit=1")).await;
    let cursor = page["next_cursor"].as_str().unwrap();
    let other = client.get(&format!("/api/v1/cases?limit=1&cursor={cursor}")).await;
    assert_eq!(other.problem(), (400, "api.bad_request".into()), "another list's cursor");
}
