//! What was built on a certificate that was annulled afterwards.

use hefu_contracts::oversight::RecordKind;

use super::params::{FROM, Kind, Param, TO};
use super::{Question, Reach, Words, day, height, number, plain};

pub(super) const Q06: Question = Question {
    name: "q06",
    title: Words {
        zh: "追溯撤销后受影响的决定", en: "what was built on an annulled certificate"
    },
    about: Words {
        zh: "证照被追溯撤销后,其生效日起所有以其为依据的采信决定及所属办件(承诺值)。",
        en: "Every decision, and the case it names, that relied on a certificate annulled later from a \
             day not after the one it was checked about (BASIS_ANNULLED).",
    },
    reach: Reach::Of(RecordKind::Recognition, &[]),
    params: &[Param::new("certificate", Kind::Id, "证照存证编号", "the attestation"), FROM, TO],
    columns: &[
        plain("decision"),
        plain("certificate"),
        plain("relying"),
        number("relying_region"),
        plain("item"),
        plain("case"),
        height("checked_height"),
        day("checked_day"),
        day("annulled_from"),
        height("annulled_at"),
    ],
    sql: "SELECT d.pos, d.dec, d.att, d.relying, d.region, d.item, d.case_commit, d.checked_height, \
          d.checked_day, a.effective, a.height FROM cert_changes a JOIN decisions d ON d.att = a.att \
          WHERE a.change = 'revoked' AND a.detail = 'annul' AND a.retroactive = 1 AND a.pos < :end \
          AND d.pos >= :lo AND d.pos < :hi AND d.outcome IN ('accepted', 'conditional') \
          AND a.effective <= d.checked_day AND a.height > d.checked_height{d.region}\
          [ AND a.att = :certificate]",
    summary: None,
    computed: None,
};
