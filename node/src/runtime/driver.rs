//! The core thread: waits for jobs or the next deadline, steps the core, acts on its outputs.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use hefu_consensus::{PeerFault, PeerKey};
use hefu_primitives::bounds::MAX_STORED_BLOCK_BYTES;
use hefu_primitives::codec::Canonical;
use hefu_primitives::{Bundle, BundleId, Height, Millis};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::service::{Service, addresses_of, node_keys};
use super::{Job, wall_clock};
use crate::core::sync::{MAX_FETCHED_BUNDLES, SyncAnswer, SyncRequest};
use crate::core::{Core, CoreInput, CoreOutput, StoredBlock};
use crate::network::{Channel, Network, NodeKey};
use crate::store::RealDisk;

/// Longest sleep without a deadline.
const IDLE: Duration = Duration::from_millis(500);
/// How long a peer may take to answer a fetch.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// Heights that a node may be behind without anybody hearing of it.
const FEW_BEHIND: u64 = 5;
/// Time between two lines on how far the fetching of blocks is, in milliseconds.
const TELL_MS: u64 = 5_000;
/// Points off for what no honest peer sends.
const FAULT_POINTS: u32 = 20;

pub(super) struct Driver {
    core: Core<RealDisk>,
    network: Network,
    service: Service,
    jobs: SyncSender<Job>,
    allowed: watch::Sender<BTreeSet<NodeKey>>,
    tokio: Handle,
    /// That many blocks are being fetched, when it was said.
    fetching: Option<Fetching>,
}

/// What was said of blocks that are fetched.
struct Fetching {
    said: Millis,
    /// The height that the others had.
    of: Height,
}

impl Driver {
    pub(super) fn new(
        core: Core<RealDisk>,
        network: Network,
        service: Service,
        jobs: SyncSender<Job>,
        allowed: watch::Sender<BTreeSet<NodeKey>>,
    ) -> Self {
        Self { core, network, service, jobs, allowed, tokio: Handle::current(), fetching: None }
    }

    pub(super) fn run(mut self, first: Vec<CoreOutput>, jobs: &Receiver<Job>) {
        let mut running = self.act_all(first);
        while running {
            let now = wall_clock();
            let wait = self.core.next_deadline().map_or(IDLE, |deadline| {
                Duration::from_millis(deadline.0.saturating_sub(now.0)).min(IDLE)
            });
            let mut arrived = None;
            let outputs = match jobs.recv_timeout(wait) {
                Ok(Job::Input(input)) => self.core.step(wall_clock(), input),
                Ok(Job::Submit(transactions, on_the_way)) => {
                    arrived = Some(on_the_way);
                    self.core.step(wall_clock(), CoreInput::Submit(transactions))
                }
                Ok(Job::Ledger(read)) => {
                    read(self.core.ledger_mut());
                    Vec::new()
                }
                Ok(Job::Pool(read)) => {
                    read(self.core.pool());
                    Vec::new()
                }
                Ok(Job::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => Vec::new(),
            };
            // Before anybody is told: who hears of a commit comes with what is next.
            self.service.set_pool(self.core.pool());
            drop(arrived);
            running = self.act_all(outputs);
            if running && self.core.next_deadline().is_some_and(|at| at <= wall_clock()) {
                let outputs = self.core.step(wall_clock(), CoreInput::Tick);
                self.service.set_pool(self.core.pool());
                running = self.act_all(outputs);
            }
            self.service.set_highest_peer(self.core.highest_peer());
            self.service.set_voters(self.core.voters());
        }
    }

    /// False when the node must stop.
    fn act_all(&mut self, outputs: Vec<CoreOutput>) -> bool {
        outputs.into_iter().all(|output| self.act(output))
    }

    fn act(&mut self, output: CoreOutput) -> bool {
        match output {
            CoreOutput::Broadcast(bytes) => {
                self.network.broadcast(Channel::Consensus, bytes);
            }
            CoreOutput::Send(peer, bytes) => {
                self.network.send(NodeKey(peer.0), Channel::Consensus, bytes);
            }
            CoreOutput::BroadcastBundle(bundle) => {
                self.network.broadcast(Channel::Bundles, bundle.as_bytes().to_vec());
            }
            CoreOutput::SendBundle(peer, bundle) => {
                let bytes = bundle.as_bytes().to_vec();
                self.network.send(NodeKey(peer.0), Channel::Bundles, bytes);
            }
            CoreOutput::FetchBundles { peer, ids } => self.fetch_bundles(peer, &ids),
            CoreOutput::FetchBlocks { peer, from, count } => {
                self.tell_fetching(from);
                self.fetch_blocks(peer, SyncRequest::Blocks { from, count });
            }
            CoreOutput::Committed(committed) => {
                if committed.members_changed {
                    self.allowed.send_replace(node_keys(self.core.ledger().records()));
                    self.meet_members();
                }
                let height = committed.tip.height;
                self.service.committed(*committed);
                self.tell_fetched(height);
            }
            CoreOutput::Rejected(tx, error) => self.service.rejected(tx, error),
            // The replica prefers others from here on; a slow link is no reason to cut it.
            CoreOutput::Misbehaviour(peer, PeerFault::Silent) => {
                tracing::debug!(peer = %NodeKey(peer.0), "no blocks came");
            }
            CoreOutput::Misbehaviour(peer, fault) => self.penalise(peer, &fault.to_string()),
            CoreOutput::Evidence(evidence) => self.service.evidence(&evidence),
            CoreOutput::Halt(halted) => {
                tracing::error!(reason = %halted.reason, "the node must stop");
                self.service.halted(halted);
                return false;
            }
        }
        true
    }

    /// A line now and then while many blocks are fetched.
    fn tell_fetching(&mut self, from: Height) {
        // A peer says which height it decides: it has those before it.
        let of = self.core.highest_peer().previous();
        let (now, height) = (wall_clock(), from.previous());
        let many = of.0.saturating_sub(height.0) > FEW_BEHIND;
        let said = self.fetching.as_ref().map(|fetching| fetching.said);
        if many && said.is_none_or(|said| now.0.saturating_sub(said.0) >= TELL_MS) {
            tracing::info!(%height, %of, "fetching blocks from the other nodes");
            self.fetching = Some(Fetching { said: now, of });
        }
    }

    /// And one when they are there.
    fn tell_fetched(&mut self, height: Height) {
        if self.fetching.take_if(|fetching| fetching.of <= height).is_some() {
            tracing::info!(%height, "the blocks of the other nodes are here");
        }
    }

    /// Members changed: their nodes may be elsewhere, and stand for other validators.
    fn meet_members(&self) {
        let connected = self.network.connected();
        for member in self.service.members() {
            let key = NodeKey(*member.node_key.as_bytes());
            if connected.contains(&key) {
                let validator = Some(member.validator_key.id());
                let input = CoreInput::PeerUp { peer: PeerKey(key.0), validator };
                let _ = self.jobs.try_send(Job::Input(input));
            } else if member.is_connected() && key != self.network.key() {
                let network = self.network.clone();
                let addresses = addresses_of(&member).unwrap_or_default();
                self.tokio.spawn(async move {
                    for address in addresses {
                        network.add_peer_address(key, address).await;
                    }
                });
            }
        }
    }

    fn penalise(&self, peer: PeerKey, fault: &str) {
        tracing::warn!(peer = %NodeKey(peer.0), fault, "a peer misbehaved");
        let network = self.network.clone();
        self.tokio.spawn(async move { network.penalise(NodeKey(peer.0), FAULT_POINTS).await });
    }

    /// Asks for missing bundles; without a peer named, everybody.
    fn fetch_bundles(&self, peer: Option<PeerKey>, ids: &[BundleId]) {
        let peers = match peer {
            Some(peer) => vec![NodeKey(peer.0)],
            None => self.network.connected(),
        };
        for peer in peers {
            for ids in ids.chunks(MAX_FETCHED_BUNDLES) {
                let (count, request) = (ids.len(), SyncRequest::Bundles(ids.to_vec()).to_bytes());
                let (network, jobs) = (self.network.clone(), self.jobs.clone());
                self.tokio.spawn(async move {
                    let Some(answer) = ask(&network, peer, &request).await else { return };
                    let bundles = answer.0.iter().take(count);
                    let bundles = bundles.filter_map(|b| Bundle::decode(b).ok()).collect();
                    let _ = jobs.try_send(Job::Input(CoreInput::Bundles(bundles)));
                });
            }
        }
    }

    /// Asks for blocks; what does not come or decode is answered with nothing.
    fn fetch_blocks(&self, peer: PeerKey, request: SyncRequest) {
        let (network, jobs) = (self.network.clone(), self.jobs.clone());
        self.tokio.spawn(async move {
            let answer = ask(&network, NodeKey(peer.0), &request.to_bytes()).await;
            let blocks = answer.unwrap_or_default().0;
            let blocks = blocks
                .iter()
                .map_while(|bytes| StoredBlock::from_bytes(bytes, MAX_STORED_BLOCK_BYTES).ok());
            let input = CoreInput::Blocks { from: peer, blocks: blocks.collect() };
            let _ = jobs.try_send(Job::Input(input));
        });
    }
}

async fn ask(network: &Network, peer: NodeKey, request: &[u8]) -> Option<SyncAnswer> {
    match network.request(peer, request, FETCH_TIMEOUT).await {
        Ok(bytes) => SyncAnswer::decode(&bytes).ok(),
        Err(error) => {
            tracing::debug!(%peer, %error, "a fetch failed");
            None
        }
    }
}
