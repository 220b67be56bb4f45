//! The state before height 1, as the contracts store it.
//!
//! Invariant: it follows from the document alone. Node addresses and the network's name are not
//! in it.

use hefu_contracts::certificate::TYPE_USES;
use hefu_contracts::identity::{
    Authority, AuthorityState, KeyRecord, KeyState, Member, MemberState, Role,
};
use hefu_contracts::recognition::{
    AGREEMENT_ENDS, AGREEMENTS, AGREEMENTS_BETWEEN, Agreement, PartySignature, ProposeAgreement,
    rows_between,
};
use hefu_contracts::service::founding_item;
use hefu_contracts::{InitialState, Stamp, Writes};
use hefu_primitives::codec::Canonical;
use hefu_primitives::time::DAY_MS;
use hefu_primitives::{Height, KeyId, Millis, PublicKey, Region, Uscc, ValidatorSet};

use crate::document::{AuthoritySeed, Charter, Document, GOVERNOR_THRESHOLD, KeySeed, MemberSeed};

/// What came with genesis rather than with an act.
const GENESIS: Stamp =
    Stamp { height: Height(0), time: Millis(0), occurred_at: Millis(0), key: KeyId::ZERO };

/// Every record a document begins with. Its root is in the anchor, and so in the chain id.
pub(crate) fn initial_writes(document: &Document, validators: &ValidatorSet) -> Writes {
    let mut writes = initial_state(document, validators).writes();
    for terms in &document.charter.agreements {
        put_agreement(&mut writes, terms);
    }
    for terms in &document.charter.items {
        writes.extend(founding_item(terms, GENESIS));
    }
    writes
}

/// An agreement that all its parties signed, as recognition stores it when the last one does. The
/// founders' signatures on the genesis stand for those of governors.
fn put_agreement(writes: &mut Writes, terms: &ProposeAgreement) {
    let mut put = |key: Vec<u8>, value: Vec<u8>| writes.insert(key, Some(value));
    let nothing = ().to_bytes();
    for entry in &terms.entries {
        put(TYPE_USES.key(&(entry.type_code, terms.id)), nothing.clone());
    }
    if let Some(last) = terms.until {
        put(AGREEMENT_ENDS.key(&(last.next().number(), terms.id)), nothing.clone());
    }
    let signature = |party: &Region| PartySignature { party: *party, stamp: GENESIS };
    let record = Agreement {
        terms: terms.clone(),
        digest: terms.digest(),
        proposer: terms.parties.first().copied().unwrap_or_default(),
        proposed: GENESIS,
        signatures: terms.parties.iter().map(signature).collect(),
        pauses: Vec::new(),
        leaves: Vec::new(),
        replaced: None,
    };
    for row in rows_between(&record) {
        put(AGREEMENTS_BETWEEN.key(&row), nothing.clone());
    }
    put(AGREEMENTS.key(&terms.id), record.to_bytes());
}

/// The lists of the contracts, each in the order they ask for.
pub(crate) fn initial_state(document: &Document, validators: &ValidatorSet) -> InitialState {
    let Charter { parameters, types, scenarios, calendars, .. } = &document.charter;
    let mut authorities = Vec::new();
    let mut keys = Vec::new();
    for member in &document.members {
        keys.extend(governors(member, &document.charter));
        for seed in &member.authorities {
            authorities.push(authority(seed, member));
            keys.extend(seed.keys.iter().map(|key| acting_key(key, seed.code)));
        }
    }
    authorities.sort_by_key(|authority: &Authority| authority.code);
    keys.sort_by_key(|record: &KeyRecord| record.key.id());
    InitialState {
        parameters: parameters.clone(),
        members: document.members.iter().map(member).collect(),
        authorities,
        keys,
        types: types.clone(),
        scenarios: scenarios.clone(),
        calendars: calendars.clone(),
        validators: validators.validators().to_vec(),
    }
}

fn member(seed: &MemberSeed) -> Member {
    Member {
        region: seed.region,
        operator: seed.operator,
        name_zh: seed.name_zh.clone(),
        name_en: seed.name_en.clone(),
        validator_key: seed.validator_key,
        node_key: seed.node_key,
        governors: seed.governor_keys.iter().map(PublicKey::id).collect(),
        threshold: GOVERNOR_THRESHOLD,
        state: MemberState::Active,
        joined_at: Millis(0),
        addresses: None,
        suspension: None,
        notice: None,
        approval: None,
        ended: None,
        rotated_at: None,
    }
}

fn authority(seed: &AuthoritySeed, member: &MemberSeed) -> Authority {
    Authority {
        code: seed.code,
        member: member.region,
        level: seed.level,
        region: seed.region,
        name: seed.name.clone(),
        central_vertical: seed.central_vertical,
        may_issue: seed.may_issue.clone(),
        may_rely: seed.may_rely.clone(),
        may_handle: seed.may_handle.clone(),
        state: AuthorityState::Active,
        successor: None,
        succession: None,
        inherited: None,
        units: None,
        operated_by: None,
    }
}

/// A founding governor's key serves for the longest term from the creation of the ledger on.
fn governors(member: &MemberSeed, charter: &Charter) -> impl Iterator<Item = KeyRecord> {
    let (owner, not_before) = (member.operator, charter.created);
    let term = DAY_MS.saturating_mul(u64::from(charter.parameters.key_term_days));
    let not_after = Millis(not_before.0.saturating_add(term));
    let roles = vec![Role::Governor];
    let record = move |key| record(key, owner, roles.clone(), (not_before, not_after));
    member.governor_keys.into_iter().map(record)
}

fn acting_key(seed: &KeySeed, owner: Uscc) -> KeyRecord {
    record(seed.key, owner, seed.roles.clone(), (seed.not_before, seed.not_after))
}

fn record(
    key: PublicKey,
    owner: Uscc,
    roles: Vec<Role>,
    (not_before, not_after): (Millis, Millis),
) -> KeyRecord {
    KeyRecord {
        key,
        owner,
        roles,
        not_before,
        not_after,
        state: KeyState::Active,
        retires_at: None,
        revocation: None,
        bound_at: Height(0),
        bound_time: Millis(0),
        first_revocation: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genesis::Genesis;
    use crate::sample::{AGREEMENT, SampleKeys};
    use crate::testing::{CREATED, demo};
    use hefu_contracts::Code;
    use hefu_contracts::act::Act;
    use hefu_contracts::certificate::{ATTESTATIONS, Attest, Ident, Marks, SealVerdict};
    use hefu_contracts::exec::{BlockInfo, VerifyAlways, execute};
    use hefu_contracts::recognition::{
        AgreementState, Consent, DECISIONS, Decide, DecisionFlag, DecisionMode, DecisionOutcome,
    };
    use hefu_contracts::state::MemoryState;
    use hefu_primitives::block::TxResult;
    use hefu_primitives::codes::Identifier;
    use hefu_primitives::{H32, Id16, SignedTransaction, TransactionBody};

    #[test]
    fn contracts_accept_the_state() {
        let genesis = demo().0;
        let state = initial_state(genesis.document(), genesis.validators());
        assert_eq!(state.validate(), Ok(()));
        assert_eq!((state.authorities.len(), state.keys.len()), (48, 48 + 12 + 4));
    }

    /// A ledger in memory that makes a block of each transaction.
    struct Ledger {
        genesis: Genesis,
        keys: SampleKeys,
        memory: MemoryState,
        height: Height,
    }

    impl Ledger {
        fn new() -> Self {
            let (genesis, keys) = demo();
            let mut memory = MemoryState::default();
            memory.apply(&genesis.initial_writes());
            Self { genesis, keys, memory, height: Height(0) }
        }

        fn submit(&mut self, authority: Uscc, role: Role, act: Act) -> TxResult {
            self.height = self.height.next();
            let chain = self.genesis.hash();
            let time = Millis(CREATED.0 + self.height.0 * 1_000);
            let not_after = Millis(time.0 + 60_000);
            let body = TransactionBody { chain, not_after, acts: vec![act.to_bytes().into()] };
            let pair = self.keys.authority(authority).unwrap().key_for(role).unwrap();
            let signed = SignedTransaction::sign(&body, authority, "test", pair).unwrap();
            let height = self.height;
            let parent = hefu_primitives::BlockId::ZERO;
            let log_size = height.0;
            let block = BlockInfo { chain, height, time, protocol: 1, log_size, parent };
            let done = execute(block, &[&signed], &self.memory, &VerifyAlways);
            assert_eq!(done.next_validators.as_ref(), Some(self.genesis.validators()));
            self.memory.apply(&done.writes);
            done.outcomes[0].result
        }
    }

    const LICENCE: &str =
        "1.2.156.3005.2.11100000HEFU90025A001.11310000HEFU01037L.HMYL093CBNKZLLR3T3PR.001.9";

    fn attest(identifier: &Identifier, id: Id16) -> Attest {
        Attest {
            id,
            type_code: identifier.type_code(),
            type_version: 1,
            region: Region(310_115),
            ident: Ident::Plain(identifier.to_string()),
            holder: H32([1; 32]),
            content: H32([2; 32]),
            file: None,
            seal: None,
            cert_version: 1,
            issued_on: "2026-02-27".parse().unwrap(),
            valid_from: "2026-02-27".parse().unwrap(),
            valid_until: None,
            previous: None,
            marks: Marks::default(),
            occurred_at: CREATED,
        }
    }

    /// The sample is alive: Shanghai attests a licence, Anhui relies on it under the agreement
    /// that is in force from the start.
    #[test]
    fn attested_in_one_province_and_accepted_in_another() {
        let mut ledger = Ledger::new();
        let identifier: Identifier = LICENCE.parse().unwrap();
        let (att_id, dec_id) = (Id16([7; 16]), Id16([8; 16]));
        let act = Act::from(attest(&identifier, att_id));
        let result = ledger.submit(identifier.issuer(), Role::Issuer, act);
        assert_eq!(result, TxResult::Applied { leaf: 1 });
        let attestation = ATTESTATIONS.read(&ledger.memory, &att_id).unwrap();
        assert_eq!(attestation.issuer, identifier.issuer());
        let decide = Decide {
            dec_id,
            att_id,
            unit: None,
            agreement: Some(AGREEMENT),
            scenario: 401,
            item: "992090004000".parse().unwrap(),
            case: None,
            mode: DecisionMode::Online,
            checked_height: Height(1),
            digest_match: true,
            seal_verdict: SealVerdict::NotChecked,
            consent: Consent::Holder,
            outcome: DecisionOutcome::Accepted,
            reasons: Vec::new(),
            statute: None,
            evidence: Vec::new(),
            decided_at: CREATED,
        };
        let anhui = "11340000HEFU04035G".parse().unwrap();
        let result = ledger.submit(anhui, Role::Verifier, Act::from(decide));
        assert_eq!(result, TxResult::Applied { leaf: 2 });
        let decision = DECISIONS.read(&ledger.memory, &dec_id).unwrap();
        assert_eq!(decision.flags, [DecisionFlag::Consistent]);
    }

    #[test]
    fn mandates_of_the_sample_are_those_of_departments() {
        let mut ledger = Ledger::new();
        let identifier: Identifier = LICENCE.parse().unwrap();
        let police = "11310000HEFU01029R".parse().unwrap();
        let act = Act::from(attest(&identifier, Id16([7; 16])));
        let refused = ledger.submit(police, Role::Issuer, act);
        let code = Code::NoMandate.number();
        assert_eq!(refused, TxResult::Refused { code, act: 0 });
    }

    #[test]
    fn an_agreement_with_an_end_is_noted() {
        let mut document = demo().0.document().clone();
        let agreement = &mut document.charter.agreements[0];
        agreement.until = Some("2026-12-31".parse().unwrap());
        let genesis = Genesis::new(document).unwrap();
        let mut memory = MemoryState::default();
        memory.apply(&genesis.initial_writes());
        assert_eq!(AGREEMENT_ENDS.read(&memory, &(20_270_101, AGREEMENT)), Some(()));
        let agreement = AGREEMENTS.read(&memory, &AGREEMENT).unwrap();
        let state = |day: &str| agreement.state(day.parse().unwrap(), Height(1)).unwrap();
        assert_eq!(state("2026-12-31"), AgreementState::InForce);
        assert_eq!(state("2027-01-01"), AgreementState::Expired);
    }
}
