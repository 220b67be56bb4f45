//! A change of the validator set while everything else goes on: governors propose, vote and prove as
//! the ledger's rules want it, each stage when the one before is applied.
//!
//! | change | how |
//! |---|---|
//! | rotate | two governors of a province sign the new key; its operator starts the node with it once it decides |
//! | suspend | the other provinces suspend one that issues nothing, and reinstate it |
//! | join | the provinces admit another; its node starts with an empty disk, catches up, proves its keys |

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use hefu_contracts::identity::{
    Action, Candidate, CastVote, KeyPurpose, MemberProof, Propose, ProveKeys, RotateValidator,
    SuspendMember, SuspensionKind,
};
use hefu_contracts::{Act, identity};
use hefu_primitives::codec::Canonical;
use hefu_primitives::{H32, Id16, KeyPair, PublicKey, Region};

use super::founders::{CREATED, Founders, MAX_NODES, Province};
use super::machine::SimCore;

/// What changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A validator's key is replaced.
    Rotate,
    /// A validator is taken out, and comes back.
    Suspend,
    /// A province joins.
    Join,
}

impl Change {
    /// All of them, the simplest first.
    pub const ALL: [Self; 3] = [Self::Rotate, Self::Suspend, Self::Join];

    /// Those that so many validators can make: four are the least there may be, ten the most
    /// simulated.
    pub const fn possible(nodes: usize) -> &'static [Self] {
        match nodes {
            4 => &[Self::Rotate, Self::Join],
            MAX_NODES => &[Self::Rotate, Self::Suspend],
            _ => &Self::ALL,
        }
    }

    /// The change of a name, as [`fmt::Display`] writes it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|change| change.to_string() == name)
    }

    /// In how many stages governors bring it about.
    pub const fn stages(self) -> usize {
        match self {
            Self::Rotate => 2,
            Self::Suspend => 8,
            Self::Join => 5,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rotate => "rotate",
            Self::Suspend => "suspend",
            Self::Join => "join",
        })
    }
}

/// Who signs what.
pub(crate) struct Paper<'a> {
    pub(crate) province: &'a Province,
    pub(crate) key: &'a KeyPair,
    pub(crate) act: Act,
}

/// The progress of a change.
pub(crate) struct Registrar {
    founders: Arc<Founders>,
    pub(crate) change: Change,
    /// The province that it is about, by its place among the founders.
    pub(crate) subject: usize,
    stage: usize,
    /// Stages that are gone through.
    stages: usize,
    ballots: [Id16; 2],
    /// Transactions of this stage that have no outcome yet.
    pub(crate) waiting: BTreeSet<usize>,
}

impl Registrar {
    pub(crate) fn new(
        founders: Arc<Founders>,
        change: Change,
        subject: usize,
        stages: usize,
        ballots: [Id16; 2],
    ) -> Self {
        let stages = stages.min(change.stages());
        Self { founders, change, subject, stage: 0, stages, ballots, waiting: BTreeSet::new() }
    }

    /// The key that a validator will have that it has not now.
    pub(crate) fn new_key(&self) -> Option<&KeyPair> {
        match self.change {
            Change::Rotate => Some(&self.founders.provinces[self.subject].successor),
            Change::Join => self.founders.joiner.as_ref().map(|province| &province.validator),
            Change::Suspend => None,
        }
    }

    pub(crate) const fn is_done(&self) -> bool {
        self.stage >= self.stages
    }

    /// A transaction has an outcome; true when its stage is over.
    pub(crate) fn settled(&mut self, ticket: usize) -> bool {
        let over = self.waiting.remove(&ticket) && self.waiting.is_empty();
        if over {
            self.stage += 1;
        }
        over
    }

    /// What is signed in this stage; none while the ledger is not far enough.
    pub(crate) fn papers(&self, core: &SimCore) -> Option<Vec<Paper<'_>>> {
        match (self.change, self.stage) {
            (Change::Rotate, stage) => self.rotation(stage).map(|paper| vec![paper]),
            (Change::Suspend, stage) => {
                let action = if stage < 4 { self.suspension() } else { self.reinstatement() };
                Some(self.ballot(stage % 4, self.ballots[stage / 4], action))
            }
            (Change::Join, 4) => self.proof(core).map(|paper| vec![paper]),
            (Change::Join, stage) => {
                let action = Action::AdmitMember(self.candidate()?);
                Some(self.ballot(stage, self.ballots[0], action))
            }
        }
    }

    fn rotation(&self, stage: usize) -> Option<Paper<'_>> {
        let province = &self.founders.provinces[self.subject];
        let change = (province.validator.public(), province.successor.public());
        let (chain, member) = (self.founders.genesis.hash(), province.region);
        let proof = MemberProof::of_change(chain, member, KeyPurpose::Validator, change);
        let possession = proof.sign(&province.successor);
        let act = RotateValidator { member, key: change.1, possession }.into();
        Some(Paper { province, key: province.governors.get(stage)?, act })
    }

    fn subject_region(&self) -> Region {
        self.founders.provinces[self.subject].region
    }

    fn suspension(&self) -> Action {
        let (member, kind) = (self.subject_region(), SuspensionKind::Full);
        Action::SuspendMember(SuspendMember { member, kind, reason: 1, evidence: H32([7; 32]) })
    }

    fn reinstatement(&self) -> Action {
        Action::ReinstateMember { member: self.subject_region() }
    }

    fn candidate(&self) -> Option<Candidate> {
        let joiner = self.founders.joiner.as_ref()?;
        let term = 300 * hefu_primitives::time::DAY_MS;
        Some(Candidate {
            region: joiner.region,
            operator: joiner.operator,
            operator_name: joiner.operator_name.clone(),
            name_zh: joiner.name_zh.clone(),
            name_en: joiner.name_en.clone(),
            validator_key: joiner.validator.public(),
            node_key: joiner.node.public(),
            governors: joiner.governors.iter().map(KeyPair::public).collect(),
            not_before: CREATED,
            not_after: hefu_primitives::Millis(CREATED.0 + term),
            addresses: Vec::new(),
        })
    }

    /// The stages of a ballot: two governors of one province propose, then all others vote yes.
    fn ballot(&self, stage: usize, id: Id16, action: Action) -> Vec<Paper<'_>> {
        let about = (self.change == Change::Suspend).then_some(self.subject);
        let mut electors = self.founders.provinces.iter().enumerate();
        let proposer = &self.founders.provinces[0];
        let governor = stage % 2;
        if stage < 2 {
            let act = Propose { id, action }.into();
            return vec![Paper { province: proposer, key: &proposer.governors[governor], act }];
        }
        let mut papers = Vec::new();
        electors.next();
        for (_, province) in electors.filter(|(place, _)| Some(*place) != about) {
            let act = CastVote { proposal: id, approve: true }.into();
            papers.push(Paper { province, key: &province.governors[governor], act });
        }
        papers
    }

    fn proof(&self, core: &SimCore) -> Option<Paper<'_>> {
        let (joiner, proposer) = (self.founders.joiner.as_ref()?, &self.founders.provinces[0]);
        let member = identity::MEMBERS.read(core.ledger().records(), &joiner.region)?;
        let governors: Vec<PublicKey> = joiner.governors.iter().map(KeyPair::public).collect();
        let chain = self.founders.genesis.hash();
        let statement = MemberProof::of_admission(chain, &member, &governors)?;
        let act = ProveKeys {
            member: joiner.region,
            validator: statement.sign(&joiner.validator),
            node: statement.sign(&joiner.node),
            governors: joiner.governors.iter().map(|key| statement.sign(key)).collect(),
        };
        Some(Paper { province: proposer, key: &proposer.governors[0], act: act.into() })
    }
}

impl Paper<'_> {
    /// The act's canonical bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.act.to_bytes()
    }
}
