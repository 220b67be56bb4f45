//! The audit log as C2SP tiles: hashes straight from the index, entries from the block files.
//!
//! A tile of hashes is one range of the index. Entries cost one range of the index and one read for
//! each block they are in.

use hefu_primitives::transparency::{Tile, TileError};
use hefu_primitives::{Bundle, Height};

use super::Service;
use crate::core::keys;
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
        let (from, to) = (keys::log_node(level, first), keys::log_node(level, end));
        let count = (end - first) as usize;
        let rows = self.records().index().scan(&from, &to, count, false)?;
        let whole = rows.len() == count && rows.iter().all(|(_, hash)| hash.len() == 32);
        if !whole {
            return Err(NoTile::Missing);
        }
        Ok(rows.into_iter().flat_map(|(_, hash)| hash).collect())
    }

    /// Entries, each after its length in two bytes. A transaction is below 64 KiB by its bound.
    fn entries(&self, first: u64, end: u64) -> Result<Vec<u8>, NoTile> {
        let mut tile = Vec::new();
        if first == 0 {
            push(&mut tile, &self.genesis().log_leaf())?;
        }
        let from = first.max(1);
        let count = (end - from.min(end)) as usize;
        let rows =
            self.records().index().scan(&keys::leaf(from), &keys::leaf(end), count, false)?;
        if rows.len() != count {
            return Err(NoTile::Missing);
        }
        let mut block: Option<(Height, Vec<Vec<u8>>)> = None;
        for (_, place) in rows {
            let (height, number) = split(&place).ok_or(NoTile::Missing)?;
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

/// Height and number of a leaf's transaction, as the index keeps them.
pub(super) fn split(place: &[u8]) -> Option<(Height, u32)> {
    let (height, number) = place.split_first_chunk::<8>()?;
    let number = u32::from_be_bytes(number.try_into().ok()?);
    Some((Height(u64::from_be_bytes(*height)), number))
}
