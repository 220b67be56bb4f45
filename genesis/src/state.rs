//! The state before height 1, as the contracts store it.
//!
//! Invariant: it follows from the document alone. Node addresses and the network's name are not
//! in it.

use hefu_contracts::identity::{
    Authority, AuthorityState, KeyRecord, KeyState, Member, MemberState, Role,
};
use hefu_contracts::{InitialState, Writes};
use hefu_primitives::time::DAY_MS;
use hefu_primitives::{Height, Millis, PublicKey, Uscc, ValidatorSet};

use crate::document::{AuthoritySeed, Charter, Document, GOVERNOR_THRESHOLD, KeySeed, MemberSeed};

/// Every record a document begins with. Its root is in the anchor, and so in the chain id.
pub(crate) fn initial_writes(document: &Document, validators: &ValidatorSet) -> Writes {
    initial_state(document, validators).writes()
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
    use crate::testing::{CREATED, demo};
    use hefu_contracts::act::Act;
    use hefu_contracts::certificate::{ATTESTATIONS, Attest, Ident, Marks};
    use hefu_contracts::exec::{BlockInfo, VerifyAlways, execute};
    use hefu_contracts::identity::AUTHORITIES;
    use hefu_contracts::state::MemoryState;
    use hefu_primitives::block::TxResult;
    use hefu_primitives::codec::Canonical;
    use hefu_primitives::codes::Identifier;
    use hefu_primitives::{H32, Id16, Region, SignedTransaction, TransactionBody};

    #[test]
    fn contracts_accept_the_state() {
        let genesis = demo().0;
        let state = initial_state(genesis.document(), genesis.validators());
        assert_eq!(state.validate(), Ok(()));
        assert_eq!((state.authorities.len(), state.keys.len()), (48, 48 + 12));
        assert_eq!(genesis.initial_writes(), state.writes());
    }

    /// The sample is alive: an authority of it attests a licence in the first block.
    #[test]
    fn an_attestation_applies() {
        let (genesis, keys) = demo();
        let mut memory = MemoryState::default();
        memory.apply(&genesis.initial_writes());
        let text =
            "1.2.156.3005.2.11100000HEFU90025A001.11310000HEFU01037L.HMYL093CBNKZLLR3T3PR.001.9";
        let identifier: Identifier = text.parse().unwrap();
        let issuer = keys.authority(identifier.issuer()).unwrap();
        assert!(AUTHORITIES.read(&memory, &issuer.code).is_some());
        let id = Id16([7; 16]);
        let attest = Attest {
            id,
            type_code: identifier.type_code(),
            type_version: 1,
            region: Region(310_115),
            ident: Ident::Plain(text.to_owned()),
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
        };
        let time = Millis(CREATED.0 + 1_000);
        let acts = vec![Act::from(attest).to_bytes().into()];
        let not_after = Millis(time.0 + 60_000);
        let body = TransactionBody { chain: genesis.hash(), not_after, acts };
        let pair = issuer.key_for(Role::Issuer).unwrap();
        let signed = SignedTransaction::sign(&body, issuer.code, "att", pair).unwrap();
        let block =
            BlockInfo { chain: genesis.hash(), height: Height(1), time, protocol: 1, log_size: 1 };
        let done = execute(block, &[&signed], &memory, &VerifyAlways);
        assert_eq!(done.outcomes[0].result, TxResult::Applied { leaf: 1 });
        assert_eq!(done.next_validators.as_ref(), Some(genesis.validators()));
        memory.apply(&done.writes);
        assert_eq!(ATTESTATIONS.read(&memory, &id).unwrap().issuer, issuer.code);
    }
}
