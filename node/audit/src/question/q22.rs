//! Words in the clear that look like a person's number.

use super::params::{FROM, TO};
use super::{Question, Reach, Summary, Words, number, plain};

pub(super) const Q22: Question = Question {
    name: "q22",
    title: Words { zh: "个人信息自查", en: "personal data in the clear" },
    about: Words {
        zh: "账本上的明文字段中疑似个人号码的内容(建索引时以同一守卫扫描)。",
        en: "Words in the clear that look like a personal number, by the guard that acts pass.",
    },
    reach: Reach::Events(&[]),
    params: &[FROM, TO],
    columns: &[plain("subject"), plain("actor"), plain("field"), plain("pattern")],
    sql: "SELECT t.pos, e.subject, e.actor, MIN(t.field), MIN(t.pattern) FROM texts t JOIN events e ON e.pos = t.pos \
          WHERE t.pattern <> '' AND t.pos >= :lo AND t.pos < :hi{e.*} \
          GROUP BY t.pos, e.subject, e.actor",
    summary: Some(Summary {
        columns: &[number("scanned"), number("found")],
        sql: "SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN pattern <> '' THEN 1 ELSE 0 END), 0) AS BIGINT) \
              FROM texts t WHERE t.pos >= :lo AND t.pos < :hi[ AND :scoped = 1 AND EXISTS (SELECT 1 FROM \
              events e WHERE e.pos = t.pos{e.*})]",
    }),
    computed: None,
};
