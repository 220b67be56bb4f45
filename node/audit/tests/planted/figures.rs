//! How fast: a million decisions and a quarter of a million receipts, each question about a month of them. Not part of the suite:
//! `cargo test --release -p hefu-audit --test planted -- --ignored --nocapture figures`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hefu_audit::{Block, Location, Reader, Writer};
use hefu_contracts::recognition::{DECISIONS, Decision};
use hefu_contracts::sharing::{RECEIPTS, ReceiptRecord};
use hefu_contracts::state::MemoryState;
use hefu_contracts::testkit::{CHAIN, OFFICES, id, initial_state, office};
use hefu_contracts::{Event, StateView};
use hefu_primitives::codec::Canonical;
use hefu_primitives::time::DAY_MS;
use hefu_primitives::{BlockId, H32, Height, Id16, Millis, Region, SignedTransaction};

use crate::book::asked;
use crate::story;

const BLOCKS: u64 = 1_000;
const EVENTS: u64 = 1_250;

/// A ledger's records, and those of one block over them.
struct Over<'a> {
    base: &'a MemoryState,
    own: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl StateView for Over<'_> {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.own.get(key).cloned().or_else(|| self.base.get(key))
    }

    fn scan(&self, _: &[u8], _: &[u8], _: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        Vec::new()
    }
}

fn numbered(number: u64) -> Id16 {
    let mut bytes = [0xee; 16];
    bytes[..8].copy_from_slice(&(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)).to_be_bytes());
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    Id16(bytes)
}

/// Four in five events are decisions, one in five a receipt; one in a hundred is irregular.
struct Maker {
    base: MemoryState,
    tx: SignedTransaction,
    samples: [Decision; 4],
    receipts: [ReceiptRecord; 3],
}

impl Maker {
    fn new() -> Self {
        let book = story::planted();
        let base = book.ledger.state.clone();
        let decision = |number| DECISIONS.read(&base, &id(number)).unwrap();
        let receipt = |number| RECEIPTS.read(&base, &id(number)).unwrap();
        let samples = [decision(1), decision(2), decision(4), decision(6)];
        let receipts = [receipt(1), receipt(2), receipt(4)];
        let tx = book.blocks.iter().find(|kept| kept.events.iter().any(|e| e.kind == "attested"));
        let tx = tx.unwrap().transactions[0].clone();
        Self { base, tx, samples, receipts }
    }

    /// Events and records of a block.
    fn block(&self, height: u64) -> (Vec<Event>, Over<'_>) {
        let mut own = BTreeMap::new();
        let events = (0..EVENTS).map(|place| {
            let number = height * EVENTS + place;
            let irregular = number.is_multiple_of(100);
            let pick = if irregular { 1 + (number / 100 % 3) as usize } else { 0 };
            let (kind, subject, flags) = if place % 5 == 4 {
                let mut record = self.receipts[pick.min(2)].clone();
                record.receipt.rcp_id = numbered(number);
                let subject = format!("rcp:{}", record.receipt.rcp_id);
                let flags = record.flags.iter().map(|flag| flag.name().to_owned()).collect();
                own.insert(RECEIPTS.key(&record.receipt.rcp_id), record.to_bytes());
                let kind = if pick == 1 { "receipt_one_sided" } else { "receipt_confirmed" };
                (kind, subject, flags)
            } else {
                let mut record = self.samples[pick].clone();
                record.body.dec_id = numbered(number);
                let subject = format!("dec:{}", record.body.dec_id);
                let flags = record.flags.iter().map(|flag| flag.name().to_owned()).collect();
                own.insert(DECISIONS.key(&record.body.dec_id), record.to_bytes());
                ("decision_recorded", subject, flags)
            };
            Event {
                transaction: 0,
                act: 0,
                kind: kind.to_owned(),
                subject,
                actor: office(0, 0).authority,
                region: Region(310_000),
                flags,
            }
        });
        let events = events.collect();
        (events, Over { base: &self.base, own })
    }
}

fn build(maker: &Maker, at: &Location) {
    let mut writer = Writer::open(at, CHAIN, &initial_state().writes()).unwrap();
    let (mut spent, start) = (Duration::ZERO, hefu_contracts::testkit::start());
    let transactions = [maker.tx.clone()];
    for ten in 0..BLOCKS / 10 {
        let made: Vec<_> = (1..=10).map(|n| (ten * 10 + n, maker.block(ten * 10 + n))).collect();
        let blocks: Vec<Block<'_>> = made
            .iter()
            .map(|(height, (events, records))| Block {
                height: Height(*height),
                time: Millis(start.0 + height * 365 * DAY_MS / BLOCKS),
                id: BlockId(H32([7; 32]).0),
                signers: vec![Region(310_000)],
                transactions: &transactions,
                outcomes: &[],
                events,
                records,
            })
            .collect();
        let begun = Instant::now();
        writer.add(&blocks).unwrap();
        spent += begun.elapsed();
    }
    let begun = Instant::now();
    writer.settle().unwrap();
    let rate = (BLOCKS * EVENTS) as f64 / spent.as_secs_f64();
    println!("{}: {rate:.0} events/s, settled in {:?}", at_name(at), begun.elapsed());
}

fn at_name(at: &Location) -> &'static str {
    at.engine()
}

fn ask_all(at: &Location) {
    let mut reader = Reader::open(at).unwrap();
    let (key, certificate) = (office(1, 0).key.id().to_string(), id(1).to_string());
    for question in hefu_audit::question::QUESTIONS {
        let month = question.params.iter().any(|param| param.name == "from");
        let window: &[(&str, &str)] =
            if month { &[("from", "2026-12-01"), ("to", "2026-12-31")] } else { &[] };
        let mut ask = asked(question.name, window);
        ask.limit = 100;
        for param in question.params.iter().filter(|param| param.required) {
            let value = match param.name {
                "key" => &key,
                "certificate" => &certificate,
                _ => story::CAT,
            };
            ask.params.insert(param.name.to_owned(), value.to_owned());
        }
        if question.name == "q17" {
            ask.params.insert("authority".to_owned(), OFFICES[0][0].to_owned());
        }
        reader.ask(&ask).unwrap();
        let begun = Instant::now();
        let answer = reader.ask(&ask).unwrap();
        println!(
            "{} {}: {:?}, {} rows",
            at_name(at),
            question.name,
            begun.elapsed(),
            answer.rows.len()
        );
    }
    let begun = Instant::now();
    let whole = reader.ask(&asked("q04", &[])).unwrap();
    let refusals = whole.totals.map_or(0, |totals| totals.rows.len());
    println!("{} q04 over all: {:?}, {refusals} lines", at_name(at), begun.elapsed());
    let (begun, mut ask, mut rows) =
        (Instant::now(), asked("events", &[("kind", "decision_recorded")]), 0);
    ask.limit = 10_000;
    loop {
        let page = reader.ask(&ask).unwrap();
        rows += page.rows.len();
        match page.cursor {
            Some(cursor) => ask.cursor = Some(cursor),
            None => break,
        }
    }
    println!("{} scan of {rows} decisions in pages: {:?}", at_name(at), begun.elapsed());
}

#[test]
#[ignore = "takes minutes, and says nothing in a debug build"]
fn figures_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    // Kept there for whoever wants to profile the reading alone.
    let kept = std::env::var_os("HEFU_FIGURES_INDEX").map(std::path::PathBuf::from);
    let path = kept.unwrap_or_else(|| folder.path().join("index.sqlite"));
    let at = Location::Sqlite(path.clone());
    if !path.exists() {
        build(&Maker::new(), &at);
    }
    ask_all(&at);
    let bytes = std::fs::metadata(path).unwrap().len();
    println!("sqlite file: {} MB", bytes / 1_000_000);
}

#[cfg(feature = "postgres")]
#[test]
#[ignore = "takes minutes, and says nothing in a debug build"]
fn figures_postgresql() {
    let Some(server) = crate::server::Server::start() else { return };
    let at = server.database("figures");
    build(&Maker::new(), &at);
    ask_all(&at);
}
