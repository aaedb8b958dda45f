//! One recording: what is received, and perhaps sent, laid out in real time by its timestamps.
//!
//! A packet holds the sound of the time before it came: its end is put where it arrived, the next ones follow by timestamp, so
//! that jitter does not show. A window stays here before it goes to the writer: late and reordered packets find their place, and
//! what is missing between two that came is made up. Where nothing follows there is silence.

mod lane;

use std::ops::Range;

use super::clock::Moment;
use super::report::RecordingEnd;
use super::rtp::Header;
use super::sound::is_loud;
use super::writer::Track;
use lane::Lane;

/// Samples that wait for late packets: 200 ms.
const WINDOW: usize = 1600;
/// Silence that stays around the sound of a trimmed recording: 200 ms.
const MARGIN: u64 = 1600;
/// Samples handed to the writer at once: half a second.
const CHUNK: usize = 4000;
/// At its greatest length a recording waits so long for the packets that hold its last moments.
const LINGER: u64 = 320;
/// What is kept here at most: what waits, and as much ahead of it as a burst may bring.
const ROOM: usize = CHUNK + 2 * WINDOW;

/// How a recording goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// On.
    Running,
    /// To its end; finish it.
    Over(RecordingEnd),
    /// Not at all: the writer reports it.
    Failed,
}

/// What a recording holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sides {
    /// What is received.
    Received,
    /// What is received and what is sent, added.
    Mixed,
    /// What is received left, what is sent right.
    Stereo,
}

impl Sides {
    /// Channels of the file.
    pub fn channels(self) -> u16 {
        if self == Sides::Stereo {
            2
        } else {
            1
        }
    }
}

/// What is to be recorded.
#[derive(Clone, Debug)]
pub struct RecordSpec {
    /// Its name in reports.
    pub name: String,
    /// What it holds.
    pub sides: Sides,
    /// At most so long.
    pub max_ms: u64,
    /// Ended by so much silence; 0: never.
    pub silence_ms: u64,
    /// The silence before the first sound and after the last is left out.
    pub is_trimmed: bool,
}

/// A recording that runs, or is paused.
pub struct Recorder {
    /// Its name in reports.
    pub name: String,
    track: Track,
    sides: Sides,
    /// When it began; later by each pause.
    started_at: Moment,
    paused_at: Option<Moment>,
    max: u64,
    silence: Option<u64>,
    is_trimmed: bool,
    loud_from: Option<u64>,
    loud_until: u64,
    received: Lane,
    sent: Lane,
    /// The place of the first sample that is not handed over yet.
    base: u64,
}

impl Recorder {
    /// From `now` on.
    pub fn new(spec: RecordSpec, track: Track, now: Moment) -> Self {
        let hears_sent = spec.sides != Sides::Received;
        let room_for_sent = if hears_sent { ROOM } else { 0 };
        Recorder {
            name: spec.name,
            track,
            sides: spec.sides,
            started_at: now,
            paused_at: None,
            max: spec.max_ms.saturating_mul(8),
            silence: (spec.silence_ms > 0).then_some(spec.silence_ms.saturating_mul(8)),
            is_trimmed: spec.is_trimmed,
            loud_from: None,
            loud_until: 0,
            received: Lane::new(ROOM, Some(Box::default())),
            sent: Lane::new(room_for_sent, None),
            base: 0,
        }
    }

    /// True when it wants what is sent, too.
    pub fn hears_sent(&self) -> bool {
        self.sides != Sides::Received && self.paused_at.is_none()
    }

    /// A packet's samples, received.
    pub fn hear(&mut self, header: &Header, samples: &[i16], now: Moment) {
        if self.paused_at.is_some() {
            return;
        }
        let elapsed = now.samples_since(self.started_at);
        let place = self.received.put(header, samples, elapsed, self.base);
        if (self.silence.is_some() || self.is_trimmed) && is_loud(samples) {
            let end = place + samples.len() as i64;
            self.loud_until = self.loud_until.max(end.max(0) as u64);
            self.loud_from.get_or_insert(place.max(0) as u64);
        }
    }

    /// A packet's samples, sent.
    pub fn hear_sent(&mut self, header: &Header, samples: &[i16], now: Moment) {
        if self.hears_sent() {
            let elapsed = now.samples_since(self.started_at);
            self.sent.put(header, samples, elapsed, self.base);
        }
    }

    /// Skip the time from now on, or go on.
    pub fn pause(&mut self, is_paused: bool, now: Moment) {
        match (self.paused_at, is_paused) {
            (None, true) => {
                let kept = now.samples_since(self.started_at).saturating_sub(self.base) as usize;
                for lane in [&mut self.received, &mut self.sent] {
                    lane.cut(kept);
                }
                self.paused_at = Some(now);
            }
            (Some(since), false) => {
                self.started_at = Moment(self.started_at.0 + now.0.saturating_sub(since.0));
                self.loud_until = now.samples_since(self.started_at);
                self.paused_at = None;
            }
            _ => {}
        }
    }

    /// Time has passed.
    pub fn advance(&mut self, now: Moment) -> Progress {
        if self.paused_at.is_some() {
            return Progress::Running;
        }
        let elapsed = now.samples_since(self.started_at);
        if elapsed >= self.max.saturating_add(LINGER) {
            return Progress::Over(RecordingEnd::Max);
        }
        if self
            .silence
            .is_some_and(|silence| elapsed.saturating_sub(self.loud_until) >= silence)
        {
            return Progress::Over(RecordingEnd::Silence);
        }
        let complete = elapsed.saturating_sub(self.base) as usize;
        if complete < CHUNK + WINDOW || self.hand_over(complete - WINDOW) {
            Progress::Running
        } else {
            Progress::Failed
        }
    }

    /// Close it, as long as it really took. With None its end is not reported.
    pub fn finish(mut self, end: Option<RecordingEnd>, now: Moment) {
        let until = self.paused_at.unwrap_or(now);
        let length = until.samples_since(self.started_at).min(self.max);
        let left = length.saturating_sub(self.base) as usize;
        if self.hand_over(left) {
            let kept = self.kept(length);
            self.track.finish(end, kept);
        }
    }

    /// What of a file of that length is to stay; None: all.
    fn kept(&self, length: u64) -> Option<Range<u64>> {
        if !self.is_trimmed {
            return None;
        }
        let Some(first) = self.loud_from else {
            return Some(0..0); // it was silent throughout
        };
        let end = (self.loud_until + MARGIN).min(length);
        Some(first.saturating_sub(MARGIN).min(end)..end)
    }

    /// It is not to be; the writer reports the reason.
    pub fn refuse(self, reason: &str) {
        self.track.fail(reason);
    }

    /// A stalled thread may find more time passed than there is room for: it goes chunk by chunk.
    fn hand_over(&mut self, mut count: usize) -> bool {
        while count > 0 {
            let step = count.min(CHUNK);
            self.received.complete(step);
            if self.sides != Sides::Received {
                self.sent.complete(step);
            }
            let chunk = self.chunk(step);
            self.received.forget(step);
            self.sent.forget(step);
            self.base += step as u64;
            count -= step;
            if !self.track.write(chunk) {
                return false;
            }
        }
        true
    }

    /// The next `count` samples of each side, as the file wants them.
    fn chunk(&self, count: usize) -> Vec<i16> {
        let mut chunk = Vec::with_capacity(count * usize::from(self.sides.channels()));
        let both = || {
            self.received.pending()[..count]
                .iter()
                .zip(self.sent.pending())
        };
        match self.sides {
            Sides::Received => chunk.extend_from_slice(&self.received.pending()[..count]),
            Sides::Mixed => chunk.extend(both().map(|(one, other)| one.saturating_add(*other))),
            Sides::Stereo => chunk.extend(both().flat_map(|(left, right)| [*left, *right])),
        }
        chunk
    }
}

#[cfg(test)]
#[path = "recorder_tests.rs"]
mod tests;
