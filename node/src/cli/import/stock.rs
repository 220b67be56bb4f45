//! `hefu cert import --stock`: a file becomes batches, one for each issuer and type, each attested
//! with one act.
//!
//! Of a line there is in memory what its batch needs, some hundred bytes; bodies and salts go to the
//! vault as they come. The batch is durable there before its act is, and the act before it is sent.

use std::collections::BTreeMap;

use hefu_contracts::Act;
use hefu_contracts::certificate::AttestBatch;
use hefu_contracts::leaf::MAX_LEAVES;
use hefu_primitives::{H32, Id16, Millis, TypeCode, Uscc};

use super::super::fault::Fault;
use super::plan::Item;
use crate::vault::journal::MAX_STAGED_RANGES;
use crate::vault::{Batch, Vault};

/// A batch that is being made.
struct Growing {
    batch: Batch,
    lines: Vec<u32>,
    ranges: usize,
}

/// A batch that is complete.
pub(super) struct Full {
    pub(super) issuer: Uscc,
    pub(super) kind: (TypeCode, u16),
    pub(super) batch: Id16,
    pub(super) lines: Vec<u32>,
}

/// The batches of an import.
#[derive(Default)]
pub(super) struct Stock(BTreeMap<(Uscc, TypeCode, u16), Growing>);

impl Stock {
    /// Puts a line into its batch; a batch that is full by it is returned.
    pub(super) fn add(
        &mut self,
        vault: &mut Vault,
        issuer: Uscc,
        item: &Item,
    ) -> Result<Option<Full>, Fault> {
        let Act::Attest(body) = &item.act else { return Err(Fault::with("cli.fault", "stock")) };
        let key = (issuer, body.type_code, body.type_version);
        let growing = match self.0.entry(key) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(free) => {
                let batch = Batch::new(issuer)?;
                vault.begin_batch(&batch)?;
                free.insert(Growing { batch, lines: Vec::new(), ranges: 0 })
            }
        };
        vault.add_leaf(&growing.batch, body)?;
        growing.push(item.line);
        Ok(if growing.is_full() { self.take(key) } else { None })
    }

    /// The batches that are left.
    pub(super) fn finish(&mut self) -> Vec<Full> {
        let keys: Vec<_> = self.0.keys().copied().collect();
        keys.into_iter().filter_map(|key| self.take(key)).collect()
    }

    fn take(&mut self, key: (Uscc, TypeCode, u16)) -> Option<Full> {
        let Growing { batch, lines, .. } = self.0.remove(&key)?;
        let (issuer, code, version) = key;
        Some(Full { issuer, kind: (code, version), batch: batch.id, lines })
    }
}

impl Growing {
    fn push(&mut self, line: u32) {
        let follows = self.lines.last().is_some_and(|last| last.checked_add(1) == Some(line));
        self.ranges += usize::from(!follows);
        self.lines.push(line);
    }

    fn is_full(&self) -> bool {
        self.lines.len() >= MAX_LEAVES as usize || self.ranges >= MAX_STAGED_RANGES
    }
}

impl Full {
    /// The act that attests it.
    pub(super) fn act(&self, vault: &Vault, schema: H32, now: Millis) -> Result<Act, Fault> {
        let (root, count) =
            vault.batch_head(self.batch).ok_or_else(|| Fault::with("cli.fault", "batch"))?;
        let (batch_id, (type_code, type_version)) = (self.batch, self.kind);
        let occurred_at = now;
        let act =
            AttestBatch { batch_id, root, count, type_code, type_version, schema, occurred_at };
        Ok(act.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_full_when_its_journal_entry_would_be() {
        let batch = Batch::new("11320000HEFU0203X4".parse().unwrap()).unwrap();
        let mut growing = Growing { batch, lines: Vec::new(), ranges: 0 };
        for line in [1, 2, 3, 5, 7, 8] {
            growing.push(line);
        }
        assert_eq!((growing.ranges, growing.is_full()), (3, false));
        for line in 0..MAX_STAGED_RANGES as u32 {
            growing.push(10 + 2 * line);
        }
        assert!(growing.is_full());
    }
}
