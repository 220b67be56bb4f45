//! Ledgers that hand over, liars that sign what they like, and a second reading of the rules that
//! is bent in one point at a time.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::Header;
use crate::capsule::GenesisAnchor;
use crate::crypto::KeyPair;
use crate::hash::H32;
use crate::ids::{BlockId, ChainId, Millis, Power, Round};
use crate::validators::tests::{pairs, set};
use crate::vote::{CertificateError, CommitCertificate, CommitSignature, Vote, VoteKind};

/// By when everything of these ledgers has happened.
const NOW: Millis = Millis(10_000_000);
const THIRD: Rule = Rule::Third { period: Millis(1 << 40) };

/// Keys by number; `who(&[1, 2])` is keys 1 and 2.
fn who(numbers: &[u8]) -> Vec<KeyPair> {
    numbers.iter().map(|number| KeyPair::from_secret(&[*number; 32])).collect()
}

/// What a block shall be; [`Plan::sign`] makes it.
#[derive(Clone)]
struct Plan {
    chain: ChainId,
    height: u64,
    round: u32,
    time: u64,
    parent: BlockId,
    log_size: u64,
    by: Vec<u8>,
    next: Vec<u8>,
    /// Places in `by` of those who sign.
    signers: Vec<usize>,
    /// Whom the header says to be `by`, where it lies.
    claims: Option<Vec<u8>>,
    /// For which ledger the votes are, where it is another.
    votes_for: Option<ChainId>,
    /// Tells blocks apart that are alike otherwise.
    mark: u8,
}

impl Plan {
    fn sign(&self) -> LightBlock {
        let (by, next) = (who(&self.by), who(&self.next));
        let header = Header {
            protocol: 1,
            chain: self.chain,
            height: Height(self.height),
            round: Round(0),
            time: Millis(self.time),
            parent: self.parent,
            bundles_root: H32([self.mark; 32]),
            outcomes_root: H32::ZERO,
            log_size: self.log_size,
            log_root: H32::ZERO,
            state_root: H32::ZERO,
            validators: set(&self.claims.as_ref().map_or_else(|| who(&self.by), |c| who(c))).hash(),
            next_validators: set(&next).hash(),
            parameters: H32::ZERO,
            proposer: by[0].id(),
        };
        let (height, round, block) = (header.height, Round(self.round), header.id());
        let signature = |place: &usize| {
            let (kind, validator) = (VoteKind::Precommit, by[*place].id());
            let vote = Vote { kind, height, round, block: Some(block), validator };
            let signature = vote.sign(&self.votes_for.unwrap_or(self.chain), &by[*place]).signature;
            CommitSignature { index: *place as u16, signature }
        };
        let signatures = self.signers.iter().map(signature).collect();
        let certificate = CommitCertificate { height, round, block, signatures };
        LightBlock::new(CertifiedHeader { header, certificate }, set(&by), set(&next))
    }
}

/// A ledger whose height `h` is decided by `sets[h - 1]`.
struct Ledger {
    anchor: GenesisAnchor,
    plans: Vec<Plan>,
    blocks: Vec<LightBlock>,
}

impl Ledger {
    fn new(sets: &[Vec<u8>]) -> Self {
        let anchor = GenesisAnchor {
            format: 1,
            document: H32([7; 32]),
            created: Millis(1_000),
            state_root: H32::ZERO,
            validators: set(&who(&sets[0])),
        };
        let mut ledger = Self { anchor, plans: Vec::new(), blocks: Vec::new() };
        for (place, by) in sets.iter().enumerate() {
            let next = sets.get(place + 1).unwrap_or(by).clone();
            let parent = ledger.blocks.last().map(|block| block.certified.header.id());
            let plan = Plan {
                chain: ledger.chain(),
                height: place as u64 + 1,
                round: 0,
                time: 200_000 + 1_000 * place as u64,
                parent: parent.unwrap_or(BlockId(ledger.chain().0)),
                log_size: 1 + place as u64,
                by: by.clone(),
                next,
                signers: (0..by.len() * 2 / 3 + 1).collect(),
                claims: None,
                votes_for: None,
                mark: 0,
            };
            ledger.blocks.push(plan.sign());
            ledger.plans.push(plan);
        }
        ledger
    }

    fn chain(&self) -> ChainId {
        self.anchor.chain()
    }

    fn block(&self, height: u64) -> LightBlock {
        self.blocks[height as usize - 1].clone()
    }

    fn plan(&self, height: u64) -> Plan {
        self.plans[height as usize - 1].clone()
    }

    fn state(&self) -> LightState {
        LightState::new(self.anchor.clone(), self.chain()).unwrap()
    }

    /// What is believed after a height.
    fn at(&self, height: u64) -> Trusted {
        match height {
            0 => Trusted::genesis(&self.anchor),
            height => Trusted::of(&self.block(height)),
        }
    }

    /// Goes to a height, answering truthfully; how many blocks were asked for.
    fn follow(&self, from: &Trusted, to: u64, rule: Rule) -> (Followed, usize) {
        let mut follower = Follower::new(from.clone(), Height(to), rule).unwrap();
        let mut asked = 0;
        while let Some(height) = follower.wanted() {
            follower.supply(self.block(height.0), NOW).unwrap();
            asked += 1;
        }
        (follower.finish(), asked)
    }
}

fn four() -> Vec<u8> {
    vec![1, 2, 3, 4]
}

/// Ten blocks of four, ten where the first was replaced, ten where all were.
fn changing() -> Ledger {
    let mut sets = vec![four(); 10];
    sets.extend(vec![vec![5, 2, 3, 4]; 10]);
    sets.extend(vec![vec![6, 7, 8, 9]; 10]);
    Ledger::new(&sets)
}

#[test]
fn goes_through_every_change_by_halves() {
    let ledger = changing();
    let (way, asked) = ledger.follow(&ledger.at(0), 30, Rule::Whole);
    assert_eq!(way.last, Some(ledger.block(30)));
    let changes = way.changes.unwrap();
    let at: Vec<u64> = changes.iter().map(|change| change.certified.header.height.0).collect();
    assert_eq!(at, [10, 20]);
    assert!(asked < 14, "{asked} of 30");
    let (way, asked) = ledger.follow(&ledger.at(0), 9, Rule::Whole);
    assert_eq!((way.last, asked), (Some(ledger.block(9)), 1), "one step under one set");
    let (way, asked) = ledger.follow(&ledger.at(9), 9, Rule::Whole);
    assert_eq!((way.last, asked), (None, 0));
}

#[test]
fn steps_over_a_change_that_a_third_survives() {
    let ledger = changing();
    let (way, asked) = ledger.follow(&ledger.at(0), 20, THIRD);
    assert_eq!((way.last, way.changes, asked), (Some(ledger.block(20)), None, 1));
    // Nobody survives the second change: only neighbours lead over it.
    let (way, asked) = ledger.follow(&ledger.at(0), 30, THIRD);
    assert_eq!(way.last, Some(ledger.block(30)));
    assert!(asked >= 5, "{asked}");
}

#[test]
fn an_old_header_is_followed_through_every_change() {
    let ledger = changing();
    let short = Rule::Third { period: Millis(1_000) };
    let refused = verify(&ledger.at(1), &ledger.block(15), short, NOW);
    assert_eq!(refused, Err(LightError::Expired(Height(1))));
    let (way, _) = ledger.follow(&ledger.at(1), 15, short);
    assert_eq!(way.last, Some(ledger.block(15)));
    assert_eq!(way.changes.map(|changes| changes.len()), Some(1));
}

/// Exactly a third is not enough; the next unit of power is.
#[test]
fn a_third_is_not_more_than_a_third() {
    let six = |by: &[u8]| {
        Ledger::new(&[vec![1, 2, 3, 4, 5, 6], vec![1, 2, 3, 4, 5, 6], by.to_vec(), by.to_vec()])
    };
    let two = six(&[1, 2, 11, 12, 13, 14]);
    assert_eq!(
        verify(&two.at(1), &two.block(4), THIRD, NOW),
        Err(LightError::Overlap { height: Height(4), needed: Power(3), found: Power(2) })
    );
    let three = six(&[1, 2, 3, 12, 13, 14]);
    assert!(verify(&three.at(1), &three.block(4), THIRD, NOW).is_ok());
    // Members that did not sign do not count.
    let mut plan = three.plan(4);
    plan.signers = vec![1, 2, 3, 4, 5];
    assert!(matches!(
        verify(&three.at(1), &plan.sign(), THIRD, NOW),
        Err(LightError::Overlap { found: Power(2), .. })
    ));
}

/// Each way to lie, from what is believed, with what is refused.
fn lies() -> Vec<(&'static str, Trusted, LightBlock, Rule, Millis, LightError)> {
    let ledger = changing();
    let change = |height: u64, change: &dyn Fn(&mut Plan)| {
        let mut plan = ledger.plan(height);
        change(&mut plan);
        plan.sign()
    };
    let h = Height;
    let certificate = |height, error| LightError::Certificate { height: h(height), error };
    let few = |height, found| {
        let error = CertificateError::Power { needed: Power(3), found: Power(found) };
        certificate(height, error)
    };
    let named = |height: u64| set(&who(&ledger.plan(height).by)).hash();
    let strangers = || vec![21, 22, 23, 24];
    let mut two_sets = ledger.block(6);
    two_sets.validators = set(&who(&strangers()));
    let mut other_next = ledger.block(6);
    other_next.next = Some(set(&who(&strangers())));
    let mut other_block = ledger.block(6);
    other_block.certified.certificate.block = BlockId([9; 32]);
    let mut other_height = ledger.block(6);
    other_height.certified.header.height = h(8);
    let mut swapped = ledger.block(6);
    swapped.certified.certificate.signatures.swap(0, 1);
    let mut doubled = ledger.block(6);
    let first = doubled.certified.certificate.signatures[0];
    doubled.certified.certificate.signatures[1] = first;
    let all = Power(3);
    vec![
        (
            "of another ledger",
            ledger.at(5),
            change(6, &|p| p.chain = ChainId([1; 32])),
            Rule::Whole,
            NOW,
            LightError::Chain(ChainId([1; 32])),
        ),
        (
            "an old one",
            ledger.at(5),
            ledger.block(5),
            Rule::Whole,
            NOW,
            LightError::Stale { trusted: h(5), found: h(5) },
        ),
        (
            "an older one",
            ledger.at(5),
            ledger.block(2),
            THIRD,
            NOW,
            LightError::Stale { trusted: h(5), found: h(2) },
        ),
        ("with another's set", ledger.at(5), two_sets, Rule::Whole, NOW, LightError::Forged(h(6))),
        (
            "naming other successors",
            ledger.at(5),
            other_next,
            Rule::Whole,
            NOW,
            LightError::Forged(h(6)),
        ),
        (
            "certificate of another block",
            ledger.at(5),
            other_block,
            Rule::Whole,
            NOW,
            LightError::Forged(h(6)),
        ),
        (
            "header of another height",
            ledger.at(5),
            other_height,
            Rule::Whole,
            NOW,
            LightError::Forged(h(8)),
        ),
        (
            "signed by two of four",
            ledger.at(5),
            change(6, &|p| p.signers = vec![0, 3]),
            Rule::Whole,
            NOW,
            few(6, 2),
        ),
        (
            "signed by two of four, further on",
            ledger.at(2),
            change(6, &|p| p.signers = vec![1, 2]),
            THIRD,
            NOW,
            few(6, 2),
        ),
        (
            "two of four after a change, one of them known",
            ledger.at(5),
            change(15, &|p| p.signers = vec![0, 1]),
            THIRD,
            NOW,
            LightError::Overlap { height: h(15), needed: Power(2), found: Power(1) },
        ),
        (
            "two of four after a change, both known",
            ledger.at(5),
            change(15, &|p| p.signers = vec![1, 2]),
            THIRD,
            NOW,
            few(15, 2),
        ),
        (
            "out of order",
            ledger.at(5),
            swapped,
            Rule::Whole,
            NOW,
            certificate(6, CertificateError::Place(1)),
        ),
        (
            "one signature for two",
            ledger.at(5),
            doubled,
            Rule::Whole,
            NOW,
            certificate(6, CertificateError::Place(1)),
        ),
        (
            "of the same time",
            ledger.at(5),
            change(6, &|p| p.time -= 1_000),
            Rule::Whole,
            NOW,
            LightError::Time { height: h(6) },
        ),
        (
            "of tomorrow",
            ledger.at(5),
            ledger.block(6),
            Rule::Whole,
            Millis(0),
            LightError::Future { height: h(6), ahead_ms: 205_000 },
        ),
        (
            "with a shrunken log",
            ledger.at(5),
            change(6, &|p| p.log_size = 4),
            Rule::Whole,
            NOW,
            LightError::Log { height: h(6), found: 4, known: 5 },
        ),
        (
            "beside what is known",
            ledger.at(5),
            change(6, &|p| p.parent = BlockId([9; 32])),
            Rule::Whole,
            NOW,
            LightError::Parent(h(6)),
        ),
        (
            "by those who were not named",
            ledger.at(5),
            change(6, &|p| p.by = strangers()),
            Rule::Whole,
            NOW,
            LightError::Handover {
                height: h(6),
                named: named(6),
                found: set(&who(&strangers())).hash(),
            },
        ),
        (
            "by those who have left",
            ledger.at(10),
            change(11, &|p| p.by = four()),
            Rule::Whole,
            NOW,
            LightError::Handover { height: h(11), named: named(11), found: named(1) },
        ),
        (
            "by strangers further on",
            ledger.at(5),
            change(8, &|p| p.by = strangers()),
            THIRD,
            NOW,
            LightError::Overlap { height: h(8), needed: Power(2), found: Power(0) },
        ),
        (
            "by another set further on, without its change",
            ledger.at(5),
            ledger.block(15),
            Rule::Whole,
            NOW,
            LightError::Overlap { height: h(15), needed: all, found: Power(2) },
        ),
        (
            "one of four is known, in every place",
            ledger.at(5),
            change(8, &|p| p.by = vec![1, 22, 23, 24]),
            THIRD,
            NOW,
            LightError::Overlap { height: h(8), needed: Power(2), found: Power(1) },
        ),
        (
            "from what is too old",
            ledger.at(5),
            ledger.block(15),
            Rule::Third { period: Millis(1_000) },
            NOW,
            LightError::Expired(h(5)),
        ),
    ]
}

#[test]
fn every_lie_is_refused_by_name() {
    for (name, trusted, block, rule, now, error) in lies() {
        assert_eq!(verify(&trusted, &block, rule, now), Err(error), "{name}");
    }
    // A header a minute ahead of a slow clock is none.
    let ledger = changing();
    let late = Millis(205_000 - MAX_CLOCK_DRIFT_MS);
    assert!(verify(&ledger.at(5), &ledger.block(6), Rule::Whole, late).is_ok());
}

/// One point in which the second reading is bent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Bend {
    Straight,
    HalfIsAQuorum,
    SignaturesUnchecked,
    PlacesUnchecked,
    SetUnchecked,
    NextUnchecked,
    BlockUnchecked,
    ChainUnchecked,
    ParentUnchecked,
    HandoverUnchecked,
    NeighboursStepOver,
    TimeUnchecked,
    FutureUnchecked,
    LogUnchecked,
    StaleUnchecked,
    AnyOverlap,
    OverlapByPlace,
    MembersCountUnsigned,
    NeverExpires,
    WholeIsThird,
}

const BENDS: [Bend; 19] = [
    Bend::HalfIsAQuorum,
    Bend::SignaturesUnchecked,
    Bend::PlacesUnchecked,
    Bend::SetUnchecked,
    Bend::NextUnchecked,
    Bend::BlockUnchecked,
    Bend::ChainUnchecked,
    Bend::ParentUnchecked,
    Bend::HandoverUnchecked,
    Bend::NeighboursStepOver,
    Bend::TimeUnchecked,
    Bend::FutureUnchecked,
    Bend::LogUnchecked,
    Bend::StaleUnchecked,
    Bend::AnyOverlap,
    Bend::OverlapByPlace,
    Bend::MembersCountUnsigned,
    Bend::NeverExpires,
    Bend::WholeIsThird,
];

/// What the second reading knows of what is believed: the block itself.
struct Known<'a> {
    chain: ChainId,
    block: Option<&'a LightBlock>,
    anchor: &'a GenesisAnchor,
}

/// The rules read a second time, for sets of equal powers, as one list of conditions.
fn believes(known: &Known<'_>, block: &LightBlock, rule: Rule, now: Millis, bend: Bend) -> bool {
    let CertifiedHeader { header, certificate } = &block.certified;
    let before = known.block.map(|block| &block.certified.header);
    let height = before.map_or(0, |header| header.height.0);
    let time = before.map_or(known.anchor.created, |header| header.time);
    let log = before.map_or(1, |header| header.log_size);
    let parent = before.map_or(BlockId(known.chain.0), Header::id);
    let named = known.block.map_or(&known.anchor.validators, LightBlock::next_validators);
    let keys = |set: &ValidatorSet| -> Vec<_> { set.validators().iter().map(|v| v.key).collect() };
    let (theirs, ours) = (keys(&block.validators), keys(named));
    let places: Vec<usize> = certificate.signatures.iter().map(|s| s.index.into()).collect();
    let distinct: BTreeSet<usize> = places.iter().copied().collect();
    let votes = if bend == Bend::PlacesUnchecked { places.len() } else { distinct.len() };
    let signature_holds = |entry: &CommitSignature| {
        let Some(key) = theirs.get(usize::from(entry.index)) else { return false };
        let vote = Vote {
            kind: VoteKind::Precommit,
            height: certificate.height,
            round: certificate.round,
            block: Some(certificate.block),
            validator: key.id(),
        };
        let signed = [known.chain.as_ref(), &vote.to_bytes()[..]];
        let digest = crate::hash::hash(crate::hash::Domain::Vote, &signed);
        key.verify(digest.as_bytes(), &entry.signature)
    };
    let common = match bend {
        Bend::OverlapByPlace => distinct.iter().filter(|place| **place < ours.len()).count(),
        Bend::MembersCountUnsigned => theirs.iter().filter(|key| ours.contains(key)).count(),
        _ => distinct.iter().filter(|p| theirs.get(**p).is_some_and(|k| ours.contains(k))).count(),
    };
    let same = block.validators == *named;
    let neighbour = header.height.0 == height + 1;
    let enough = match rule {
        Rule::Whole if bend != Bend::WholeIsThird => false,
        Rule::Third { period } if now.0 > time.0 + period.0 && bend != Bend::NeverExpires => false,
        _ => common * 3 > ours.len() || bend == Bend::AnyOverlap,
    };
    let step = match neighbour && bend != Bend::NeighboursStepOver {
        true => {
            (same || bend == Bend::HandoverUnchecked)
                && (header.parent == parent || bend == Bend::ParentUnchecked)
        }
        false => same || enough,
    };
    let quorum = match bend {
        Bend::HalfIsAQuorum => votes * 2 >= theirs.len(),
        _ => votes * 3 > theirs.len() * 2,
    };
    let next = block.next.as_ref().unwrap_or(&block.validators);
    [
        (header.chain == known.chain, Bend::ChainUnchecked),
        (header.height.0 > height, Bend::StaleUnchecked),
        (header.validators == block.validators.hash(), Bend::SetUnchecked),
        (header.next_validators == next.hash(), Bend::NextUnchecked),
        (
            certificate.height == header.height && certificate.block == header.id(),
            Bend::BlockUnchecked,
        ),
        (header.time > time, Bend::TimeUnchecked),
        (header.time.0 <= now.0 + MAX_CLOCK_DRIFT_MS, Bend::FutureUnchecked),
        (header.log_size >= log, Bend::LogUnchecked),
        (places.is_sorted_by(|a, b| a < b), Bend::PlacesUnchecked),
        (certificate.signatures.iter().all(signature_holds), Bend::SignaturesUnchecked),
        (quorum, Bend::Straight),
        (step, Bend::Straight),
    ]
    .into_iter()
    .all(|(holds, unless)| holds || (unless == bend && bend != Bend::Straight))
}

/// Blocks as they are, and every lie, from several points, under several rules and clocks.
fn cases(ledger: &Ledger) -> Vec<(u64, LightBlock, Rule, Millis)> {
    let mut cases = Vec::new();
    for from in [0, 1, 5, 9, 10, 14, 19, 20] {
        for to in [1, 5, 6, 8, 10, 11, 15, 20, 21, 25] {
            let plan = ledger.plan(to);
            let mut made = vec![ledger.block(to)];
            let changes: [&dyn Fn(&mut Plan); 16] = [
                &|p| p.chain = ChainId([1; 32]),
                &|p| p.signers = vec![0, 1],
                &|p| p.signers = vec![1, 2, 3],
                &|p| p.signers = vec![],
                &|p| p.time = 2_000,
                &|p| p.log_size = 1,
                &|p| p.parent = BlockId([9; 32]),
                &|p| p.by = vec![21, 22, 23, 24],
                &|p| p.by = vec![1, 22, 23, 24],
                &|p| p.by = vec![2, 1, 23, 24],
                &|p| p.by = vec![1, 2, 3, 4],
                &|p| p.next = vec![21, 22, 23, 24],
                &|p| p.claims = Some(vec![21, 22, 23, 24]),
                &|p| (p.chain, p.votes_for) = (ChainId([1; 32]), Some(p.chain)),
                &|p| p.height = 1,
                &|p| {
                    (p.by, p.signers) = (vec![1, 2, 23, 24, 25], vec![1, 2, 3, 4]);
                },
            ];
            for change in changes {
                let mut plan = plan.clone();
                change(&mut plan);
                made.push(plan.sign());
            }
            let mut bent = ledger.block(to);
            bent.validators = set(&who(&[21, 22, 23, 24]));
            made.push(bent);
            let mut bent = ledger.block(to);
            bent.next = Some(set(&who(&[21, 22, 23, 24])));
            made.push(bent);
            let mut bent = ledger.block(to);
            bent.certified.header.state_root = H32([1; 32]);
            made.push(bent);
            let mut bent = ledger.block(to);
            bent.certified.certificate.signatures[1].signature.0[5] ^= 1;
            made.push(bent);
            let mut bent = ledger.block(to);
            let first = bent.certified.certificate.signatures[0];
            bent.certified.certificate.signatures[1] = first;
            made.push(bent);
            for block in made {
                let short = Rule::Third { period: Millis(1_000) };
                for (rule, now) in
                    [(Rule::Whole, NOW), (THIRD, NOW), (short, NOW), (Rule::Whole, Millis(0))]
                {
                    cases.push((from, block.clone(), rule, now));
                }
            }
        }
    }
    cases
}

#[test]
fn a_second_reading_agrees_and_no_bent_one_does() {
    let ledger = changing();
    let cases = cases(&ledger);
    let chain = ledger.chain();
    let mut caught = BTreeSet::new();
    let mut believed = 0;
    for (from, block, rule, now) in &cases {
        let base = (*from > 0).then(|| ledger.block(*from));
        let known = Known { chain, block: base.as_ref(), anchor: &ledger.anchor };
        let ours = verify(&ledger.at(*from), block, *rule, *now);
        let theirs = |bend| believes(&known, block, *rule, *now, bend);
        assert_eq!(ours.is_ok(), theirs(Bend::Straight), "{from} {:?} {ours:?}", block.height());
        believed += usize::from(ours.is_ok());
        for (place, bend) in BENDS.into_iter().enumerate() {
            if !caught.contains(&place) && theirs(bend) != ours.is_ok() {
                caught.insert(place);
            }
        }
    }
    assert!(believed > 100, "{believed}");
    let missed: Vec<Bend> =
        (0..BENDS.len()).filter(|place| !caught.contains(place)).map(|p| BENDS[p]).collect();
    assert_eq!(missed, [], "of {} cases none tells these from the rules", cases.len());
}

/// Somebody with the keys of all who have left, one key of those who have not, and any others.
#[test]
fn retired_keys_lead_nowhere() {
    let ledger = changing();
    for rule in [Rule::Whole, Rule::Third { period: Millis(1_000) }] {
        // The old four go on as if they had never left.
        let old = Ledger::new(&vec![four(); 30]);
        let mut follower = Follower::new(ledger.at(12), Height(30), rule).unwrap();
        let refused = loop {
            let Some(height) = follower.wanted() else { panic!("believed") };
            let mut plan = old.plan(height.0);
            plan.chain = ledger.chain();
            if let Err(error) = follower.supply(plan.sign(), NOW) {
                break error;
            }
        };
        assert!(matches!(refused, LightError::Handover { height: Height(13), .. }), "{refused}");
        assert_eq!(follower.trusted(), &ledger.at(12));
    }
}

#[test]
fn what_was_not_asked_for_is_refused() {
    let ledger = changing();
    let mut follower = Follower::new(ledger.at(0), Height(30), Rule::Whole).unwrap();
    let refused = follower.supply(ledger.block(29), NOW);
    assert_eq!(refused, Err(LightError::Unasked { wanted: Height(30), found: Height(29) }));
    assert!(matches!(
        Follower::new(ledger.at(9), Height(8), Rule::Whole),
        Err(LightError::Stale { .. })
    ));
}

/// The state of a client that followed a ledger to a height.
fn followed(ledger: &Ledger, height: u64) -> LightState {
    let mut state = ledger.state();
    state.advance(ledger.follow(&state.trusted(), height, Rule::Whole).0);
    state
}

#[test]
fn the_state_is_kept_and_believed_no_more_than_it_proves() {
    let ledger = changing();
    for height in [1, 10, 11, 25] {
        let state = followed(&ledger, height);
        let kept = LightState::from_file(&state.to_file(), ledger.chain()).unwrap();
        assert_eq!((&kept, kept.height()), (&state, Height(height)));
        let mut more = kept;
        more.advance(ledger.follow(&more.trusted(), 30, Rule::Whole).0);
        assert_eq!(more, followed(&ledger, 30), "in two parts as at once");
    }
    let bytes = followed(&ledger, 25).to_file();
    assert!(matches!(
        LightState::from_file(&bytes, ChainId([1; 32])),
        Err(StateError::Genesis { .. })
    ));
    assert!(LightState::new(ledger.anchor.clone(), ChainId([1; 32])).is_err());
    for position in 0..bytes.len() {
        for flip in [1, 0x80] {
            let mut broken = bytes.clone();
            broken[position] ^= flip;
            assert!(LightState::from_file(&broken, ledger.chain()).is_err(), "byte {position}");
        }
    }
    // Written anew with a true digest, but without a change: the last header hangs in the air.
    let mut state = followed(&ledger, 25);
    let whole = state.changes().unwrap().to_vec();
    state.advance(Followed { last: Some(ledger.block(25)), changes: None });
    assert_eq!(state.changes(), None);
    for cut in 0..whole.len() {
        let mut part = ledger.state();
        let changes = Some(whole[..cut].to_vec());
        part.advance(Followed { last: Some(ledger.block(25)), changes });
        let read = LightState::from_file(&part.to_file(), ledger.chain());
        assert!(matches!(read, Err(StateError::Chain(_))), "{cut}: {read:?}");
    }
}

#[test]
fn every_changed_byte_of_a_block_is_refused() {
    let ledger = changing();
    for (from, to) in [(9, 10), (0, 5)] {
        let (trusted, bytes) = (ledger.at(from), ledger.block(to).to_bytes());
        assert!(bytes.len() < MAX_LIGHT_BLOCK_BYTES);
        for position in 0..bytes.len() {
            for flip in [1, 0x10, 0xff] {
                let mut broken = bytes.clone();
                broken[position] ^= flip;
                let believed = LightBlock::decode(&broken)
                    .is_ok_and(|block| verify(&trusted, &block, Rule::Whole, NOW).is_ok());
                assert!(!believed, "byte {position} of {}", bytes.len());
            }
        }
    }
    let mut twice = ledger.block(5);
    twice.next = Some(twice.validators.clone());
    assert_eq!(LightBlock::decode(&twice.to_bytes()), Err(CodecError::NotCanonical));
}

#[test]
fn the_largest_block_fits_its_bound() {
    let keys = pairs(64);
    let numbers: Vec<u8> = (1..=64).collect();
    let others: Vec<u8> = (101..=164).collect();
    let ledger = Ledger::new(&[numbers.clone(), numbers, others]);
    let mut plan = ledger.plan(2);
    plan.signers = (0..64).collect();
    let length = plan.sign().to_bytes().len();
    assert!(keys.len() == 64 && (10_000..MAX_LIGHT_BLOCK_BYTES).contains(&length), "{length}");
}

/// The block of a height with another content, signed by these places in this round.
fn other(ledger: &Ledger, height: u64, round: u32, signers: &[usize]) -> LightBlock {
    let mut plan = ledger.plan(height);
    (plan.mark, plan.round, plan.signers) = (1, round, signers.to_vec());
    plan.sign()
}

#[test]
fn a_fork_is_proven_with_those_who_signed_both() {
    let ledger = changing();
    let chain = ledger.chain();
    for height in [5, 10, 15, 20, 25] {
        let state = followed(&ledger, height);
        assert_eq!(state.compare(&ledger.block(height)), Ok(None));
        // Ours is signed by places 0 to 2.
        let theirs = other(&ledger, height, 0, &[1, 2, 3]);
        let proof = state.compare(&theirs).unwrap().unwrap();
        let proof = ForkProof::from_file(&proof.to_file()).unwrap();
        let proven = proof.verify(chain).unwrap();
        let by = who(&ledger.plan(height).by);
        let signed: Vec<_> = proven.signers.iter().map(|s| (s.validator.key, s.signed)).collect();
        assert_eq!(
            signed,
            [
                (by[1].public(), Signed::Contradicted),
                (by[2].public(), Signed::Contradicted),
                (by[3].public(), Signed::Other)
            ]
        );
        let files = proof.contradictions(chain).unwrap();
        assert_eq!(files.len(), 2);
        for (file, key) in files.iter().zip([&by[1], &by[2]]) {
            assert_eq!(file.verify(chain).unwrap().validator.key, key.public());
        }
        assert_eq!(proven.ours, ledger.block(height).certified.header);
        assert_eq!(proven.theirs, theirs.certified.header);
    }
}

/// In another round an honest validator may sign another block: nobody is accused.
#[test]
fn a_fork_over_two_rounds_accuses_nobody() {
    let ledger = changing();
    let proof = followed(&ledger, 15).compare(&other(&ledger, 15, 1, &[0, 1, 2])).unwrap().unwrap();
    let proven = proof.verify(ledger.chain()).unwrap();
    assert!(proven.signers.iter().all(|signer| signer.signed == Signed::Both));
    assert_eq!((proven.signers.len(), proven.contradictions.len()), (3, 0));
    assert_eq!(proof.contradictions(ledger.chain()), Ok(vec![]));
}

/// A block of a set that the ledger never had is a fork when enough of the ledger's own signed it.
#[test]
fn strangers_make_no_fork_and_traitors_do() {
    let ledger = changing();
    let state = followed(&ledger, 15);
    let made = |by: &[u8]| {
        let mut plan = ledger.plan(15);
        plan.by = by.to_vec();
        plan.sign()
    };
    assert_eq!(
        state.compare(&made(&[21, 22, 23, 24])),
        Err(ForkError::Strangers { needed: Power(2), found: Power(0) })
    );
    assert_eq!(
        state.compare(&made(&[5, 22, 23, 24])),
        Err(ForkError::Strangers { needed: Power(2), found: Power(1) })
    );
    // Key 1 has left at height 11: it counts for nothing.
    assert!(matches!(
        state.compare(&made(&[5, 1, 23, 24])),
        Err(ForkError::Strangers { found: Power(1), .. })
    ));
    let proof = state.compare(&made(&[5, 2, 23, 24])).unwrap().unwrap();
    let proven = ForkProof::from_file(&proof.to_file()).unwrap().verify(ledger.chain()).unwrap();
    assert!(proven.signers.iter().all(|signer| signer.signed == Signed::Contradicted));
    assert_eq!(proven.signers.len(), 2);
}

#[test]
fn what_is_no_fork_is_said_to_be_none() {
    let ledger = changing();
    let state = followed(&ledger, 15);
    assert_eq!(state.compare(&ledger.block(14)), Err(ForkError::NoFork));
    let few = other(&ledger, 15, 0, &[0, 1]);
    assert!(matches!(state.compare(&few), Err(ForkError::Certificate(_))));
    let mut forged = other(&ledger, 15, 0, &[0, 1, 2]);
    forged.certified.header.state_root = H32([1; 32]);
    assert_eq!(state.compare(&forged), Err(ForkError::Forged));
    let mut elsewhere = ledger.plan(15);
    elsewhere.chain = ChainId([1; 32]);
    assert_eq!(state.compare(&elsewhere.sign()), Err(ForkError::NoFork));
    let mut skipped = state.clone();
    skipped.advance(Followed { last: Some(ledger.block(15)), changes: None });
    let fork = other(&ledger, 15, 0, &[0, 1, 2]);
    assert_eq!(skipped.compare(&fork), Err(ForkError::Unlinked));
    assert!(matches!(skipped.compare(&few), Err(ForkError::Certificate(_))));
    assert_eq!(ledger.state().compare(&fork), Ok(None), "nothing is known yet");
}

#[test]
fn every_changed_byte_of_a_fork_proof_is_refused() {
    let ledger = changing();
    let fork = followed(&ledger, 15).compare(&other(&ledger, 15, 0, &[1, 2, 3])).unwrap().unwrap();
    let bytes = fork.to_file();
    assert!(ForkProof::is_file(&bytes));
    for position in 0..bytes.len() {
        for flip in [1, 0x40, 0xff] {
            let mut broken = bytes.clone();
            broken[position] ^= flip;
            assert!(ForkProof::from_file(&broken).is_err(), "byte {position}");
            assert!(!ForkProof::is_file(&broken));
        }
    }
    // And what the digest would not catch: the proof itself, one byte at a time.
    let inner = fork.to_bytes();
    for position in 0..inner.len() {
        let mut broken = inner.clone();
        broken[position] ^= 1;
        let Ok(broken) = ForkProof::from_bytes(&broken, 1 << 20) else { continue };
        let same =
            broken.verify(ledger.chain()).is_ok_and(|p| p == fork.verify(ledger.chain()).unwrap());
        // The format's number is for readers of the file.
        assert!(!same || position == 1, "byte {position}");
    }
}

/// Frozen bytes: a change is a new format.
#[test]
fn golden() {
    use crate::hash::{Domain, hash};
    let ledger = changing();
    let fork = followed(&ledger, 15).compare(&other(&ledger, 15, 0, &[1, 2, 3])).unwrap().unwrap();
    let digest = |bytes: Vec<u8>| hash(Domain::Digest, &[&bytes]).to_string()[..16].to_owned();
    assert_eq!(
        [
            digest(ledger.block(10).to_bytes()),
            digest(followed(&ledger, 25).to_file()),
            digest(fork.to_file())
        ],
        ["dab844da8f4b13e3", "f95e2db9f0ef8270", "ad71f4739c11300c"]
    );
}

/// Sets of four to six out of nine keys, each kept for a few heights.
fn histories() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let set = prop::sample::subsequence((1u8..=9).collect::<Vec<_>>(), 4..=6);
    prop::collection::vec((set, 1usize..8), 1..5)
        .prop_map(|parts| parts.into_iter().flat_map(|(set, count)| vec![set; count]).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever the history, from wherever, by whichever rule: the way ends at the true block, over
    /// true blocks, and is short.
    #[test]
    fn every_way_leads_to_the_truth(
        sets in histories(),
        ends in any::<(u16, u16)>(),
        third in any::<bool>(),
    ) {
        let ledger = Ledger::new(&sets);
        let tip = sets.len() as u64;
        let from = u64::from(ends.0) % (tip + 1);
        let to = from + u64::from(ends.1) % (tip - from + 1);
        let rule = if third { THIRD } else { Rule::Whole };
        let (way, asked) = ledger.follow(&ledger.at(from), to, rule);
        prop_assert_eq!(way.last, (to > from).then(|| ledger.block(to)));
        let truth: Vec<u64> = (from.max(1)..=to)
            .filter(|h| *h > from && ledger.block(*h).next.is_some())
            .collect();
        if let Some(changes) = &way.changes {
            let found: Vec<u64> = changes.iter().map(|c| c.certified.header.height.0).collect();
            prop_assert_eq!(&found, &truth);
        }
        prop_assert!(third || way.changes.is_some());
        let halves = 65 - (to - from).leading_zeros() as usize;
        prop_assert!(asked <= (truth.len() + 1) * halves, "{} for {}..{}", asked, from, to);
    }

    /// One in every set lies, strangers and all who left help: no block that is not on the ledger is
    /// ever believed, and the same search believes one as soon as a quorum lies.
    #[test]
    fn no_minority_is_believed(
        sets in histories(),
        picks in any::<(u16, u16)>(),
        by in prop::sample::subsequence((1u8..=14).collect::<Vec<_>>(), 4..=6),
        all in any::<bool>(),
    ) {
        let ledger = Ledger::new(&sets);
        let tip = sets.len() as u64;
        let from = u64::from(picks.0) % tip;
        let to = from + 1 + u64::from(picks.1) % (tip - from);
        let trusted = ledger.at(from);
        // Of those whom the believed header names, one lies; of all others, everybody does.
        let named: Vec<u8> = sets[from as usize].clone();
        let lies = |key: &u8| all || key == &named[0] || !named.contains(key);
        let mut plan = ledger.plan(to);
        (plan.by, plan.mark) = (if all { named.clone() } else { by }, 1);
        plan.signers = (0..plan.by.len()).filter(|place| lies(&plan.by[*place])).collect();
        for rule in [Rule::Whole, THIRD] {
            let believed = verify(&trusted, &plan.sign(), rule, NOW).is_ok();
            prop_assert_eq!(believed, all, "{:?} {:?}", plan.by, named);
        }
    }
}
