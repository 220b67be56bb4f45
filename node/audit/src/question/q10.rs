//! Gaps in the evidence between provinces.

use hefu_contracts::oversight::RecordKind;

use super::params::{FROM, Kind, Param, TO};
use super::{Question, Reach, Summary, Words, many, number, plain, time, yes};

pub(super) const Q10: Question = Question {
    name: "q10",
    title: Words { zh: "单方或有争议的回执", en: "one-sided or contested receipts" },
    about: Words {
        zh: "只有一方签署、被另一方否认或两方数目不一的使用回执;unanswered 表示对方逾期未答。",
        en: "Uses that one side alone states, or that the other contests; unanswered says that its time to \
             answer is over.",
    },
    reach: Reach::Of(RecordKind::Sharing, &["province", "other"]),
    params: &[
        Param::new("province", Kind::Region, "一方省", "a province on either side"),
        Param::new("other", Kind::Region, "另一方省", "the other province"),
        FROM,
        TO,
    ],
    columns: &[
        plain("receipt"),
        plain("grant"),
        plain("provider"),
        number("provider_region"),
        plain("consumer"),
        number("consumer_region"),
        plain("put_by"),
        plain("state"),
        plain("answer"),
        time("answer_due"),
        yes("unanswered"),
        many("flags"),
    ],
    sql: "SELECT r.born AS pos, r.rcp, r.grant_id, r.provider, r.provider_region, r.consumer, \
          r.consumer_region, r.put_by, r.state, r.answer, r.answer_due, CASE WHEN r.state = 'one_sided' \
          AND r.answer_due <= :now THEN 1 ELSE 0 END AS unanswered, r.flags FROM receipts r \
          WHERE r.state <> 'confirmed' AND r.born >= :lo AND r.born < :hi AND r.pos < :end \
          AND r.upto >= :end - 1{r.provider_region|r.consumer_region}[ AND (r.provider_region = :province OR r.consumer_region = :province)]\
          [ AND (r.provider_region = :other OR r.consumer_region = :other)]",
    summary: Some(Summary {
        columns: &[
            number("provider_region"),
            number("consumer_region"),
            plain("state"),
            number("receipts"),
        ],
        sql: "SELECT r.provider_region, r.consumer_region, r.state, COUNT(*) FROM receipts r \
              WHERE r.state <> 'confirmed' AND r.born >= :lo AND r.born < :hi AND r.pos < :end \
              AND r.upto >= :end - 1{r.provider_region|r.consumer_region}[ AND (r.provider_region = :province \
              OR r.consumer_region = :province)][ AND (r.provider_region = :other \
              OR r.consumer_region = :other)] GROUP BY r.provider_region, r.consumer_region, r.state \
              ORDER BY r.provider_region, r.consumer_region, r.state",
    }),
    computed: None,
};
