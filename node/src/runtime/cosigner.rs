//! The task that cosigns: follows commits, tells peers, learns from them, and asks outside
//! witnesses. Everything that waits for a disk or checks a signature runs on blocking threads.

use std::time::Duration;

use hefu_primitives::codec::Canonical;
use hefu_primitives::log::{LogHead, consistency_proof};
use hefu_primitives::transparency::{AddCheckpoint, Checkpoint, NoteSignature, VerifierKey};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::service::Service;
use crate::core::runs::IndexLog;
use crate::core::sync::{SyncAnswer, SyncRequest};
use crate::cosign::{Cosigned, CosignerKeys, OutsideWitness, SLOT_MS, Served, slot};
use crate::network::NodeKey;

/// How long a peer may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often what is missing is asked for again.
const AGAIN: Duration = Duration::from_millis(500);
/// A span of block time: how long after the last block its head is cosigned in any case.
const SLOT: Duration = Duration::from_millis(SLOT_MS);
/// Largest answer of an outside witness.
const MAX_WITNESS_ANSWER_BYTES: u64 = 16 * 1024;

/// Cosigns until the node stops.
pub(super) async fn run(service: Service) {
    let loaded = service.clone();
    let _ = tokio::task::spawn_blocking(move || loaded.load_checkpoint()).await;
    let mut commits = service.subscribe();
    let mut again = interval(AGAIN);
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut last_slot, mut last) = (None, None);
    // What was decided before this start is cosigned too, once peers have answered.
    let mut due = Some(Instant::now() + SLOT);
    loop {
        let quiet = sleep_until(due.unwrap_or_else(|| Instant::now() + PATIENCE));
        tokio::select! {
            commit = commits.recv() => match commit {
                Ok(commit) => {
                    due = Some(Instant::now() + SLOT);
                    let now = slot(commit.tip.time);
                    let first = last_slot.replace(now) != Some(now);
                    if first && service.heights_behind() <= 1 {
                        let (size, root) = (commit.tip.log_size, commit.tip.log_root);
                        let head = LogHead { size, root };
                        last = cosign(&service, head).await.then_some(head);
                    }
                }
                Err(RecvError::Lagged(_)) => due = Some(Instant::now() + SLOT),
                Err(RecvError::Closed) => return,
            },
            () = quiet, if due.is_some() => {
                due = None;
                let head = service.log_head();
                if last != Some(head) {
                    let level = service.heights_behind() <= 1;
                    last = (level && cosign(&service, head).await).then_some(head);
                    due = last.is_none().then(|| Instant::now() + SLOT);
                }
            }
            _ = again.tick() => ask_again(&service),
            _ = service.wait_halted() => return,
        }
    }
}

/// Signs a head and tells every peer; false when it is to be tried again.
async fn cosign(service: &Service, head: LogHead) -> bool {
    let signer = service.clone();
    let sign = move || {
        let signed = signer.cosign(head);
        if signed.is_none() {
            // Others may have signed a head that our log reached only now.
            signer.refresh_checkpoint();
        }
        signed
    };
    let signed = tokio::task::spawn_blocking(sign).await;
    if let Ok(Some(cosigned)) = signed {
        tell(service, Some(cosigned));
        return true;
    }
    // Without a key that the ledger accepts there is nothing to try.
    service.cosigning().signing.is_none()
}

/// Asks for what is missing: what peers know of our signatures, their keys, and signatures of the
/// newest head.
fn ask_again(service: &Service) {
    let head = service.log_head();
    let served = service.checkpoint().map(|served| served.head);
    if !service.may_cosign() || served != Some(head) {
        let own = service.cosigning().board().latest(service.region());
        tell(service, own.filter(|own| own.head == head));
    }
    for peer in service.network().connected() {
        let unknown = service.region_of(&peer).is_some_and(|of| !service.knows_keys_of(of));
        if unknown {
            let service = service.clone();
            tokio::spawn(async move {
                let Some(answer) = ask(&service, peer, &SyncRequest::CosignerKeys).await else {
                    return;
                };
                let keys = answer.0.first();
                let keys =
                    keys.and_then(|b| CosignerKeys::from_bytes(b, CosignerKeys::MAX_BYTES).ok());
                if let Some(keys) = keys {
                    service.take_cosigner_keys(&keys);
                }
            });
        }
    }
}

/// Tells every peer, and takes what each knows in turn.
fn tell(service: &Service, cosigned: Option<Cosigned>) {
    for peer in service.network().connected() {
        let service = service.clone();
        tokio::spawn(async move {
            let request = SyncRequest::Cosigned(cosigned);
            let Some(answer) = ask(&service, peer, &request).await else { return };
            let _ = tokio::task::spawn_blocking(move || take(&service, peer, &answer)).await;
        });
    }
}

fn take(service: &Service, peer: NodeKey, answer: &SyncAnswer) {
    for bytes in &answer.0 {
        let taken = Cosigned::from_bytes(bytes, Cosigned::MAX_BYTES)
            .is_ok_and(|cosigned| service.take_cosigned(cosigned));
        if !taken {
            service.penalise(peer);
            return;
        }
    }
    // Only now is known what it knows of ours.
    if let Some(region) = service.region_of(&peer) {
        service.cosigning().answered().insert(region);
    }
}

async fn ask(service: &Service, peer: NodeKey, request: &SyncRequest) -> Option<SyncAnswer> {
    match service.network().request(peer, &request.to_bytes(), PATIENCE).await {
        Ok(bytes) => SyncAnswer::decode(&bytes).ok(),
        Err(error) => {
            tracing::debug!(%peer, %error, "no answer about cosigning");
            None
        }
    }
}

/// Asks a witness outside this ledger to cosign each checkpoint that a quorum signed.
pub(super) async fn ask_witness(service: Service, witness: OutsideWitness, key: VerifierKey) {
    let mut sizes = service.checkpoint_sizes();
    let (mut old, mut done) = (0, None);
    loop {
        tokio::select! {
            changed = sizes.changed() => if changed.is_err() { return },
            _ = service.wait_halted() => return,
        }
        let Some(served) = service.checkpoint().filter(|served| done != Some(served.head)) else {
            continue;
        };
        let (asker, url, from) = (service.clone(), witness.url.clone(), old);
        let trusted = key.clone();
        let asked = tokio::task::spawn_blocking(move || {
            submit(&asker, &url, &trusted, &served, from).map(|lines| (served.head, lines))
        });
        match asked.await {
            Ok(Ok((head, lines))) => {
                (old, done) = (head.size, Some(head));
                let shown = service.clone();
                lines.into_iter().for_each(|line| service.cosigning().add_outside(head, line));
                let _ = tokio::task::spawn_blocking(move || shown.refresh_checkpoint()).await;
            }
            Ok(Err(error)) => tracing::warn!(url = witness.url, error, "a witness did not cosign"),
            Err(_) => return,
        }
    }
}

/// One submission; a witness that is at another size is asked again from there.
fn submit(
    service: &Service,
    url: &str,
    key: &VerifierKey,
    served: &Served,
    old: u64,
) -> Result<Vec<NoteSignature>, String> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false)
        .build()
        .into();
    let url = format!("{}/add-checkpoint", url.trim_end_matches('/'));
    let mut old = old;
    for _ in 0..2 {
        let body = body(service, served, old).ok_or("the log cannot be read")?;
        let answer = agent.post(&url).send(body).map_err(|error| error.to_string())?;
        let status = answer.status().as_u16();
        let text =
            answer.into_body().with_config().limit(MAX_WITNESS_ANSWER_BYTES).read_to_string();
        let text = text.map_err(|error| error.to_string())?;
        match status {
            200 => return signatures(&text, key, served),
            409 => old = text.trim_end().parse().map_err(|_| "409 without a size")?,
            other => return Err(format!("status {other}")),
        }
    }
    Err("it is always at another size".into())
}

fn body(service: &Service, served: &Served, old: u64) -> Option<Vec<u8>> {
    let (checkpoint, note) = Checkpoint::of_note(served.note.as_bytes()).ok()?;
    let index = service.records().index();
    let new = served.head.size;
    let proof = consistency_proof(&IndexLog(index.as_ref()), old, new).ok()?.path;
    Some(AddCheckpoint { old, proof, checkpoint, note }.to_string().into_bytes())
}

/// The witness' own lines; what else it sends is ignored.
fn signatures(
    text: &str,
    key: &VerifierKey,
    served: &Served,
) -> Result<Vec<NoteSignature>, String> {
    let (_, note) = Checkpoint::of_note(served.note.as_bytes()).map_err(|e| e.to_string())?;
    let lines = text.lines().filter_map(NoteSignature::parse).take(8);
    let own: Vec<NoteSignature> =
        lines.filter(|line| key.verify(note.text(), line).is_some()).collect();
    if own.is_empty() { Err("no line of its key".into()) } else { Ok(own) }
}
