//! What can happen in a run, and which of it ends with the faults.

use std::sync::Arc;

use hefu_node::core::CoreOutput;
use hefu_node::core::sync::{SyncAnswer, SyncRequest};

/// The two kinds of message between machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    Consensus,
    Bundles,
}

/// Something that will happen.
pub(super) enum Event {
    Boot {
        node: usize,
    },
    /// The machine crashes after so many more outputs.
    ArmCrash {
        node: usize,
        outputs: u64,
    },
    /// A disk of the machine crashes in a write to come.
    ArmDisk {
        node: usize,
        writes: u64,
        log: bool,
    },
    /// A disk of the machine has so little room left, or fails its next sync.
    BreakDisk {
        node: usize,
        log: bool,
        room: Option<u64>,
    },
    Rot {
        node: usize,
    },
    LoseBlocks {
        node: usize,
    },
    /// The operator reads in the log that a stored block cannot be read.
    Repair {
        node: usize,
    },
    /// The machine stands still for so many milliseconds.
    Pause {
        node: usize,
        ms: u64,
    },
    Split,
    Mend,
    Mute,
    Jump {
        node: usize,
        by: i64,
    },
    Calm,
    Look,
    Connect {
        a: usize,
        b: usize,
    },
    Gone {
        at: usize,
        of: usize,
    },
    Deliver {
        from: usize,
        to: usize,
        connection: u64,
        channel: Channel,
        bytes: Arc<[u8]>,
    },
    Wake {
        node: usize,
        at: u64,
    },
    Emit {
        node: usize,
        life: u64,
        outputs: Vec<CoreOutput>,
    },
    Ask {
        asker: usize,
        life: u64,
        server: usize,
        request: SyncRequest,
    },
    Answer {
        asker: usize,
        life: u64,
        server: usize,
        blocks: bool,
        answer: Option<SyncAnswer>,
    },
    Story,
    /// Governors go on with their change.
    Govern,
    /// An operator starts a machine with its new key.
    Rekey {
        node: usize,
    },
    Submit {
        ticket: usize,
        node: usize,
    },
    Retry {
        ticket: usize,
    },
    Replay,
    Idle {
        node: usize,
    },
}

/// Whether an event only happens until the faults stop.
pub(super) const fn is_fault(event: &Event) -> bool {
    matches!(
        event,
        Event::ArmCrash { .. }
            | Event::ArmDisk { .. }
            | Event::BreakDisk { .. }
            | Event::Rot { .. }
            | Event::LoseBlocks { .. }
            | Event::Pause { .. }
            | Event::Split
            | Event::Mute
            | Event::Jump { .. }
    )
}

/// The machine whose core thread an event needs.
pub(super) const fn subject(event: &Event) -> Option<usize> {
    match event {
        Event::Deliver { to, .. } => Some(*to),
        Event::Wake { node, .. } | Event::Submit { node, .. } => Some(*node),
        Event::Answer { asker, .. } => Some(*asker),
        Event::Gone { at, .. } => Some(*at),
        _ => None,
    }
}
