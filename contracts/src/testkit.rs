//! A small ledger for tests: the four founding provinces over a state in memory, all codes made
//! up, one block for each transaction.
//!
//! Each province has a data administration (the operator, with three governors and an auditor's
//! key) and three offices whose key has every role but governor, and a full mandate.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::indexing_slicing)]
#![allow(missing_docs, unreachable_pub)] // names say it, and tests are the readers

mod coordinator;
mod newcomer;

pub use coordinator::*;
pub use newcomer::*;

use hefu_primitives::block::TxResult;
use hefu_primitives::codec::Canonical;
use hefu_primitives::time::{DAY_MS, Day, Notice};
use hefu_primitives::{
    BaseCode, BlockId, ChainId, H32, Height, Id16, KeyId, KeyPair, Millis, Power, Region,
    SignedTransaction, TransactionBody, TypeCode, Uscc, Validator,
};

use crate::act::Act;
use crate::certificate::{
    Attest, CertTypeTerms, ConsentRule, HolderClass, IdPolicy, Ident, Marks, ScenarioTerms,
    ScenarioType, Validity,
};
use crate::code::Code;
use crate::event::Event;
use crate::exec::{BlockInfo, Execution, VerifyAlways, execute};
use crate::genesis_state::InitialState;
use crate::identity::{
    Action, Authority, AuthorityState, CastVote, KeyRecord, KeyState, Member, MemberState,
    Parameters, Propose, Role,
};
use crate::state::{KeyPart, MemoryState, Table};

pub const CHAIN: ChainId = ChainId([0xc4; 32]);
pub const REGIONS: [Region; 4] =
    [Region(310_000), Region(320_000), Region(330_000), Region(340_000)];
/// Data administrations: the operators.
pub const DATA: [&str; 4] =
    ["11310000HEFU01010W", "11320000HEFU02013H", "11330000HEFU030166", "11340000HEFU04019T"];
/// Public security, market regulation, human resources of each province.
pub const OFFICES: [[&str; 3]; 4] = [
    ["11310000HEFU01029R", "11310000HEFU01037L", "11310000HEFU01045F"],
    ["11320000HEFU02021C", "11320000HEFU0203X4", "11320000HEFU020484"],
    ["11330000HEFU030241", "11330000HEFU03032U", "11330000HEFU03040N"],
    ["11340000HEFU04027M", "11340000HEFU04035G", "11340000HEFU04043B"],
];
/// Driving licence: natural persons, committed, at most ten years.
pub const DRIVING: &str = "11100000HEFU90017F002";
/// Business licence: organisations, plain, without an end.
pub const BUSINESS: &str = "11100000HEFU90025A001";
/// Food licence: organisations, plain, at most five years, sealed.
pub const FOOD: &str = "11100000HEFU90025A002";
/// A service item whose scenario is number 1.
pub const ROADSIDE: &str = "991090001000";
/// A service item without a scenario.
pub const MOVING: &str = "990790003000";

pub fn code<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().unwrap()
}

pub fn day(text: &str) -> Day {
    text.parse().unwrap()
}

pub fn id(number: u8) -> Id16 {
    Id16([number; 16])
}

/// A commitment-shaped value.
pub fn digest(number: u8) -> H32 {
    H32([number; 32])
}

/// Who signs.
#[derive(Clone, Debug)]
pub struct Actor {
    pub authority: Uscc,
    pub key: KeyPair,
}

fn pair(province: usize, purpose: u8, number: usize) -> KeyPair {
    let mut secret = [0x5e; 32];
    secret[..3].copy_from_slice(&[province as u8, purpose, number as u8]);
    KeyPair::from_secret(&secret)
}

/// The n-th governor of a province, 0 to 2.
pub fn governor(province: usize, number: usize) -> Actor {
    Actor { authority: code(DATA[province]), key: pair(province, 1, number) }
}

/// An office's key with every role but governor, 0 to 2.
pub fn office(province: usize, number: usize) -> Actor {
    Actor { authority: code(OFFICES[province][number]), key: pair(province, 2, number) }
}

/// The operator's key with the auditor's role alone.
pub fn auditor(province: usize) -> Actor {
    Actor { authority: code(DATA[province]), key: pair(province, 3, 0) }
}

/// A key nobody has bound.
pub fn fresh_key(number: u8) -> KeyPair {
    KeyPair::from_secret(&[number; 32])
}

pub fn all_roles() -> Vec<Role> {
    use Role::{Auditor, Consumer, Handler, Issuer, Provider, Verifier, Window};
    vec![Issuer, Verifier, Provider, Consumer, Window, Handler, Auditor]
}

pub fn type_terms(text: &str, class: HolderClass, policy: IdPolicy) -> CertTypeTerms {
    CertTypeTerms {
        code: code(text),
        version: 1,
        name_zh: "示例证照".to_owned(),
        name_en: "Sample licence".to_owned(),
        holder_class: class,
        holder_codes: vec![1, 111],
        id_policy: policy,
        schema_digest: digest(0xd1),
        canon_version: 1,
        seal_required: text == FOOD,
        validity: match text {
            DRIVING => Validity::Years(10),
            FOOD => Validity::Years(5),
            _ => Validity::None,
        },
        standard_digest: H32::ZERO,
        lead: REGIONS[0],
    }
}

pub fn scenario_terms(number: u32) -> ScenarioTerms {
    let entry = |text: &str| ScenarioType { code: code(text), min_version: 1 };
    ScenarioTerms {
        id: number,
        item: code(ROADSIDE),
        types: vec![entry(DRIVING), entry(BUSINESS)],
        freshness_s: 900,
        consent: ConsentRule::Holder,
        seal_check: false,
    }
}

fn key_record(key: &KeyPair, owner: Uscc, roles: Vec<Role>, now: Millis) -> KeyRecord {
    KeyRecord {
        key: key.public(),
        owner,
        roles,
        not_before: Millis(now.0 - DAY_MS),
        not_after: Millis(now.0 + 600 * DAY_MS),
        state: KeyState::Active,
        retires_at: None,
        revocation: None,
        bound_at: Height(0),
        bound_time: Millis(0),
        first_revocation: None,
    }
}

fn authority(member: Region, text: &str, full: bool) -> Authority {
    let types: Vec<TypeCode> = [DRIVING, BUSINESS, FOOD].map(code).into();
    let items: Vec<BaseCode> = [MOVING, ROADSIDE].map(code).into();
    Authority {
        code: code(text),
        member,
        level: 2,
        region: member,
        name: "示例机关(虚构)".to_owned(),
        central_vertical: false,
        may_issue: if full { types } else { Vec::new() },
        may_rely: if full { vec![1] } else { Vec::new() },
        may_handle: if full { items } else { Vec::new() },
        state: AuthorityState::Active,
        successor: None,
        succession: None,
        inherited: None,
        units: None,
        operated_by: None,
    }
}

/// 20 May 2026, 10:00 in Beijing.
pub fn start() -> Millis {
    Millis::from_rfc3339("2026-05-20T02:00:00Z").unwrap()
}

/// The state the small ledger begins with.
pub fn initial_state() -> InitialState {
    let now = start();
    let mut keys = Vec::new();
    let mut authorities = Vec::new();
    let mut members = Vec::new();
    for (province, region) in REGIONS.iter().enumerate() {
        let operator: Uscc = code(DATA[province]);
        authorities.push(authority(*region, DATA[province], false));
        keys.push(key_record(&auditor(province).key, operator, vec![Role::Auditor], now));
        for (number, office_code) in OFFICES[province].iter().enumerate() {
            let governor = governor(province, number).key;
            keys.push(key_record(&governor, operator, vec![Role::Governor], now));
            let office = office(province, number);
            keys.push(key_record(&office.key, office.authority, all_roles(), now));
            authorities.push(authority(*region, office_code, true));
        }
        members.push(Member {
            region: *region,
            operator,
            name_zh: "示例省".to_owned(),
            name_en: "Sample".to_owned(),
            validator_key: pair(province, 4, 0).public(),
            node_key: pair(province, 5, 0).public(),
            governors: (0..3).map(|number| governor(province, number).key.id()).collect(),
            threshold: 2,
            state: MemberState::Active,
            joined_at: Millis(0),
            addresses: None,
            suspension: None,
            notice: None,
            approval: None,
            ended: None,
            rotated_at: None,
        });
    }
    keys.sort_by_key(|key| key.key.id());
    authorities.sort_by_key(|authority| authority.code);
    let validators = members
        .iter()
        .map(|m| Validator { region: m.region, key: m.validator_key, power: Power(1) })
        .collect();
    InitialState {
        parameters: Parameters { fictitious: true, ..Parameters::default() },
        members,
        authorities,
        keys,
        types: vec![
            type_terms(DRIVING, HolderClass::Natural, IdPolicy::Committed),
            type_terms(BUSINESS, HolderClass::Legal, IdPolicy::Plain),
            type_terms(FOOD, HolderClass::Legal, IdPolicy::Plain),
        ],
        scenarios: vec![scenario_terms(1)],
        calendars: vec![Notice::FOR_2026.calendar().unwrap()],
        validators,
    }
}

/// A ledger that makes one block for each transaction, a second after the last.
#[derive(Clone, Debug)]
pub struct Ledger {
    pub state: MemoryState,
    pub height: Height,
    pub time: Millis,
    pub log_size: u64,
    /// The events of the last block.
    pub events: Vec<Event>,
    nonce: u64,
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

impl Ledger {
    pub fn new() -> Self {
        let initial = initial_state();
        initial.validate().unwrap();
        let mut state = MemoryState::default();
        state.apply(&initial.writes());
        let (height, time) = (Height(0), start());
        Self { state, height, time, log_size: 1, events: Vec::new(), nonce: 0 }
    }

    /// Signs a transaction; each differs from the last by its `not_after`.
    pub fn sign(&mut self, actor: &Actor, acts: &[Act]) -> SignedTransaction {
        self.nonce += 1;
        let body = TransactionBody {
            chain: CHAIN,
            not_after: Millis(self.time.0 + 60_000 + self.nonce),
            acts: acts.iter().map(|act| act.to_bytes().into()).collect(),
        };
        SignedTransaction::sign(&body, actor.authority, "test", &actor.key).unwrap()
    }

    /// The block that would come next.
    pub fn next_block(&self) -> BlockInfo {
        BlockInfo {
            chain: CHAIN,
            height: self.height.next(),
            time: Millis(self.time.0 + 1_000),
            protocol: 1,
            log_size: self.log_size,
            parent: BlockId(digest(self.height.0 as u8).0),
        }
    }

    /// Executes and applies one block.
    pub fn block(&mut self, transactions: &[&SignedTransaction]) -> Execution {
        let block = self.next_block();
        let execution = execute(block, transactions, &self.state, &VerifyAlways);
        #[cfg(test)]
        crate::described::executed(transactions, &execution);
        self.state.apply(&execution.writes);
        let applied =
            |o: &&hefu_primitives::block::Outcome| matches!(o.result, TxResult::Applied { .. });
        self.log_size += execution.outcomes.iter().filter(applied).count() as u64;
        (self.height, self.time) = (block.height, block.time);
        self.events = execution.events.clone();
        execution
    }

    /// Submits one act.
    pub fn act(&mut self, actor: &Actor, act: impl Into<Act>) -> Result<(), Code> {
        self.acts(actor, &[act.into()])
    }

    /// Submits several acts in one transaction.
    pub fn acts(&mut self, actor: &Actor, acts: &[Act]) -> Result<(), Code> {
        let tx = self.sign(actor, acts);
        let execution = self.block(&[&tx]);
        match execution.outcomes[0].result {
            TxResult::Applied { .. } => Ok(()),
            TxResult::Refused { code, .. } => Err(Code::from_number(code).unwrap()),
        }
    }

    /// Submits an act by two governors of a province.
    pub fn govern(&mut self, province: usize, act: impl Into<Act>) -> Result<(), Code> {
        let act = act.into();
        self.act(&governor(province, 0), act.clone())?;
        self.act(&governor(province, 1), act)
    }

    /// Submits an act by two governors of any member, by their keys.
    pub fn govern_as(&mut self, governors: &[Actor], act: impl Into<Act>) -> Result<(), Code> {
        let act = act.into();
        self.act(&governors[0], act.clone())?;
        self.act(&governors[1], act)
    }

    /// Proposes an action in the first province and votes yes in the next two.
    pub fn adopt(&mut self, proposal: Id16, action: Action) -> Result<(), Code> {
        self.govern(0, Propose { id: proposal, action })?;
        self.govern(1, CastVote { proposal, approve: true })?;
        self.govern(2, CastVote { proposal, approve: true })
    }

    /// Lets time pass without a block.
    pub fn wait_days(&mut self, days: u64) {
        self.time = Millis(self.time.0 + days * DAY_MS);
    }

    pub fn today(&self) -> Day {
        Day::of_beijing(self.time)
    }

    pub fn get<K: KeyPart + ?Sized, V: Canonical>(
        &self,
        table: &Table<K, V>,
        key: &K,
    ) -> Option<V> {
        table.read(&self.state, key)
    }

    /// Writes a record behind the rules' back.
    pub fn put<K: KeyPart + ?Sized, V: Canonical>(
        &mut self,
        table: &Table<K, V>,
        key: &K,
        value: &V,
    ) {
        self.state.0.insert(table.key(key), value.to_bytes());
    }

    /// The kinds of the last block's events.
    pub fn event_kinds(&self) -> Vec<&str> {
        self.events.iter().map(|event| event.kind.as_str()).collect()
    }

    /// A driving licence that [`office`]`(_, 0)` may attest today.
    pub fn driving_licence(&self, number: u8) -> Attest {
        Attest {
            id: id(number),
            type_code: code(DRIVING),
            type_version: 1,
            region: REGIONS[0],
            ident: Ident::Committed(digest(number)),
            holder: digest(number),
            content: digest(number),
            file: None,
            seal: None,
            cert_version: 1,
            issued_on: self.today(),
            valid_from: self.today(),
            valid_until: self.today().add_days(3650),
            previous: None,
            marks: Marks::default(),
            occurred_at: self.time,
        }
    }

    /// Attests a driving licence in a province's first office.
    pub fn attest(&mut self, province: usize, number: u8) -> Result<(), Code> {
        let licence = Attest { region: REGIONS[province], ..self.driving_licence(number) };
        self.act(&office(province, 0), licence)
    }

    /// The id of an actor's key.
    pub fn key_of(actor: &Actor) -> KeyId {
        actor.key.id()
    }
}
