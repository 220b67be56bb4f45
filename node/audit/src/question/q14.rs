//! Handovers that nobody took in time.

use hefu_contracts::oversight::RecordKind;

use super::params::{FROM, Kind, Param, TO};
use super::{Question, Reach, Summary, Words, number, plain, time};

pub(super) const Q14: Question = Question {
    name: "q14",
    title: Words { zh: "逾期未接收的转办", en: "handovers not acknowledged in time" },
    about: Words {
        zh: "一个工作日内未被接收的转办;汇总给出各省对之间的平均转办时间(毫秒)。",
        en: "Handovers not answered within a working day; the summary has the average time of each pair, in \
             milliseconds.",
    },
    reach: Reach::Of(RecordKind::Service, &["province", "other"]),
    params: &[
        Param::new("province", Kind::Region, "一方省", "a province on either side"),
        Param::new("other", Kind::Region, "另一方省", "the other province"),
        FROM,
        TO,
    ],
    columns: &[
        plain("case"),
        plain("receiver"),
        number("receiver_region"),
        plain("handler"),
        number("handler_region"),
        time("sent"),
        time("due"),
        time("answered"),
        plain("result"),
    ],
    sql: "SELECT h.born AS pos, h.case_id, h.receiver, h.receiver_region, h.handler, h.handler_region, \
          h.sent, h.due, h.answered, h.result FROM handovers h WHERE COALESCE(h.answered, :now) >= h.due \
          AND h.born >= :lo AND h.born < :hi AND h.pos < :end AND h.upto >= :end - 1{h.receiver_region|h.handler_region}\
          [ AND (h.receiver_region = :province OR h.handler_region = :province)]\
          [ AND (h.receiver_region = :other OR h.handler_region = :other)]",
    summary: Some(Summary {
        columns: &[
            number("receiver_region"),
            number("handler_region"),
            number("handovers"),
            number("late"),
            number("average_ms"),
        ],
        sql: "SELECT h.receiver_region, h.handler_region, COUNT(*), CAST(SUM(CASE WHEN \
              COALESCE(h.answered, :now) >= h.due THEN 1 ELSE 0 END) AS BIGINT), \
              CAST(SUM(COALESCE(h.answered, :now) - h.sent) AS BIGINT) / COUNT(*) FROM handovers h \
              WHERE h.born >= :lo AND h.born < :hi AND h.pos < :end AND h.upto >= :end - 1{h.receiver_region|h.handler_region}\
              [ AND (h.receiver_region = :province OR h.handler_region = :province)]\
              [ AND (h.receiver_region = :other OR h.handler_region = :other)] \
              GROUP BY h.receiver_region, h.handler_region ORDER BY h.receiver_region, h.handler_region",
    }),
    computed: None,
};
