//! A scan over batches in memory and an engine under them: the newest write of a key wins, a
//! deletion hides what is below.
//!
//! Lazy in all sources, so that a narrow limit over a wide range costs little. Knows nothing of
//! threads: the caller keeps the sources consistent.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;

use super::super::error::StoreError;
use super::super::index::{Index, Row, Write};
use super::Layer;

/// Rows asked of the engine at once: at least some, since deletions may hide them, and not all,
/// since batches may come before them.
const PAGE_ROWS: (usize, usize) = (16, 1_024);

/// The range of a scan and its direction, as in [`Index::scan`].
#[derive(Clone, Copy)]
pub(super) struct Range<'a> {
    pub(super) from: &'a [u8],
    pub(super) to: &'a [u8],
    pub(super) reverse: bool,
}

impl Range<'_> {
    /// Compares keys in the direction of the scan.
    fn order(&self, left: &[u8], right: &[u8]) -> Ordering {
        if self.reverse { right.cmp(left) } else { left.cmp(right) }
    }
}

/// Scans `layers`, newest first, over `engine`.
pub(super) fn scan(
    layers: &[Arc<Layer>],
    engine: &dyn Index,
    range: Range<'_>,
    limit: usize,
) -> Result<Vec<Row>, StoreError> {
    let mut layers: Vec<LayerRange<'_>> =
        layers.iter().map(|layer| LayerRange::new(layer, range)).collect();
    layers.retain(|layer| !layer.writes.is_empty());
    let mut pages = EnginePages::new(engine, range, limit);
    let mut rows = Vec::new();
    while rows.len() < limit {
        let memory_key = layers
            .iter()
            .filter_map(|layer| layer.peek())
            .map(|(key, _)| key.as_slice())
            .min_by(|left, right| range.order(left, right));
        let engine_key = pages.peek()?.map(|(key, _)| key.as_slice());
        let key = match (memory_key, engine_key) {
            (None, None) => break,
            (Some(memory), Some(engine)) if range.order(engine, memory).is_lt() => None,
            (Some(memory), _) => Some(memory),
            (None, Some(_)) => None,
        };
        let Some(key) = key else {
            rows.extend(pages.next()?);
            continue;
        };
        if engine_key == Some(key) {
            pages.next()?;
        }
        let mut newest = None;
        for layer in layers.iter_mut().filter(|layer| layer.peek().is_some_and(|w| w.0 == key)) {
            newest = newest.or(layer.peek());
            layer.advance();
        }
        if let Some((key, Some(value))) = newest {
            rows.push((key.clone(), value.clone()));
        }
    }
    Ok(rows)
}

/// The writes of a batch that are in the range and not taken yet.
struct LayerRange<'a> {
    writes: &'a [Write],
    reverse: bool,
}

impl<'a> LayerRange<'a> {
    fn new(layer: &'a Layer, range: Range<'_>) -> Self {
        let all = &layer.writes;
        let start = all.partition_point(|(key, _)| key.as_slice() < range.from);
        let end = match range.to {
            [] => all.len(),
            to => all.partition_point(|(key, _)| key.as_slice() < to),
        };
        Self { writes: all.get(start..end).unwrap_or_default(), reverse: range.reverse }
    }

    fn peek(&self) -> Option<&'a Write> {
        if self.reverse { self.writes.last() } else { self.writes.first() }
    }

    fn advance(&mut self) {
        let rest = if self.reverse {
            self.writes.split_last().map(|(_, rest)| rest)
        } else {
            self.writes.split_first().map(|(_, rest)| rest)
        };
        self.writes = rest.unwrap_or_default();
    }
}

/// The engine's rows in the range, fetched as they are needed.
struct EnginePages<'a> {
    engine: &'a dyn Index,
    from: Vec<u8>,
    to: Vec<u8>,
    reverse: bool,
    page_rows: usize,
    rows: VecDeque<Row>,
    has_more: bool,
}

impl<'a> EnginePages<'a> {
    fn new(engine: &'a dyn Index, range: Range<'_>, limit: usize) -> Self {
        Self {
            engine,
            from: range.from.to_vec(),
            to: range.to.to_vec(),
            reverse: range.reverse,
            page_rows: limit.clamp(PAGE_ROWS.0, PAGE_ROWS.1),
            rows: VecDeque::new(),
            has_more: limit > 0,
        }
    }

    fn peek(&mut self) -> Result<Option<&Row>, StoreError> {
        if self.rows.is_empty() && self.has_more {
            self.rows =
                self.engine.scan(&self.from, &self.to, self.page_rows, self.reverse)?.into();
            self.has_more = self.rows.len() == self.page_rows;
            if let Some((last, _)) = self.rows.back() {
                if self.reverse {
                    self.to.clone_from(last);
                } else {
                    self.from.clone_from(last);
                    // The least key above it.
                    self.from.push(0);
                }
            }
        }
        Ok(self.rows.front())
    }

    fn next(&mut self) -> Result<Option<Row>, StoreError> {
        self.peek()?;
        Ok(self.rows.pop_front())
    }
}
