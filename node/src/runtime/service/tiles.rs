//! The audit log as C2SP tiles: hashes straight from the index, entries from the block files.
//!
//! A tile of hashes is a few runs of the index. Entries cost a look into the index each, and one read
//! for each block they are in.

use hefu_primitives::transparency::{Tile, TileError};
use hefu_primitives::{Bundle, Height};

use super::Service;
use crate::core::runs;
use crate::store::StoreError;

/// Why there is no tile.
#[derive(Debug, thiserror::Error)]
pub enum NoTile {
    /// The path, or the size of the log.
    #[error(transparent)]
    Tile(#[from] TileError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index, or a block that an entry is in, is not there.
    #[error("entries of the log are missing")]
    Missing,
}

/// Tiles.
impl Service {
    /// The bytes of a tile of the log as it is now.
    ///
    /// # Errors
    /// [`NoTile`].
    pub fn tile(&self, tile: Tile) -> Result<Vec<u8>, NoTile> {
        let first = tile.first(self.tip().log_size)?;
        let end = first.saturating_add(u64::from(tile.width));
        match tile.level {
            Some(_) => self.hashes(tile.height(), first, end),
            None => self.entries(first, end),
        }
    }

    fn hashes(&self, level: u8, first: u64, end: u64) -> Result<Vec<u8>, NoTile> {
        let found = runs::hashes(self.records().index().as_ref(), level, first..end)?;
        let whole = found.len() as u64 == (end - first).saturating_mul(32);
        whole.then_some(found).ok_or(NoTile::Missing)
    }

    /// Entries, each after its length in two bytes. A transaction is below 64 KiB by its bound.
    fn entries(&self, first: u64, end: u64) -> Result<Vec<u8>, NoTile> {
        let mut tile = Vec::new();
        if first == 0 {
            push(&mut tile, &self.genesis().log_leaf())?;
        }
        let mut block: Option<(Height, Vec<Vec<u8>>)> = None;
        for leaf in first.max(1)..end {
            let place = runs::leaf(self.records().index().as_ref(), leaf)?;
            let (height, number) = place.ok_or(NoTile::Missing)?;
            let entries = match block.take() {
                Some((of, entries)) if of == height => entries,
                _ => self.transactions(height)?,
            };
            push(&mut tile, entries.get(number as usize).ok_or(NoTile::Missing)?)?;
            block = Some((height, entries));
        }
        Ok(tile)
    }

    /// The envelopes of a block's transactions, over all bundles.
    fn transactions(&self, height: Height) -> Result<Vec<Vec<u8>>, NoTile> {
        let stored = self.block(height)?.ok_or(NoTile::Missing)?;
        let mut all = Vec::new();
        for bytes in &stored.bundles {
            let bundle = Bundle::decode(bytes).map_err(|_| NoTile::Missing)?;
            all.extend(bundle.transactions().iter().map(|tx| tx.as_bytes().to_vec()));
        }
        Ok(all)
    }
}

fn push(tile: &mut Vec<u8>, entry: &[u8]) -> Result<(), NoTile> {
    let length = u16::try_from(entry.len()).map_err(|_| NoTile::Missing)?;
    tile.extend_from_slice(&length.to_be_bytes());
    tile.extend_from_slice(entry);
    Ok(())
}
