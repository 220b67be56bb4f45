//! Windows and other units below an authority: where people come, and on whose behalf it acts.
//!
//! An authority that keeps a list of its units acts for no other; one without a list names what it
//! likes. A unit has no key of its own and no powers: it says where, never who.

use hefu_primitives::codes::personal_data;
use hefu_primitives::{Region, Uscc};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::authority::{governed, keep, subject};
use super::endorse::endorse;
use super::records::{Authority, AuthorityState};
use crate::code::Code;
use crate::exec::Context;

/// Longest code of a unit.
pub const MAX_UNIT: usize = 16;
/// Most units of an authority.
pub const MAX_UNITS: usize = 256;

/// A window or another unit of an authority.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// Its code, at most 16 letters, digits and hyphens.
    #[n(0)]
    pub code: String,
    /// The county or city it stands in.
    #[n(1)]
    pub region: Region,
}

/// Adds units to an authority and takes some away.
///
/// Who: governors of its member. Pre: the authority is known (`E229`), the member's own (`E221`) and
/// active (`E227`); a unit's code is one (`E118`) without a personal number (`E109`), in a region of
/// the member (`E118`); what is added is not there yet, what is removed is there, at most 256 remain
/// and something changes (`E224`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetUnits {
    /// The authority.
    #[n(0)]
    pub authority: Uscc,
    /// Units it gains.
    #[n(1)]
    #[serde(default)]
    pub add: Vec<Unit>,
    /// Codes of units it loses.
    #[n(2)]
    #[serde(default)]
    pub remove: Vec<String>,
}

impl SetUnits {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let authority = governed(ctx, &self.authority, AuthorityState::Active)?;
        if self.add.is_empty() && self.remove.is_empty() {
            return Err(Code::MandateInvalid);
        }
        self.add.iter().try_for_each(|unit| unit.check(authority.member))?;
        let units = self.changed(authority.units.clone().unwrap_or_default())?;
        if endorse(ctx)? {
            keep(ctx, &Authority { units: Some(units), ..authority });
            ctx.emit("units_set", subject(&self.authority), Vec::new());
        }
        Ok(())
    }

    /// Removals first, then additions, in a list sorted by code.
    fn changed(&self, mut units: Vec<Unit>) -> Result<Vec<Unit>, Code> {
        let place = |units: &[Unit], code: &str| {
            units.binary_search_by(|unit| unit.code.as_str().cmp(code))
        };
        for code in &self.remove {
            let found = place(&units, code).map_err(|_| Code::MandateInvalid)?;
            units.remove(found);
        }
        for unit in &self.add {
            match place(&units, &unit.code) {
                Ok(_) => return Err(Code::MandateInvalid),
                Err(free) => units.insert(free, unit.clone()),
            }
        }
        if units.len() > MAX_UNITS { Err(Code::MandateInvalid) } else { Ok(units) }
    }
}

impl Unit {
    fn check(&self, member: Region) -> Result<(), Code> {
        unit_code(&self.code)?;
        let within = self.region.level().is_some() && self.region.province() == member;
        if within { Ok(()) } else { Err(Code::BadField) }
    }
}

/// The code of a window or unit.
///
/// # Errors
/// `E118`, `E109`.
pub(crate) fn unit_code(unit: &str) -> Result<(), Code> {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
    if unit.is_empty() || unit.len() > MAX_UNIT || !unit.bytes().all(allowed) {
        return Err(Code::BadField);
    }
    if personal_data(unit).is_some() { Err(Code::PersonalDataPattern) } else { Ok(()) }
}

/// The unit that an authority says it acts for.
///
/// # Errors
/// `E118` `E109` no code · `E230` not in the authority's list.
pub(crate) fn acting_unit(authority: &Authority, unit: Option<&str>) -> Result<(), Code> {
    let Some(code) = unit else { return Ok(()) };
    unit_code(code)?;
    let listed = |units: &Vec<Unit>| units.iter().any(|unit| unit.code == code);
    if authority.units.as_ref().is_none_or(listed) { Ok(()) } else { Err(Code::UnknownUnit) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{AUTHORITIES, SuspendAuthority};
    use crate::testkit::*;

    fn unit(code: &str) -> Unit {
        Unit { code: code.to_owned(), region: Region(310_115) }
    }

    fn units(add: &[&str], remove: &[&str]) -> SetUnits {
        SetUnits {
            authority: office(0, 1).authority,
            add: add.iter().map(|code| unit(code)).collect(),
            remove: remove.iter().map(|code| (*code).to_owned()).collect(),
        }
    }

    fn listed(ledger: &Ledger) -> Option<Vec<String>> {
        let authority = ledger.get(&AUTHORITIES, &office(0, 1).authority).unwrap();
        Some(authority.units?.into_iter().map(|unit| unit.code).collect())
    }

    #[test]
    fn units_come_and_go() {
        let mut ledger = Ledger::new();
        assert_eq!(listed(&ledger), None);
        ledger.govern(0, units(&["W-2", "W-1"], &[])).unwrap();
        assert_eq!(ledger.event_kinds(), ["endorsed", "units_set"]);
        ledger.govern(0, units(&["A"], &["W-2"])).unwrap();
        assert_eq!(listed(&ledger).unwrap(), ["A", "W-1"]);
        // One that comes back elsewhere: removed and added with one act.
        ledger.govern(0, units(&["A"], &["A"])).unwrap();
        ledger.govern(0, units(&[], &["A", "W-1"])).unwrap();
        assert_eq!(listed(&ledger).unwrap(), [""; 0], "an empty list is one");
    }

    #[test]
    fn what_a_list_of_units_refuses() {
        let mut ledger = Ledger::new();
        ledger.govern(0, units(&["A"], &[])).unwrap();
        let mut refused = |by: &Actor, act: SetUnits| ledger.act(by, act).unwrap_err();
        let own = governor(0, 0);
        for act in
            [units(&[], &[]), units(&["A"], &[]), units(&["B", "B"], &[]), units(&[], &["B"])]
        {
            assert_eq!(refused(&own, act.clone()), Code::MandateInvalid, "{act:?}");
        }
        let codes: Vec<String> = (0..MAX_UNITS).map(|number| format!("W{number}")).collect();
        let many: Vec<&str> = codes.iter().map(String::as_str).collect();
        assert_eq!(refused(&own, units(&many, &[])), Code::MandateInvalid);
        for bad in ["", "W 1", "窗口", "W1234567890123456"] {
            assert_eq!(refused(&own, units(&[bad], &[])), Code::BadField, "{bad}");
        }
        assert_eq!(refused(&own, units(&["13812345678"], &[])), Code::PersonalDataPattern);
        for region in [Region(320_100), Region(1)] {
            let add = vec![Unit { region, ..unit("B") }];
            assert_eq!(refused(&own, SetUnits { add, ..units(&[], &[]) }), Code::BadField);
        }
        let elsewhere = SetUnits { authority: office(1, 1).authority, ..units(&["B"], &[]) };
        assert_eq!(refused(&own, elsewhere), Code::NotOwn);
        let nobody = SetUnits { authority: code("11310000HEFU09999A"), ..units(&["B"], &[]) };
        assert_eq!(refused(&own, nobody), Code::UnknownAuthority);
        assert_eq!(refused(&office(0, 1), units(&["B"], &[])), Code::RoleMissing);
        let authority = office(0, 1).authority;
        ledger.govern(0, SuspendAuthority { authority, reason: 1 }).unwrap();
        assert_eq!(ledger.act(&own, units(&["B"], &[])), Err(Code::AuthorityNotActive));
    }
}
