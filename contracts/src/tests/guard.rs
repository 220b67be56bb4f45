//! What the guard against personal numbers finds and lets pass, measured on generated codes: many
//! with optimisation, some without. `docs/guard.md` has the figures of
//! `cargo test --release -p hefu-contracts --lib tests::guard -- --nocapture`.

use hefu_primitives::codes::{Identifier, personal_data, type_code, uscc};
use hefu_primitives::time::Day;
use hefu_primitives::{ImplCode, Uscc};

use crate::screen::{bytes, serial, subject, text};

/// Codes of each kind.
const COUNT: usize = if cfg!(debug_assertions) { 1_500 } else { 1_000_000 };

const ALPHANUMERIC: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const CREDIT: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
const DIGITS: &[u8] = b"0123456789";
const PROVINCES: &[u8] = &[
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52,
    53, 54, 61, 62, 63, 64, 65,
];

/// xorshift: the same codes in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }

    fn of<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }

    fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length).map(|_| alphabet[self.below(alphabet.len())] as char).collect()
    }

    fn county(&mut self) -> String {
        let province = PROVINCES[self.below(PROVINCES.len())];
        format!("{province}{:02}{:02}", self.below(35), self.below(85))
    }

    fn credit(&mut self, kinds: &[&str]) -> Uscc {
        let kind = self.of(kinds);
        let county = self.county();
        // Old organisation codes are digits, new ones begin with MA.
        let body = match self.below(3) {
            0 => format!("MA{}", self.text(CREDIT, 6)),
            1 => self.text(CREDIT, 8),
            _ => self.text(DIGITS, 8),
        };
        uscc::with_checks(&format!("{kind}{county}{body}")).unwrap()
    }

    fn base(&mut self) -> String {
        let area = if self.below(3) == 0 { 0 } else { PROVINCES[self.below(PROVINCES.len())] };
        let kind = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20][self.below(11)];
        format!("{area:02}{kind:02}{:05}{:03}", self.below(100_000), self.below(1_000))
    }

    fn date(&mut self) -> Day {
        Day::new(1900 + self.below(130) as i16, 1 + self.below(12) as i8, 1 + self.below(28) as i8)
            .unwrap()
    }

    fn citizen(&mut self) -> String {
        let region = if self.below(20) == 0 { "999999".to_owned() } else { self.county() };
        let body = format!("{region}{}{:03}", self.date().number(), self.below(1_000));
        let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
        let sum: u32 = body.bytes().zip(weights).map(|(c, w)| u32::from(c - b'0') * w).sum();
        format!("{body}{}", b"10X98765432"[(sum % 11) as usize] as char)
    }

    fn old_citizen(&mut self) -> String {
        let birth = self.date().number() % 1_000_000;
        format!("{}{birth:06}{:03}", self.county(), self.below(1_000))
    }

    fn mobile(&mut self) -> String {
        format!("1{}{}", 3 + self.below(7), self.text(DIGITS, 9))
    }

    fn card(&mut self) -> String {
        // By their issuers: UnionPay in every length, the others in theirs.
        let (issuer, length) = match self.below(10) {
            0 => ("4", [16, 19][self.below(2)]),
            1 => (self.of(&["51", "53", "55", "2221", "2720"]), 16),
            2 => (self.of(&["3528", "3589", "60"]), 16),
            3 => ("9558", 19),
            _ => ("62", 16 + self.below(4)),
        };
        let body = format!("{issuer}{}", self.text(DIGITS, length - 1 - issuer.len()));
        let last = (0..10).find(|last| luhn(&format!("{body}{last}"))).unwrap();
        format!("{body}{last}")
    }

    /// A number in a disguise: other digits, gaps between its groups, something unseen.
    fn disguised(&mut self, number: &str, groups: &[usize]) -> String {
        let zero = [0x30, 0xff10, 0x0660, 0x1d7ce, 0x2080][self.below(5)];
        let gap =
            self.of(&[" ", "-", ".", "·", "—", "\u{3000}", " - ", "\u{a0}", ",", "_", "\u{2009}"]);
        let unseen = self.of(&["", "\u{200b}", "\u{200d}", "\u{feff}", "\u{ad}", "\u{2060}"]);
        let singles = self.below(4) == 0;
        let (mut text, mut left, mut next) = (String::new(), 0, groups.iter());
        for c in number.chars() {
            if left == 0 {
                left = if singles { 1 } else { *next.next().unwrap_or(&usize::MAX) };
                if !text.is_empty() {
                    text.push_str(gap);
                }
            }
            left -= 1;
            let digit = c.to_digit(10).and_then(|digit| char::from_u32(zero + digit));
            text.push(digit.unwrap_or(c));
            if self.below(3) == 0 {
                text.push_str(unseen);
            }
        }
        text
    }
}

fn luhn(text: &str) -> bool {
    let doubled = |(place, c): (usize, u8)| {
        let digit = u32::from(c - b'0') * if place % 2 == 1 { 2 } else { 1 };
        digit / 10 + digit % 10
    };
    text.bytes().rev().enumerate().map(doubled).sum::<u32>() % 10 == 0
}

/// How many of [`COUNT`] codes are found.
fn found(name: &str, mut finds: impl FnMut(&mut Random) -> bool) -> usize {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let count = (0..COUNT).filter(|_| finds(&mut random)).count();
    println!("{name}: {count} of {COUNT} refused");
    count
}

const REGISTERED: [&str; 9] = ["11", "12", "13", "19", "51", "52", "53", "91", "93"];

#[test]
fn codes_are_no_personal_numbers() {
    let none = [
        found("credit codes", |r| text(r.credit(&REGISTERED).as_str()).is_err()),
        found("credit codes of companies as serials", |r| {
            serial(r.credit(&["91", "93"]).as_str()).is_err()
        }),
        found("type codes", |r| {
            let definer = r.credit(&["11"]);
            let code = type_code::make(definer, 1 + r.below(999) as u16).unwrap();
            text(code.as_str()).is_err()
        }),
        found("identifiers, serials of letters and digits", |r| {
            let definer = r.credit(&["11"]);
            let kind = type_code::make(definer, 1 + r.below(999) as u16).unwrap();
            let issuer = r.credit(&REGISTERED[..4]);
            let length = [8, 12, 16, 20, 32][r.below(5)];
            let number = r.text(ALPHANUMERIC, length);
            let version = 1 + r.below(999) as u16;
            text(&Identifier::new(kind, issuer, &number, version).unwrap().to_string()).is_err()
        }),
        found("item codes", |r| text(&r.base()).is_err()),
        found("implementation codes", |r| {
            let code = format!("{}{}{}", r.credit(&REGISTERED[..4]), 1 + r.below(6), r.base());
            assert!(code.parse::<ImplCode>().unwrap().parts().is_ok(), "{code}");
            text(&code).is_err()
        }),
        found("record ids as subjects", |r| {
            let id: String = (0..16).map(|_| format!("{:02x}", r.below(256))).collect();
            subject(&format!("att:{id}")).is_err()
        }),
        found("commitments", |r| {
            let commitment: Vec<u8> = (0..32).map(|_| r.below(256) as u8).collect();
            bytes(&commitment).is_err()
        }),
    ];
    assert_eq!(none, [0; 8], "in the order above");
}

/// Credit codes of other bodies as serials: the few that are citizen ids as well are refused.
#[test]
fn the_one_conflict_of_credit_codes_and_citizen_ids() {
    let bodies = found("credit codes of other bodies as serials", |r| {
        let code = r.credit(&REGISTERED[..7]);
        let refused = serial(code.as_str()).is_err();
        let also_citizen = personal_data(code.as_str())
            .is_some_and(|found| found == hefu_primitives::codes::PersonalData::CitizenId);
        assert_eq!(refused, also_citizen, "{code}");
        refused
    });
    assert!(bodies * 10_000 <= COUNT, "{bodies}");
    // The other way round: a citizen id as a text of its own, where the field's contract decides.
    let passed = COUNT - found("citizen ids as bare texts", |r| text(&r.citizen()).is_err());
    assert!(passed * 1_000 <= COUNT, "{passed}");
}

#[test]
fn personal_numbers_are_refused_in_serials() {
    let all = [
        found("citizen ids", |r| serial(&r.citizen()).is_err()),
        found("citizen ids in small letters", |r| {
            personal_data(&r.citizen().to_lowercase()).is_some()
        }),
        found("citizen ids of the old form", |r| serial(&r.old_citizen()).is_err()),
        found("mobile numbers", |r| serial(&r.mobile()).is_err()),
        found("bank cards", |r| serial(&r.card()).is_err()),
        found("citizen ids between letters", |r| {
            let around = [r.text(ALPHANUMERIC, 3), r.text(ALPHANUMERIC, 3)];
            serial(&format!("{}{}{}", around[0], r.citizen(), around[1])).is_err()
        }),
        found("the others between letters", |r| {
            let number = match r.below(3) {
                0 => r.old_citizen(),
                1 => r.mobile(),
                _ => r.card(),
            };
            serial(&format!("A{number}B")).is_err()
        }),
    ];
    assert_eq!(all, [COUNT; 7], "in the order above");
}

#[test]
fn personal_numbers_are_found_in_disguise() {
    let mut random = Random(77);
    let mut split = |r: &mut Random, number: &str, groups: &[&[usize]]| {
        let groups = groups[random.below(groups.len())];
        let text = r.disguised(number, groups);
        let found = personal_data(&text).is_some();
        assert!(found, "{text:?}");
        found
    };
    let citizen = found("citizen ids in disguise", |r| {
        let number = r.citizen();
        split(r, &number, &[&[6, 8, 4], &[6, 4, 2, 2, 4], &[6, 8, 3, 1], &[3, 5, 7, 3], &[18]])
    });
    let old = found("old citizen ids in disguise", |r| {
        let number = r.old_citizen();
        split(r, &number, &[&[6, 6, 3], &[6, 2, 2, 2, 3], &[5, 5, 5], &[15]])
    });
    let mobile = found("mobile numbers in disguise", |r| {
        let number = r.mobile();
        split(r, &number, &[&[3, 4, 4], &[3, 8], &[7, 4], &[4, 4, 3], &[11]])
    });
    let card = found("bank cards in disguise", |r| {
        let number = r.card();
        split(r, &number, &[&[4, 4, 4, 4, 4], &[6, 13], &[8, 8, 8], &[19]])
    });
    assert_eq!([citizen, old, mobile, card], [COUNT; 4]);
}

/// What cannot be told apart: serials of digits alone. The shares are what arithmetic says.
#[test]
fn the_price_for_serials_of_digits_alone() {
    for (length, least, most) in [
        (8, 0.0, 0.0),
        (10, 0.0, 0.0),
        (11, 0.05, 0.09),
        (12, 0.0, 0.0),
        (13, 0.0, 0.002),
        (14, 0.0, 0.0),
        (15, 0.02, 0.05),
        (16, 0.05, 0.09),
        (17, 0.05, 0.09),
        (18, 0.05, 0.09),
        (19, 0.05, 0.09),
        (20, 0.0, 0.001),
    ] {
        let name = format!("serials of {length} digits");
        let count = found(&name, |r| serial(&r.text(DIGITS, length)).is_err());
        let share = count as f64 / COUNT as f64;
        assert!((least..=most).contains(&share), "{name}: {share}");
    }
}
