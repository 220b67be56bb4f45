//! Clients: each sends one act after the other and remembers what it was told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hefu_contracts::identity::Role;
use hefu_node::demo::traffic;
use hefu_primitives::{SignedTransaction, TxId};

use crate::cluster::Doors;
use crate::founding::Founding;

/// How long one node is given before another is asked.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pause after a node that did not answer.
const PAUSE: Duration = Duration::from_millis(20);

/// The refusal of what looks like a person's number, as a random id does now and then.
const PERSONAL: &str = "E109";

/// What a client was told of an act.
enum Told {
    /// It is on the ledger.
    Applied(Acknowledged),
    /// Another one must be made.
    Unlucky,
    /// Nothing that decides anything.
    Nothing,
}

/// An act a client was told is applied.
#[derive(Clone, Debug)]
pub(crate) struct Acknowledged {
    pub(crate) tx: TxId,
    pub(crate) height: u64,
    /// Which node told it.
    pub(crate) node: usize,
    /// From the first submission to the answer.
    pub(crate) took: Duration,
}

/// Clients at work.
pub(crate) struct Load {
    has_ended: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<Vec<Acknowledged>>>,
}

/// One client.
pub(crate) struct Client {
    doors: Doors,
    founding: Arc<Founding>,
    number: usize,
    sent: usize,
}

impl Client {
    pub(crate) fn new(doors: &Doors, founding: &Arc<Founding>, number: usize) -> Self {
        Self { doors: doors.clone(), founding: founding.clone(), number, sent: 0 }
    }

    /// Sends a new act to a node and waits for its outcome; none when that was not told.
    pub(crate) fn send_new(&mut self, node: usize) -> Option<Acknowledged> {
        loop {
            let tx = self.act();
            match self.submit(&tx, node) {
                Told::Applied(told) => return Some(told),
                Told::Unlucky => {}
                Told::Nothing => return None,
            }
        }
    }

    /// A licence of this client's office that nobody has attested before.
    fn act(&mut self) -> SignedTransaction {
        let issuers = &self.founding.issuers;
        let (region, issuer) = &issuers[self.number % issuers.len()];
        let act = traffic::licence(issuer, *region).expect("a licence");
        let subject = format!("att:{}", act.id);
        let chain = self.founding.genesis.hash();
        self.sent += 1;
        traffic::sign(chain, issuer, Role::Issuer, &subject, &[act.into()]).expect("a signature")
    }

    fn submit(&self, tx: &SignedTransaction, node: usize) -> Told {
        let began = Instant::now();
        let answer = self.doors.ask(node, |http| http.try_submit(tx.as_bytes(), PATIENCE));
        let Some(answer) = answer else { return Told::Nothing };
        let said = answer.json();
        match answer.status {
            200 => {
                assert_eq!(said["status"], "applied", "{said}");
                let height = said["height"].as_str().and_then(|height| height.parse().ok());
                let height = height.expect("a height");
                let took = began.elapsed();
                Told::Applied(Acknowledged { tx: tx.id(), height, node, took })
            }
            _ if said["code"] == PERSONAL => Told::Unlucky,
            _ => Told::Nothing,
        }
    }

    fn run(
        mut self,
        pause: Duration,
        has_ended: &AtomicBool,
        count: &AtomicUsize,
    ) -> Vec<Acknowledged> {
        let mut told = Vec::new();
        while !has_ended.load(Ordering::Relaxed) {
            let (tx, began) = (self.act(), Instant::now());
            let first = self.number + self.sent;
            // The same bytes may be sent again anywhere: an act is recorded once.
            let mut nodes = (first..).map(|node| node % self.doors.len());
            while let Some(node) = nodes.next().filter(|_| !has_ended.load(Ordering::Relaxed)) {
                match self.submit(&tx, node) {
                    Told::Applied(answer) => {
                        told.push(Acknowledged { took: began.elapsed(), ..answer });
                        count.fetch_add(1, Ordering::Relaxed);
                        break;
                    }
                    Told::Unlucky => break,
                    Told::Nothing => std::thread::sleep(PAUSE),
                }
            }
            std::thread::sleep(pause);
        }
        told
    }
}

impl Load {
    /// So many clients; each rests between an answer and the next act.
    pub(crate) fn start(
        doors: &Doors,
        founding: &Arc<Founding>,
        clients: usize,
        pause: Duration,
    ) -> Self {
        let (has_ended, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let start = |number| {
            let client = Client::new(doors, founding, number);
            let (has_ended, count) = (has_ended.clone(), count.clone());
            std::thread::spawn(move || client.run(pause, &has_ended, &count))
        };
        let clients = (0..clients).map(start).collect();
        Self { has_ended, count, clients }
    }

    /// Answers so far.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Ends it and gives everything that clients were told.
    pub(crate) fn stop(mut self) -> Vec<Acknowledged> {
        self.has_ended.store(true, Ordering::Relaxed);
        let told = self.clients.drain(..).map(|client| match client.join() {
            Ok(told) => told,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        told.flatten().collect()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.has_ended.store(true, Ordering::Relaxed);
    }
}

/// A quantile of how long acts took.
pub(crate) fn quantile(acts: &[Acknowledged], q: f64) -> Duration {
    let mut took: Vec<Duration> = acts.iter().map(|act| act.took).collect();
    took.sort();
    let place = (took.len().saturating_sub(1) as f64 * q).round() as usize;
    took.get(place).copied().unwrap_or_default()
}
