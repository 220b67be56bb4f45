//! The wires between machines: every packet passes here and is delayed, lost or cut as its link
//! says. What `tc netem` does in the kernel, for kernels built without it, and seeded.
//!
//! As with netem, each packet is delayed on its own, so jitter reorders; loss is independent of
//! what was lost before.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tappers::Tun;

use super::namespace::Namespace;

/// Packets on their way at the same time; more are lost, as in a full queue.
const MAX_FLYING: usize = 20_000;
/// Largest packet: the interfaces have the usual 1500.
const MAX_PACKET: usize = 2_048;

/// One direction between two machines.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Link {
    pub(crate) delay: Duration,
    /// Uniform, on both sides of the delay.
    pub(crate) jitter: Duration,
    /// Packets lost of a thousand.
    pub(crate) loss: u32,
    pub(crate) is_cut: bool,
}

impl Link {
    /// Delay and jitter in milliseconds, loss in thousandths.
    pub(crate) const fn new(delay: u64, jitter: u64, loss: u32) -> Self {
        let (delay, jitter) = (Duration::from_millis(delay), Duration::from_millis(jitter));
        Self { delay, jitter, loss, is_cut: false }
    }
}

/// A packet on its way: when it is due, its number, to whom, and the bytes.
type Flying = Reverse<(Instant, u64, usize, Vec<u8>)>;

struct State {
    links: Vec<Vec<Link>>,
    flying: BinaryHeap<Flying>,
    random: u64,
    number: u64,
    has_ended: bool,
}

struct Shared {
    devices: Vec<Tun>,
    state: Mutex<State>,
    changed: Condvar,
}

/// The switch and the machines on it.
pub(crate) struct Switch {
    shared: Arc<Shared>,
    machines: Arc<Vec<Namespace>>,
    threads: Vec<JoinHandle<()>>,
}

/// Address of a machine, by its number from 0.
pub(crate) fn address(machine: usize) -> String {
    format!("10.77.0.{}", machine + 1)
}

impl Switch {
    /// So many machines, each linked with each in the same way.
    pub(crate) fn new(machines: usize, link: Link, seed: u64) -> Result<Self, String> {
        let namespaces: Vec<Namespace> =
            (0..machines).map(|_| Namespace::new()).collect::<Result<_, _>>()?;
        let attach =
            |(at, namespace): (usize, &Namespace)| namespace.attach(&format!("{}/24", address(at)));
        let devices: Vec<Tun> =
            namespaces.iter().enumerate().map(attach).collect::<Result<_, _>>()?;
        let state = State {
            links: vec![vec![link; machines]; machines],
            flying: BinaryHeap::new(),
            random: seed,
            number: 0,
            has_ended: false,
        };
        let shared = Shared { devices, state: Mutex::new(state), changed: Condvar::new() };
        let shared = Arc::new(shared);
        let mut threads = Vec::new();
        for from in 0..machines {
            let shared = shared.clone();
            threads.push(std::thread::spawn(move || shared.receive(from)));
        }
        let sender = shared.clone();
        threads.push(std::thread::spawn(move || sender.deliver()));
        Ok(Self { shared, machines: Arc::new(namespaces), threads })
    }

    /// The machines.
    pub(crate) fn machines(&self) -> &Arc<Vec<Namespace>> {
        &self.machines
    }

    /// Changes links, which are told from whom and to whom.
    pub(crate) fn change(&self, mut change: impl FnMut(usize, usize, &mut Link)) {
        let mut state = self.shared.lock();
        for (from, row) in state.links.iter_mut().enumerate() {
            for (to, link) in row.iter_mut().enumerate() {
                change(from, to, link);
            }
        }
    }

    /// Cuts every link between the machines named and the others; with none named, heals all.
    pub(crate) fn cut(&self, apart: &[usize]) {
        self.change(|from, to, link| link.is_cut = apart.contains(&from) != apart.contains(&to));
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        self.shared.lock().has_ended = true;
        self.shared.changed.notify_all();
        self.machines.iter().for_each(Namespace::detach);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what a machine sends, until its interface is gone.
    fn receive(&self, from: usize) {
        let mut buffer = [0; MAX_PACKET];
        while let Ok(length) = self.devices[from].recv(&mut buffer) {
            let packet = &buffer[..length];
            let Some(to) = destination(packet).filter(|to| *to < self.devices.len()) else {
                continue;
            };
            let mut state = self.lock();
            if let Some(due) = state.due(from, to) {
                state.number += 1;
                let number = state.number;
                state.flying.push(Reverse((due, number, to, packet.to_vec())));
                self.changed.notify_one();
            }
        }
    }

    fn deliver(&self) {
        let mut state = self.lock();
        while !state.has_ended {
            let now = Instant::now();
            let next = state.flying.peek().map(|Reverse((due, ..))| *due);
            if next.is_some_and(|due| due <= now) {
                if let Some(Reverse((_, _, to, packet))) = state.flying.pop() {
                    drop(state);
                    // A machine whose buffers are full loses it, like any other.
                    let _ = self.devices[to].send(&packet);
                    state = self.lock();
                }
                continue;
            }
            let wait = next.map_or(Duration::from_secs(1), |due| due - now);
            let woken = self.changed.wait_timeout(state, wait);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl State {
    /// When a packet arrives, if it does.
    fn due(&mut self, from: usize, to: usize) -> Option<Instant> {
        let link = self.links[from][to];
        let is_lost = self.below(1_000) < u64::from(link.loss);
        if link.is_cut || is_lost || self.flying.len() >= MAX_FLYING {
            return None;
        }
        let spread = 2 * u64::try_from(link.jitter.as_micros()).unwrap_or(0);
        let jitter = Duration::from_micros(self.below(spread + 1));
        Some(Instant::now() + (link.delay + jitter).saturating_sub(link.jitter))
    }

    fn below(&mut self, bound: u64) -> u64 {
        super::super::next_random(&mut self.random) % bound
    }
}

/// The machine an IPv4 packet goes to.
fn destination(packet: &[u8]) -> Option<usize> {
    let is_v4 = packet.first()? >> 4 == 4;
    let [10, 77, 0, host] = *packet.get(16..20)? else { return None };
    usize::from(host).checked_sub(1).filter(|_| is_v4)
}
