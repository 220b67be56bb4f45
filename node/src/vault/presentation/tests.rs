//! Presentations: what they prove, what they keep back, and that nothing else is accepted.

use super::super::record::tests::record;
use super::*;

const CHAIN: ChainId = ChainId([3; 32]);
const NOW: Millis = Millis(1_750_000_000_000);

fn facts(record: &Record) -> LedgerFacts {
    LedgerFacts {
        chain: CHAIN,
        att_id: record.att_id,
        type_code: record.licence.type_code,
        issuer: record.licence.issuer_code,
        content: record.commitments.content,
        holder: record.commitments.holder,
    }
}

fn show(fields: &[&'static str]) -> Disclosure<'static> {
    Disclosure { fields: fields.to_vec(), ..Disclosure::default() }
}

fn make(disclosure: &Disclosure<'_>) -> Presentation {
    Presentation::new(&record(1), CHAIN, NOW, disclosure).unwrap()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn all_forms_carry_the_same() {
    let pair = KeyPair::from_secret(&[8; 32]);
    let disclosure = Disclosure {
        holder: true,
        expires: Some(Millis(NOW.0 + 60_000)),
        purpose: Some("路面查验"),
        sign_with: Some(&pair),
        ..show(&["证照名称", "valid_until", "fields.住所"])
    };
    let made = make(&disclosure);
    assert_eq!(Presentation::from_cbor(&made.to_cbor()), Ok(made.clone()));
    assert_eq!(Presentation::from_json(made.to_json().as_bytes()), Ok(made.clone()));
    assert_eq!(Presentation::from_text(&made.to_text()), Ok(made.clone()));
    assert_eq!(Presentation::from_text(&format!("{}\r\n", made.to_text())), Ok(made.clone()));
    for form in [made.to_cbor(), made.to_json().into_bytes(), made.to_text().into_bytes()] {
        assert_eq!(Presentation::from_any(&form), Ok(made.clone()));
    }
    let checked = made.verify(&facts(&record(1)), NOW).unwrap();
    assert_eq!(checked.value("证照名称"), Some("营业执照"));
    assert_eq!(checked.value("valid_until"), Some("长期"));
    assert_eq!(checked.value("holder.name"), None);
    assert_eq!(checked.fields.len(), 3);
    assert_eq!(checked.holder, Some(&record(1).licence.holder));
}

#[test]
fn what_is_kept_back_is_not_there() {
    let record = record(1);
    let content = record.licence.content().unwrap();
    for chosen in [&["住所"][..], &["证照名称", "issued_on"], &["certificate_number"]] {
        let made = make(&show(chosen));
        let names: Vec<String> = chosen.iter().map(|name| flattened_name(name)).collect();
        for form in [made.to_cbor(), made.to_json().into_bytes()] {
            for field in content.fields() {
                let shown = names.contains(&field.name);
                // The head says type and issuer, and a number may be a part of something else.
                let short = field.value.len() < 6;
                let head = ["type_code", "issuer_code"].contains(&field.name.as_str());
                let inside = names.iter().any(|name| {
                    let mut fields = content.fields().iter();
                    fields.any(|other| other.name == *name && other.value.contains(&field.value))
                });
                if !(short || head || shown || inside) {
                    assert!(!contains(&form, field.value.as_bytes()), "{}", field.name);
                }
                if shown {
                    assert!(contains(&form, field.value.as_bytes()), "{}", field.name);
                }
            }
            let salts = [&record.salts.holder, &record.salts.content, &record.salts.identifier];
            for salt in salts {
                assert!(!contains(&form, salt.reveal()));
                let hex: String = salt.reveal().iter().map(|b| format!("{b:02x}")).collect();
                assert!(!contains(&form, hex.as_bytes()));
            }
        }
    }
    // Opening the holder shows the holder's salt and still not that of the content.
    let made = make(&Disclosure { holder: true, ..show(&["住所"]) }).to_cbor();
    assert!(contains(&made, record.salts.holder.reveal()));
    assert!(!contains(&made, record.salts.content.reveal()));
    assert!(!contains(&made, record.licence.certificate_number.as_bytes()));
}

#[test]
fn any_changed_byte_is_refused_or_breaks_the_signature() {
    let pair = KeyPair::from_secret(&[8; 32]);
    let disclosure = Disclosure {
        holder: true,
        expires: Some(Millis(u64::MAX)),
        purpose: Some("p"),
        sign_with: Some(&pair),
        ..show(&["证照名称", "valid_until"])
    };
    let (made, facts) = (make(&disclosure), facts(&record(1)));
    assert!(made.is_signed_by(&pair.public()));
    assert!(!made.is_signed_by(&KeyPair::from_secret(&[9; 32]).public()));
    assert_eq!(made.signer(), Some(pair.id()));
    let bytes = made.to_cbor();
    for position in 0..bytes.len() {
        for mask in [0x01, 0x40] {
            let mut changed = bytes.clone();
            changed[position] ^= mask;
            let accepted = Presentation::from_cbor(&changed).is_ok_and(|changed| {
                changed.verify(&facts, NOW).is_ok() && changed.is_signed_by(&pair.public())
            });
            assert!(!accepted, "byte {position}");
        }
    }
    // Without the signature only created, expiry and purpose could be changed.
    let bare = make(&Disclosure { sign_with: None, ..disclosure });
    assert_eq!(bare.signer(), None);
    assert!(!bare.is_signed_by(&pair.public()));
    let (bytes, mut silent) = (bare.to_cbor(), 0);
    for position in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[position] ^= 0x01;
        let Ok(changed) = Presentation::from_cbor(&changed) else { continue };
        if changed.verify(&facts, NOW).is_ok() {
            silent += 1;
            let Presentation { created, expires, ref purpose, .. } = changed;
            let same = (created, expires, purpose) == (bare.created, bare.expires, &bare.purpose);
            assert!(!same, "byte {position}");
        }
    }
    assert!(silent > 0);
}

#[test]
fn the_ledger_decides() {
    let made = make(&Disclosure {
        holder: true,
        expires: Some(NOW),
        ..show(&["证照名称", "type_code", "holder.name"])
    });
    let good = facts(&record(1));
    assert!(made.verify(&good, NOW).is_ok());
    let with = |change: fn(&mut LedgerFacts)| {
        let mut facts = good;
        change(&mut facts);
        made.verify(&facts, NOW).unwrap_err()
    };
    assert_eq!(with(|facts| facts.chain = ChainId([4; 32])), VerifyError::Chain);
    assert_eq!(with(|facts| facts.att_id = Id16([4; 16])), VerifyError::Attestation);
    let other = |facts: &mut LedgerFacts| facts.issuer = "11310000HEFU01037L".parse().unwrap();
    assert_eq!(with(other), VerifyError::Facts);
    assert_eq!(
        with(|facts| facts.content = record(2).commitments.content),
        VerifyError::Content(OpeningError::Root)
    );
    assert_eq!(with(|facts| facts.holder = record(2).commitments.holder), VerifyError::Holder);
    let late = made.verify(&good, Millis(NOW.0 + 1)).unwrap_err();
    assert_eq!(late, VerifyError::Expired { at: NOW });
}

/// An issuer that commits to one holder and writes another into the fields is found out.
#[test]
fn holder_and_fields_must_agree() {
    let mut record = record(1);
    record.licence.holder.name.push('甲');
    let salts = record.salts.clone();
    let other = super::super::record::Commitments::new(&record.licence, None, &salts).unwrap();
    let disclosure = Disclosure { holder: true, ..show(&["holder.name"]) };
    let mut made = Presentation::new(&record, CHAIN, NOW, &disclosure).unwrap();
    made.content = make(&show(&["holder.name"])).content;
    let facts =
        LedgerFacts { holder: other.holder, ..facts(&super::super::record::tests::record(1)) };
    assert_eq!(made.verify(&facts, NOW), Err(VerifyError::Holder));
}

#[test]
fn refusals_name_their_reason() {
    let new = |disclosure: &Disclosure<'_>| Presentation::new(&record(1), CHAIN, NOW, disclosure);
    let unknown = new(&show(&["住所", "车牌"]));
    assert_eq!(unknown, Err(PresentationError::NoField { name: "车牌".into() }));
    assert_eq!(new(&show(&[])), Err(PresentationError::NoFields));
    for purpose in ["", "a\nb", &"x".repeat(MAX_PURPOSE_BYTES + 1)] {
        let refused = new(&Disclosure { purpose: Some(purpose), ..show(&["住所"]) });
        assert_eq!(refused, Err(PresentationError::Purpose));
    }
    let longest = "x".repeat(MAX_PURPOSE_BYTES);
    assert!(new(&Disclosure { purpose: Some(&longest), ..show(&["住所"]) }).is_ok());

    let mut made = make(&show(&["住所"]));
    let json = made.to_json();
    for (from, to) in [("\"chain\"", "\"extra\": 1, \"chain\""), ("{", "[")] {
        let refused = Presentation::from_json(json.replacen(from, to, 1).as_bytes());
        assert!(matches!(refused, Err(PresentationError::Json { .. })));
    }
    let large = format!("{json}{}", " ".repeat(MAX_PRESENTATION_JSON_BYTES));
    let refused = Presentation::from_json(large.as_bytes());
    assert!(matches!(refused, Err(PresentationError::TooLarge { .. })));
    let large = format!("{TEXT_PREFIX}{}", "A".repeat(2 * MAX_PRESENTATION_BYTES));
    let refused = Presentation::from_text(&large);
    assert!(matches!(refused, Err(PresentationError::TooLarge { .. })));
    for text in ["", "HEFU1:", "HEFU2:ABC", "hefu1:ABC", "HEFU1:abc"] {
        assert!(Presentation::from_text(text).is_err(), "{text}");
    }
    let refused = Presentation::from_cbor(&vec![0; MAX_PRESENTATION_BYTES + 1]);
    assert!(matches!(refused, Err(PresentationError::Codec(CodecError::TooLarge { .. }))));
    made.version = 2;
    assert_eq!(Presentation::from_cbor(&made.to_cbor()), Err(PresentationError::Version(2)));
}

#[test]
fn the_largest_fits_its_bounds() {
    let mut record = record(1);
    record.licence.fields.0 =
        (0..52).map(|number| (format!("{number:02}"), "\"".repeat(900))).collect();
    record.licence.check().unwrap();
    let content = record.licence.content().unwrap();
    let names = content.fields().iter().map(|field| field.name.as_str()).collect();
    let disclosure = Disclosure { fields: names, holder: true, ..Disclosure::default() };
    let made = Presentation::new(&record, CHAIN, NOW, &disclosure).unwrap();
    assert!(made.to_cbor().len() > 45_000);
    assert_eq!(Presentation::from_cbor(&made.to_cbor()), Ok(made.clone()));
    assert_eq!(Presentation::from_json(made.to_json().as_bytes()), Ok(made));
}

#[test]
fn qr_codes_hold_the_text_or_say_why_not() {
    let usual = ["证照名称", "certificate_number", "valid_from", "valid_until", "holder.name"];
    let (made, image) = Presentation::new_with_qr(&record(1), CHAIN, NOW, &show(&usual)).unwrap();
    assert_eq!(made, make(&show(&usual)));
    assert!(made.to_text().len() < 1_500, "{}", made.to_text().len());
    assert!(image.width() <= 125, "{} modules: still easy to scan", image.width());

    let mut record = record(1);
    let fields = vec!["证照名称", "住所", "许可范围", "备注"];
    let disclosure = Disclosure { fields, ..Disclosure::default() };
    record.licence.fields.0.insert("许可范围".into(), "甲".repeat(1_200));
    match Presentation::new_with_qr(&record, CHAIN, NOW, &disclosure).unwrap_err() {
        QrError::TooLarge { characters, limit, fields_that_fit } => {
            assert!(characters > limit && limit == MAX_QR_CHARACTERS);
            assert_eq!(fields_that_fit, Some(2));
        }
        other => panic!("{other}"),
    }
    let only = Disclosure { fields: vec!["许可范围"], ..Disclosure::default() };
    let refused = Presentation::new_with_qr(&record, CHAIN, NOW, &only).unwrap_err();
    assert!(matches!(refused, QrError::TooLarge { fields_that_fit: Some(0), .. }));
    assert!(refused.to_string().contains("4296"), "{refused}");
}

/// Frozen: what holders carry today must be read for ever.
#[test]
fn golden() {
    let pair = KeyPair::from_secret(&[8; 32]);
    let made = make(&Disclosure {
        holder: true,
        expires: Some(Millis(NOW.0 + 1)),
        purpose: Some("路面查验"),
        sign_with: Some(&pair),
        ..show(&["证照名称"])
    });
    let digest = hash(Domain::Digest, &[&made.to_cbor()]);
    assert_eq!(
        digest.to_string(),
        "7338952175fc967728d5b100ebce29283caab9adbddd9ca58df7431a5f680cc5"
    );
    let json: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&made.to_json()).unwrap();
    let keys: std::collections::BTreeSet<&str> = json.keys().map(String::as_str).collect();
    let all = [
        "att_id",
        "chain",
        "content",
        "created",
        "expires",
        "holder",
        "issuer",
        "purpose",
        "signature",
        "type_code",
        "version",
    ];
    assert_eq!(keys, all.into());
}
