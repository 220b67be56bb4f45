//! What is known of each connected peer, and what it may cost us.
//!
//! A peer pays for every byte and every signature check out of a budget that refills with time;
//! what it cannot pay for is dropped unread. Messages for the next height wait here, decoded but
//! unverified, up to a bound for each peer.

use std::collections::{BTreeMap, VecDeque};

use hefu_primitives::{Height, KeyId, Millis, ValidatorSet};

use crate::input::PeerKey;
use crate::message::{Message, Status};
use crate::votes::bit;

/// Most peers: twice as many as validators, since observers connect too.
pub(crate) const MAX_PEERS: usize = 128;
/// Most a peer can spend at once, in bytes: one minute of one status, one proposal and the votes
/// of a round of 64 validators, five times a second, costs less than 500 KB a second.
const BUDGET: u64 = 4 * 1024 * 1024;
/// What it gets back, in bytes for each millisecond: 1 MB a second.
const REFILL_PER_MS: u64 = 1_024;
/// What checking one signature costs, in bytes: 46 µs, at the refill rate some 4,000 a second
/// or a fifth of a core for a peer that sends nothing else.
const SIGNATURE_COST: u64 = 256;
/// Bytes of messages for the next height that wait for each peer.
const WAITING_BYTES: usize = 64 * 1024;

#[derive(Debug)]
pub(crate) struct Peer {
    /// The validator that runs it.
    pub(crate) validator: Option<KeyId>,
    /// Where it stands.
    pub(crate) status: Option<Status>,
    /// How often it failed to serve blocks.
    pub(crate) failures: u32,
    /// How often it was asked for blocks.
    pub(crate) asked: u32,
    budget: u64,
    refilled: Millis,
    exhausted: bool,
    waiting: VecDeque<(usize, Message)>,
    waiting_bytes: usize,
}

/// What came of charging a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charge {
    /// Paid.
    Paid,
    /// It cannot pay; the first time in a row.
    Exhausted,
    /// It still cannot pay, or is not connected.
    Refused,
}

/// The connected peers.
#[derive(Debug, Default)]
pub(crate) struct Peers(BTreeMap<PeerKey, Peer>);

impl Peers {
    /// Adds a peer; false when there are too many.
    pub(crate) fn up(&mut self, key: PeerKey, validator: Option<KeyId>, now: Millis) -> bool {
        if self.0.len() >= MAX_PEERS && !self.0.contains_key(&key) {
            return false;
        }
        let peer = Peer {
            validator,
            status: None,
            failures: 0,
            asked: 0,
            budget: BUDGET,
            refilled: now,
            exhausted: false,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
        };
        self.0.insert(key, peer);
        true
    }

    pub(crate) fn down(&mut self, key: PeerKey) {
        self.0.remove(&key);
    }

    pub(crate) fn get_mut(&mut self, key: PeerKey) -> Option<&mut Peer> {
        self.0.get_mut(&key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (PeerKey, &Peer)> {
        self.0.iter().map(|(key, peer)| (*key, peer))
    }

    /// Charges for the bytes of a message.
    pub(crate) fn charge(&mut self, key: PeerKey, bytes: usize, now: Millis) -> Charge {
        let Some(peer) = self.0.get_mut(&key) else { return Charge::Refused };
        let elapsed = now.0.saturating_sub(peer.refilled.0);
        peer.refilled = now;
        peer.budget = peer.budget.saturating_add(elapsed.saturating_mul(REFILL_PER_MS)).min(BUDGET);
        peer.pay(u64::try_from(bytes).unwrap_or(u64::MAX))
    }

    /// Charges for a signature check.
    pub(crate) fn charge_signature(&mut self, key: PeerKey) -> Charge {
        self.0.get_mut(&key).map_or(Charge::Refused, |peer| peer.pay(SIGNATURE_COST))
    }

    /// Keeps a message for the next height, if there is room.
    pub(crate) fn keep(&mut self, key: PeerKey, size: usize, message: Message) {
        let Some(peer) = self.0.get_mut(&key) else { return };
        let total = peer.waiting_bytes.saturating_add(size);
        if total <= WAITING_BYTES {
            peer.waiting_bytes = total;
            peer.waiting.push_back((size, message));
        }
    }

    /// Bytes of the messages that wait.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.0.values().fold(0, |sum, peer| sum.saturating_add(peer.waiting_bytes))
    }

    /// Takes every message that waited, peer by peer.
    pub(crate) fn take_waiting(&mut self) -> Vec<(PeerKey, usize, Message)> {
        let mut all = Vec::new();
        for (key, peer) in &mut self.0 {
            peer.waiting_bytes = 0;
            all.extend(peer.waiting.drain(..).map(|(size, message)| (*key, size, message)));
        }
        all
    }

    /// The validators we are linked with, as bits by place.
    pub(crate) fn links(&self, validators: &ValidatorSet) -> u64 {
        let places = self.0.values().filter_map(|peer| peer.validator);
        places
            .filter_map(|key| validators.by_key(key))
            .fold(0, |bits, (place, _)| bits | bit(place))
    }

    /// The peers that a validator's message should be relayed to: not the one it came from, not
    /// the validator itself, and nobody who is linked with it. Around a change of the validator
    /// set the places may be off by one; what is then not relayed is found missing by status.
    pub(crate) fn relay_to(
        &self,
        author: KeyId,
        from: PeerKey,
        validators: &ValidatorSet,
    ) -> Vec<PeerKey> {
        let mine = validators.by_key(author).map_or(0, |(place, _)| bit(place));
        let lacks = |peer: &Peer| {
            peer.validator != Some(author) && peer.status.is_none_or(|s| s.links & mine == 0)
        };
        let others = self.0.iter().filter(|(key, peer)| **key != from && lacks(peer));
        others.map(|(key, _)| *key).collect()
    }

    /// The highest height that any peer is deciding.
    pub(crate) fn highest(&self) -> Height {
        let heights = self.0.values().filter_map(|peer| peer.status);
        heights.map(|status| status.height).max().unwrap_or_default()
    }

    /// A peer that has decided `height`: the one that failed least, then was asked least.
    pub(crate) fn server(&self, height: Height) -> Option<PeerKey> {
        let able = self.0.iter().filter(|(_, p)| p.status.is_some_and(|s| s.height > height));
        able.min_by_key(|(key, p)| (p.failures, p.asked, **key)).map(|(key, _)| *key)
    }
}

impl Peer {
    fn pay(&mut self, cost: u64) -> Charge {
        match self.budget.checked_sub(cost) {
            Some(rest) => {
                self.budget = rest;
                self.exhausted = false;
                Charge::Paid
            }
            None if self.exhausted => Charge::Refused,
            None => {
                self.exhausted = true;
                Charge::Exhausted
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{keys, set};

    const A: PeerKey = PeerKey([1; 32]);
    const B: PeerKey = PeerKey([2; 32]);

    #[test]
    fn a_budget_runs_out_and_refills() {
        let mut peers = Peers::default();
        assert_eq!(peers.charge(A, 1, Millis(0)), Charge::Refused);
        assert!(peers.up(A, None, Millis(0)));
        assert_eq!(peers.charge(A, BUDGET as usize, Millis(0)), Charge::Paid);
        assert_eq!(peers.charge(A, 1, Millis(0)), Charge::Exhausted);
        assert_eq!(peers.charge_signature(A), Charge::Refused);
        assert_eq!(peers.charge(A, REFILL_PER_MS as usize, Millis(1)), Charge::Paid);
        assert_eq!(peers.charge(A, 1, Millis(0)), Charge::Exhausted, "clocks may go back");
    }

    #[test]
    fn few_bytes_wait_for_the_next_height() {
        let mut peers = Peers::default();
        assert!(peers.up(A, None, Millis(0)));
        let message = Message::Votes(vec![]);
        peers.keep(A, WAITING_BYTES, message.clone());
        peers.keep(A, 1, message.clone());
        assert_eq!(peers.take_waiting(), vec![(A, WAITING_BYTES, message.clone())]);
        peers.keep(A, 1, message);
        assert_eq!(peers.take_waiting().len(), 1);
    }

    #[test]
    fn relays_to_those_not_linked() {
        let pairs = keys(4);
        let validators = set(&pairs);
        let mut peers = Peers::default();
        assert!(peers.up(A, Some(pairs[0].id()), Millis(0)));
        assert!(peers.up(B, Some(pairs[1].id()), Millis(0)));
        assert_eq!(peers.links(&validators), 0b11);
        assert_eq!(peers.relay_to(pairs[2].id(), A, &validators), vec![B]);
        assert_eq!(peers.relay_to(pairs[1].id(), A, &validators), vec![]);
        peers.get_mut(B).unwrap().status = Some(Status { links: 0b100, ..Status::default() });
        assert_eq!(peers.relay_to(pairs[2].id(), A, &validators), vec![]);
        assert_eq!(peers.relay_to(pairs[3].id(), A, &validators), vec![B]);
    }

    #[test]
    fn at_most_so_many_peers() {
        let mut peers = Peers::default();
        for i in 0..MAX_PEERS {
            assert!(peers.up(PeerKey([i as u8; 32]), None, Millis(0)));
        }
        assert!(!peers.up(PeerKey([255; 32]), None, Millis(0)));
        assert!(peers.up(PeerKey([0; 32]), None, Millis(0)), "again");
    }
}
