//! The map of the ledger.

use hefu_primitives::map::AuthenticatedMap;
use hefu_primitives::{Canonical, H32};

use crate::{Item, Map};

#[derive(Default)]
pub struct Ours(AuthenticatedMap);

impl Map for Ours {
    fn update(&mut self, batch: Vec<Item>) -> anyhow::Result<()> {
        self.0.update(batch.into_iter().map(|(path, value)| (H32(path), Some(H32(value)))));
        Ok(())
    }

    fn prove(&self, path: [u8; 32]) -> anyhow::Result<usize> {
        Ok(self.0.prove(&H32(path)).to_bytes().len())
    }

    fn verifies(&self, (path, value): Item, absent: [u8; 32]) -> anyhow::Result<bool> {
        let verify = |path| self.0.prove(&H32(path)).verify(self.0.root(), H32(path));
        Ok(verify(path)? == Some(H32(value)) && verify(absent)?.is_none())
    }
}
