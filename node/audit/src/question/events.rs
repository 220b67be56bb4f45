//! Free search over events.

use super::params::{AUTHORITY, FROM, Kind, Param, TO};
use super::{Question, Reach, Words, many, number, plain, time};

pub(super) const EVENTS: Question = Question {
    name: "events",
    title: Words { zh: "事件自由检索", en: "search over events" },
    about: Words {
        zh: "按机关、省、种类、对象、标记、密钥、时间、高度检索全部事件;被拒的提交以 refused 列出。",
        en: "All events by authority, province, kind, subject, flag, key, time and height; what was refused \
             on its merits is listed as refused.",
    },
    reach: Reach::Events(&["region"]),
    params: &[
        AUTHORITY,
        Param::new("actor", Kind::Authority, "机关代码", "the authority that acted"),
        Param::new("region", Kind::Region, "省", "its province"),
        Param::new("kind", Kind::Word, "事件种类", "the kind of event"),
        Param::new("subject", Kind::Word, "对象,如 att:…", "what it is about, such as att:…"),
        Param::new("flag", Kind::Word, "标记", "a flag"),
        Param::new("key", Kind::Key, "签署密钥", "the key that signed"),
        Param::new("from_height", Kind::Number, "起始高度", "from this height on"),
        Param::new("to_height", Kind::Number, "截止高度", "up to this height"),
        FROM,
        TO,
    ],
    columns: &[
        plain("event"),
        plain("subject"),
        plain("actor"),
        number("region"),
        plain("key"),
        many("flags"),
        time("occurred"),
    ],
    sql: "SELECT e.pos, e.kind, e.subject, e.actor, e.region, e.key, e.flags, e.occurred FROM events e\
          [ JOIN event_flags f ON f.pos = e.pos AND f.flag = :flag] WHERE e.pos >= :lo AND e.pos < :hi{e.*}\
          [ AND e.actor = :authority][ AND e.actor = :actor][ AND e.region = :region]\
          [ AND e.kind = :kind][ AND e.subject = :subject][ AND e.key = :key]\
          [ AND e.pos >= :from_height * 1048576][ AND e.pos < (:to_height + 1) * 1048576]",
    summary: None,
    computed: None,
};
