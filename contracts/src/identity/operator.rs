//! Who runs an authority's systems (运营方): a company, disclosed and nothing else.
//!
//! Rules:
//! 1. An operator is no member and no authority: it has no key on the ledger, and what its machines
//!    send is signed by the authority's keys. Whoever operates for an authority cannot become one, and
//!    no authority is disclosed as a company (`E238`).
//! 2. The governors of the authority's member disclose it, not a key of the authority: that may be in
//!    a machine that the operator runs.
//! 3. A sole trader (92…) is a person: it is not named here (domain.md §2.4).
//!
//! This module knows no contract, no price and no person of the operator.

use hefu_primitives::Uscc;
use hefu_primitives::codes::uscc;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::authority::{governed, keep, subject};
use super::endorse::endorse;
use super::records::{AUTHORITIES, Authority, AuthorityState, OPERATORS, Parameters};
use crate::code::Code;
use crate::exec::Context;
use crate::state::StateView;

/// Discloses who runs an authority's systems, or that nobody but itself does.
///
/// Who: governors of its member. Pre: the authority is known (`E229`), the member's own (`E221`) and
/// active (`E227`); the operator's code passes both checks, is made up exactly on a demonstration
/// ledger, is a company's, no sole trader's and no authority's here, and something changes (`E238`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetOperator {
    /// The authority.
    #[n(0)]
    pub authority: Uscc,
    /// The company; none when the authority runs its systems itself.
    #[n(1)]
    pub operator: Option<Uscc>,
}

impl SetOperator {
    pub(crate) fn apply(&self, ctx: &mut Context<'_, '_>) -> Result<(), Code> {
        let authority = governed(ctx, &self.authority, AuthorityState::Active)?;
        let is_authority = |code: &Uscc| ctx.state.has(&AUTHORITIES, code);
        let fits = |code: &Uscc| is_company(code, ctx.parameters) && !is_authority(code);
        if self.operator == authority.operated_by || !self.operator.as_ref().is_none_or(fits) {
            return Err(Code::OperatorInvalid);
        }
        if endorse(ctx)? {
            if let Some(before) = authority.operated_by {
                ctx.state.delete(&OPERATORS, &(before, self.authority));
            }
            if let Some(operator) = self.operator {
                ctx.state.put(&OPERATORS, &(operator, self.authority), &());
            }
            keep(ctx, &Authority { operated_by: self.operator, ..authority });
            let kind =
                if self.operator.is_some() { "operator_disclosed" } else { "operator_ended" };
            ctx.emit(kind, subject(&self.authority), Vec::new());
        }
        Ok(())
    }
}

/// Whether a code is that of a company that may be named.
fn is_company(code: &Uscc, parameters: &Parameters) -> bool {
    let kind = code.as_str().starts_with('9') && !code.as_str().starts_with("92");
    kind && uscc::check(code).is_ok() && code.is_fictitious() == parameters.fictitious
}

/// Whether somebody with this code runs an authority's systems.
pub(crate) fn operates(view: &dyn StateView, code: &Uscc) -> bool {
    !OPERATORS.read_all(view, code, 1).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{
        Action, PARAMETERS, RegisterAuthority, ResumeAuthority, SuspendAuthority,
    };
    use crate::testkit::*;

    /// Companies of the sample.
    const COMPANIES: [&str; 2] = ["91310115HEFU80011B", "91320500HEFU8002X4"];

    fn by(operator: Option<&str>) -> SetOperator {
        SetOperator { authority: office(0, 1).authority, operator: operator.map(code) }
    }

    fn disclosed(ledger: &Ledger) -> Option<Uscc> {
        ledger.get(&AUTHORITIES, &office(0, 1).authority).unwrap().operated_by
    }

    #[test]
    fn an_operator_is_disclosed_changed_and_ended() {
        let mut ledger = Ledger::new();
        assert_eq!(disclosed(&ledger), None);
        for company in COMPANIES {
            ledger.govern(0, by(Some(company))).unwrap();
            assert_eq!(ledger.event_kinds(), ["endorsed", "operator_disclosed"]);
            assert_eq!(disclosed(&ledger), Some(code(company)));
        }
        assert!(!operates(&ledger.state, &code(COMPANIES[0])));
        assert!(operates(&ledger.state, &code(COMPANIES[1])));
        ledger.govern(0, by(None)).unwrap();
        assert_eq!(ledger.event_kinds(), ["endorsed", "operator_ended"]);
        assert_eq!(disclosed(&ledger), None);
        assert!(!operates(&ledger.state, &code(COMPANIES[1])));
    }

    #[test]
    fn what_a_disclosure_refuses() {
        let mut ledger = Ledger::new();
        let own = governor(0, 0);
        let sole_trader = uscc::with_checks("92310115HEFU8001").unwrap();
        let bad = [
            None,
            Some(office(1, 0).authority),
            Some(code(DATA[0])),
            Some(sole_trader),
            // Real on a demonstration ledger, and a check digit that is wrong.
            Some(code("91350100M000100Y43")),
            Some(code("91310115HEFU80012B")),
            // A public body that is no authority here.
            Some(uscc::with_checks("12310000HEFU0777").unwrap()),
        ];
        for operator in bad {
            let act = SetOperator { operator, ..by(None) };
            assert_eq!(ledger.act(&own, act), Err(Code::OperatorInvalid), "{operator:?}");
        }
        let company = by(Some(COMPANIES[0]));
        let elsewhere = SetOperator { authority: office(1, 1).authority, ..company };
        assert_eq!(ledger.act(&own, elsewhere), Err(Code::NotOwn));
        let nobody = SetOperator { authority: code("11310000HEFU09999A"), ..company };
        assert_eq!(ledger.act(&own, nobody), Err(Code::UnknownAuthority));
        assert_eq!(ledger.act(&office(0, 1), company), Err(Code::RoleMissing), "not by itself");
        let authority = office(0, 1).authority;
        ledger.govern(0, SuspendAuthority { authority, reason: 1 }).unwrap();
        assert_eq!(ledger.act(&own, company), Err(Code::AuthorityNotActive));
        ledger.govern(0, ResumeAuthority { authority }).unwrap();
        ledger.govern(0, company).unwrap();
        assert_eq!(ledger.act(&own, company), Err(Code::OperatorInvalid), "nothing changes");
    }

    #[test]
    fn who_operates_does_not_become_an_authority() {
        let mut ledger = Ledger::new();
        let company: Uscc = code(COMPANIES[0]);
        let before = ledger.get(&PARAMETERS, &()).unwrap();
        let admitting = Parameters { admitted: vec![company], ..before };
        ledger.adopt(id(1), Action::SetParameters(admitting)).unwrap();
        ledger.govern(0, by(Some(COMPANIES[0]))).unwrap();
        let register = RegisterAuthority {
            member: REGIONS[0],
            code: company,
            level: 2,
            region: REGIONS[0],
            name: "示例甲(虚构)".to_owned(),
            central_vertical: false,
        };
        assert_eq!(ledger.act(&governor(0, 0), register.clone()), Err(Code::OperatorInvalid));
        ledger.govern(0, by(None)).unwrap();
        ledger.govern(0, register).unwrap();
        let authority = by(Some(COMPANIES[0]));
        assert_eq!(ledger.act(&governor(0, 0), authority), Err(Code::OperatorInvalid));
    }
}
