//! A coordinator on the small ledger, hosted by the first province.

use hefu_primitives::codes::uscc;
use hefu_primitives::{Id16, KeyPair, Millis};

use super::{Actor, CHAIN, DAY_MS, Ledger, REGIONS, fresh_key};
use crate::code::Code;
use crate::identity::{
    Action, BindKey, Coordinator, PARAMETERS, Parameters, Possession, RegisterAuthority, Role,
};

/// The coordinator with its n-th key, from 0.
pub fn coordinator(number: u8) -> Actor {
    Actor {
        authority: uscc::with_checks("11100000HEFU0777").unwrap(),
        key: fresh_key(0xe0 + number),
    }
}

/// Who is named, with the n-th key.
pub fn named(number: u8) -> Coordinator {
    let Actor { authority, key } = coordinator(number);
    Coordinator { authority, key: key.id() }
}

impl Ledger {
    /// Registers the coordinator's authority, by its host and another province.
    pub fn host_coordinator(&mut self) {
        let authority = RegisterAuthority {
            member: REGIONS[0],
            code: coordinator(0).authority,
            level: 1,
            region: REGIONS[0],
            name: "统筹协调机构(示例)".to_owned(),
            central_vertical: true,
        };
        self.govern(0, authority.clone()).unwrap();
        self.govern(1, authority).unwrap();
    }

    /// Binds a key to an authority of the first province.
    pub fn bind(&mut self, owner: &Actor, key: &KeyPair, roles: &[Role]) -> Result<(), Code> {
        let (not_before, not_after) = (self.time, Millis(self.time.0 + 365 * DAY_MS));
        let (owner, roles) = (owner.authority, roles.to_vec());
        let statement =
            Possession { chain: CHAIN, owner, roles: roles.clone(), not_before, not_after };
        let (key, possession) = (key.public(), statement.sign(key));
        self.govern(0, BindKey { owner, key, roles, not_before, not_after, possession })
    }

    /// Proposes who coordinates and lets three provinces say yes.
    pub fn name_coordinator(
        &mut self,
        proposal: Id16,
        coordinator: Option<Coordinator>,
    ) -> Result<(), Code> {
        let before = self.get(&PARAMETERS, &()).unwrap();
        self.adopt(proposal, Action::SetParameters(Parameters { coordinator, ..before }))
    }

    /// A ledger with a coordinator and its key.
    pub fn coordinated() -> Self {
        let mut ledger = Self::new();
        ledger.host_coordinator();
        let first = coordinator(0);
        ledger.bind(&first, &first.key, &[Role::Coordinator]).unwrap();
        ledger.name_coordinator(Id16([0xec; 16]), Some(named(0))).unwrap();
        ledger
    }
}
