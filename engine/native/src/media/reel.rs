//! A long sound: read block by block while it is played, by whoever plays it, so that it is never in memory as a whole.
//!
//! A media thread only says which block it wants next, and takes it when it is there; the loader brings it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;

use super::clip::Clip;
use super::decoder;
use super::lock::Lock;
use super::raw::Raw;
use super::syscalls::random;
use super::tape::{Tape, BLOCK};

/// Places of one file at which it is being read at a time, and kept open.
const MAX_TAPES: usize = 4;
/// A tape that is no farther behind is wound on; one farther behind is left to others.
const NEAR: u64 = 15;

/// Four seconds of it; with a fault, those before it.
#[derive(Clone, Debug)]
pub struct Block {
    /// The samples.
    pub clip: Arc<Clip>,
    /// Why nothing follows.
    pub fault: Option<Arc<str>>,
}

/// A long file.
pub struct Reel {
    id: u64,
    path: PathBuf,
    raw: Option<Raw>,
    length: u64,
    tapes: Lock<Vec<Tape>>,
}

impl Reel {
    /// That file, of so many samples at 8 kHz; `tape` has read it so far.
    pub fn new(path: PathBuf, raw: Option<Raw>, length: u64, tape: Tape) -> Arc<Self> {
        Arc::new(Reel {
            id: random(),
            path,
            raw,
            length,
            tapes: Lock::new(vec![tape]),
        })
    }

    /// No other has it.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// In samples at 8 kHz.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Read a block: on a loader's thread.
    pub fn read(&self, index: u64) -> Block {
        let mut tape = match self.take_tape(index) {
            Some(tape) => tape,
            None => match decoder::open(&self.path, self.raw) {
                Ok(decoder) => Tape::new(decoder),
                Err(error) => return self.block(Vec::new(), Some(error)),
            },
        };
        let piece = tape.block(index);
        let mut tapes = self.tapes.hold();
        if tapes.len() == MAX_TAPES {
            tapes.remove(0);
        }
        tapes.push(tape);
        drop(tapes);
        self.block(piece.samples, piece.fault)
    }

    /// The tape that is nearest before a block.
    fn take_tape(&self, index: u64) -> Option<Tape> {
        let mut tapes = self.tapes.hold();
        let near = |tape: &Tape| index.checked_sub(tape.next()).filter(|far| *far <= NEAR);
        let (at, _) = tapes
            .iter()
            .enumerate()
            .filter_map(|(at, tape)| near(tape).map(|far| (at, far)))
            .min_by_key(|(_, far)| *far)?;
        Some(tapes.remove(at))
    }

    fn block(&self, samples: Vec<i16>, fault: Option<String>) -> Block {
        Block {
            clip: Clip::new(samples),
            fault: fault.map(|fault| format!("{}: {fault}", self.path.display()).into()),
        }
    }
}

/// What one playback gets of a reel.
pub struct Feed {
    reel: Arc<Reel>,
    wanted: AtomicU64,
    is_served: AtomicBool,
    slot: Lock<Option<(u64, Block)>>,
}

impl Feed {
    /// That wants the first block.
    pub fn new(reel: Arc<Reel>) -> Arc<Self> {
        Arc::new(Feed {
            reel,
            wanted: AtomicU64::new(0),
            is_served: AtomicBool::new(false),
            slot: Lock::default(),
        })
    }

    /// Of what.
    pub fn reel(&self) -> &Arc<Reel> {
        &self.reel
    }

    /// That block if it is there, and the one after it is wanted from now on; else that one is. Neither waits for a file.
    pub fn take(&self, index: u64) -> Option<Block> {
        let mut slot = self.slot.hold();
        if slot.as_ref().is_some_and(|(there, _)| *there == index) {
            let next = (index + 1) * BLOCK < self.reel.length;
            self.wanted
                .store(if next { index + 1 } else { 0 }, Ordering::Release);
            return slot.take().map(|(_, block)| block);
        }
        self.wanted.store(index, Ordering::Release);
        None
    }

    /// The block to bring, if nobody brings it already.
    pub fn hunger(&self) -> Option<u64> {
        if self.is_served.load(Ordering::Acquire) {
            return None;
        }
        let wanted = self.wanted.load(Ordering::Acquire);
        let slot = self.slot.hold();
        let is_there = slot.as_ref().is_some_and(|(there, _)| *there == wanted);
        (!is_there && !self.is_served.swap(true, Ordering::AcqRel)).then_some(wanted)
    }

    /// Here it is.
    pub fn bring(&self, index: u64, block: Block) {
        *self.slot.hold() = Some((index, block));
        self.is_served.store(false, Ordering::Release);
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Feed({})", self.reel.path.display())
    }
}

impl fmt::Debug for Reel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Reel({})", self.path.display())
    }
}
