//! Who used a catalogue entry.

use hefu_contracts::oversight::RecordKind;

use super::params::{FROM, Kind, Param, TO};
use super::{Question, Reach, Summary, Words, day, many, number, plain, time};

pub(super) const Q08: Question = Question {
    name: "q08",
    title: Words { zh: "数据目录的使用情况", en: "who used a catalogue entry" },
    about: Words {
        zh: "谁凭哪份授权、为何目的使用了某数据目录,多少次,每日上限多少。",
        en: "Who used a catalogue entry under which grant and purpose, how often, and the day's cap.",
    },
    reach: Reach::Of(RecordKind::Sharing, &[]),
    params: &[
        Param::new("catalogue", Kind::Word, "资源代码", "the resource code").required(),
        Param::new("consumer", Kind::Authority, "使用方", "the consumer"),
        FROM,
        TO,
    ],
    columns: &[
        plain("receipt"),
        plain("grant"),
        plain("consumer"),
        plain("purpose"),
        time("used_at"),
        number("uses"),
        number("records"),
        plain("case"),
        plain("state"),
        many("flags"),
    ],
    sql: "SELECT r.born AS pos, r.rcp, r.grant_id, r.consumer, r.purpose, r.t0, r.uses, r.records, \
          r.case_commit, r.state, r.flags FROM receipts r WHERE r.cat = :catalogue AND r.born >= :lo \
          AND r.born < :hi AND r.pos < :end AND r.upto >= :end - 1{r.provider_region|r.consumer_region}[ AND r.consumer = :consumer]",
    summary: Some(Summary {
        columns: &[
            plain("grant"),
            plain("consumer"),
            plain("purpose"),
            day("day"),
            number("uses"),
            number("records"),
            number("cap"),
        ],
        sql: "SELECT r.grant_id, r.consumer, r.purpose, r.day, CAST(SUM(r.uses) AS BIGINT), \
              CAST(SUM(r.records) AS BIGINT), MAX(r.per_day) FROM receipts r WHERE r.cat = :catalogue \
              AND r.born >= :lo AND r.born < :hi AND r.pos < :end AND r.upto >= :end - 1{r.provider_region|r.consumer_region}\
              [ AND r.consumer = :consumer] GROUP BY r.grant_id, r.consumer, r.purpose, r.day \
              ORDER BY r.day, r.grant_id",
    }),
    computed: None,
};
