//! Sends transactions side by side, a bounded number at a time.
//!
//! Invariant: nothing is handed over here that is not durable in the journal.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use hefu_primitives::{H32, SignedTransaction};

use super::super::client::{Client, Submitted};
use super::super::fault::Fault;

/// A transaction on its way.
pub(super) struct Parcel {
    /// The file whose lines it attests; an earlier run may have read another.
    pub(super) file: H32,
    pub(super) transaction: SignedTransaction,
    /// The lines of its acts, in order.
    pub(super) lines: Vec<u32>,
}

/// What became of it.
pub(super) struct Delivered {
    pub(super) parcel: Parcel,
    pub(super) result: Result<Submitted, Fault>,
}

/// The threads that send.
pub(super) struct Courier {
    parcels: Option<SyncSender<Parcel>>,
    delivered: Receiver<Delivered>,
    threads: Vec<JoinHandle<()>>,
    under_way: usize,
    most: usize,
}

impl Courier {
    pub(super) fn new(client: &Client, parallel: usize) -> Self {
        let (parcels, queue) = sync_channel::<Parcel>(parallel);
        let (results, delivered) = channel();
        let queue = Arc::new(Mutex::new(queue));
        let threads = (0..parallel).map(|_| {
            let (client, queue, results) = (client.clone(), queue.clone(), results.clone());
            std::thread::spawn(move || carry(&client, &queue, &results))
        });
        let threads = threads.collect();
        Self { parcels: Some(parcels), delivered, threads, under_way: 0, most: parallel }
    }

    /// Whether there is room for another transaction.
    pub(super) fn has_room(&self) -> bool {
        self.under_way < self.most
    }

    /// Whether nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.under_way == 0
    }

    /// Hands a transaction over.
    pub(super) fn send(&mut self, parcel: Parcel) -> Result<(), Fault> {
        let sent = self.parcels.as_ref().is_some_and(|parcels| parcels.send(parcel).is_ok());
        self.under_way += usize::from(sent);
        if sent { Ok(()) } else { Err(Fault::with("cli.fault", "courier")) }
    }

    /// The next outcome; waits for it.
    pub(super) fn receive(&mut self) -> Result<Delivered, Fault> {
        let delivered = self.delivered.recv().map_err(|_| Fault::with("cli.fault", "courier"))?;
        self.under_way = self.under_way.saturating_sub(1);
        Ok(delivered)
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        self.parcels = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn carry(client: &Client, queue: &Mutex<Receiver<Parcel>>, results: &Sender<Delivered>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(parcel) = next else { return };
        let id = parcel.transaction.id().to_string();
        let result = client.submit(&id, parcel.transaction.as_bytes(), true);
        if results.send(Delivered { parcel, result }).is_err() {
            return;
        }
    }
}
