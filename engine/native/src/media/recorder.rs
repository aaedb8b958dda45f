//! One recording: what is received, laid out in real time by its timestamps; where nothing came there is silence.
//!
//! A packet holds the sound of the time before it came: its end is put where it arrived, the next ones follow by timestamp. A
//! short window stays here before it goes to the writer, so that reordered packets find their place.

use super::clock::Moment;
use super::report::RecordingEnd;
use super::rtp::{samples_between, Header, Ssrc};
use super::sound::is_loud;
use super::writer::Track;

/// Samples that wait for late packets: 200 ms.
const WINDOW: usize = 1600;
/// Samples handed to the writer at once: half a second.
const CHUNK: usize = 4000;
/// At its greatest length a recording waits so long for the packets that hold its last moments.
const LINGER: u64 = 320;
/// What is kept here at most: what waits, and as much ahead of it as a burst may bring.
const ROOM: usize = CHUNK + 2 * WINDOW;
/// A packet this far from real time, in samples, is laid out anew.
const MAX_DRIFT: i64 = 1200;

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
    loud_until: u64,
    received: Lane,
    sent: Lane,
    /// The place of the first sample that is not handed over yet.
    base: u64,
}

/// One side's samples that are not handed over yet.
#[derive(Default)]
struct Lane {
    pending: Vec<i16>,
    anchor: Option<(Ssrc, u32, i64)>,
}

impl Recorder {
    /// From `now` on.
    pub fn new(spec: RecordSpec, track: Track, now: Moment) -> Self {
        let lane = |is_there: bool| Lane {
            pending: Vec::with_capacity(if is_there { ROOM } else { 0 }),
            anchor: None,
        };
        Recorder {
            name: spec.name,
            track,
            sides: spec.sides,
            started_at: now,
            paused_at: None,
            max: spec.max_ms.saturating_mul(8),
            silence: (spec.silence_ms > 0).then_some(spec.silence_ms.saturating_mul(8)),
            loud_until: 0,
            received: lane(true),
            sent: lane(spec.sides != Sides::Received),
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
        if self.silence.is_some() && is_loud(samples) {
            let end = place + samples.len() as i64;
            self.loud_until = self.loud_until.max(end.max(0) as u64);
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
                    lane.pending.truncate(kept);
                    lane.anchor = None;
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
            self.track.finish(end);
        }
    }

    /// It is not to be; the writer reports the reason.
    pub fn refuse(self, reason: &str) {
        self.track.fail(reason);
    }

    /// A stalled thread may find more time passed than there is room for: it goes chunk by chunk.
    fn hand_over(&mut self, mut count: usize) -> bool {
        while count > 0 {
            let step = count.min(CHUNK);
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
        let (received, sent) = (self.received.first(count), self.sent.first(count));
        let both = received.zip(sent);
        match self.sides {
            Sides::Received => chunk.extend(both.map(|(received, _)| received)),
            Sides::Mixed => chunk.extend(both.map(|(one, other)| one.saturating_add(other))),
            Sides::Stereo => chunk.extend(both.flat_map(|(left, right)| [left, right])),
        }
        chunk
    }
}

impl Lane {
    /// Lay out a packet's samples; `elapsed` is now, `base` where `pending` begins. Gives the packet's place.
    fn put(&mut self, header: &Header, samples: &[i16], elapsed: u64, base: u64) -> i64 {
        let place = self.place(header, elapsed as i64 - samples.len() as i64);
        let start = place - base as i64;
        let skipped = (-start).max(0) as usize; // before the beginning, or the writer has its place already
        let start = start.max(0) as usize;
        let samples = samples.get(skipped..).unwrap_or_default();
        let end = (start + samples.len()).min(ROOM);
        if start < end {
            if self.pending.len() < end {
                self.pending.resize(end, 0);
            }
            self.pending[start..end].copy_from_slice(&samples[..end - start]);
        } // else it is further ahead than anything that is on its way
        place
    }

    /// Where a packet belongs: after the one before by timestamps, unless they have lost touch with real time.
    fn place(&mut self, header: &Header, arrival: i64) -> i64 {
        if let Some((ssrc, timestamp, place)) = self.anchor {
            let place = place + i64::from(samples_between(timestamp, header.timestamp));
            if ssrc == header.ssrc && (place - arrival).abs() < MAX_DRIFT {
                return place;
            }
        }
        self.anchor = Some((header.ssrc, header.timestamp, arrival));
        arrival
    }

    /// The first samples, followed by silence where nothing came.
    fn first(&self, count: usize) -> impl Iterator<Item = i16> + '_ {
        let held = self.pending.iter().copied();
        held.chain(std::iter::repeat(0)).take(count)
    }

    fn forget(&mut self, count: usize) {
        self.pending.drain(..count.min(self.pending.len()));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use super::super::report::{LegId, ReportQueue};
    use super::super::rtp::{Pt, Seq};
    use super::super::testing::Folder;
    use super::super::wav;
    use super::super::writer::Writer;
    use super::*;

    struct Scene {
        folder: Folder,
        writer: Writer,
        reports: Arc<ReportQueue>,
    }

    impl Scene {
        fn new() -> Self {
            let reports = Arc::new(ReportQueue::new().unwrap());
            Scene {
                folder: Folder::new(),
                writer: Writer::start(reports.clone()).unwrap(),
                reports,
            }
        }

        fn record(&self, max_ms: u64, silence_ms: u64) -> Recorder {
            let track = self
                .writer
                .open(LegId(1), "r".into(), self.folder.path("r.wav"), 1);
            let spec = RecordSpec {
                name: "r".into(),
                sides: Sides::Received,
                max_ms,
                silence_ms,
            };
            Recorder::new(spec, track, at(0))
        }

        fn samples(mut self) -> Vec<i16> {
            self.writer.stop().unwrap().join().unwrap();
            assert_eq!(self.reports.drain().len(), 1);
            let wav = wav::read(&fs::read(self.folder.path("r.wav")).unwrap()).unwrap();
            wav.samples.iter().map(|sample| *sample as i16).collect()
        }
    }

    fn at(frame: u64) -> Moment {
        Moment(7).plus_ms(frame * 20)
    }

    /// A frame comes when it is full.
    fn arrived(frame: u64) -> Moment {
        at(frame + 1)
    }

    fn header(frame: u64) -> Header {
        Header {
            marker: false,
            payload_type: Pt(0),
            sequence: Seq(frame as u16),
            timestamp: (frame as u32 * 160).wrapping_sub(1000),
            ssrc: Ssrc(1),
        }
    }

    /// The frames' values, one for each.
    fn frames(samples: &[i16]) -> Vec<i16> {
        samples.chunks(160).map(|frame| frame[0]).collect()
    }

    #[test]
    fn lost_packets_are_silence_and_reordered_ones_find_their_place() {
        let scene = Scene::new();
        let mut recorder = scene.record(60_000, 0);
        for frame in [0, 1, 3, 2, 6, 5, 7] {
            recorder.hear(&header(frame), &[frame as i16 + 10; 160], arrived(frame));
        }
        recorder.finish(Some(RecordingEnd::Stopped), at(10));
        assert_eq!(
            frames(&scene.samples()),
            [10, 11, 12, 13, 0, 15, 16, 17, 0, 0]
        );
    }

    #[test]
    fn a_long_recording_keeps_every_sample_and_its_time() {
        let scene = Scene::new();
        let mut recorder = scene.record(600_000, 0);
        for frame in 0..1000 {
            if frame % 100 < 90 {
                recorder.hear(&header(frame), &[frame as i16 + 1; 160], arrived(frame));
            }
            assert_eq!(recorder.advance(at(frame + 1)), Progress::Running);
        }
        recorder.finish(Some(RecordingEnd::Stopped), at(1000));
        let expected: Vec<i16> = (0..1000)
            .map(|frame| if frame % 100 < 90 { frame + 1 } else { 0 })
            .collect();
        assert_eq!(frames(&scene.samples()), expected);
    }

    #[test]
    fn it_ends_at_its_greatest_length_to_the_sample() {
        let scene = Scene::new();
        let mut recorder = scene.record(50, 0);
        recorder.hear(&header(0), &[1; 160], arrived(0));
        assert_eq!(recorder.advance(at(4)), Progress::Running);
        recorder.hear(&header(2), &[3; 160], arrived(2));
        assert_eq!(recorder.advance(at(5)), Progress::Over(RecordingEnd::Max));
        recorder.finish(Some(RecordingEnd::Max), at(5));
        let samples = scene.samples();
        assert_eq!((samples.len(), frames(&samples)), (400, vec![1, 0, 3]));
    }

    #[test]
    fn silence_ends_it_when_nothing_is_heard_or_nothing_comes() {
        let scene = Scene::new();
        let mut recorder = scene.record(60_000, 100);
        recorder.hear(&header(2), &[5000; 160], arrived(2));
        recorder.hear(&header(3), &[1; 160], arrived(3));
        assert_eq!(recorder.advance(at(7)), Progress::Running);
        assert_eq!(
            recorder.advance(at(8)),
            Progress::Over(RecordingEnd::Silence)
        );
        recorder.finish(Some(RecordingEnd::Silence), at(8));
        assert_eq!(frames(&scene.samples()), [0, 0, 5000, 1, 0, 0, 0, 0]);
    }

    #[test]
    fn a_source_that_restarts_goes_on_in_real_time() {
        let scene = Scene::new();
        let mut recorder = scene.record(60_000, 0);
        recorder.hear(&header(0), &[1; 160], arrived(0));
        recorder.hear(
            &Header {
                ssrc: Ssrc(2),
                ..header(77_777)
            },
            &[2; 160],
            arrived(2),
        );
        recorder.hear(
            &Header {
                timestamp: 5,
                ssrc: Ssrc(2),
                ..header(0)
            },
            &[3; 160],
            arrived(4),
        );
        recorder.finish(Some(RecordingEnd::Stopped), at(5));
        assert_eq!(frames(&scene.samples()), [1, 0, 2, 0, 3]);
    }

    #[test]
    fn a_stall_is_silence_of_its_length() {
        let scene = Scene::new();
        let mut recorder = scene.record(60_000, 0);
        recorder.hear(&header(0), &[1; 160], arrived(0));
        assert_eq!(recorder.advance(at(500)), Progress::Running);
        recorder.hear(&header(0), &[9; 160], arrived(0)); // its time has been written
        recorder.finish(Some(RecordingEnd::Stopped), at(501));
        let frames = frames(&scene.samples());
        assert_eq!(
            (
                frames.len(),
                frames[0],
                frames.iter().filter(|value| **value != 0).count()
            ),
            (501, 1, 1)
        );
    }
}
