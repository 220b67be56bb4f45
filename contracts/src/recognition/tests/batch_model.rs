//! Batches of decisions under random acts, and their leaves opened by anybody, compared with a model
//! that keeps what was true at each height and nothing of the contracts: a leaf is judged by what an
//! observer noted at the height it names, and is late or in time by when its batch was recorded.

use hefu_primitives::codec::Canonical;
use hefu_primitives::commitment::Salt;
use hefu_primitives::log::{MemoryLog, inclusion_proof};
use proptest::prelude::*;

use super::*;
use crate::leaf::{self, LeafProof};

const DAY: u64 = 86_400_000;

/// A leaf as somebody made it.
#[derive(Clone, Copy, Debug)]
struct Leaf {
    /// How many heights before the batch it was checked.
    back: u64,
    /// Refused for this reason; accepted without one.
    reason: Option<u16>,
    /// Under the agreement of the batch, and decided in its span.
    same_agreement: bool,
    in_span: bool,
}

#[derive(Clone, Debug)]
enum Op {
    Suspend(bool),
    Wait { days: u64, minutes: u64 },
    Batch { leaves: Vec<Leaf>, named: bool, wrong: u8 },
    Open { batch: usize, leaf: usize, wrong: u8 },
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let reason = prop_oneof![5 => Just(None), 1 => Just(Some(4)), 1 => Just(Some(5))];
    let leaf = (0u64..5, reason, prop::bool::weighted(0.9), prop::bool::weighted(0.9));
    let leaf = leaf.prop_map(|(back, reason, same_agreement, in_span)| Leaf {
        back,
        reason,
        same_agreement,
        in_span,
    });
    let op = prop_oneof![
        2 => any::<bool>().prop_map(Op::Suspend),
        3 => (0u64..3, 0u64..20).prop_map(|(days, minutes)| Op::Wait { days, minutes }),
        4 => (prop::collection::vec(leaf, 1..6), prop::bool::weighted(0.8), 0u8..9)
            .prop_map(|(leaves, named, wrong)| Op::Batch { leaves, named, wrong }),
        8 => (0usize..4, 0usize..6, 0u8..8)
            .prop_map(|(batch, leaf, wrong)| Op::Open { batch, leaf, wrong }),
    ];
    prop::collection::vec(op, 8..40)
}

/// A batch as the model has it.
struct Made {
    named: bool,
    /// Block time of its recording.
    time: u64,
    leaves: Vec<Leaf>,
    /// Each leaf's body, and what the observer had noted at the height it names.
    bodies: Vec<(Decide, (u64, bool))>,
    opened: Vec<bool>,
}

struct World {
    ledger: Ledger,
    suspended: bool,
    /// The height at which the observer began, and when.
    begun: (u64, u64),
    /// Time and whether the licence was suspended, by height.
    notes: Vec<(u64, bool)>,
    batches: Vec<Made>,
}

fn salt(place: usize) -> Salt {
    Salt::new([place as u8 + 1; 32])
}

fn tree(bodies: &[(Decide, (u64, bool))]) -> MemoryLog {
    let mut tree = MemoryLog::new();
    for (place, (body, _)) in bodies.iter().enumerate() {
        tree.append(leaf::hash(&salt(place), &body.to_bytes())).unwrap();
    }
    tree
}

impl World {
    fn new() -> Self {
        let ledger = attested();
        let note = (ledger.time.0, false);
        let notes = vec![note; ledger.height.0 as usize + 1];
        let begun = (ledger.height.0, ledger.time.0);
        Self { ledger, suspended: false, begun, notes, batches: Vec::new() }
    }

    fn observe(&mut self) {
        self.notes.push((self.ledger.time.0, self.suspended));
        assert_eq!(self.notes.len() as u64, self.ledger.height.0 + 1);
    }

    fn suspend(&mut self, on: bool) {
        let wanted = if on == self.suspended { Err(Code::BadState) } else { Ok(()) };
        let found = match on {
            true => self.ledger.act(&issuer(), suspend(&self.ledger)),
            false => self.ledger.act(&issuer(), reinstate(&self.ledger)),
        };
        assert_eq!(found, wanted);
        self.suspended = on;
        self.observe();
    }

    fn batch(&mut self, leaves: Vec<Leaf>, named: bool, wrong: u8) {
        let number = self.batches.len();
        let agreement = named.then_some(AGREEMENT);
        let bodies: Vec<(Decide, (u64, bool))> = leaves
            .iter()
            .enumerate()
            .map(|(place, leaf)| {
                let height = self.ledger.height.0.saturating_sub(leaf.back).max(self.begun.0);
                let other = if named { None } else { Some(AGREEMENT) };
                let minutes = if leaf.in_span { 0 } else { 120 };
                let of = |dec_id| match leaf.reason {
                    Some(reason) => refuse(&self.ledger, dec_id, &[reason]),
                    None => accept(&self.ledger, dec_id),
                };
                let body = Decide {
                    checked_height: Height(height),
                    agreement: if leaf.same_agreement { agreement } else { other },
                    decided_at: Millis(self.ledger.time.0 - minutes * 60_000),
                    dec_id: Id16((((number + 1) * 100 + place) as u128).to_be_bytes()),
                    ..of(0)
                };
                (body, self.notes[height as usize])
            })
            .collect();
        let count = leaves.len() as u32;
        let mut act = DecideBatch {
            batch_id: id(number as u8 + 1),
            root: tree(&bodies).head().root,
            count,
            accepted: count,
            scenario: 1,
            agreement,
            from: Millis(self.ledger.time.0 - 60_000),
            to: self.ledger.time,
        };
        let (mut by, mut wanted) = (relying(), Ok(()));
        match wrong {
            0 => (by, wanted) = (auditor(0), Err(Code::RoleMissing)),
            1 => (act.accepted, wanted) = (count - 1, Err(Code::BatchHasRefusal)),
            2 => {
                act.from = Millis(act.to.0 - 3_600_001);
                wanted = Err(Code::BadField);
            }
            3 if number > 0 => (act.batch_id, wanted) = (id(1), Err(Code::IdReused)),
            _ => {}
        }
        assert_eq!(self.ledger.act(&by, act), wanted);
        self.observe();
        if wanted.is_ok() {
            assert_eq!(self.ledger.event_kinds(), ["decisions_batched"]);
            let opened = vec![false; leaves.len()];
            let time = self.ledger.time.0;
            self.batches.push(Made { named, time, leaves, bodies, opened });
        }
    }

    fn open(&mut self, batch: usize, place: usize, wrong: u8) {
        let Some(made) = self.batches.get(batch) else { return };
        let Some(leaf) = made.leaves.get(place).copied() else { return };
        let (mut decision, (checked, suspended)) = made.bodies[place].clone();
        let tree = tree(&made.bodies);
        let path = inclusion_proof(&tree, place as u64, made.leaves.len() as u64).unwrap().path;
        let mut proof = LeafProof { leaf: place as u32, salt: salt(place), path };
        let (mut by, mut batch_id) = (office(3, 2), id(batch as u8 + 1));
        let mut wanted = match () {
            () if made.opened[place] => Err(Code::IdReused),
            () if !leaf.same_agreement || !leaf.in_span => Err(Code::BadField),
            () => Ok(()),
        };
        match wrong {
            0 => (by, wanted) = (governor(0, 0), Err(Code::RoleMissing)),
            1 => (batch_id, wanted) = (id(0xee), Err(Code::UnknownDecisionBatch)),
            2 => (decision.unit, wanted) = (None, Err(Code::BadProof)),
            3 => (proof.salt, wanted) = (salt(place + 9), Err(Code::BadProof)),
            _ => {}
        }
        let late = made.time - checked > 900_000;
        let expected = expected(leaf, suspended, made.named, late);
        let dec_id = decision.dec_id;
        let found = self.ledger.act(&by, OpenDecision { batch_id, proof, decision });
        assert_eq!(found, wanted, "{leaf:?}");
        self.observe();
        if wanted.is_ok() {
            self.batches[batch].opened[place] = true;
            let decision = self.ledger.get(&DECISIONS, &dec_id).unwrap();
            assert_eq!(names(&decision), expected, "{leaf:?} suspended {suspended} late {late}");
            assert_eq!(decision.relying, relying().authority, "whose batch it is");
            let again = judge_again(&self.ledger.state, &decision).unwrap();
            assert_eq!(again.to_bytes(), decision.to_bytes(), "judged again");
        }
    }
}

/// The flags of a leaf: a licence that is good or suspended, in or outside an agreement.
fn expected(leaf: Leaf, suspended: bool, covered: bool, late: bool) -> Vec<&'static str> {
    let (consistent, flaw) = match leaf.reason {
        None => (!suspended && covered, suspended.then_some("accepted_while_invalid")),
        Some(4) => (suspended, (!suspended).then_some("refused_while_valid")),
        _ => (false, Some("refused_while_valid")),
    };
    let mut flags = Vec::new();
    flags.extend(consistent.then_some("consistent"));
    flags.extend(flaw);
    flags.extend(late.then_some("stale_check"));
    flags.extend((!covered).then_some("out_of_scope"));
    flags.extend((!(consistent && leaf.reason.is_none())).then_some("unfit_for_batch"));
    flags
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None, ..ProptestConfig::with_cases(40)
    })]

    #[test]
    fn leaves_are_judged_as_the_observer_noted(ops in ops()) {
        let mut world = World::new();
        for op in ops {
            match op {
                Op::Suspend(on) => world.suspend(on),
                // The ledger keeps block times for a week: what is opened later is judged by less.
                Op::Wait { days, .. } if world.ledger.time.0 - world.begun.1 > (6 - days) * DAY => {}
                Op::Wait { days, minutes } => {
                    world.ledger.wait_days(days);
                    world.ledger.time = Millis(world.ledger.time.0 + minutes * 60_000);
                    world.ledger.block(&[]);
                    world.observe();
                }
                Op::Batch { leaves, named, wrong } => world.batch(leaves, named, wrong),
                Op::Open { batch, leaf, wrong } => world.open(batch, leaf, wrong),
            }
        }
    }
}
