//! Who plays: provinces and authorities of the sample. Commands are literals, so authorities stand
//! in them by these macros.

use hefu_primitives::Region;

/// Shanghai.
pub(super) const SHANGHAI: Region = Region(310_000);
/// Jiangsu.
pub(super) const JIANGSU: Region = Region(320_000);
/// Zhejiang.
pub(super) const ZHEJIANG: Region = Region(330_000);
/// Anhui.
pub(super) const ANHUI: Region = Region(340_000);

/// A credit code as a literal, for `concat!`.
macro_rules! code {
    (police of shanghai) => {
        "11310000HEFU01029R"
    };
    (police of zhejiang) => {
        "11330000HEFU030241"
    };
    (police of anhui) => {
        "11340000HEFU04027M"
    };
    (market of shanghai) => {
        "11310000HEFU01037L"
    };
    (market of jiangsu) => {
        "11320000HEFU0203X4"
    };
    (market of zhejiang) => {
        "11330000HEFU03032U"
    };
    (labour of shanghai) => {
        "11310000HEFU01045F"
    };
    (labour of jiangsu) => {
        "11320000HEFU020484"
    };
    (transport of shanghai) => {
        "11310000HEFU01088W"
    };
    (transport of jiangsu) => {
        "11320000HEFU02080F"
    };
}

/// A command of several literals.
macro_rules! command {
    ($($part:expr),* $(,)?) => {
        concat!($($part),*)
    };
}

pub(super) use {code, command};

/// Certificate types of the sample.
pub(super) const DRIVING: &str = "11100000HEFU90017F002";
pub(super) const FOOD: &str = "11100000HEFU90025A002";
pub(super) const TRANSPORT: &str = "11100000HEFU90076J001";
