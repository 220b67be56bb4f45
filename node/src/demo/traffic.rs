//! Synthetic acts for a demonstration: business licences attested by market regulators, and
//! decided on in the next province. No person is behind any of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use hefu_contracts::Act;
use hefu_contracts::certificate::{Attest, Ident, Marks, SealVerdict};
use hefu_contracts::identity::Role;
use hefu_contracts::recognition::{Consent, Decide, DecisionMode, DecisionOutcome};
use hefu_genesis::sample::{AGREEMENT, AuthorityKeys, SampleKeys};
use hefu_primitives::block::TxResult;
use hefu_primitives::codec::Canonical;
use hefu_primitives::codes::Identifier;
use hefu_primitives::time::Day;
use hefu_primitives::{
    ChainId, H32, Height, Id16, Millis, Region, SignedTransaction, TransactionBody, TypeCode,
};

use crate::runtime::{Service, wall_clock};

/// The type that traffic attests: business licences, whose holders are organisations.
const LICENCE: &str = "11100000HEFU90025A001";
/// The scenario and item that decisions are made in: company changes across regions.
const SCENARIO: u32 = 201;
pub(crate) const ITEM: &str = "990790002000";
/// Longest wait for an outcome.
const PATIENCE: Duration = Duration::from_secs(30);
/// Latencies kept; later ones replace the oldest.
const MAX_LATENCIES: usize = 100_000;

/// What traffic has done so far.
#[derive(Default)]
pub struct Tally {
    /// Acts that were applied.
    pub applied: AtomicU64,
    /// Acts that were refused or lost.
    pub failed: AtomicU64,
    latencies: Mutex<Vec<Duration>>,
    attested: Mutex<Vec<(Id16, Region, Height)>>,
}

impl Tally {
    /// Whether any act's time was taken.
    pub fn has_times(&self) -> bool {
        !self.latencies.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Quantiles of the time from submission to durable commit, in milliseconds.
    pub fn commit_ms(&self, quantiles: &[f64]) -> Vec<f64> {
        let latencies = self.latencies.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sorted = latencies.clone();
        drop(latencies);
        sorted.sort();
        let at = |q: &f64| {
            let place = (sorted.len().saturating_sub(1) as f64 * q).round() as usize;
            sorted.get(place).map_or(0.0, |d| d.as_secs_f64() * 1000.0)
        };
        quantiles.iter().map(at).collect()
    }
}

/// Signs acts of one authority into a transaction.
///
/// # Errors
/// When the authority has no key for the role, or a bound is passed.
pub fn sign(
    chain: ChainId,
    authority: &AuthorityKeys,
    role: Role,
    subject: &str,
    acts: &[Act],
) -> anyhow::Result<SignedTransaction> {
    let key =
        authority.key_for(role).with_context(|| format!("{} lacks {role:?}", authority.slug))?;
    let body = TransactionBody {
        chain,
        not_after: Millis(wall_clock().0.saturating_add(600_000)),
        acts: acts.iter().map(|act| act.to_bytes().into()).collect(),
    };
    Ok(SignedTransaction::sign(&body, authority.code, subject, key)?)
}

/// Sixteen random bytes.
///
/// # Errors
/// When the system gives none.
pub fn random_id() -> anyhow::Result<Id16> {
    let mut id = Id16::ZERO;
    getrandom::fill(&mut id.0).map_err(|error| anyhow::anyhow!("randomness: {error}"))?;
    Ok(id)
}

/// One licence of a province's market regulator.
///
/// # Errors
/// When no randomness can be had.
pub fn licence(issuer: &AuthorityKeys, region: Region) -> anyhow::Result<Attest> {
    let kind: TypeCode = LICENCE.parse()?;
    let (id, holder, content) = (random_id()?, random_id()?, random_id()?);
    // Letters only, so that no serial looks like anybody's number.
    let serial: String =
        random_id()?.0.iter().map(|byte| char::from(b'A'.wrapping_add(byte % 26))).collect();
    let today = Day::of_beijing(wall_clock());
    Ok(Attest {
        id,
        type_code: kind,
        type_version: 1,
        region,
        ident: Ident::Plain(Identifier::new(kind, issuer.code, &serial, 1)?.to_string()),
        holder: commitment(holder),
        content: commitment(content),
        file: None,
        seal: None,
        cert_version: 1,
        issued_on: today,
        valid_from: today,
        valid_until: None,
        previous: None,
        marks: Marks::default(),
        occurred_at: wall_clock(),
    })
}

/// Stands for a salted commitment: nothing is behind it.
fn commitment(seed: Id16) -> H32 {
    hefu_primitives::hash::hash(hefu_primitives::Domain::Commitment, &[seed.as_ref()])
}

/// A decision of one more relying office on a licence: accepted, with a case of its own.
///
/// # Errors
/// When no randomness can be had.
pub(crate) fn decision(att_id: Id16, checked_height: Height) -> anyhow::Result<Decide> {
    Ok(Decide {
        dec_id: random_id()?,
        att_id,
        unit: None,
        agreement: Some(AGREEMENT),
        scenario: SCENARIO,
        item: ITEM.parse()?,
        case: Some(commitment(random_id()?)),
        mode: DecisionMode::Online,
        checked_height,
        digest_match: true,
        seal_verdict: SealVerdict::NotChecked,
        consent: Consent::Holder,
        outcome: DecisionOutcome::Accepted,
        reasons: Vec::new(),
        statute: None,
        evidence: Vec::new(),
        decided_at: wall_clock(),
    })
}

/// Sends `rate` acts a second to the nodes that run, until it is aborted. At a rate of zero it sends
/// one, so that there is a first block.
pub async fn run(
    nodes: impl Fn() -> Vec<(Region, Service)>,
    keys: Arc<SampleKeys>,
    rate: u32,
    tally: Arc<Tally>,
) {
    let mut tick = tokio::time::interval(Duration::from_secs(1) / rate.max(1));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut number = 0usize;
    loop {
        tick.tick().await;
        number = number.wrapping_add(1);
        let nodes = nodes();
        let Some((region, service)) = nodes.get(number.checked_rem(nodes.len()).unwrap_or(0))
        else {
            continue;
        };
        tokio::spawn(one(service.clone(), *region, number, keys.clone(), tally.clone()));
        if rate == 0 {
            return;
        }
    }
}

/// One act: every third is a decision.
async fn one(
    service: Service,
    region: Region,
    number: usize,
    keys: Arc<SampleKeys>,
    tally: Arc<Tally>,
) {
    let sent = if number.is_multiple_of(3) {
        decide(&service, &keys, region, &tally).await
    } else {
        attest(&service, &keys, region, &tally).await
    };
    match sent {
        Ok(true) => tally.applied.fetch_add(1, Ordering::Relaxed),
        Ok(false) => 0,
        Err(error) => {
            tracing::warn!(%region, %error, "an act of the demonstration failed");
            tally.failed.fetch_add(1, Ordering::Relaxed)
        }
    };
}

async fn attest(
    service: &Service,
    keys: &SampleKeys,
    region: Region,
    tally: &Tally,
) -> anyhow::Result<bool> {
    let issuer = keys.issuer(region, LICENCE.parse()?).context("no issuer")?;
    let act = licence(issuer, region)?;
    let id = act.id;
    let subject = format!("att:{id}");
    let tx = sign(service.chain(), issuer, Role::Issuer, &subject, &[act.into()])?;
    let height = send(service, &tx, tally).await?;
    let mut attested = tally.attested.lock().unwrap_or_else(PoisonError::into_inner);
    if attested.len() < MAX_LATENCIES {
        attested.push((id, region, height));
    }
    Ok(true)
}

/// A decision on the newest licence of another province; false while there is none.
async fn decide(
    service: &Service,
    keys: &SampleKeys,
    region: Region,
    tally: &Tally,
) -> anyhow::Result<bool> {
    let foreign = {
        let attested = tally.attested.lock().unwrap_or_else(PoisonError::into_inner);
        attested.iter().rev().take(100).find(|(_, issuer, _)| *issuer != region).copied()
    };
    let Some((id, _, height)) = foreign else { return Ok(false) };
    service.wait_height(height).await;
    let act = decision(id, service.tip().height)?;
    let relying = keys.issuer(region, LICENCE.parse()?).context("no verifier")?;
    let subject = format!("dec:{}", act.dec_id);
    let tx = sign(service.chain(), relying, Role::Verifier, &subject, &[act.into()])?;
    send(service, &tx, tally).await?;
    Ok(true)
}

async fn send(service: &Service, tx: &SignedTransaction, tally: &Tally) -> anyhow::Result<Height> {
    let start = Instant::now();
    let (_, position) = service.submit_and_wait(tx.as_bytes().to_vec(), PATIENCE).await?;
    match position.result {
        TxResult::Applied { .. } => {
            let mut kept = tally.latencies.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() < MAX_LATENCIES {
                kept.push(start.elapsed());
            }
            Ok(position.height)
        }
        TxResult::Refused { code, act } => anyhow::bail!("refused with E{code} at act {act}"),
    }
}
