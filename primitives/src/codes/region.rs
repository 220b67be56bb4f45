//! Names and levels of regions: the 31 provinces of GB/T 2260, and the prefecture-level cities of
//! the four founding provinces, for display.
//!
//! Codes below the province change with every administrative reform, so nothing here refuses a
//! prefecture or county it has no name for: only provinces decide anything.
//!
//! Invariant: a member is one of the 31, or a pseudo-code registered here for a body that GB/T
//! 2260 gives no province code. 100000 is the centre; 710000, 810000 and 820000 are codes but no
//! members.

use crate::ids::Region;

/// The centre: central bodies carry it, no member has it.
pub const CENTRE: Region = Region(100_000);

/// A province, autonomous region or municipality, or a body registered like one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Province {
    /// GB/T 2260 code, or a registered pseudo-code.
    pub code: Region,
    /// Full Chinese name.
    pub name: &'static str,
    /// Short Chinese name: one character, as on a number plate.
    pub short: &'static str,
    /// English name.
    pub english: &'static str,
    /// Name in pinyin.
    pub pinyin: &'static str,
    /// GB/T 2260 letters; for a pseudo-code, two letters of our own.
    pub letters: &'static str,
}

/// A prefecture-level city, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct City {
    /// GB/T 2260 code.
    pub code: Region,
    /// Chinese name.
    pub name: &'static str,
    /// Name in pinyin.
    pub english: &'static str,
}

/// How much of the country a region code covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RegionLevel {
    /// The whole country.
    National,
    /// A province.
    Province,
    /// A prefecture-level city.
    Prefecture,
    /// A county or district.
    County,
}

/// The 31 provinces, by code.
#[rustfmt::skip]
pub static PROVINCES: [Province; 31] = [
    province(110_000, "北京市", "京", "Beijing", "Beijing Shi", "BJ"),
    province(120_000, "天津市", "津", "Tianjin", "Tianjin Shi", "TJ"),
    province(130_000, "河北省", "冀", "Hebei", "Hebei Sheng", "HE"),
    province(140_000, "山西省", "晋", "Shanxi", "Shanxi Sheng", "SX"),
    province(150_000, "内蒙古自治区", "蒙", "Inner Mongolia", "Nei Mongol Zizhiqu", "NM"),
    province(210_000, "辽宁省", "辽", "Liaoning", "Liaoning Sheng", "LN"),
    province(220_000, "吉林省", "吉", "Jilin", "Jilin Sheng", "JL"),
    province(230_000, "黑龙江省", "黑", "Heilongjiang", "Heilongjiang Sheng", "HL"),
    province(310_000, "上海市", "沪", "Shanghai", "Shanghai Shi", "SH"),
    province(320_000, "江苏省", "苏", "Jiangsu", "Jiangsu Sheng", "JS"),
    province(330_000, "浙江省", "浙", "Zhejiang", "Zhejiang Sheng", "ZJ"),
    province(340_000, "安徽省", "皖", "Anhui", "Anhui Sheng", "AH"),
    province(350_000, "福建省", "闽", "Fujian", "Fujian Sheng", "FJ"),
    province(360_000, "江西省", "赣", "Jiangxi", "Jiangxi Sheng", "JX"),
    province(370_000, "山东省", "鲁", "Shandong", "Shandong Sheng", "SD"),
    province(410_000, "河南省", "豫", "Henan", "Henan Sheng", "HA"),
    province(420_000, "湖北省", "鄂", "Hubei", "Hubei Sheng", "HB"),
    province(430_000, "湖南省", "湘", "Hunan", "Hunan Sheng", "HN"),
    province(440_000, "广东省", "粤", "Guangdong", "Guangdong Sheng", "GD"),
    province(450_000, "广西壮族自治区", "桂", "Guangxi", "Guangxi Zhuangzu Zizhiqu", "GX"),
    province(460_000, "海南省", "琼", "Hainan", "Hainan Sheng", "HI"),
    province(500_000, "重庆市", "渝", "Chongqing", "Chongqing Shi", "CQ"),
    province(510_000, "四川省", "川", "Sichuan", "Sichuan Sheng", "SC"),
    province(520_000, "贵州省", "黔", "Guizhou", "Guizhou Sheng", "GZ"),
    province(530_000, "云南省", "滇", "Yunnan", "Yunnan Sheng", "YN"),
    province(540_000, "西藏自治区", "藏", "Xizang", "Xizang Zizhiqu", "XZ"),
    province(610_000, "陕西省", "陕", "Shaanxi", "Shaanxi Sheng", "SN"),
    province(620_000, "甘肃省", "甘", "Gansu", "Gansu Sheng", "GS"),
    province(630_000, "青海省", "青", "Qinghai", "Qinghai Sheng", "QH"),
    province(640_000, "宁夏回族自治区", "宁", "Ningxia", "Ningxia Huizu Zizhiqu", "NX"),
    province(650_000, "新疆维吾尔自治区", "新", "Xinjiang", "Xinjiang Uygur Zizhiqu", "XJ"),
];

/// Bodies that take part like a province under a pseudo-code.
#[rustfmt::skip]
pub static PSEUDO_PROVINCES: [Province; 1] = [
    province(660_000, "新疆生产建设兵团", "兵", "Xinjiang Production and Construction Corps",
        "Xinjiang Shengchan Jianshe Bingtuan", "BT"),
];

/// The 41 cities of the four founding provinces, by code; Shanghai stands for itself.
#[rustfmt::skip]
pub static CITIES: [City; 41] = [
    city(310_000, "上海市", "Shanghai"),
    city(320_100, "南京市", "Nanjing"), city(320_200, "无锡市", "Wuxi"),
    city(320_300, "徐州市", "Xuzhou"), city(320_400, "常州市", "Changzhou"),
    city(320_500, "苏州市", "Suzhou"), city(320_600, "南通市", "Nantong"),
    city(320_700, "连云港市", "Lianyungang"), city(320_800, "淮安市", "Huai'an"),
    city(320_900, "盐城市", "Yancheng"), city(321_000, "扬州市", "Yangzhou"),
    city(321_100, "镇江市", "Zhenjiang"), city(321_200, "泰州市", "Taizhou"),
    city(321_300, "宿迁市", "Suqian"),
    city(330_100, "杭州市", "Hangzhou"), city(330_200, "宁波市", "Ningbo"),
    city(330_300, "温州市", "Wenzhou"), city(330_400, "嘉兴市", "Jiaxing"),
    city(330_500, "湖州市", "Huzhou"), city(330_600, "绍兴市", "Shaoxing"),
    city(330_700, "金华市", "Jinhua"), city(330_800, "衢州市", "Quzhou"),
    city(330_900, "舟山市", "Zhoushan"), city(331_000, "台州市", "Taizhou"),
    city(331_100, "丽水市", "Lishui"),
    city(340_100, "合肥市", "Hefei"), city(340_200, "芜湖市", "Wuhu"),
    city(340_300, "蚌埠市", "Bengbu"), city(340_400, "淮南市", "Huainan"),
    city(340_500, "马鞍山市", "Ma'anshan"), city(340_600, "淮北市", "Huaibei"),
    city(340_700, "铜陵市", "Tongling"), city(340_800, "安庆市", "Anqing"),
    city(341_000, "黄山市", "Huangshan"), city(341_100, "滁州市", "Chuzhou"),
    city(341_200, "阜阳市", "Fuyang"), city(341_300, "宿州市", "Suzhou"),
    city(341_500, "六安市", "Lu'an"), city(341_600, "亳州市", "Bozhou"),
    city(341_700, "池州市", "Chizhou"), city(341_800, "宣城市", "Xuancheng"),
];

const fn province(
    code: u32,
    name: &'static str,
    short: &'static str,
    english: &'static str,
    pinyin: &'static str,
    letters: &'static str,
) -> Province {
    Province { code: Region(code), name, short, english, pinyin, letters }
}

const fn city(code: u32, name: &'static str, english: &'static str) -> City {
    City { code: Region(code), name, english }
}

/// All that may be members: the provinces, then the pseudo-codes.
pub fn provinces() -> impl Iterator<Item = &'static Province> {
    PROVINCES.iter().chain(&PSEUDO_PROVINCES)
}

/// The province a region lies in, be it a province, a city or a county.
pub fn province_of(region: Region) -> Option<&'static Province> {
    provinces().find(|province| province.code == region.province())
}

/// Finds a province by what a person may type: code, letters, or any of its names, in any case.
pub fn find_province(text: &str) -> Option<&'static Province> {
    let text = text.trim();
    provinces().find(|province| {
        let names = [province.english, province.pinyin, province.letters];
        // 浙江 for 浙江省, 内蒙古 for 内蒙古自治区: no two provinces begin with the same two.
        (text.chars().count() > 1 && province.name.starts_with(text))
            || text == province.short
            || text.parse() == Ok(province.code)
            || names.iter().any(|name| name.eq_ignore_ascii_case(text))
    })
}

/// The city a region lies in, where we know its name.
pub fn city_of(region: Region) -> Option<&'static City> {
    let code =
        if region.province() == Region(310_000) { Region(310_000) } else { region.prefecture() };
    CITIES.iter().find(|city| city.code == code)
}

/// Whether this exact code may be a member's.
pub fn is_member_eligible(region: Region) -> bool {
    provinces().any(|province| province.code == region)
}

impl Region {
    /// How much of the country the code covers; none unless its first two digits are the centre's
    /// or those of a code that may be a member's.
    pub fn level(self) -> Option<RegionLevel> {
        match self {
            CENTRE => Some(RegionLevel::National),
            _ if is_member_eligible(self) => Some(RegionLevel::Province),
            _ if province_of(self).is_none() => None,
            _ if self.prefecture() == self => Some(RegionLevel::Prefecture),
            _ => Some(RegionLevel::County),
        }
    }

    /// The Chinese name of the city or province the code lies in, for display.
    pub fn display_name(self) -> Option<&'static str> {
        let province = || province_of(self).map(|province| province.name);
        match self.level()? {
            RegionLevel::National => Some("国家"),
            RegionLevel::Province => province(),
            _ => city_of(self).map(|city| city.name).or_else(province),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_complete() {
        assert!(PROVINCES.is_sorted_by(|a, b| a.code < b.code));
        assert!(CITIES.is_sorted_by(|a, b| a.code < b.code));
        for province in provinces() {
            assert_eq!(province.code, province.code.province(), "{}", province.name);
            assert_eq!(province.letters.len(), 2);
            assert_eq!(find_province(province.letters), Some(province));
        }
        let counts = [310_000, 320_000, 330_000, 340_000]
            .map(|code| CITIES.iter().filter(|c| c.code.province() == Region(code)).count());
        assert_eq!(counts, [1, 13, 11, 16]);
    }

    #[test]
    fn provinces_are_found_by_any_name() {
        for text in ["310000", "上海市", "沪", "Shanghai", "shanghai", " sh ", "SHANGHAI SHI"] {
            assert_eq!(find_province(text).map(|p| p.code), Some(Region(310_000)), "{text}");
        }
        assert_eq!(find_province("陕西省").map(|p| p.english), Some("Shaanxi"));
        assert_eq!(find_province("陕西").map(|p| p.english), Some("Shaanxi"));
        assert_eq!(find_province("Atlantis"), None);
        assert_eq!(find_province(""), None);
    }

    #[test]
    fn members_are_provinces_and_registered_pseudo_codes() {
        assert!(is_member_eligible(Region(310_000)) && is_member_eligible(Region(660_000)));
        for code in [0, 100_000, 310_100, 310_115, 659_000, 710_000, 810_000, 820_000, 999_999] {
            assert!(!is_member_eligible(Region(code)), "{code}");
        }
        assert_eq!(provinces().count(), 32);
    }

    #[test]
    fn levels_and_names() {
        use RegionLevel as L;
        for (code, level, name) in [
            (100_000, Some(L::National), Some("国家")),
            (310_000, Some(L::Province), Some("上海市")),
            (310_115, Some(L::County), Some("上海市")),
            (320_500, Some(L::Prefecture), Some("苏州市")),
            (320_583, Some(L::County), Some("苏州市")),
            (340_900, Some(L::Prefecture), Some("安徽省")),
            (440_300, Some(L::Prefecture), Some("广东省")),
            (710_000, None, None),
            (999_999, None, None),
            (0, None, None),
            (1_310_000, None, None),
        ] {
            assert_eq!(Region(code).level(), level, "{code}");
            assert_eq!(Region(code).display_name(), name, "{code}");
        }
    }
}
