//! From a block to rows.
//!
//! An event says that something happened to a subject; the record of the subject, as it was after the
//! block, says what. Acts are read for what no record keeps: when it happened, as the signer says, and
//! the words in the clear.

mod certificate;
mod identity;
mod service;
mod sharing;
mod words;

use std::collections::BTreeMap;

use hefu_contracts::event::OF_BLOCK;
use hefu_contracts::{Act, Code, Event, StateView, Writes};
use hefu_primitives::block::{Outcome, TxResult};
use hefu_primitives::{BlockId, Height, Id16, Millis, Region, SignedTransaction};

use crate::error::AuditError;
use crate::position::Position;
use crate::schema::{BLOCKS, EVENTS, FLAGS};
use crate::value::{Value, list};
use crate::writer::Batch;

/// A transaction of a block.
pub type Transaction = SignedTransaction;

/// A committed block, and what its execution did.
pub struct Block<'a> {
    /// Height.
    pub height: Height,
    /// Block time.
    pub time: Millis,
    /// The block's id.
    pub id: BlockId,
    /// Provinces whose validators signed it, as far as this node's certificate says.
    pub signers: Vec<Region>,
    /// Its transactions.
    pub transactions: &'a [Transaction],
    /// Their outcomes.
    pub outcomes: &'a [Outcome],
    /// The events.
    pub events: &'a [Event],
    /// The records as they were after this block. Only [`StateView::get`] is used.
    pub records: &'a dyn StateView,
}

/// One event while it is made into rows.
pub(crate) struct Seen<'a> {
    pub(crate) block: &'a Block<'a>,
    pub(crate) event: &'a Event,
    pub(crate) at: Position,
    pub(crate) act: Option<Act>,
    /// How many events of the same kind of thing came before in this block.
    pub(crate) nth: usize,
}

impl Seen<'_> {
    /// The id after the subject's kind.
    pub(crate) fn id(&self) -> &str {
        self.event.subject.split_once(':').map_or("", |(_, id)| id)
    }

    /// The same as sixteen bytes.
    pub(crate) fn id16(&self) -> Result<Id16, AuditError> {
        self.id().parse().map_err(|_| self.missing())
    }

    pub(crate) fn missing(&self) -> AuditError {
        let (subject, height) = (self.event.subject.clone(), self.block.height.0);
        AuditError::RecordMissing { subject, height }
    }

    /// The event's flags in one text.
    pub(crate) fn flags(&self) -> Value {
        list(&self.event.flags)
    }
}

/// The rows of the state that the ledger begins with.
pub(crate) fn genesis(batch: &mut Batch<'_>, records: &Writes) -> Result<(), AuditError> {
    let row = vec![0i64.into(), 0i64.into(), "".into(), 0i64.into(), 0i64.into(), "".into()];
    batch.put(&BLOCKS, row);
    identity::genesis(batch, records)
}

/// The rows of a block.
pub(crate) fn block(batch: &mut Batch<'_>, block: &Block<'_>) -> Result<(), AuditError> {
    let mut about: BTreeMap<&str, usize> = BTreeMap::new();
    let too_large = || AuditError::BlockTooLarge(block.height.0);
    let refused = refused(block);
    for (place, event) in block.events.iter().chain(&refused).enumerate() {
        let at = Position::new(block.height, place).filter(|_| place < Position::PLACES / 2);
        let at = at.ok_or_else(too_large)?;
        let act = act_of(block, event);
        let before = about.entry(event.subject.as_str()).or_default();
        let seen = Seen { block, event, at, act, nth: *before };
        if certificate::is_change(&event.kind) {
            *before += 1;
        }
        put_event(batch, &seen);
        words::put(batch, &seen);
        facts(batch, &seen)?;
    }
    let signers = list(block.signers.iter().map(|region| region.0));
    let (txs, events) = (block.transactions.len(), block.events.len() + refused.len());
    let row = vec![block.height.into(), block.time.into(), block.id.into(), txs.into()];
    batch.put(&BLOCKS, row.into_iter().chain([events.into(), signers]).collect());
    Ok(())
}

fn facts(batch: &mut Batch<'_>, seen: &Seen<'_>) -> Result<(), AuditError> {
    match seen.event.subject.split(':').next().unwrap_or_default() {
        "att" => certificate::put(batch, seen),
        "dec" => certificate::decision(batch, seen),
        "key" => identity::key(batch, seen),
        "auth" => identity::authority(batch, seen),
        "prop" => identity::ballot(batch, seen),
        "readlog" => identity::read_log(batch, seen),
        "cat" => sharing::catalogue(batch, seen),
        "req" => sharing::request(batch, seen),
        "grant" => sharing::grant(batch, seen),
        "rcp" => sharing::receipt(batch, seen),
        "rwin" => sharing::window(batch, seen),
        "case" => service::case(batch, seen),
        "item" => service::item(batch, seen),
        _ => Ok(()),
    }
}

fn put_event(batch: &mut Batch<'_>, seen: &Seen<'_>) {
    let event = seen.event;
    let tx = usize::try_from(event.transaction).ok().filter(|_| event.transaction != OF_BLOCK);
    let tx = tx.and_then(|number| seen.block.transactions.get(number));
    batch.put(
        &EVENTS,
        vec![
            seen.at.0.into(),
            seen.block.time.into(),
            tx.map(SignedTransaction::id).into(),
            event.act.into(),
            event.kind.as_str().into(),
            event.subject.as_str().into(),
            event.actor.into(),
            event.region.into(),
            tx.map(|tx| tx.claims().key).into(),
            seen.flags(),
            seen.act.as_ref().and_then(words::occurred).into(),
        ],
    );
    let mut flags = event.flags.clone();
    flags.sort();
    flags.dedup();
    for flag in flags {
        batch.put(&FLAGS, vec![flag.into(), seen.at.0.into()]);
    }
}

fn act_of(block: &Block<'_>, event: &Event) -> Option<Act> {
    let tx = block.transactions.get(usize::try_from(event.transaction).ok()?)?;
    let bytes = tx.body().acts.get(usize::from(event.act))?;
    Act::decode(bytes).ok()
}

/// What was refused on its merits, as events of our own: a use without a grant leaves no other trace.
/// What was refused before the signature was known to be good says nothing about anybody.
fn refused(block: &Block<'_>) -> Vec<Event> {
    let merits = Code::BadField.number().min(Code::RoleMissing.number());
    let event = |(number, outcome): (usize, &Outcome)| {
        let TxResult::Refused { code, act } = outcome.result else { return None };
        let tx = block.transactions.get(number)?;
        // A region is that of the authority, which a refused act did not need to have.
        let known =
            hefu_contracts::identity::AUTHORITIES.read(block.records, &tx.claims().issuer)?;
        if code < merits || is_of_envelope(code) {
            return None;
        }
        let named = tx.body().acts.get(usize::from(act)).and_then(|bytes| Act::decode(bytes).ok());
        let named = named.map_or("unreadable", |act| act.name());
        Some(Event {
            transaction: u32::try_from(number).unwrap_or(OF_BLOCK),
            act,
            kind: "refused".to_owned(),
            subject: format!("tx:{}", outcome.tx),
            actor: known.code,
            region: known.member,
            flags: vec![format!("e{code}"), named.to_owned()],
        })
    };
    block.outcomes.iter().enumerate().filter_map(event).collect()
}

/// Refused before or with the check of the signature.
fn is_of_envelope(code: u16) -> bool {
    [
        Code::BadSignature,
        Code::WrongNetwork,
        Code::UnknownKey,
        Code::DuplicateAct,
        Code::ExpiredTx,
        Code::IssuerMismatch,
        Code::UnknownAuthority,
    ]
    .iter()
    .any(|envelope| envelope.number() == code)
}
