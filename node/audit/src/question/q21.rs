//! What each lead province brought about.

use hefu_contracts::oversight::RecordKind;

use super::params::{FROM, Kind, Param, TO};
use super::{Question, Reach, Summary, Words, many, number, plain, time};

pub(super) const Q21: Question = Question {
    name: "q21",
    title: Words { zh: "牵头事项落地情况", en: "scoreboard of the lead provinces" },
    about: Words {
        zh: "各省牵头的事项:哪些已商定、哪些已上线、哪些从未上线。",
        en: "The items each province leads: which are agreed, which are live, which never went live.",
    },
    reach: Reach::Of(RecordKind::Service, &["lead"]),
    params: &[Param::new("lead", Kind::Region, "牵头省", "the lead province"), FROM, TO],
    columns: &[
        plain("item"),
        number("version"),
        plain("name"),
        number("lead"),
        many("participants"),
        plain("state"),
        time("agreed_at"),
        time("live_at"),
    ],
    sql: "SELECT i.born AS pos, i.base, i.version, i.name, i.lead, i.participants, i.state, i.agreed_at, \
          i.live_at FROM items i WHERE i.born >= :lo AND i.born < :hi AND i.pos < :end \
          AND i.upto >= :end - 1{i.lead}[ AND i.lead = :lead]",
    summary: Some(Summary {
        columns: &[
            number("lead"),
            number("proposed"),
            number("agreed"),
            number("live"),
            number("never_live"),
        ],
        sql: "SELECT i.lead, COUNT(DISTINCT i.base), \
              COUNT(DISTINCT CASE WHEN i.agreed_at IS NOT NULL THEN i.base END), \
              COUNT(DISTINCT CASE WHEN i.state = 'live' THEN i.base END), \
              COUNT(DISTINCT CASE WHEN i.agreed_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM items l \
              WHERE l.base = i.base AND l.live_at IS NOT NULL AND l.pos < :end) THEN i.base END) \
              FROM items i WHERE i.born >= :lo AND i.born < :hi AND i.pos < :end AND i.upto >= :end - 1{i.lead}\
              [ AND i.lead = :lead] GROUP BY i.lead ORDER BY i.lead",
    }),
    computed: None,
};
