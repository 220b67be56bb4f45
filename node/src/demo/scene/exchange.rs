//! Work and data across a border: a household that moves, and a request for data.

use hefu_primitives::time::Day;

use super::cast::{ANHUI, JIANGSU, SHANGHAI, ZHEJIANG, code, command};
use super::props::{Prop, papers};
use super::{Ends, FLAGS, Step, Want, act, look};

/// From Anhui to Zhejiang: received where people move to, decided where they come from.
pub(super) const HOUSEHOLD_MOVE: &[Step] = &[
    act(
        "open",
        ZHEJIANG,
        command!(
            "case open --item 990790003000 --handler ",
            code!(police of anhui),
            " --number 皖迁-0001 --unit A-01 --as ",
            code!(police of zhejiang)
        ),
    )
    .keeps(&[("case", "/case_id")]),
    act(
        "check",
        ZHEJIANG,
        command!("case check {case} --consent consent.txt --as ", code!(police of zhejiang)),
    ),
    act(
        "handover",
        ZHEJIANG,
        command!(
            "case handover {case} --document register.txt --document permit.txt --slip slip.json \
             --as ",
            code!(police of zhejiang)
        ),
    ),
    act(
        "incomplete",
        ANHUI,
        command!(
            "case receive {case} --document register.txt --slip slip.json --as ",
            code!(police of anhui)
        ),
    )
    .ends(Ends::Refused("cli.invalid")),
    act(
        "receive",
        ANHUI,
        command!(
            "case receive {case} --document register.txt --document permit.txt --slip slip.json \
             --as ",
            code!(police of anhui)
        ),
    ),
    act("accept", ANHUI, command!("case accept {case} --as ", code!(police of anhui))),
    look("clock", ZHEJIANG, "case list --handler 11340000HEFU04027M").wants(&[
        ("/items/0/record/state", Want::Text("accepted")),
        ("/items/0/clocks/promise_days", Want::Number(7)),
        ("/items/0/clocks/overdue_promise", Want::Yes(false)),
    ]),
    act(
        "outsider",
        ZHEJIANG,
        command!("case decide {case} approved --as ", code!(police of zhejiang)),
    )
    .ends(Ends::Refused("E622")),
    act("decide", ANHUI, command!("case decide {case} approved --as ", code!(police of anhui))),
    act("deliver", ZHEJIANG, command!("case deliver {case} --as ", code!(police of zhejiang))),
    act(
        "close",
        ANHUI,
        command!("case close {case} --archive archive.txt --as ", code!(police of anhui)),
    ),
    look("closed", ZHEJIANG, "audit query --subject case:{case}")
        .wants(&[("/items", Want::Count(8))]),
];

pub(super) fn move_papers(_: Day) -> Vec<Prop> {
    papers(&["consent.txt", "register.txt", "permit.txt", "archive.txt"])
}

/// Jiangsu asks Shanghai for insurance data, is granted less than it asked for, and uses it once
/// too often.
pub(super) const DATA_REQUEST: &[Step] = &[
    act(
        "publish",
        SHANGHAI,
        command!(
            "share publish 310000/insurance-scene --title 社保参保信息 --personal \
             --items 参保状态,参保地 --share conditional --conditions conditions.txt --as ",
            code!(labour of shanghai)
        ),
    ),
    act(
        "request",
        JIANGSU,
        command!(
            "share request 310000/insurance-scene --item 992090004000 --fields 参保状态 \
             --per-day 2000 --basis-kind state-council --basis-file basis.txt --as ",
            code!(labour of jiangsu)
        ),
    )
    .keeps(&[("request", "/request")]),
    act(
        "acknowledge",
        SHANGHAI,
        command!("share acknowledge {request} --as ", code!(labour of shanghai)),
    ),
    act(
        "grant",
        SHANGHAI,
        command!("share grant {request} --per-day 2 --as ", code!(labour of shanghai)),
    ),
    act(
        "draft",
        JIANGSU,
        command!(
            "share receipt --grant {request} --case 苏办-0101 --request asked.txt \
             --response answered.txt --draft use.json --as ",
            code!(labour of jiangsu)
        ),
    ),
    act(
        "cosign",
        SHANGHAI,
        command!("share cosign use.json --out use.sig --as ", code!(labour of shanghai)),
    ),
    act(
        "confirmed",
        JIANGSU,
        command!(
            "share receipt --from use.json --cosignature use.sig --as ",
            code!(labour of jiangsu)
        ),
    ),
    act(
        "one-sided",
        JIANGSU,
        command!(
            "share receipt --grant {request} --case 苏办-0102 --request asked.txt \
             --response answered.txt --as ",
            code!(labour of jiangsu)
        ),
    )
    .keeps(&[("receipt", "/receipt")]),
    act("confirm", SHANGHAI, command!("share confirm {receipt} --as ", code!(labour of shanghai))),
    act(
        "over",
        JIANGSU,
        command!(
            "share receipt --grant {request} --case 苏办-0103 --request asked.txt \
             --response answered.txt --as ",
            code!(labour of jiangsu)
        ),
    )
    .wants(&[(FLAGS, Want::Has("over_cap"))]),
    look("receipts", SHANGHAI, "share list receipts --grant {request}")
        .wants(&[("/items", Want::Count(3))]),
    look("today", SHANGHAI, "share list grants").wants(&[
        ("/items/0/status", Want::Text("exhausted_today")),
        ("/items/0/used_today", Want::Number(3)),
    ]),
];

pub(super) fn request_papers(_: Day) -> Vec<Prop> {
    papers(&["conditions.txt", "basis.txt", "asked.txt", "answered.txt"])
}
