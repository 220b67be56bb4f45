//! Everything, from the genesis on. Three threads: one reads ahead and checks signatures in batches,
//! one executes block after block, one checks certificates by the validators that the execution
//! arrived at. Queues between them are short, so memory does not grow with the ledger.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use hefu_contracts::exec::{VerifyAlways, is_signed};
use hefu_genesis::Genesis;
use hefu_primitives::{BlockId, ChainId, CommitCertificate, Height, ValidatorSet};

use super::prepare::{Prepared, Read, read_ahead, transactions};
use super::{Finding, RecheckError, Report, Step};
use crate::core::open::from_genesis;
use crate::core::{Ledger, LedgerError, reading};
use crate::store::{BlockFiles, Disk, Index};

/// Blocks that wait between two threads: at the largest, 256 MiB.
const QUEUE: usize = 32;

/// A certificate that is to be checked, and the block under which it stands.
struct Certified {
    certificate: CommitCertificate,
    height: Height,
    block: BlockId,
    validators: Arc<ValidatorSet>,
}

/// Checks every block again, over an empty scratch index. `progress` hears the height and the goal.
///
/// # Errors
/// [`RecheckError`], when files cannot be read or the scratch index fails; what is wrong with the
/// copy is a finding.
pub fn full<D: Disk>(
    genesis: &Genesis,
    blocks: &Arc<BlockFiles<D>>,
    index: Arc<dyn Index>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Report, RecheckError> {
    let ledger = from_genesis(genesis, blocks.clone(), index)?;
    let (keys, chain) = (ledger.records().clone(), genesis.hash());
    thread::scope(|scope| {
        let (to_execution, from_reader) = sync_channel(QUEUE);
        scope.spawn(move || read_ahead(blocks, Some(&keys), &to_execution));
        let (to_certificates, from_execution) = sync_channel(QUEUE);
        let certificates = scope.spawn(move || certificates(&chain, &from_execution));
        let mut run = Run { ledger, report: Report::default(), to_certificates, set: None };
        run.report.height = Height(blocks.tip());
        let done = run.blocks(&from_reader, progress);
        drop(from_reader);
        let Run { ledger, mut report, to_certificates, .. } = run;
        drop(to_certificates);
        let (checked, findings) = certificates.join().map_err(|_| RecheckError::Thread)?;
        done?;
        report.certificates = checked;
        findings.into_iter().for_each(|finding| report.found(finding));
        report.findings.sort();
        let tip = ledger.tip();
        report.checked_to = tip.height;
        (report.log_size, report.log_root) = (tip.log_size, tip.log_root);
        report.state_root = Some(tip.state_root);
        Ok(report)
    })
}

/// Checks certificates as they come; how many, and what is wrong.
fn certificates(chain: &ChainId, from: &Receiver<Certified>) -> (u64, Vec<Finding>) {
    let (mut checked, mut findings) = (0, Vec::new());
    for certified in from {
        checked += 1;
        findings.extend(certificate(chain, &certified));
    }
    (checked, findings)
}

fn certificate(chain: &ChainId, of: &Certified) -> Option<Finding> {
    let Certified { certificate, height, block, validators } = of;
    judge(chain, certificate, *height, *block, validators)
}

/// Judges a certificate. One that holds, but for another block, says that the header was changed.
pub(super) fn judge(
    chain: &ChainId,
    certificate: &CommitCertificate,
    height: Height,
    block: BlockId,
    validators: &ValidatorSet,
) -> Option<Finding> {
    let wrong = |step, detail: String| Some(Finding::new(height, step, detail));
    if certificate.height != height {
        return wrong(Step::Certificate, format!("it is for height {}", certificate.height));
    }
    if let Err(error) = certificate.verify(chain, validators) {
        return wrong(Step::Certificate, error.to_string());
    }
    if certificate.block != block {
        let signed = certificate.block;
        return wrong(Step::Header, format!("the validators signed {signed}, this is {block}"));
    }
    None
}

struct Run<D: Disk> {
    ledger: Ledger<D>,
    report: Report,
    to_certificates: SyncSender<Certified>,
    /// The set that decided the last block, not copied for each.
    set: Option<Arc<ValidatorSet>>,
}

impl<D: Disk> Run<D> {
    fn blocks(
        &mut self,
        from: &Receiver<Read>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), RecheckError> {
        for read in from {
            let prepared = match read {
                Read::Block(prepared) => *prepared,
                Read::Unreadable(finding) => {
                    self.report.found(finding);
                    return Ok(());
                }
                Read::Failed(error) => return Err(error.into()),
            };
            if !reading(|| self.block(prepared))?? {
                return Ok(());
            }
            progress(self.ledger.tip().height.0, self.report.height.0);
        }
        match self.report.findings.is_empty() && self.ledger.tip().height < self.report.height {
            true => Err(RecheckError::Thread),
            false => Ok(()),
        }
    }

    /// Checks a block; whether the next one can follow it.
    fn block(&mut self, prepared: Prepared) -> Result<bool, RecheckError> {
        let height = self.ledger.tip().height.next();
        let Prepared { stored, bundles, verified, broken, findings } = prepared;
        let count = transactions(&bundles).count() as u64;
        self.report.blocks += 1;
        self.report.transactions += count;
        findings.into_iter().for_each(|finding| self.report.found(finding));
        let validators = self.validators();
        let certified = Certified {
            certificate: stored.certificate.clone(),
            height,
            block: stored.block.id(),
            validators,
        };
        self.to_certificates.send(certified).map_err(|_| RecheckError::Thread)?;
        if broken {
            self.unsigned(height, &bundles);
            return Ok(false);
        }
        match self.ledger.recheck(stored, &bundles, &verified) {
            Ok(_) => {
                self.report.signatures += count;
                Ok(true)
            }
            Err(LedgerError::Store(error)) => Err(error.into()),
            Err(error) => {
                self.report.found(refused(height, &error));
                self.unsigned(height, &bundles);
                Ok(false)
            }
        }
    }

    fn validators(&mut self) -> Arc<ValidatorSet> {
        let now = &self.ledger.tip().validators;
        match &self.set {
            Some(set) if **set == *now => set.clone(),
            former => {
                self.report.validator_changes += u64::from(former.is_some());
                self.set.insert(Arc::new(now.clone())).clone()
            }
        }
    }

    /// Where a block is not what it should be: which of its transactions nobody signed. A block that
    /// holds together has none but those that were refused for it.
    fn unsigned(&mut self, height: Height, bundles: &[Arc<hefu_primitives::Bundle>]) {
        let (chain, records) = (self.ledger.chain(), self.ledger.records().clone());
        for (number, tx) in transactions(bundles).enumerate() {
            if !is_signed(&chain, tx, &records, &VerifyAlways) {
                let detail = format!(
                    "transaction {number} is not signed by key {} of {}",
                    tx.claims().key,
                    tx.claims().issuer
                );
                let finding = Finding::new(height, Step::Signature, detail);
                self.report.found(Finding { transaction: Some(tx.id()), ..finding });
            }
        }
    }
}

fn refused(height: Height, error: &LedgerError) -> Finding {
    let step = match error {
        LedgerError::Diverged { field, .. } => Step::of_field(field),
        LedgerError::NotNext { .. } => Step::Header,
        LedgerError::Evidence { .. } | LedgerError::Malformed(_) => Step::Contents,
        _ => Step::Execution,
    };
    Finding::new(height, step, error)
}
