//! Clients: they sign acts with the keys of sample offices, send them to nodes, send them again
//! until they know the outcome, and remember what they were told.
//!
//! A story is a licence and what becomes of it: attested, perhaps suspended and resumed, each step
//! signed when the one before is applied.

use std::collections::BTreeMap;
use std::sync::Arc;

use hefu_contracts::Act;
use hefu_contracts::certificate::{Attest, Ident, Marks, ResumeAttestation, SuspendAttestation};
use hefu_contracts::identity::Role;
use hefu_primitives::block::TxResult;
use hefu_primitives::codec::Canonical;
use hefu_primitives::codes::{Identifier, personal_data};
use hefu_primitives::time::Day;
use hefu_primitives::{
    H32, Height, Id16, Millis, SignedTransaction, TransactionBody, TxId, TypeCode,
};

use super::founders::{Founders, LICENCE, Province};
use super::registrar::Paper;
use super::rng::Rng;

/// How long most transactions may take to commit.
const LONG_MS: u64 = 900_000;

/// What a client knows of one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// Not final.
    Waiting,
    /// A node it had asked said that it is applied at this height.
    Applied(Height),
    /// A node it had asked said that it is refused.
    Refused,
    /// Its time is over.
    Expired,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Attested,
    Suspended,
    Resumed,
    /// No story: governors change the validators.
    Governed,
}

/// One transaction.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    pub(crate) tx: SignedTransaction,
    pub(crate) known: Known,
    /// The machines that were asked, a bit each.
    asked: u64,
    step: Step,
    licence: Id16,
    office: usize,
}

/// All clients of a run.
pub(crate) struct Clients {
    founders: Arc<Founders>,
    rng: Rng,
    rough: bool,
    pub(crate) tickets: Vec<Ticket>,
    by_id: BTreeMap<TxId, usize>,
}

impl Clients {
    pub(crate) fn new(founders: Arc<Founders>, rng: Rng, rough: bool) -> Self {
        Self { founders, rng, rough, tickets: Vec::new(), by_id: BTreeMap::new() }
    }

    /// Begins a story; the number of its ticket.
    pub(crate) fn begin(&mut self, now: Millis) -> Option<usize> {
        let office = self.rng.place(self.founders.issuers.len());
        let mut licence = self.licence_id();
        let again = self.rough && self.rng.chance(100);
        let mut stories = self.tickets.iter().filter(|ticket| ticket.step != Step::Governed);
        if again && let Some(other) = stories.next_back() {
            // An id that is taken: one of the two must be refused.
            licence = other.licence;
        }
        self.write(now, office, licence, Step::Attested)
    }

    /// A random id whose digits are nobody's telephone number: nodes refuse what looks like one.
    fn licence_id(&mut self) -> Id16 {
        loop {
            let id = Id16(self.rng.bytes());
            if personal_data(&format!("att:{id}")).is_none() {
                return id;
            }
        }
    }

    /// Whether a ticket should go to two nodes at once.
    pub(crate) fn doubles(&mut self) -> bool {
        self.rough && self.rng.chance(300)
    }

    /// Remembers that a machine was asked.
    pub(crate) fn asked(&mut self, ticket: usize, node: usize) {
        self.tickets[ticket].asked |= 1 << node;
    }

    pub(crate) fn ticket_of(&self, tx: &TxId) -> Option<usize> {
        self.by_id.get(tx).copied()
    }

    /// A machine told an outcome. If the client had asked it, that is final: returns the height
    /// at which it was applied, and the story's next ticket.
    pub(crate) fn told(
        &mut self,
        now: Millis,
        ticket: usize,
        node: usize,
        height: Height,
        result: TxResult,
    ) -> (Option<Height>, Option<usize>) {
        let known = &mut self.tickets[ticket];
        if known.asked & (1 << node) == 0 || known.known != Known::Waiting {
            return (None, None);
        }
        match result {
            TxResult::Refused { .. } => {
                known.known = Known::Refused;
                (None, None)
            }
            TxResult::Applied { .. } => {
                known.known = Known::Applied(height);
                let Ticket { office, licence, step, .. } = *known;
                (Some(height), self.next(now, office, licence, step))
            }
        }
    }

    /// Block time has passed what the transaction allows.
    pub(crate) fn expire(&mut self, ticket: usize, block_time: Millis) {
        let known = &mut self.tickets[ticket];
        if known.known == Known::Waiting && block_time > known.tx.body().not_after {
            known.known = Known::Expired;
        }
    }

    pub(crate) fn expired(&self) -> u64 {
        self.tickets.iter().filter(|ticket| ticket.known == Known::Expired).count() as u64
    }

    pub(crate) fn unsettled(&self) -> usize {
        self.tickets.iter().filter(|ticket| ticket.known == Known::Waiting).count()
    }

    /// Some committed transaction, to be sent once more.
    pub(crate) fn replay(&mut self) -> Option<SignedTransaction> {
        if !self.rough || self.tickets.is_empty() {
            return None;
        }
        let place = self.rng.place(self.tickets.len());
        Some(self.tickets[place].tx.clone())
    }

    /// Signs what governors want.
    pub(crate) fn govern(&mut self, now: Millis, paper: &Paper<'_>) -> Option<usize> {
        let body = TransactionBody {
            chain: self.founders.genesis.hash(),
            not_after: Millis(now.0 + LONG_MS + self.rng.below(1_000)),
            acts: vec![paper.bytes().into()],
        };
        let Province { region, operator, .. } = paper.province;
        let subject = format!("member:{region}");
        let tx = SignedTransaction::sign(&body, *operator, &subject, paper.key).ok()?;
        Some(self.keep(tx, Step::Governed, Id16::ZERO, 0))
    }

    fn keep(&mut self, tx: SignedTransaction, step: Step, licence: Id16, office: usize) -> usize {
        let ticket = self.tickets.len();
        self.by_id.insert(tx.id(), ticket);
        self.tickets.push(Ticket { tx, known: Known::Waiting, asked: 0, step, licence, office });
        ticket
    }

    fn next(&mut self, now: Millis, office: usize, licence: Id16, step: Step) -> Option<usize> {
        let next = match step {
            Step::Attested if self.rng.chance(600) => Step::Suspended,
            Step::Suspended => Step::Resumed,
            _ => return None,
        };
        self.write(now, office, licence, next)
    }

    fn write(&mut self, now: Millis, office: usize, licence: Id16, step: Step) -> Option<usize> {
        let act = self.act(now, office, licence, step)?;
        let short = self.rough && self.rng.chance(100);
        let span = if short { self.rng.within(1_000, 6_000) } else { LONG_MS };
        let body = TransactionBody {
            chain: self.founders.genesis.hash(),
            not_after: Millis(now.0 + span + self.rng.below(1_000)),
            acts: vec![act.to_bytes().into()],
        };
        let (_, issuer) = &self.founders.issuers[office];
        let key = issuer.key_for(Role::Issuer)?;
        let subject = format!("att:{licence}");
        let tx = SignedTransaction::sign(&body, issuer.code, &subject, key).ok()?;
        Some(self.keep(tx, step, licence, office))
    }

    fn act(&mut self, now: Millis, office: usize, licence: Id16, step: Step) -> Option<Act> {
        let effective = Day::of_beijing(now);
        let (id, occurred_at, reason) = (licence, now, 1);
        Some(match step {
            Step::Attested => self.attest(now, office, licence)?.into(),
            Step::Suspended => {
                SuspendAttestation { id, reason, effective, until: None, occurred_at }.into()
            }
            Step::Resumed => ResumeAttestation { id, reason, effective, occurred_at }.into(),
            Step::Governed => return None,
        })
    }

    fn attest(&mut self, now: Millis, office: usize, id: Id16) -> Option<Attest> {
        let (region, issuer) = &self.founders.issuers[office];
        let kind: TypeCode = LICENCE.parse().ok()?;
        // Letters only, so that no serial looks like anybody's number.
        let serial = self.rng.bytes::<12>().map(|byte| char::from(b'A' + byte % 26));
        let serial: String = serial.iter().collect();
        let identifier = Identifier::new(kind, issuer.code, &serial, 1).ok()?;
        let today = Day::of_beijing(now);
        Some(Attest {
            id,
            type_code: kind,
            type_version: 1,
            region: *region,
            ident: Ident::Plain(identifier.to_string()),
            holder: H32(self.rng.bytes()),
            content: H32(self.rng.bytes()),
            file: None,
            seal: None,
            cert_version: 1,
            issued_on: today,
            valid_from: today,
            valid_until: None,
            previous: None,
            marks: Marks::default(),
            occurred_at: now,
        })
    }
}
