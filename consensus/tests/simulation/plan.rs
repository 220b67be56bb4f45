//! What a run is made of, and what came of it.

/// What kind of run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Machines.
    pub(crate) n: usize,
    /// How many of them, the last ones, are liars.
    pub(crate) liars: usize,
    /// Each machine is linked with its two neighbours only.
    pub(crate) ring: bool,
    /// The validator set changes.
    pub(crate) rotate: bool,
    /// Disks forget what was synced.
    pub(crate) forgetful: bool,
    /// One clock is two seconds ahead.
    pub(crate) skewed: bool,
    /// Chances in a thousand that a message is lost, that one is doubled, that a machine crashes
    /// at an output.
    pub(crate) loss: u64,
    pub(crate) double: u64,
    pub(crate) crash: u64,
    /// Longest delay of a message, in milliseconds.
    pub(crate) delay: u64,
    /// Whether the network splits.
    pub(crate) split: bool,
    /// Whether the last works are each known to one machine alone, and stay so.
    pub(crate) private: bool,
}

/// What happened in a run, so that tests can tell that it happened at all.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) crashes: usize,
    /// Starts with a log to replay.
    pub(crate) replays: usize,
    /// Blocks committed from a peer's answer.
    pub(crate) fetched: usize,
    pub(crate) evidence: usize,
    /// Messages relayed for others.
    pub(crate) relayed: usize,
}

impl Plan {
    pub(crate) const fn calm(n: usize) -> Self {
        Self {
            n,
            liars: 0,
            ring: false,
            rotate: false,
            forgetful: false,
            skewed: false,
            loss: 0,
            double: 0,
            crash: 0,
            delay: 5,
            split: false,
            private: false,
        }
    }

    pub(crate) const fn faulty(n: usize) -> Self {
        let calm = Self::calm(n);
        Self { loss: 80, double: 50, crash: 4, delay: 60, split: true, private: true, ..calm }
    }
}
