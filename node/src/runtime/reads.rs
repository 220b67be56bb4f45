//! The task that states the roots of the log of reads on the ledger, a day at a time, when the day is
//! over. What fails is tried again: at the next minute, and after every restart.

use std::time::Duration;

use hefu_contracts::Act;
use hefu_contracts::identity::KEYS;
use hefu_contracts::oversight::{PutReadLogRoot, READ_LOGS};
use hefu_primitives::block::TxResult;
use hefu_primitives::codec::Canonical;
use hefu_primitives::time::Day;
use hefu_primitives::{KeyPair, Millis, SignedTransaction, TransactionBody};
use tokio::time::{MissedTickBehavior, interval};

use super::{Service, wall_clock};
use crate::reads::{Page, lines, pages, root};

/// How often is looked whether a day is over.
const LOOK: Duration = Duration::from_secs(60);
/// How often is looked whether a day is old enough to be taken away.
const PRUNE: Duration = Duration::from_secs(3_600);
/// How long an outcome is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a transaction may wait to be committed, in milliseconds.
const LIFE_MS: u64 = 600_000;

/// States roots until the node stops.
pub(crate) async fn run(service: Service, key: Option<KeyPair>) {
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut said = None;
    loop {
        tokio::select! {
            _ = look.tick() => {}
            _ = service.wait_halted() => return,
        }
        let due = due(&service);
        let Some(page) = due.first() else { continue };
        let problem = match &key {
            Some(key) => state(&service, key, &due).await.err(),
            None => Some("no key of the operator is here (keystore.reads)".to_owned()),
        };
        // Once a day and reason: this is looked at every minute.
        if let Some(problem) = problem.filter(|problem| said != Some((page.day, problem.clone()))) {
            tracing::warn!(day = %page.day, problem, "the root of the log of reads is not on the ledger");
            said = Some((page.day, problem));
        }
    }
}

/// Takes away files that are old enough, at once and then every hour, until the node stops.
pub(super) async fn prune_daily(service: Service, keep_days: u32) {
    let mut look = interval(PRUNE);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = look.tick() => {}
            _ = service.wait_halted() => return,
        }
        match prune(&service, keep_days) {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "old days of the log of reads were taken away"),
            Err(error) => tracing::warn!(%error, "the log of reads cannot be pruned"),
        }
    }
}

/// Takes away days that ended more than so many days ago and whose root is on the ledger; how many.
pub(crate) fn prune(service: &Service, keep_days: u32) -> std::io::Result<usize> {
    let today = Day::of_beijing(service.tip().time.min(wall_clock()));
    let Some(first) = today.add_days(-i64::from(keep_days)) else { return Ok(0) };
    let folder = service.read_log().folder();
    let mut count = 0;
    for page in pages(folder)? {
        if page.day < first && is_stated(service, &page) {
            crate::reads::remove(folder, page)?;
            count += 1;
        }
    }
    Ok(count)
}

/// Whether the root of a day is on the ledger.
fn is_stated(service: &Service, page: &Page) -> bool {
    let key = READ_LOGS.key(&((service.region(), page.day.number()), page.auditor));
    service.records().current(&key).is_ok_and(|found| found.is_some())
}

/// Days that are over by both clocks, the node's and the ledger's, and have no root there.
pub(crate) fn due(service: &Service) -> Vec<Page> {
    let today = Day::of_beijing(service.tip().time.min(wall_clock()));
    let pages = pages(service.read_log().folder()).unwrap_or_default();
    pages.into_iter().filter(|page| page.day < today && !is_stated(service, page)).collect()
}

/// States what is due.
pub(crate) async fn state(service: &Service, key: &KeyPair, due: &[Page]) -> Result<(), String> {
    for page in due {
        service.read_log().close(page.day);
        let lines = lines(service.read_log().folder(), *page).map_err(|error| error.to_string())?;
        let (count, root) = root(&lines);
        let act = PutReadLogRoot { day: page.day, auditor: page.auditor, count, root };
        let tx = sign(service, key, act.into(), page)?;
        let told = service.submit_and_wait(tx.as_bytes().to_vec(), PATIENCE).await;
        match told.map_err(|error| error.to_string())?.1.result {
            TxResult::Applied { .. } => tracing::info!(day = %page.day, count, "read log stated"),
            TxResult::Refused { code, .. } => return Err(format!("E{code}")),
        }
    }
    Ok(())
}

fn sign(
    service: &Service,
    key: &KeyPair,
    act: Act,
    page: &Page,
) -> Result<SignedTransaction, String> {
    let record = service.records().current(&KEYS.key(&key.id())).ok().flatten();
    let record = record.and_then(|(_, bytes)| KEYS.decode(&bytes));
    let record = record.ok_or_else(|| format!("the ledger does not know key {}", key.id()))?;
    let body = TransactionBody {
        chain: service.chain(),
        not_after: Millis(service.tip().time.max(wall_clock()).0.saturating_add(LIFE_MS)),
        acts: vec![act.to_bytes().into()],
    };
    let subject = format!("readlog:{}", page.day);
    SignedTransaction::sign(&body, record.owner, &subject, key).map_err(|error| error.to_string())
}
