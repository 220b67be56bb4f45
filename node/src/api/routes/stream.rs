//! Events as they happen, as server-sent events.
//!
//! Rules:
//! 1. Every event's id is `height.number`; a reader that comes back with it in `Last-Event-ID`
//!    goes on with the next one, from the store and then live.
//! 2. A reader that is too slow for the live events is told so by a `gap` event, which says from
//!    where to where it missed something; it can read that from `/audit/events`.
//! 3. A comment every 15 seconds keeps the connection. Streams end when the server stops.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use futures::Stream;
use futures::stream::unfold;
use hefu_primitives::{Height, Region, Uscc};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::sync::{OwnedSemaphorePermit, watch};
use utoipa::IntoParams;

use super::event::{EventFilter, EventId, EventItem};
use crate::api::params::Params;
use crate::api::problem::Problem;
use crate::api::state::Api;
use crate::core::Committed;

/// Time between comments.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Events read from the store at a time.
const READ: usize = 256;

/// Which events, and from where.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StreamParams {
    /// Go on after this event (`height.number`), as `Last-Event-ID` does, which wins.
    after: Option<String>,
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
    /// Only with this flag.
    flag: Option<String>,
}

/// Events as they happen (server-sent events): `event` is the kind, `id` is `height.number`,
/// `data` the event as in `/audit/events`. Without `Last-Event-ID` or `after` it begins now.
#[utoipa::path(get, path = "/api/v1/events", tag = "audit", operation_id = "stream_events",
    params(StreamParams,
        ("Last-Event-ID" = Option<String>, Header, description = "Go on after this event")),
    responses((status = 200, body = String, content_type = "text/event-stream")))]
pub(crate) async fn events(
    State(api): State<Api>,
    headers: HeaderMap,
    Params(params): Params<StreamParams>,
) -> Result<Sse<impl Stream<Item = Result<SseEvent, Infallible>>>, Problem> {
    let permit = api.stream_permit()?;
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let last = last.filter(|id| !id.is_empty()).or(params.after.as_deref());
    let next = match last {
        Some(id) => Some(id.parse::<EventId>()?.next()),
        None => None,
    };
    let StreamParams { kind, actor, region, subject, flag, .. } = params;
    let filter = EventFilter { kind, actor, region, subject, flag };
    let feed = Feed::new(&api, next, filter, permit);
    let events = unfold(feed, |mut feed| async move {
        let event = feed.next().await?;
        Some((Ok(event), feed))
    });
    let beat = KeepAlive::new().interval(HEARTBEAT).text("heartbeat");
    Ok(Sse::new(events).keep_alive(beat))
}

/// Where events come from now.
enum Source {
    /// The store, up to the tip; then the commits that were subscribed to, if they were.
    Store(Option<Receiver<Arc<Committed>>>),
    /// Commits.
    Live(Receiver<Arc<Committed>>),
}

struct Feed {
    api: Api,
    next: EventId,
    filter: EventFilter,
    source: Source,
    ready: VecDeque<SseEvent>,
    stopped: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
}

impl Feed {
    fn new(
        api: &Api,
        next: Option<EventId>,
        filter: EventFilter,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        // Subscribe first, so that no commit falls between the tip and the stream.
        let commits = api.service.subscribe();
        let (next, source) = match next {
            Some(next) => (next, Source::Store(None)),
            None => (EventId(api.service.tip().height.next(), 0), Source::Live(commits)),
        };
        let (ready, stopped) = (VecDeque::new(), api.stopped.clone());
        Self { api: api.clone(), next, filter, source, ready, stopped, _permit: permit }
    }

    /// The next event; none when the stream ends.
    async fn next(&mut self) -> Option<SseEvent> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            let mut stopped = self.stopped.clone();
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => return None,
                more = self.fill() => more?,
            }
        }
    }

    /// Reads what comes next; none when there will be nothing more.
    async fn fill(&mut self) -> Option<()> {
        match &mut self.source {
            Source::Store(_) => self.fill_from_store().await,
            Source::Live(commits) => match commits.recv().await {
                Ok(committed) => self.take(&committed),
                Err(RecvError::Lagged(_)) => self.gap(),
                Err(RecvError::Closed) => return None,
            },
        }
        Some(())
    }

    /// Reads a page. At the end of the store it subscribes and reads once more: only then is
    /// nothing lost between store and commits, and a long replay does not count as slowness.
    async fn fill_from_store(&mut self) {
        let next = self.next;
        let read = self.api.blocking(move |service| {
            let tip = service.tip().height;
            Ok((tip, service.events((next.0, next.1), tip, READ)?))
        });
        let Ok((tip, found)) = read.await else {
            // The store failed; the reader comes back with its last id.
            self.gap();
            return;
        };
        let end = found.len() < READ;
        for (height, number, event) in found {
            self.push(EventId(height, number), event);
        }
        if end {
            self.next = self.next.max(EventId(tip.next(), 0));
            let service = self.api.service.clone();
            self.source = match std::mem::replace(&mut self.source, Source::Store(None)) {
                Source::Store(Some(commits)) => Source::Live(commits),
                _ => Source::Store(Some(service.subscribe())),
            };
        }
    }

    /// Takes the events of a commit that were not sent yet.
    fn take(&mut self, committed: &Committed) {
        let height = committed.tip.height;
        if height < self.next.0 {
            return;
        }
        for (number, event) in committed.events.iter().enumerate() {
            let id = EventId(height, u32::try_from(number).unwrap_or(u32::MAX));
            if id >= self.next {
                self.push(id, event.clone());
            }
        }
        self.next = EventId(height.next(), 0);
    }

    fn push(&mut self, id: EventId, event: hefu_contracts::Event) {
        self.next = id.next();
        if self.filter.wants(&event) {
            let item = EventItem::new(id, event);
            let kind = item.kind().to_owned();
            let sent = SseEvent::default().id(id.to_string()).event(kind).json_data(item);
            self.ready.extend(sent);
        }
    }

    /// Says what is left out and goes on with what comes now.
    fn gap(&mut self) {
        let from = self.next;
        let commits = self.api.service.subscribe();
        let last = self.api.service.tip().height;
        self.next = EventId(last.next(), 0).max(from);
        self.source = Source::Live(commits);
        // With the id of the last height left out, a reader that comes back does not go through
        // the gap again.
        self.ready.extend(gap_event(from, last));
    }
}

fn gap_event(from: EventId, last: Height) -> Option<SseEvent> {
    let data = json!({
        "reason": "slow",
        "from": from.to_string(),
        "from_height": from.0,
        "to_height": last,
    });
    let id = EventId(last, u32::MAX).to_string();
    SseEvent::default().id(id).event("gap").json_data(data).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Bounds;
    use crate::api::access::ReadAccess;
    use crate::api::tests::network::{Network, fresh, licence};
    use futures::StreamExt as _;
    use tokio::sync::broadcast;

    /// What a reader would see of an event.
    async fn text(event: SseEvent) -> String {
        let one = futures::stream::iter([Ok::<_, Infallible>(event)]);
        let body = axum::response::IntoResponse::into_response(Sse::new(one)).into_body();
        let chunks: Vec<_> = body.into_data_stream().collect().await;
        chunks.into_iter().map(|c| String::from_utf8(c.unwrap().into()).unwrap()).collect()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_slow_reader_is_told_of_the_gap_and_goes_on() {
        let network = Network::start().await;
        let service = network.provinces[0].running.service.clone();
        let (_stop, stopped) = watch::channel(false);
        let api = Api::new(service.clone(), ReadAccess::Open, Bounds::default(), stopped);
        let permit = api.stream_permit().unwrap();
        let mut feed = Feed::new(&api, None, EventFilter::default(), permit);
        let from = feed.next;
        // A queue of one stands for the longer one that a slow reader lets overflow.
        let (commits, receiver) = broadcast::channel(1);
        feed.source = Source::Live(receiver);
        let attest = |number| {
            let issuer = network.issuer(0);
            network.sign(issuer, &[licence(issuer, number).into()])
        };
        let mut watched = service.subscribe();
        assert_eq!(network.client(0).submit(&attest(fresh())).await.status, 200);
        // On a busy machine a block without it may come first.
        let committed = loop {
            let committed = watched.recv().await.unwrap();
            if !committed.events.is_empty() {
                break committed;
            }
        };
        for _ in 0..3 {
            commits.send(committed.clone()).unwrap();
        }
        let gap = text(feed.next().await.unwrap()).await;
        assert!(
            gap.contains("event: gap") && gap.contains(&format!("\"from\":\"{from}\"")),
            "{gap}"
        );
        let after = fresh();
        assert_eq!(network.client(0).submit(&attest(after)).await.status, 200);
        let next = text(feed.next().await.unwrap()).await;
        let subject = format!("att:{}", hefu_primitives::Id16([after; 16]));
        assert!(next.contains("event: attested") && next.contains(&subject), "{next}");
        network.stop().await;
    }
}
