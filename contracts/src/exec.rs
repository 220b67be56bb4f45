//! Execution of a block: transactions in order, acts in order, all or none.

use std::rc::Rc;

use hefu_primitives::block::{Outcome, TxResult};
use hefu_primitives::codec::Canonical;
use hefu_primitives::time::Day;
use hefu_primitives::{
    BlockId, ChainId, Equivocation, H32, Height, KeyId, Millis, PublicKey, Region,
    SignedTransaction, TxId, Uscc, ValidatorSet,
};

use crate::act::Act;
use crate::code::Code;
use crate::common::Stamp;
use crate::equivocation::{self, EvidenceRefused};
use crate::event::Event;
use crate::identity::key::GOVERNOR_GRACE_DAYS;
use crate::identity::{
    AUTHORITIES, Authority, AuthorityState, KEYS, KeyRecord, KeyState, MEMBERS, Member, PARAMETERS,
    Parameters, Role, membership,
};
use crate::signatures::Cosignatures;
use crate::state::{Kept, State, StateView, Table, Writes};

/// Transactions that committed, by the time until which they could be sent again.
pub const SEEN: Table<(Millis, TxId), ()> = Table::unproven(0xf0);
/// Ids that could be sent until before this time are forgotten.
const SEEN_FROM: Table<(), Millis> = Table::unproven(0xf1);
/// The validator sets: what decides the next height, and the one after it.
pub const VALIDATORS: Table<(), ValidatorSchedule> = Table::proven(0x7f);

/// Most expired entries of [`SEEN`] dropped in one block: more than one block can add.
const MAX_PRUNED: usize = 65_536;

/// Which set decides which height. A change made in block H is `after` from H on and decides from
/// H + 2: the header of H + 1 already names it.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode, serde::Serialize)]
pub struct ValidatorSchedule {
    /// Decides the height after the last executed block.
    #[n(0)]
    pub next: ValidatorSet,
    /// Decides every height after that.
    #[n(1)]
    pub after: ValidatorSet,
}

/// The block being executed, as far as rules may know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockInfo {
    /// The ledger.
    pub chain: ChainId,
    /// Height.
    pub height: Height,
    /// Block time: the only clock there is.
    pub time: Millis,
    /// Version of the rules.
    pub protocol: u16,
    /// Leaves in the audit log before this block.
    pub log_size: u64,
    /// The block before; the chain's own id before the first one.
    pub parent: BlockId,
}

/// Says whether a transaction's signature is valid under a key. The answer must be that of
/// [`SignedTransaction::verify`]; an implementation may remember what it verified before.
pub trait Verifier {
    /// Whether `key` signed `transaction`.
    fn verify(&self, transaction: &SignedTransaction, key: &PublicKey) -> bool;

    /// Whether it remembers what it says of a transaction: that one need not be checked again with
    /// others.
    fn knows(&self, _transaction: &SignedTransaction) -> bool {
        false
    }
}

/// Verifies each time.
#[derive(Clone, Copy, Debug)]
pub struct VerifyAlways;

impl Verifier for VerifyAlways {
    fn verify(&self, transaction: &SignedTransaction, key: &PublicKey) -> bool {
        transaction.verify(key)
    }
}

/// What executing a block did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// Changed records.
    pub writes: Writes,
    /// One outcome for each transaction, in order.
    pub outcomes: Vec<Outcome>,
    /// For each transaction, whether this outcome is the one its signer gets: its signature was
    /// good, and its id used up by it. What is refused before that says nothing about its id.
    pub authentic: Vec<bool>,
    /// Events, in order.
    pub events: Vec<Event>,
    /// The set that decides the next height; none only for a state that no genesis made.
    pub next_validators: Option<ValidatorSet>,
    /// Hash of the parameters in force after the block.
    pub parameters: H32,
    /// Whether every piece of evidence was recorded; a block of which this is not so is invalid.
    pub evidence: Result<(), EvidenceRefused>,
}

/// Executes a block without evidence: [`execute_block`].
pub fn execute(
    block: BlockInfo,
    transactions: &[&SignedTransaction],
    view: &dyn StateView,
    verifier: &dyn Verifier,
) -> Execution {
    execute_block(block, &[], transactions, view, verifier)
}

/// Executes a block over the state after its parent: first its evidence, then its transactions.
///
/// The result depends on nothing but the arguments.
pub fn execute_block(
    block: BlockInfo,
    evidence: &[Equivocation],
    transactions: &[&SignedTransaction],
    view: &dyn StateView,
    verifier: &dyn Verifier,
) -> Execution {
    let kept = Kept::new(view);
    let mut state = State::new(&kept);
    prepare(&block, &mut state);
    let acts: Vec<Vec<_>> = transactions
        .iter()
        .map(|tx| tx.body().acts.iter().map(|act| Act::decode(act)).collect())
        .collect();
    let known = acts.iter().flatten().flatten();
    let cosignatures = Cosignatures::of(&block.chain, known, &kept);
    let mut run = Run { cosignatures, ..Run::new(block, state, verifier) };
    let evidence = equivocation::record(&run.block, evidence, &mut run.state, &mut run.events);
    let numbered = transactions.iter().zip(&acts).enumerate();
    let outcomes = numbered.map(|(place, (tx, acts))| run.transaction(place, tx, acts)).collect();
    let Run { state, events, authentic, .. } = run;
    let parameters = state.get(&PARAMETERS, &()).unwrap_or_default();
    let next_validators = state.get(&VALIDATORS, &()).map(|schedule| schedule.next);
    Execution {
        writes: state.into_writes(),
        outcomes,
        authentic,
        events,
        next_validators,
        parameters: parameters_hash(&parameters),
        evidence,
    }
}

/// Hash of ledger parameters, as headers carry it.
pub fn parameters_hash(parameters: &Parameters) -> H32 {
    hefu_primitives::hash::hash(hefu_primitives::Domain::Parameters, &[&parameters.to_bytes()])
}

/// What happens at the start of every block: transaction ids that can no longer be sent again are
/// forgotten, the validator schedule moves on by one height, recognition notes when it is, and panels
/// of disputes are drawn.
fn prepare(block: &BlockInfo, state: &mut State<'_>) {
    forget(block, state);
    if let Some(schedule) = state.get(&VALIDATORS, &())
        && schedule.next != schedule.after
    {
        equivocation::keep_former(block.height, &schedule.next, state);
        let next = schedule.after.clone();
        state.put(&VALIDATORS, &(), &ValidatorSchedule { next, after: schedule.after });
    }
    crate::identity::succession::begin_block(block, state);
    crate::recognition::begin_block(block, state);
    crate::dispute::begin_block(block, state);
    state.keep_transaction();
}

/// Goes on where the block before stopped: a scan from the first key would step over the remains of
/// all that were ever forgotten, which log-structured engines keep for a while.
fn forget(block: &BlockInfo, state: &mut State<'_>) {
    let from = state.get(&SEEN_FROM, &()).unwrap_or_default();
    let over = state.scan_between(&SEEN, &from, &block.time, MAX_PRUNED);
    let (all, mut reached) = (over.len() < MAX_PRUNED, from);
    for (key, ()) in over {
        let (Some(time), Some(id)) = (key.get(1..9), key.get(9..41)) else { continue };
        let (Ok(time), Ok(id)) = (time.try_into(), id.try_into()) else { continue };
        reached = Millis(u64::from_be_bytes(time));
        state.delete(&SEEN, &(reached, TxId(id)));
    }
    state.put(&SEEN_FROM, &(), &if all { block.time } else { reached });
}

/// Who signed a transaction, resolved against the state.
#[derive(Clone, Debug)]
pub struct Signer {
    /// The key's id.
    pub key_id: KeyId,
    /// The key.
    pub key: Rc<KeyRecord>,
    /// The authority that owns it.
    pub authority: Rc<Authority>,
    /// The authority's member.
    pub member: Rc<Member>,
}

/// What an act sees and changes.
pub struct Context<'a, 'v> {
    /// The block.
    pub block: &'a BlockInfo,
    /// The state, with this transaction's writes in it.
    pub state: &'a mut State<'v>,
    /// Who signed.
    pub signer: &'a Signer,
    /// The parameters in force.
    pub parameters: &'a Parameters,
    /// The transaction.
    pub tx: TxId,
    /// The act's canonical bytes.
    pub act_bytes: &'a [u8],
    /// Signatures inside the block's acts.
    pub(crate) cosignatures: &'a Cosignatures,
    events: &'a mut Vec<Event>,
    place: (u32, u16),
}

impl Context<'_, '_> {
    /// Requires a role of the signing key.
    ///
    /// # Errors
    /// `E106`.
    pub fn require(&self, role: Role) -> Result<(), Code> {
        if self.signer.key.roles.contains(&role) { Ok(()) } else { Err(Code::RoleMissing) }
    }

    /// Requires any key of an authority but a governor's.
    ///
    /// # Errors
    /// `E106`.
    pub fn require_office(&self) -> Result<(), Code> {
        let governs = self.signer.key.roles.contains(&Role::Governor);
        if governs { Err(Code::RoleMissing) } else { Ok(()) }
    }

    /// The signing authority's code.
    pub fn actor(&self) -> Uscc {
        self.signer.authority.code
    }

    /// The signing member.
    pub fn region(&self) -> Region {
        self.signer.member.region
    }

    /// The day in Beijing at block time.
    pub fn today(&self) -> Day {
        Day::of_beijing(self.block.time)
    }

    /// The stamp of what this act records, which happened at `occurred_at`.
    ///
    /// # Errors
    /// `E112` when that lies too far after block time.
    pub fn stamp(&self, occurred_at: Millis) -> Result<Stamp, Code> {
        let latest = self.block.time.0.saturating_add(self.parameters.max_future_ms);
        if occurred_at.0 > latest {
            return Err(Code::FutureTime);
        }
        let (height, time) = (self.block.height, self.block.time);
        Ok(Stamp { height, time, occurred_at, key: self.signer.key_id })
    }

    /// The stamp of what happens by this act itself.
    pub fn stamp_now(&self) -> Stamp {
        let (height, time) = (self.block.height, self.block.time);
        Stamp { height, time, occurred_at: time, key: self.signer.key_id }
    }

    /// Records an event.
    pub fn emit(&mut self, kind: &str, subject: String, flags: Vec<String>) {
        self.events.push(Event {
            transaction: self.place.0,
            act: self.place.1,
            kind: kind.to_owned(),
            subject,
            actor: self.signer.authority.code,
            region: self.signer.member.region,
            flags,
        });
    }
}

struct Run<'v> {
    block: BlockInfo,
    state: State<'v>,
    events: Vec<Event>,
    authentic: Vec<bool>,
    leaf: u64,
    verifier: &'v dyn Verifier,
    cosignatures: Cosignatures,
}

impl<'v> Run<'v> {
    fn new(block: BlockInfo, state: State<'v>, verifier: &'v dyn Verifier) -> Self {
        let leaf = block.log_size;
        let (events, authentic) = (Vec::new(), Vec::new());
        let cosignatures = Cosignatures::default();
        Self { block, state, events, authentic, leaf, verifier, cosignatures }
    }

    fn transaction(
        &mut self,
        place: usize,
        tx: &SignedTransaction,
        acts: &[Result<Act, Code>],
    ) -> Outcome {
        let events_before = self.events.len();
        self.authentic.push(false);
        let result = match self.apply(place, tx, acts) {
            Ok(()) => {
                self.state.keep_transaction();
                let leaf = self.leaf;
                self.leaf = leaf.saturating_add(1);
                TxResult::Applied { leaf }
            }
            Err((code, act)) => {
                self.state.drop_transaction();
                self.events.truncate(events_before);
                TxResult::Refused { code: code.number(), act }
            }
        };
        Outcome { tx: tx.id(), result }
    }

    /// Checks the envelope, marks the id as used, applies the acts.
    ///
    /// The id is marked only once the signature is known to be good (the id does not cover the
    /// signature: nobody may burn another's id), and then also when an act is refused.
    fn apply(
        &mut self,
        place: usize,
        tx: &SignedTransaction,
        acts: &[Result<Act, Code>],
    ) -> Result<(), (Code, u16)> {
        let parameters = self.state.shared(&PARAMETERS, &()).unwrap_or_default();
        let signer = self.envelope(tx, &parameters).map_err(|code| (code, 0))?;
        self.state.put(&SEEN, &(tx.body().not_after, tx.id()), &());
        self.state.keep_transaction();
        self.authentic.last_mut().into_iter().for_each(|authentic| *authentic = true);
        signer.check_active(self.block.time).map_err(|code| (code, 0))?;
        for (number, (act_bytes, act)) in tx.body().acts.iter().zip(acts).enumerate() {
            let number = u16::try_from(number).unwrap_or(u16::MAX);
            let act = act.as_ref().map_err(|code| (*code, number))?;
            signer.check_may(act, self.block.time).map_err(|code| (code, number))?;
            let mut ctx = Context {
                block: &self.block,
                state: &mut self.state,
                signer: &signer,
                parameters: &parameters,
                tx: tx.id(),
                act_bytes,
                cosignatures: &self.cosignatures,
                events: &mut self.events,
                place: (u32::try_from(place).unwrap_or(u32::MAX), number),
            };
            act.apply(&mut ctx).map_err(|code| (code, number))?;
        }
        Ok(())
    }

    fn envelope(&self, tx: &SignedTransaction, parameters: &Parameters) -> Result<Signer, Code> {
        check_window(tx, &self.block, parameters)?;
        if self.state.has(&SEEN, &(tx.body().not_after, tx.id())) {
            return Err(Code::DuplicateAct);
        }
        let signer = Signer::resolve(tx, &self.state)?;
        if !self.verifier.verify(tx, &signer.key.key) {
            return Err(Code::BadSignature);
        }
        Ok(signer)
    }
}

fn check_window(
    tx: &SignedTransaction,
    block: &BlockInfo,
    parameters: &Parameters,
) -> Result<(), Code> {
    if tx.body().chain != block.chain {
        return Err(Code::WrongNetwork);
    }
    let latest = block.time.0.saturating_add(parameters.max_validity_ms);
    if tx.body().not_after < block.time || tx.body().not_after.0 > latest {
        return Err(Code::ExpiredTx);
    }
    Ok(())
}

impl Signer {
    fn resolve(tx: &SignedTransaction, state: &State<'_>) -> Result<Self, Code> {
        let key_id = tx.claims().key;
        let key = state.shared(&KEYS, &key_id).ok_or(Code::UnknownKey)?;
        if key.owner != tx.claims().issuer {
            return Err(Code::IssuerMismatch);
        }
        let authority = state.shared(&AUTHORITIES, &key.owner).ok_or(Code::UnknownAuthority)?;
        let member = state.shared(&MEMBERS, &authority.member).ok_or(Code::UnknownAuthority)?;
        Ok(Self { key_id, key, authority, member })
    }

    /// Key and authority may act at a block time, if perhaps not sign everything.
    fn check_active(&self, time: Millis) -> Result<(), Code> {
        if !self.key.is_accepted_at(time) && !self.hands_over(time) {
            return Err(Code::KeyNotActive);
        }
        if self.authority.state != AuthorityState::Active {
            return Err(Code::AuthorityNotActive);
        }
        if self.key.roles.contains(&Role::Cosigner) {
            return Err(Code::RoleMissing);
        }
        Ok(())
    }

    /// Key and member may sign this act.
    fn check_may(&self, act: &Act, time: Millis) -> Result<(), Code> {
        if !self.key.is_accepted_at(time) && !matches!(act, Act::RotateKey(_)) {
            return Err(Code::KeyNotActive);
        }
        if self.key.roles.contains(&Role::Coordinator) {
            let consents = matches!(act, Act::GiveConsent(_) | Act::RuleDispute(_));
            return if consents { Ok(()) } else { Err(Code::RoleMissing) };
        }
        membership::may_sign(&self.member, act)
    }

    /// A governor's key whose term is over, but not for long: it may still be replaced.
    fn hands_over(&self, time: Millis) -> bool {
        let grace = GOVERNOR_GRACE_DAYS.saturating_mul(hefu_primitives::time::DAY_MS);
        self.key.roles.contains(&Role::Governor)
            && self.key.state == KeyState::Active
            && self.key.not_after < time
            && time.0 <= self.key.not_after.0.saturating_add(grace)
    }
}

/// Carries something out as the governors of a member would in a block, and drops what it wrote.
///
/// # Errors
/// `E211` for an unknown member; else those of `change`.
pub(crate) fn try_in_block<T>(
    view: &dyn StateView,
    block: &BlockInfo,
    region: Region,
    change: impl FnOnce(&mut Context<'_, '_>) -> Result<T, Code>,
) -> Result<T, Code> {
    let mut state = State::new(view);
    prepare(block, &mut state);
    let member = state.shared(&MEMBERS, &region).ok_or(Code::UnknownMember)?;
    let authority = state.shared(&AUTHORITIES, &member.operator).ok_or(Code::UnknownAuthority)?;
    let key_id = member.governors.first().copied().ok_or(Code::UnknownKey)?;
    let key = state.shared(&KEYS, &key_id).ok_or(Code::UnknownKey)?;
    let signer = Signer { key_id, key, authority, member };
    let parameters = state.shared(&PARAMETERS, &()).unwrap_or_default();
    let mut events = Vec::new();
    change(&mut Context {
        block,
        state: &mut state,
        signer: &signer,
        parameters: &parameters,
        tx: TxId([0; 32]),
        act_bytes: &[],
        cosignatures: &Cosignatures::default(),
        events: &mut events,
        place: (0, 0),
    })
}

/// Whether a transaction is signed by a key that stands in the state, as its owner. What this says
/// never changes from true to false, so a block of an honest proposer holds no other: whoever is
/// asked to vote for one may refuse it without executing it.
pub fn is_signed(
    chain: &ChainId,
    tx: &SignedTransaction,
    view: &dyn StateView,
    verifier: &dyn Verifier,
) -> bool {
    let key = KEYS.read_shared(view, &tx.claims().key);
    let owned = key.filter(|key| key.owner == tx.claims().issuer && tx.body().chain == *chain);
    owned.is_some_and(|key| verifier.verify(tx, &key.key))
}

/// The cheap checks a node makes before it accepts a transaction, against its latest state: those
/// of the envelope, the guard of [`crate::screen()`], and that no identifier stands in the clear
/// that its type does not allow. Block execution decides again; but what it refuses stays in the
/// block.
///
/// # Errors
/// The [`Code`] with which the transaction would be refused now.
pub fn precheck(
    block: BlockInfo,
    tx: &SignedTransaction,
    view: &dyn StateView,
    verifier: &dyn Verifier,
) -> Result<(), Code> {
    let run = Run::new(block, State::new(view), verifier);
    let parameters = run.state.shared(&PARAMETERS, &()).unwrap_or_default();
    let signer = run.envelope(tx, &parameters)?;
    signer.check_active(block.time)?;
    let acts = crate::screen::screen(tx).map_err(|(code, _)| code)?;
    acts.into_iter().try_for_each(|act| {
        signer.check_may(&act, block.time)?;
        match act {
            Act::Attest(attest) => attest.check_in_the_clear(view),
            Act::TransferIn(taken) => taken.attestation.check_in_the_clear(view),
            Act::Materialise(leaf) => leaf.attestation.check_in_the_clear(view),
            _ => Ok(()),
        }
    })
}
