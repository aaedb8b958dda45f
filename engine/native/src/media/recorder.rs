//! One recording: what is received, and perhaps sent, laid out in real time by its timestamps.
//!
//! A packet holds the sound of the time before it came: its end is put where it arrived, the next ones follow by timestamp, so
//! that jitter does not show. A window stays here before it goes to the writer: late and reordered packets find their place, and
//! what is missing between two that came is made up. Where nothing follows there is silence.

use std::ops::Range;

use super::clock::Moment;
use super::concealment::Concealment;
use super::report::RecordingEnd;
use super::rtp::{samples_between, Header, Ssrc};
use super::sound::is_loud;
use super::writer::Track;

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
/// A packet this far from real time, in samples, is laid out anew.
const MAX_DRIFT: i64 = 1200;
/// Packets over which the drift of the peer's clock is measured: four seconds.
const SPAN: u32 = 200;
/// Drifted by so much, 10 ms, the layout follows at the next quiet packet.
const MAX_OWED: i64 = 80;
/// Stands where nothing came; G.711 has no sample of that value.
const MISSING: i16 = i16::MIN;

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

/// One side's samples that are not handed over yet.
#[derive(Default)]
struct Lane {
    pending: Vec<i16>,
    anchor: Option<Anchor>,
    /// What a packet far from its place would mean if the next one confirms it.
    suspected: Option<Anchor>,
    drift: Drift,
    /// Makes up what is missing; not there for what we send ourselves.
    concealment: Option<Box<Concealment>>,
}

/// How the peer's clock runs against ours: by the earliest packet of each few seconds.
#[derive(Default)]
struct Drift {
    /// How much later than its place the earliest packet of the first span came.
    reference: Option<i64>,
    least: Option<i64>,
    packets: u32,
    /// What the places should be moved by.
    owed: i64,
    /// The packet before was quiet; known only while something is owed.
    is_quiet: bool,
}

impl Drift {
    /// A packet came so much later than its place.
    fn measure(&mut self, lateness: i64) {
        self.least = Some(self.least.map_or(lateness, |least| least.min(lateness)));
        self.packets += 1;
        if self.packets == SPAN {
            let least = self.least.take().unwrap_or_default();
            let reference = *self.reference.get_or_insert(least);
            self.owed = least - reference;
            self.packets = 0;
        }
    }
}

/// Which timestamp of a source belongs where.
#[derive(Clone, Copy)]
struct Anchor {
    ssrc: Ssrc,
    timestamp: u32,
    place: i64,
}

impl Anchor {
    /// The place of another packet, if it is of the same source.
    fn place_of(&self, header: &Header) -> Option<i64> {
        let step = samples_between(self.timestamp, header.timestamp);
        (self.ssrc == header.ssrc).then_some(self.place + i64::from(step))
    }
}

impl Recorder {
    /// From `now` on.
    pub fn new(spec: RecordSpec, track: Track, now: Moment) -> Self {
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
            received: Lane {
                pending: Vec::with_capacity(ROOM),
                concealment: Some(Box::default()),
                ..Lane::default()
            },
            sent: Lane {
                pending: Vec::with_capacity(if spec.sides == Sides::Received {
                    0
                } else {
                    ROOM
                }),
                ..Lane::default()
            },
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
                    lane.pending.truncate(kept);
                    (lane.anchor, lane.suspected) = (None, None);
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
            self.received.pending[..count]
                .iter()
                .zip(&self.sent.pending)
        };
        match self.sides {
            Sides::Received => chunk.extend_from_slice(&self.received.pending[..count]),
            Sides::Mixed => chunk.extend(both().map(|(one, other)| one.saturating_add(*other))),
            Sides::Stereo => chunk.extend(both().flat_map(|(left, right)| [*left, *right])),
        }
        chunk
    }
}

impl Lane {
    /// Lay out a packet's samples; `elapsed` is now, `base` where `pending` begins. Gives the packet's place.
    fn put(&mut self, header: &Header, samples: &[i16], elapsed: u64, base: u64) -> i64 {
        if self.drift.owed.abs() >= MAX_OWED {
            self.catch_up(is_loud(samples));
        }
        let place = self.place(header, elapsed as i64 - samples.len() as i64);
        let start = place - base as i64;
        let skipped = (-start).max(0) as usize; // before the beginning, or the writer has its place already
        let start = start.max(0) as usize;
        let samples = samples.get(skipped..).unwrap_or_default();
        let end = (start + samples.len()).min(ROOM);
        if start < end {
            if self.pending.len() < end {
                self.pending.resize(end, MISSING);
            }
            for (pending, sample) in self.pending[start..end].iter_mut().zip(samples) {
                *pending = (*sample).max(MISSING + 1);
            }
        } // else it is further ahead than anything that is on its way
        place
    }

    /// Where a packet belongs: by its timestamp, unless that has lost touch with real time and the next packet agrees.
    fn place(&mut self, header: &Header, arrival: i64) -> i64 {
        let fits = |place: &i64| (place - arrival).abs() < MAX_DRIFT;
        let usual = self.anchor.and_then(|anchor| anchor.place_of(header));
        if let Some(place) = usual.filter(fits) {
            self.suspected = None;
            self.drift.measure(arrival - place);
            return place;
        }
        let fresh = Anchor {
            ssrc: header.ssrc,
            timestamp: header.timestamp,
            place: arrival,
        };
        let suspected = self.suspected.and_then(|anchor| anchor.place_of(header));
        if let (Some(place), None) = (usual, suspected.filter(fits)) {
            self.suspected = Some(fresh); // a straggler, or the first after a jump
            return place;
        }
        (self.anchor, self.suspected) = (Some(fresh), None);
        self.drift = Drift::default();
        arrival
    }

    /// Move the places by what the clocks have drifted, where it does not matter: between two quiet packets.
    fn catch_up(&mut self, is_loud: bool) {
        let was_quiet = std::mem::replace(&mut self.drift.is_quiet, !is_loud);
        if let (true, false, Some(anchor)) = (was_quiet, is_loud, &mut self.anchor) {
            anchor.place += self.drift.owed;
            (self.drift.owed, self.drift.is_quiet) = (0, false);
        }
    }

    /// Make the first `count` samples whole.
    fn complete(&mut self, count: usize) {
        if self.pending.len() < count {
            self.pending.resize(count, MISSING);
        }
        let mut at = 0;
        while at < count {
            let is_missing = self.pending[at] == MISSING;
            let change = self.pending[at..]
                .iter()
                .position(|sample| (*sample == MISSING) != is_missing);
            let end = change.map_or(count, |length| count.min(at + length));
            let piece = &mut self.pending[at..end];
            match (&mut self.concealment, is_missing) {
                (Some(concealment), false) => concealment.hear(piece),
                (Some(concealment), true) if change.is_some() => concealment.conceal(piece),
                (Some(concealment), true) => {
                    concealment.rest();
                    piece.fill(0);
                }
                (None, true) => piece.fill(0),
                (None, false) => {}
            }
            at = end;
        }
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
    use super::super::testing::{likeness_of, voice, Folder, Random};
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
                is_trimmed: false,
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

    /// The frames' values, one for each, from their middle: their beginnings may be blended.
    fn frames(samples: &[i16]) -> Vec<i16> {
        samples
            .chunks(160)
            .map(|frame| frame[frame.len() / 2])
            .collect()
    }

    #[test]
    fn lost_packets_are_made_up_and_reordered_ones_find_their_place() {
        let scene = Scene::new();
        let mut recorder = scene.record(60_000, 0);
        for frame in [0, 1, 3, 2, 6, 5, 7] {
            recorder.hear(&header(frame), &[frame as i16 + 10; 160], arrived(frame));
        }
        recorder.finish(Some(RecordingEnd::Stopped), at(10));
        assert_eq!(
            frames(&scene.samples()),
            [10, 11, 12, 13, 13, 15, 16, 17, 0, 0]
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
        let frames = frames(&scene.samples());
        assert_eq!(frames.len(), 1000);
        for (index, value) in (0..1000).zip(frames) {
            match index % 100 {
                0..=89 => assert_eq!(value, index + 1),
                90..=93 => assert!(value <= index), // fades, or is silent
                _ => assert_eq!(value, 0),
            }
        }
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
        assert_eq!((samples.len(), frames(&samples)), (400, vec![1, 1, 3]));
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
        let other = |frame: u64, timestamp| Header {
            ssrc: Ssrc(2),
            timestamp,
            ..header(frame)
        };
        recorder.hear(&header(0), &[1000; 160], arrived(0));
        recorder.hear(&other(7, 77_777), &[2000; 160], arrived(2));
        recorder.hear(&other(8, 5), &[7; 160], arrived(4)); // a jump that the next confirms
        recorder.hear(&other(9, 165), &[3000; 160], arrived(5));
        recorder.finish(Some(RecordingEnd::Stopped), at(6));
        let frames = frames(&scene.samples());
        assert_eq!([frames[0], frames[2], frames[5]], [1000, 2000, 3000]);
        assert!(!frames.contains(&7));
    }

    #[test]
    fn a_straggler_does_not_move_what_follows() {
        let scene = Scene::new();
        let mut recorder = scene.record(60_000, 0);
        for frame in [0, 1, 2, 4, 5] {
            recorder.hear(&header(frame), &[frame as i16 + 10; 160], arrived(frame));
        }
        recorder.hear(&header(3), &[13; 160], arrived(14));
        for frame in 15..18 {
            recorder.hear(&header(frame), &[frame as i16 + 10; 160], arrived(frame));
        }
        recorder.finish(Some(RecordingEnd::Stopped), at(18));
        let frames = frames(&scene.samples());
        assert_eq!(frames[..6], [10, 11, 12, 13, 14, 15]);
        assert_eq!(frames[15..], [25, 26, 27]);
    }

    #[test]
    fn a_clock_that_is_too_fast_or_too_slow_is_followed_in_the_pauses() {
        for stretch in [-1i64, 1] {
            let scene = Scene::new();
            let mut recorder = scene.record(600_000, 0);
            let mut turn = 0;
            for frame in 0..4000u64 {
                let drift = stretch * frame as i64 * 20_000; // a thousandth
                let now = Moment((arrived(frame).0 as i64 + drift) as u64);
                while at(turn) <= now {
                    assert_eq!(recorder.advance(at(turn)), Progress::Running);
                    turn += 1;
                }
                let value = if frame % 50 < 40 { 1000 } else { 0 };
                recorder.hear(&header(frame), &[value; 160], now);
                let owed = recorder.received.drift.owed.abs();
                assert!(owed < 200, "{owed}");
            }
            recorder.finish(Some(RecordingEnd::Stopped), at(4000));
            let samples = scene.samples();
            let edges = |low: i16, high: i16| {
                samples
                    .windows(2)
                    .filter(|pair| pair[0] <= low && pair[1] >= high)
                    .count()
            };
            assert!((79..=80).contains(&edges(0, 1)), "no burst was split");
            let last = samples
                .windows(2)
                .rposition(|pair| pair[0] == 0 && pair[1] > 0)
                .unwrap();
            let due = 3950 * 160 + stretch * 3950 * 160 / 1000;
            assert!((last as i64 - due).abs() < 250, "{last} {due}");
            let loud = samples.iter().filter(|sample| **sample == 1000).count();
            assert!(loud.abs_diff(3200 * 160) < 400, "{loud}");
        }
    }

    /// What is recorded of a voice under loss and jitter, against what was said; silence for the lost would leave 0.95 at best.
    fn likeness_under(loss: u64, jitter_ms: u64, seed: u64) -> f32 {
        let said: Vec<i16> = (0..160 * 1000).map(voice).collect();
        let mut random = Random(seed);
        let mut arrivals = vec![(arrived(0), 0)];
        for frame in 1..1000 {
            let delay = random.below(jitter_ms + 1);
            if random.below(100) >= loss {
                arrivals.push((arrived(frame).plus_ms(delay), frame));
            }
        }
        arrivals.sort();
        let scene = Scene::new();
        let mut recorder = scene.record(600_000, 0);
        let mut turn = 0;
        for (now, frame) in arrivals {
            while at(turn) <= now {
                assert_eq!(recorder.advance(at(turn)), Progress::Running);
                turn += 1;
            }
            let place = frame as usize * 160;
            recorder.hear(&header(frame), &said[place..place + 160], now);
        }
        recorder.finish(Some(RecordingEnd::Stopped), at(1000));
        let heard = scene.samples();
        likeness_of(&heard, &said, 0, 0)
    }

    #[test]
    fn five_percent_loss_and_60_ms_of_jitter_leave_the_voice_as_it_was() {
        assert!(likeness_under(0, 0, 1) > 0.999);
        for seed in 1..4 {
            let likeness = likeness_under(5, 60, seed);
            assert!(likeness > 0.97, "{likeness}");
        }
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
