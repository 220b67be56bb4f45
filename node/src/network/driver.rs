//! The task that owns the swarm: who is dialled, which connection is the link, who is cut off.
//!
//! No frame passes through here: links read and write on their own, and the handle fills their
//! queues directly. The driver never waits for a link or for the owner, so neither can stall it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, DialError, ListenError, SwarmEvent};
use libp2p::{PeerId, Swarm};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use super::address::{Address, from_multiaddr, to_multiaddr};
use super::behaviour::{Behaviour, BehaviourEvent, Denied};
use super::config::MAX_PEERS;
use super::contact::{Contact, add_address};
use super::events::{EventSender, Refusal};
use super::key::NodeKey;
use super::link::{Link, LinkEnd};
use super::lock;
use super::peer::{Line, Peer};
use super::rate::{Bucket, Rate};
use super::score::Violation;
use super::shared::{Context, Report, Shared};

/// Refusals of strangers told and logged; more are only logged at `debug`.
const STRANGERS: Rate = Rate { messages_per_second: 5, bytes_per_second: 1 };
/// How long the driver sleeps when there is nothing to dial.
const IDLE: Duration = Duration::from_secs(60);

/// What the handle asks for.
#[derive(Debug)]
pub(crate) enum Command {
    AddAddress(NodeKey, Address),
    Partition(BTreeSet<NodeKey>),
    Violation(NodeKey, Violation),
    Shutdown(oneshot::Sender<()>),
}

/// See the head of this file.
pub(crate) struct Driver {
    pub(crate) swarm: Swarm<Behaviour>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) events: EventSender,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) allowed: watch::Receiver<BTreeSet<NodeKey>>,
    reports: mpsc::Receiver<Report>,
    report: mpsc::Sender<Report>,
    contacts: BTreeMap<NodeKey, Contact>,
    /// Addresses of listed nodes, kept while they are not registered too.
    addresses: BTreeMap<NodeKey, Vec<Address>>,
    links: BTreeMap<ConnectionId, Tracked>,
    resolving: JoinSet<(NodeKey, Vec<SocketAddr>)>,
    strangers: Bucket,
}

/// A connection and the task that uses it.
struct Tracked {
    key: NodeKey,
    task: AbortHandle,
}

impl Driver {
    pub(crate) fn new(
        swarm: Swarm<Behaviour>,
        shared: Arc<Shared>,
        events: EventSender,
        commands: mpsc::Receiver<Command>,
        addresses: BTreeMap<NodeKey, Vec<Address>>,
    ) -> Self {
        let (report, reports) = mpsc::channel(64);
        let allowed = shared.allowed.clone();
        let mut driver = Self {
            swarm,
            shared,
            events,
            commands,
            allowed,
            reports,
            report,
            contacts: BTreeMap::new(),
            addresses,
            links: BTreeMap::new(),
            resolving: JoinSet::new(),
            strangers: Bucket::new(STRANGERS, Instant::now()),
        };
        driver.on_allowed();
        driver
    }

    /// Runs until it is told to stop or every handle is gone.
    pub(crate) async fn run(mut self) {
        let mut watching = true;
        let done = loop {
            let wake = self.dial_due();
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_swarm(event),
                Some(report) = self.reports.recv() => self.on_report(report),
                command = self.commands.recv() => match command {
                    Some(Command::Shutdown(done)) => break Some(done),
                    Some(command) => self.on_command(command),
                    None => break None,
                },
                changed = self.allowed.changed(), if watching => match changed {
                    Ok(()) => self.on_allowed(),
                    // The owner keeps the last set for good.
                    Err(_) => watching = false,
                },
                Some(resolved) = self.resolving.join_next() => {
                    if let Ok((key, found)) = resolved {
                        self.dial(key, found);
                    }
                }
                () = tokio::time::sleep_until(wake) => {}
            }
        };
        self.stop();
        if let Some(done) = done {
            let _ = done.send(());
        }
    }

    fn stop(mut self) {
        for (_, tracked) in std::mem::take(&mut self.links) {
            tracked.task.abort();
        }
        for contact in self.contacts.values_mut() {
            hang_up(contact, &self.events);
        }
        tracing::info!("network stopped");
        // Dropping the swarm closes the listener and every connection.
    }

    // ---- who may connect, and who is wanted -------------------------------------------------

    fn on_allowed(&mut self) {
        let allowed = self.allowed.borrow_and_update().clone();
        let gone: Vec<NodeKey> =
            self.contacts.keys().filter(|key| !allowed.contains(key)).copied().collect();
        for key in gone {
            tracing::info!(peer = %key, "no longer registered: its connections are cut");
            self.cut_peer(key);
            self.contacts.remove(&key);
            lock(&self.shared.peers).remove(&key);
        }
        for key in allowed.into_iter().take(MAX_PEERS) {
            if key != self.shared.key && !self.contacts.contains_key(&key) {
                let peer = Arc::new(Peer::new(key, &self.shared.limits));
                lock(&self.shared.peers).insert(key, peer.clone());
                let addresses = self.addresses.get(&key).cloned().unwrap_or_default();
                self.contacts.insert(key, Contact::new(peer, addresses, Instant::now()));
            }
        }
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::AddAddress(key, address) => {
                if let Some(contact) = self.contacts.get_mut(&key) {
                    contact.add_address(address.clone(), Instant::now());
                }
                if self.addresses.contains_key(&key) || self.addresses.len() < MAX_PEERS {
                    add_address(self.addresses.entry(key).or_default(), address);
                }
            }
            Command::Partition(cut) => self.on_partition(cut),
            Command::Violation(peer, violation) => {
                self.on_violation(peer, violation);
                if !matches!(violation, Violation::Reported { .. }) {
                    self.cut_peer(peer);
                }
            }
            Command::Shutdown(_) => {}
        }
    }

    fn on_partition(&mut self, cut: BTreeSet<NodeKey>) {
        let before = std::mem::replace(&mut *lock(&self.shared.partition), cut.clone());
        for key in cut.difference(&before) {
            self.cut_peer(*key);
            if let Some(contact) = self.contacts.get(key) {
                contact.peer.set_refusal(Refusal::Partitioned);
            }
        }
        for key in before.difference(&cut) {
            if let Some(contact) = self.contacts.get_mut(key) {
                contact.dial_now(Instant::now());
            }
        }
    }

    /// Starts the dials that are due; when the next one is.
    fn dial_due(&mut self) -> Instant {
        let now = Instant::now();
        let mut wake = now + IDLE;
        for (key, contact) in &mut self.contacts {
            // A handshake under way in either direction may become the link.
            let busy = self.links.values().any(|tracked| tracked.key == *key);
            let Some(due) = contact.due().filter(|_| !busy) else { continue };
            if due > now {
                wake = wake.min(due);
            } else if let Err(reason) = self.shared.admit(key) {
                let pause = match reason {
                    Refusal::Banned { remaining } => remaining,
                    _ => IDLE,
                };
                contact.pause_for(pause, now);
            } else {
                contact.dialling = true;
                let (key, addresses) = (*key, contact.addresses.clone());
                self.resolving.spawn(async move {
                    let found = addresses.iter().map(Address::resolve);
                    (key, futures::future::join_all(found).await.concat())
                });
            }
        }
        wake
    }

    fn dial(&mut self, key: NodeKey, found: Vec<SocketAddr>) {
        let Some(peer) = key.peer_id().filter(|_| !found.is_empty()) else {
            return self.missed(key);
        };
        let options = DialOpts::peer_id(peer)
            .addresses(found.into_iter().map(to_multiaddr).collect())
            // A stale connection must not stop us from dialling.
            .condition(PeerCondition::Always)
            // From a port of its own: reusing the listening one makes crossing dials collide.
            .allocate_new_port()
            .build();
        if let Err(error) = self.swarm.dial(options) {
            tracing::debug!(peer = %key, %error, "cannot dial");
            self.missed(key);
        }
    }

    /// A dial came to nothing.
    fn missed(&mut self, key: NodeKey) {
        if let Some(contact) = self.contacts.get_mut(&key) {
            contact.dialling = false;
            contact.pause(self.shared.limits.retry_cap, jitter(), Instant::now());
        }
    }

    // ---- connections ------------------------------------------------------------------------

    fn on_swarm(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.on_established(peer_id, connection_id, endpoint.is_dialer());
            }
            // The link's task notices by itself, and may know better why.
            SwarmEvent::ConnectionClosed { .. } => {}
            SwarmEvent::OutgoingConnectionError { peer_id, error, .. } => {
                self.on_dial_failed(peer_id, &error);
            }
            SwarmEvent::IncomingConnectionError {
                error: ListenError::Denied { cause }, ..
            } => match cause.downcast_ref::<Denied>() {
                Some(denied) => self.turned_away(denied.peer, denied.reason),
                None => tracing::debug!(%cause, "too many connections: one was refused"),
            },
            SwarmEvent::NewListenAddr { address, .. } => {
                lock(&self.shared.listening).extend(from_multiaddr(&address));
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => {
                let gone = from_multiaddr(&address);
                lock(&self.shared.listening).retain(|address| Some(*address) != gone);
            }
            SwarmEvent::ListenerClosed { reason: Err(error), .. }
            | SwarmEvent::ListenerError { error, .. } => {
                tracing::error!(%error, "listening failed");
            }
            _ => {}
        }
    }

    fn on_established(&mut self, peer: PeerId, connection: ConnectionId, dialled: bool) {
        let ends = self.swarm.behaviour_mut().admission.take(connection);
        // The watched set may have changed since this task last looked.
        self.on_allowed();
        let key = NodeKey::from_peer_id(&peer);
        let contact = key.and_then(|key| self.contacts.get_mut(&key));
        let (Some(ends), Some(contact)) = (ends, contact) else {
            self.swarm.close_connection(connection);
            return;
        };
        if dialled {
            contact.dialling = false;
        }
        let context = Context {
            shared: self.shared.clone(),
            peer: contact.peer.clone(),
            events: self.events.clone(),
            reports: self.report.clone(),
        };
        let (key, report) = (contact.peer.key, self.report.clone());
        let link = Link { connection, dialled, ends, context };
        let task = tokio::spawn(async move {
            // A panic must not leave a connection that nobody serves.
            let end = std::panic::AssertUnwindSafe(link.run()).catch_unwind().await;
            let end = end.unwrap_or(LinkEnd::Closed);
            let _ = report.send(Report::Ended { connection, end }).await;
        });
        self.links.insert(connection, Tracked { key, task: task.abort_handle() });
    }

    fn on_dial_failed(&mut self, peer: Option<PeerId>, error: &DialError) {
        let Some(key) = peer.as_ref().and_then(NodeKey::from_peer_id) else { return };
        match error {
            DialError::WrongPeerId { obtained, address } => {
                let other = NodeKey::from_peer_id(obtained);
                tracing::warn!(peer = %key, %address, ?other, "another node answers at its address");
            }
            error => tracing::debug!(peer = %key, %error, "could not be reached"),
        }
        self.missed(key);
    }

    fn on_report(&mut self, report: Report) {
        match report {
            Report::Ready { peer, line, reply } => {
                let admitted = self.on_ready(peer, line);
                let _ = reply.send(admitted);
            }
            Report::Violation { peer, violation } => self.on_violation(peer, violation),
            Report::Ended { connection, end } => self.on_ended(connection, end),
        }
    }

    /// A connection has passed its hello: is it the link? If so, it is in use when this returns.
    fn on_ready(&mut self, key: NodeKey, line: Arc<Line>) -> bool {
        let Some(contact) = self.contacts.get_mut(&key) else { return false };
        if !self.links.contains_key(&line.id) || self.shared.admit(&key).is_err() {
            return false;
        }
        if let Some(old) = contact.peer.line() {
            // The smaller key decides; the other side only hears of connections it decided for.
            let alive = old.pulse.silence() <= self.shared.limits.heartbeat * 5 / 2;
            let same = old.hello.session == line.hello.session;
            if self.shared.key < key && same && alive {
                return false;
            }
            self.cut(old.id);
        }
        let Some(contact) = self.contacts.get_mut(&key) else { return false };
        let Ok(hello) = contact.peer.status.clone().try_acquire_owned() else { return false };
        let Ok(goodbye) = contact.peer.status.clone().try_acquire_owned() else { return false };
        contact.goodbye = Some(goodbye);
        self.events.connected(key, line.hello.region, hello);
        tracing::info!(peer = %key, region = %line.hello.region, "connected");
        contact.peer.set_line(Some(line));
        true
    }

    fn on_ended(&mut self, connection: ConnectionId, end: LinkEnd) {
        let Some(tracked) = self.links.get(&connection) else { return };
        let key = tracked.key;
        let line = self.contacts.get(&key).and_then(|contact| contact.peer.line());
        let up = line.filter(|line| line.id == connection).map(|line| line.up.elapsed());
        self.cut(connection);
        let Some(contact) = self.contacts.get_mut(&key) else { return };
        tracing::debug!(peer = %key, ?end, ?up, "connection ended");
        if up.is_some_and(|up| up > self.shared.limits.retry_cap) {
            contact.reached();
        }
        let now = Instant::now();
        if contact.peer.line().is_none() {
            contact.pause(self.shared.limits.retry_cap, jitter(), now);
        }
        match end {
            LinkEnd::Closed | LinkEnd::Silent | LinkEnd::Duplicate => {}
            LinkEnd::Refused(Refusal::Violation(violation)) => self.on_violation(key, violation),
            LinkEnd::Refused(reason) => {
                if !matches!(reason, Refusal::Declined) {
                    contact.pause_for(self.shared.limits.refused_retry, now);
                }
                // However often it comes back, the same reason is told once.
                if contact.peer.set_refusal(reason) {
                    self.refused(Some(key), reason);
                }
            }
        }
    }

    fn on_violation(&mut self, key: NodeKey, violation: Violation) {
        let Some(contact) = self.contacts.get(&key) else { return };
        let (now, ban) = (Instant::now(), self.shared.limits.ban);
        let banned = contact.peer.score().lower(violation, ban, now);
        contact.peer.set_refusal(Refusal::Violation(violation));
        self.refused(Some(key), Refusal::Violation(violation));
        if banned {
            contact.peer.set_refusal(Refusal::Banned { remaining: ban });
            self.refused(Some(key), Refusal::Banned { remaining: ban });
            self.cut_peer(key);
        }
    }

    /// Ends a connection, and with it the line if it was the one in use.
    fn cut(&mut self, connection: ConnectionId) {
        let Some(tracked) = self.links.remove(&connection) else { return };
        tracked.task.abort();
        self.swarm.close_connection(connection);
        if let Some(contact) = self.contacts.get_mut(&tracked.key)
            && contact.peer.line().is_some_and(|line| line.id == connection)
        {
            hang_up(contact, &self.events);
        }
    }

    fn cut_peer(&mut self, key: NodeKey) {
        let connections: Vec<ConnectionId> =
            self.links.iter().filter(|(_, t)| t.key == key).map(|(id, _)| *id).collect();
        for connection in connections {
            self.cut(connection);
        }
    }

    // ---- what an operator hears -------------------------------------------------------------

    /// A peer was refused at the door, as often as it likes to knock.
    fn turned_away(&mut self, peer: Option<NodeKey>, reason: Refusal) {
        if matches!(reason, Refusal::Partitioned) || !self.strangers.try_take(Instant::now()) {
            tracing::debug!(?peer, %reason, "connection refused");
        } else {
            self.refused(peer, reason);
        }
    }

    fn refused(&self, peer: Option<NodeKey>, reason: Refusal) {
        tracing::warn!(?peer, %reason, "connection refused");
        if !self.events.refused(peer, reason) {
            tracing::debug!("too many refusals wait to be taken: one was left out");
        }
    }
}

/// Takes the line out of use and says so.
fn hang_up(contact: &mut Contact, events: &EventSender) {
    contact.peer.set_line(None);
    if let Some(goodbye) = contact.goodbye.take() {
        tracing::info!(peer = %contact.peer.key, "disconnected");
        events.disconnected(contact.peer.key, goodbye);
    }
}

fn jitter() -> u32 {
    // Without randomness the pauses are merely less spread out.
    getrandom::u32().unwrap_or(0)
}
