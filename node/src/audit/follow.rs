//! The thread that keeps the index.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use hefu_audit::{AuditError, Block, Location, Writer};
use hefu_contracts::exec::VALIDATORS;
use hefu_contracts::{Event, StateView};
use hefu_primitives::{Height, Region, SignedTransaction};

use super::AuditIndex;
use crate::core::{RecordsAt, StoredBlock, decode_bundles, reading};
use crate::runtime::Service;
use crate::store::StoreError;

/// Most blocks, and most events, that are written at once.
const MAX_BLOCKS: usize = 256;
const MAX_EVENTS: usize = 16_384;
/// Events read at a time.
const READ: usize = 4_096;
/// Blocks behind from which on the engine learns anew what its tables hold.
const MANY: u64 = 10_000;
/// How often a run builds a damaged index again: after that it is the disk.
const MAX_BUILT_AGAIN: u32 = 3;
/// Wait before a database that was lost is tried again: doubled up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error(transparent)]
    Audit(#[from] AuditError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a reader found the index file damaged")]
    Damaged,
    #[error("block {0} cannot be read")]
    Block(Height),
    #[error("{0}")]
    Folder(#[from] std::io::Error),
}

impl FollowError {
    fn is_damage(&self) -> bool {
        match self {
            Self::Audit(error) => error.is_damage(),
            other => matches!(other, Self::Damaged),
        }
    }
}

/// Begins to follow a node's commits. What is wrong with the index is told by [`AuditIndex::fault`].
pub(crate) fn follow(service: &Service, location: Location) -> Arc<AuditIndex> {
    let index = Arc::new(AuditIndex::new(location));
    let (kept, service) = (index.clone(), service.clone());
    let runtime = tokio::runtime::Handle::current();
    let run = move || {
        give_way();
        // A node that stops closes its store under our hands.
        let stopped = || service.halt_reason().is_some();
        let (mut pause, mut built_again) = (FIRST_PAUSE, 0);
        loop {
            let begun = kept.height();
            match reading(|| keep(&service, &kept, &runtime)) {
                Ok(Ok(())) => return,
                _ if stopped() => return,
                Ok(Err(FollowError::Audit(error))) if error.may_pass() => {
                    pause = if kept.height() > begun { FIRST_PAUSE } else { pause };
                    kept.lost(&error, pause);
                    runtime.block_on(async {
                        let _ = tokio::time::timeout(pause, service.wait_halted()).await;
                    });
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Ok(Err(error)) if error.is_damage() && built_again < MAX_BUILT_AGAIN => {
                    built_again += 1;
                    match kept.set_aside(&error) {
                        Ok(true) => {}
                        Ok(false) => return kept.fail(&error),
                        Err(error) => return kept.fail(&error),
                    }
                }
                Ok(Err(error)) => return kept.fail(&error),
                Err(error) => return kept.fail(&error),
            }
        }
    };
    if let Err(error) = std::thread::Builder::new().name("audit-index".into()).spawn(run) {
        index.fail(&error);
    }
    index
}

/// Commits come before what auditors ask: where a thread has a priority of its own, this one's is low.
fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(10) {
        tracing::debug!(%error, "the auditors' index is kept at the priority of commits");
    }
}

fn keep(
    service: &Service,
    index: &AuditIndex,
    runtime: &tokio::runtime::Handle,
) -> Result<(), FollowError> {
    if let Location::Sqlite(path) = &index.location
        && let Some(folder) = path.parent()
    {
        std::fs::create_dir_all(folder)?;
    }
    let genesis = service.genesis().initial_writes();
    let mut writer = Writer::open(&index.location, service.chain(), &genesis)?;
    index.found();
    index.reached(writer.height());
    while service.halt_reason().is_none() {
        if index.damaged.load(std::sync::atomic::Ordering::Acquire) {
            return Err(FollowError::Damaged);
        }
        let (next, tip) = (writer.height().next(), service.tip().height);
        if next > tip {
            let wait = async {
                tokio::select! {
                    () = service.wait_height(next) => {}
                    () = index.found_damaged.notified() => {}
                    _ = service.wait_halted() => {}
                }
            };
            runtime.block_on(wait);
            continue;
        }
        let begun = writer.height();
        while writer.height() < tip && service.halt_reason().is_none() {
            some_blocks(service, &mut writer, tip)?;
            index.reached(writer.height());
        }
        if tip.0.saturating_sub(begun.0) >= MANY {
            writer.settle()?;
        }
    }
    Ok(())
}

/// A block with what its execution did.
struct Whole {
    stored: StoredBlock,
    transactions: Vec<SignedTransaction>,
    events: Vec<Event>,
    signers: Vec<Region>,
    records: Then,
}

impl Whole {
    fn block(&self) -> Block<'_> {
        let header = &self.stored.block.header;
        Block {
            height: header.height,
            time: header.time,
            id: self.stored.certificate.block,
            signers: self.signers.clone(),
            transactions: &self.transactions,
            outcomes: &self.stored.outcomes,
            events: &self.events,
            records: &self.records,
        }
    }
}

fn some_blocks(service: &Service, writer: &mut Writer, tip: Height) -> Result<(), FollowError> {
    let (mut wholes, mut events) = (Vec::new(), 0);
    let mut height = writer.height();
    while height < tip && wholes.len() < MAX_BLOCKS && events < MAX_EVENTS {
        height = height.next();
        let whole = read(service, height)?;
        events += whole.events.len();
        wholes.push(whole);
    }
    let blocks: Vec<Block<'_>> = wholes.iter().map(Whole::block).collect();
    Ok(writer.add(&blocks)?)
}

fn read(service: &Service, height: Height) -> Result<Whole, FollowError> {
    let stored = service.block(height)?.ok_or(FollowError::Block(height))?;
    let bundles = decode_bundles(&stored).map_err(|_| FollowError::Block(height))?;
    let transactions = bundles.iter().flat_map(|bundle| bundle.transactions()).cloned().collect();
    let mut events = Vec::new();
    loop {
        let from = u32::try_from(events.len()).unwrap_or(u32::MAX);
        let some = service.events((height, from), height, READ)?;
        let full = some.len() == READ;
        events.extend(some.into_iter().map(|(_, _, event)| event));
        if !full {
            break;
        }
    }
    let signers = signers(service, &stored)?;
    let records = Then(RecordsAt::new(service.records().clone(), height));
    Ok(Whole { stored, transactions, events, signers, records })
}

/// The provinces whose signatures are in the certificate.
fn signers(service: &Service, stored: &StoredBlock) -> Result<Vec<Region>, FollowError> {
    let before = stored.block.header.height.previous();
    let schedule = service.records().at(&VALIDATORS.key(&()), before)?;
    let schedule = schedule.and_then(|(_, value)| VALIDATORS.decode(&value));
    let Some(schedule) = schedule else { return Ok(Vec::new()) };
    let signed = stored.certificate.signatures.iter().filter_map(|signature| {
        let place = usize::from(signature.index);
        schedule.next.validators().get(place).map(|validator| validator.region)
    });
    Ok(signed.collect())
}

/// The records after a block, as the index asks for them.
struct Then(RecordsAt);

impl StateView for Then {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        // As execution does: the thread unwinds with the error, up to whoever stands in `reading`.
        self.0.get(key).unwrap_or_else(|error| resume_unwind(Box::new(error)))
    }

    fn scan(&self, _: &[u8], _: &[u8], _: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        Vec::new()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::getpriority_process;

    #[test]
    fn the_thread_of_the_index_gives_way_alone() {
        let own = getpriority_process(None).unwrap();
        let index = std::thread::spawn(|| {
            super::give_way();
            getpriority_process(None).unwrap()
        });
        assert_eq!(index.join().unwrap(), (own + 10).min(19));
        assert_eq!(getpriority_process(None).unwrap(), own);
    }
}
