//! What the provinces decided together.

use hefu_contracts::oversight::RecordKind;

use super::params::{FROM, Kind, Param, TO};
use super::{Question, Reach, Words, many, number, plain, time};

pub(super) const Q18: Question = Question {
    name: "q18",
    title: Words { zh: "治理表决", en: "governance" },
    about: Words {
        zh: "每一次治理提案:内容、门槛、谁赞成、谁反对、结果。",
        en: "Every proposal: what for, how many votes it needed, who was for it, who opposed, what became \
             of it.",
    },
    reach: Reach::Of(RecordKind::Identity, &[]),
    params: &[
        Param::new(
            "action",
            Kind::Word,
            "提案种类,如 set_parameters",
            "what for, such as set_parameters",
        ),
        Param::new("opposed", Kind::Region, "只看该省反对的", "only those this province opposed"),
        FROM,
        TO,
    ],
    columns: &[
        plain("proposal"),
        plain("action"),
        number("proposer"),
        number("electors"),
        number("needed"),
        many("approved"),
        many("opposed"),
        plain("state"),
        time("closes_at"),
        plain("digest"),
    ],
    sql: "SELECT b.born AS pos, b.prop, b.action, b.proposer, b.electors, b.needed, b.approved, b.opposed, \
          b.state, b.closes_at, b.digest FROM ballots b WHERE b.born >= :lo AND b.born < :hi \
          AND b.pos < :end AND b.upto >= :end - 1{b.proposer}[ AND b.action = :action]\
          [ AND ' ' || b.opposed || ' ' LIKE '% ' || CAST(:opposed AS TEXT) || ' %']",
    summary: None,
    computed: None,
};
