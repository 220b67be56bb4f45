//! What happened, from the store: filtered, in order, in pages.

use axum::Extension;
use axum::extract::State;
use hefu_audit::scope::kind_of;
use hefu_primitives::time::Day;
use hefu_primitives::{Height, Region, Uscc};
use serde::Deserialize;
use utoipa::IntoParams;

use super::event::{EventFilter, EventId, EventItem};
use crate::api::answer::{Answer, Page};
use crate::api::mandate::Scope;
use crate::api::page::Ask;
use crate::api::params::Params;
use crate::api::problem::Problem;
use crate::api::snapshot::Snapshot;
use crate::api::state::Api;

/// Events read at a time.
const READ: usize = 512;

/// Which events.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventList {
    /// First height; 1 if absent.
    #[param(value_type = Option<String>)]
    from_height: Option<Height>,
    /// Last height; the answer's height if absent.
    #[param(value_type = Option<String>)]
    to_height: Option<Height>,
    /// Only of this kind: `attested`, …
    kind: Option<String>,
    /// Only by this authority.
    #[param(value_type = Option<String>)]
    actor: Option<Uscc>,
    /// Only by authorities of this member.
    #[param(value_type = Option<u32>)]
    region: Option<Region>,
    /// Only of this subject: `att:…`, …
    subject: Option<String>,
    /// Only with this flag: `refused_while_valid`, …
    flag: Option<String>,
    /// Most items: 1 to 500, 100 if absent.
    limit: Option<usize>,
    /// Where the last page ended; pinned to that page's height.
    cursor: Option<String>,
}

/// Events in the order they happened.
#[utoipa::path(get, path = "/api/v1/audit/events", tag = "audit", operation_id = "list_events",
    params(EventList), responses((status = 200, body = Answer<Page<EventItem>>)))]
pub(crate) async fn events(
    State(api): State<Api>,
    scope: Option<Extension<Scope>>,
    Params(list): Params<EventList>,
) -> Result<Answer<Page<EventItem>>, Problem> {
    let scope = scope.map(|Extension(scope)| scope);
    if let (Some(scope), Some(region)) = (&scope, list.region) {
        scope.expect_member(region)?;
    }
    let filter = EventFilter {
        kind: list.kind,
        actor: list.actor,
        region: list.region,
        subject: list.subject,
        flag: list.flag,
    };
    let height = |height: Option<Height>| height.map(|h| h.to_string()).unwrap_or_default();
    let (from, to) = (height(list.from_height), height(list.to_height));
    let (names, under) = (filter.names(), scope.as_ref().map(Scope::name).unwrap_or_default());
    let named: Vec<&str> = names.iter().chain([&from, &to, &under]).map(String::as_str).collect();
    let ask = Ask::new("events", &named, list.limit, list.cursor.as_deref(), None)?;
    let (first, last) = (list.from_height.unwrap_or(Height(1)), list.to_height);
    api.read(ask.at, move |snapshot| {
        let start = ask.from().and_then(place).unwrap_or(EventId(first, 0));
        let last = last.unwrap_or(snapshot.pin.height).min(snapshot.pin.height);
        page(snapshot, &ask, start, last, &Wanted { filter, scope })
    })
    .await
}

/// Which events are told: those asked for, and of them those that a mandate covers.
struct Wanted {
    filter: EventFilter,
    scope: Option<Scope>,
}

impl Wanted {
    /// `day` remembers the day of the last height looked at.
    fn wants(
        &self,
        snapshot: &Snapshot<'_>,
        height: Height,
        event: &hefu_contracts::Event,
        day: &mut Option<(Height, Day)>,
    ) -> Result<bool, Problem> {
        let (true, Some(scope)) = (self.filter.wants(event), &self.scope) else {
            return Ok(self.filter.wants(event));
        };
        let of = match *day {
            Some((of, day)) if of == height => day,
            _ => {
                let block = snapshot.service.block(height)?;
                let Some(block) = block else { return Ok(false) };
                day.insert((height, Day::of_beijing(block.block.header.time))).1
            }
        };
        Ok(scope.covers(kind_of(&event.subject), &[event.region], of))
    }
}

fn page(
    snapshot: &Snapshot<'_>,
    ask: &Ask,
    mut start: EventId,
    last: Height,
    wanted: &Wanted,
) -> Result<Page<EventItem>, Problem> {
    let (mut items, mut days) = (Vec::new(), None);
    while start.0 <= last {
        let found = snapshot.service.events((start.0, start.1), last, READ)?;
        let full = found.len() == READ;
        for (height, number, event) in found {
            let id = EventId(height, number);
            if items.len() == ask.limit || !snapshot.examine() {
                let next_cursor = Some(ask.next(snapshot.pin.height, &key(id)));
                return Ok(Page { items, next_cursor });
            }
            if wanted.wants(snapshot, height, &event, &mut days)? {
                items.push(EventItem::new(id, event));
            }
            start = id.next();
        }
        if !full {
            break;
        }
    }
    Ok(Page { items, next_cursor: None })
}

fn key(id: EventId) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&id.0.0.to_be_bytes());
    key[8..].copy_from_slice(&id.1.to_be_bytes());
    key
}

fn place(key: &[u8]) -> Option<EventId> {
    let (height, rest) = key.split_first_chunk::<8>()?;
    let number = rest.try_into().ok()?;
    Some(EventId(Height(u64::from_be_bytes(*height)), u32::from_be_bytes(number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_round_trip() {
        let id = EventId(Height(u64::MAX), 7);
        assert_eq!(place(&key(id)), Some(id));
        assert_eq!(place(b"short"), None);
        assert_eq!(place(&[0; 13]), None);
    }
}
