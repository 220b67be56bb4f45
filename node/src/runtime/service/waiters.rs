//! Who waits for the outcome of which transaction: each is told once, when it is there.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hefu_primitives::TxId;
use tokio::sync::oneshot;

use crate::core::Position;

/// What a waiter is told.
pub(super) enum Told {
    /// It is on the ledger.
    Outcome(Position),
    /// There was no room for it among what waits.
    NoRoom,
}

/// All who wait. Bounded by the submissions that the interface lets in.
#[derive(Default)]
pub(super) struct Waiters(Mutex<HashMap<TxId, Vec<oneshot::Sender<Told>>>>);

/// One who waits; whoever drops it waits no longer.
pub(super) struct Waiting<'w> {
    waiters: &'w Waiters,
    id: TxId,
    told: oneshot::Receiver<Told>,
}

impl Waiters {
    pub(super) fn wait(&self, id: TxId) -> Waiting<'_> {
        let (tell, told) = oneshot::channel();
        self.lock().entry(id).or_default().push(tell);
        Waiting { waiters: self, id, told }
    }

    pub(super) fn tell(&self, id: &TxId, told: impl Fn() -> Told) {
        let waiting = self.lock().remove(id);
        for tell in waiting.into_iter().flatten() {
            // Who is not there any more does not mind.
            let _ = tell.send(told());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TxId, Vec<oneshot::Sender<Told>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting<'_> {
    /// Nothing, if the node ended.
    pub(super) async fn told(&mut self) -> Option<Told> {
        (&mut self.told).await.ok()
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.told.close();
        let mut waiting = self.waiters.lock();
        if let Some(tells) = waiting.get_mut(&self.id) {
            tells.retain(|tell| !tell.is_closed());
            if tells.is_empty() {
                waiting.remove(&self.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_is_told_and_nobody_is_kept() {
        let waiters = Waiters::default();
        let (one, other) = (TxId([1; 32]), TxId([2; 32]));
        let (mut first, mut second) = (waiters.wait(one), waiters.wait(one));
        drop(waiters.wait(other));
        assert_eq!(waiters.lock().len(), 1);
        waiters.tell(&other, || Told::NoRoom);
        waiters.tell(&one, || Told::NoRoom);
        assert!(matches!(first.told().await, Some(Told::NoRoom)));
        assert!(matches!(second.told().await, Some(Told::NoRoom)));
        assert!(waiters.lock().is_empty());
        let (gone, _stays) = (waiters.wait(one), waiters.wait(one));
        drop(gone);
        assert_eq!(waiters.lock()[&one].len(), 1);
    }
}
