//! Validity: every final block has a certificate of more than two thirds and follows its parent in
//! place and time; every transaction it applies was made by a client, bears a good signature, is
//! applied in time, and is what the outcomes say it is.

use std::collections::BTreeSet;
use std::sync::Arc;

use hefu_node::core::StoredBlock;
use hefu_primitives::block::{TxResult, outcomes_root};
use hefu_primitives::{BlockId, Bundle, Millis, SignedTransaction, TxId, ValidatorSet};

use super::{Checker, Fact};
use crate::sim::founders::Founders;
use crate::sim::memory;

pub(super) struct Validity {
    founders: Arc<Founders>,
    submitted: BTreeSet<TxId>,
    /// The block and time of the last height seen.
    parent: (BlockId, Millis),
}

impl Validity {
    pub(super) fn new(founders: Arc<Founders>) -> Self {
        let genesis = &founders.genesis;
        let parent = (BlockId(genesis.hash().0), genesis.created());
        Self { founders, submitted: BTreeSet::new(), parent }
    }

    fn block(&mut self, stored: &StoredBlock) -> Result<(), String> {
        let header = &stored.block.header;
        if header.parent != self.parent.0 || header.time <= self.parent.1 {
            return Err(format!("height {} does not follow its parent", header.height));
        }
        self.parent = (stored.block.id(), header.time);
        self.transactions(stored)
    }

    fn certificate(
        &self,
        stored: &StoredBlock,
        validators: Option<&ValidatorSet>,
    ) -> Result<(), String> {
        let (block, certificate) = (&stored.block, &stored.certificate);
        let chain = self.founders.genesis.hash();
        let validators = validators.ok_or("a block whose validators nobody knows")?;
        let named = certificate.height == block.header.height && certificate.block == block.id();
        let proven = certificate.verify_with(&chain, validators, memory::check);
        match proven {
            Ok(()) if named => Ok(()),
            Ok(()) => Err(format!("height {}: another's certificate", block.header.height)),
            Err(error) => Err(format!("height {}: {error}", block.header.height)),
        }
    }

    fn transactions(&self, stored: &StoredBlock) -> Result<(), String> {
        let header = &stored.block.header;
        let mut transactions = Vec::new();
        for bytes in &stored.bundles {
            let bundle = Bundle::decode(bytes).map_err(|error| error.to_string())?;
            transactions.extend(bundle.transactions().to_vec());
        }
        let named = stored.outcomes.iter().map(|o| o.tx).eq(transactions.iter().map(|tx| tx.id()));
        if !named || outcomes_root(&stored.outcomes) != header.outcomes_root {
            return Err(format!("height {}: the outcomes are not the block's", header.height));
        }
        let outcomes = transactions.iter().zip(&stored.outcomes);
        outcomes
            .filter(|(_, outcome)| matches!(outcome.result, TxResult::Applied { .. }))
            .try_for_each(|(tx, _)| self.applied(tx, header.time))
    }

    fn applied(&self, tx: &SignedTransaction, time: Millis) -> Result<(), String> {
        let id = tx.id();
        if !self.submitted.contains(&id) {
            return Err(format!("{id} is applied and nobody made it"));
        }
        if tx.body().not_after < time {
            return Err(format!("{id} is applied after its time"));
        }
        let offices = self.founders.issuers.iter().flat_map(|(_, office)| &office.keys);
        let governors = self.founders.provinces.iter().flat_map(|province| &province.governors);
        let keys = offices.map(|(_, pair)| pair).chain(governors);
        let mut keys = keys.map(hefu_primitives::KeyPair::public);
        if keys.any(|key| tx.verify(&key)) {
            return Ok(());
        }
        Err(format!("{id} is applied and its signature is not good"))
    }
}

impl Checker for Validity {
    fn name(&self) -> &'static str {
        "validity"
    }

    fn hear(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Submitted { tx } => {
                self.submitted.insert(tx.id());
                Ok(())
            }
            Fact::Committed { committed, validators, .. } => {
                self.certificate(&committed.stored, *validators)
            }
            Fact::Final { stored, .. } => self.block(stored),
            _ => Ok(()),
        }
    }
}
