//! The task of a target: events in their order, one at a time, again until they are taken or given
//! up.

use std::path::Path;
use std::sync::Arc;

use hefu_primitives::{Height, KeyPair, Millis};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::sleep;

use super::{Dead, FOLDER, Message, Position, Sender, State, Target};
use crate::runtime::{Service, wall_clock};

/// Events read at a time.
const READ: usize = 256;
/// Pause after a failure of our own: a disk that is full, a store that cannot be read.
const TROUBLE: std::time::Duration = std::time::Duration::from_secs(30);

/// Starts a task for each target. They end with the runtime or when they are aborted.
pub(crate) fn start(
    service: &Service,
    store: &Path,
    targets: &[Target],
    key: &KeyPair,
) -> Vec<JoinHandle<()>> {
    let folder = store.join(FOLDER);
    let begin = |target: &Target| match Sender::new(target, key.clone()) {
        Ok(sender) => {
            let post = Post {
                service: service.clone(),
                state: State::of(&folder, &target.name),
                target: target.clone(),
                sender: Arc::new(sender),
            };
            Some(tokio::spawn(post.run()))
        }
        Err(error) => {
            tracing::error!(webhook = target.name, error, "this webhook cannot be used");
            None
        }
    };
    targets.iter().filter_map(begin).collect()
}

struct Post {
    service: Service,
    target: Target,
    state: State,
    sender: Arc<Sender>,
}

impl Post {
    async fn run(self) {
        loop {
            let tip = self.service.tip().height;
            match self.catch_up(tip).await {
                Ok(next) => self.service.wait_height(next.height).await,
                Err(error) => {
                    tracing::warn!(webhook = self.target.name, error, "events wait");
                    sleep(TROUBLE).await;
                }
            }
        }
    }

    /// Handles everything up to a height; what is next then. A target that is new begins behind the
    /// tip.
    async fn catch_up(&self, tip: Height) -> Result<Position, String> {
        let after = Position { height: tip.next(), number: 0 };
        let mut next = match self.state.position().map_err(|error| error.to_string())? {
            Some(position) => position,
            None => {
                self.note(after)?;
                return Ok(after);
            }
        };
        while next < after {
            let service = self.service.clone();
            let (height, number) = (next.height, next.number);
            let found = spawn_blocking(move || service.events((height, number), tip, READ));
            let found = found.await.map_err(|error| error.to_string())?;
            let found = found.map_err(|error| error.to_string())?;
            let end = found.len() < READ;
            for (height, number, event) in found {
                let place = Position { height, number };
                if self.target.wants(&event) {
                    let time = self.time_of(height).await?;
                    let message = Message::of(&self.service.chain(), place, time, &event);
                    self.deliver(message).await?;
                    self.note(place.next())?;
                }
                next = place.next();
            }
            next = if end { after } else { next };
            self.note(next)?;
        }
        Ok(next)
    }

    fn note(&self, position: Position) -> Result<(), String> {
        self.state.advance(position).map_err(|error| error.to_string())
    }

    async fn time_of(&self, height: Height) -> Result<Millis, String> {
        let service = self.service.clone();
        let block = spawn_blocking(move || service.block(height)).await;
        let block = block.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        Ok(block.map_or(Millis(0), |block| block.block.header.time))
    }

    /// Until it is taken, or buried.
    async fn deliver(&self, message: Message) -> Result<(), String> {
        let message = Arc::new(message);
        let mut attempt = 1;
        loop {
            let (sender, sent) = (self.sender.clone(), message.clone());
            let sent = spawn_blocking(move || sender.send(&sent, wall_clock())).await;
            let Err(failed) = sent.map_err(|error| error.to_string())? else { return Ok(()) };
            tracing::debug!(webhook = self.target.name, id = message.id, attempt, %failed, "not taken");
            if attempt >= self.target.attempts {
                tracing::warn!(webhook = self.target.name, id = message.id, %failed, "a dead letter");
                let dead = Dead {
                    id: message.id.clone(),
                    at: wall_clock(),
                    attempts: attempt,
                    error: failed.to_string(),
                    body: message.body.clone(),
                };
                return self.state.bury(&dead).map_err(|error| error.to_string());
            }
            sleep(self.target.pause(attempt).mul_f64(part())).await;
            attempt += 1;
        }
    }
}

/// Between a half and all of a pause, so that many senders do not come back together.
fn part() -> f64 {
    let mut byte = [0];
    // Without randomness the pause is the whole one.
    if getrandom::fill(&mut byte).is_err() {
        return 1.0;
    }
    0.5 + f64::from(byte[0]) / 512.0
}
