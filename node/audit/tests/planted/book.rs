//! A ledger that keeps its blocks, so that they can be read into several indexes.

use hefu_audit::{Answer, Ask, Block, Location, Writer, ask};
use hefu_contracts::state::MemoryState;
use hefu_contracts::testkit::{Actor, CHAIN, Ledger, governor, initial_state};
use hefu_contracts::{Act, Code, Event};
use hefu_primitives::block::{Outcome, TxResult};
use hefu_primitives::{BlockId, H32, Height, Millis, SignedTransaction};

pub(crate) struct Kept {
    pub(crate) height: Height,
    pub(crate) time: Millis,
    pub(crate) transactions: Vec<SignedTransaction>,
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) events: Vec<Event>,
    pub(crate) records: MemoryState,
}

impl Kept {
    pub(crate) fn block(&self) -> Block<'_> {
        Block {
            height: self.height,
            time: self.time,
            id: BlockId(H32([7; 32]).0),
            signers: hefu_contracts::testkit::REGIONS[..3].to_vec(),
            transactions: &self.transactions,
            outcomes: &self.outcomes,
            events: &self.events,
            records: &self.records,
        }
    }
}

pub(crate) struct Book {
    pub(crate) ledger: Ledger,
    pub(crate) blocks: Vec<Kept>,
}

impl Book {
    pub(crate) fn new() -> Self {
        Self { ledger: Ledger::new(), blocks: Vec::new() }
    }

    /// Submits acts in one transaction, in a block of its own.
    pub(crate) fn acts(&mut self, actor: &Actor, acts: &[Act]) -> Result<(), Code> {
        let tx = self.ledger.sign(actor, acts);
        let done = self.ledger.block(&[&tx]);
        let result = match done.outcomes[0].result {
            TxResult::Applied { .. } => Ok(()),
            TxResult::Refused { code, .. } => Err(Code::from_number(code).unwrap()),
        };
        self.blocks.push(Kept {
            height: self.ledger.height,
            time: self.ledger.time,
            transactions: vec![tx],
            outcomes: done.outcomes,
            events: done.events,
            records: self.ledger.state.clone(),
        });
        result
    }

    /// Submits one act that is applied.
    pub(crate) fn act(&mut self, actor: &Actor, act: impl Into<Act>) {
        self.acts(actor, &[act.into()]).unwrap();
    }

    /// Submits an act by two governors.
    pub(crate) fn govern(&mut self, province: usize, act: impl Into<Act>) {
        let act = act.into();
        self.act(&governor(province, 0), act.clone());
        self.act(&governor(province, 1), act);
    }

    /// Reads all blocks into an index, some at a time.
    pub(crate) fn index(&self, at: &Location, at_once: usize) {
        let mut writer = Writer::open(at, CHAIN, &initial_state().writes()).unwrap();
        for some in self.blocks.chunks(at_once) {
            let blocks: Vec<Block<'_>> = some.iter().map(Kept::block).collect();
            writer.add(&blocks).unwrap();
        }
        writer.settle().unwrap();
    }
}

pub(crate) fn asked(question: &str, params: &[(&str, &str)]) -> Ask {
    Ask {
        question: question.to_owned(),
        params: params.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        cursor: None,
        limit: 1_000,
        scope: None,
    }
}

pub(crate) fn answer(at: &Location, question: &str, params: &[(&str, &str)]) -> Answer {
    ask(at, &asked(question, params)).unwrap_or_else(|error| panic!("{question}: {error}"))
}

/// Values of a column in order, as text.
pub(crate) fn column(answer: &Answer, name: &str) -> Vec<String> {
    let place = answer.question.columns.iter().position(|column| column.name == name).unwrap();
    answer.rows.iter().map(|row| text(&row.values[place])).collect()
}

pub(crate) fn text(value: &hefu_audit::Value) -> String {
    match value {
        hefu_audit::Value::Null => "-".to_owned(),
        hefu_audit::Value::Int(number) => number.to_string(),
        hefu_audit::Value::Text(text) => text.clone(),
    }
}
