//! The fixed acts: licences are attested, decided on in another province, and some suspended, one
//! act a transaction and several. Everything follows from numbers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result, ensure};
use hefu_contracts::Act;
use hefu_contracts::certificate::{Attest, Ident, Marks, SealVerdict, SuspendAttestation};
use hefu_contracts::exec::VerifyAlways;
use hefu_contracts::identity::Role;
use hefu_contracts::recognition::{Consent, Decide, DecisionMode, DecisionOutcome};
use hefu_genesis::Genesis;
use hefu_genesis::sample::{self, AGREEMENT, AuthorityKeys, SampleKeys};
use hefu_node::core::{Contents, Ledger, open};
use hefu_node::store::{BlockFiles, SimDisk};
use hefu_primitives::block::TxResult;
use hefu_primitives::codec::Canonical;
use hefu_primitives::codes::Identifier;
use hefu_primitives::time::Day;
use hefu_primitives::{
    Bundle, CommitCertificate, H32, Id16, KeyPair, Millis, Region, Round, SignedTransaction,
    TransactionBody, TypeCode,
};

use crate::counting::Counting;

const CREATED: Millis = Millis(1_790_000_000_000);
const LICENCE: &str = "11100000HEFU90025A001";
const SCENARIO: u32 = 201;
const ITEM: &str = "990790002000";
const REGIONS: [Region; 2] = [Region(310_000), Region(320_000)];
/// Transactions of one act in a block, and acts of one more transaction in it.
const SINGLE: u64 = 20;
const TOGETHER: u64 = 20;

/// Executes and stores blocks; what was counted.
pub(crate) fn run(blocks: u64) -> Result<BTreeMap<String, u64>> {
    let mut number = 0u64;
    let (genesis, keys) = sample::demo(CREATED, &mut |_| {
        number += 1;
        KeyPair::from_secret(&secret(number))
    })?;
    let (index, disk) = (Arc::new(Counting::default()), SimDisk::new());
    let files = Arc::new(BlockFiles::open(disk, 1 << 20, &mut |_| {})?);
    let mut ledger = open::open(&genesis, files.clone(), index.clone(), &mut |_| {})?;
    let maker = Maker { genesis, keys };
    let mut acts = 0;
    for number in 0..blocks {
        acts += maker.block(&mut ledger, number)?;
    }
    let count = |counted: &std::sync::atomic::AtomicU64| counted.load(Ordering::Relaxed);
    let named = [
        ("acts", acts),
        ("rows_read", count(&index.rows_read)),
        ("rows_written", count(&index.rows_written)),
        ("row_bytes", count(&index.row_bytes)),
        ("block_bytes", files.bytes()?),
    ];
    Ok(named.into_iter().map(|(name, count)| (name.to_owned(), count)).collect())
}

/// Thirty-two bytes of a number.
fn secret(number: u64) -> [u8; 32] {
    *blake(number, "secret").as_bytes()
}

fn blake(number: u64, what: &str) -> H32 {
    let parts = [what.as_bytes(), &number.to_le_bytes()];
    hefu_primitives::hash::hash(hefu_primitives::Domain::Digest, &parts)
}

fn id(number: u64, what: &str) -> Id16 {
    let mut id = Id16::ZERO;
    id.0.iter_mut().zip(blake(number, what).0).for_each(|(byte, of)| *byte = of);
    id
}

struct Maker {
    genesis: Genesis,
    keys: SampleKeys,
}

impl Maker {
    /// Builds and commits a block; its acts.
    fn block(&self, ledger: &mut Ledger<SimDisk>, number: u64) -> Result<u64> {
        let time = Millis(CREATED.0 + 1_000 * (number + 1));
        let first = number * (SINGLE + TOGETHER);
        let mut acts: Vec<(usize, Vec<Act>)> = Vec::new();
        for place in 0..SINGLE {
            // Before the second block there is nothing to decide on.
            let (office, act) = match place % 10 {
                4..9 if number > 0 => (1, self.decide(first + place, time, ledger)?),
                9 => (0, self.suspend(first + place - 9, time)),
                _ => (0, self.attest(first + place, time)?),
            };
            acts.push((office, vec![act]));
        }
        let together = (SINGLE..SINGLE + TOGETHER).map(|place| self.attest(first + place, time));
        acts.push((0, together.collect::<Result<_>>()?));
        let signed = acts.iter().map(|(office, acts)| self.sign(*office, acts, time));
        let bundle = Arc::new(Bundle::new(signed.collect::<Result<_>>()?)?);
        let set = self.genesis.validators();
        let proposer = set.ids().first().copied().context("no validator")?;
        let bundles = [bundle];
        let contents = Contents { bundles: &bundles, evidence: &[] };
        let block = ledger.build(Round(0), time, proposer, contents, &VerifyAlways);
        let (height, id) = (block.header.height, block.id());
        let signatures = Vec::new();
        let certificate = CommitCertificate { height, round: Round(0), block: id, signatures };
        let committed = ledger.commit(block, certificate, &bundles, &VerifyAlways)?;
        let outcomes = &committed.stored.outcomes;
        let refused = outcomes.iter().find(|o| !matches!(o.result, TxResult::Applied { .. }));
        ensure!(refused.is_none(), "block {number}: {refused:?}");
        Ok(acts.iter().map(|(_, acts)| acts.len() as u64).sum())
    }

    fn office(&self, number: usize) -> Result<(Region, &AuthorityKeys)> {
        let region = *REGIONS.get(number).context("no such office")?;
        Ok((region, self.keys.issuer(region, LICENCE.parse()?).context("no issuer")?))
    }

    fn sign(&self, office: usize, acts: &[Act], time: Millis) -> Result<SignedTransaction> {
        let (_, office) = self.office(office)?;
        let body = TransactionBody {
            chain: self.genesis.hash(),
            not_after: Millis(time.0 + 600_000),
            acts: acts.iter().map(|act| act.to_bytes().into()).collect(),
        };
        let key = office.key_for(Role::Issuer).context("no key")?;
        Ok(SignedTransaction::sign(&body, office.code, "att:guard", key)?)
    }

    fn attest(&self, number: u64, time: Millis) -> Result<Act> {
        let (region, issuer) = self.office(0)?;
        let kind: TypeCode = LICENCE.parse()?;
        // Letters only, so that no serial looks like anybody's number.
        let letter = |byte: &u8| char::from(b'A' + byte % 26);
        let serial: String = id(number, "serial").0.iter().map(letter).collect();
        let day = Day::of_beijing(time);
        let act = Attest {
            id: id(number, "licence"),
            type_code: kind,
            type_version: 1,
            region,
            ident: Ident::Plain(Identifier::new(kind, issuer.code, &serial, 1)?.to_string()),
            holder: blake(number, "holder"),
            content: blake(number, "content"),
            file: None,
            seal: None,
            cert_version: 1,
            issued_on: day,
            valid_from: day,
            valid_until: None,
            previous: None,
            marks: Marks::default(),
            occurred_at: time,
        };
        Ok(act.into())
    }

    /// On a licence of the block before that is not suspended.
    fn decide(&self, number: u64, time: Millis, ledger: &Ledger<SimDisk>) -> Result<Act> {
        let act = Decide {
            dec_id: id(number, "decision"),
            att_id: id(number - SINGLE - TOGETHER - number % 10 + 1 + number % 3, "licence"),
            unit: None,
            agreement: Some(AGREEMENT),
            scenario: SCENARIO,
            item: ITEM.parse()?,
            case: Some(blake(number, "case")),
            mode: DecisionMode::Online,
            checked_height: ledger.tip().height,
            digest_match: true,
            seal_verdict: SealVerdict::NotChecked,
            consent: Consent::Holder,
            outcome: DecisionOutcome::Accepted,
            reasons: Vec::new(),
            statute: None,
            evidence: Vec::new(),
            decided_at: time,
        };
        Ok(act.into())
    }

    fn suspend(&self, number: u64, time: Millis) -> Act {
        let effective = Day::of_beijing(time);
        let (id, reason, until) = (id(number, "licence"), 1, None);
        SuspendAttestation { id, reason, effective, until, occurred_at: time }.into()
    }
}
