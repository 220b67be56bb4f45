//! No revocation existed.

use super::params::{CERTIFICATE, COMMITMENT};
use super::{Question, Reach, Summary, Words, day, number, plain, yes};

pub(super) const Q02: Question = Question {
    name: "q02",
    title: Words {
        zh: "至某高度无吊销、撤销、注销", en: "no revocation up to a height"
    },
    about: Words {
        zh: "证明某证照到某高度时没有任何吊销、撤销、注销记录;无行即无。不存在证明见每个答案的证据链接。",
        en: "That a certificate was not revoked in any way up to a height: no row, no revocation. \
             The proof is the record itself, which carries its whole history, under the state root.",
    },
    reach: Reach::Certificate,
    params: &[CERTIFICATE.required(), COMMITMENT],
    columns: &[
        plain("certificate"),
        plain("kind"),
        number("reason"),
        day("effective"),
        yes("retroactive"),
        plain("actor"),
    ],
    sql: "SELECT pos, att, detail, reason, effective, retroactive, actor FROM cert_changes \
          WHERE att = :certificate AND change = 'revoked' AND pos < :end",
    summary: Some(Summary {
        columns: &[yes("recorded"), number("revocations")],
        sql: "SELECT CASE WHEN EXISTS (SELECT 1 FROM certs WHERE att = :certificate AND pos < :end) \
              THEN 1 ELSE 0 END, (SELECT COUNT(*) FROM cert_changes WHERE att = :certificate \
              AND change = 'revoked' AND pos < :end)",
    }),
    computed: None,
};
