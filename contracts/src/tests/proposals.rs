//! Every example of `docs/proposals.md` is an action, and provinces can adopt it.

use super::*;

const DOCS: &str = include_str!("../../../docs/proposals.md");

#[test]
fn the_documented_proposals_are_adopted_as_they_stand() {
    let blocks: Vec<&str> = DOCS
        .split("```json\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or_default())
        .collect();
    assert!(blocks.len() >= 6, "{}", blocks.len());
    let mut ledger = Ledger::new();
    for (number, block) in blocks.iter().enumerate() {
        let action: Action = serde_json::from_str(block).unwrap_or_else(|e| panic!("{e}: {block}"));
        let proposal = id(0x70 + number as u8);
        assert_eq!(ledger.adopt(proposal, action), Ok(()), "{block}");
        let ballot = ledger.get(&BALLOTS, &proposal).unwrap();
        assert_eq!(ballot.state, BallotState::Applied, "{block}");
    }
}
