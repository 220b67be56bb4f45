//! What comes from peers: bounded and decoded here, signatures verified on blocking threads, and
//! only then handed to the core.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use hefu_consensus::PeerKey;
use hefu_primitives::Bundle;
use hefu_primitives::codec::Canonical;
use tokio::sync::{Semaphore, oneshot};

use super::Job;
use super::service::Service;
use crate::core::CoreInput;
use crate::core::sync::SyncRequest;
use crate::network::{Channel, NetworkEvent, NetworkEvents, NodeKey};

/// Bundles verified at the same time; more wait in the network's bounded queue.
const MAX_VERIFYING: usize = 4;

pub(super) async fn run(service: Service, mut events: NetworkEvents, jobs: SyncSender<Job>) {
    let verifying = Arc::new(Semaphore::new(MAX_VERIFYING));
    while let Some(event) = events.recv().await {
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
            NetworkEvent::Message { from, channel: Channel::Bundles, bytes } => {
                let Ok(permit) = verifying.clone().acquire_owned().await else { return };
                let (service, jobs) = (service.clone(), jobs.clone());
                tokio::task::spawn_blocking(move || {
                    let _permit = permit;
                    bundle(&service, &jobs, from, &bytes);
                });
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
fn bundle(service: &Service, jobs: &SyncSender<Job>, from: NodeKey, bytes: &[u8]) {
    match Bundle::decode(bytes) {
        Err(error) => {
            tracing::warn!(peer = %from, %error, "not a bundle");
            service.penalise(from);
        }
        Ok(bundle) => match bundle.transactions().iter().try_for_each(|tx| service.precheck(tx)) {
            Ok(()) => {
                let (from, bundle) = (PeerKey(from.0), Arc::new(bundle));
                let _ = jobs.try_send(Job::Input(CoreInput::Bundle { from, bundle }));
            }
            // An honest peer may know a key that we have not executed yet: no penalty, and a
            // block that names the bundle still fetches it.
            Err(code) => tracing::debug!(peer = %from, %code, "a bundle was not taken"),
        },
    }
}

fn serve(service: Service, from: NodeKey, bytes: Vec<u8>, reply: oneshot::Sender<Vec<u8>>) {
    let Ok(request) = SyncRequest::decode(&bytes) else {
        service.penalise(from);
        return;
    };
    tokio::spawn(async move {
        if let Some(answer) = service.serve(request).await {
            let _ = reply.send(answer.to_bytes());
        }
    });
}
