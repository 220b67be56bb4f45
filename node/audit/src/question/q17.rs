//! Who had the power.

use super::params::{AUTHORITY, Kind, Param};
use super::{Question, Reach, Words, day, many, number, plain, time, yes};

pub(super) const Q17: Question = Question {
    name: "q17",
    title: Words { zh: "某时谁有权", en: "who had the power" },
    about: Words {
        zh: "机关的职权、密钥与承继的全部历史;in_force 表示在所问时刻有效。",
        en: "Mandates, keys and successions of an authority over time; in_force says which were so at the \
             time asked about.",
    },
    reach: Reach::Open,
    params: &[
        AUTHORITY,
        Param::new(
            "power",
            Kind::Word,
            "证照类型、场景或事项代码",
            "a type, scenario or item it may act on",
        ),
        Param::new("in_force", Kind::Number, "1:只看所问时刻有效的", "1: only what was in force"),
    ],
    columns: &[
        plain("what"),
        plain("authority"),
        number("member"),
        plain("state"),
        many("may_issue"),
        many("may_rely"),
        many("may_handle"),
        plain("successor"),
        day("succession"),
        plain("key"),
        many("roles"),
        time("from"),
        time("until"),
        yes("in_force"),
    ],
    sql: "SELECT w.pos, w.what, w.code, w.member, w.state, w.may_issue, w.may_rely, w.may_handle, \
          w.successor, w.succession_day, w.key, w.roles, w.since, w.until, w.in_force FROM \
          (SELECT a.pos, 'mandate' AS what, a.code, a.member, a.state, a.may_issue, a.may_rely, \
          a.may_handle, a.successor, a.succession_day, NULL AS key, NULL AS roles, b.time AS since, \
          u.time AS until, CASE WHEN a.state = 'active' AND b.time <= :now AND (u.time IS NULL \
          OR u.time > :now) THEN 1 ELSE 0 END AS in_force FROM authorities a \
          LEFT JOIN blocks b ON b.height = a.pos / 1048576 \
          LEFT JOIN blocks u ON u.height = (a.upto + 1) / 1048576 AND a.upto < :end \
          WHERE a.pos < :end[ AND a.code = :authority]\
          [ AND ' ' || a.may_issue || ' ' || a.may_rely || ' ' || a.may_handle || ' ' LIKE '% ' || :power || ' %'] \
          UNION ALL SELECT k.pos, 'key', k.owner, k.region, k.state, NULL, NULL, NULL, NULL, NULL, k.key, \
          k.roles, k.not_before, k.not_after, CASE WHEN k.not_before <= :now AND :now <= k.not_after \
          AND (k.retires_at IS NULL OR :now <= k.retires_at) AND (k.revoked_at IS NULL \
          OR :now <= k.revoked_at) AND k.upto >= :end - 1 THEN 1 ELSE 0 END FROM keys k \
          WHERE k.pos < :end[ AND k.owner = :authority]\
          [ AND k.owner IN (SELECT p.code FROM authorities p WHERE p.pos < :end AND ' ' || p.may_issue || ' ' || \
          p.may_rely || ' ' || p.may_handle || ' ' LIKE '% ' || :power || ' %')]) w \
          WHERE 1 = 1[ AND w.in_force = :in_force]",
    summary: None,
    computed: None,
};
