//! How an event looks, what it is called, and which are asked for.

use hefu_contracts::Event;
use hefu_contracts::event::OF_BLOCK;
use hefu_primitives::{Height, Region, Uscc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::problem::{ApiCode, Problem};

/// A place among all events: height and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EventId(pub(super) Height, pub(super) u32);

impl EventId {
    /// The place after this one.
    pub(super) fn next(self) -> Self {
        match self.1.checked_add(1) {
            Some(number) => Self(self.0, number),
            None => Self(self.0.next(), 0),
        }
    }
}

impl core::fmt::Display for EventId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl core::str::FromStr for EventId {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let parsed = text.split_once('.').and_then(|(height, number)| {
            let good = digits(height) && digits(number);
            good.then_some((height.parse().ok()?, number.parse().ok()?))
        });
        let bad = || Problem::new(ApiCode::BadRequest, "an event id is `height.number`");
        parsed.map(|(height, number)| Self(height, number)).ok_or_else(bad)
    }
}

/// What an act, or the block itself, did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct EventItem {
    /// `height.number`.
    id: String,
    #[schema(value_type = String)]
    height: Height,
    /// Which transaction of the block, from 0; null for what the block itself did.
    transaction: Option<u32>,
    /// Which act of the transaction, from 0; null with the transaction.
    act: Option<u16>,
    /// `attested`, `decision_recorded`, …
    kind: String,
    /// `att:…`, `dec:…`, `key:…`, `cat:…`, `equ:…`
    subject: String,
    /// The authority that acted.
    #[schema(value_type = String)]
    actor: Uscc,
    /// Its member.
    #[schema(value_type = u32)]
    region: Region,
    /// What the ledger noticed.
    flags: Vec<String>,
}

impl EventItem {
    /// What happened.
    pub(super) fn kind(&self) -> &str {
        &self.kind
    }

    pub(super) fn new(id: EventId, event: Event) -> Self {
        let Event { transaction, act, kind, subject, actor, region, flags } = event;
        let (height, id) = (id.0, id.to_string());
        let transaction = Some(transaction).filter(|number| *number != OF_BLOCK);
        let act = transaction.map(|_| act);
        Self { id, height, transaction, act, kind, subject, actor, region, flags }
    }
}

/// Which events are asked for; what is absent is not looked at.
#[derive(Clone, Debug, Default)]
pub(super) struct EventFilter {
    pub(super) kind: Option<String>,
    pub(super) actor: Option<Uscc>,
    pub(super) region: Option<Region>,
    pub(super) subject: Option<String>,
    pub(super) flag: Option<String>,
}

impl EventFilter {
    pub(super) fn wants(&self, event: &Event) -> bool {
        self.kind.as_ref().is_none_or(|kind| *kind == event.kind)
            && self.actor.is_none_or(|actor| actor == event.actor)
            && self.region.is_none_or(|region| region == event.region)
            && self.subject.as_ref().is_none_or(|subject| *subject == event.subject)
            && self.flag.as_ref().is_none_or(|flag| event.flags.contains(flag))
    }

    /// The filter as a cursor names it.
    pub(super) fn names(&self) -> [String; 5] {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        [
            text(&self.kind),
            self.actor.map(|actor| actor.to_string()).unwrap_or_default(),
            self.region.map(|region| region.to_string()).unwrap_or_default(),
            text(&self.subject),
            text(&self.flag),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_height_and_number() {
        let id: EventId = "12.0".parse().unwrap();
        assert_eq!((id, id.to_string()), (EventId(Height(12), 0), "12.0".to_owned()));
        assert_eq!(id.next(), EventId(Height(12), 1));
        assert_eq!(EventId(Height(1), u32::MAX).next(), EventId(Height(2), 0));
        for bad in
            ["", "12", "12.", ".1", "-1.0", "+1.0", "1.2.3", "1. 2", "18446744073709551616.0"]
        {
            assert!(bad.parse::<EventId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn filters() {
        let event = Event {
            transaction: 0,
            act: 0,
            kind: "attested".into(),
            subject: "att:1".into(),
            actor: "11310000HEFU01010W".parse().unwrap(),
            region: Region(310_000),
            flags: vec!["late".into()],
        };
        assert!(EventFilter::default().wants(&event));
        let flag = |flag: &str| EventFilter { flag: Some(flag.into()), ..Default::default() };
        assert!(flag("late").wants(&event) && !flag("lat").wants(&event));
        let region = |code| EventFilter { region: Some(Region(code)), ..Default::default() };
        assert!(region(310_000).wants(&event) && !region(320_000).wants(&event));
    }
}
