//! From a line to an act: the record decided once, the type's rules, the issuer's key.

use std::collections::{BTreeMap, BTreeSet};

use hefu_contracts::Act;
use hefu_contracts::certificate::Attest;
use hefu_contracts::identity::Role;
use hefu_primitives::codec::Canonical;
use hefu_primitives::{H32, Id16, TypeCode, Uscc};

use super::super::app::{App, now};
use super::super::cert::ledger::{Manner, Types, attestation};
use super::super::fault::Fault;
use super::super::licence::is_licence_code;
use super::super::list::record;
use super::super::sign::{Signer, signer_of};
use crate::keystore::Keystore;
use crate::vault::{Licence, LineState, Record, Vault};

/// Most bytes of acts in one transaction: what its bound leaves beside header and signature.
pub(super) const MAX_ACTS_BYTES: usize = hefu_primitives::bounds::MAX_TRANSACTION_BYTES - 1024;

/// A line ready to be signed.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) line: u32,
    pub(super) att_id: Id16,
    pub(super) act: Act,
    pub(super) bytes: usize,
}

/// What a line is now.
pub(super) enum Planned {
    /// On the ledger already: by an earlier run, another file, or `cert attest`.
    Done,
    /// In a transaction whose outcome is not known.
    UnderWay,
    /// The same document as a line before it, whose outcome will be that of both.
    Double(Id16),
    /// To be attested by this issuer.
    Todo(Uscc, Box<Item>),
}

/// Makes acts of lines.
pub(super) struct Planner<'a> {
    app: &'a App,
    file: H32,
    legacy: bool,
    /// Lines become leaves of batches.
    stock: bool,
    keystore: Keystore,
    types: Types,
    signers: BTreeMap<Uscc, Result<Signer, Fault>>,
    /// Records that lines of this run attest.
    claimed: BTreeSet<Id16>,
}

impl<'a> Planner<'a> {
    pub(super) fn new(app: &'a App, file: H32, legacy: bool, stock: bool) -> Result<Self, Fault> {
        let keystore = app.keystore()?;
        let (types, signers, claimed) = Default::default();
        Ok(Self { app, file, legacy, stock, keystore, types, signers, claimed })
    }

    /// The key that signs for an issuer, opened once.
    ///
    /// # Errors
    /// No key for it here is the line's fault; a node that is not reached is the import's.
    pub(super) fn signer(&mut self, issuer: Uscc) -> Result<Signer, Fault> {
        if let Some(known) = self.signers.get(&issuer) {
            return known.clone();
        }
        let found = signer_of(self.app, &self.keystore, issuer, Role::Issuer);
        if found.as_ref().is_err_and(|fault| !is_of_line(fault)) {
            return found;
        }
        self.signers.insert(issuer, found.clone());
        found
    }

    /// Digest of the schema of a type, of the version in use.
    pub(super) fn schema(&mut self, code: TypeCode) -> Result<H32, Fault> {
        Ok(self.types.terms(self.app.client()?, code)?.schema_digest)
    }

    /// What is to be done about a line. Decides its record when it has none.
    pub(super) fn plan(
        &mut self,
        vault: &mut Vault,
        line: u32,
        licence: Licence,
    ) -> Result<Planned, Fault> {
        if let Some(known) = vault.line(self.file, line) {
            match known.state {
                LineState::Applied { .. } => return Ok(Planned::Done),
                LineState::Staged(_) => return Ok(Planned::UnderWay),
                LineState::Planned | LineState::Refused { .. } => {}
            }
        }
        if let Some(known) = self.known(vault, line, &licence)? {
            return Ok(known);
        }
        let issuer = licence.issuer_code;
        // First what can be refused without leaving anything in the vault.
        self.signer(issuer)?;
        let client = self.app.client()?;
        let terms = self.types.terms(client, licence.type_code)?;
        let manner = Manner { legacy: self.legacy, ..Manner::default() };
        let stock = self.stock;
        let checked = |body: Attest| match body.check_as_leaf(terms, issuer, now()) {
            Err(code) if stock => Err(Fault::new(format!("E{}", code.number()))),
            _ => Ok(body),
        };
        if vault.line(self.file, line).is_none() {
            let trial = Record::new(licence.clone(), None, now())?;
            checked(attestation(&trial, terms, manner, now())?)?;
            vault.plan(self.file, line, || Ok::<_, Fault>(trial))?;
        }
        let Some(known) = vault.line(self.file, line) else {
            return Err(Fault::new("cli.journal"));
        };
        self.claimed.insert(known.att_id);
        let kept = vault.get(known.att_id)?;
        let act = Act::from(checked(attestation(&kept, terms, manner, now())?)?);
        let bytes = act.to_bytes().len() + 8;
        let item = Item { line, att_id: known.att_id, act, bytes };
        Ok(Planned::Todo(issuer, Box::new(item)))
    }

    /// Whether the ledger has this very record: an id is everybody's to choose, and what another put
    /// there under it is not this.
    fn is_on_ledger(&self, vault: &Vault, id: Id16) -> Result<bool, Fault> {
        let answer = self.app.client()?.find(&format!("/certificates/{id}"), &[])?;
        let Some(answer) = answer else { return Ok(false) };
        let own: H32 = vault.get(id)?.commitments.content.into();
        Ok(record(&answer)["content"].as_str() == Some(own.to_string().as_str()))
    }

    /// What the vault or the ledger knows of the line's document, when that settles the line. One
    /// document has one record: a line whose document is in the vault takes that record over.
    fn known(
        &self,
        vault: &mut Vault,
        line: u32,
        licence: &Licence,
    ) -> Result<Option<Planned>, Fault> {
        let own = vault.line(self.file, line).map(|known| known.att_id);
        let Some(id) = own.or_else(|| vault.find_document(licence)) else { return Ok(None) };
        if own.is_none() {
            // What `cert attest` recorded stands in no journal: the ledger is asked.
            let settled = vault.is_applied(id) || vault.is_under_way(id);
            let open = settled || self.claimed.contains(&id);
            if !open && self.is_on_ledger(vault, id)? {
                return Ok(Some(Planned::Done));
            }
            vault.plan_as(self.file, line, id)?;
        }
        Ok(match () {
            () if vault.is_applied(id) => Some(Planned::Done),
            () if self.claimed.contains(&id) => Some(Planned::Double(id)),
            () if vault.is_under_way(id) => Some(Planned::UnderWay),
            () => None,
        })
    }
}

/// Whether a fault is about one line alone, and the import goes on.
pub(super) fn is_of_line(fault: &Fault) -> bool {
    let contract = fault.code.strip_prefix('E').is_some_and(|n| n.parse::<u16>().is_ok());
    contract || is_licence_code(&fault.code) || fault.code == "cli.no_key"
}
