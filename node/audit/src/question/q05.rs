//! Acceptances of what was not valid.

use hefu_contracts::oversight::RecordKind;

use super::params::{FROM, Kind, Param, TO};
use super::{Question, Reach, Words, day, height, many, number, plain};

pub(super) const Q05: Question = Question {
    name: "q05",
    title: Words {
        zh: "采信了无效证照", en: "acceptances of certificates that were not valid"
    },
    about: Words {
        zh: "核验时并不有效(暂扣、吊销、过期等)却被采信的决定。",
        en: "Decisions that relied on a certificate that was not valid at the height checked.",
    },
    reach: Reach::Of(RecordKind::Recognition, &["relying_region"]),
    params: &[
        Param::new("issuer_region", Kind::Region, "签发方省", "province of the issuer"),
        Param::new("relying_region", Kind::Region, "依赖方省", "province that relied"),
        FROM,
        TO,
    ],
    columns: &[
        plain("decision"),
        plain("certificate"),
        plain("issuer"),
        plain("relying"),
        number("relying_region"),
        plain("outcome"),
        height("checked_height"),
        day("checked_day"),
        many("reasons"),
        many("flags"),
    ],
    sql: "SELECT d.pos, d.dec, d.att, d.issuer, d.relying, d.region, d.outcome, d.checked_height, \
          d.checked_day, d.reasons, d.flags FROM decisions d WHERE d.bad = 1 AND d.pos >= :lo \
          AND d.pos < :hi{d.region}[ AND d.issuer_region = :issuer_region][ AND d.region = :relying_region]",
    summary: None,
    computed: None,
};
