//! Whose turn it is to propose.

use hefu_primitives::{Height, KeyId, Round, ValidatorSet};

/// The proposer of a round: round-robin over the set's order by `height + round`. Power does not
/// weigh here; every validator's turn comes within as many rounds as there are validators, which
/// is what lets one that alone has something to record get it recorded.
pub fn proposer(validators: &ValidatorSet, height: Height, round: Round) -> KeyId {
    let place = turn(validators.len(), height, round);
    validators.ids().get(place).copied().unwrap_or(KeyId::ZERO)
}

/// The place whose turn it is among `count` validators.
pub(crate) fn turn(count: usize, height: Height, round: Round) -> usize {
    let sum = height.0.wrapping_add(u64::from(round.0));
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    sum.checked_rem(count).and_then(|place| usize::try_from(place).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{keys, set};

    #[test]
    fn everybody_has_a_turn_in_n_rounds_and_in_n_heights() {
        let validators = set(&keys(4));
        let ids: Vec<_> = validators.validators().iter().map(|v| v.key.id()).collect();
        for start in 0..9u64 {
            let mut rounds: Vec<_> =
                (0..4).map(|r| proposer(&validators, Height(start), Round(r))).collect();
            let mut heights: Vec<_> =
                (0..4).map(|h| proposer(&validators, Height(start + h), Round(0))).collect();
            assert_eq!(rounds, heights);
            rounds.sort();
            heights.sort();
            let mut all = ids.clone();
            all.sort();
            assert_eq!(rounds, all);
        }
        assert_eq!(proposer(&validators, Height(1), Round(0)), ids[1]);
        assert_eq!(proposer(&validators, Height(3), Round(2)), ids[1]);
    }
}
