//! What the data plane is told, and the bounded way of it to a media thread: filled under a lock held for a copy, taken whole.

use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;

use super::association::Relay;
use super::digit_sender::Way;
use super::line::Line;
use super::lock::Lock;
use super::pipe::{Inflow, PipeSpec};
use super::player::{Loading, PlaySpec};
use super::recorder::RecordSpec;
use super::report::LegId;
use super::room::Membership;
use super::srtp::Keys;
use super::stream::Stream;
use super::syscalls::EventFd;
use super::writer::Track;

/// Commands that may wait. A thread that is so far behind is not coming back soon.
const MAX_WAITING: usize = 65_536;

/// What is to be different about a playback or a recording that runs; None: nothing.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Its name.
    pub name: String,
    /// It waits.
    pub is_paused: Option<bool>,
    /// A playback: so much further on, or back.
    pub seek_ms: Option<i64>,
    /// A playback: as loud as that.
    pub gain_db: Option<f32>,
}

/// What is to be done with one leg, or with one room: rooms are played to, recorded and closed in the same words.
pub enum Verb {
    /// It is new.
    Open(Box<Line>),
    /// Protect what is sent and received with these keys; None: no more.
    Secure(Option<Box<Keys>>),
    /// Begin, or go on with, what was agreed.
    Update(Stream),
    /// Play.
    Play(PlaySpec, Loading),
    /// The files of its playback are there. It may have been told to play something else since.
    Loaded,
    /// Record.
    Record(RecordSpec, Track),
    /// Change a playback or a recording that runs.
    Control(Change),
    /// Which ways are silent.
    Mute {
        /// What the peer says.
        incoming: bool,
        /// What others say to it.
        outgoing: bool,
    },
    /// Stop what has that name.
    Stop(String),
    /// Send back what is received so many milliseconds later; None: no more.
    Echo(Option<u32>),
    /// Send digits.
    SendDigits {
        /// Its name in reports.
        name: String,
        /// Which.
        digits: String,
        /// How; None: as events where those were agreed on, else as tones.
        way: Option<Way>,
        /// How long each is down.
        duration_ms: u32,
        /// How long none is.
        gap_ms: u32,
    },
    /// Each hears the other.
    Relay(LegId),
    /// No more.
    Unrelay,
    /// There is a room of that name.
    OpenRoom,
    /// Be in that room, or be in it in another way.
    Join(LegId, Membership),
    /// Be in no room any more.
    Leave,
    /// Report sound and silence, or no more.
    WatchAudio(bool),
    /// Report talk and tones, from this level (dBov) on, or no more.
    Detect(Option<f32>),
    /// Let a program outside hear, and speak.
    OpenPipe(Box<PipeSpec>),
    /// What comes into a pipe.
    Pipe(u64, Inflow),
    /// What is no RTP goes to its association, and no sound comes or goes before there are keys.
    Associate {
        /// ICE says where the peer is.
        has_ice: bool,
    },
    /// Send this there, for its association.
    Transmit(Vec<u8>, SocketAddr),
    /// The peer is there, says ICE, and by which relay.
    Route(SocketAddr, Option<Relay>),
    /// Send this there when the leg closes.
    Farewell(Vec<u8>, SocketAddr),
    /// Send BYE and give the ports back.
    Close,
    /// Go to another media thread.
    Depart(Arc<Inbox>),
    /// It comes from another media thread: nothing else is done before it is here.
    Expect,
}

/// The way to one media thread.
pub struct Inbox {
    waiting: Lock<Waiting>,
    /// Something waits. Changed under the lock alone.
    is_told: AtomicBool,
    /// The thread looks by itself, soon: what may wait so long needs no signal. To wake it is the dearest part of telling.
    looks_soon: AtomicBool,
    wake: EventFd,
}

#[derive(Default)]
struct Waiting {
    commands: Vec<(LegId, Verb)>,
    arrivals: Vec<Line>,
    is_signalled: bool,
    is_over: bool,
}

/// The media thread is so far behind that nothing more can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stalled;

impl Inbox {
    /// Empty.
    pub fn new() -> std::io::Result<Self> {
        Ok(Inbox {
            waiting: Lock::default(),
            is_told: AtomicBool::new(false),
            looks_soon: AtomicBool::new(false),
            wake: EventFd::new()?,
        })
    }

    /// Tell it. Closing is always taken: there is no more than one for each leg.
    pub fn push(&self, leg: LegId, verb: Verb) -> Result<(), Stalled> {
        let mut waiting = self.waiting.hold();
        if waiting.commands.len() >= MAX_WAITING && !matches!(verb, Verb::Close) {
            return Err(Stalled);
        }
        let may_wait = matches!(
            verb,
            Verb::Open(_) | Verb::Close | Verb::Pipe(_, Inflow::Piece(_))
        );
        waiting.commands.push((leg, verb));
        self.is_told.store(true, Ordering::SeqCst); // before it is asked whether the thread looks: see `may_sleep`
        if waiting.is_signalled || (may_wait && self.looks_soon.load(Ordering::SeqCst)) {
            return Ok(());
        }
        waiting.is_signalled = true;
        drop(waiting);
        self.wake.signal();
        Ok(())
    }

    /// A leg comes from another media thread.
    pub fn arrive(&self, line: Line) {
        let mut waiting = self.waiting.hold();
        waiting.arrivals.push(line);
        self.is_told.store(true, Ordering::Release);
        drop(waiting);
        self.wake.signal();
    }

    /// End the thread, after what it was told before.
    pub fn finish(&self) {
        let mut waiting = self.waiting.hold();
        waiting.is_over = true;
        self.is_told.store(true, Ordering::Release);
        drop(waiting);
        self.wake.signal();
    }

    /// The thread is about to sleep, for a moment (`is_soon`) or until it is signalled; false: it was told something, and must not.
    ///
    /// It says so first and looks then, and whoever tells it does it the other way round: one of the two sees the other.
    pub fn may_sleep(&self, is_soon: bool) -> bool {
        self.looks_soon.store(is_soon, Ordering::SeqCst);
        !self.is_told.load(Ordering::SeqCst)
    }

    /// Wait until it is told something, or `timeout` has passed.
    pub fn wait(&self, timeout: Duration) {
        self.wake.wait(timeout);
    }

    /// It has woken: no more until it is told again. What it was told before waits still.
    pub fn calm(&self) {
        self.wake.drain();
    }

    /// Whether there is something to take: cheap enough to be asked before each packet.
    pub fn is_told(&self) -> bool {
        self.is_told.load(Ordering::Acquire)
    }

    /// Everything that waits, added to what is given; true: it is the end.
    pub fn take(&self, commands: &mut Vec<(LegId, Verb)>, arrivals: &mut Vec<Line>) -> bool {
        let mut waiting = self.waiting.hold();
        self.is_told.store(false, Ordering::Release);
        waiting.is_signalled = false;
        if commands.is_empty() {
            std::mem::swap(commands, &mut waiting.commands);
        } else {
            commands.append(&mut waiting.commands);
        }
        arrivals.append(&mut waiting.arrivals);
        waiting.is_over
    }
}

impl AsRawFd for Inbox {
    fn as_raw_fd(&self) -> RawFd {
        self.wake.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_taken_whole_and_in_order() {
        let inbox = Inbox::new().unwrap();
        for leg in 0..3 {
            inbox.push(LegId(leg), Verb::Unrelay).unwrap();
        }
        let (mut commands, mut arrivals) = (Vec::new(), Vec::new());
        assert!(inbox.is_told());
        assert!(!inbox.take(&mut commands, &mut arrivals));
        assert!(!inbox.is_told());
        inbox.push(LegId(3), Verb::Unrelay).unwrap();
        inbox.finish();
        assert!(inbox.take(&mut commands, &mut arrivals));
        let legs: Vec<u64> = commands.iter().map(|(leg, _)| leg.0).collect();
        assert_eq!(legs, [0, 1, 2, 3]);
    }

    #[test]
    fn a_close_wakes_nobody_who_looks_soon_and_what_comes_after_it_does() {
        let inbox = Inbox::new().unwrap();
        assert!(inbox.may_sleep(true));
        inbox.push(LegId(1), Verb::Close).unwrap();
        assert!(!inbox.wake.wait(Duration::ZERO));
        assert!(!inbox.may_sleep(true));
        inbox.push(LegId(2), Verb::Unrelay).unwrap();
        assert!(inbox.wake.wait(Duration::ZERO));
    }

    #[test]
    fn a_close_wakes_whoever_sleeps_until_he_is_signalled() {
        let inbox = Inbox::new().unwrap();
        assert!(inbox.may_sleep(false));
        inbox.push(LegId(1), Verb::Close).unwrap();
        assert!(inbox.wake.wait(Duration::ZERO));
    }

    #[test]
    fn a_full_inbox_takes_nothing_but_a_close() {
        let inbox = Inbox::new().unwrap();
        for _ in 0..MAX_WAITING {
            inbox.push(LegId(1), Verb::Unrelay).unwrap();
        }
        assert_eq!(inbox.push(LegId(1), Verb::Unrelay), Err(Stalled));
        assert_eq!(inbox.push(LegId(1), Verb::Close), Ok(()));
    }
}
