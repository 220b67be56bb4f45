//! Refusals between provinces, and which of their reasons were false.

use hefu_contracts::oversight::RecordKind;

use super::params::{FROM, Kind, Param, TO};
use super::{Question, Reach, Summary, Words, many, number, plain, yes};

pub(super) const Q04: Question = Question {
    name: "q04",
    title: Words { zh: "跨省拒认及理由真伪", en: "refusals between provinces" },
    about: Words {
        zh: "一段时间内依赖方省拒认签发方省证照的全部决定;wrong 表示理由与账本事实不符(有效证照被拒)。",
        en: "All refusals of one province's certificates by another in a period; wrong says that the \
             reason was false, and the certificate good (REFUSED_WHILE_VALID).",
    },
    reach: Reach::Of(RecordKind::Recognition, &["relying_region"]),
    params: &[
        Param::new("issuer_region", Kind::Region, "签发方省", "province of the issuer"),
        Param::new("relying_region", Kind::Region, "依赖方省", "province that relied or did not"),
        Param::new("reason", Kind::Word, "拒认理由代码", "code of the reason"),
        Param::new("wrong", Kind::Number, "1:只看理由不实的", "1: only those that were wrong"),
        FROM,
        TO,
    ],
    columns: &[
        plain("decision"),
        plain("certificate"),
        plain("issuer"),
        number("issuer_region"),
        plain("relying"),
        number("relying_region"),
        number("scenario"),
        plain("item"),
        many("reasons"),
        many("false_reasons"),
        yes("wrong"),
        many("flags"),
        yes("corrected"),
    ],
    sql: "SELECT d.pos, d.dec, d.att, d.issuer, d.issuer_region, d.relying, d.region, d.scenario, \
          d.item, d.reasons, d.false_reasons, d.wrong, d.flags, CASE WHEN EXISTS (SELECT 1 FROM events c \
          WHERE c.subject = 'dec:' || d.dec AND c.kind = 'decision_corrected' AND c.pos < :end) THEN 1 \
          ELSE 0 END AS corrected FROM decisions d WHERE d.outcome = 'refused' AND d.pos >= :lo \
          AND d.pos < :hi{d.region}[ AND d.issuer_region = :issuer_region][ AND d.region = :relying_region]\
          [ AND d.wrong = :wrong][ AND ' ' || d.reasons || ' ' LIKE '% ' || :reason || ' %']",
    summary: Some(Summary {
        columns: &[
            number("issuer_region"),
            number("relying_region"),
            many("reasons"),
            number("refusals"),
            number("wrong"),
        ],
        sql: "SELECT d.issuer_region, d.region, d.reasons, COUNT(*), CAST(SUM(d.wrong) AS BIGINT) \
              FROM decisions d WHERE d.outcome = 'refused' AND d.pos >= :lo AND d.pos < :hi{d.region}\
              [ AND d.issuer_region = :issuer_region][ AND d.region = :relying_region]\
              [ AND d.wrong = :wrong][ AND ' ' || d.reasons || ' ' LIKE '% ' || :reason || ' %'] \
              GROUP BY d.issuer_region, d.region, d.reasons \
              ORDER BY d.issuer_region, d.region, d.reasons",
    }),
    computed: None,
};
