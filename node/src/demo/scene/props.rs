//! Files that lie ready when a scenario begins: licences of a library, and papers. Everything in
//! them is made up, and nobody is a person.

use hefu_primitives::codes::Identifier;
use hefu_primitives::time::Day;
use serde_json::{Value, json};

/// A file in the folder where the commands are typed.
pub struct Prop {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// How many days ago the licences of scenarios began.
const AGE_DAYS: i64 = 10;

/// The day on which the licences of scenarios began.
pub(super) fn start(today: Day) -> Day {
    today.add_days(-AGE_DAYS).unwrap_or(today)
}

/// Papers: each says no more than its name.
pub(super) fn papers(names: &[&str]) -> Vec<Prop> {
    let paper = |name: &&str| Prop {
        name: (*name).to_owned(),
        bytes: format!("{} (示例 / sample)\n", name.trim_end_matches(".txt")).into_bytes(),
    };
    names.iter().map(paper).collect()
}

/// A licence as a file of its own.
pub(super) fn file(name: &str, licence: &Value) -> Prop {
    Prop { name: name.to_owned(), bytes: format!("{licence}\n").into_bytes() }
}

/// What stands on a licence.
pub(super) struct Face<'a> {
    pub(super) kind: &'a str,
    pub(super) issuer: &'a str,
    pub(super) serial: &'a str,
    pub(super) area: &'a str,
    /// Kind of code, code, name.
    pub(super) holder: [&'a str; 3],
    pub(super) fields: Value,
    pub(super) years: i64,
}

impl Face<'_> {
    /// The licence as a library gives it out.
    pub(super) fn licence(&self, today: Day) -> Value {
        let start = start(today);
        let until = start.add_days(365 * self.years).unwrap_or(start);
        let identifier = self.kind.parse().ok().zip(self.issuer.parse().ok());
        let identifier = identifier
            .and_then(|(kind, issuer)| Identifier::new(kind, issuer, self.serial, 1).ok());
        let [code_type, code, name] = self.holder;
        json!({
            "type_code": self.kind,
            "identifier": identifier.map(|identifier| identifier.to_string()),
            "certificate_number": self.serial,
            "version": 1,
            "issuer_code": self.issuer,
            "area_code": self.area,
            "issued_on": start,
            "valid_from": start,
            "valid_until": until,
            "holder": { "code_type": code_type, "code": code, "name": name },
            "fields": self.fields,
        })
    }
}
