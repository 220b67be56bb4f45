//! What receipts need before a load: each office offers a set of data, asks for those of all
//! others, and is granted them; and the receipts, signed by both sides.

use anyhow::Context;
use hefu_contracts::Act;
use hefu_contracts::identity::Role;
use hefu_contracts::sharing::{
    Basis, BasisKind, Cosignature, DataClass, Extent, GrantAccess, OpenAttribute, PublishCatalogue,
    Purpose, PurposeKind, PutReceipt, Receipt, RequestAccess, ShareKind, ShareMode, Sla,
    UpdateCycle, UseKind, UseResult,
};
use hefu_genesis::sample::AuthorityKeys;
use hefu_primitives::hash::{Domain, hash};
use hefu_primitives::time::Day;
use hefu_primitives::{H32, Id16, SignedTransaction};

use super::founding::Founding;
use super::work::office;
use crate::demo::traffic::{ITEM, random_id, sign};
use crate::runtime::wall_clock;

/// Uses that a grant allows on a day: no load reaches it.
const PER_DAY: u32 = 1_000_000_000;

/// Grants of every office to every other.
#[derive(Clone, Debug, Default)]
pub(super) struct Grants(Vec<Grant>);

#[derive(Clone, Copy, Debug)]
struct Grant {
    id: Id16,
    provider: usize,
    consumer: usize,
}

impl Grants {
    /// Grants that are not on the ledger yet.
    pub(super) fn plan(founding: &Founding) -> anyhow::Result<Self> {
        let offices = founding.issuers.len();
        let pairs = (0..offices).flat_map(|c| (0..offices).map(move |p| (c, p)));
        let grant = |(consumer, provider)| Ok(Grant { id: random_id()?, provider, consumer });
        pairs.filter(|(c, p)| c != p).map(grant).collect::<anyhow::Result<_>>().map(Self)
    }

    /// What brings them there: three steps, each after the one before is committed.
    pub(super) fn steps(&self, founding: &Founding) -> anyhow::Result<[Vec<SignedTransaction>; 3]> {
        Ok([
            self.step(founding, Role::Provider, |office| {
                Ok(vec![entry(founding, office)?.into()])
            })?,
            self.step(founding, Role::Consumer, |office| {
                self.of(|grant| grant.consumer == office).map(|g| ask(founding, g)).collect()
            })?,
            self.step(founding, Role::Provider, |office| {
                let give = |grant: &Grant| GrantAccess { req_id: grant.id, extent: extent() };
                Ok(self.of(|grant| grant.provider == office).map(give).map(Act::from).collect())
            })?,
        ])
    }

    fn step(
        &self,
        founding: &Founding,
        role: Role,
        acts: impl Fn(usize) -> anyhow::Result<Vec<Act>>,
    ) -> anyhow::Result<Vec<SignedTransaction>> {
        let chain = founding.genesis.hash();
        let of_office = |number| {
            let (_, signer) = office(founding, number)?;
            sign(chain, signer, role, "cat:bench", &acts(number)?)
        };
        (0..founding.issuers.len()).map(of_office).collect()
    }

    fn of(&self, which: impl Fn(&Grant) -> bool) -> impl Iterator<Item = &Grant> {
        self.0.iter().filter(move |grant| which(grant))
    }

    /// A use under a grant of the office whose turn it is to use, which signs it along.
    pub(super) fn receipt(
        &self,
        founding: &Founding,
        turn: usize,
        place: usize,
    ) -> anyhow::Result<Act> {
        let offices = founding.issuers.len();
        let own: Vec<_> = self.of(|grant| grant.consumer == turn % offices).collect();
        let grant = own.get((turn / offices + place) % own.len().max(1)).context("no grant")?;
        let now = wall_clock();
        let receipt = Receipt {
            rcp_id: random_id()?,
            grant_id: grant.id,
            cat_version: 1,
            case: Some(commitment()?),
            kind: UseKind::Verify,
            n_records: 1,
            req: commitment()?,
            resp: commitment()?,
            result: UseResult::Ok,
            t0: now,
            t1: now,
        };
        let (_, provider) = office(founding, grant.provider)?;
        let key = key(provider, Role::Provider)?;
        let (chain, body) = receipt.signed_parts(&founding.genesis.hash());
        let signature = key.sign_tagged(Domain::Cosignature, &[&chain, &body]);
        let cosignature = Some(Cosignature { key: key.id(), signature });
        Ok(PutReceipt { receipt, cosignature }.into())
    }
}

fn key(office: &AuthorityKeys, role: Role) -> anyhow::Result<&hefu_primitives::KeyPair> {
    office.key_for(role).with_context(|| format!("{} lacks {role:?}", office.slug))
}

fn name(founding: &Founding, number: usize) -> anyhow::Result<String> {
    let (region, _) = office(founding, number)?;
    Ok(format!("{region}:bench/licences"))
}

fn digest(of: &str) -> H32 {
    hash(Domain::Digest, &[of.as_bytes()])
}

/// Stands for a salted commitment: nothing is behind it.
fn commitment() -> anyhow::Result<H32> {
    Ok(hash(Domain::Commitment, &[random_id()?.as_ref()]))
}

fn extent() -> Extent {
    let from = Day::of_beijing(wall_clock());
    // A load may begin before midnight and end after it.
    let until = from.add_days(30).unwrap_or(from);
    Extent { fields_digest: digest("fields"), field_count: 3, per_day: PER_DAY, from, until }
}

fn entry(founding: &Founding, number: usize) -> anyhow::Result<PublishCatalogue> {
    Ok(PublishCatalogue {
        cat_id: name(founding, number)?,
        version: 1,
        title: "营业执照核验(测量)".to_owned(),
        class: 3,
        share: ShareKind::Conditional,
        conditions_digest: Some(digest("conditions")),
        basis: None,
        tightening: None,
        items_digest: digest("items"),
        item_count: 3,
        mode: ShareMode::VerifyOnly,
        update_cycle: UpdateCycle::RealTime,
        open_attr: OpenAttribute::Closed,
        personal: false,
        data_class: DataClass::General,
        sla: Sla { ack: 1, answer: 10, deliver: 20 },
    })
}

fn ask(founding: &Founding, grant: &Grant) -> anyhow::Result<Act> {
    let act = RequestAccess {
        req_id: grant.id,
        cat_id: name(founding, grant.provider)?,
        cat_version: 1,
        purpose: Purpose { kind: PurposeKind::Item, code: ITEM.parse()? },
        legal_basis: Basis { kind: BasisKind::StateCouncil, digest: digest("basis") },
        extent: extent(),
        scenario: None,
    };
    Ok(act.into())
}
