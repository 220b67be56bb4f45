//! What the protocol promises in time, on virtual time: the numbers are exact and repeat.

use hefu_consensus::Timeouts;

use super::*;

fn measured(scene: Scene) -> Latency {
    let latency = measure(&scene).unwrap();
    let p = |list: &[u64]| [50, 99].map(|percent| Latency::percentile(list, percent));
    let Latency { submitted, proposed, everywhere, late_rounds, messages } = &latency;
    let all = [submitted, proposed, everywhere].map(|list| p(list));
    println!("{scene:?}: {all:?}, {late_rounds} late, {messages} messages");
    assert_eq!(submitted.len(), scene.acts, "each is counted once");
    latency
}

/// Proposal, prevotes and precommits each take one way; the vote for the block, the vote to commit it
/// and the block itself are durable before the next goes out. That holds from 4 nodes to all.
#[test]
fn a_commit_takes_three_ways_and_three_writes() {
    for (nodes, acts) in [(4, 12), (7, 6), (13, 4), (31, 2)] {
        let scene = Scene::of(nodes, acts);
        let Latency { submitted, proposed, late_rounds, .. } = measured(scene);
        let commit = 3 * (scene.one_way_ms + scene.write_ms);
        assert_eq!(proposed, vec![commit; acts], "{nodes} nodes");
        // 5 ms until the bundle is sealed, its way to the proposer, and the write of the proposal.
        let most = commit + 5 + scene.one_way_ms + scene.write_ms;
        assert!(submitted.iter().all(|ms| *ms <= most), "{nodes} nodes: {submitted:?}");
        assert_eq!(late_rounds, 0);
    }
}

#[test]
fn one_of_twenty_messages_lost_delays_little() {
    let Latency { submitted, .. } = measured(Scene { loss: 50, ..Scene::of(4, 200) });
    assert!(Latency::percentile(&submitted, 99) < 500);
}

#[test]
fn after_the_leader_died_the_next_block_comes_within_a_timeout_and_a_half() {
    let propose_ms = Timeouts::default().propose_ms;
    for nodes in [4, 7] {
        let scene = Scene { leader_dies: true, ..Scene::of(nodes, 6) };
        let Latency { everywhere, late_rounds, .. } = measured(scene);
        assert_eq!(late_rounds, 6, "the leader's rounds are lost");
        assert!(everywhere.iter().all(|ms| *ms >= propose_ms && *ms * 2 <= propose_ms * 3));
    }
}

#[test]
fn a_scene_has_one_answer() {
    let scene = Scene { loss: 50, seed: 7, ..Scene::of(4, 10) };
    assert_eq!(measured(scene), measured(scene));
    assert_ne!(measured(scene), measured(Scene { seed: 8, ..scene }));
    assert!(measure(&Scene::of(3, 1)).is_err());
}
