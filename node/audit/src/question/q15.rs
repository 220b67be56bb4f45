//! Asked again for what was shared already.

use hefu_contracts::oversight::RecordKind;

use super::params::{AUTHORITY, FROM, TO};
use super::{Question, Reach, Words, many, number, plain};

pub(super) const Q15: Question = Question {
    name: "q15",
    title: Words { zh: "重复索要证照", en: "repeated demands" },
    about: Words {
        zh: "同一机关在同一办件中对同一证照再次核验(REPEAT_DEMAND):线索,不是证明。",
        en: "A second decision of an authority on the same certificate in the same case: a hint, not a \
             proof.",
    },
    reach: Reach::Of(RecordKind::Recognition, &[]),
    params: &[AUTHORITY, FROM, TO],
    columns: &[
        plain("decision"),
        plain("certificate"),
        plain("relying"),
        number("relying_region"),
        plain("item"),
        plain("case"),
        plain("outcome"),
        many("flags"),
    ],
    sql: "SELECT d.pos, d.dec, d.att, d.relying, d.region, d.item, d.case_commit, d.outcome, d.flags \
          FROM decisions d WHERE d.again = 1 AND d.pos >= :lo AND d.pos < :hi{d.region}\
          [ AND d.relying = :authority]",
    summary: None,
    computed: None,
};
