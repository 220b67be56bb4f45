//! Figures of the real programme (长三角“一网通办”) that the sample is a small picture of. Nothing on a
//! ledger follows from them.

use hefu_primitives::Region;

/// How many items each province leads (牵头).
pub const LEADS: [(Region, u16); 4] =
    [(Region(310_000), 36), (Region(320_000), 15), (Region(330_000), 15), (Region(340_000), 23)];
/// How many types of certificates the provinces recognise of each other, by year. The sample names 26.
pub const RECOGNISED: [(u16, u16); 3] = [(2020, 15), (2022, 30), (2023, 37)];

#[cfg(test)]
mod tests {
    use hefu_contracts::certificate::{HolderClass, IdPolicy, Validity};

    use super::*;
    use crate::sample::PROVINCES;
    use crate::testing::demo;

    const DOCS: &str = include_str!("../../../docs/services.md");

    /// Types of the programme, as its description lists them: number of the definer, of the type,
    /// name, holder (natural, legal, mixed), years.
    #[rustfmt::skip]
    const TYPES: [(&str, &str, &str, char, u8); 26] = [
        ("90017F", "001", "居民身份证", 'n', 0), ("90017F", "002", "机动车驾驶证", 'n', 0),
        ("90017F", "003", "机动车行驶证", 'm', 0), ("90017F", "004", "居民户口簿", 'n', 0),
        ("90017F", "005", "居住证", 'n', 1), ("90025A", "001", "营业执照", 'l', 0),
        ("90025A", "002", "食品经营许可证", 'l', 5), ("90025A", "003", "食品生产许可证", 'l', 5),
        ("90025A", "004", "药品经营许可证", 'l', 5), ("900335", "001", "社会保障卡", 'n', 0),
        ("900335", "002", "专业技术人员职业资格证书", 'n', 0), ("900335", "003", "就业创业证", 'n', 0),
        ("900410", "001", "结婚证", 'n', 0), ("900410", "002", "离婚证", 'n', 0),
        ("900410", "003", "社会团体法人登记证书", 'l', 5), ("9005XP", "001", "出生医学证明", 'n', 0),
        ("9005XP", "002", "医师执业证书", 'n', 0), ("9005XP", "003", "医疗机构执业许可证", 'l', 5),
        ("90068P", "001", "二级建造师注册证书", 'n', 3), ("90068P", "002", "建筑施工企业安全生产许可证", 'l', 3),
        ("90068P", "003", "建筑施工企业安全生产管理人员考核合格证书", 'n', 3),
        ("90076J", "001", "道路运输证", 'l', 4), ("90076J", "002", "道路运输经营许可证", 'l', 4),
        ("90084D", "001", "不动产权证书", 'm', 0), ("900928", "001", "医疗保障电子凭证", 'n', 0),
        ("90105X", "001", "普通高等学校毕业证书", 'n', 0),
    ];

    /// Items of the programme's start: province that leads, code, how the name begins.
    const ITEMS: [(u32, &str, &str); 4] = [
        (310_000, "991090001000", "路面查验、交通违法电子证照应用"),
        (320_000, "990790002000", "跨区域"),
        (330_000, "990790003000", "国内户口迁移(含大学生)"),
        (340_000, "992090004000", "食品安全企业标准备案"),
    ];

    #[test]
    fn the_seeded_types_are_those_of_the_programme() {
        let genesis = demo().0;
        let seeded = &genesis.charter().types;
        assert_eq!(seeded.len(), TYPES.len());
        for (definer, number, name, holder, years) in TYPES {
            let code = format!("11100000HEFU{definer}{number}");
            let found = seeded.iter().find(|terms| terms.code.as_str() == code);
            let found = found.unwrap_or_else(|| panic!("{code} {name}"));
            let (class, policy) = match holder {
                'n' => (HolderClass::Natural, IdPolicy::Committed),
                'l' => (HolderClass::Legal, IdPolicy::Plain),
                _ => (HolderClass::Mixed, IdPolicy::Committed),
            };
            let validity = if years == 0 { Validity::None } else { Validity::Years(years) };
            assert_eq!((found.name_zh.as_str(), found.version), (name, 1), "{code}");
            assert_eq!((found.holder_class, found.id_policy), (class, policy), "{name}");
            assert_eq!(found.validity, validity, "{name}");
            let definer_code = code[..18].parse::<hefu_primitives::Uscc>();
            assert!(definer_code.is_ok_and(|c| hefu_primitives::codes::uscc::check(&c).is_ok()));
        }
        // No more than the provinces recognise, and more than they began with.
        let (first, last) = (RECOGNISED[0].1, RECOGNISED[2].1);
        assert!((first..=last).contains(&u16::try_from(seeded.len()).unwrap()));
        assert!(RECOGNISED.is_sorted());
    }

    #[test]
    fn the_seeded_items_are_those_of_the_programme_each_led_by_its_province() {
        let genesis = demo().0;
        let seeded = &genesis.charter().items;
        assert_eq!(seeded.len(), ITEMS.len());
        for (lead, code, name) in ITEMS {
            let found = seeded.iter().find(|item| item.base.as_str() == code).expect(code);
            assert_eq!(found.lead, Region(lead), "{name}");
            assert!(found.name.starts_with(name), "{}", found.name);
            assert_eq!(found.participants, PROVINCES, "{name}");
        }
    }

    #[test]
    fn the_table_of_the_lead_provinces_is_the_documented_one() {
        assert_eq!(LEADS.map(|(region, _)| region), PROVINCES);
        let counts = LEADS.map(|(_, count)| count);
        assert_eq!((counts, counts.iter().sum::<u16>()), ([36, 15, 15, 23], 89));
        let genesis = demo().0;
        for (region, count) in LEADS {
            let member = genesis.members().iter().find(|member| member.region == region).unwrap();
            let row = format!("| {} {region} | {count} |", member.name_zh);
            assert!(DOCS.contains(&row), "docs/services.md lacks {row}");
        }
        for (year, count) in RECOGNISED {
            assert!(DOCS.contains(&format!("{count} ({year})")), "docs/services.md lacks {year}");
        }
    }
}
