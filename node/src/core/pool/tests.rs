//! The mempool by hand: twins, floods, copies, clocks.

use hefu_primitives::{ChainId, KeyPair, TransactionBody};

use super::*;

const NOW: Millis = Millis(10_000_000);
const ALICE: PeerKey = PeerKey([1; 32]);
const BOB: PeerKey = PeerKey([2; 32]);

fn tx_of(number: u32, act_bytes: usize) -> SignedTransaction {
    let mut act = vec![0; act_bytes.clamp(4, 4_096)];
    act[..4].copy_from_slice(&number.to_be_bytes());
    let body = TransactionBody {
        chain: ChainId([2; 32]),
        not_after: Millis(NOW.0 + 60_000),
        acts: vec![act.into(); (act_bytes / 4_096).max(1)],
    };
    let key = KeyPair::from_secret(&[1; 32]);
    SignedTransaction::sign(&body, "11310000HEFU01010W".parse().unwrap(), "", &key).unwrap()
}

fn tx(number: u32) -> SignedTransaction {
    tx_of(number, 4)
}

fn bundle(transactions: Vec<SignedTransaction>) -> Arc<Bundle> {
    Arc::new(Bundle::new(transactions).unwrap())
}

fn forged(tx: &SignedTransaction) -> SignedTransaction {
    let mut bytes = tx.as_bytes().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    SignedTransaction::decode(&bytes).unwrap()
}

fn commit(pool: &mut Pool, bundle: &Bundle, recorded: &[SignedTransaction]) {
    let recorded = recorded.iter().map(SignedTransaction::id);
    pool.committed(&[bundle.id()], recorded, Millis(NOW.0 + 1_000));
}

#[test]
fn the_same_bundle_from_two_sides_is_proposed_once() {
    let mut pool = Pool::default();
    pool.submit(NOW, tx(1)).unwrap();
    // Its client sent it to another province too, which was faster. It waits here already.
    assert!(!pool.add_verified(ALICE, bundle(vec![tx(1)])));
    let sealed = pool.seal(Millis(NOW.0 + 5)).unwrap();
    assert_eq!(pool.proposal(), std::slice::from_ref(&sealed));
    let bytes = pool.bytes();
    // As after a restart: a proposal names what is then sealed here again.
    let mut again = Pool::default();
    again.add_named(sealed.clone());
    again.submit(NOW, tx(1)).unwrap();
    again.seal(Millis(NOW.0 + 5)).unwrap();
    assert_eq!((again.proposal().len(), again.bytes()), (1, bytes));
    assert!(!again.add_verified(ALICE, sealed.clone()));
    commit(&mut again, &sealed, &[tx(1)]);
    assert!(again.is_empty() && again.bytes() == 0 && !again.has_proposal());
}

#[test]
fn what_peers_send_leaves_room_for_what_is_submitted() {
    let limits = PoolLimits { max_bytes: 16 * MAX_BUNDLE_BYTES, ..PoolLimits::default() };
    let mut pool = Pool::new(limits);
    let large = |number| bundle(vec![tx_of(number, 40_960)]);
    let mut number = 0;
    let mut fill = |pool: &mut Pool, peer| {
        let before = pool.bytes();
        for _ in 0..limits.max_bytes / 40_960 + 1 {
            number += 1;
            pool.add_verified(peer, large(number));
        }
        pool.bytes() - before
    };
    let of_one = fill(&mut pool, ALICE);
    assert!(of_one <= limits.of_one_peer() && of_one > limits.of_one_peer() / 2, "{of_one}");
    for peer in 2..10 {
        fill(&mut pool, PeerKey([peer; 32]));
    }
    assert!(pool.bytes() <= limits.of_all_peers());
    pool.submit(NOW, tx(0)).unwrap();
    assert!(pool.seal(Millis(NOW.0 + 5)).is_some());
    // What was committed makes room again.
    let first = pool.proposal();
    let ids: Vec<_> = first.iter().map(|bundle| bundle.id()).collect();
    pool.committed(&ids, [], NOW);
    assert!(fill(&mut pool, ALICE) > 0);
}

/// Submits until there is no more room; how many bytes were taken.
fn submit_all(pool: &mut Pool, number: &mut u32, most: usize) -> usize {
    let mut taken = 0;
    while taken < most {
        let tx = tx_of(*number, 40_960);
        let bytes = tx.as_bytes().len();
        if pool.submit(NOW, tx).is_err() {
            break;
        }
        *number += 1;
        taken += bytes;
        pool.seal(NOW);
    }
    taken
}

#[test]
fn what_is_submitted_waits_no_longer_than_recording_it_takes() {
    let (mut pool, mut number) = (Pool::default(), 1);
    let most = PoolLimits::default().max_bytes;
    let first = submit_all(&mut pool, &mut number, most);
    let bound = ALWAYS_BYTES - 4_096..ALWAYS_BYTES + MAX_BUNDLE_BYTES;
    assert!(bound.contains(&first), "{first}");
    assert!(pool.is_full());
    // Blocks take four bundles of ours each, four times a second: more may wait.
    let mut time = NOW;
    for _ in 0..16 {
        time.0 += 250;
        let ids: Vec<_> = pool.proposal().iter().take(4).map(|bundle| bundle.id()).collect();
        pool.committed(&ids, [], time);
        submit_all(&mut pool, &mut number, 8 * MAX_BUNDLE_BYTES);
    }
    let per_second = 16 * MAX_BUNDLE_BYTES;
    let waits: usize = pool.proposal().iter().map(|bundle| bundle.as_bytes().len()).sum();
    assert!(waits > ALWAYS_BYTES && pool.bytes() < 2 * per_second + MAX_BUNDLE_BYTES, "{waits}");
    // And less again when none are recorded.
    time.0 += 30_000;
    pool.committed(&[], [], time);
    assert!(pool.is_full());
    // What peers send is no matter of this bound.
    assert!(pool.add_verified(ALICE, bundle(vec![tx(0)])));
}

#[test]
fn a_bundle_without_a_new_transaction_is_not_taken_and_an_overtaken_one_leaves() {
    let mut pool = Pool::default();
    let first = bundle(vec![tx(1), tx(2)]);
    assert!(pool.add_verified(ALICE, first.clone()));
    assert!(!pool.add_verified(BOB, bundle(vec![tx(2), tx(1)])));
    assert!(!pool.add_verified(BOB, bundle(vec![tx(1), tx(1)])));
    let overlapping = bundle(vec![tx(2), tx(3)]);
    assert!(pool.add_verified(BOB, overlapping.clone()));
    // Copies that say nothing are in a block: their originals still wait.
    let copies = bundle(vec![forged(&tx(1)), forged(&tx(2))]);
    pool.add_named(copies.clone());
    commit(&mut pool, &copies, &[]);
    assert_eq!(pool.proposal(), [first.clone(), overlapping.clone()]);
    commit(&mut pool, &bundle(vec![tx(2), tx(4), tx(3)]), &[tx(2), tx(3), tx(4)]);
    assert_eq!(pool.proposal(), [first], "nothing of the other is left to do");
    assert_eq!(pool.len(), 1);
}

#[test]
fn letting_go_of_a_proposals_bundle_forgets_nothing_of_the_others() {
    let mut pool = Pool::default();
    let held = bundle(vec![tx(1)]);
    assert!(pool.add_verified(ALICE, held.clone()));
    let named = bundle(vec![tx(1), tx(2)]);
    pool.add_named(named.clone());
    pool.set_verified(&named.id());
    assert!(pool.has_verified(&tx(2)) && pool.len() == 1);
    commit(&mut pool, &bundle(vec![tx(9)]), &[tx(9)]);
    assert!(pool.has_verified(&tx(1)) && !pool.has_verified(&tx(2)));
    assert!(pool.get(&named.id()).is_none() && pool.len() == 1);
    assert!(!pool.add_verified(BOB, bundle(vec![tx(1)])));
    commit(&mut pool, &held, &[tx(1)]);
    assert!(!pool.has_verified(&tx(1)) && pool.is_empty() && pool.bytes() == 0);
}

#[test]
fn only_while_one_is_under_way_is_company_waited_for() {
    let mut pool = Pool::default();
    assert_eq!(pool.seal_at(), None);
    pool.submit(NOW, tx(1)).unwrap();
    let first = pool.seal(NOW).unwrap();
    for (number, at) in [(2, NOW), (3, Millis(NOW.0 + 4))] {
        pool.submit(at, tx(number)).unwrap();
        assert_eq!((pool.seal(at), pool.seal_at()), (None, Some(Millis(NOW.0 + 5))));
    }
    commit(&mut pool, &first, &[tx(1)]);
    let second = pool.seal(Millis(NOW.0 + 4)).unwrap();
    assert_eq!(second.transactions().len(), 2);
    pool.submit(NOW, tx(4)).unwrap();
    assert!(pool.seal(NOW).is_none());
    // Those of others are none of ours.
    commit(&mut pool, &second, &[tx(2), tx(3), tx(4)]);
    assert!(pool.add_verified(ALICE, bundle(vec![tx(5)])));
    pool.submit(NOW, tx(6)).unwrap();
    assert!(pool.seal(NOW).is_some());
}

#[test]
fn a_clock_that_is_put_back_and_a_full_bundle_wait_for_nothing() {
    let mut pool = Pool::default();
    pool.submit(NOW, tx(1)).unwrap();
    pool.seal(NOW).unwrap();
    pool.submit(NOW, tx(2)).unwrap();
    assert!(pool.seal(NOW).is_none());
    assert!(pool.seal(Millis(NOW.0 - 3_600_000)).is_some());
    let mut number = 10;
    loop {
        pool.submit(NOW, tx_of(number, 40_960)).unwrap();
        number += 1;
        if let Some(sealed) = pool.seal(NOW) {
            assert_eq!(sealed.transactions().len(), number as usize - 10);
            break;
        }
    }
    assert!(number < 17);
}
