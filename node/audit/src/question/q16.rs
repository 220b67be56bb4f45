//! Bad grades without consequence.

use hefu_contracts::oversight::RecordKind;

use super::params::{AUTHORITY, FROM, TO};
use super::{Question, Reach, Words, number, plain, time, yes};

pub(super) const Q16: Question = Question {
    name: "q16",
    title: Words { zh: "差评未整改或未回访", en: "bad evaluations without rectification" },
    about: Words {
        zh: "差评之后没有整改、逾期整改或没有回访的评价;missing 说明缺什么。",
        en: "Bad evaluations that nobody rectified, or late, or without a call back; missing says what.",
    },
    reach: Reach::Of(RecordKind::Service, &[]),
    params: &[AUTHORITY, FROM, TO],
    columns: &[
        plain("case"),
        plain("stage"),
        number("grade"),
        plain("unit"),
        number("unit_region"),
        plain("state"),
        time("recorded"),
        time("rectify_due"),
        time("remedied"),
        plain("missing"),
        yes("overdue"),
    ],
    sql: "SELECT v.born AS pos, v.case_id, v.stage, v.grade, v.unit, v.unit_region, v.state, v.recorded, \
          v.rectify_due, v.remedied, CASE WHEN v.remedied IS NULL THEN 'rectification' \
          WHEN v.revisited IS NULL THEN 'call_back' ELSE 'nothing' END AS missing, \
          CASE WHEN COALESCE(v.remedied, :now) >= v.rectify_due THEN 1 ELSE 0 END AS overdue \
          FROM evaluations v WHERE v.grade <= 2 AND v.born >= :lo AND v.born < :hi AND v.pos < :end \
          AND v.upto >= :end - 1 {v.unit_region} AND (v.remedied IS NULL OR v.revisited IS NULL \
          OR v.remedied >= v.rectify_due)[ AND v.unit = :authority]",
    summary: None,
    computed: None,
};
