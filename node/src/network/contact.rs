//! When to dial a peer again: exponential pauses with jitter. It takes time and randomness as
//! arguments and opens no connection.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::address::Address;
use super::config::MAX_ADDRESSES;
use super::peer::Peer;

/// First pause.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// What the driver keeps of a registered peer.
#[derive(Debug)]
pub(crate) struct Contact {
    pub(crate) peer: Arc<Peer>,
    pub(crate) addresses: Vec<Address>,
    /// A dial is under way.
    pub(crate) dialling: bool,
    /// Reserved while there is a line, so that its end can always be told.
    pub(crate) goodbye: Option<OwnedSemaphorePermit>,
    failures: u32,
    next_dial: Instant,
}

impl Contact {
    pub(crate) fn new(peer: Arc<Peer>, addresses: Vec<Address>, now: Instant) -> Self {
        Self { peer, addresses, dialling: false, goodbye: None, failures: 0, next_dial: now }
    }

    /// Adds an address; the oldest gives way when there are too many.
    pub(crate) fn add_address(&mut self, address: Address, now: Instant) {
        add_address(&mut self.addresses, address);
        self.dial_now(now);
    }

    /// When to dial, if there is anything to dial and nothing under way.
    pub(crate) fn due(&self) -> Option<Instant> {
        let idle = !self.dialling && !self.addresses.is_empty() && self.peer.line().is_none();
        idle.then_some(self.next_dial)
    }

    /// Another failure: pause twice as long as before, up to `cap`, less up to a half by `jitter`
    /// so that two nodes do not keep dialling each other at the same instants.
    pub(crate) fn pause(&mut self, cap: Duration, jitter: u32, now: Instant) {
        let doubled = FIRST_PAUSE.saturating_mul(1 << self.failures.min(16)).min(cap);
        let kept = 1.0 - 0.5 * f64::from(jitter) / f64::from(u32::MAX);
        self.failures = self.failures.saturating_add(1);
        self.next_dial = now + doubled.mul_f64(kept);
    }

    /// Pause for a reason that will not go away by itself.
    pub(crate) fn pause_for(&mut self, pause: Duration, now: Instant) {
        self.next_dial = now + pause;
    }

    /// The peer was reached: the next pause is short again.
    pub(crate) fn reached(&mut self) {
        self.failures = 0;
    }

    /// There is news: dial without a pause.
    pub(crate) fn dial_now(&mut self, now: Instant) {
        (self.failures, self.next_dial) = (0, now);
    }
}

/// Adds an address to a short list, newest last.
pub(crate) fn add_address(addresses: &mut Vec<Address>, address: Address) {
    addresses.retain(|known| *known != address);
    if addresses.len() >= MAX_ADDRESSES {
        addresses.remove(0);
    }
    addresses.push(address);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Limits, NodeKey};

    #[test]
    fn pauses_double_up_to_the_cap_and_start_over() {
        let (now, cap) = (Instant::now(), Duration::from_secs(5));
        let peer = Arc::new(Peer::new(NodeKey([0; 32]), &Limits::default()));
        let mut contact = Contact::new(peer, vec!["h:1".parse().unwrap()], now);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            contact.pause(cap, 0, now);
            pauses.push((contact.due().unwrap() - now).as_millis());
        }
        assert_eq!(pauses, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
        contact.pause(cap, u32::MAX, now);
        assert_eq!(contact.due().unwrap() - now, cap / 2);
        contact.reached();
        contact.pause(cap, 0, now);
        assert_eq!(contact.due().unwrap() - now, FIRST_PAUSE);
        contact.dialling = true;
        assert_eq!(contact.due(), None);
    }

    #[test]
    fn addresses_are_few_and_not_repeated() {
        let mut addresses = Vec::new();
        for port in [1, 2, 1, 3, 4, 5, 6, 7, 8, 9] {
            add_address(&mut addresses, format!("h:{port}").parse().unwrap());
        }
        assert_eq!(addresses.len(), MAX_ADDRESSES);
        assert_eq!(addresses[0].to_string(), "h:1");
    }
}
