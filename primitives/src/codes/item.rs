//! Codes of government service items, GB/T 39554.1-2020, and of the cases handled under them.
//!
//! | code | characters | parts |
//! |---|---|---|
//! | base | 12 | area 2, kind 2, main 5, sub 3 |
//! | implementation | 31 | authority's credit code 18, level 1, base 12 |
//! | handling | 33 | implementation 31, handling item 2 |
//! | case | 43 | implementation 31, day 8, sequence 4 |
//!
//! Rules: area is 00 for the whole country, the first two digits of a province, or 99 for what is
//! made up; kind is not 00; level is 1 to 6; the handling item is not 00; the day exists.
//!
//! Whether an item is live, and whether its authority may handle it, is not known here.

use super::{digits, region, uscc};
use crate::ids::{BaseCode, IdError, ImplCode, Region, Uscc};
use crate::time::Day;
use core::{fmt, str::FromStr};

/// Area code of items made up for tests and demonstrations.
pub const FICTITIOUS_AREA: u8 = 99;

/// Why a text is not the code of a service item or case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ItemError {
    /// Wrong length or characters.
    #[error(transparent)]
    Shape(#[from] IdError),
    /// A letter where only digits may be.
    #[error("the item's parts must be digits")]
    Digits,
    /// The area is neither the country, a province, nor 99.
    #[error("area {area:02} is not known")]
    Area {
        /// Area found.
        area: u8,
    },
    /// Kind 00.
    #[error("kind 00 does not exist")]
    Kind,
    /// The level is not 1 to 6.
    #[error("the level must be 1 to 6")]
    Level,
    /// The authority's credit code is wrong.
    #[error("authority: {0}")]
    Authority(#[from] uscc::UsccError),
    /// Handling item 00.
    #[error("the handling item must be 01 to 99")]
    HandlingItem,
    /// The day in a case number does not exist.
    #[error("the day does not exist")]
    Day,
}

/// What sort of power or service an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ItemKind {
    /// 01 行政许可
    Licence,
    /// 02 行政处罚
    Penalty,
    /// 03 行政强制
    Coercion,
    /// 04 行政征收
    Levy,
    /// 05 行政给付
    Payment,
    /// 06 行政检查
    Inspection,
    /// 07 行政确认
    Confirmation,
    /// 08 行政奖励
    Reward,
    /// 09 行政裁决
    Ruling,
    /// 10 其他行政权力
    OtherPower,
    /// 20 公共服务
    PublicService,
    /// A kind some province added, 21 for instance.
    Local(u8),
}

impl ItemKind {
    /// The kind with this two-digit code; none for 0 and above 99.
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Licence,
            2 => Self::Penalty,
            3 => Self::Coercion,
            4 => Self::Levy,
            5 => Self::Payment,
            6 => Self::Inspection,
            7 => Self::Confirmation,
            8 => Self::Reward,
            9 => Self::Ruling,
            10 => Self::OtherPower,
            20 => Self::PublicService,
            11..=99 => Self::Local(code),
            _ => return None,
        })
    }
}

/// The level of government at which a power is exercised, 行使层级.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    minicbor::Encode,
    minicbor::Decode,
    serde::Serialize,
    serde::Deserialize,
)]
#[cbor(index_only)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// 1 国家级
    #[n(1)]
    National,
    /// 2 省级
    #[n(2)]
    Province,
    /// 3 市级
    #[n(3)]
    City,
    /// 4 县级
    #[n(4)]
    County,
    /// 5 乡镇街道级
    #[n(5)]
    Township,
    /// 6 村社区级
    #[n(6)]
    Village,
}

impl Level {
    /// The level with this digit.
    pub const fn from_digit(digit: u8) -> Option<Self> {
        Some(match digit {
            1 => Self::National,
            2 => Self::Province,
            3 => Self::City,
            4 => Self::County,
            5 => Self::Township,
            6 => Self::Village,
            _ => return None,
        })
    }

    /// The digit written in an implementation code.
    pub const fn digit(self) -> u8 {
        match self {
            Self::National => 1,
            Self::Province => 2,
            Self::City => 3,
            Self::County => 4,
            Self::Township => 5,
            Self::Village => 6,
        }
    }
}

/// The parts of a base code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BaseParts {
    /// First two digits of the province that listed the item; 0 for the whole country.
    pub area: u8,
    /// Sort of power or service.
    pub kind: ItemKind,
    /// Main item, five digits.
    pub main: u32,
    /// Sub-item, three digits; 0 when the main item is meant.
    pub sub: u16,
}

/// The parts of an implementation code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImplParts {
    /// The authority that exercises the power.
    pub authority: Uscc,
    /// At which level.
    pub level: Level,
    /// The item.
    pub base: BaseCode,
}

impl BaseCode {
    /// Splits and checks the code.
    ///
    /// # Errors
    /// The first part that is wrong.
    pub fn parts(&self) -> Result<BaseParts, ItemError> {
        let [area @ .., _, _, _, _, _, _, _, _, _, _] = self.as_bytes();
        let [_, _, kind @ .., _, _, _, _, _, _, _, _] = self.as_bytes();
        let [_, _, _, _, main @ .., _, _, _] = self.as_bytes();
        let [_, _, _, _, _, _, _, _, _, sub @ ..] = self.as_bytes();
        let (area, kind) = (small(area)?, small(kind)?);
        let main = digits(main).ok_or(ItemError::Digits)?;
        let sub = digits(sub).and_then(|sub| u16::try_from(sub).ok()).ok_or(ItemError::Digits)?;
        if !is_area(area) {
            return Err(ItemError::Area { area });
        }
        Ok(BaseParts { area, kind: ItemKind::from_code(kind).ok_or(ItemError::Kind)?, main, sub })
    }
}

impl ImplCode {
    /// Joins the parts.
    ///
    /// # Errors
    /// The first part that is wrong.
    pub fn from_parts(parts: ImplParts) -> Result<Self, ItemError> {
        let ImplParts { authority, level, base } = parts;
        let code: Self = format!("{authority}{}{base}", level.digit()).parse()?;
        code.parts().map(|_| code)
    }

    /// Splits and checks the code, base code included.
    ///
    /// # Errors
    /// The first part that is wrong.
    pub fn parts(&self) -> Result<ImplParts, ItemError> {
        let [authority @ .., _, _, _, _, _, _, _, _, _, _, _, _, _] = *self.as_bytes();
        let [.., level, _, _, _, _, _, _, _, _, _, _, _, _] = *self.as_bytes();
        let authority = Uscc(authority);
        uscc::check(&authority)?;
        let level = small(&[level]).map_err(|_| ItemError::Level)?;
        let level = Level::from_digit(level).ok_or(ItemError::Level)?;
        let base = self.base();
        base.parts()?;
        Ok(ImplParts { authority, level, base })
    }

    /// The base code, the last twelve characters.
    pub const fn base(&self) -> BaseCode {
        let [_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, base @ ..] = *self.as_bytes();
        BaseCode(base)
    }
}

/// 业务办理项编码: one way of handling an item, 33 characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HandlingCode {
    implementation: ImplCode,
    item: u8,
}

impl HandlingCode {
    /// Length in characters.
    pub const LEN: usize = 33;

    /// The implementation code.
    pub const fn implementation(&self) -> ImplCode {
        self.implementation
    }

    /// The handling item, 1 to 99.
    pub const fn item(&self) -> u8 {
        self.item
    }
}

impl FromStr for HandlingCode {
    type Err = ItemError;

    fn from_str(text: &str) -> Result<Self, ItemError> {
        let (implementation, rest) = split(text, Self::LEN)?;
        let item = small(rest)?;
        if item == 0 {
            return Err(ItemError::HandlingItem);
        }
        Ok(Self { implementation, item })
    }
}

impl fmt::Display for HandlingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:02}", self.implementation, self.item)
    }
}

/// 办件号: one case, 43 characters. Made by the handling system; the ledger names cases by random
/// ids instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseNumber {
    implementation: ImplCode,
    day: Day,
    sequence: u16,
}

impl CaseNumber {
    /// Length in characters.
    pub const LEN: usize = 43;

    /// The implementation code.
    pub const fn implementation(&self) -> ImplCode {
        self.implementation
    }

    /// The day the number was given out.
    pub const fn day(&self) -> Day {
        self.day
    }

    /// Number within the day, four digits.
    pub const fn sequence(&self) -> u16 {
        self.sequence
    }
}

impl FromStr for CaseNumber {
    type Err = ItemError;

    fn from_str(text: &str) -> Result<Self, ItemError> {
        let (implementation, rest) = split(text, Self::LEN)?;
        let (day, sequence) = rest.split_at_checked(8).ok_or(ItemError::Digits)?;
        let day = digits(day).ok_or(ItemError::Digits)?;
        let day = Day::from_number(day).map_err(|_| ItemError::Day)?;
        let sequence = digits(sequence).and_then(|number| u16::try_from(number).ok());
        Ok(Self { implementation, day, sequence: sequence.ok_or(ItemError::Digits)? })
    }
}

impl fmt::Display for CaseNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { implementation, day, sequence } = self;
        write!(f, "{implementation}{:08}{sequence:04}", day.number())
    }
}

/// Splits off a checked implementation code from a text of `expected` characters.
fn split(text: &str, expected: usize) -> Result<(ImplCode, &[u8]), ItemError> {
    if text.len() != expected {
        return Err(IdError::Length { expected, found: text.len() }.into());
    }
    let (implementation, rest) = text.split_at_checked(ImplCode::LEN).ok_or(IdError::Character)?;
    let implementation: ImplCode = implementation.parse()?;
    implementation.parts()?;
    Ok((implementation, rest.as_bytes()))
}

fn small(text: &[u8]) -> Result<u8, ItemError> {
    digits(text).and_then(|number| u8::try_from(number).ok()).ok_or(ItemError::Digits)
}

fn is_area(area: u8) -> bool {
    let province = Region(u32::from(area).saturating_mul(10_000));
    area == 0 || area == FICTITIOUS_AREA || region::is_member_eligible(province)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Canonical;

    fn base(text: &str) -> Result<BaseParts, ItemError> {
        text.parse::<BaseCode>().unwrap().parts()
    }

    #[test]
    fn base_codes_in_use() {
        use ItemKind as K;
        for (text, area, kind, main, sub) in [
            ("000172143001", 0, K::Licence, 72_143, 1),
            ("002072029000", 0, K::PublicService, 72_029, 0),
            ("370117002011", 37, K::Licence, 17_002, 11),
            ("442199806003", 44, K::Local(21), 99_806, 3),
            ("991090001000", 99, K::OtherPower, 90_001, 0),
        ] {
            assert_eq!(base(text), Ok(BaseParts { area, kind, main, sub }), "{text}");
        }
        assert_eq!(base("380117002011"), Err(ItemError::Area { area: 38 }));
        assert_eq!(base("370017002011"), Err(ItemError::Kind));
        assert_eq!(base("3701170020A1"), Err(ItemError::Digits));
        assert_eq!(ItemKind::from_code(100), None);
    }

    #[test]
    fn implementation_codes_in_use() {
        for (text, level) in [
            ("11100000MB0341032Y1000172143001", Level::National),
            ("11100000MB032716991000115035000", Level::National),
            ("11370800MB285591843370117002011", Level::City),
            ("12441500196720244T3442199806003", Level::City),
            ("11310000HEFU01029R2991090001000", Level::Province),
        ] {
            let code: ImplCode = text.parse().unwrap();
            let parts = code.parts().unwrap();
            assert_eq!(parts.authority.as_str(), &text[..18]);
            assert_eq!(parts.base.as_str(), &text[19..]);
            assert_eq!(parts.level, level);
            assert_eq!(ImplCode::from_parts(parts), Ok(code));
        }
        let wrong = |text: &str| text.parse::<ImplCode>().unwrap().parts().unwrap_err();
        assert_eq!(wrong("11100000MB0341032Y7000172143001"), ItemError::Level);
        assert_eq!(wrong("11100000MB0341032YA000172143001"), ItemError::Level);
        assert_eq!(wrong("11100000MB0341032Y1380172143001"), ItemError::Area { area: 38 });
        assert!(matches!(wrong("11100000MB0341032X1000172143001"), ItemError::Authority(_)));
    }

    #[test]
    fn handling_codes_and_case_numbers() {
        let text = "11100000MB0341032Y100017214300101";
        let handling: HandlingCode = text.parse().unwrap();
        assert_eq!((handling.item(), handling.to_string().as_str()), (1, text));
        let none = "11100000MB0341032Y100017214300100";
        assert_eq!(none.parse::<HandlingCode>(), Err(ItemError::HandlingItem));

        let text = "12441500196720244T3442199806003202206230068";
        let case: CaseNumber = text.parse().unwrap();
        assert_eq!((case.day().to_string().as_str(), case.sequence()), ("2022-06-23", 68));
        assert_eq!(case.to_string(), text);
        let wrong = |text: &str| text.parse::<CaseNumber>().unwrap_err();
        assert_eq!(wrong("12441500196720244T3442199806003202206310068"), ItemError::Day);
        assert_eq!(wrong("12441500196720244T344219980600320220623006A"), ItemError::Digits);
        assert!(matches!(wrong("12441500196720244T3442199806003"), ItemError::Shape(_)));
        let wide = "12441500196720244T34421998060证20220623006";
        assert_eq!(wide.len(), CaseNumber::LEN);
        assert!(matches!(wrong(wide), ItemError::Shape(_)));
    }

    #[test]
    fn levels_have_frozen_numbers() {
        for digit in 1..=6 {
            let level = Level::from_digit(digit).unwrap();
            assert_eq!(level.digit(), digit);
            assert_eq!(level.to_bytes(), [digit]);
        }
        assert_eq!((Level::from_digit(0), Level::from_digit(7)), (None, None));
    }
}
