//! What the ledger says that is needed to make an attestation of a licence: the type's rules.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use hefu_contracts::certificate::{
    Attest, CertType, CertTypeTerms, IdPolicy, Ident, ListState, Marks, Previous,
};
use hefu_primitives::codes::personal_data;
use hefu_primitives::time::DAY_MS;
use hefu_primitives::{Millis, TypeCode};
use serde_json::Value;

use super::super::client::Client;
use super::super::fault::Fault;
use super::super::list::{items, record};
use crate::vault::Record;

/// Days after which a record must say that it is late; one less than the ledger's, for the time
/// until the block.
const BACKFILL_DAYS: u64 = 29;
/// First characters of the credit codes of sole traders: the rules of persons apply to them.
const SOLE_TRADER: &str = "92";

/// Types as the ledger has them, each asked for once.
#[derive(Default)]
pub(crate) struct Types(BTreeMap<TypeCode, Option<CertTypeTerms>>);

impl Types {
    /// The adopted version of a type; `E301` when there is none.
    pub(crate) fn terms(
        &mut self,
        client: &Client,
        code: TypeCode,
    ) -> Result<&CertTypeTerms, Fault> {
        let found = match self.0.entry(code) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => {
                let answer = client.find(&format!("/types/{code}"), &[])?;
                free.insert(answer.as_ref().and_then(adopted))
            }
        };
        found.as_ref().ok_or_else(|| Fault::with("E301", code))
    }
}

/// The latest version in use, of an answer that holds one version or several.
fn adopted(answer: &Value) -> Option<CertTypeTerms> {
    let several = answer.get("versions").and_then(Value::as_array).map(Vec::as_slice);
    let rows = several.unwrap_or_else(|| match items(answer) {
        [] => std::slice::from_ref(answer),
        items => items,
    });
    rows.iter()
        .filter_map(|row| {
            let row = record(row);
            let fields = serde_json::json!({ "terms": row["terms"], "history": row["history"] });
            serde_json::from_value::<CertType>(fields).ok()
        })
        .filter(|version| version.state() == ListState::Adopted)
        .map(|version| version.terms)
        .max_by_key(|terms| terms.version)
}

/// How a licence is attested, besides what it says itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    /// Identifiers that break the rules are committed to, with the mark.
    pub(crate) legacy: bool,
    /// From a paper original.
    pub(crate) paper: bool,
    /// What it takes the place of.
    pub(crate) previous: Option<Previous>,
}

/// The attestation of a record, under its type's rules. What could point at a person is committed
/// to, and placed at prefecture precision.
pub(crate) fn attestation(
    record: &Record,
    terms: &CertTypeTerms,
    manner: Manner,
    now: Millis,
) -> Result<Attest, Fault> {
    let licence = &record.licence;
    let sole_trader = licence.holder.code.starts_with(SOLE_TRADER);
    let personal = terms.holder_class.is_personal() || sole_trader;
    let broken = licence.identifier_checked().err();
    if let Some(broken) = broken.filter(|_| !manner.legacy) {
        return Err(Fault::about("E305", broken));
    }
    let plain = terms.id_policy == IdPolicy::Plain && !personal && broken.is_none();
    let ident = match licence.identifier_checked() {
        Ok(identifier) if plain => {
            if let Some(kind) = personal_data(identifier.serial()) {
                return Err(Fault::about("E306", kind));
            }
            Ident::Plain(identifier.to_string())
        }
        _ => Ident::Committed(record.commitments.identifier.into()),
    };
    let issued = licence.issued_on.start().min(now);
    let backfill = now.0.saturating_sub(issued.0) > BACKFILL_DAYS * DAY_MS;
    Ok(Attest {
        id: record.att_id,
        type_code: licence.type_code,
        type_version: terms.version,
        region: if personal { licence.area_code.prefecture() } else { licence.area_code },
        ident,
        holder: record.commitments.holder.into(),
        content: record.commitments.content.into(),
        file: record.commitments.file.map(Into::into),
        seal: None,
        cert_version: licence.version,
        issued_on: licence.issued_on,
        valid_from: licence.valid_from,
        valid_until: licence.valid_until,
        previous: manner.previous,
        marks: Marks { legacy: broken.is_some(), backfill, paper_origin: manner.paper },
        occurred_at: issued,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::vault::Licence;
    use hefu_contracts::certificate::{HolderClass, Validity};
    use hefu_primitives::{H32, Region};

    pub(crate) const LICENCE: &str = r#"{"type_code":"11100000HEFU90025A003","identifier":"1.2.156.3005.2.11100000HEFU90025A003.11320000HEFU0203X4.4Y6N3WD25RQ4.001.V","certificate_number":"4Y6N3WD25RQ4","version":1,"issuer_code":"11320000HEFU0203X4","area_code":"320681","issued_on":"2026-04-20","valid_from":"2026-04-20","valid_until":"2031-04-20","holder":{"code_type":"001","code":"91320600HEFU72HD8T","name":"示例00000有限公司(虚构)"},"fields":{"证照名称":"食品生产许可证"}}"#;

    pub(crate) fn terms(class: HolderClass) -> CertTypeTerms {
        let personal = class.is_personal();
        CertTypeTerms {
            code: "11100000HEFU90025A003".parse().unwrap(),
            version: 2,
            name_zh: "x".into(),
            name_en: "x".into(),
            holder_class: class,
            holder_codes: vec![1],
            id_policy: if personal { IdPolicy::Committed } else { IdPolicy::Plain },
            schema_digest: H32([1; 32]),
            canon_version: 1,
            seal_required: false,
            validity: Validity::None,
            standard_digest: H32::ZERO,
            lead: Region(320_000),
        }
    }

    fn attest(text: &str, class: HolderClass, manner: Manner) -> Result<Attest, Fault> {
        let licence = Licence::from_json(text.as_bytes()).unwrap();
        let record = Record::new(licence, None, Millis(0)).unwrap();
        attestation(&record, &terms(class), manner, Millis(1_800_000_000_000))
    }

    #[test]
    fn organisations_are_plain_and_exact() {
        let act = attest(LICENCE, HolderClass::Legal, Manner::default()).unwrap();
        assert!(matches!(&act.ident, Ident::Plain(text) if text.ends_with(".001.V")));
        assert_eq!((act.region, act.type_version), (Region(320_681), 2));
        assert!(act.marks.backfill && !act.marks.legacy);
    }

    #[test]
    fn what_could_point_at_a_person_is_committed_and_coarse() {
        let act = attest(LICENCE, HolderClass::Mixed, Manner::default()).unwrap();
        assert!(matches!(act.ident, Ident::Committed(_)));
        assert_eq!(act.region, Region(320_600));
        let sole_trader = LICENCE.replace("91320600HEFU72HD8T", "92320600HEFU72HD8T");
        let act = attest(&sole_trader, HolderClass::Legal, Manner::default()).unwrap();
        assert!(matches!(act.ident, Ident::Committed(_)));
        assert_eq!(act.region, Region(320_600));
    }

    #[test]
    fn broken_identifiers_are_stock_or_refused() {
        let broken = LICENCE.replace(".001.V", ".001.W");
        let fault = attest(&broken, HolderClass::Legal, Manner::default()).unwrap_err();
        assert_eq!(fault.code, "E305");
        let stock = Manner { legacy: true, ..Manner::default() };
        let act = attest(&broken, HolderClass::Legal, stock).unwrap();
        assert!(act.marks.legacy && matches!(act.ident, Ident::Committed(_)));
    }

    #[test]
    fn the_latest_adopted_version_counts() {
        let version = |version: u16, state: &str| {
            let mut terms = terms(HolderClass::Legal);
            terms.version = version;
            let stamp = serde_json::json!({"height": "0", "time": "0", "occurred_at": "0", "key": "00".repeat(20)});
            serde_json::json!({"record": {"terms": terms, "history": [{"state": state, "stamp": stamp}]}})
        };
        let answer = serde_json::json!({"versions": [version(1, "adopted"), version(2, "adopted"), version(3, "paused")]});
        assert_eq!(adopted(&answer).map(|terms| terms.version), Some(2));
        assert_eq!(adopted(&version(4, "adopted")).map(|terms| terms.version), Some(4));
        assert_eq!(adopted(&version(4, "retired")), None);
        assert_eq!(
            adopted(&serde_json::json!({"items": [version(5, "adopted")]})).map(|t| t.version),
            Some(5)
        );
    }
}
