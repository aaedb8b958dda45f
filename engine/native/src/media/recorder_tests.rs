//! Recordings on a clock of our own, and the files that they leave.

use std::fs;
use std::sync::Arc;

use super::super::report::{LegId, ReportQueue};
use super::super::rtp::{Pt, Seq, Ssrc};
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
