//! What a node stores and hands out is what `docs/hefu.cddl` describes: every block of a ledger
//! that was really used, each transaction and act in it, and a capsule.

use std::collections::BTreeMap;

use cddl_cat::cbor::validate_cbor;
use cddl_cat::context::BasicContext;
use cddl_cat::flatten::flatten_from_str;
use ciborium::Value;

use crate::harness::http::Http;

/// Acts of one kind that are looked at.
const ACTS: u32 = 20;
/// The first byte of a COSE_Sign1: tag 18.
const COSE_SIGN1: u8 = 0xd2;

pub(crate) struct Formats(BasicContext);

impl Formats {
    pub(crate) fn read() -> Self {
        // The validator knows no tags: they are checked here.
        let text = include_str!("../../../docs/hefu.cddl");
        let text = text.replace("#6.18", "");
        Self(BasicContext::new(flatten_from_str(&text).expect("CDDL")))
    }

    fn fits(&self, rule: &str, bytes: &[u8]) -> Result<Value, String> {
        let value: Value = ciborium::from_reader(bytes).map_err(|error| error.to_string())?;
        let rule = self.0.rules.get(rule).ok_or("no such rule")?;
        match validate_cbor(rule, &value, &self.0) {
            Ok(()) => Ok(value),
            Err(error) => Err(format!("{error}: {value:?}")),
        }
    }

    pub(crate) fn assert(&self, rule: &str, bytes: &[u8]) -> Value {
        self.fits(rule, bytes).unwrap_or_else(|why| panic!("no {rule}: {why}"))
    }

    /// Every block from the first to the last, down to the acts.
    pub(crate) fn assert_blocks(&self, http: &Http, last: u64) {
        let mut seen: BTreeMap<u64, u32> = BTreeMap::new();
        for height in 1..=last {
            let answer = http.get(&format!("/api/v1/blocks/{height}/raw"));
            assert_eq!(answer.status, 200, "block {height}");
            let block = self.assert("stored-block", &answer.body);
            for bundle in list(&list(&block)[2]) {
                let bundle = self.assert("raw-bundle", bytes(bundle));
                list(&bundle).iter().for_each(|tx| self.assert_transaction(bytes(tx), &mut seen));
            }
        }
        assert!(seen.len() > 5, "{seen:?}");
        assert!(self.fits("stored-block", &[0x80]).is_err());
        assert!(self.fits("act", &[0x82, 0x18, 0xff, 0x81, 0x80]).is_err());
    }

    fn assert_transaction(&self, bytes: &[u8], seen: &mut BTreeMap<u64, u32>) {
        let (tag, rest) = bytes.split_first().expect("bytes");
        assert_eq!(*tag, COSE_SIGN1);
        let parts = self.assert("transaction", rest);
        let body = self.assert("transaction-body", self::bytes(&list(&parts)[2]));
        for act in list(&list(&body)[2]) {
            let act = self::bytes(act);
            let value: Value = ciborium::from_reader(act).expect("CBOR");
            let number = list(&value)[0].as_integer().and_then(|number| number.try_into().ok());
            let count = seen.entry(number.expect("a number")).or_default();
            *count += 1;
            if *count <= ACTS {
                self.assert("act", act);
            }
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn bytes(value: &Value) -> &[u8] {
    value.as_bytes().expect("bytes")
}
