//! Reading under a mandate, over real sockets: what a signature opens, which limit refuses what, what
//! is logged, and how its root gets onto the ledger.

use hefu_contracts::Act;
use hefu_contracts::oversight::{GrantMandate, MandateTerms, READ_LOGS, RecordKind, RevokeMandate};
use hefu_primitives::codec::Canonical;
use hefu_primitives::time::Day;
use hefu_primitives::{H32, Id16, KeyPair, Millis, Region, SignedTransaction, TransactionBody};
use serde_json::Value;

use super::network::{Answer, Network, fresh, licence, serve};
use crate::api::signed::sign;
use crate::api::{ReadAccess, TokenHash};
use crate::reads::{Entry, Page, lines, pages, root};
use crate::runtime::{Service, reads, wall_clock};

const HOME: Region = Region(310_000);

struct Auditor<'n> {
    network: &'n Network,
    key: KeyPair,
    client: super::network::Client,
}

impl Auditor<'_> {
    async fn ask(
        &self,
        mandate: Id16,
        path: &str,
        nonce: &str,
        at: Millis,
        node: Region,
    ) -> Answer {
        let signed = sign(&self.key, mandate, node, path, nonce, at);
        let headers: Vec<(&str, &str)> =
            signed.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.client.get_with(path, &headers).await
    }

    async fn read(&self, mandate: Id16, path: &str) -> Answer {
        let nonce = format!("nonce-{:032x}", u128::from(wall_clock().0) << 8 | u128::from(fresh()));
        self.ask(mandate, path, &nonce, wall_clock(), HOME).await
    }

    /// Two governors of a province grant or revoke.
    async fn govern(&self, act: &Act) {
        let member = &self.network.provinces[0].keys;
        for key in &member.governors[..2] {
            let body = TransactionBody {
                chain: self.network.genesis.hash(),
                not_after: Millis(wall_clock().0 + 600_000),
                acts: vec![act.to_bytes().into()],
            };
            let tx = SignedTransaction::sign(&body, member.operator, "test", key).unwrap();
            let answer = self.network.client(0).submit(&tx).await;
            assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        }
    }

    async fn grant(&self, number: u8, kinds: &[RecordKind], from: Day, to: Day) -> Id16 {
        let member = &self.network.provinces[0].keys;
        let auditor = member.department("audit").unwrap().code;
        let terms = MandateTerms {
            mandate_id: Id16([number; 16]),
            auditor,
            members: vec![HOME],
            kinds: kinds.to_vec(),
            from,
            to,
            instrument: H32([1; 32]),
            until: Day::of_beijing(wall_clock()).next(),
        };
        let id = terms.mandate_id;
        self.govern(&GrantMandate { terms }.into()).await;
        id
    }
}

fn code(answer: &Answer) -> (u16, String) {
    answer.problem()
}

fn refused(status: u16, name: &str) -> (u16, String) {
    (status, name.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_mandate_opens_what_it_says_and_every_read_is_logged() {
    let network = Network::start().await;
    let running = &network.provinces[0].running;
    let guarded = serve(running, ReadAccess::Tokens(vec![TokenHash::of("own")])).await;
    let key = network.provinces[0].keys.department("audit").unwrap().keys[0].1.clone();
    let client = super::network::Client::new(guarded.local_addr());
    let auditor = Auditor { network: &network, key, client };
    let (here, there) = (attest(&network, 0).await, attest(&network, 1).await);
    let today = Day::of_beijing(wall_clock());
    let (past, later) = (today.previous(), today.next());
    use RecordKind::{Certificate, Sharing};
    let good = auditor.grant(201, &[Certificate], past, later).await;
    let kind = auditor.grant(202, &[Sharing], past, later).await;
    let old = auditor.grant(203, &[Certificate], past.previous(), past).await;
    let path = format!("/api/v1/certificates/{here}");

    // A token opens as before, a mandate its scope, nothing nothing.
    let none = auditor.client.get(&path).await;
    assert_eq!(code(&none), refused(401, "api.unauthorised"));
    assert_eq!(none.header("hefu-node"), HOME.to_string());
    assert_eq!(
        auditor.client.get_with(&path, &[("authorization", "Bearer own")]).await.status,
        200
    );
    let read = auditor.read(good, &path).await;
    assert_eq!(read.status, 200, "{}", String::from_utf8_lossy(&read.body));
    assert_eq!(auditor.read(good, &format!("{path}/status")).await.status, 200);
    assert_eq!(auditor.read(good, "/api/v1/members").await.status, 200);

    // Each limit by its name.
    for (mandate, path, name) in [
        (kind, path.clone(), "api.mandate_kind"),
        (old, path.clone(), "api.mandate_period"),
        (good, format!("/api/v1/certificates/{there}"), "api.mandate_member"),
        (good, "/api/v1/certificates".to_owned(), "api.mandate_path"),
        (good, "/api/v1/blocks/1/raw".to_owned(), "api.mandate_path"),
        (good, "/api/v1/audit/events?region=320000".to_owned(), "api.mandate_member"),
        (Id16([9; 16]), path.clone(), "api.mandate_none"),
    ] {
        assert_eq!(code(&auditor.read(mandate, &path).await), refused(403, name), "{path}");
    }
    events(&auditor, good, old, kind).await;
    questions(&auditor, [good, old, kind], [here, there]).await;
    signatures(&auditor, good, &path).await;
    let id = RevokeMandate { mandate_id: good };
    auditor.govern(&id.into()).await;
    assert_eq!(code(&auditor.read(good, &path).await), refused(403, "api.mandate_none"));

    log(&network, &auditor, &path).await;
    guarded.stop().await;
    network.stop().await;
}

async fn attest(network: &Network, province: usize) -> Id16 {
    let issuer = network.issuer(province);
    let number = fresh();
    let mut act = licence(issuer, number);
    act.region = network.provinces[province].keys.region;
    let answer = network.client(0).submit(&network.sign(issuer, &[act.into()])).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    Id16([number; 16])
}

/// Of events those in the scope, whatever else there is.
async fn events(auditor: &Auditor<'_>, good: Id16, old: Id16, kind: Id16) {
    let regions = |answer: &Answer| -> Vec<Value> {
        assert_eq!(answer.status, 200);
        answer.json()["items"].as_array().unwrap().iter().map(|e| e["region"].clone()).collect()
    };
    let all = auditor.network.client(0).get("/api/v1/audit/events").await;
    assert!(regions(&all).contains(&320_000.into()) && regions(&all).len() > 3);
    let some = auditor.read(good, "/api/v1/audit/events").await;
    assert_eq!(regions(&some), [310_000], "its one certificate, and no vote or mandate");
    assert_eq!(regions(&auditor.read(old, "/api/v1/audit/events").await), Vec::<Value>::new());
    assert_eq!(regions(&auditor.read(kind, "/api/v1/audit/events").await), Vec::<Value>::new());
}

/// The questions: what is in the scope, and that there may be more.
async fn questions(auditor: &Auditor<'_>, mandates: [Id16; 3], [here, there]: [Id16; 2]) {
    let [good, old, kind] = mandates;
    let service = &auditor.network.provinces[0].running.service;
    let folder = tempfile::tempdir().unwrap();
    service.keep_audit_index(hefu_audit::Location::Sqlite(folder.path().join("index.sqlite")));
    let search = "/api/v1/audit/search?kind=attested";
    let whole = format!("{search}&at_height={}", service.tip().height);
    loop {
        let index = auditor.read(good, "/api/v1/audit/index").await;
        assert_eq!(index.status, 200);
        if index.json()["lag"] == 0 {
            break;
        }
        tokio::task::yield_now().await;
    }
    let subjects = |answer: &Answer| -> Vec<String> {
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let items = answer.json()["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["subject"].as_str().unwrap().to_owned()).collect()
    };
    let all = auditor.client.get_with(&whole, &[("authorization", "Bearer own")]).await;
    assert_eq!(subjects(&all), [format!("att:{here}"), format!("att:{there}")]);
    assert_eq!((&all.json()["complete"], &all.json()["scope"]), (&true.into(), &Value::Null));

    let some = auditor.read(good, &whole).await;
    assert_eq!(subjects(&some), [format!("att:{here}")]);
    let told = some.json();
    assert_eq!(told["complete"], false, "what the mandate leaves out is said");
    assert_eq!(told["incomplete_reason"], "mandate_scope");
    assert_eq!(told["scope"]["mandate"], good.to_string());
    assert_eq!(told["scope"]["members"], serde_json::json!([310_000]));
    assert_eq!(told["scope"]["restricts"], true);
    assert_eq!(subjects(&auditor.read(old, &whole).await), Vec::<String>::new());
    assert_eq!(subjects(&auditor.read(kind, &whole).await), Vec::<String>::new());

    let status = |id: Id16| format!("/api/v1/audit/q01?certificate={id}");
    let one = auditor.read(good, &status(here)).await;
    assert_eq!(one.json()["totals"]["items"][0]["status"], "active");
    assert_eq!(one.json()["complete"], true, "one certificate is answered whole");
    let who = auditor.read(kind, "/api/v1/audit/q17").await;
    assert_eq!((who.status, &who.json()["complete"]), (200, &true.into()));
    let tx = told["items"][0]["tx"].as_str().unwrap();
    let capsule = format!("/api/v1/transactions/{tx}/evidence");
    assert_eq!(auditor.read(good, &capsule).await.status, 200);
    let other = all.json()["items"][1]["tx"].as_str().unwrap().to_owned();
    let day = Day::of_beijing(wall_clock());
    for (mandate, path, name) in [
        (good, status(there), "api.mandate_member"),
        (kind, status(here), "api.mandate_kind"),
        (old, status(here), "api.mandate_period"),
        (good, "/api/v1/audit/q04".to_owned(), "api.mandate_kind"),
        (good, format!("{search}&region=320000"), "api.mandate_member"),
        (old, format!("{search}&from={day}"), "api.mandate_period"),
        (Id16([9; 16]), whole.clone(), "api.mandate_none"),
        (kind, capsule.clone(), "api.mandate_kind"),
        (good, format!("/api/v1/transactions/{other}/evidence"), "api.mandate_member"),
        (good, format!("{capsule}?records=00"), "api.mandate_path"),
        (good, format!("/api/v1/transactions/{tx}"), "api.mandate_path"),
    ] {
        assert_eq!(code(&auditor.read(mandate, &path).await), refused(403, name), "{path}");
    }
    let asked = entries(service);
    assert!(asked.iter().any(|entry| entry.question == whole && entry.mandate == good));
    assert!(asked.iter().any(|entry| entry.question == status(here)));
    assert!(!asked.iter().any(|entry| entry.question.contains("?records=")));
}

/// Over midnight: what was read before it is stated as it was, by the node itself; what is read after it
/// waits for its own day, and nothing is added to a day that is over.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_day_that_is_over_gets_its_root_and_takes_nothing_more() {
    let network = Network::start().await;
    let service = &network.provinces[0].running.service;
    let keys = &network.provinces[0].keys;
    let auditor = keys.department("audit").unwrap();
    let today = Day::of_beijing(wall_clock());
    let day = today.previous();
    let at = |at: Millis, nonce: &str| Entry {
        at,
        auditor: auditor.code,
        key: auditor.keys[0].1.id(),
        mandate: Id16([1; 16]),
        question: "/api/v1/members".to_owned(),
        height: service.tip().height,
        nonce: nonce.to_owned(),
    };
    let (log, folder) = (service.read_log(), service.read_log().folder().to_owned());
    let of = |day| Page { day, auditor: auditor.code };
    let last = Millis(day.end().0 - 1);
    assert_eq!(log.append(&at(day.start(), "first")).unwrap(), day);
    assert_eq!(log.append(&at(last, "the last millisecond")).unwrap(), day);
    assert_eq!(log.append(&at(day.end(), "midnight")).unwrap(), today);
    assert_eq!(log.append(&at(last, "a clock that went back")).unwrap(), today);
    assert_eq!(reads::due(service), [of(day)]);

    let task = tokio::spawn(reads::run(service.clone(), keys.operator_key()));
    let key = READ_LOGS.key(&((HOME, day.number()), auditor.code));
    while service.records().current(&key).unwrap().is_none() {
        service.wait_height(service.tip().height.next()).await;
    }
    task.abort();
    let record = READ_LOGS.read(service.records(), &((HOME, day.number()), auditor.code)).unwrap();
    let stated = lines(&folder, of(day)).unwrap();
    assert_eq!((record.body.count, record.body.root), root(&stated));
    assert_eq!(stated.len(), 2);
    assert!(stated[1].contains("the last millisecond"));
    assert_eq!(lines(&folder, of(today)).unwrap().len(), 2);
    assert_eq!(reads::due(service), [], "today waits");
    assert_eq!(log.append(&at(last, "late")).unwrap(), today);
    assert_eq!(lines(&folder, of(day)).unwrap(), stated);

    // What is old and stated is taken away, and nothing else.
    let unstated = folder.join(format!("{}-{}.jsonl", day.previous().number(), auditor.code));
    std::fs::write(&unstated, "{}\n").unwrap();
    assert_eq!(reads::prune(service, 1).unwrap(), 0, "yesterday is kept a day");
    assert_eq!(reads::prune(service, 0).unwrap(), 1);
    assert_eq!(pages(&folder).unwrap(), [of(day.previous()), of(today)]);
    assert!(READ_LOGS.read(service.records(), &((HOME, day.number()), auditor.code)).is_some());
    network.stop().await;
}

/// The entries of the last day of the log of reads.
fn entries(service: &Service) -> Vec<Entry> {
    let folder = service.read_log().folder().to_owned();
    let page = *pages(&folder).unwrap().last().unwrap();
    lines(&folder, page).unwrap().iter().map(|l| serde_json::from_str(l).unwrap()).collect()
}

/// What does not pass for the auditor's signature.
async fn signatures(auditor: &Auditor<'_>, good: Id16, path: &str) {
    let (now, nonce) = (wall_clock(), "an-unrepeated-nonce");
    let unsigned = refused(401, "api.signature");
    let early = Millis(now.0 - 301_000);
    assert_eq!(code(&auditor.ask(good, path, nonce, early, HOME).await), unsigned);
    let late = Millis(now.0 + 302_000);
    assert_eq!(code(&auditor.ask(good, path, nonce, late, HOME).await), unsigned);
    assert_eq!(code(&auditor.ask(good, path, nonce, now, Region(320_000)).await), unsigned);
    assert_eq!(auditor.ask(good, path, nonce, now, HOME).await.status, 200);
    assert_eq!(code(&auditor.ask(good, path, nonce, now, HOME).await), unsigned, "once");
    let issuer = auditor.network.issuer(0).keys[0].1.clone();
    for key in [issuer, KeyPair::from_secret(&[77; 32])] {
        let client = auditor.client.clone();
        let other = Auditor { network: auditor.network, key, client };
        assert_eq!(code(&other.read(good, path).await), unsigned);
    }
    let signed = sign(&auditor.key, good, HOME, path, "another-fresh-nonce", now);
    let headers: Vec<(&str, &str)> =
        signed.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let other = auditor.client.get_with(&format!("{path}/status"), &headers).await;
    assert_eq!(code(&other), unsigned, "a signature is for one path");
}

/// What was answered is in the log, and nothing else; a day that is over gets onto the ledger.
async fn log(network: &Network, auditor: &Auditor<'_>, path: &str) {
    let service = &network.provinces[0].running.service;
    let folder = service.read_log().folder().to_owned();
    let entries = entries(service);
    let of_index = ["/audit/index", "/audit/search", "/audit/q", "/transactions/"];
    let asked: Vec<&str> = entries
        .iter()
        .map(|entry| entry.question.as_str())
        .filter(|asked| !of_index.iter().any(|path| asked.contains(path)))
        .collect();
    let status = format!("{path}/status");
    let events = "/api/v1/audit/events";
    // The refusal of a province in the question comes after the mandate was found good for the path.
    let of_region = format!("{events}?region=320000");
    let expected = [path, &status, "/api/v1/members", &of_region, events, events, events, path];
    assert_eq!(asked, expected);
    assert!(entries.iter().all(|entry| entry.key == auditor.key.id()));

    assert_eq!(reads::due(service), [], "today is not over");
    let day = Day::of_beijing(wall_clock()).previous();
    let before = Entry { at: day.start(), ..entries[0].clone() };
    let line = serde_json::to_string(&before).unwrap();
    let over = Page { day, auditor: before.auditor };
    std::fs::write(
        folder.join(format!("{}-{}.jsonl", day.number(), before.auditor)),
        format!("{line}\n"),
    )
    .unwrap();
    assert_eq!(reads::due(service), [over]);
    let operator = network.provinces[0].keys.operator_key().unwrap();
    reads::state(service, &operator, &[over]).await.unwrap();
    assert_eq!(reads::due(service), []);
    let record =
        READ_LOGS.read(service.records(), &((HOME, day.number()), before.auditor)).unwrap();
    assert_eq!((record.body.count, record.body.root), root(&[line]));
    let again = reads::state(service, &operator, &[over]).await;
    assert_eq!(again, Err("E904".to_owned()));
}
