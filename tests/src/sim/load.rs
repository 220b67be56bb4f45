//! What clients do: begin stories, submit, ask again, and send old transactions once more.

use hefu_contracts::Code;
use hefu_node::core::{CoreInput, Position};

use super::check::{Fact, Violation};
use super::client::Known;
use super::cover::Mark;
use super::drive::short;
use super::event::Event;
use super::world::World;

impl World {
    pub(super) fn begin_story(&mut self) -> Result<(), Violation> {
        let now = self.true_time();
        match self.clients.begin(now) {
            Some(ticket) => self.send(ticket),
            None => Ok(()),
        }
    }

    /// Governors sign what the next stage of a change needs, as soon as the ledger is there.
    pub(super) fn govern(&mut self) -> Result<(), Violation> {
        let now = self.true_time();
        let Some(mut registrar) = self.registrar.take() else { return Ok(()) };
        if !registrar.is_done() {
            let honest = self.machines.iter().zip(&self.honest).filter(|(_, honest)| **honest);
            let cores = honest.filter_map(|(machine, _)| machine.core.as_ref());
            let core = cores.max_by_key(|core| core.ledger().tip().height);
            let papers = core.and_then(|core| registrar.papers(core)).unwrap_or_default();
            let tickets = papers.iter().filter_map(|paper| self.clients.govern(now, paper));
            let tickets: Vec<usize> = tickets.collect();
            drop(papers);
            registrar.waiting.extend(&tickets);
            self.registrar = Some(registrar);
            if tickets.is_empty() {
                self.after(300, Event::Govern);
            }
            return tickets.into_iter().try_for_each(|ticket| self.send(ticket));
        }
        self.registrar = Some(registrar);
        // What changed shows in the blocks to come.
        for after in [100, 500, 900] {
            self.after(after, Event::Story);
        }
        Ok(())
    }

    /// A transaction has its outcome; if governors waited for it, they go on.
    fn note_settled(&mut self, ticket: usize) {
        if self.clients.tickets[ticket].known != Known::Waiting
            && self.registrar.as_mut().is_some_and(|registrar| registrar.settled(ticket))
        {
            let delay = self.rng.within(1, 200);
            self.after(delay, Event::Govern);
        }
    }

    /// Sends a new transaction to one machine or two.
    fn send(&mut self, ticket: usize) -> Result<(), Violation> {
        let tx = self.clients.tickets[ticket].tx.clone();
        self.report.transactions += 1;
        self.trace.say(self.now, || format!("a client sends {}", short(&tx.id())));
        self.tell(&Fact::Submitted { tx: &tx })?;
        let count = if self.clients.doubles() { 2 } else { 1 };
        self.report.coverage.marks(Mark::Doubles, count - 1);
        for _ in 0..count {
            let node = self.somebody();
            self.at(self.now + 1, Event::Submit { ticket, node });
        }
        let delay = self.rng.within(800, 2_500);
        self.after(delay, Event::Retry { ticket });
        Ok(())
    }

    fn somebody(&mut self) -> usize {
        let honest: Vec<usize> = (0..self.honest.len()).filter(|at| self.honest[*at]).collect();
        honest[self.rng.place(honest.len())]
    }

    pub(super) fn submit(&mut self, ticket: usize, node: usize) -> Result<(), Violation> {
        if !self.machines[node].is_up() {
            return Ok(());
        }
        self.clients.asked(ticket, node);
        let tx = self.clients.tickets[ticket].tx.clone();
        self.ask_outcome(ticket, node)?;
        if self.clients.tickets[ticket].known != Known::Waiting {
            return Ok(());
        }
        match self.machines[node].precheck(self.now, &tx) {
            Ok(()) => self.feed(node, CoreInput::Submit(vec![tx])),
            Err(code) => {
                self.refused_at_door(node, code);
                Ok(())
            }
        }
    }

    fn refused_at_door(&mut self, node: usize, code: Code) {
        self.report.refused_at_door += 1;
        self.trace.say(self.now, || format!("n{node} refuses at the door: {}", code.name()));
    }

    /// Asks a machine what became of a transaction, as the node's service answers.
    pub(super) fn ask_outcome(&mut self, ticket: usize, node: usize) -> Result<(), Violation> {
        let tx = self.clients.tickets[ticket].tx.id();
        let Some(core) = &self.machines[node].core else { return Ok(()) };
        let position = core.ledger().position(&tx).ok().flatten();
        let Some(Position { height, result, .. }) = position.filter(Position::is_authentic) else {
            return Ok(());
        };
        let now = self.true_time();
        let (applied, next) = self.clients.told(now, ticket, node, height, result);
        self.note_settled(ticket);
        if let Some(height) = applied {
            self.report.applied += 1;
            self.trace.say(self.now, || {
                format!("n{node} tells that {} is applied at {height}", short(&tx))
            });
            self.tell(&Fact::Acknowledged { tx, height })?;
        }
        match next {
            Some(next) => self.send(next),
            None => Ok(()),
        }
    }

    /// A client that knows no outcome asks another machine.
    pub(super) fn retry(&mut self, ticket: usize) {
        let times = self.machines.iter().zip(&self.honest).filter(|(_, honest)| **honest);
        let block_time = times.filter_map(|(machine, _)| machine.tip().map(|tip| tip.time)).max();
        self.clients.expire(ticket, block_time.unwrap_or_default());
        if self.clients.tickets[ticket].known != Known::Waiting {
            return;
        }
        let node = self.somebody();
        self.at(self.now + 1, Event::Submit { ticket, node });
        let delay = self.rng.within(1_000, 2_500);
        self.after(delay, Event::Retry { ticket });
    }

    /// Somebody sends an old transaction once more.
    pub(super) fn replay(&mut self) -> Result<(), Violation> {
        let Some(tx) = self.clients.replay() else { return Ok(()) };
        let node = self.somebody();
        if self.machines[node].is_up() && self.machines[node].precheck(self.now, &tx).is_ok() {
            self.report.coverage.mark(Mark::Replays);
            return self.feed(node, CoreInput::Submit(vec![tx]));
        }
        Ok(())
    }
}
