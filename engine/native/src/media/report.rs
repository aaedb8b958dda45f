//! What legs report, and the bounded way of it to whoever steers: a queue, and a descriptor that is readable while it waits.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use super::frames::{Frames, Side};
use super::hearing::Noticed;
use super::lock::Lock;
use super::syscalls::EventFd;

/// Reports that may wait before those that a peer can cause at will are dropped.
const MAX_WAITING: usize = 65_536;

/// One leg's name in the engine, or one room's; never used twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegId(pub u64);

/// Why a playback is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaybackEnd {
    /// It was played to its end.
    Completed,
    /// It was stopped, or another took its place.
    Stopped,
    /// It could not be read; the text says why.
    Failed(String),
}

/// Why a recording is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingEnd {
    /// It reached its greatest length.
    Max,
    /// It was silent for so long.
    Silence,
    /// It was stopped.
    Stopped,
}

/// What came of a recording's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordingOutcome {
    /// It stands under its name; the hash is of the whole file, in hexadecimal digits.
    Saved {
        /// Why it ended.
        end: RecordingEnd,
        /// SHA-256.
        sha256: String,
    },
    /// It does not; the text says why.
    Failed(String),
}

/// What happened on a leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The first frame of a playback is due.
    PlaybackStarted {
        /// Its name.
        playback: String,
    },
    /// A playback is over.
    PlaybackFinished {
        /// Its name.
        playback: String,
        /// Frames really sent, in ms.
        heard_ms: u64,
        /// Why.
        end: PlaybackEnd,
    },
    /// A recording is over.
    RecordingFinished {
        /// Its name.
        recording: String,
        /// Its file.
        path: PathBuf,
        /// What the file holds, in ms.
        duration_ms: u64,
        /// What came of it.
        outcome: RecordingOutcome,
    },
    /// A key went down.
    DigitStarted {
        /// The key.
        digit: char,
    },
    /// A key came up.
    DigitEnded {
        /// The key.
        digit: char,
        /// How long it was down.
        duration_ms: u32,
    },
    /// A sending of digits is over.
    DigitsSent {
        /// Its name.
        sending: String,
        /// Those that went out.
        digits: String,
        /// False: it was stopped.
        is_complete: bool,
    },
    /// Sound began or ended.
    AudioHeard {
        /// It began.
        is_sound: bool,
    },
    /// Talk began or paused, or a tone said something.
    SoundDetected {
        /// Which.
        noticed: Noticed,
        /// When, in milliseconds of what was heard.
        at_ms: u64,
        /// How long the talk was that ended.
        lasted_ms: u64,
        /// How loud it was, in dB below overload.
        level_dbov: i32,
    },
    /// We are to be found there, too, as in `a=candidate` (ICE).
    CandidateFound {
        /// It.
        candidate: String,
    },
    /// There will be no more of those.
    CandidatesComplete,
    /// A mark that a program set in what it says was passed.
    PipeMarked {
        /// The pipe's name.
        pipe: String,
        /// Which.
        mark: u64,
        /// All before it was said; false: it was cleared.
        is_heard: bool,
    },
    /// The peer was found there (ICE).
    PeerReached {
        /// Where.
        remote: SocketAddr,
    },
    /// The peer is who its SDP says, and both have keys (DTLS).
    MediaSecured {
        /// The SRTP profile, as RFC 5764 §4.1.2 and RFC 7714 §14.2 name it.
        profile: &'static str,
    },
    /// The peer cannot be reached, or not any more, or is another; the text says which.
    PeerLost {
        /// Why.
        reason: String,
    },
    /// A thread of the data plane is gone: not a leg's, but everybody's matter.
    ThreadDied {
        /// Its panic's text.
        message: String,
    },
}

impl Report {
    /// True for what a peer's packets can cause without end. All else answers a command, so commands bound it.
    fn is_droppable(&self) -> bool {
        matches!(
            self,
            Report::DigitStarted { .. }
                | Report::DigitEnded { .. }
                | Report::AudioHeard { .. }
                | Report::SoundDetected { .. }
        )
    }
}

/// Reports of one thread's turn, gathered to be handed over at once.
#[derive(Debug, Default)]
pub struct Reports {
    leg: LegId,
    list: Vec<(LegId, Report)>,
    frames: Frames,
}

impl Reports {
    /// What is pushed from now on is of `leg`.
    pub fn of(&mut self, leg: LegId) -> &mut Self {
        self.leg = leg;
        self
    }

    /// One more.
    pub fn push(&mut self, report: Report) {
        self.list.push((self.leg, report));
    }

    /// One more frame for a program outside.
    pub fn frame(&mut self, pipe: u64, side: Side, at_ms: u64, octets: &[u8]) {
        self.frames.push(pipe, side, at_ms, octets);
    }

    /// The frames so far.
    #[cfg(test)]
    pub fn frames(&mut self) -> &mut Frames {
        &mut self.frames
    }

    /// All so far, with their legs.
    pub fn drain(&mut self) -> std::vec::Drain<'_, (LegId, Report)> {
        self.list.drain(..)
    }

    /// All so far, without their legs.
    #[cfg(test)]
    pub fn take(&mut self) -> Vec<Report> {
        self.list.drain(..).map(|(_, report)| report).collect()
    }
}

/// The queue between the data plane's threads and the one reader. It never blocks a writer for longer than a copy.
///
/// When more than `MAX_WAITING` wait, digits and sounds are dropped and counted; the ends of playbacks, recordings and
/// sendings are never dropped: there is at most one for each command.
pub struct ReportQueue {
    waiting: Lock<VecDeque<(LegId, Report)>>,
    frames: Lock<Frames>,
    wake: EventFd,
    dropped: AtomicU64,
}

impl ReportQueue {
    /// Empty.
    pub fn new() -> std::io::Result<Self> {
        Ok(ReportQueue {
            waiting: Lock::default(),
            frames: Lock::default(),
            wake: EventFd::new()?,
            dropped: AtomicU64::new(0),
        })
    }

    /// Hand over what was gathered; it keeps its room.
    pub fn hand_over(&self, reports: &mut Reports) {
        let has_frames =
            !reports.frames.is_empty() && self.frames.hold().take_from(&mut reports.frames);
        if reports.list.is_empty() {
            if has_frames {
                self.wake.signal();
            }
            return;
        }
        {
            let mut waiting = self.waiting.hold();
            for (leg, report) in reports.list.drain(..) {
                if waiting.len() >= MAX_WAITING && report.is_droppable() {
                    self.dropped.fetch_add(1, Ordering::Relaxed);
                } else {
                    waiting.push_back((leg, report));
                }
            }
        }
        self.wake.signal();
    }

    /// Hand over one.
    pub fn push(&self, leg: LegId, report: Report) {
        let mut reports = Reports::default();
        reports.of(leg).push(report);
        self.hand_over(&mut reports);
    }

    /// Everything that waits; the descriptor is unreadable until more comes.
    pub fn drain(&self) -> VecDeque<(LegId, Report)> {
        self.wake.drain();
        let mut waiting = self.waiting.hold();
        std::mem::take(&mut *waiting)
    }

    /// All frames that wait, in exchange for room: what `frames` held is forgotten.
    pub fn take_frames(&self, frames: &mut Frames) {
        frames.clear();
        std::mem::swap(&mut *self.frames.hold(), frames);
    }

    /// How many were dropped because nobody read.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl AsRawFd for ReportQueue {
    fn as_raw_fd(&self) -> RawFd {
        self.wake.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digit() -> Report {
        Report::DigitStarted { digit: '1' }
    }

    fn sent() -> Report {
        Report::DigitsSent {
            sending: "s".into(),
            digits: String::new(),
            is_complete: true,
        }
    }

    #[test]
    fn reports_come_out_in_order_with_their_leg() {
        let queue = ReportQueue::new().unwrap();
        let mut reports = Reports::default();
        reports.of(LegId(4)).push(digit());
        reports.of(LegId(5)).push(sent());
        queue.hand_over(&mut reports);
        queue.hand_over(&mut reports);
        assert_eq!(queue.drain(), [(LegId(4), digit()), (LegId(5), sent())]);
        assert!(queue.drain().is_empty());
    }

    #[test]
    fn a_full_queue_drops_digits_and_keeps_ends() {
        let queue = ReportQueue::new().unwrap();
        for _ in 0..MAX_WAITING + 10 {
            queue.push(LegId(1), digit());
        }
        queue.push(LegId(1), sent());
        assert_eq!(queue.dropped(), 10);
        assert_eq!(queue.drain().pop_back(), Some((LegId(1), sent())));
    }
}
