//! Every example of `docs/proposals.md` is an action, and provinces can adopt it.

use super::*;
use crate::sharing::{
    DataClass, OpenAttribute, PublishCatalogue, ShareKind, ShareMode, Sla, UpdateCycle,
};

const DOCS: &str = include_str!("../../../docs/proposals.md");

/// The entry of important data that an example is about.
fn important(cat_id: &str) -> PublishCatalogue {
    PublishCatalogue {
        cat_id: cat_id.to_owned(),
        version: 1,
        title: "示例数据(虚构)".to_owned(),
        class: 3,
        share: ShareKind::Unconditional,
        conditions_digest: None,
        basis: None,
        tightening: None,
        items_digest: digest(2),
        item_count: 2,
        mode: ShareMode::VerifyOnly,
        update_cycle: UpdateCycle::Daily,
        open_attr: OpenAttribute::Closed,
        personal: false,
        data_class: DataClass::Important,
        sla: Sla { ack: 1, answer: 10, deliver: 20 },
    }
}

#[test]
fn the_documented_proposals_are_adopted_as_they_stand() {
    let blocks: Vec<&str> = DOCS
        .split("```json\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or_default())
        .collect();
    assert!(blocks.len() >= 6, "{}", blocks.len());
    let mut ledger = Ledger::new();
    ledger.act(&office(0, 0), important("307001234/000034")).unwrap();
    for (number, block) in blocks.iter().enumerate() {
        let action: Action = serde_json::from_str(block).unwrap_or_else(|e| panic!("{e}: {block}"));
        let proposal = id(0x70 + number as u8);
        assert_eq!(ledger.adopt(proposal, action), Ok(()), "{block}");
        let ballot = ledger.get(&BALLOTS, &proposal).unwrap();
        assert_eq!(ballot.state, BallotState::Applied, "{block}");
    }
}
