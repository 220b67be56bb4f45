//! The whole life of a certificate, and who signed it.

use super::params::{CERTIFICATE, COMMITMENT};
use super::{Question, Reach, Words, day, number, plain, yes};

pub(super) const Q03: Question = Question {
    name: "q03",
    title: Words { zh: "证照全生命周期", en: "the whole life of a certificate" },
    about: Words {
        zh: "每一次变更由谁、用哪把密钥签署,当时密钥是否有效,现在是否存疑。",
        en: "Who signed each change with which key, whether the key was valid then, and whether it is in \
             question now.",
    },
    reach: Reach::Certificate,
    params: &[CERTIFICATE.required(), COMMITMENT],
    columns: &[
        plain("certificate"),
        plain("change"),
        plain("detail"),
        number("reason"),
        day("effective"),
        day("until"),
        plain("other"),
        plain("actor"),
        plain("key"),
        yes("key_valid"),
        yes("questioned"),
    ],
    sql: "SELECT h.pos, h.att, h.change, h.detail, h.reason, h.effective, h.until, h.other, h.actor, \
          h.key, CASE WHEN k.not_before <= h.time AND h.time <= k.not_after AND \
          (k.retires_at IS NULL OR h.time <= k.retires_at) AND \
          (k.revoked_at IS NULL OR h.time <= k.revoked_at) THEN 1 ELSE 0 END AS key_valid, \
          CASE WHEN k.reason = 'compromised' AND h.time >= k.since AND NOT EXISTS \
          (SELECT 1 FROM reaffirmed r WHERE r.key = h.key AND r.pos < :end AND r.from_ms <= h.time \
          AND h.time <= r.to_ms) THEN 1 ELSE 0 END AS questioned FROM \
          (SELECT pos, att, 'attested' AS change, type_code AS detail, NULL AS reason, \
          valid_from AS effective, valid_until AS until, previous AS other, issuer AS actor, \
          made_key AS key, made_time AS time FROM certs WHERE att = :certificate AND pos < :end \
          UNION ALL SELECT pos, att, change, detail, reason, effective, until, other, actor, key, time \
          FROM cert_changes WHERE att = :certificate AND pos < :end) h \
          LEFT JOIN keys k ON k.key = h.key AND k.pos < :end AND k.upto >= :end - 1",
    summary: None,
    computed: None,
};
