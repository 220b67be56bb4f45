//! Certificates, good and bad, of one seed: signed by ordinary keys and by keys and nonces with a
//! part of small order, then changed in one of many ways.

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT as B, EIGHT_TORSION};
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use hefu_primitives::vote::{CommitSignature, SignedProposal, SignedVote};
use hefu_primitives::{
    BlockId, Canonical, ChainId, CommitCertificate, Domain, Height, KeyId, Power, Proposal,
    PublicKey, Region, Round, Signature, Validator, ValidatorSet, Vote, VoteKind,
};
use sha2::{Digest, Sha512};

pub(crate) const CHAIN: [u8; 32] = [0xc4; 32];
pub(crate) const OTHER_CHAIN: [u8; 32] = [0x0c; 32];

macro_rules! kinds {
    ($($kind:ident $name:literal $always:literal $never:literal,)*) => {
        /// What was done to a certificate.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind { $($kind,)* }

        impl Kind {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$kind,)*];

            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// Whether nothing of this kind may be refused.
            pub(crate) const fn always_valid(self) -> bool {
                match self { $(Self::$kind => $always,)* }
            }

            /// Whether nothing of this kind may be accepted.
            pub(crate) const fn never_valid(self) -> bool {
                match self { $(Self::$kind => $never,)* }
            }
        }
    };
}

kinds! {
    Whole "nothing" true false,
    Enough "as few signatures as are enough" true false,
    Missing "one signature less than is enough" false true,
    Exactly "exactly two thirds of the power" false true,
    Bit "a bit of a signature" false true,
    Swap "two validators' signatures swapped" false true,
    Duplicate "a place twice" false true,
    Order "places out of order" false true,
    Outside "a place outside the set" false true,
    Chain "another chain" false true,
    Height "another height" false true,
    Round "another round" false true,
    Block "another block" false true,
    Vote "the other kind of vote" false true,
    Stranger "a stranger's signature" false true,
    ScalarPlusOrder "S plus the group's order" false true,
    SmallKey "a key of small order, R of small order and S zero" true false,
    TorsionKey "a key with a part of small order" true false,
    TorsionNonce "a nonce with a part of small order" true false,
    UnreducedNonce "an encoding of R that is not reduced" true false,
    NoPoint "R that is no point" false true,
    NoKey "a key that is no point" false true,
    Empty "no signature at all" false true,
}

/// A certificate with what it is to be checked against.
pub(crate) struct Case {
    pub(crate) what: Kind,
    pub(crate) kind: VoteKind,
    pub(crate) chain: ChainId,
    pub(crate) set: ValidatorSet,
    pub(crate) certificate: CommitCertificate,
}

/// A secret scalar, and a point of small order added to its public key.
#[derive(Clone, Copy)]
struct Secret {
    scalar: Scalar,
    torsion: EdwardsPoint,
}

/// Makes cases; the same seed makes the same ones.
pub(crate) struct Forge {
    state: u64,
    next: usize,
}

impl Forge {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed, next: seed as usize % Kind::ALL.len() }
    }

    /// SplitMix64.
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.random() % bound as u64) as usize
    }

    fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for part in bytes.chunks_mut(8) {
            part.copy_from_slice(&self.random().to_le_bytes());
        }
        bytes
    }

    fn secret(&mut self) -> Secret {
        let mut wide = [0; 64];
        wide[..32].copy_from_slice(&self.bytes());
        Secret { scalar: Scalar::from_bytes_mod_order_wide(&wide), torsion: EIGHT_TORSION[0] }
    }

    /// The power of each of so many validators: equal, or of any size.
    fn powers(&mut self, n: usize) -> Vec<u64> {
        match self.below(3) {
            0 => vec![1; n],
            1 => (0..n).map(|_| 1 + self.below(9) as u64).collect(),
            _ => (0..n).map(|_| 1 + (self.random() >> 12)).collect(),
        }
    }

    pub(crate) fn case(&mut self) -> Case {
        let what = Kind::ALL[self.next];
        self.next = (self.next + 1) % Kind::ALL.len();
        let n = match what {
            Kind::Exactly => 3 * (1 + self.below(3)),
            _ => 2 + self.below(8),
        };
        let mut secrets: Vec<Secret> = (0..n).map(|_| self.secret()).collect();
        let powers = match what {
            Kind::Exactly => vec![1 + self.below(1_000) as u64; n],
            // Nobody alone is enough, and nobody can be done without.
            Kind::Missing | Kind::Duplicate => vec![1; n],
            _ => self.powers(n),
        };
        let target = self.below(n);
        let torsion = EIGHT_TORSION[1 + self.below(7)];
        match what {
            Kind::SmallKey => secrets[target] = Secret { scalar: Scalar::ZERO, torsion },
            Kind::TorsionKey => secrets[target].torsion = torsion,
            _ => {}
        }
        let mut keys: Vec<[u8; 32]> = secrets.iter().map(public).collect();
        if what == Kind::NoKey {
            keys[target] = self.no_point();
        }
        let kind = if self.below(4) == 0 { VoteKind::Prevote } else { VoteKind::Precommit };
        let mut certificate = CommitCertificate {
            height: Height(1 + (self.random() >> (self.below(64) as u32))),
            round: Round(self.below(300) as u32),
            block: BlockId(self.bytes()),
            signatures: Vec::new(),
        };
        let set = set(&keys, &powers);
        let chain = ChainId(CHAIN);
        for place in 0..n {
            let vote = vote(&certificate, kind, key(&keys[place]).id());
            let nonce = self.secret().scalar;
            let signature = match what {
                Kind::SmallKey if place == target => {
                    let mut signature = [0; 64];
                    let r = EIGHT_TORSION[self.below(8)];
                    signature[..32].copy_from_slice(r.compress().as_bytes());
                    signature
                }
                Kind::TorsionNonce if place == target => {
                    sign(&secrets[place], &keys[place], &digest(&chain, &vote), nonce, torsion)
                }
                Kind::UnreducedNonce if place == target => {
                    let message = digest(&chain, &vote);
                    unreduced(&secrets[place], &keys[place], &message)
                }
                _ => {
                    let none = EIGHT_TORSION[0];
                    sign(&secrets[place], &keys[place], &digest(&chain, &vote), nonce, none)
                }
            };
            let (index, signature) = (place as u16, Signature(signature));
            certificate.signatures.push(CommitSignature { index, signature });
        }
        let mut case = Case { what, kind, chain, set, certificate };
        self.change(&mut case, target, &secrets, &keys);
        case
    }

    fn change(&mut self, case: &mut Case, at: usize, secrets: &[Secret], keys: &[[u8; 32]]) {
        let n = keys.len();
        let other = (at + 1 + self.below(n - 1)) % n;
        let signatures = &mut case.certificate.signatures;
        match case.what {
            Kind::Whole
            | Kind::SmallKey
            | Kind::TorsionKey
            | Kind::TorsionNonce
            | Kind::UnreducedNonce
            | Kind::NoKey => {}
            Kind::Enough => self.reduce(case, false),
            Kind::Missing => self.reduce(case, true),
            Kind::Exactly => signatures.truncate(n / 3 * 2),
            Kind::Bit => {
                let bit = self.below(512);
                signatures[at].signature.0[bit / 8] ^= 1 << (bit % 8);
            }
            Kind::Swap => {
                let (a, b) = (signatures[at].signature, signatures[other].signature);
                (signatures[at].signature, signatures[other].signature) = (b, a);
            }
            Kind::Duplicate => {
                // What is one short is made whole by counting one twice.
                self.reduce(case, true);
                match case.certificate.signatures.last().copied() {
                    Some(last) => case.certificate.signatures.push(last),
                    None => case.certificate.signatures.clear(),
                }
            }
            Kind::Order => signatures.swap(at, other),
            Kind::Outside => signatures[n - 1].index = (n + self.below(3)) as u16,
            Kind::Chain => {
                // Signed for another ledger by everyone.
                let other = ChainId(OTHER_CHAIN);
                self.resign(case, case.kind, &other, secrets, keys);
            }
            Kind::Height => {
                case.certificate.height = Height(case.certificate.height.0.wrapping_add(1));
            }
            Kind::Round => case.certificate.round = Round(case.certificate.round.0 + 1),
            Kind::Block => case.certificate.block.0[self.below(32)] ^= 1,
            Kind::Vote => {
                let kind = match case.kind {
                    VoteKind::Prevote => VoteKind::Precommit,
                    VoteKind::Precommit => VoteKind::Prevote,
                };
                self.resign(case, kind, &ChainId(CHAIN), secrets, keys);
            }
            Kind::Stranger => {
                let stranger = self.secret();
                let vote = vote(&case.certificate, case.kind, key(&keys[at]).id());
                let (nonce, none) = (self.secret().scalar, EIGHT_TORSION[0]);
                let message = digest(&case.chain, &vote);
                let signature = sign(&stranger, &public(&stranger), &message, nonce, none);
                case.certificate.signatures[at].signature = Signature(signature);
            }
            Kind::ScalarPlusOrder => plus_order(&mut signatures[at].signature.0),
            Kind::NoPoint => {
                let none = self.no_point();
                case.certificate.signatures[at].signature.0[..32].copy_from_slice(&none);
            }
            Kind::Empty => signatures.clear(),
        }
    }

    fn resign(
        &mut self,
        case: &mut Case,
        kind: VoteKind,
        chain: &ChainId,
        secrets: &[Secret],
        keys: &[[u8; 32]],
    ) {
        for place in 0..keys.len() {
            let vote = vote(&case.certificate, kind, key(&keys[place]).id());
            let (nonce, none) = (self.secret().scalar, EIGHT_TORSION[0]);
            let signature = sign(&secrets[place], &keys[place], &digest(chain, &vote), nonce, none);
            case.certificate.signatures[place].signature = Signature(signature);
        }
    }

    /// Leaves as few signatures as are enough, or one less.
    fn reduce(&mut self, case: &mut Case, too_few: bool) {
        let total: u128 = case.set.validators().iter().map(|v| u128::from(v.power.0)).sum();
        let mut kept = Vec::new();
        let mut power = 0u128;
        for entry in &case.certificate.signatures {
            let more = u128::from(case.set.validators()[usize::from(entry.index)].power.0);
            let enough = (power + more) * 3 > total * 2;
            if enough && too_few {
                break;
            }
            kept.push(*entry);
            power += more;
            if enough {
                break;
            }
        }
        case.certificate.signatures = kept;
    }

    fn no_point(&mut self) -> [u8; 32] {
        loop {
            let bytes = self.bytes();
            let encoding = curve25519_dalek::edwards::CompressedEdwardsY(bytes);
            if encoding.decompress().is_none() {
                return bytes;
            }
        }
    }

    /// A vote and a proposal of a member or a stranger, sometimes changed, and their set.
    pub(crate) fn messages(&mut self) -> (ChainId, ValidatorSet, SignedVote, SignedProposal) {
        let secrets: Vec<Secret> = (0..3).map(|_| self.secret()).collect();
        let keys: Vec<[u8; 32]> = secrets.iter().map(public).collect();
        let set = set(&keys[..2], &[1, 1]);
        let (chain, at) = (ChainId(CHAIN), self.below(3));
        let id = key(&keys[at]).id();
        let (height, round) =
            (Height(self.random() >> self.below(64)), Round(self.random() as u32));
        let kind = if self.below(2) == 0 { VoteKind::Prevote } else { VoteKind::Precommit };
        let block = (self.below(3) > 0).then(|| BlockId(self.bytes()));
        let mut vote = Vote { kind, height, round, block, validator: id };
        let pol_round = (self.below(2) == 0).then(|| Round(self.below(70_000) as u32));
        let block = BlockId(self.bytes());
        let mut proposal = Proposal { height, round, block, pol_round, proposer: id };
        let none = EIGHT_TORSION[0];
        let nonce = self.secret().scalar;
        let signed = |domain: Domain, bytes: &[u8]| {
            let message = hefu_primitives::hash::hash(domain, &[&chain.0, bytes]).0;
            Signature(sign(&secrets[at], &keys[at], &message, nonce, none))
        };
        let mut signatures = [
            signed(Domain::Vote, &vote.to_bytes()),
            signed(Domain::Proposal, &proposal.to_bytes()),
        ];
        match self.below(6) {
            0 => vote.round = Round(vote.round.0 ^ 1),
            1 => proposal.pol_round = Some(Round(7)),
            2 => signatures.swap(0, 1),
            3 => vote.block = None,
            _ => {}
        }
        let vote = SignedVote { vote, signature: signatures[0] };
        (chain, set, vote, SignedProposal { proposal, signature: signatures[1] })
    }
}

fn key(bytes: &[u8; 32]) -> PublicKey {
    PublicKey::ed25519(*bytes)
}

fn public(secret: &Secret) -> [u8; 32] {
    (B * secret.scalar + secret.torsion).compress().0
}

fn set(keys: &[[u8; 32]], powers: &[u64]) -> ValidatorSet {
    let validator = |(place, (bytes, power)): (usize, (&[u8; 32], &u64))| Validator {
        region: Region(110_000 + 10_000 * place as u32),
        key: key(bytes),
        power: Power(*power),
    };
    ValidatorSet::new(keys.iter().zip(powers).enumerate().map(validator).collect()).unwrap()
}

fn vote(certificate: &CommitCertificate, kind: VoteKind, validator: KeyId) -> Vote {
    let CommitCertificate { height, round, block, .. } = *certificate;
    Vote { kind, height, round, block: Some(block), validator }
}

/// What is signed; the second verifier computes it for itself.
fn digest(chain: &ChainId, vote: &Vote) -> [u8; 32] {
    hefu_primitives::hash::hash(Domain::Vote, &[&chain.0, &vote.to_bytes()]).0
}

fn challenge(r: &[u8], key: &[u8; 32], message: &[u8; 32]) -> Scalar {
    let digest = Sha512::new().chain_update(r).chain_update(key).chain_update(message).finalize();
    Scalar::from_bytes_mod_order_wide(&digest.into())
}

/// Signs with a nonce point that has a part of small order.
fn sign(
    secret: &Secret,
    key: &[u8; 32],
    message: &[u8; 32],
    nonce: Scalar,
    torsion: EdwardsPoint,
) -> [u8; 64] {
    let r = (B * nonce + torsion).compress().0;
    let s = nonce + challenge(&r, key, message) * secret.scalar;
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&r);
    signature[32..].copy_from_slice(s.as_bytes());
    signature
}

/// Signs with nonce zero and R = the identity, whose y = 1 is written as p + 1.
fn unreduced(secret: &Secret, key: &[u8; 32], message: &[u8; 32]) -> [u8; 64] {
    let mut r = [0xff; 32];
    (r[0], r[31]) = (0xee, 0x7f);
    let s = challenge(&r, key, message) * secret.scalar;
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&r);
    signature[32..].copy_from_slice(s.as_bytes());
    signature
}

/// Adds the order of the group to S: the same number, written otherwise.
fn plus_order(signature: &mut [u8; 64]) {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0u16;
    for (byte, more) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(more) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
}
