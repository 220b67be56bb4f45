//! What a compromised key signed.

use super::params::{FROM, Kind, Param, TO};
use super::{Question, Reach, Summary, Words, many, plain, time};

pub(super) const Q07: Question = Question {
    name: "q07",
    title: Words { zh: "失密密钥签署的一切", en: "everything a compromised key signed" },
    about: Words {
        zh: "密钥自失密时起签署的全部行为;state 为 questioned(存疑)或 reaffirmed(已重新确认),密钥未失密则为 good。",
        en: "Everything the key signed since it was compromised: questioned, or reaffirmed since; good \
             while the key is not compromised.",
    },
    reach: Reach::Events(&[]),
    params: &[
        Param::new("key", Kind::Key, "密钥编号", "the key").required(),
        Param::new(
            "state",
            Kind::Word,
            "questioned、reaffirmed 或 good",
            "questioned, reaffirmed or good",
        ),
        FROM,
        TO,
    ],
    columns: &[
        plain("key"),
        plain("event"),
        plain("subject"),
        plain("actor"),
        many("flags"),
        plain("state"),
    ],
    sql: "SELECT s.pos, s.key, s.kind, s.subject, s.actor, s.flags, s.state FROM \
          (SELECT e.pos, e.key, e.kind, e.subject, e.actor, e.flags, CASE \
          WHEN k.reason IS NULL OR k.reason <> 'compromised' THEN 'good' WHEN EXISTS \
          (SELECT 1 FROM reaffirmed r WHERE r.key = e.key AND r.pos < :end AND r.from_ms <= e.time \
          AND e.time <= r.to_ms) OR EXISTS (SELECT 1 FROM cert_changes c WHERE \
          'att:' || c.att = e.subject AND c.change = 'reaffirmed' AND c.pos > e.pos AND c.pos < :end) \
          THEN 'reaffirmed' ELSE 'questioned' END AS state FROM events e JOIN keys k ON k.key = e.key \
          AND k.pos < :end AND k.upto >= :end - 1 WHERE e.key = :key AND e.pos >= :lo AND e.pos < :hi{e.*} \
          AND (k.since IS NULL OR k.reason <> 'compromised' OR e.time >= k.since)) s \
          WHERE 1 = 1[ AND s.state = :state]",
    summary: Some(Summary {
        columns: &[
            plain("owner"),
            plain("key_state"),
            plain("reason"),
            time("since"),
            time("revoked_at"),
        ],
        sql: "SELECT owner, state, reason, since, revoked_at FROM keys WHERE key = :key AND pos < :end \
              AND upto >= :end - 1",
    }),
    computed: None,
};
