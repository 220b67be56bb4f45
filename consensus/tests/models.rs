//! Small state spaces, searched to the end: every order of a few events up to a depth, on the real
//! [`hefu_consensus::Replica`]. Each search also runs over a subject with one rule broken, which it
//! must catch.
//!
//! The activation of changes of the validator set is searched beside
//! the rule, in `contracts` (`validators_model`).

#[path = "models/explore.rs"]
mod explore;

#[path = "models/held_back.rs"]
mod held_back;

#[path = "models/replica.rs"]
mod replica;

use explore::explore;
use replica::{Broken, Machine, Scene};

/// Every way in which a round, a decision told by a peer, fetched blocks, timers and crashes can
/// meet: nothing sent is ever contradicted, nothing but the decided block is committed, nothing
/// stops the replica.
#[test]
fn a_live_round_catch_up_and_crashes_in_every_order() {
    let found = explore(|| Machine::new(Scene::Validator, None), 4, 40_000);
    let found = found.unwrap_or_else(|(path, what)| panic!("{what} after {path:?}"));
    println!("validator: {found:?}");
    assert!(found.states > 500, "{found:?}");
}

/// The same, one crash anywhere, and nobody else speaks in between: what was sent before is what
/// the log gives again, from any prefix of it that can be left.
#[test]
fn a_log_cut_anywhere_contradicts_nothing() {
    let found = explore(|| Machine::new(Scene::Crashes, None), 5, 40_000);
    let found = found.unwrap_or_else(|(path, what)| panic!("{what} after {path:?}"));
    println!("crashes: {found:?}");
    assert!(found.states > 500, "{found:?}");
}

/// A node that only follows signs nothing, and commits what the others decide.
#[test]
fn an_observer_signs_nothing() {
    let found = explore(|| Machine::new(Scene::Observer, None), 4, 40_000);
    let found = found.unwrap_or_else(|(path, what)| panic!("{what} after {path:?}"));
    println!("observer: {found:?}");
    assert!(found.commits > 0 && found.states > 100, "{found:?}");
}

/// Each broken rule is caught, and the shortest way to it shown.
#[test]
fn broken_rules_are_caught() {
    for broken in Broken::ALL {
        let scene = match broken {
            Broken::ObserverSigns => Scene::Observer,
            Broken::SendsBeforeSync | Broken::ForgetsLog => Scene::Crashes,
            Broken::CommitsAnything => Scene::Validator,
        };
        match explore(|| Machine::new(scene, Some(broken)), 6, 40_000) {
            Err((path, what)) => println!("{broken:?}: {what} after {path:?}"),
            Ok(found) => panic!("{broken:?} was not noticed: {found:?}"),
        }
    }
}

/// A node that loses its blocks and keeps its log, at any moment and more than once: it contradicts
/// nothing it signed before, signs nothing while it is behind its log, and signs when it is back.
#[test]
fn a_node_that_is_held_back_contradicts_nothing_and_gets_back() {
    let found = explore(|| held_back::Machine::new(None), 5, 40_000);
    let found = found.unwrap_or_else(|(path, what)| panic!("{what} after {path:?}"));
    println!("held back: {found:?}");
    assert!(found.whole && found.commits > 0 && found.states > 200, "{found:?}");
}

#[test]
fn a_node_that_is_held_back_wrongly_is_caught() {
    for broken in held_back::Broken::ALL {
        match explore(|| held_back::Machine::new(Some(broken)), 5, 40_000) {
            Err((path, what)) => println!("{broken:?}: {what} after {path:?}"),
            Ok(found) => panic!("{broken:?} was not noticed: {found:?}"),
        }
    }
}
