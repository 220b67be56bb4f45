//! What comes from peers: bounded and decoded here, signatures verified, and only then handed to
//! the core.
//!
//! Bundles wait for a thread beside the stream of events, up to a bound for each peer: a flood of
//! them delays no vote. One that finds no room is dropped; the block that names it fetches it. A
//! small one that finds nobody waiting is verified at once; those that wait are verified together.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZero;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use hefu_consensus::PeerKey;
use hefu_primitives::Bundle;
use hefu_primitives::codec::Canonical;
use tokio::sync::{Semaphore, oneshot};

use super::Job;
use super::service::Service;
use crate::core::sync::SyncRequest;
use crate::core::{CoreInput, reading};
use crate::network::{Channel, NetworkEvent, NetworkEvents, NodeKey};

/// Threads that verify bundles, and no more than there are cores.
const MAX_VERIFYING: usize = 4;
/// Bytes of bundles that one of them verifies together, but one bundle of any size.
const TOGETHER_BYTES: usize = 128 * 1024;
/// Bytes of bundles of one peer that wait to be verified.
const MAX_WAITING_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of a bundle that is verified at once: less work than to hand it to a thread.
const AT_ONCE_BYTES: usize = 1024;
/// What a bundle that waits costs beside its bytes.
const WAITING_OVERHEAD: usize = 256;

/// Bundles that wait to be verified, in the order in which they came.
#[derive(Default)]
struct Waiting {
    bundles: VecDeque<(NodeKey, Vec<u8>)>,
    bytes: BTreeMap<NodeKey, usize>,
}

impl Waiting {
    fn push(&mut self, from: NodeKey, bytes: Vec<u8>) {
        let theirs = self.bytes.entry(from).or_default();
        let after = theirs.saturating_add(bytes.len()).saturating_add(WAITING_OVERHEAD);
        if after <= MAX_WAITING_BYTES {
            *theirs = after;
            self.bundles.push_back((from, bytes));
        }
    }

    /// The oldest, as many as are worth verifying together.
    fn pop_together(&mut self) -> Vec<(NodeKey, Vec<u8>)> {
        let mut together = Vec::new();
        let mut bytes = 0usize;
        while bytes < TOGETHER_BYTES
            && let Some(next) = self.pop()
        {
            bytes = bytes.saturating_add(next.1.len());
            together.push(next);
        }
        together
    }

    fn pop(&mut self) -> Option<(NodeKey, Vec<u8>)> {
        let (from, bytes) = self.bundles.pop_front()?;
        let theirs = self.bytes.entry(from).or_default();
        *theirs = theirs.saturating_sub(bytes.len()).saturating_sub(WAITING_OVERHEAD);
        if *theirs == 0 {
            self.bytes.remove(&from);
        }
        Some((from, bytes))
    }
}

pub(super) async fn run(service: Service, mut events: NetworkEvents, jobs: SyncSender<Job>) {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let verifying = Arc::new(Semaphore::new(cores.min(MAX_VERIFYING)));
    let mut waiting = Waiting::default();
    loop {
        let event = tokio::select! {
            biased;
            event = events.recv() => event,
            Ok(permit) = verifying.clone().acquire_owned(), if !waiting.bundles.is_empty() => {
                let (together, service, jobs) =
                    (waiting.pop_together(), service.clone(), jobs.clone());
                tokio::task::spawn_blocking(move || {
                    verify(&service, &jobs, together);
                    drop(permit);
                });
                continue;
            }
        };
        let Some(event) = event else { return };
        match event {
            NetworkEvent::Connected { peer, .. } => {
                let validator = service.validator_of(&peer);
                let input = CoreInput::PeerUp { peer: PeerKey(peer.0), validator };
                queue(&jobs, input).await;
            }
            NetworkEvent::Disconnected { peer } => {
                queue(&jobs, CoreInput::PeerDown(PeerKey(peer.0))).await;
            }
            NetworkEvent::Message { from, channel: Channel::Consensus, bytes } => {
                // A message lost here is resent; a core that is behind must not stop the reader.
                let input = CoreInput::Message { from: PeerKey(from.0), bytes };
                let _ = jobs.try_send(Job::Input(input));
            }
            NetworkEvent::Message { from, channel: Channel::Bundles, bytes }
                if waiting.bundles.is_empty() && bytes.len() <= AT_ONCE_BYTES =>
            {
                verify(&service, &jobs, vec![(from, bytes)]);
            }
            NetworkEvent::Message { from, channel: Channel::Bundles, bytes } => {
                waiting.push(from, bytes);
            }
            NetworkEvent::Request { from, bytes, reply } => {
                serve(service.clone(), from, bytes, reply);
            }
            NetworkEvent::Refused { peer, reason } => {
                service.refused(peer, &reason);
            }
        }
    }
}

async fn queue(jobs: &SyncSender<Job>, input: CoreInput) {
    let jobs = jobs.clone();
    let _ = tokio::task::spawn_blocking(move || jobs.send(Job::Input(input))).await;
}

/// A bundle is taken only when every transaction in it could be proposed now.
fn verify(service: &Service, jobs: &SyncSender<Job>, together: Vec<(NodeKey, Vec<u8>)>) {
    let mut bundles = Vec::with_capacity(together.len());
    for (from, bytes) in together {
        match Bundle::decode(&bytes) {
            Ok(bundle) => bundles.push((from, bundle)),
            Err(error) => {
                tracing::warn!(peer = %from, %error, "not a bundle");
                service.penalise(from);
            }
        }
    }
    let parts: Vec<_> = bundles.iter().map(|(_, bundle)| bundle.transactions()).collect();
    let checked = match reading(|| service.precheck_all(&parts)) {
        Ok(checked) => checked,
        Err(error) => return tracing::error!(%error, "bundles could not be checked"),
    };
    for ((from, bundle), checked) in bundles.into_iter().zip(checked) {
        match checked {
            Ok(()) => {
                let (from, bundle) = (PeerKey(from.0), Arc::new(bundle));
                let _ = jobs.try_send(Job::Input(CoreInput::Bundle { from, bundle }));
            }
            // An honest peer may know a key that we have not executed yet: no penalty, and a
            // block that names the bundle still fetches it.
            Err(code) => tracing::debug!(peer = %from, %code, "a bundle was not taken"),
        }
    }
}

fn serve(service: Service, from: NodeKey, bytes: Vec<u8>, reply: oneshot::Sender<Vec<u8>>) {
    let Ok(request) = SyncRequest::decode(&bytes) else {
        service.penalise(from);
        return;
    };
    tokio::spawn(async move {
        if let Some(answer) = service.serve(from, request).await {
            let _ = reply.send(answer.to_bytes());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_one_peer_leaves_room_for_the_others() {
        let (loud, quiet) = (NodeKey([1; 32]), NodeKey([2; 32]));
        let mut waiting = Waiting::default();
        for _ in 0..100 {
            waiting.push(loud, vec![0; 256 * 1024]);
        }
        let held: usize = waiting.bundles.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(held <= MAX_WAITING_BYTES && held > MAX_WAITING_BYTES / 2);
        waiting.push(quiet, vec![0; 10]);
        assert!(waiting.bundles.back().is_some_and(|(from, _)| *from == quiet));
        while waiting.pop().is_some() {}
        assert!(waiting.bytes.is_empty());
    }
}
