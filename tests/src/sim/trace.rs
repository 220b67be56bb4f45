//! What happened, folded into one number: two runs of one seed must fold to the same.
//!
//! Lines for readers are only made when somebody wants to read them.

use std::collections::VecDeque;
use std::fmt::Write;

use super::rng::mix;

/// Lines kept for a reader.
const LINES: usize = 4_000;

/// The trace of a run.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    hash: u64,
    lines: Option<VecDeque<String>>,
}

impl Trace {
    pub(crate) fn new(readable: bool) -> Self {
        Self { hash: 0, lines: readable.then(VecDeque::new) }
    }

    /// Folds an event: when, what, where, and its bytes.
    pub(crate) fn fold(&mut self, time: u64, what: u8, places: [usize; 2], bytes: &[u8]) {
        let place = (places[0] as u64) << 32 | places[1] as u64;
        self.number(time << 8 | u64::from(what));
        self.number(place);
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.number(u64::from_le_bytes(word));
        }
    }

    fn number(&mut self, number: u64) {
        self.hash = mix(self.hash.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ number);
    }

    /// Adds a line, if anybody reads.
    pub(crate) fn say(&mut self, time: u64, line: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            if lines.len() == LINES {
                lines.pop_front();
            }
            let mut text = String::new();
            let _ = write!(text, "{:>6}.{:03} {}", time / 1000, time % 1000, line());
            lines.push_back(text);
        }
    }

    pub(crate) const fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn into_lines(self) -> Vec<String> {
        self.lines.unwrap_or_default().into()
    }
}
