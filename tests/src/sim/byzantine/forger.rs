//! Answers requests with blocks that are not what they say, claims heights it has not reached,
//! and sends transactions under others' names.

use std::collections::VecDeque;

use hefu_consensus::Message;
use hefu_contracts::Act;
use hefu_contracts::certificate::Ident;
use hefu_node::core::StoredBlock;
use hefu_node::core::sync::{SyncAnswer, SyncRequest};
use hefu_primitives::codec::Canonical;
use hefu_primitives::codes::Identifier;
use hefu_primitives::{Bundle, Height, Id16, SignedTransaction};

use super::{Attacker, Parcel, Scene};
use crate::sim::rng::Rng;

/// Transactions it remembers.
const REMEMBERED: usize = 32;

#[derive(Default)]
pub(super) struct Forger {
    heard: VecDeque<SignedTransaction>,
}

impl Attacker for Forger {
    fn heard_bundle(&mut self, bytes: &[u8]) {
        let Ok(bundle) = Bundle::decode(bytes) else { return };
        for tx in bundle.transactions() {
            if self.heard.len() == REMEMBERED {
                self.heard.pop_front();
            }
            self.heard.push_back(tx.clone());
        }
    }

    fn idle(&mut self, scene: &mut Scene<'_>) -> Vec<Parcel> {
        let mut parcels = Vec::new();
        if scene.rng.chance(200) {
            let height = Height(scene.height().0.saturating_add(scene.rng.below(50)));
            let status = hefu_consensus::message::Status { height, ..Default::default() };
            parcels.push(Parcel::message(scene.somebody(), &Message::Status(status)));
        }
        if scene.rng.chance(200)
            && !self.heard.is_empty()
            && let Some(tx) = forge(&self.heard[scene.rng.place(self.heard.len())], scene.rng)
            && let Ok(bundle) = Bundle::new(vec![tx])
        {
            let bytes = bundle.as_bytes();
            scene.did();
            parcels.extend(scene.others.iter().map(|to| Parcel::Bundle(*to, bytes.to_vec())));
        }
        parcels
    }

    fn serve(
        &mut self,
        scene: &mut Scene<'_>,
        request: &SyncRequest,
        honest: Option<SyncAnswer>,
    ) -> Option<SyncAnswer> {
        let SyncRequest::Blocks { .. } = request else { return honest };
        let mut items = honest?.0;
        if items.is_empty() {
            return Some(SyncAnswer(items));
        }
        let place = scene.rng.place(items.len());
        scene.did();
        let mut block = StoredBlock::decode(&items[place]).ok()?;
        match scene.rng.below(8) {
            0 => block.block.header.state_root.0[0] ^= 1,
            1 => block.certificate.signatures.truncate(1),
            2 => block.certificate.round = block.certificate.round.next(),
            3 => block.bundles.clear(),
            4 => block.certificate.signatures.reverse(),
            5 => items.reverse(),
            6 => return Some(SyncAnswer(vec![scene.rng.bytes::<64>().to_vec().into()])),
            _ => {
                let double = block.certificate.signatures.clone();
                block.certificate.signatures.extend(double);
            }
        }
        if let Some(item) = items.get_mut(place) {
            *item = block.to_bytes().into();
        }
        Some(SyncAnswer(items))
    }
}

/// The transaction with another licence in it: everything is in order but the signature.
fn forge(tx: &SignedTransaction, rng: &mut Rng) -> Option<SignedTransaction> {
    let old = tx.body().acts.first()?;
    let Ok(Act::Attest(mut attest)) = Act::decode(old) else { return None };
    attest.id = Id16(rng.bytes());
    if let Ident::Plain(text) = &attest.ident {
        let known: Identifier = text.parse().ok()?;
        let serial = known.serial().bytes().map(|_| char::from(b'A' + rng.below(26) as u8));
        let serial: String = serial.collect();
        let other =
            Identifier::new(known.type_code(), known.issuer(), &serial, known.version()).ok()?;
        attest.ident = Ident::Plain(other.to_string());
    }
    let new = Act::from(attest).to_bytes();
    let mut bytes = tx.as_bytes().to_vec();
    let at = bytes.windows(old.len()).position(|window| window == old.as_slice())?;
    if new.len() != old.len() {
        return None;
    }
    bytes[at..at + new.len()].copy_from_slice(&new);
    SignedTransaction::decode(&bytes).ok()
}
