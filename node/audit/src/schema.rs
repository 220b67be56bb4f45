//! The tables, in SQL that both engines understand. `POS` stands for the key of a position.
//!
//! A table either keeps what happened once, or versions of things: those have `born` (the position of
//! the first version, by which answers name them) and `upto` (the last position at which this version
//! was the newest).

/// Changed whenever a table changes: an index of another schema is to be deleted and built again.
pub(crate) const SCHEMA: &str = "2";

/// A table.
pub(crate) struct Table {
    /// Name.
    pub(crate) name: &'static str,
    /// Columns: a name and a type each.
    pub(crate) columns: &'static str,
    /// The primary key, where it is not the first column.
    pub(crate) key: Option<&'static str>,
}

impl Table {
    /// Names of the columns, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.columns.split(',').filter_map(|column| column.split_whitespace().next())
    }
}

const fn table(name: &'static str, columns: &'static str) -> Table {
    Table { name, columns, key: None }
}

pub(crate) const META: Table = table("meta", "k TEXT PRIMARY KEY, v TEXT");
pub(crate) const BLOCKS: Table =
    table("blocks", "height POS, time BIGINT, id TEXT, txs BIGINT, events BIGINT, signers TEXT");
pub(crate) const EVENTS: Table = table(
    "events",
    "pos POS, time BIGINT, tx TEXT, act BIGINT, kind TEXT, subject TEXT, actor TEXT, region BIGINT, \
     key TEXT, flags TEXT, occurred BIGINT",
);
pub(crate) const FLAGS: Table =
    Table { name: "event_flags", columns: "flag TEXT, pos BIGINT", key: Some("flag, pos") };
pub(crate) const TEXTS: Table = Table {
    name: "texts",
    columns: "pos BIGINT, n BIGINT, field TEXT, value TEXT, pattern TEXT",
    key: Some("pos, n"),
};
pub(crate) const CERTS: Table = table(
    "certs",
    "pos POS, att TEXT, type_code TEXT, type_version BIGINT, issuer TEXT, region BIGINT, area BIGINT, \
     ident TEXT, cert_version BIGINT, issued_on BIGINT, valid_from BIGINT, valid_until BIGINT, \
     previous TEXT, batch TEXT, made_height BIGINT, made_time BIGINT, made_key TEXT, commitment TEXT",
);
pub(crate) const CHANGES: Table = table(
    "cert_changes",
    "pos POS, att TEXT, change TEXT, detail TEXT, reason BIGINT, effective BIGINT, until BIGINT, \
     retroactive BIGINT, other TEXT, height BIGINT, time BIGINT, key TEXT, actor TEXT",
);
pub(crate) const REAFFIRMED: Table =
    table("reaffirmed", "pos POS, key TEXT, from_ms BIGINT, to_ms BIGINT");
pub(crate) const DECISIONS: Table = table(
    "decisions",
    "pos POS, dec TEXT, att TEXT, issuer TEXT, issuer_region BIGINT, relying TEXT, region BIGINT, \
     outcome TEXT, scenario BIGINT, item TEXT, agreement TEXT, case_commit TEXT, checked_height BIGINT, \
     checked_day BIGINT, reasons TEXT, false_reasons TEXT, flags TEXT, wrong BIGINT, bad BIGINT, \
     again BIGINT, corrects TEXT, batch TEXT",
);
pub(crate) const AUTHORITIES: Table = table(
    "authorities",
    "pos POS, born BIGINT, upto BIGINT, code TEXT, member BIGINT, level BIGINT, name TEXT, state TEXT, \
     may_issue TEXT, may_rely TEXT, may_handle TEXT, successor TEXT, succession_day BIGINT",
);
pub(crate) const KEYS: Table = table(
    "keys",
    "pos POS, born BIGINT, upto BIGINT, key TEXT, owner TEXT, region BIGINT, roles TEXT, \
     not_before BIGINT, not_after BIGINT, state TEXT, retires_at BIGINT, revoked_at BIGINT, \
     revoked_height BIGINT, reason TEXT, since BIGINT",
);
pub(crate) const CATALOGUE: Table = table(
    "catalogue",
    "pos POS, cat TEXT, version BIGINT, provider TEXT, region BIGINT, title TEXT, share TEXT, \
     state TEXT, basis TEXT, basis_digest TEXT, tightening TEXT, tightened BIGINT, personal BIGINT",
);
pub(crate) const REQUESTS: Table = table(
    "requests",
    "pos POS, born BIGINT, upto BIGINT, req TEXT, cat TEXT, provider TEXT, provider_region BIGINT, \
     consumer TEXT, consumer_region BIGINT, purpose_kind TEXT, purpose TEXT, state TEXT, \
     submitted BIGINT, acknowledged BIGINT, closed BIGINT, ack_due BIGINT, answer_due BIGINT, \
     used_days BIGINT, denial BIGINT, basis TEXT",
);
pub(crate) const GRANTS: Table = table(
    "grants",
    "pos POS, born BIGINT, upto BIGINT, grant_id TEXT, cat TEXT, provider TEXT, consumer TEXT, \
     purpose_kind TEXT, purpose TEXT, per_day BIGINT, from_day BIGINT, until_day BIGINT, \
     automatic BIGINT, state TEXT",
);
pub(crate) const RECEIPTS: Table = table(
    "receipts",
    "pos POS, born BIGINT, upto BIGINT, rcp TEXT, grant_id TEXT, cat TEXT, provider TEXT, \
     provider_region BIGINT, consumer TEXT, consumer_region BIGINT, purpose TEXT, per_day BIGINT, \
     case_commit TEXT, uses BIGINT, records BIGINT, t0 BIGINT, day BIGINT, put_by TEXT, state TEXT, \
     answer TEXT, answer_due BIGINT, flags TEXT",
);
pub(crate) const CASES: Table = table(
    "cases",
    "pos POS, born BIGINT, upto BIGINT, case_id TEXT, base TEXT, lead BIGINT, mode TEXT, \
     receiver TEXT, receiver_region BIGINT, handler TEXT, handler_region BIGINT, state TEXT, \
     opened BIGINT, accepted BIGINT, decided BIGINT, ended BIGINT, promise_due BIGINT, \
     legal_due BIGINT, pauses BIGINT, pause_days BIGINT, outcome TEXT",
);
pub(crate) const HANDOVERS: Table = table(
    "handovers",
    "pos POS, born BIGINT, upto BIGINT, hand TEXT, case_id TEXT, receiver TEXT, \
     receiver_region BIGINT, handler TEXT, handler_region BIGINT, sent BIGINT, due BIGINT, \
     answered BIGINT, result TEXT",
);
pub(crate) const EVALUATIONS: Table = table(
    "evaluations",
    "pos POS, born BIGINT, upto BIGINT, ekey TEXT, case_id TEXT, stage TEXT, grade BIGINT, unit TEXT, \
     unit_region BIGINT, reporter TEXT, state TEXT, recorded BIGINT, rectify_due BIGINT, \
     remedied BIGINT, revisited BIGINT",
);
pub(crate) const BALLOTS: Table = table(
    "ballots",
    "pos POS, born BIGINT, upto BIGINT, prop TEXT, action TEXT, proposer BIGINT, electors BIGINT, \
     needed BIGINT, approved TEXT, opposed TEXT, state TEXT, closes_at BIGINT, digest TEXT",
);
pub(crate) const ITEMS: Table = table(
    "items",
    "pos POS, born BIGINT, upto BIGINT, item TEXT, base TEXT, version BIGINT, name TEXT, lead BIGINT, \
     participants TEXT, state TEXT, agreed_at BIGINT, live_at BIGINT",
);
pub(crate) const READ_LOGS: Table = table(
    "read_logs",
    "pos POS, region BIGINT, day BIGINT, auditor TEXT, count BIGINT, root TEXT, late BIGINT",
);

pub(crate) const TABLES: &[&Table] = &[
    &META,
    &BLOCKS,
    &EVENTS,
    &FLAGS,
    &TEXTS,
    &CERTS,
    &CHANGES,
    &REAFFIRMED,
    &DECISIONS,
    &AUTHORITIES,
    &KEYS,
    &CATALOGUE,
    &REQUESTS,
    &GRANTS,
    &RECEIPTS,
    &CASES,
    &HANDOVERS,
    &EVALUATIONS,
    &BALLOTS,
    &ITEMS,
    &READ_LOGS,
];

/// Table and columns of each index; after `|`, the rows it is of.
pub(crate) const INDEXES: &[(&str, &str)] = &[
    ("blocks", "time"),
    ("events", "subject, pos"),
    ("events", "actor, pos"),
    ("events", "region, pos"),
    ("events", "kind, pos"),
    ("events", "key, pos"),
    ("texts", "pos | pattern <> ''"),
    ("certs", "att"),
    ("certs", "ident | ident IS NOT NULL"),
    ("certs", "commitment | commitment IS NOT NULL"),
    ("cert_changes", "att, pos"),
    ("cert_changes", "change, pos"),
    ("reaffirmed", "key"),
    ("decisions", "att, pos"),
    ("decisions", "pos | wrong = 1"),
    ("decisions", "pos | outcome = 'refused'"),
    ("decisions", "pos | bad = 1"),
    ("decisions", "pos | again = 1"),
    ("authorities", "code, pos"),
    ("keys", "key, pos"),
    ("keys", "owner, pos"),
    ("catalogue", "cat, pos"),
    ("requests", "req, upto"),
    ("requests", "born"),
    ("grants", "grant_id, upto"),
    ("receipts", "rcp, upto"),
    ("receipts", "cat, born"),
    ("receipts", "born | flags <> ''"),
    ("receipts", "born | state <> 'confirmed'"),
    ("cases", "case_id, upto"),
    ("cases", "born"),
    ("handovers", "hand, upto"),
    ("handovers", "born"),
    ("evaluations", "ekey, upto"),
    ("evaluations", "born | grade <= 2"),
    ("ballots", "prop, upto"),
    ("items", "item, upto"),
];

/// What makes the tables.
pub(crate) fn create(key: &str, text: &str) -> String {
    let tables = TABLES.iter().map(|table| {
        let columns = table.columns.replace("POS", key).replace("TEXT", text);
        let own = table.key.map(|key| format!(", PRIMARY KEY ({key})")).unwrap_or_default();
        format!("CREATE TABLE IF NOT EXISTS {} ({columns}{own});\n", table.name)
    });
    let indexes = INDEXES.iter().enumerate().map(|(number, (table, columns))| {
        let (columns, of) = columns.split_once('|').unwrap_or((columns, ""));
        let of = if of.is_empty() { String::new() } else { format!(" WHERE{of}") };
        format!(
            "CREATE INDEX IF NOT EXISTS i{number}_{table} ON {table} ({}){of};\n",
            columns.trim()
        )
    });
    tables.chain(indexes).collect()
}
