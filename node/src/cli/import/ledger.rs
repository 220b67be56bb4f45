//! The import itself: journal first, network second.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use hefu_contracts::Act;
use hefu_primitives::{H32, Id16, TxId, Uscc};
use serde_json::Value;

use super::super::app::{App, now};
use super::super::client::Submitted;
use super::super::fault::Fault;
use super::super::list::record;
use super::super::progress::Progress;
use super::super::submit::Ledger;
use super::super::tx::refusal;
use super::Import;
use super::courier::{Courier, Delivered, Parcel};
use super::plan::{Item, MAX_ACTS_BYTES, Planned, Planner, is_of_line};
use super::report::Report;
use super::stock::{Full, Stock};
use crate::vault::{Licence, LicenceError, Outcome, Vault};

/// Refusals that are about the transaction or its signer: every line of it would be refused so.
const OF_SIGNER: &[&str] =
    &["E102", "E103", "E104", "E105", "E106", "E113", "E116", "E210", "E227"];

/// How long the ledger's time is relied on.
const REFRESH: Duration = Duration::from_secs(60);

/// An import under way.
pub(super) struct Importer<'a> {
    app: &'a App,
    progress: Progress<'a>,
    lines: u64,
    file: H32,
    batch: usize,
    vault: Vault,
    planner: Planner<'a>,
    courier: Courier,
    /// Lines that wait for a transaction, by issuer.
    open: BTreeMap<Uscc, Vec<Item>>,
    /// Lines to be sent again without what was refused beside them.
    again: VecDeque<(Uscc, Vec<Item>)>,
    /// Items of transactions under way, to be sent again if need be.
    sent: BTreeMap<TxId, (Uscc, Vec<Item>)>,
    /// Lines with the document of an earlier one, and its attestation.
    doubles: Vec<(u32, Id16)>,
    /// Attestations that this run was refused: why, or that they were there.
    refused: BTreeMap<Id16, Option<Fault>>,
    known: Option<(Ledger, Instant)>,
    /// Batches, when lines share them.
    stock: Option<Stock>,
    report: Report,
}

impl<'a> Importer<'a> {
    pub(super) fn open(app: &'a App, file: H32, args: &Import, lines: u64) -> Result<Self, Fault> {
        Ok(Self {
            app,
            progress: Progress::new(app, "progress-import", lines),
            lines,
            file,
            batch: usize::from(args.batch),
            vault: app.vault(true)?,
            planner: Planner::new(app, file, args.legacy, args.stock)?,
            courier: Courier::new(app.client()?, usize::from(args.parallel)),
            open: BTreeMap::new(),
            again: VecDeque::new(),
            sent: BTreeMap::new(),
            doubles: Vec::new(),
            refused: BTreeMap::new(),
            known: None,
            stock: args.stock.then(Stock::default),
            report: Report::default(),
        })
    }

    /// First of all, the transactions of earlier runs whose outcome is not known (rule 3), of every
    /// file: they may hold documents of this one.
    pub(super) fn resume(&mut self) -> Result<(), Fault> {
        let mut pending = Vec::new();
        for file in self.vault.unsettled_files() {
            pending.extend(self.vault.pending(file)?.into_iter().map(|one| (file, one)));
        }
        if pending.is_empty() {
            return Ok(());
        }
        self.app.out.tell("import-resumes", &[("count", &pending.len().to_string())]);
        let ledger = Ledger::of(self.app.client()?)?;
        for (file, one) in pending {
            let (transaction, lines) = (one.transaction, one.lines);
            let (id, over) = (transaction.id(), transaction.body().not_after < ledger.block_time);
            let known = match over {
                true => self.app.client()?.find(&format!("/transactions/{id}"), &[])?,
                false => None,
            };
            match known {
                Some(answer) => self.settle_known(file, id, &answer)?,
                None if over => self.vault.settle(file, id, Outcome::Lapsed)?,
                None => {
                    self.make_room()?;
                    self.courier.send(Parcel { file, transaction, lines })?;
                }
            }
        }
        while !self.courier.is_idle() {
            self.receive()?;
        }
        Ok(())
    }

    fn settle_known(&mut self, file: H32, id: TxId, answer: &Value) -> Result<(), Fault> {
        if answer["status"] == "refused" {
            // Its lines are planned again as they come up.
            let code = number(&refusal(answer, id));
            return Ok(self.vault.settle(file, id, Outcome::Refused { code })?);
        }
        self.applied(file, id, answer)
    }

    /// Takes the next line of the file.
    pub(super) fn take(
        &mut self,
        line: u32,
        licence: Result<Licence, LicenceError>,
    ) -> Result<(), Fault> {
        let planned = match licence {
            Ok(licence) => self.planner.plan(&mut self.vault, line, licence),
            Err(error) => Err(error.into()),
        };
        match planned {
            Ok(Planned::Done) => self.report.accept_already(),
            Ok(Planned::Double(first)) => self.doubles.push((line, first)),
            Ok(Planned::UnderWay) => self.report.pending += 1,
            Ok(Planned::Todo(issuer, item)) => match &mut self.stock {
                Some(stock) => {
                    let full = stock.add(&mut self.vault, issuer, &item)?;
                    full.map_or(Ok(()), |full| self.dispatch_batch(full))?;
                }
                None => self.add(issuer, *item)?,
            },
            Err(fault) if is_of_line(&fault) => self.report.refuse(line, fault),
            Err(fault) => return Err(fault),
        }
        self.tick();
        Ok(())
    }

    fn add(&mut self, issuer: Uscc, item: Item) -> Result<(), Fault> {
        let waiting = self.open.entry(issuer).or_default();
        let size: usize = waiting.iter().map(|item| item.bytes).sum();
        let full = waiting.len() >= self.batch || size + item.bytes > MAX_ACTS_BYTES;
        let ready = if full { std::mem::take(waiting) } else { Vec::new() };
        waiting.push(item);
        if ready.is_empty() { Ok(()) } else { self.dispatch(issuer, ready) }
    }

    /// As [`Self::dispatch`], for a batch.
    fn dispatch_batch(&mut self, full: Full) -> Result<(), Fault> {
        self.make_room()?;
        let signer = self.planner.signer(full.issuer)?;
        let ledger = self.ledger()?;
        let schema = self.planner.schema(full.kind.0)?;
        let act = full.act(&self.vault, schema, now())?;
        let transaction = ledger.sign(&[act], "import", &signer)?;
        // Durable with the leaves before it.
        self.vault.stage(self.file, &full.lines, &transaction)?;
        let count = full.lines.len().to_string();
        self.app.out.tell("import-batch", &[("id", &full.batch.to_string()), ("count", &count)]);
        self.sent.insert(transaction.id(), (full.issuer, Vec::new()));
        self.courier.send(Parcel { file: self.file, transaction, lines: full.lines })
    }

    /// Sends what waits, and sees everything through.
    pub(super) fn finish(&mut self) -> Result<(), Fault> {
        let batches = self.stock.as_mut().map(Stock::finish).unwrap_or_default();
        batches.into_iter().try_for_each(|full| self.dispatch_batch(full))?;
        for (issuer, items) in std::mem::take(&mut self.open) {
            if !items.is_empty() {
                self.dispatch(issuer, items)?;
            }
        }
        loop {
            if let Some((issuer, items)) = self.again.pop_front() {
                self.dispatch(issuer, items)?;
            } else if self.courier.is_idle() {
                self.settle_doubles();
                return Ok(self.vault.sync()?);
            } else {
                self.receive()?;
            }
        }
    }

    /// What became of the first line of a document is what became of the others.
    fn settle_doubles(&mut self) {
        for (line, first) in std::mem::take(&mut self.doubles) {
            match self.refused.get(&first) {
                _ if self.vault.is_applied(first) => self.report.accept_already(),
                Some(None) => self.report.accept_already(),
                Some(Some(fault)) => self.report.refuse(line, fault.clone()),
                None => self.report.pending += 1,
            }
        }
        self.tick();
    }

    /// Ends: the report so far.
    pub(super) fn close(self) -> Report {
        self.progress.finish();
        self.report
    }

    /// Signs, makes durable, and sends: in this order.
    fn dispatch(&mut self, issuer: Uscc, mut items: Vec<Item>) -> Result<(), Fault> {
        self.make_room()?;
        items.sort_by_key(|item| item.line);
        let signer = self.planner.signer(issuer)?;
        let ledger = self.ledger()?;
        let acts: Vec<Act> = items.iter().map(|item| item.act.clone()).collect();
        let transaction = ledger.sign(&acts, "import", &signer)?;
        let lines: Vec<u32> = items.iter().map(|item| item.line).collect();
        self.vault.stage(self.file, &lines, &transaction)?;
        self.sent.insert(transaction.id(), (issuer, items));
        self.courier.send(Parcel { file: self.file, transaction, lines })
    }

    /// The ledger and its time, asked for once a minute.
    fn ledger(&mut self) -> Result<Ledger, Fault> {
        match self.known {
            Some((ledger, since)) if since.elapsed() < REFRESH => Ok(ledger),
            _ => {
                let ledger = Ledger::of(self.app.client()?)?;
                self.known = Some((ledger, Instant::now()));
                Ok(ledger)
            }
        }
    }

    fn make_room(&mut self) -> Result<(), Fault> {
        while !self.courier.has_room() {
            self.receive()?;
        }
        Ok(())
    }

    /// Takes one outcome, and writes it to the journal.
    fn receive(&mut self) -> Result<(), Fault> {
        let Delivered { parcel, result } = self.courier.receive()?;
        let (file, id, lines) = (parcel.file, parcel.transaction.id(), parcel.lines);
        let sent = self.sent.remove(&id);
        // Lines of an earlier run come up again as the file is read, and are counted then.
        let counted = sent.as_ref().map_or(0, |_| lines.len());
        match result {
            Ok(Submitted::Applied(answer)) => {
                self.applied(file, id, &answer)?;
                self.report.accept(counted);
            }
            // It may still commit: the next run asks again.
            Ok(Submitted::Pending) => self.report.pending += counted as u64,
            Err(fault) if is_of_line(&fault) => match sent {
                Some((_, items)) if items.is_empty() => {
                    self.batch_refused(file, id, &fault, &lines)?;
                }
                sent => self.refused(file, id, fault, sent)?,
            },
            Err(fault) => return Err(fault),
        }
        self.tick();
        Ok(())
    }

    fn applied(&mut self, file: H32, id: TxId, answer: &Value) -> Result<(), Fault> {
        let height = answer["height"].as_str().and_then(|height| height.parse().ok());
        let height = height.unwrap_or_default();
        Ok(self.vault.settle(file, id, Outcome::Applied { height })?)
    }

    /// A batch is refused as a whole; the next run makes another one.
    fn batch_refused(
        &mut self,
        file: H32,
        id: TxId,
        fault: &Fault,
        lines: &[u32],
    ) -> Result<(), Fault> {
        let outcome = match fault.code.as_str() {
            "E108" => Outcome::Lapsed,
            _ => Outcome::Refused { code: number(fault) },
        };
        self.vault.settle(file, id, outcome)?;
        let fault = Fault { tx: None, act: None, height: None, ..fault.clone() };
        lines.iter().for_each(|line| self.report.refuse(*line, fault.clone()));
        Ok(())
    }

    /// A refusal: of one act, and then the others are sent again; or of the whole transaction.
    fn refused(
        &mut self,
        file: H32,
        id: TxId,
        fault: Fault,
        sent: Option<(Uscc, Vec<Item>)>,
    ) -> Result<(), Fault> {
        if fault.code == "E108" {
            // Its time was over before it committed: signed anew, it will do.
            self.vault.settle(file, id, Outcome::Lapsed)?;
            self.again.extend(sent);
            return Ok(());
        }
        self.vault.settle(file, id, Outcome::Refused { code: number(&fault) })?;
        // Of an earlier run: its lines come up again as the file is read.
        let Some((issuer, mut items)) = sent else { return Ok(()) };
        let culprit = fault.act.and_then(|act| usize::try_from(act).ok());
        let culprit = culprit.filter(|_| !OF_SIGNER.contains(&fault.code.as_str()));
        let refused: Vec<Item> = match culprit.filter(|culprit| *culprit < items.len()) {
            Some(culprit) => vec![items.remove(culprit)],
            None => std::mem::take(&mut items),
        };
        for item in refused {
            let fault = Fault { tx: None, act: None, height: None, ..fault.clone() };
            if self.is_there(&fault, &item)? {
                self.report.accept_already();
                self.refused.insert(item.att_id, None);
            } else {
                self.refused.insert(item.att_id, Some(fault.clone()));
                self.report.refuse(item.line, fault);
            }
        }
        if !items.is_empty() {
            self.again.push_back((issuer, items));
        }
        Ok(())
    }

    /// Whether what was refused as a repetition is this very attestation, on the ledger already. An id
    /// is everybody's to choose: what another put there under it is not this.
    fn is_there(&self, fault: &Fault, item: &Item) -> Result<bool, Fault> {
        if !matches!(fault.code.as_str(), "E114" | "E303") {
            return Ok(false);
        }
        let answer = self.app.client()?.find(&format!("/certificates/{}", item.att_id), &[])?;
        let own = match &item.act {
            Act::Attest(attest) => serde_json::to_value(attest.content).ok(),
            _ => None,
        };
        let there = answer.map(|answer| record(&answer)["content"].clone());
        Ok(own.is_some() && own == there)
    }

    fn tick(&mut self) {
        self.progress.set(self.report.settled(), self.lines);
    }
}

fn number(fault: &Fault) -> u16 {
    fault.code.strip_prefix('E').and_then(|number| number.parse().ok()).unwrap_or_default()
}
