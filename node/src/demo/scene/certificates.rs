//! Certificates across a border: one suspended at home, one refused wrongly, one annulled from its
//! first day.

use hefu_primitives::time::Day;
use serde_json::json;

use super::cast::{ANHUI, DRIVING, FOOD, JIANGSU, SHANGHAI, ZHEJIANG, code, command};
use super::props::{Face, Prop, file, papers};
use super::{Ends, FLAGS, Step, Want, act, look};

/// An Anhui driving licence on a Shanghai road.
pub(super) const LICENCE_SUSPENDED: &[Step] = &[
    act("attest", ANHUI, "cert attest driving.json").keeps(&[("att", "/att_id")]),
    act(
        "present",
        ANHUI,
        "cert present --att {att} --fields fields.准驾车型,fields.证照名称 --purpose 路面查验 --sign \
         --out driving-shown.json --qr driving-shown.svg",
    ),
    look("verify", SHANGHAI, "cert verify driving-shown.json")
        .wants(&[("/status/status", Want::Text("active"))]),
    act(
        "accept",
        SHANGHAI,
        command!(
            "recognise decide --presentation driving-shown.json --outcome accepted --scenario 101 \
             --consent statutory --mode qr-scan --case 沪查-0001 --as ",
            code!(police of shanghai)
        ),
    )
    .wants(&[(FLAGS, Want::Has("consistent"))]),
    act("suspend", ANHUI, "cert suspend {att} --reason 1"),
    look("again", SHANGHAI, "cert verify driving-shown.json")
        .ends(Ends::With(3))
        .wants(&[("/status/status", Want::Text("suspended"))]),
    act(
        "refuse",
        SHANGHAI,
        command!(
            "recognise decide --presentation driving-shown.json --outcome refused --reason 4 \
             --scenario 101 --consent statutory --mode qr-scan --case 沪查-0002 --as ",
            code!(police of shanghai)
        ),
    )
    .wants(&[(FLAGS, Want::Has("consistent"))]),
    look("decisions", ANHUI, "recognise list --att {att}").wants(&[("/items", Want::Count(2))]),
];

pub(super) fn driving_licence(today: Day) -> Vec<Prop> {
    let face = Face {
        kind: DRIVING,
        issuer: code!(police of anhui),
        serial: "HEFUSCENELICENCEA",
        area: "340100",
        holder: ["999", "holder-demo-0001", "(示例持证人)"],
        fields: json!({ "证照名称": "机动车驾驶证", "准驾车型": "C1" }),
        years: 6,
    };
    vec![file("driving.json", &face.licence(today))]
}

/// Jiangsu refuses a valid Zhejiang food licence as revoked.
pub(super) const FALSE_REFUSAL: &[Step] = &[
    act("attest", ZHEJIANG, "cert attest food.json").keeps(&[("att", "/att_id")]),
    act(
        "present",
        ZHEJIANG,
        "cert present --att {att} --fields fields.证照名称,fields.经营项目 --out food-shown.json",
    ),
    act(
        "refuse",
        JIANGSU,
        command!(
            "recognise decide --presentation food-shown.json --outcome refused --reason 5 \
             --scenario 401 --consent holder --case 苏办-0001 --as ",
            code!(market of jiangsu)
        ),
    )
    .keeps(&[("dec", "/dec_id")])
    .wants(&[(FLAGS, Want::Has("refused_while_valid"))]),
    look("found", ZHEJIANG, "audit query --flag refused_while_valid --subject dec:{dec}")
        .wants(&[("/items", Want::Count(1))]),
    act(
        "open",
        ZHEJIANG,
        command!(
            "dispute open --kind recognition-refused --about dec:{dec} --respondent ",
            code!(market of jiangsu),
            " --statement statement.txt --as ",
            code!(market of zhejiang)
        ),
    )
    .keeps(&[("dispute", "/dispute_id")]),
    act("ack", JIANGSU, command!("dispute ack {dispute} --as ", code!(market of jiangsu))),
    act(
        "propose",
        JIANGSU,
        command!(
            "dispute propose {dispute} overturn-refusal --terms settlement.txt --as ",
            code!(market of jiangsu)
        ),
    ),
    act(
        "agree",
        ZHEJIANG,
        command!(
            "dispute agree {dispute} overturn-refusal --terms settlement.txt --as ",
            code!(market of zhejiang)
        ),
    ),
    act(
        "accept",
        JIANGSU,
        command!(
            "recognise decide --presentation food-shown.json --outcome accepted --scenario 401 \
             --consent holder --case 苏办-0002 --as ",
            code!(market of jiangsu)
        ),
    )
    .wants(&[(FLAGS, Want::Has("consistent"))]),
    look("overturned", ZHEJIANG, "recognise list --att {att}").wants(&[
        ("/items", Want::Count(2)),
        ("/items/0/challenge", Want::Text("overturned")),
        ("/items/1/record/flags", Want::Has("consistent")),
    ]),
    look("settled", ZHEJIANG, "dispute list --subject dec:{dec}").wants(&[
        ("/items/0/record/state", Want::Text("settled")),
        ("/items/0/unfulfilled", Want::Yes(false)),
    ]),
];

pub(super) fn food_licence(today: Day) -> Vec<Prop> {
    let mut props = papers(&["statement.txt", "settlement.txt"]);
    props.push(file("food.json", &food("HEFUSCENEREFUSALB").licence(today)));
    props
}

fn food(serial: &str) -> Face<'_> {
    Face {
        kind: FOOD,
        issuer: code!(market of zhejiang),
        serial,
        area: "330100",
        holder: ["001", "91330100HEFU80038K", "示例丙物流有限公司(虚构)"],
        fields: json!({ "证照名称": "食品经营许可证", "经营项目": "预包装食品销售" }),
        years: 5,
    }
}

/// A food licence that two provinces relied on is annulled from its first day.
pub(super) const RETROACTIVE_ANNULMENT: &[Step] = &[
    act("attest", ZHEJIANG, "cert attest annulled.json").keeps(&[("att", "/att_id")]),
    act(
        "shanghai",
        SHANGHAI,
        command!(
            "recognise decide --att {att} --outcome accepted --scenario 401 --consent holder \
             --case 沪办-0001 --as ",
            code!(market of shanghai)
        ),
    )
    .wants(&[(FLAGS, Want::Has("consistent"))]),
    act(
        "jiangsu",
        JIANGSU,
        command!(
            "recognise decide --att {att} --outcome accepted --scenario 401 --consent holder \
             --case 苏办-0003 --as ",
            code!(market of jiangsu)
        ),
    )
    .keeps(&[("height", "/height")])
    .wants(&[(FLAGS, Want::Has("consistent"))]),
    act(
        "annul",
        ZHEJIANG,
        "cert revoke {att} --kind annul --retroactive --effective {start} --reason 3 \
         --evidence annulment.txt --yes",
    ),
    look("affected", ZHEJIANG, "recognise list --att {att} --annulled").wants(&[
        ("/items", Want::Count(2)),
        ("/items/0/basis_annulled", Want::Yes(true)),
        ("/items/1/basis_annulled", Want::Yes(true)),
    ]),
    look("now", SHANGHAI, "cert status {att} --day {start}")
        .ends(Ends::With(3))
        .wants(&[("/status", Want::Text("revoked")), ("/flags", Want::Has("retroactive"))]),
    look("as-known", SHANGHAI, "cert status {att} --day {start} --at-height {height}")
        .wants(&[("/status", Want::Text("active"))]),
];

pub(super) fn annulled_licence(today: Day) -> Vec<Prop> {
    let mut props = papers(&["annulment.txt"]);
    props.push(file("annulled.json", &food("HEFUSCENEANNULLED").licence(today)));
    props
}
