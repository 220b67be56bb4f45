//! Whether the keys of a node are its province's, by the ledger as it is: keys are replaced, and
//! provinces join, so the genesis alone does not tell.
//!
//! A node that signed with another province's key would make that province contradict itself, so
//! it does not start. A node without the key that the ledger names starts and follows: the key may
//! have been replaced a moment ago, or is about to be.

use hefu_contracts::StateView;
use hefu_contracts::exec::VALIDATORS;
use hefu_contracts::identity::{MEMBERS, Member};
use hefu_primitives::{KeyPair, Region, ValidatorSet};

use crate::network::NodeKey;

/// Whose key a node has that is not its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Foreign {
    /// A validator key that a province has, or that decides for it.
    Validator(Region),
    /// A node key.
    Node(Region),
}

/// Compares the keys of a province's node with the members' records and the validators that are
/// scheduled.
///
/// # Errors
/// [`Foreign`].
pub(super) fn check(
    view: &dyn StateView,
    region: Region,
    validators: &[KeyPair],
    node: NodeKey,
) -> Result<(), Foreign> {
    let members: Vec<Member> =
        MEMBERS.read_all(view, &(), usize::MAX).into_iter().map(|(_, member)| member).collect();
    let schedule = VALIDATORS.read(view, &());
    let decides = |set: &ValidatorSet, key: &KeyPair| {
        let (_, validator) = set.by_key(key.id())?;
        (validator.region != region).then_some(validator.region)
    };
    for key in validators {
        let member = members.iter().find(|m| m.region != region && m.validator_key == key.public());
        let set = schedule.as_ref();
        let other =
            set.and_then(|set| decides(&set.next, key).or_else(|| decides(&set.after, key)));
        if let Some(region) = member.map(|member| member.region).or(other) {
            return Err(Foreign::Validator(region));
        }
    }
    let of_other = members.iter().find(|m| m.region != region && m.node_key.as_bytes() == &node.0);
    if let Some(other) = of_other.filter(|other| other.is_connected()) {
        return Err(Foreign::Node(other.region));
    }
    let own = members.iter().find(|member| member.region == region);
    if let Some(member) = own.filter(|_| !validators.is_empty())
        && validators.iter().all(|key| key.public() != member.validator_key)
    {
        tracing::warn!(%region, key = %member.validator_key.id(),
            "the keystore lacks the validator key that the ledger names: this node follows and does not vote");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hefu_contracts::exec::ValidatorSchedule;
    use hefu_contracts::state::{MemoryState, State};
    use hefu_genesis::sample::{self, SampleKeys};
    use hefu_primitives::codec::Canonical;
    use hefu_primitives::{Millis, PublicKey, Validator};

    fn ledger() -> (MemoryState, SampleKeys) {
        let mut number = 0u64;
        let (genesis, keys) = sample::demo(Millis(1_790_000_000_000), &mut |_| {
            number += 1;
            let mut secret = [8; 32];
            secret[..8].copy_from_slice(&number.to_be_bytes());
            KeyPair::from_secret(&secret)
        })
        .unwrap();
        let mut state = MemoryState::default();
        state.apply(&genesis.initial_writes());
        assert!(State::new(&state).get(&VALIDATORS, &()).is_some());
        (state, keys)
    }

    fn node_key(key: PublicKey) -> NodeKey {
        NodeKey(*key.as_bytes())
    }

    fn set_validator(state: &mut MemoryState, region: Region, key: PublicKey) {
        let mut member = MEMBERS.read(state, &region).unwrap();
        member.validator_key = key;
        state.0.insert(MEMBERS.key(&region), member.to_bytes());
    }

    /// The keys are compared with what the ledger says now: a key that another founder has since
    /// its rotation, or a province that joined, is foreign; one that another had once is not.
    #[test]
    fn keys_are_compared_with_the_ledger_as_it_is() {
        let (mut state, keys) = ledger();
        let [first, second] = [&keys.members[0], &keys.members[1]];
        let new = KeyPair::from_secret(&[0x33; 32]);
        let node = node_key(first.node.public());
        let ask = |state: &MemoryState, validators: &[&KeyPair], node| {
            let validators: Vec<KeyPair> = validators.iter().map(|key| (*key).clone()).collect();
            check(state, first.region, &validators, node)
        };
        assert_eq!(ask(&state, &[&first.validator], node), Ok(()));
        assert_eq!(ask(&state, &[&first.validator, &new], node), Ok(()), "one in waiting");
        let foreign = Err(Foreign::Validator(second.region));
        assert_eq!(ask(&state, &[&first.validator, &second.validator], node), foreign);
        let other = node_key(second.node.public());
        assert_eq!(ask(&state, &[&first.validator], other), Err(Foreign::Node(second.region)));

        // The second province replaces its key; until the set changes the old one decides for it.
        set_validator(&mut state, second.region, new.public());
        assert_eq!(ask(&state, &[&new], node), foreign);
        assert_eq!(ask(&state, &[&second.validator], node), foreign);
        let schedule = VALIDATORS.read(&state, &()).unwrap();
        let replaced = |v: &Validator| match v.region == second.region {
            true => Validator { key: new.public(), ..*v },
            false => *v,
        };
        let after = schedule.next.validators().iter().map(replaced).collect();
        let after = ValidatorSet::new(after).unwrap();
        let schedule = ValidatorSchedule { next: after.clone(), after };
        state.0.insert(VALIDATORS.key(&()), schedule.to_bytes());
        assert_eq!(ask(&state, &[&new], node), foreign);
        assert_eq!(ask(&state, &[&first.validator, &second.validator], node), Ok(()));

        // A province that joined after the genesis.
        let late = Region(350_000);
        let mut member = MEMBERS.read(&state, &second.region).unwrap();
        let key = KeyPair::from_secret(&[0x44; 32]);
        (member.region, member.validator_key) = (late, key.public());
        state.0.insert(MEMBERS.key(&late), member.to_bytes());
        assert_eq!(ask(&state, &[&first.validator, &key], node), Err(Foreign::Validator(late)));
    }
}
