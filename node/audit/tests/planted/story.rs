//! The planted ledger: ordinary business, and one or two irregularities of every kind.

use hefu_contracts::certificate::*;
use hefu_contracts::identity::*;
use hefu_contracts::oversight::PutReadLogRoot;
use hefu_contracts::recognition::*;
use hefu_contracts::service::*;
use hefu_contracts::sharing::*;
use hefu_contracts::testkit::*;
use hefu_contracts::{Act, EvidenceRef};
use hefu_primitives::time::DAY_MS;
use hefu_primitives::{Domain, H32, Id16, KeyPair, Millis};

use crate::book::Book;

pub(crate) const CAT: &str = "307001234/000012";
const AGREEMENT: Id16 = Id16([0xa1; 16]);

fn evidence() -> EvidenceRef {
    EvidenceRef { kind: 1, commit: digest(9), bytes: 1 }
}

/// Everything, in order.
pub(crate) fn planted() -> Book {
    let mut book = Book::new();
    agreement(&mut book);
    recognition(&mut book);
    sharing(&mut book);
    service(&mut book);
    keys(&mut book);
    governance(&mut book);
    late(&mut book);
    read_log(&mut book);
    // A year's end: what nobody answered is overdue by now.
    book.ledger.wait_days(60);
    let last = licence(&book, 0, 99);
    book.act(&office(0, 0), last);
    book
}

fn licence(book: &Book, province: usize, number: u8) -> Attest {
    Attest { region: REGIONS[province], ..book.ledger.driving_licence(number) }
}

/// Office 0 of the first province relies on certificates of that of the second.
fn agreement(book: &mut Book) {
    let terms = ProposeAgreement {
        id: AGREEMENT,
        amends: None,
        version: 1,
        kind: AgreementKind::Bi,
        parties: vec![REGIONS[0], REGIONS[1]],
        entries: vec![AgreementEntry {
            type_code: code(DRIVING),
            min_version: 1,
            scenarios: vec![1],
            mode: EntryMode::Full,
        }],
        effective: book.ledger.today(),
        until: None,
        dispute_days: 10,
        legal_digest: digest(1),
    };
    let sign = SignAgreement { agreement: terms.id, terms: terms.digest() };
    book.act(&governor(0, 0), terms);
    book.govern(0, sign);
    book.govern(1, sign);
}

fn accept(book: &Book, number: u8, certificate: u8) -> Decide {
    Decide {
        dec_id: id(number),
        att_id: id(certificate),
        unit: Some("SH-ROAD-01".to_owned()),
        agreement: Some(AGREEMENT),
        scenario: 1,
        item: code(ROADSIDE),
        case: None,
        mode: DecisionMode::QrScan,
        checked_height: book.ledger.height,
        digest_match: true,
        seal_verdict: SealVerdict::NotChecked,
        consent: Consent::Holder,
        outcome: DecisionOutcome::Accepted,
        reasons: Vec::new(),
        statute: None,
        evidence: Vec::new(),
        decided_at: book.ledger.time,
    }
}

fn refuse(book: &Book, number: u8, certificate: u8, reason: u16) -> Decide {
    Decide {
        outcome: DecisionOutcome::Refused,
        reasons: vec![reason],
        ..accept(book, number, certificate)
    }
}

/// Decision 1 is good; 2 refuses a good certificate; 3 refuses a suspended one, 4 accepts it; 6 asks
/// again; 7 rests on what is annulled later, 8 accepts it all the same; 9 was wrong and is corrected.
fn recognition(book: &mut Book) {
    let (issuer, relying) = (office(1, 0), office(0, 0));
    for number in 1..=3 {
        let act = licence(book, 1, number);
        book.act(&issuer, act);
    }
    let act = accept(book, 1, 1);
    book.act(&relying, act);
    let act = refuse(book, 2, 1, 5);
    book.act(&relying, act);
    let (effective, occurred_at) = (book.ledger.today(), book.ledger.time);
    book.act(
        &issuer,
        SuspendAttestation { id: id(2), reason: 1, effective, until: None, occurred_at },
    );
    let act = refuse(book, 3, 2, 4);
    book.act(&relying, act);
    let act = accept(book, 4, 2);
    book.act(&relying, act);
    for number in [5, 6] {
        let act = Decide { case: Some(digest(50)), ..accept(book, number, 1) };
        book.act(&relying, act);
    }
    let act = accept(book, 7, 3);
    book.act(&relying, act);
    let (effective, occurred_at) = (book.ledger.today(), book.ledger.time);
    book.act(
        &issuer,
        RevokeAttestation {
            id: id(3),
            kind: RevocationKind::Annul,
            effective,
            retroactive: true,
            reason: 1,
            evidence: None,
            occurred_at,
        },
    );
    let act = accept(book, 8, 3);
    book.act(&relying, act);
    let act = refuse(book, 9, 1, 6);
    book.act(&relying, act);
    let right = accept(book, 10, 1);
    book.act(&relying, CorrectDecision { corrects: id(9), decision: right });
}

fn entry(cat: &str, version: u16, share: ShareKind) -> PublishCatalogue {
    PublishCatalogue {
        cat_id: cat.to_owned(),
        version,
        title: "社会保险参保信息(示例)".to_owned(),
        class: 3,
        share,
        conditions_digest: Some(digest(1)),
        basis: None,
        tightening: None,
        items_digest: digest(2),
        item_count: 12,
        mode: ShareMode::VerifyOnly,
        update_cycle: UpdateCycle::Daily,
        open_attr: OpenAttribute::Closed,
        personal: true,
        data_class: DataClass::General,
        sla: Sla { ack: 1, answer: 10, deliver: 20 },
    }
}

fn extent(book: &Book) -> Extent {
    let (from, until) = (book.ledger.today(), book.ledger.today().add_days(2).unwrap());
    Extent { fields_digest: digest(3), field_count: 5, per_day: 3, from, until }
}

fn request(book: &Book, number: u8) -> RequestAccess {
    RequestAccess {
        req_id: id(number),
        cat_id: CAT.to_owned(),
        cat_version: 1,
        purpose: Purpose { kind: PurposeKind::Item, code: code(MOVING) },
        legal_basis: Basis { kind: BasisKind::StateCouncil, digest: digest(4) },
        extent: extent(book),
        scenario: None,
    }
}

fn used(book: &Book, number: u8) -> Receipt {
    Receipt {
        rcp_id: id(number),
        grant_id: id(1),
        cat_version: 1,
        case: Some(digest(5)),
        kind: UseKind::Verify,
        n_records: 1,
        req: digest(6),
        resp: digest(7),
        result: UseResult::Ok,
        t0: book.ledger.time,
        t1: book.ledger.time,
    }
}

fn both(receipt: Receipt, key: &KeyPair) -> PutReceipt {
    let (chain, body) = receipt.signed_parts(&CHAIN);
    let signature = key.sign_tagged(Domain::Cosignature, &[&chain, &body]);
    PutReceipt { receipt, cosignature: Some(Cosignature { key: key.id(), signature }) }
}

/// Receipt 1 is good, 2 stays one-sided, 3 is contested, 4 is over the cap, 5 has no case, 6 is after
/// the end; 7 has no grant, 8 comes far too late. Request 1 is granted at once, 2 is denied late and
/// without a law, 3 is never answered, 4 is denied in time with a law, 5 is granted in time.
fn sharing(book: &mut Book) {
    let (provider, consumer) = (office(0, 0), office(1, 0));
    book.act(&provider, entry(CAT, 1, ShareKind::Conditional));
    let law = Some(Basis { kind: BasisKind::Law, digest: digest(9) });
    let secret = PublishCatalogue { basis: law, ..entry("A-1", 1, ShareKind::NotShared) };
    book.act(&provider, secret);
    book.act(&provider, entry("A-2", 1, ShareKind::Unconditional));
    let tightening = Some(Tightening::SecurityRisk);
    let tighter = entry("A-2", 2, ShareKind::Conditional);
    book.act(&provider, PublishCatalogue { basis: law, tightening, ..tighter });
    for number in 1..=5 {
        let act = request(book, number);
        book.act(&consumer, act);
    }
    for number in [1, 2, 4, 5] {
        book.act(&provider, Acknowledge { req_id: id(number) });
    }
    let given = extent(book);
    book.act(&provider, GrantAccess { req_id: id(1), extent: given });
    book.act(&provider, GrantAccess { req_id: id(5), extent: given });
    let denial = Denial { reason: 3, basis: law, holder: None, evidence: None };
    book.act(&provider, Deny { req_id: id(4), denial });
    let receipt = used(book, 1);
    book.act(&provider, both(receipt, &consumer.key));
    for number in [2, 3] {
        let receipt = used(book, number);
        book.act(&provider, PutReceipt { receipt, cosignature: None });
    }
    let answer = Answer::Contest { reason: ContestReason::NotUsed, evidence: None };
    book.act(&consumer, AnswerReceipt { rcp_id: id(3), answer });
    let receipt = used(book, 4);
    book.act(&provider, both(receipt, &consumer.key));
    book.ledger.wait_days(1);
    let receipt = Receipt { case: None, ..used(book, 5) };
    book.act(&consumer, both(receipt, &provider.key));
    let receipt = Receipt { grant_id: id(77), ..used(book, 7) };
    let act: Act = PutReceipt { receipt, cosignature: None }.into();
    assert!(book.acts(&consumer, &[act]).is_err());
    book.ledger.wait_days(2);
    let receipt = used(book, 6);
    book.act(&provider, both(receipt, &consumer.key));
    book.ledger.wait_days(3);
    let receipt = used(book, 8);
    let act: Act = both(receipt, &consumer.key).into();
    assert!(book.acts(&provider, &[act]).is_err());
    book.ledger.wait_days(14);
    let denial = Denial { reason: 5, basis: None, holder: None, evidence: None };
    book.act(&provider, Deny { req_id: id(2), denial });
}

fn terms(base: &str) -> ItemTerms {
    ItemTerms {
        base: code(base),
        version: 1,
        name: "国内户口迁移(示例)".to_owned(),
        lead: REGIONS[0],
        participants: REGIONS.to_vec(),
        modes: vec![CaseMode::Online, CaseMode::Proxy, CaseMode::Joint],
        kind: ItemKind::Promise,
        legal_days: 20,
        promise_days: 7,
        pause_days: 10,
        materials_digest: digest(1),
        guide_digest: digest(2),
        standard_digest: digest(3),
        scenarios: vec![],
    }
}

fn handler() -> Actor {
    office(0, 0)
}

fn receiver() -> Actor {
    office(1, 0)
}

fn documents() -> Vec<H32> {
    vec![digest(10), digest(11)]
}

/// Opens a case, checks it and hands it over.
fn hand(book: &mut Book, number: u8) {
    let (case_id, occurred_at) = (id(number), book.ledger.time);
    let open = OpenCase {
        case_id,
        no: digest(number),
        base: code(MOVING),
        implementation: None,
        mode: CaseMode::Proxy,
        unit: Some("A-01".to_owned()),
        handler: handler().authority,
        channel: Channel::Window,
        applicant: ApplicantClass::Natural,
        theme: None,
        occurred_at,
    };
    book.act(&receiver(), open);
    book.act(&receiver(), CheckCase { case_id, consent: digest(8), assurance: 3, assertion: None });
    book.act(&receiver(), Handover { case_id, documents: documents(), occurred_at });
}

fn receive(book: &mut Book, number: u8) {
    let (case_id, occurred_at) = (id(number), book.ledger.time);
    book.act(&handler(), ReceiveHandover { case_id, documents: documents(), occurred_at });
    book.act(&handler(), AcceptCase { case_id, occurred_at });
}

fn decide(book: &mut Book, number: u8) {
    let verdict =
        Verdict { outcome: CaseOutcome::Approved, reasons: vec![], automated: None, result: None };
    let (case_id, occurred_at) = (id(number), book.ledger.time);
    book.act(&handler(), DecideCase { case_id, verdict, occurred_at });
    book.act(&receiver(), DeliverCase { case_id, occurred_at });
    book.act(&handler(), CloseCase { case_id, archive: digest(6) });
}

fn evaluate(book: &mut Book, case: u8, grade: u8, person: u8) {
    let act = Evaluate {
        case_id: id(case),
        stage: Stage::Decide,
        grade,
        channel: hefu_contracts::service::Channel::App,
        indicators: vec![1],
        evaluator: digest(person),
        occurred_at: book.ledger.time,
    };
    book.act(&receiver(), act);
}

fn follow(book: &mut Book, actor: &Actor, case: u8, person: u8, step: EvaluationStep) {
    let (case_id, stage, evaluator) = (id(case), Stage::Decide, digest(person));
    book.act(actor, AnswerEvaluation { case_id, stage, evaluator, step });
}

/// Case 1 is ordinary; 2 is decided after its promise; 3 is never received; 4 is received late; 5 is
/// paused three times. Of case 1, evaluation 9 is good, 10 bad and nothing follows, 11 bad and put right,
/// 12 bad, rectified, and nobody called back.
fn service(book: &mut Book) {
    for (base, live) in [(MOVING, true), (ROADSIDE, false)] {
        let terms = terms(base);
        book.act(&governor(0, 0), ProposeItem { terms: terms.clone() });
        let agree =
            AgreeItem { base: terms.base, lead: terms.lead, version: 1, terms: terms.digest() };
        for province in 0..4 {
            book.govern(province, agree);
        }
        if live {
            let (base, state) = (terms.base, ItemState::Live);
            book.govern(0, SetItemState { base, version: 1, state, reason: 0 });
        }
    }
    for number in 1..=5 {
        hand(book, number);
    }
    for number in [1, 2, 5] {
        receive(book, number);
    }
    decide(book, 1);
    for (grade, person) in [(5, 9), (1, 10), (2, 11), (1, 12)] {
        evaluate(book, 1, grade, person);
    }
    for person in [11, 12] {
        follow(book, &handler(), 1, person, EvaluationStep::Verify);
        follow(book, &handler(), 1, person, EvaluationStep::Rectify(digest(5)));
    }
    follow(book, &receiver(), 1, 11, EvaluationStep::Revisit(5));
    for _ in 0..3 {
        book.act(&handler(), PauseCase { case_id: id(5), kind: PauseKind::Hearing, days: 2 });
        book.ledger.wait_days(1);
        book.act(&handler(), ContinueCase { case_id: id(5) });
    }
    decide(book, 5);
    receive(book, 4);
    decide(book, 4);
    book.ledger.wait_days(14);
    decide(book, 2);
}

/// A key of the third province attests 30, is stolen, attests 31 and 32; 32 is reaffirmed.
fn keys(book: &mut Book) {
    let owner = office(2, 0);
    let act = licence(book, 2, 30);
    book.act(&owner, act);
    let since = Millis(book.ledger.time.0 + 500);
    for number in [31, 32] {
        let act = licence(book, 2, number);
        book.act(&owner, act);
    }
    let key = owner.key.id();
    book.govern(2, RevokeKey { key, reason: RevocationReason::Compromised, since: Some(since) });
    let fresh = fresh_key(7);
    let (not_before, not_after) = (book.ledger.time, Millis(book.ledger.time.0 + 300 * DAY_MS));
    let (roles, owner) = (vec![Role::Issuer], owner.authority);
    let statement = Possession { chain: CHAIN, owner, roles: roles.clone(), not_before, not_after };
    let possession = statement.sign(&fresh);
    let key = fresh.public();
    book.govern(2, BindKey { owner, key, roles, not_before, not_after, possession });
    let fresh = Actor { authority: owner, key: fresh };
    book.act(&fresh, Reaffirm { scope: ReaffirmScope::Attestations(vec![id(32)]) });
}

/// Proposal 1 passes, 2 is opposed by the last province and passes, 3 is rejected.
fn governance(book: &mut Book) {
    for (number, days, against) in [(1u8, 40, 0usize), (2, 41, 1), (3, 42, 3)] {
        let parameters =
            Parameters { fictitious: true, ballot_days: days, ..Parameters::default() };
        let proposal = id(number);
        book.govern(0, Propose { id: proposal, action: Action::SetParameters(parameters) });
        for province in (1..4).rev() {
            let approve = province < 4 - against;
            let vote = CastVote { proposal, approve };
            if book.acts(&governor(province, 0), &[vote.clone().into()]).is_ok() {
                let _ = book.acts(&governor(province, 1), &[vote.into()]);
            }
        }
    }
}

/// Certificate 40 says that it is backfilled, decision 41 is two days late.
fn late(book: &mut Book) {
    let long_ago = book.ledger.today().add_days(-60).unwrap();
    let act = Attest {
        issued_on: long_ago,
        valid_from: long_ago,
        valid_until: long_ago.add_days(3_000),
        occurred_at: long_ago.start(),
        marks: Marks { backfill: true, ..Marks::default() },
        ..licence(book, 1, 40)
    };
    book.act(&office(1, 0), act);
    let decided_at = Millis(book.ledger.time.0 - 2 * DAY_MS);
    let act = Decide { decided_at, ..accept(book, 41, 1) };
    book.act(&office(0, 0), act);
}

fn read_log(book: &mut Book) {
    let operator = auditor(1);
    let day = book.ledger.today().previous();
    let reader = office(1, 1).authority;
    book.act(&operator, PutReadLogRoot { day, auditor: reader, count: 3, root: digest(4) });
}

/// What no node would take: a title with a number in it, as if it had been applied.
pub(crate) fn smuggle(book: &mut Book) {
    let title = "登记 999999194901010000".to_owned();
    let act = PublishCatalogue { title, ..entry("A-9", 1, ShareKind::Conditional) };
    let provider = office(0, 0);
    assert!(book.acts(&provider, &[act.clone().into()]).is_err(), "the guard is on");
    let mut kept = book.blocks.pop().unwrap();
    let catalogue = Catalogue {
        entry: act,
        provider: provider.authority,
        state: CatalogueState::Published,
        published_at: kept.height,
        published_time: kept.time,
        changed_at: kept.height,
        consent: None,
    };
    use hefu_primitives::codec::Canonical;
    kept.records.0.insert(CATALOGUE.key(&"A-9".to_owned()), catalogue.to_bytes());
    kept.outcomes[0].result = hefu_primitives::block::TxResult::Applied { leaf: 1 };
    kept.events = vec![hefu_contracts::Event {
        transaction: 0,
        act: 0,
        kind: "catalogue_published".to_owned(),
        subject: "cat:A-9".to_owned(),
        actor: provider.authority,
        region: REGIONS[0],
        flags: Vec::new(),
    }];
    let _ = evidence();
    book.blocks.push(kept);
}
