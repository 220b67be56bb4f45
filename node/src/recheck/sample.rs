//! A random sample. Links, contents, outcomes and the audit log are checked in every block, which
//! costs little more than reading; certificates and signatures, which cost most, in a sample of
//! blocks that a seed draws; nothing is executed.
//!
//! Keys are found without believing anybody: a key's id is its hash, so that a key which stands
//! anywhere in the copy under the id that a transaction names is the right one. Whether it was
//! entitled to sign is what only an execution tells.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use hefu_genesis::Genesis;
use hefu_primitives::block::TxResult;
use hefu_primitives::crypto::batch::{SignedMessage, verify_each};
use hefu_primitives::log::{Frontier, leaf_hash};
use hefu_primitives::{H32, Header, Height, KeyId, PublicKey};
use serde::Serialize;

use super::full::judge;
use super::prepare::{Prepared, Read, read, read_ahead, transactions};
use super::{Finding, RecheckError, Report, Step};
use crate::store::{BlockFiles, Disk};

/// Blocks that wait between two threads.
const QUEUE: usize = 32;
/// A chance that is called none.
const NOTHING: f64 = 1e-15;
/// How a public key of suite 1 stands in canonical bytes: 33 bytes, the first of them the suite.
const KEY_MARK: [u8; 3] = [0x58, 0x21, 0x01];

/// Which blocks were drawn, and how sure that makes one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// What drew them: the same seed draws the same again.
    pub seed: H32,
    /// The heights drawn, in order.
    pub heights: Vec<Height>,
}

impl Sample {
    /// Draws `count` of `tip` blocks without repetition (Floyd's method).
    pub fn draw(seed: H32, count: u64, tip: u64) -> Self {
        let mut bits =
            blake3::Hasher::new_keyed(&seed.0).update(b"hefu audit sample").finalize_xof();
        let mut below = |bound: u64| {
            let mut wide = [0; 16];
            bits.fill(&mut wide);
            // Of 128 bits the remainder favours no height by more than one in 2^64.
            (u128::from_le_bytes(wide) % u128::from(bound)) as u64
        };
        let mut drawn = BTreeSet::new();
        for last in tip.saturating_sub(count) + 1..=tip {
            let height = below(last) + 1;
            drawn.insert(if drawn.contains(&height) { last } else { height });
        }
        Self { seed, heights: drawn.into_iter().map(Height).collect() }
    }
}

/// The chance that a sample of `count` of `of` shows at least one of `bad` bad ones.
pub fn confidence(count: u64, of: u64, bad: u64) -> f64 {
    // Which of the two is drawn and which is bad makes no difference to the chance of no overlap.
    let (few, many) = (count.min(bad), count.max(bad));
    let mut missed = 1.0;
    for n in 0..few {
        if many + n >= of || missed < NOTHING {
            return 1.0;
        }
        missed *= (of - many - n) as f64 / (of - n) as f64;
    }
    1.0 - missed
}

/// The smallest sample of `of` that shows, with that confidence, one of what is bad in a share of
/// at least `share`.
pub fn size_for(wanted: f64, share: f64, of: u64) -> u64 {
    let bad = bad_of(share, of);
    let (mut low, mut high) = (0, of);
    while low < high {
        let middle = low + (high - low) / 2;
        match confidence(middle, of, bad) >= wanted {
            true => high = middle,
            false => low = middle + 1,
        }
    }
    low
}

/// How many of `of` are a share, at least one.
pub(crate) fn bad_of(share: f64, of: u64) -> u64 {
    ((of as f64 * share).ceil() as u64).clamp(u64::from(of > 0), of)
}

/// Checks a sample. `progress` hears the height and the goal.
///
/// # Errors
/// [`RecheckError`], when files cannot be read.
pub fn sampled<D: Disk>(
    genesis: &Genesis,
    blocks: &BlockFiles<D>,
    sample: &Sample,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Report, RecheckError> {
    let mut pass = Pass::new(genesis, needed_keys(blocks, sample)?);
    pass.report.height = Height(blocks.tip());
    let checked = thread::scope(|scope| {
        let (to, from) = sync_channel(QUEUE);
        scope.spawn(move || read_ahead(blocks, None, &to));
        pass.blocks(&from, progress)
    });
    checked?;
    let Pass { mut report, keys, tip, .. } = pass;
    report.checked_to = tip.map_or(Height(0), |header| header.height);
    let keys: BTreeMap<KeyId, PublicKey> =
        keys.into_iter().filter_map(|(id, key)| Some((id, key?))).collect();
    let drawn: Vec<Height> =
        sample.heights.iter().copied().filter(|height| *height <= report.checked_to).collect();
    let (one, two) = drawn.split_at(drawn.len() / 2);
    let halves = thread::scope(|scope| {
        let other = scope.spawn(|| look(genesis, blocks, two, &keys));
        (look(genesis, blocks, one, &keys), other.join())
    });
    for half in [halves.0?, halves.1.map_err(|_| RecheckError::Thread)??] {
        report.signatures += half.signatures;
        report.signatures_open += half.signatures_open;
        report.certificates += half.certificates;
        report.certificates_open += half.certificates_open;
        half.findings.into_iter().for_each(|finding| report.found(finding));
    }
    report.findings.sort();
    Ok(report)
}

/// The keys that signed what the sample holds. What cannot be read is found later.
fn needed_keys<D: Disk>(
    blocks: &BlockFiles<D>,
    sample: &Sample,
) -> Result<BTreeMap<KeyId, Option<PublicKey>>, RecheckError> {
    let mut keys = BTreeMap::new();
    for height in &sample.heights {
        match read(blocks, *height, None) {
            Read::Block(block) => {
                keys.extend(transactions(&block.bundles).map(|tx| (tx.claims().key, None)));
            }
            Read::Unreadable(_) => {}
            Read::Failed(error) => return Err(error.into()),
        }
    }
    Ok(keys)
}

/// What goes through every block.
struct Pass<'g> {
    genesis: &'g Genesis,
    report: Report,
    log: Frontier,
    tip: Option<Header>,
    keys: BTreeMap<KeyId, Option<PublicKey>>,
}

impl<'g> Pass<'g> {
    fn new(genesis: &'g Genesis, keys: BTreeMap<KeyId, Option<PublicKey>>) -> Self {
        let mut log = Frontier::default();
        // The first leaf always has room.
        let _ = log.append(leaf_hash(&genesis.log_leaf()), &mut |_, _, _| {});
        let mut pass = Self { genesis, report: Report::default(), log, tip: None, keys };
        pass.harvest(genesis.as_bytes());
        for value in genesis.initial_writes().values().flatten() {
            pass.harvest(value);
        }
        pass
    }

    /// Takes up the needed keys that stand in some bytes.
    fn harvest(&mut self, bytes: &[u8]) {
        let marked = bytes.windows(KEY_MARK.len() + 32).filter(|at| at.starts_with(&KEY_MARK));
        for at in marked {
            let Ok(raw) = at.split_at(KEY_MARK.len()).1.try_into() else { continue };
            let key = PublicKey::ed25519(raw);
            if let Some(wanted) = self.keys.get_mut(&key.id()) {
                *wanted = Some(key);
            }
        }
    }

    fn blocks(
        &mut self,
        from: &Receiver<Read>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), RecheckError> {
        for read in from {
            match read {
                Read::Block(prepared) => self.block(*prepared),
                Read::Unreadable(finding) => {
                    self.report.found(finding);
                    break;
                }
                Read::Failed(error) => return Err(error.into()),
            }
            progress(self.report.blocks, self.report.height.0);
        }
        (self.report.log_size, self.report.log_root) = (self.log.size(), self.log.root());
        Ok(())
    }

    fn block(&mut self, prepared: Prepared) {
        let Prepared { stored, bundles, findings, .. } = prepared;
        self.report.blocks += 1;
        let height = Height(self.report.blocks);
        findings.into_iter().for_each(|finding| self.report.found(finding));
        let header = stored.block.header;
        if let Some(detail) = self.unlinked(&header, height) {
            self.report.found(Finding::new(height, Step::Header, detail));
        }
        for (number, tx) in transactions(&bundles).enumerate() {
            self.report.transactions += 1;
            self.harvest(tx.as_bytes());
            let outcome = stored.outcomes.get(number).map(|outcome| outcome.result);
            if let Some(TxResult::Applied { .. }) = outcome {
                let _ = self.log.append(leaf_hash(tx.as_bytes()), &mut |_, _, _| {});
            }
        }
        if (header.log_size, header.log_root) != (self.log.size(), self.log.root()) {
            let detail = "the rebuilt audit log has another size or root";
            self.report.found(Finding::new(height, Step::Log, detail));
        }
        self.tip = Some(header);
    }

    /// What of a header does not follow from the one before.
    fn unlinked(&self, header: &Header, height: Height) -> Option<&'static str> {
        let chain = self.genesis.hash();
        let (parent, time, validators) = match &self.tip {
            None => (
                hefu_primitives::BlockId(chain.0),
                self.genesis.created(),
                self.genesis.validators().hash(),
            ),
            Some(before) => (before.id(), before.time, before.next_validators),
        };
        [
            ("its chain is another", header.chain == chain),
            ("its height is another", header.height == height),
            ("it does not follow the block before", header.parent == parent),
            ("its time is not after that of the block before", header.time > time),
            ("its validators are not those that were named", header.validators == validators),
        ]
        .into_iter()
        .find_map(|(wrong, holds)| (!holds).then_some(wrong))
    }
}

/// Certificates and signatures of the drawn heights.
fn look<D: Disk>(
    genesis: &Genesis,
    blocks: &BlockFiles<D>,
    heights: &[Height],
    keys: &BTreeMap<KeyId, PublicKey>,
) -> Result<Report, RecheckError> {
    let (mut report, chain) = (Report::default(), genesis.hash());
    let founders = genesis.validators().hash();
    for height in heights {
        let block = match read(blocks, *height, None) {
            Read::Block(block) => *block,
            Read::Unreadable(_) => continue,
            Read::Failed(error) => return Err(error.into()),
        };
        if block.stored.block.header.validators == founders {
            report.certificates += 1;
            let (certificate, id) = (&block.stored.certificate, block.stored.block.id());
            let wrong = judge(&chain, certificate, *height, id, genesis.validators());
            wrong.into_iter().for_each(|finding| report.found(finding));
        } else {
            report.certificates_open += 1;
        }
        signatures(&mut report, *height, &block, keys);
    }
    Ok(report)
}

fn signatures(
    report: &mut Report,
    height: Height,
    block: &Prepared,
    keys: &BTreeMap<KeyId, PublicKey>,
) {
    let all: Vec<_> = transactions(&block.bundles).zip(&block.stored.outcomes).collect();
    // What was refused may be refused for its signature.
    let applied =
        all.iter().filter(|(_, outcome)| matches!(outcome.result, TxResult::Applied { .. }));
    let (mut named, mut signed): (Vec<_>, Vec<SignedMessage<'_>>) = Default::default();
    for (tx, _) in applied {
        match keys.get(&tx.claims().key) {
            None => report.signatures_open += 1,
            Some(key) => match tx.signed_message(key) {
                Some(message) => {
                    named.push(*tx);
                    signed.push(message);
                }
                None => report.found(unsigned(height, tx)),
            },
        }
    }
    report.signatures += signed.len() as u64;
    for (tx, valid) in named.into_iter().zip(verify_each(&signed)) {
        if !valid {
            report.found(unsigned(height, tx));
        }
    }
}

fn unsigned(height: Height, tx: &hefu_primitives::SignedTransaction) -> Finding {
    let detail = format!("not signed by key {} of {}", tx.claims().key, tx.claims().issuer);
    Finding { transaction: Some(tx.id()), ..Finding::new(height, Step::Signature, detail) }
}
