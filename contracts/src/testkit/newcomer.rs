//! Provinces that join the small ledger, and how they do.

use hefu_primitives::codes::uscc;
use hefu_primitives::{Id16, KeyPair, Millis, PublicKey, Region, Uscc};

use super::{Actor, CHAIN, DAY_MS, Ledger, pair};
use crate::code::Code;
use crate::identity::{
    Action, Candidate, CastVote, KEYS, MEMBERS, Member, MemberProof, Propose, ProveKeys,
};

/// Provinces that may join, in the order of their numbers.
pub const NEWCOMERS: [Region; 3] = [Region(350_000), Region(360_000), Region(370_000)];

/// The n-th newcomer's operator.
pub fn newcomer_operator(number: usize) -> Uscc {
    uscc::with_checks(&format!("11{}HEFU09{number}0", NEWCOMERS[number])).unwrap()
}

/// A key of a newcomer: 4 validator, 5 node, 6 to 8 governors.
pub fn newcomer_key(number: usize, purpose: u8) -> KeyPair {
    pair(100 + number, purpose, 0)
}

/// A newcomer's n-th governor, 0 to 2.
pub fn newcomer_governor(number: usize, governor: u8) -> Actor {
    Actor { authority: newcomer_operator(number), key: newcomer_key(number, 6 + governor) }
}

/// What is voted on for a newcomer that is proposed at a time.
pub fn candidate(now: Millis, number: usize) -> Candidate {
    Candidate {
        region: NEWCOMERS[number],
        operator: newcomer_operator(number),
        operator_name: "示例数据局(虚构)".to_owned(),
        name_zh: "示例省".to_owned(),
        name_en: "Sample".to_owned(),
        validator_key: newcomer_key(number, 4).public(),
        node_key: newcomer_key(number, 5).public(),
        governors: (6..9).map(|purpose| newcomer_key(number, purpose).public()).collect(),
        not_before: now,
        not_after: Millis(now.0 + 700 * DAY_MS),
        addresses: vec!["10.0.0.5:9431".to_owned()],
    }
}

/// The proof of an approved newcomer's keys.
pub fn newcomer_proof(member: &Member, number: usize) -> ProveKeys {
    let governors: Vec<KeyPair> = (6..9).map(|purpose| newcomer_key(number, purpose)).collect();
    let public: Vec<PublicKey> = governors.iter().map(KeyPair::public).collect();
    let statement = MemberProof::of_admission(CHAIN, member, &public).unwrap();
    ProveKeys {
        member: member.region,
        validator: statement.sign(&newcomer_key(number, 4)),
        node: statement.sign(&newcomer_key(number, 5)),
        governors: governors.iter().map(|key| statement.sign(key)).collect(),
    }
}

impl Ledger {
    /// Proposes an action in one founding province and votes yes in others.
    pub fn adopt_by(
        &mut self,
        proposal: Id16,
        action: Action,
        provinces: &[usize],
    ) -> Result<(), Code> {
        let (first, others) = provinces.split_first().unwrap();
        self.govern(*first, Propose { id: proposal, action })?;
        others
            .iter()
            .try_for_each(|province| self.govern(*province, CastVote { proposal, approve: true }))
    }

    /// Lets a newcomer be approved by three founders.
    pub fn approve(&mut self, proposal: Id16, number: usize) -> Result<(), Code> {
        let action = Action::AdmitMember(candidate(self.time, number));
        self.adopt(proposal, action)
    }

    /// Lets a newcomer join.
    pub fn join(&mut self, proposal: Id16, number: usize) -> Result<(), Code> {
        self.approve(proposal, number)?;
        let member = self.get(&MEMBERS, &NEWCOMERS[number]).unwrap();
        assert!(member.governors.iter().all(|id| self.get(&KEYS, id).is_some()));
        self.act(&newcomer_governor(number, 0), newcomer_proof(&member, number))
    }
}
