//! What really happened: a fault that is planned and never bites shows nothing, nor does a liar
//! whose lies reach nobody. Runs count both, and a test wants each to have happened.

use super::byzantine::Kind;

macro_rules! marks {
    ($($name:ident = $text:literal,)*) => {
        /// Something that must happen now and then for a run of many seeds to mean anything.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Mark { $(#[doc = $text] $name,)* }

        impl Mark {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// In words.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

marks! {
    Lost = "messages lost",
    Doubled = "messages doubled",
    Overtaken = "messages that overtook another",
    Cut = "messages cut off by a split",
    OneWay = "messages lost on a link that carried the other way",
    Relayed = "messages relayed to machines that are not linked with their author",
    CrashedUnsent = "crashes with something unsent",
    CrashedUntold = "crashes after a commit that nobody was told of",
    CrashedInWrite = "crashes inside a write",
    CrashedAtStart = "crashes while starting",
    TailLost = "power losses that took what was not synced",
    TailTorn = "torn ends cut off at a start",
    DiskFull = "nodes stopped by a full disk",
    SyncFailed = "nodes stopped by a failed sync",
    RotFound = "damaged blocks found at a start",
    RotRead = "damaged blocks not served",
    BlocksLost = "starts without blocks that were stored",
    HeldBack = "validators that only followed until their blocks were back",
    CaughtUp = "blocks fetched from peers",
    LogRenewed = "logs begun anew",
    Waited = "steps that waited for a slow disk",
    Paused = "machines that stood still",
    Skewed = "clocks apart",
    ClockBack = "clocks put back",
    ClockAhead = "clocks put forward",
    Followed = "heights that observers followed",
    Doubles = "transactions sent to two nodes at once",
    Replays = "old transactions sent again and taken",
    DoorShut = "transactions refused at the door",
    Refused = "transactions refused in a block",
    Expired = "transactions whose time ran out",
    PoolFull = "transactions for which a pool had no room",
    LateRounds = "heights decided after round 0",
    SetGrew = "validator sets that a province joined",
    SetShrank = "validator sets that a province left",
    SetRotated = "validator sets with a replaced key",
    NewKeyVoted = "votes of a key that was not there at the beginning",
    Recorded = "contradictions recorded on the ledger",
    Fetched = "requests for bundles that a proposal named",
}

/// What is counted of a kind of liar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Runs that had one.
    Runs,
    /// Lies that left it.
    Deeds,
    /// Contradictions that honest machines proved against it.
    Proven,
    /// Times that an honest machine accused it.
    Accused,
    /// Rounds of its own in which an honest validator voted for nothing.
    Rounds,
    /// Bundles of it that honest machines took.
    Taken,
    /// Bundles of it that honest machines refused.
    Refused,
}

impl Told {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Runs,
        Self::Deeds,
        Self::Proven,
        Self::Accused,
        Self::Rounds,
        Self::Taken,
        Self::Refused,
    ];

    /// In words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Deeds => "deeds",
            Self::Proven => "proven",
            Self::Accused => "accused",
            Self::Rounds => "rounds lost",
            Self::Taken => "bundles taken",
            Self::Refused => "bundles refused",
        }
    }
}

/// How often everything happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coverage {
    marks: [u64; Mark::ALL.len()],
    liars: [[u64; Told::ALL.len()]; Kind::ALL.len()],
}

impl Default for Coverage {
    fn default() -> Self {
        Self { marks: [0; Mark::ALL.len()], liars: [[0; Told::ALL.len()]; Kind::ALL.len()] }
    }
}

impl Coverage {
    /// Counts a mark.
    pub(crate) fn mark(&mut self, mark: Mark) {
        self.marks[mark as usize] += 1;
    }

    /// Counts a mark so many times.
    pub(crate) fn marks(&mut self, mark: Mark, times: u64) {
        self.marks[mark as usize] += times;
    }

    /// Counts something of a kind of liar.
    pub(crate) fn liar(&mut self, kind: Kind, told: Told, times: u64) {
        self.liars[kind as usize][told as usize] += times;
    }

    /// How often a mark was made.
    pub const fn of(&self, mark: Mark) -> u64 {
        self.marks[mark as usize]
    }

    /// How often something happened of each kind of liar.
    pub fn liars(&self) -> impl Iterator<Item = (Kind, [u64; Told::ALL.len()])> + '_ {
        Kind::ALL.into_iter().map(|kind| (kind, self.liars[kind as usize]))
    }

    /// Adds those of another run.
    pub(crate) fn add(&mut self, other: &Self) {
        let sums = self.marks.iter_mut().chain(self.liars.as_flattened_mut());
        let more = other.marks.iter().chain(other.liars.as_flattened());
        sums.zip(more).for_each(|(sum, more)| *sum += more);
    }

    /// What never happened, in words: marks, liars without deeds, and lies that nobody noticed
    /// although they must be.
    pub fn missing(&self) -> Vec<String> {
        let marks = Mark::ALL.iter().filter(|mark| self.of(**mark) == 0);
        let mut missing: Vec<String> = marks.map(|mark| mark.text().to_owned()).collect();
        for (kind, counts) in self.liars() {
            let wanted = kind.shows().iter().chain(&[Told::Runs, Told::Deeds]);
            let absent = wanted.filter(|told| counts[**told as usize] == 0);
            missing.extend(absent.map(|told| format!("{kind}: {}", told.text())));
        }
        missing
    }
}
