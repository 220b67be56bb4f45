//! What the node's driver and ingress do, on virtual time: feeding cores, acting on what they
//! want, carrying messages, serving requests.

use std::sync::Arc;

use hefu_consensus::{Message, PeerKey, proposer};
use hefu_node::core::sync::{MAX_FETCHED_BUNDLES, SyncAnswer, SyncRequest};
use hefu_node::core::{Committed, Core, CoreInput, CoreOutput, StoredBlock};
use hefu_primitives::block::{Outcome, TxResult};
use hefu_primitives::bounds::MAX_STORED_BLOCK_BYTES;
use hefu_primitives::codec::Canonical;
use hefu_primitives::{Bundle, BundleId, CommitCertificate, KeyPair, Round, VoteKind};

use super::byzantine::{Parcel, Scene, without_own};
use super::check::{Fact, Violation};
use super::cover::{Mark, Told};
use super::event::{Channel, Event};
use super::memory::Remembers;
use super::mutant::Mutant;
use super::plan::Fault;
use super::registrar::Registrar;
use super::world::{World, is_bundle};

/// How long a request waits for an answer, in milliseconds.
const ASK_TIMEOUT_MS: u64 = 700;

pub(super) const fn peer_key(node: usize) -> PeerKey {
    let mut key = [0x5a; 32];
    key[0] = node as u8;
    PeerKey(key)
}

pub(super) const fn node_of(peer: PeerKey) -> usize {
    peer.0[0] as usize
}

impl World {
    /// Steps a core, and acts on its outputs as soon as its disk lets it.
    pub(super) fn feed(&mut self, node: usize, input: CoreInput) -> Result<(), Violation> {
        if !self.machines[node].is_up() {
            return Ok(());
        }
        let outputs = self.machines[node].step(self.now, input);
        let machine = &self.machines[node];
        if machine.blocks.raw().is_down() || machine.log.raw().is_down() {
            // The power went in the middle of it: nothing of this step has left.
            self.report.coverage.mark(Mark::CrashedInWrite);
            return self.crash(node);
        }
        if self.honest[node] {
            let pool_bytes = machine.core.as_ref().map_or(0, |core| core.pool().bytes());
            let load = machine.core.as_ref().map(Core::load).unwrap_or_default();
            let outputs = outputs.len();
            self.tell(&Fact::Measured { node, pool_bytes, outputs, log_bytes: 0, load })?;
        }
        let slow = self.plan.has(Fault::SlowDisks) && !self.calm && !outputs.is_empty();
        let delay = match slow {
            false => 0,
            true if self.rng.chance(50) => self.rng.within(20, 300),
            true => self.rng.below(8),
        };
        self.report.coverage.marks(Mark::Waited, u64::from(delay > 0));
        // What a step wants done never overtakes what an earlier one wanted, not even when that is
        // due just now.
        let machine = &mut self.machines[node];
        machine.busy_until = machine.busy_until.max(self.now + delay);
        if machine.busy_until == self.now && machine.held == 0 {
            self.emit(node, outputs)?;
        } else {
            machine.held += 1;
            let (time, life) = (machine.busy_until, machine.life);
            self.at(time, Event::Emit { node, life, outputs });
        }
        self.schedule_wake(node);
        Ok(())
    }

    /// Acts on outputs in their order; the machine may crash between any two.
    pub(super) fn emit(&mut self, node: usize, outputs: Vec<CoreOutput>) -> Result<(), Violation> {
        let life = self.machines[node].life;
        for output in outputs {
            match self.machines[node].crash_in {
                Some(0) => {
                    let untold = matches!(output, CoreOutput::Committed(_));
                    let mark = if untold { Mark::CrashedUntold } else { Mark::CrashedUnsent };
                    self.report.coverage.mark(mark);
                    return self.crash(node);
                }
                Some(left) => self.machines[node].crash_in = Some(left - 1),
                None => {}
            }
            if self.honest[node] {
                self.act(node, output)?;
            } else if let Some(sent) = self.parcels(node, |liar, on| liar.outgoing(on, output)) {
                self.hand_out(node, sent)?;
            }
            if self.machines[node].life != life {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Asks a liar what it sends; none for an honest machine.
    pub(super) fn parcels(
        &mut self,
        node: usize,
        ask: impl FnOnce(&mut dyn super::byzantine::Attacker, &mut Scene<'_>) -> Vec<Parcel>,
    ) -> Option<Vec<Parcel>> {
        if self.honest[node] {
            return None;
        }
        let liars: Vec<usize> = self.liars.keys().copied().collect();
        let others: Vec<usize> = (0..self.machines.len()).filter(|at| *at != node).collect();
        let liar = self.liars.get_mut(&node)?;
        let mut scene = Scene {
            chain: self.setting.genesis.hash(),
            key: &liar.key,
            others: &others,
            liars: &liars,
            rng: &mut liar.rng,
            core: self.machines[node].core.as_mut(),
            deeds: 0,
        };
        let parcels = ask(liar.attacker.as_mut(), &mut scene);
        self.report.coverage.liar(liar.kind, Told::Deeds, scene.deeds);
        Some(parcels)
    }

    pub(super) fn hand_out(&mut self, node: usize, parcels: Vec<Parcel>) -> Result<(), Violation> {
        for parcel in parcels {
            match parcel {
                Parcel::Core(output) => self.act(node, output)?,
                Parcel::Message(to, bytes) => {
                    self.transmit(node, to, Channel::Consensus, &bytes.into());
                }
                Parcel::Bundle(to, bytes) => {
                    self.transmit(node, to, Channel::Bundles, &bytes.into());
                }
                Parcel::Crash => self.crash(node)?,
            }
        }
        Ok(())
    }

    fn act(&mut self, node: usize, output: CoreOutput) -> Result<(), Violation> {
        match output {
            CoreOutput::Broadcast(bytes) => {
                self.sent(node, &bytes)?;
                let bytes = self.scrambled(node, bytes);
                for to in self.network.peers(node) {
                    self.transmit(node, to, Channel::Consensus, &bytes);
                }
            }
            CoreOutput::Send(peer, bytes) => {
                self.sent(node, &bytes)?;
                self.note_relayed(node, node_of(peer), &bytes);
                let bytes = self.scrambled(node, bytes);
                self.transmit(node, node_of(peer), Channel::Consensus, &bytes);
            }
            CoreOutput::BroadcastBundle(bundle) => {
                for to in self.network.peers(node) {
                    self.transmit(node, to, Channel::Bundles, &bundle.as_bytes().into());
                }
            }
            CoreOutput::SendBundle(peer, bundle) => {
                self.transmit(node, node_of(peer), Channel::Bundles, &bundle.as_bytes().into());
            }
            CoreOutput::FetchBundles { peer, ids } => {
                self.report.coverage.mark(Mark::Fetched);
                self.fetch_bundles(node, peer, &ids);
            }
            CoreOutput::FetchBlocks { peer, from, count } => {
                let request = SyncRequest::Blocks { from, count };
                self.ask(node, node_of(peer), request);
            }
            CoreOutput::Committed(committed) => self.committed(node, &committed)?,
            CoreOutput::Rejected(tx, error) => {
                self.report.rejected += 1;
                self.trace
                    .say(self.now, || format!("n{node} does not take {}: {error}", short(&tx)));
            }
            CoreOutput::Misbehaviour(peer, fault) => {
                let of = node_of(peer);
                if self.honest[node]
                    && let Some(liar) = self.liars.get(&of)
                {
                    self.report.coverage.liar(liar.kind, Told::Accused, 1);
                }
                self.trace.say(self.now, || format!("n{node} accuses n{of}: {fault}"));
                let honest = self.honest[of];
                if self.honest[node] {
                    self.tell(&Fact::Accused { node, of, honest, fault })?;
                }
            }
            CoreOutput::Evidence(evidence) => {
                self.report.evidence += 1;
                self.trace.say(self.now, || {
                    let (height, round) = (evidence.height(), evidence.round());
                    format!("n{node} has evidence of {height}/{round}")
                });
                let mut liars = self.liars.values();
                let liar = liars.find(|liar| liar.key.id() == evidence.validator());
                if let Some(kind) = liar.map(|liar| liar.kind).filter(|_| self.honest[node]) {
                    self.report.coverage.liar(kind, Told::Proven, 1);
                }
                if self.honest[node] {
                    let validators = self.history.validators(evidence.height()).cloned();
                    let (evidence, validators) = (&evidence, validators.as_ref());
                    self.tell(&Fact::Evidence { node: Some(node), evidence, validators })?;
                }
            }
            CoreOutput::Halt(halted) => self.halted(node, &halted.reason)?,
        }
        Ok(())
    }

    fn sent(&mut self, node: usize, bytes: &[u8]) -> Result<(), Violation> {
        if !self.honest[node] {
            return Ok(());
        }
        let Ok(message) = Message::decode(bytes) else { return Ok(()) };
        if !matches!(message, Message::Status(_)) {
            self.trace.say(self.now, || format!("n{node} says {}", summary(&message)));
        }
        self.note_lost_round(&message);
        self.tell(&Fact::Sent { message: &message })
    }

    /// An honest validator votes for nothing in a liar's round.
    fn note_lost_round(&mut self, message: &Message) {
        let Message::Votes(votes) = message else { return };
        let [signed] = votes.as_slice() else { return };
        let vote = signed.vote;
        let new = self.registrar.as_ref().and_then(Registrar::new_key).map(KeyPair::id);
        self.report.coverage.marks(Mark::NewKeyVoted, u64::from(new == Some(vote.validator)));
        if vote.kind != VoteKind::Prevote || vote.block.is_some() {
            return;
        }
        let Some(validators) = self.history.validators(vote.height) else { return };
        let turn = proposer(validators, vote.height, vote.round);
        let mut liars = self.liars.values();
        if let Some(liar) = liars.find(|liar| liar.key.id() == turn) {
            self.report.coverage.liar(liar.kind, Told::Rounds, 1);
        }
    }

    /// A vote goes to a machine that its author is not linked with.
    fn note_relayed(&mut self, node: usize, to: usize, bytes: &[u8]) {
        if !self.plan.has(Fault::PartialMesh) {
            return;
        }
        let Ok(Message::Votes(votes)) = Message::decode(bytes) else { return };
        let key = |at: usize| self.machines[at].key.as_ref().map(KeyPair::id);
        let author = |at: &usize| key(*at) == votes.first().map(|signed| signed.vote.validator);
        let author = (0..self.machines.len()).find(author);
        if author.is_some_and(|author| author != node && !self.network.may_link(author, to)) {
            self.report.coverage.mark(Mark::Relayed);
        }
    }

    /// What a mutant makes of its own messages.
    fn scrambled(&mut self, node: usize, mut bytes: Vec<u8>) -> Arc<[u8]> {
        if self.plan.mutant == Some(Mutant::Scrambles) && node == 0 && self.rng.chance(100) {
            let place = self.rng.place(bytes.len());
            bytes[place] ^= 0x10;
        }
        bytes.into()
    }

    /// Puts bytes on the wire.
    pub(super) fn transmit(&mut self, from: usize, to: usize, channel: Channel, bytes: &Arc<[u8]>) {
        let Some(connection) = self.network.connection(from, to) else { return };
        self.trace.fold(self.now, channel as u8, [from, to], bytes);
        self.report.messages += 1;
        for delay in self.network.fate(self.now, from, to) {
            let bytes = bytes.clone();
            self.after(delay, Event::Deliver { from, to, connection, channel, bytes });
        }
    }

    pub(super) fn deliver(
        &mut self,
        from: usize,
        to: usize,
        connection: u64,
        channel: Channel,
        bytes: &Arc<[u8]>,
    ) -> Result<(), Violation> {
        if self.network.connection(from, to) != Some(connection) || !self.machines[to].is_up() {
            return Ok(());
        }
        match channel {
            Channel::Consensus => self.deliver_message(from, to, bytes),
            Channel::Bundles => self.deliver_bundle(from, to, bytes),
        }
    }

    fn deliver_message(&mut self, from: usize, to: usize, bytes: &[u8]) -> Result<(), Violation> {
        let mut bytes = Some(bytes.to_vec());
        if let Some(parcels) =
            self.parcels(to, |liar, scene| liar.heard(scene, bytes.as_deref().unwrap_or_default()))
        {
            let liar = &self.liars[&to];
            let core = self.machines[to].core.as_ref();
            let place = core.and_then(|core| {
                core.ledger().tip().validators.by_key(liar.key.id()).map(|(place, _)| place)
            });
            bytes = bytes.and_then(|bytes| without_own(&bytes, &liar.key, place));
            self.hand_out(to, parcels)?;
        }
        if self.plan.mutant == Some(Mutant::CommitsUnasked) && to == 0 {
            self.commit_unasked(to, bytes.as_deref().unwrap_or_default())?;
        }
        match bytes {
            Some(bytes) => self.feed(to, CoreInput::Message { from: peer_key(from), bytes }),
            None => Ok(()),
        }
    }

    fn deliver_bundle(&mut self, from: usize, to: usize, bytes: &[u8]) -> Result<(), Violation> {
        if let Some(liar) = self.liars.get_mut(&to)
            && is_bundle(bytes)
        {
            liar.attacker.heard_bundle(bytes);
        }
        let open_door = self.plan.mutant == Some(Mutant::OpenDoor);
        let bundle = self.machines[to].check_bundle(self.now, bytes, open_door);
        if self.honest[to]
            && let Some(liar) = self.liars.get(&from)
        {
            let told = if bundle.is_some() { Told::Taken } else { Told::Refused };
            self.report.coverage.liar(liar.kind, told, 1);
        }
        match bundle {
            Some(bundle) => {
                let (from, bundle) = (peer_key(from), Arc::new(bundle));
                self.feed(to, CoreInput::Bundle { from, bundle })
            }
            None => Ok(()),
        }
    }

    /// The mutant that takes a proposal for a decision.
    fn commit_unasked(&mut self, node: usize, bytes: &[u8]) -> Result<(), Violation> {
        let Ok(Message::Proposal { block, .. }) = Message::decode(bytes) else { return Ok(()) };
        let Some(core) = &mut self.machines[node].core else { return Ok(()) };
        let Ok(bundles) = core.pool().resolve(&block.bundles) else { return Ok(()) };
        let (height, id) = (block.header.height, block.id());
        let nobody =
            CommitCertificate { height, round: Round(0), block: id, signatures: Vec::new() };
        match core.ledger_mut().commit(block, nobody, &bundles, &Remembers) {
            Ok(committed) => self.committed(node, &committed),
            Err(_) => Ok(()),
        }
    }

    /// A machine says that a block is final.
    fn committed(&mut self, node: usize, committed: &Committed) -> Result<(), Violation> {
        let tip = &committed.tip;
        self.trace.fold(self.now, 9, [node, tip.height.0 as usize], tip.block.as_ref());
        self.trace.say(self.now, || {
            let (height, block) = (tip.height, short(&tip.block));
            let (round, count) = (committed.stored.certificate.round, committed.positions.len());
            format!("n{node} commits {height} in round {round}: {block}, {count} transactions")
        });
        if !self.honest[node] {
            return Ok(());
        }
        self.seen_final(&committed.stored)?;
        let validators = self.history.validators(tip.height).cloned();
        self.tell(&Fact::Committed { node, committed, validators: validators.as_ref() })?;
        for (tx, _) in &committed.positions {
            if let Some(ticket) = self.clients.ticket_of(tx) {
                self.ask_outcome(ticket, node)?;
            }
        }
        Ok(())
    }

    /// The first time that anybody honest has a height.
    pub(super) fn seen_final(&mut self, stored: &Arc<StoredBlock>) -> Result<(), Violation> {
        if stored.block.header.height.0 != self.chain.len() as u64 + 1 {
            return Ok(());
        }
        self.chain.push(stored.clone());
        let executed = self.history.go_on(stored);
        self.note_set(stored.block.header.height);
        self.report.late_rounds += u64::from(stored.certificate.round > Round(0));
        let refused = |outcome: &&Outcome| matches!(outcome.result, TxResult::Refused { .. });
        let refused = stored.outcomes.iter().filter(refused).count() as u64;
        self.report.coverage.marks(Mark::Refused, refused);
        for evidence in &stored.block.evidence {
            self.report.coverage.mark(Mark::Recorded);
            let validators = self.history.validators(evidence.height()).cloned();
            let validators = validators.as_ref();
            self.tell(&Fact::Evidence { node: None, evidence, validators })?;
        }
        self.tell(&Fact::Final { stored, executed: &executed })
    }

    fn fetch_bundles(&mut self, node: usize, peer: Option<PeerKey>, ids: &[BundleId]) {
        let servers = match peer {
            Some(peer) => vec![node_of(peer)],
            None => self.network.peers(node),
        };
        for server in servers {
            for ids in ids.chunks(MAX_FETCHED_BUNDLES) {
                self.ask(node, server, SyncRequest::Bundles(ids.to_vec()));
            }
        }
    }

    fn ask(&mut self, asker: usize, server: usize, request: SyncRequest) {
        let life = self.machines[asker].life;
        match self.network.fate(self.now, asker, server).first() {
            Some(delay) => self.after(*delay, Event::Ask { asker, life, server, request }),
            None => self.unanswered(asker, life, server, &request),
        }
    }

    fn unanswered(&mut self, asker: usize, life: u64, server: usize, request: &SyncRequest) {
        let blocks = matches!(request, SyncRequest::Blocks { .. });
        let event = Event::Answer { asker, life, server, blocks, answer: None };
        self.after(ASK_TIMEOUT_MS, event);
    }

    pub(super) fn serve(&mut self, asker: usize, life: u64, server: usize, request: &SyncRequest) {
        let unreadable = self.machines[server].unreadable.get();
        let mut answer = self.machines[server].serve(request);
        if unreadable == 0 && self.machines[server].unreadable.get() > 0 {
            let delay = self.rng.within(500, 3_000);
            self.after(delay, Event::Repair { node: server });
        }
        let _ = self.parcels(server, |liar, scene| {
            answer = liar.serve(scene, request, answer.take());
            Vec::new()
        });
        let blocks = matches!(request, SyncRequest::Blocks { .. });
        if self.plan.mutant == Some(Mutant::ServesNothing) && blocks {
            answer = None;
        }
        let way = self.network.fate(self.now, server, asker).first().copied();
        match (way, answer) {
            (Some(delay), Some(answer)) => {
                let bytes = answer.to_bytes();
                self.trace.fold(self.now, 7, [server, asker], &bytes);
                let answer = SyncAnswer::decode(&bytes).ok();
                self.after(delay, Event::Answer { asker, life, server, blocks, answer });
            }
            _ => self.unanswered(asker, life, server, request),
        }
    }

    pub(super) fn answered(
        &mut self,
        asker: usize,
        life: u64,
        server: usize,
        blocks: bool,
        answer: Option<SyncAnswer>,
    ) -> Result<(), Violation> {
        if self.machines[asker].life != life {
            return Ok(());
        }
        let items = answer.unwrap_or_default().0;
        if blocks {
            let decode = |item: &[u8]| StoredBlock::from_bytes(item, MAX_STORED_BLOCK_BYTES).ok();
            let blocks: Vec<StoredBlock> = items.iter().map_while(|item| decode(item)).collect();
            self.report.fetched += blocks.len() as u64;
            return self.feed(asker, CoreInput::Blocks { from: peer_key(server), blocks });
        }
        let bundles: Vec<Bundle> =
            items.iter().filter_map(|bytes| Bundle::decode(bytes).ok()).collect();
        if bundles.is_empty() { Ok(()) } else { self.feed(asker, CoreInput::Bundles(bundles)) }
    }

    pub(super) fn wake(&mut self, node: usize, at: u64) -> Result<(), Violation> {
        // A later appointment took this one's place.
        if self.machines[node].wake_at != Some(at) {
            return Ok(());
        }
        self.machines[node].wake_at = None;
        self.feed(node, CoreInput::Tick)
    }

    /// Makes an appointment for the next timer.
    pub(super) fn schedule_wake(&mut self, node: usize) {
        let Some(at) = self.machines[node].next_wake(self.now) else { return };
        if self.machines[node].wake_at.is_none_or(|before| at < before) {
            self.machines[node].wake_at = Some(at);
            self.at(at, Event::Wake { node, at });
        }
    }

    pub(super) fn idle(&mut self, node: usize) -> Result<(), Violation> {
        if self.machines[node].is_up() {
            let parcels = self.parcels(node, |liar, scene| liar.idle(scene)).unwrap_or_default();
            self.hand_out(node, parcels)?;
        }
        let delay = self.rng.within(20, 120);
        self.after(delay, Event::Idle { node });
        Ok(())
    }
}

/// The beginning of an id: enough to tell it from others in one run.
pub(super) fn short(id: &impl ToString) -> String {
    id.to_string().chars().take(8).collect()
}

/// A message in a few words.
fn summary(message: &Message) -> String {
    match message {
        Message::Proposal { proposal, block } => {
            let p = proposal.proposal;
            let lock = p.pol_round.map(|round| format!(" (locked in {round})")).unwrap_or_default();
            let count = block.bundles.len();
            let block = short(&p.block);
            format!("proposal {}/{}: {block}{lock}, {count} bundles", p.height, p.round)
        }
        Message::Votes(votes) => {
            let one = |signed: &hefu_primitives::vote::SignedVote| {
                let v = signed.vote;
                let block = v.block.map_or("nothing".into(), |block| short(&block));
                let voter = short(&v.validator);
                format!("{:?} {}/{} of {voter} for {block}", v.kind, v.height, v.round)
            };
            votes.iter().map(one).collect::<Vec<_>>().join(", ")
        }
        Message::Polka(polka) => format!("polka {}/{}", polka.height, polka.round),
        Message::Decided(certificate) => format!("decided {}", certificate.height),
        Message::Evidence(evidence) => format!("evidence of height {}", evidence.height()),
        Message::Status(status) => format!("status {}/{}", status.height, status.round),
    }
}
