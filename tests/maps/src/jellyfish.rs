//! jmt over its own store in memory.

use jmt::mock::MockTreeStore;
use jmt::{JellyfishMerkleTree, KeyHash, SimpleHasher};

use crate::{Item, Map};

#[derive(Default)]
pub struct Jellyfish {
    store: MockTreeStore,
    version: u64,
}

/// BLAKE3 for jmt.
#[derive(Clone)]
struct Blake3(blake3::Hasher);

impl SimpleHasher for Blake3 {
    fn new() -> Self {
        Self(blake3::Hasher::new())
    }

    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn finalize(self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }
}

impl Jellyfish {
    fn tree(&self) -> JellyfishMerkleTree<'_, MockTreeStore, Blake3> {
        JellyfishMerkleTree::new(&self.store)
    }
}

impl Map for Jellyfish {
    fn update(&mut self, batch: Vec<Item>) -> anyhow::Result<()> {
        let values = batch.into_iter().map(|(path, value)| (KeyHash(path), Some(value.to_vec())));
        self.version += 1;
        let (_, changes) = self.tree().put_value_set(values, self.version)?;
        self.store.write_tree_update_batch(changes)?;
        self.store.purge_stale_nodes(self.version)
    }

    fn prove(&self, path: [u8; 32]) -> anyhow::Result<usize> {
        let (_, proof) = self.tree().get_with_proof(KeyHash(path), self.version)?;
        Ok(borsh::to_vec(&proof)?.len())
    }

    fn verifies(&self, (path, value): Item, absent: [u8; 32]) -> anyhow::Result<bool> {
        let root = self.tree().get_root_hash(self.version)?;
        let (_, present) = self.tree().get_with_proof(KeyHash(path), self.version)?;
        let (_, missing) = self.tree().get_with_proof(KeyHash(absent), self.version)?;
        present.verify_existence(root, KeyHash(path), value)?;
        missing.verify_nonexistence(root, KeyHash(absent))?;
        Ok(true)
    }
}
