//! What handlers share, and how they read: pinned to a height, on blocking threads, so many at a
//! time.

use std::sync::Arc;

use hefu_primitives::Height;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::Bounds;
use super::access::ReadAccess;
use super::answer::Answer;
use super::metrics::Metrics;
use super::problem::{ApiCode, Problem};
use super::rate::Rates;
use super::signed::Used;
use super::snapshot::{Pin, Snapshot};
use crate::core::reading;
use crate::runtime::Service;

/// Reads of the store at the same time; more wait their turn within the request's time.
const MAX_READING: usize = 32;
/// Submissions that wait for their outcome.
const MAX_SUBMITTING: usize = 1_024;
/// Event streams.
const MAX_STREAMS: usize = 64;

/// What handlers share; cheap to clone.
#[derive(Clone)]
pub(crate) struct Api(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) service: Service,
    pub(super) access: ReadAccess,
    pub(super) metrics: Metrics,
    pub(super) rates: Rates,
    pub(super) used: Arc<Used>,
    pub(super) stopped: watch::Receiver<bool>,
    reading: Arc<Semaphore>,
    requests: Arc<Semaphore>,
    submitting: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

impl std::ops::Deref for Api {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Api {
    pub(super) fn new(
        service: Service,
        access: ReadAccess,
        bounds: Bounds,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        Self(Arc::new(Inner {
            service,
            access,
            metrics: Metrics::new(),
            rates: Rates::new(bounds.submissions_per_second),
            used: Arc::default(),
            stopped,
            reading: Arc::new(Semaphore::new(MAX_READING)),
            requests: Arc::new(Semaphore::new(bounds.requests as usize)),
            submitting: Arc::new(Semaphore::new(MAX_SUBMITTING)),
            streams: Arc::new(Semaphore::new(MAX_STREAMS)),
        }))
    }

    pub(super) fn request_permit(&self) -> Result<OwnedSemaphorePermit, Problem> {
        permit(&self.requests, "too many requests are at work")
    }

    pub(super) fn submit_permit(&self) -> Result<OwnedSemaphorePermit, Problem> {
        permit(&self.submitting, "too many transactions wait for their outcome")
    }

    pub(super) fn stream_permit(&self) -> Result<OwnedSemaphorePermit, Problem> {
        permit(&self.streams, "too many event streams are open")
    }

    /// Reads on a blocking thread.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Service) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let stopped = || Problem::new(ApiCode::Unavailable, "the node is stopping");
        let permit = self.reading.clone().acquire_owned().await.map_err(|_| stopped())?;
        let service = self.service.clone();
        // The permit goes with the work: a request that gave up does not free its thread.
        let work = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            reading(|| read(&service))?
        });
        work.await.map_err(|error| {
            tracing::error!(%error, "a read failed");
            Problem::new(ApiCode::Internal, "the node could not answer")
        })?
    }

    /// Reads the ledger as it was after a height (or now) and wraps the answer.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        at: Option<Height>,
        read: impl FnOnce(&Snapshot<'_>) -> Result<T, Problem> + Send + 'static,
    ) -> Result<Answer<T>, Problem> {
        self.blocking(move |service| {
            let snapshot = Snapshot::new(service, Pin::at(service, at)?);
            let content = read(&snapshot)?;
            snapshot.answer(content)
        })
        .await
    }
}

fn permit(of: &Arc<Semaphore>, why: &str) -> Result<OwnedSemaphorePermit, Problem> {
    of.clone().try_acquire_owned().map_err(|_| Problem::new(ApiCode::Busy, why))
}
