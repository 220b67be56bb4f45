//! When heights were: what lets an act name a height and be judged by its time.
//!
//! Invariants: every height of the last [`WINDOW_MS`] has its block time; every height since
//! genesis has its Beijing day, because the first height of each day is kept for good (one small
//! record a day). Both follow from block times alone.

use hefu_primitives::time::Day;
use hefu_primitives::{Height, Millis};

use crate::exec::BlockInfo;
use crate::state::{State, StateView, Table};

/// Block times of recent heights.
pub const HEIGHT_TIMES: Table<Height, Millis> = Table::unproven(0xa8);
/// Block time of the first height of each Beijing day. Keys are counted down from the largest
/// number, so that a scan upwards meets the latest day first.
pub const DAY_STARTS: Table<u64, Millis> = Table::unproven(0xa9);

/// How long the time of each height is kept, in milliseconds: seven days. A check older than that
/// is stale under every scenario.
pub const WINDOW_MS: u64 = 604_800_000;

/// Most entries dropped in one block; a block adds one.
const MAX_PRUNED: usize = 4;

/// Notes the block's time and forgets times out of the window.
pub(crate) fn record(block: &BlockInfo, state: &mut State<'_>) {
    let day_before = state.get(&HEIGHT_TIMES, &block.height.previous()).map(Day::of_beijing);
    if day_before != Some(Day::of_beijing(block.time)) {
        state.put(&DAY_STARTS, &countdown(block.height), &block.time);
    }
    for (key, time) in state.scan(&HEIGHT_TIMES, &(), MAX_PRUNED) {
        let Some(height) = key.get(1..9).and_then(|bytes| bytes.try_into().ok()) else { continue };
        if time.0.saturating_add(WINDOW_MS) < block.time.0 {
            state.delete(&HEIGHT_TIMES, &Height(u64::from_be_bytes(height)));
        }
    }
    state.put(&HEIGHT_TIMES, &block.height, &block.time);
}

/// The block time of a height, within the window.
pub fn time_of(view: &dyn StateView, height: Height) -> Option<Millis> {
    HEIGHT_TIMES.read_shared(view, &height).map(|time| *time)
}

/// The Beijing day of a height that is not in the future; none for genesis, which has no time.
pub fn day_of(view: &dyn StateView, height: Height) -> Option<Day> {
    let (from, to) = (DAY_STARTS.key(&countdown(height)), DAY_STARTS.range(&()).1);
    let (_, bytes) = view.scan(&from, &to, 1).into_iter().next()?;
    DAY_STARTS.decode(&bytes).map(Day::of_beijing)
}

const fn countdown(height: Height) -> u64 {
    u64::MAX.saturating_sub(height.get())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::MemoryState;
    use hefu_primitives::ChainId;
    use proptest::prelude::*;

    fn run(times: &[u64]) -> MemoryState {
        let mut stored = MemoryState::default();
        for (place, time) in times.iter().enumerate() {
            let height = Height(place as u64 + 1);
            let (chain, time) = (ChainId::ZERO, Millis(*time));
            let parent = hefu_primitives::BlockId::ZERO;
            let block = BlockInfo { chain, height, time, protocol: 1, log_size: 0, parent };
            let mut state = State::new(&stored);
            record(&block, &mut state);
            state.keep_transaction();
            let writes = state.into_writes();
            stored.apply(&writes);
        }
        stored
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

        #[test]
        fn every_height_has_its_day_and_recent_ones_their_time(
            steps in prop::collection::vec(1u64..40_000_000, 1..60),
        ) {
            let mut now = 1_780_000_000_000;
            let times: Vec<u64> = steps.iter().map(|step| { now += step; now }).collect();
            let state = run(&times);
            prop_assert_eq!(day_of(&state, Height(0)), None);
            for (place, time) in times.iter().enumerate() {
                let height = Height(place as u64 + 1);
                prop_assert_eq!(day_of(&state, height), Some(Day::of_beijing(Millis(*time))));
                if now - time <= WINDOW_MS {
                    prop_assert_eq!(time_of(&state, height), Some(Millis(*time)));
                }
            }
        }
    }

    #[test]
    fn the_window_stays_small() {
        let times: Vec<u64> = (0..200).map(|n| 1_780_000_000_000 + n * 6 * 3_600_000).collect();
        let state = run(&times);
        assert_eq!(time_of(&state, Height(1)), None);
        let kept = state.0.keys().filter(|key| key[0] == HEIGHT_TIMES.prefix()).count();
        assert_eq!(kept, 29, "seven days of four blocks, both ends");
    }
}
