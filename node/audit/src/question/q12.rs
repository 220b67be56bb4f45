//! What is not shared, and what was shared less.

use hefu_contracts::oversight::RecordKind;

use super::params::{FROM, Kind, Param, TO};
use super::{Question, Reach, Words, number, plain, yes};

pub(super) const Q12: Question = Question {
    name: "q12",
    title: Words {
        zh: "不予共享及收紧的目录", en: "entries not shared, and tightenings"
    },
    about: Words {
        zh: "标为不予共享的数据目录及其所述依据;历次收紧。",
        en: "Catalogue entries that are not shared, and their stated basis; every tightening over time.",
    },
    reach: Reach::Of(RecordKind::Sharing, &["province"]),
    params: &[
        Param::new("province", Kind::Region, "提供方省", "province of the provider"),
        Param::new("provider", Kind::Authority, "提供方", "the provider"),
        FROM,
        TO,
    ],
    columns: &[
        plain("catalogue"),
        number("version"),
        plain("title"),
        plain("provider"),
        number("region"),
        plain("share"),
        plain("state"),
        yes("tightened"),
        plain("tightening"),
        plain("basis"),
        plain("basis_digest"),
    ],
    sql: "SELECT c.pos, c.cat, c.version, c.title, c.provider, c.region, c.share, c.state, c.tightened, \
          c.tightening, c.basis, c.basis_digest FROM catalogue c WHERE (c.share = 'not_shared' \
          OR c.tightened = 1) AND c.pos >= :lo AND c.pos < :hi{c.region}[ AND c.region = :province]\
          [ AND c.provider = :provider]",
    summary: None,
    computed: None,
};
