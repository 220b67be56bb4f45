//! A machine: the node's core in memory, and disks and a clock that survive it. It plays what the
//! node's driver and ingress do around the core, without sockets.

use std::cell::Cell;
use std::sync::Arc;

use hefu_consensus::{Config, MAX_CATCH_UP_BLOCKS, Timeouts};
use hefu_contracts::Code;
use hefu_contracts::exec::precheck;
use hefu_genesis::Genesis;
use hefu_node::core::sync::{SyncAnswer, SyncRequest};
use hefu_node::core::{Core, CoreInput, CoreOutput, LedgerError, PoolLimits, Tip, open};
use hefu_node::store::{BlockFiles, StoreError, Wal};
use hefu_primitives::{Bundle, Height, KeyPair, Millis, SignedTransaction};

use super::cover::Mark;
use super::disk::FaultyDisk;
use super::index::{Leak, SimIndex};
use super::memory::{self, Remembers};
use super::rng::Rng;

/// Small segments, so that runs cross their borders.
const SEGMENT_BYTES: u64 = 16 * 1024;

/// The core as it is simulated.
pub(crate) type SimCore = Core<FaultyDisk>;

/// What all machines of a run share.
pub(crate) struct Setting {
    pub(crate) genesis: Arc<Genesis>,
    pub(crate) pool_bytes: usize,
    pub(crate) log_bytes: u64,
    pub(crate) leak: Option<Leak>,
    pub(crate) log_lies: bool,
    pub(crate) blocks_lie: bool,
    /// Whether it waits as long as a node does, instead of a fifth of it.
    pub(crate) patient: bool,
}

/// Why a machine did not start.
#[derive(Debug)]
pub(crate) enum BootError {
    /// A disk crashed meanwhile.
    Down,
    /// Stored blocks are damaged or missing; the operator must act.
    Blocks(String),
    /// Anything else.
    Other(String),
}

/// One machine.
pub(crate) struct Machine {
    pub(crate) key: Option<KeyPair>,
    pub(crate) core: Option<SimCore>,
    pub(crate) blocks: FaultyDisk,
    pub(crate) log: FaultyDisk,
    index: Arc<SimIndex>,
    /// Counts starts and ends: what was meant for an earlier life is void.
    pub(crate) life: u64,
    /// Until when the core thread waits for its disk.
    pub(crate) busy_until: u64,
    /// What its clock is off, in milliseconds.
    pub(crate) skew: i64,
    /// When its timers are looked at next.
    pub(crate) wake_at: Option<u64>,
    /// Outputs until it crashes.
    pub(crate) crash_in: Option<u64>,
    /// One of its disks has reported an error of this sort, or will: it is right to stop.
    pub(crate) disk_error: Option<Mark>,
    /// It has stopped itself and stays down.
    pub(crate) halted: bool,
    /// It lost stored blocks since it was last up, by no fault of its own.
    pub(crate) lost_blocks: bool,
    /// Steps whose outputs wait for a slow disk.
    pub(crate) held: usize,
    /// Stored blocks that it could not serve.
    pub(crate) unreadable: Cell<u64>,
}

impl Machine {
    pub(crate) fn new(key: Option<KeyPair>, setting: &Setting) -> Self {
        Self {
            key,
            core: None,
            blocks: FaultyDisk::new(setting.blocks_lie),
            log: FaultyDisk::new(setting.log_lies),
            index: Arc::new(SimIndex::new(setting.leak)),
            life: 0,
            busy_until: 0,
            skew: 0,
            wake_at: None,
            crash_in: None,
            disk_error: None,
            halted: false,
            lost_blocks: false,
            held: 0,
            unreadable: Cell::new(0),
        }
    }

    /// Breaks its index, before it is started.
    pub(crate) fn leak(&mut self, leak: Leak) {
        self.index = Arc::new(SimIndex::new(Some(leak)));
    }

    pub(crate) const fn is_up(&self) -> bool {
        self.core.is_some()
    }

    /// Its clock when `now` milliseconds of the run have passed.
    pub(crate) fn clock(&self, now: u64) -> Millis {
        let start = super::founders::CREATED.0 + 60_000;
        Millis((start + now).saturating_add_signed(self.skew))
    }

    /// Opens what the disks hold and starts the core on it: the tip that was found, and what the
    /// core wants done first.
    pub(crate) fn boot(
        &mut self,
        now: u64,
        setting: &Setting,
    ) -> Result<(Tip, Vec<CoreOutput>), BootError> {
        let booted = self.try_boot(now, setting);
        self.life += 1;
        self.held = 0;
        self.busy_until = now;
        self.wake_at = None;
        if self.blocks.raw().is_down() || self.log.raw().is_down() {
            self.core = None;
            return Err(BootError::Down);
        }
        booted
    }

    fn try_boot(
        &mut self,
        now: u64,
        setting: &Setting,
    ) -> Result<(Tip, Vec<CoreOutput>), BootError> {
        let other = |error: &dyn std::fmt::Display| BootError::Other(error.to_string());
        let opened = BlockFiles::open(self.blocks.clone(), SEGMENT_BYTES, &mut |_| {});
        let blocks = opened.map_err(|error| match error {
            StoreError::Corrupt { .. } => BootError::Blocks(error.to_string()),
            error => other(&error),
        })?;
        let (blocks, index) = (Arc::new(blocks), self.index.clone());
        let opened = open::open(&setting.genesis, blocks, index, &mut |_| {});
        let ledger = opened.map_err(|error| match error {
            LedgerError::BlocksLost { .. } => BootError::Blocks(error.to_string()),
            error => other(&error),
        })?;
        let tip = ledger.tip().clone();
        let wal = Wal::open(&self.log).map_err(|error| other(&error))?;
        let config = config(setting, self.key.clone());
        let limits = PoolLimits { max_bytes: setting.pool_bytes, ..PoolLimits::default() };
        let started = Core::start(self.clock(now), config, ledger, wal, limits);
        let (mut core, outputs) = started.map_err(|error| other(&error))?;
        core.set_log_bound(setting.log_bytes);
        self.core = Some(core);
        Ok((tip, outputs))
    }

    /// Ends the process; with the power, what was not synced is lost or torn.
    pub(crate) fn crash(&mut self, power: bool, rng: &mut Rng) {
        self.core = None;
        self.life += 1;
        self.held = 0;
        self.crash_in = None;
        self.wake_at = None;
        self.disk_error = None;
        self.index = Arc::new(self.index.after_crash(rng));
        for disk in [&self.blocks, &self.log] {
            if power { disk.raw().power_loss(rng.next()) } else { disk.raw().restart() }
        }
    }

    /// Throws away stored blocks and what was made of them; the log stays.
    pub(crate) fn lose_blocks(&mut self, setting: &Setting) {
        self.blocks = FaultyDisk::new(setting.blocks_lie);
        self.index = Arc::new(SimIndex::new(setting.leak));
        self.lost_blocks = true;
    }

    /// Flips a bit somewhere in the stored blocks.
    pub(crate) fn rot(&mut self, rng: &mut Rng) {
        use hefu_node::store::Disk;
        let names = self.blocks.list().unwrap_or_default();
        if names.is_empty() {
            return;
        }
        let name = &names[rng.place(names.len())];
        let length = self.blocks.raw().content(name).map_or(0, |content| content.len());
        if length > 0 {
            self.blocks.raw().flip(name, rng.place(length), 1 << rng.below(8));
            self.lost_blocks = true;
        }
    }

    pub(crate) fn step(&mut self, now: u64, input: CoreInput) -> Vec<CoreOutput> {
        let clock = self.clock(now);
        self.core.as_mut().map(|core| core.step(clock, input)).unwrap_or_default()
    }

    /// When the core wants to be called again, in milliseconds of the run.
    pub(crate) fn next_wake(&self, now: u64) -> Option<u64> {
        let deadline = self.core.as_ref()?.next_deadline()?;
        Some(now + deadline.0.saturating_sub(self.clock(now).0).max(1))
    }

    pub(crate) fn tip(&self) -> Option<&Tip> {
        self.core.as_ref().map(|core| core.ledger().tip())
    }

    /// The checks at the door.
    pub(crate) fn precheck(&self, now: u64, tx: &SignedTransaction) -> Result<(), Code> {
        let Some(core) = &self.core else { return Ok(()) };
        let block = core.ledger().next_block(self.clock(now));
        precheck(block, tx, core.ledger().records(), &Remembers)
    }

    /// A bundle, if every transaction in it could be proposed now.
    pub(crate) fn check_bundle(&self, now: u64, bytes: &[u8], open_door: bool) -> Option<Bundle> {
        let bundle = Bundle::decode(bytes).ok()?;
        let good = |tx| open_door || self.precheck(now, tx).is_ok();
        bundle.transactions().iter().all(good).then_some(bundle)
    }

    /// Blocks and bundles for a peer.
    pub(crate) fn serve(&self, request: &SyncRequest) -> Option<SyncAnswer> {
        use hefu_primitives::codec::Canonical as _;
        let core = self.core.as_ref()?;
        debug_assert!(request.to_bytes().len() <= hefu_node::core::sync::MAX_REQUEST_BYTES);
        Some(match request {
            SyncRequest::Blocks { from, count } => {
                let last = from.0.saturating_add(u64::from((*count).min(MAX_CATCH_UP_BLOCKS)));
                let tip = core.ledger().tip().height.0;
                let heights = from.0.max(1)..=tip.min(last.saturating_sub(1));
                let read = |height| match core.ledger().blocks().read(height) {
                    Ok(bytes) => bytes,
                    Err(_) => {
                        self.unreadable.set(self.unreadable.get() + 1);
                        None
                    }
                };
                SyncAnswer::collect(heights.map_while(read))
            }
            SyncRequest::Bundles(ids) => {
                let found = ids.iter().filter_map(|id| core.pool().get(id));
                SyncAnswer::collect(found.map(|bundle| bundle.as_bytes().to_vec()))
            }
            // Cosigning follows commits and never touches the core.
            SyncRequest::Cosigned(_) | SyncRequest::CosignerKeys | SyncRequest::Receipt { .. } => {
                return None;
            }
        })
    }

    /// A stored block's bytes.
    pub(crate) fn stored(&self, height: Height) -> Option<Vec<u8>> {
        self.core.as_ref()?.ledger().blocks().read(height.0).ok().flatten()
    }
}

/// Durations about a fifth of the node's: virtual time costs nothing, but what repeats does.
fn config(setting: &Setting, key: Option<KeyPair>) -> Config {
    let node = Config { check: memory::check, ..Config::new(setting.genesis.hash(), key) };
    if setting.patient {
        return node;
    }
    Config {
        timeouts: Timeouts {
            propose_ms: 400,
            propose_delta_ms: 100,
            prevote_ms: 150,
            prevote_delta_ms: 50,
            precommit_ms: 150,
            precommit_delta_ms: 50,
            cap_ms: 5_000,
        },
        resend_every_ms: 150,
        idle_status_every_ms: 400,
        heartbeat_ms: 20_000,
        max_clock_ahead_ms: 1_000,
        catch_up_timeout_ms: 700,
        catch_up_blocks: 4,
        ..node
    }
}
