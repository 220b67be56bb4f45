//! The draw: deterministic, without the parties, and even.

use super::*;
use hefu_primitives::{BlockId, Region};
use proptest::prelude::*;

fn regions(count: u32) -> Vec<Region> {
    (1..=count).map(|number| Region(number * 10_000)).collect()
}

/// Frozen: whoever checks a panel later draws it again.
#[test]
fn the_draw_is_golden() {
    let drawn = |count| draw(regions(count), &BlockId([7; 32]), &id(9));
    assert_eq!(drawn(31), GOLDEN.map(Region));
    assert_eq!(drawn(0), []);
    assert_eq!(drawn(1), regions(1));
    assert_eq!(drawn(2).len(), 2);
}

const GOLDEN: [u32; 3] = [130_000, 210_000, 180_000];

/// Of 29 candidates each is drawn about as often as any other: 3 of 29 in 2,900 draws, which is
/// 300, give or take six standard deviations of 16.4.
#[test]
fn the_draw_is_even() {
    let mut counts = std::collections::BTreeMap::new();
    for number in 0..2_900u32 {
        let mut block = [0; 32];
        block[..4].copy_from_slice(&number.to_be_bytes());
        for region in draw(regions(29), &BlockId(block), &id(1)) {
            *counts.entry(region).or_insert(0u32) += 1;
        }
    }
    assert_eq!(counts.len(), 29);
    assert!(counts.values().all(|count| (200..=400).contains(count)), "{counts:?}");
}

#[test]
fn the_panel_follows_from_the_block_of_the_escalation() {
    let ledger = escalated();
    let opened = found(&ledger);
    // The testkit names the parent of the block after height h by h.
    let height = opened.escalated.unwrap().height;
    let parent = BlockId(digest(height.0 as u8).0);
    assert_eq!(opened.panel, draw(REGIONS[2..].to_vec(), &parent, &id(9)));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn three_different_candidates(count in 0u32..64, block: [u8; 32], dispute: [u8; 16]) {
        let candidates = regions(count);
        let panel = draw(candidates.clone(), &BlockId(block), &Id16(dispute));
        prop_assert_eq!(panel.len(), 3.min(candidates.len()));
        prop_assert!(panel.iter().all(|region| candidates.contains(region)));
        let distinct: std::collections::BTreeSet<_> = panel.iter().collect();
        prop_assert_eq!(distinct.len(), panel.len());
        prop_assert_eq!(&panel, &draw(candidates, &BlockId(block), &Id16(dispute)));
    }
}
