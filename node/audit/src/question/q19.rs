//! Records that came late.

use super::params::{FROM, Kind, Param, TO};
use super::{Question, Reach, Summary, Words, many, number, plain, time};

pub(super) const Q19: Question = Question {
    name: "q19",
    title: Words { zh: "迟录与补录", en: "late and back-dated records" },
    about: Words {
        zh: "发生与记录之间的间隔(毫秒)超过 hours 小时的记录,以及标为补录的记录;汇总为分布。",
        en: "Records made more than so many hours after what they record, and those marked as backfill; the \
             summary is the distribution.",
    },
    reach: Reach::Events(&["member"]),
    params: &[
        Param::new("member", Kind::Region, "记录方省", "the province that recorded"),
        Param::new("hours", Kind::Number, "超过多少小时", "later than so many hours").or(24),
        FROM,
        TO,
    ],
    columns: &[
        plain("event"),
        plain("subject"),
        plain("actor"),
        number("region"),
        time("occurred"),
        number("late_ms"),
        many("flags"),
    ],
    sql: "SELECT e.pos, e.kind, e.subject, e.actor, e.region, e.occurred, e.time - e.occurred, e.flags \
          FROM events e WHERE e.occurred IS NOT NULL AND e.kind <> 'refused' AND (e.time - e.occurred > \
          :hours * 3600000 OR ' ' || e.flags || ' ' LIKE '% backfill %') AND e.pos >= :lo \
          AND e.pos < :hi{e.*}[ AND e.region = :member]",
    summary: Some(Summary {
        columns: &[number("region"), plain("within"), number("records")],
        sql: "SELECT region, late, COUNT(*) FROM (SELECT e.region, CASE WHEN e.time - e.occurred \
              <= 3600000 THEN '1h' WHEN e.time - e.occurred <= 86400000 THEN '1d' WHEN \
              e.time - e.occurred <= 2592000000 THEN '30d' ELSE 'longer' END AS late FROM events e \
              WHERE e.occurred IS NOT NULL AND e.kind <> 'refused' AND e.pos >= :lo AND e.pos < :hi{e.*}\
              [ AND e.region = :member]) s GROUP BY region, late ORDER BY region, late",
    }),
    computed: None,
};
