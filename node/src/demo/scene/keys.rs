//! A key in other hands: what it signed is in question until the authority stands by it.

use hefu_primitives::time::Day;
use serde_json::json;

use super::cast::{JIANGSU, SHANGHAI, TRANSPORT, code, command};
use super::props::{Face, Prop};
use super::{Ends, FLAGS, Step, Want, act, look};

/// How many certificates the key signed.
const COUNT: usize = 1_000;

/// The key of Jiangsu's transport authority is compromised.
pub(super) const KEY_COMPROMISE: &[Step] = &[
    act("import", JIANGSU, "cert import transport.jsonl --batch 100")
        .keeps(&[("accepted", "/accepted")])
        .wants(&[("/accepted", Want::Number(COUNT as u64)), ("/refused", Want::Count(0))]),
    act("revoke", JIANGSU, "key revoke 320000-tr --reason compromised --since {today} --yes"),
    look(
        "questioned",
        SHANGHAI,
        command!(
            "cert list --issuer ",
            code!(transport of jiangsu),
            " --status questioned --limit 3"
        ),
    )
    .keeps(&[("att", "/items/0/record/id")])
    .wants(&[("/items", Want::Count(3)), ("/items/0/status/status", Want::Text("questioned"))]),
    act(
        "count",
        SHANGHAI,
        command!("cert list --issuer ", code!(transport of jiangsu), " --status questioned --all"),
    )
    .wants(&[("/items", Want::Count(COUNT))]),
    act(
        "refuse",
        SHANGHAI,
        command!(
            "recognise decide --att {att} --outcome refused --reason 20 --scenario 101 \
             --consent statutory --case 沪查-0201 --as ",
            code!(transport of shanghai)
        ),
    )
    .wants(&[(FLAGS, Want::Has("consistent"))]),
    act("new", JIANGSU, "key new 320000-tr-2 --role issuer"),
    act(
        "bind",
        JIANGSU,
        command!("key bind 320000-tr-2 --role issuer --owner ", code!(transport of jiangsu)),
    ),
    act("old", JIANGSU, "cert suspend {att} --reason 1 --key 320000-tr")
        .ends(Ends::Refused("E105")),
    act(
        "reaffirm",
        JIANGSU,
        command!("cert reaffirm --of-key 320000-tr --as ", code!(transport of jiangsu)),
    ),
    look(
        "left",
        SHANGHAI,
        command!("cert list --issuer ", code!(transport of jiangsu), " --status questioned"),
    )
    .wants(&[("/items", Want::Count(0))]),
    look("good", SHANGHAI, "cert status {att}").wants(&[("/status", Want::Text("active"))]),
];

pub(super) fn transport_certificates(today: Day) -> Vec<Prop> {
    let mut lines = String::new();
    for number in 0..COUNT {
        // Letters only, so that no serial looks like anybody's number.
        let letter =
            |place: usize| char::from(b'A' + (number / 26_usize.pow(place as u32) % 26) as u8);
        let serial: String = "HEFUSCENE".chars().chain([letter(2), letter(1), letter(0)]).collect();
        let face = Face {
            kind: TRANSPORT,
            issuer: code!(transport of jiangsu),
            serial: &serial,
            area: "320500",
            holder: ["001", "91320500HEFU8002X4", "示例乙食品有限公司(虚构)"],
            fields: json!({ "证照名称": "道路运输证", "经营范围": "普通货运" }),
            years: 4,
        };
        lines.push_str(&face.licence(today).to_string());
        lines.push('\n');
    }
    vec![Prop { name: "transport.jsonl".to_owned(), bytes: lines.into_bytes() }]
}
