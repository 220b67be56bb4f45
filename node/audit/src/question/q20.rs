//! Who signed the blocks, and who has read.

use super::params::{FROM, TO};
use super::{Question, Reach, Summary, Words, day, height, many, number, plain, yes};

pub(super) const Q20: Question = Question {
    name: "q20",
    title: Words {
        zh: "副本是否完整、谁签署、谁查阅过",
        en: "is the copy whole, who signed, who read",
    },
    about: Words {
        zh: "各省公布的查阅日志根(谁查阅、多少次);汇总:哪些验证者签署了多少区块。完整性请用 hefu audit verify \
             从创世重新校验。",
        en: "The read-log roots that provinces published: who read, how often. The summary says which \
             validators signed how many blocks. Whether the copy is whole is verified anew from genesis by \
             hefu audit verify.",
    },
    reach: Reach::Open,
    params: &[FROM, TO],
    columns: &[
        number("region"),
        day("day"),
        plain("auditor"),
        number("reads"),
        plain("root"),
        yes("late"),
    ],
    sql: "SELECT pos, region, day, auditor, count, root, late FROM read_logs WHERE pos >= :lo \
          AND pos < :hi",
    summary: Some(Summary {
        columns: &[many("signers"), number("blocks"), height("first"), height("last")],
        sql: "SELECT signers, COUNT(*), MIN(height), MAX(height) FROM blocks WHERE height > 0 \
              AND height * 1048576 >= :lo AND height * 1048576 < :hi GROUP BY signers ORDER BY signers",
    }),
    computed: None,
};
