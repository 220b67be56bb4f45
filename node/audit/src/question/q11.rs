//! Requests answered late, never, or denied without a law.

use hefu_contracts::oversight::RecordKind;

use super::params::{FROM, Kind, Param, TO};
use super::{Question, Reach, Summary, Words, number, plain, time, yes};

pub(super) const Q11: Question = Question {
    name: "q11",
    title: Words {
        zh: "逾期、未答及无据拒绝的申请", en: "requests answered late or never"
    },
    about: Words {
        zh: "数据申请:逾期受理、逾期答复、逾期未答(never),或拒绝而未附法律依据。",
        en: "Requests for data acknowledged or answered late, never answered, or denied without a legal \
             basis.",
    },
    reach: Reach::Of(RecordKind::Sharing, &["province"]),
    params: &[
        Param::new("provider", Kind::Authority, "提供方", "the provider"),
        Param::new("province", Kind::Region, "提供方省", "its province"),
        FROM,
        TO,
    ],
    columns: &[
        plain("request"),
        plain("catalogue"),
        plain("provider"),
        number("provider_region"),
        plain("consumer"),
        plain("state"),
        time("submitted"),
        time("closed"),
        time("answer_due"),
        number("working_days"),
        yes("ack_late"),
        yes("late"),
        yes("never"),
        yes("no_basis"),
        number("denial"),
    ],
    sql: "SELECT q.place AS pos, q.req, q.cat, q.provider, q.provider_region, q.consumer, q.state, q.submitted, \
          q.closed, q.answer_due, q.used_days, q.ack_late, q.late, q.never, q.no_basis, q.denial FROM \
          (SELECT r.*, r.born AS place, \
          CASE WHEN COALESCE(r.acknowledged, r.closed, :now) >= r.ack_due THEN 1 ELSE 0 END AS ack_late, \
          CASE WHEN r.closed >= r.answer_due THEN 1 ELSE 0 END AS late, \
          CASE WHEN r.closed IS NULL AND :now >= r.answer_due THEN 1 ELSE 0 END AS never, \
          CASE WHEN r.state = 'denied' AND r.basis IS NULL THEN 1 ELSE 0 END AS no_basis \
          FROM requests r WHERE r.born >= :lo AND r.born < :hi AND r.pos < :end \
          AND r.upto >= :end - 1{r.provider_region|r.consumer_region}[ AND r.provider = :provider][ AND r.provider_region = :province]) q \
          WHERE q.ack_late + q.late + q.never + q.no_basis > 0",
    summary: Some(Summary {
        columns: &[
            plain("provider"),
            number("requests"),
            number("late"),
            number("never"),
            number("denied"),
        ],
        sql: "SELECT r.provider, COUNT(*), \
              CAST(SUM(CASE WHEN r.closed >= r.answer_due THEN 1 ELSE 0 END) AS BIGINT), \
              CAST(SUM(CASE WHEN r.closed IS NULL AND :now >= r.answer_due THEN 1 ELSE 0 END) AS BIGINT), \
              CAST(SUM(CASE WHEN r.state = 'denied' THEN 1 ELSE 0 END) AS BIGINT) FROM requests r \
              WHERE r.born >= :lo AND r.born < :hi AND r.pos < :end AND r.upto >= :end - 1{r.provider_region|r.consumer_region}\
              [ AND r.provider = :provider][ AND r.provider_region = :province] GROUP BY r.provider \
              ORDER BY r.provider",
    }),
    computed: None,
};
