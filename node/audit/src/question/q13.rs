//! Cases that took too long, and pauses that may hide it.

use hefu_contracts::oversight::RecordKind;

use super::params::{FROM, Kind, Param, TO};
use super::{Question, Reach, Summary, Words, number, plain, time, yes};

pub(super) const Q13: Question = Question {
    name: "q13",
    title: Words { zh: "超时办件与滥用暂停", en: "cases overdue, and pauses" },
    about: Words {
        zh: "超过承诺时限或法定时限的办件,以及暂停次数或天数过多的办件。",
        en: "Cases over their promised or legal limit, and cases paused too often or too long.",
    },
    reach: Reach::Of(RecordKind::Service, &[]),
    params: &[
        Param::new("item", Kind::Item, "事项基本编码", "the service item"),
        Param::new("lead", Kind::Region, "牵头省", "the item's lead province"),
        Param::new("handler", Kind::Authority, "办理机关", "the handler"),
        Param::new(
            "pauses",
            Kind::Number,
            "暂停次数达到此数即列出",
            "list from this many pauses on",
        )
        .or(3),
        Param::new(
            "pause_days",
            Kind::Number,
            "暂停天数达到此数即列出",
            "list from this many days paused on",
        )
        .or(30),
        FROM,
        TO,
    ],
    columns: &[
        plain("case"),
        plain("item"),
        number("lead"),
        plain("handler"),
        number("handler_region"),
        plain("state"),
        time("opened"),
        time("promise_due"),
        time("legal_due"),
        time("decided"),
        yes("over_promise"),
        yes("over_legal"),
        number("pauses"),
        number("pause_days"),
    ],
    sql: "SELECT c.place AS pos, c.case_id, c.base, c.lead, c.handler, c.handler_region, c.state, \
          c.opened, c.promise_due, c.legal_due, c.decided, c.over_promise, c.over_legal, c.pauses, \
          c.pause_days FROM (SELECT x.*, x.born AS place, \
          CASE WHEN COALESCE(x.decided, x.ended, :now) >= x.promise_due THEN 1 ELSE 0 END AS over_promise, \
          CASE WHEN COALESCE(x.decided, x.ended, :now) >= x.legal_due THEN 1 ELSE 0 END AS over_legal \
          FROM cases x WHERE x.born >= :lo AND x.born < :hi AND x.pos < :end AND x.upto >= :end - 1{x.receiver_region|x.handler_region}\
          [ AND x.base = :item][ AND x.lead = :lead][ AND x.handler = :handler]) c \
          WHERE c.over_promise + c.over_legal > 0 OR c.pauses >= :pauses OR c.pause_days >= :pause_days",
    summary: Some(Summary {
        columns: &[
            plain("item"),
            number("lead"),
            plain("handler"),
            number("cases"),
            number("over_promise"),
            number("over_legal"),
            number("pauses"),
        ],
        sql: "SELECT x.base, x.lead, x.handler, COUNT(*), CAST(SUM(CASE WHEN COALESCE(x.decided, x.ended, \
              :now) >= x.promise_due THEN 1 ELSE 0 END) AS BIGINT), CAST(SUM(CASE WHEN \
              COALESCE(x.decided, x.ended, :now) >= x.legal_due THEN 1 ELSE 0 END) AS BIGINT), \
              CAST(SUM(x.pauses) AS BIGINT) FROM cases x WHERE x.born >= :lo AND x.born < :hi \
              AND x.pos < :end AND x.upto >= :end - 1{x.receiver_region|x.handler_region}[ AND x.base = :item][ AND x.lead = :lead]\
              [ AND x.handler = :handler] GROUP BY x.base, x.lead, x.handler \
              ORDER BY x.base, x.lead, x.handler",
    }),
    computed: None,
};
