//! Uses that should not have been.

use hefu_contracts::oversight::RecordKind;

use super::params::{FROM, Kind, Param, TO};
use super::{Question, Reach, Words, many, number, plain, time};

pub(super) const Q09: Question = Question {
    name: "q09",
    title: Words { zh: "违规使用数据", en: "uses without right" },
    about: Words {
        zh: "无授权、授权到期后、暂停期间、超过上限或无办件的使用;无授权的使用不能上链,以被拒的提交(refused)列出。",
        en: "Uses without a grant, after its end, while it was suspended, over its cap, or without a case. \
             A use without any grant is refused by the ledger, and listed as such.",
    },
    reach: Reach::Of(RecordKind::Sharing, &[]),
    params: &[
        Param::new("consumer", Kind::Authority, "使用方", "the consumer"),
        Param::new("flag", Kind::Word, "标记,如 over_cap", "the flag, such as over_cap"),
        FROM,
        TO,
    ],
    columns: &[
        plain("subject"),
        plain("grant"),
        plain("catalogue"),
        plain("provider"),
        plain("consumer"),
        plain("purpose"),
        time("used_at"),
        number("uses"),
        many("flags"),
        plain("state"),
    ],
    sql: "SELECT u.pos, u.subject, u.grant_id, u.cat, u.provider, u.consumer, u.purpose, u.t0, u.uses, \
          u.flags, u.state FROM (SELECT r.born AS pos, 'rcp:' || r.rcp AS subject, r.grant_id, r.cat, \
          r.provider, r.consumer, r.purpose, r.t0, r.uses, r.flags, r.state FROM receipts r \
          WHERE r.flags <> '' AND r.flags <> 'count_mismatch' AND r.flags <> 'root_mismatch' \
          AND r.born >= :lo AND r.born < :hi AND r.pos < :end AND r.upto >= :end - 1{r.provider_region|r.consumer_region} UNION ALL \
          SELECT e.pos, e.subject, NULL, NULL, NULL, e.actor, NULL, e.occurred, 1, e.flags, 'refused' \
          FROM events e WHERE e.kind = 'refused' AND e.flags IN ('e521 put_receipt', \
          'e521 put_receipt_batch', 'e526 put_receipt', 'e526 put_receipt_batch') \
          AND e.pos >= :lo AND e.pos < :hi{e.region}) u WHERE 1 = 1[ AND u.consumer = :consumer]\
          [ AND ' ' || u.flags || ' ' LIKE '% ' || :flag || ' %']",
    summary: None,
    computed: None,
};
