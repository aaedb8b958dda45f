//! A stream through the buffer, on a clock of our own: what went in against what came out.

use super::super::rtp::Pt;
use super::super::testing::{likeness_of, voice, Random};
use super::*;

/// A peer whose packets of 20 ms come when we say.
struct Scene {
    playout: Playout,
    heard: Vec<i16>,
    turn: u64,
    late: u32,
}

fn header(frame: u64) -> Header {
    Header {
        marker: false,
        payload_type: Pt(0),
        sequence: Seq((frame as u16).wrapping_sub(20)),
        timestamp: (frame as u32 * 160).wrapping_sub(3000),
        ssrc: Ssrc(1),
    }
}

fn said(frame: u64) -> Vec<i16> {
    (frame as usize * 160..frame as usize * 160 + 160)
        .map(voice)
        .collect()
}

fn at(milliseconds: u64) -> Moment {
    Moment(3_000_000).plus_ms(milliseconds)
}

impl Scene {
    fn new() -> Self {
        Scene {
            playout: Playout::default(),
            heard: Vec::new(),
            turn: 0,
            late: 0,
        }
    }

    /// Turns until then.
    fn pass(&mut self, until: Moment) {
        while Moment(0).plus_ms(self.turn * 20) < until {
            let mut samples = [0; FRAME];
            let now = Moment(0).plus_ms(self.turn * 20);
            if !self.playout.fill(&mut samples, now) {
                samples.fill(0);
            }
            self.heard.extend(samples);
            self.turn += 1;
        }
    }

    /// The packets in the order of their arrival.
    fn run(&mut self, mut arrivals: Vec<(Moment, u64)>) {
        arrivals.sort();
        for (now, frame) in arrivals {
            self.pass(now);
            let is_in_time = self.playout.receive(&header(frame), &said(frame), now);
            self.late += u32::from(!is_in_time);
        }
    }
}

/// Frames with loss and jitter on top of their time.
fn arrivals(
    frames: std::ops::Range<u64>,
    loss: u64,
    jitter_ms: u64,
    seed: u64,
) -> Vec<(Moment, u64)> {
    let mut random = Random(seed);
    frames
        .filter_map(|frame| {
            let delay = random.below(jitter_ms + 1);
            (random.below(100) >= loss).then(|| (at(frame * 20 + delay), frame))
        })
        .collect()
}

/// How like the original what was heard is: the mean over pieces of 20 ms, each where it fits best.
fn likeness_under(loss: u64, jitter_ms: u64, seed: u64) -> f32 {
    let mut scene = Scene::new();
    scene.run(arrivals(0..1000, loss, jitter_ms, seed));
    let original: Vec<i16> = (0..160_000).map(voice).collect();
    likeness_of(&scene.heard[120_000..152_000], &original, 120_000, 1400)
}

#[test]
fn a_clean_stream_comes_out_as_it_went_in_a_little_later() {
    let likeness = likeness_under(0, 0, 1);
    assert!(likeness > 0.999, "{likeness}");
    let mut scene = Scene::new();
    scene.run(arrivals(0..100, 0, 0, 1));
    assert_eq!(scene.late, 0);
    assert_eq!(scene.playout.target(), MARGIN);
}

#[test]
fn five_percent_loss_and_60_ms_of_jitter_leave_the_voice_as_it_was() {
    for seed in 1..4 {
        let likeness = likeness_under(5, 60, seed);
        assert!(likeness > 0.97, "{likeness}");
    }
}

#[test]
fn it_deepens_with_the_jitter_and_shallows_without() {
    let mut scene = Scene::new();
    scene.run(arrivals(0..500, 0, 80, 2));
    let deep = scene.playout.target();
    assert!((600..=720).contains(&deep), "{deep}");
    let late = scene.late;
    assert!(late < 15, "{late}");
    scene.run(arrivals(500..1500, 0, 0, 2));
    assert_eq!(scene.playout.target(), MARGIN);
    let depth = scene.playout.source.as_ref().unwrap().depth(at(1499 * 20));
    assert!(depth < MARGIN + TOO_DEEP + 160, "{depth}");
    assert_eq!(scene.late, late);
}

#[test]
fn duplicates_and_reordering_change_nothing() {
    let mut scene = Scene::new();
    let mut all = arrivals(0..300, 0, 30, 3);
    all.extend(arrivals(0..300, 50, 45, 4));
    scene.run(all);
    let mut plain = Scene::new();
    plain.run(arrivals(0..300, 0, 30, 3));
    assert!(scene.late <= plain.late);
}

#[test]
fn doubled_and_reordered_packets_are_heard_as_they_were_said() {
    let mut scene = Scene::new(); // whose numbers and timestamps wrap on the way
    let mut all = arrivals(0..850, 0, 30, 3);
    all.extend(arrivals(0..850, 50, 45, 4));
    scene.run(all);
    let original: Vec<i16> = (0..136_000).map(voice).collect();
    let likeness = likeness_of(&scene.heard[120_000..128_000], &original, 120_000, 1400);
    assert!(likeness > 0.98, "{likeness}");
}

#[test]
fn a_clock_that_is_too_fast_or_too_slow_is_followed() {
    for stretch in [-1i64, 1] {
        let mut scene = Scene::new();
        // A thousandth off: forty times what crystals are.
        let arrivals = (0..3000u64).map(|frame| {
            let nanos = (frame * 20_000_000) as i64 + stretch * (frame * 20_000) as i64;
            (Moment(3_000_000 + nanos as u64), frame)
        });
        scene.run(arrivals.collect());
        assert!(scene.late < 10, "{}", scene.late);
        let now = Moment(0).plus_ms(scene.turn * 20);
        let depth = scene.playout.source.as_ref().unwrap().depth(now);
        assert!((0..MARGIN + TOO_DEEP + 320).contains(&depth), "{depth}");
    }
}

#[test]
fn after_minutes_of_another_clock_and_jitter_the_voice_is_what_it_was_and_no_later() {
    const FRAMES: u64 = 15_000; // five minutes, in which 500 ppm are 150 ms
    for stretch in [-1i64, 1] {
        let (mut scene, mut random) = (Scene::new(), Random(12));
        let arrivals = (0..FRAMES).filter_map(|frame| {
            let delay = random.below(31) * 1_000_000;
            let nanos = (frame * 20_000_000 + delay) as i64 + stretch * (frame * 10_000) as i64;
            (random.below(100) >= 1).then_some((Moment(3_000_000 + nanos as u64), frame))
        });
        scene.run(arrivals.collect());
        assert!(scene.late < 150, "{}", scene.late);
        let now = Moment(0).plus_ms(scene.turn * 20);
        let depth = scene.playout.source.as_ref().unwrap().depth(now);
        assert!(
            (0..240 + MARGIN + TOO_DEEP + 320).contains(&depth),
            "{depth}"
        );
        // What is heard last was said last, and sounds like it.
        let end = scene.heard.len() - 8000;
        let said_at = (end as i64 - stretch * (FRAMES * 160) as i64 / 2000) as usize;
        let from = said_at - 8000;
        let original: Vec<i16> = (from..said_at + 16_000).map(voice).collect();
        let likeness = likeness_of(&scene.heard[end..], &original, 8000, 1400);
        assert!(likeness > 0.97, "{stretch}: {likeness}");
    }
}

#[test]
fn another_source_and_a_jump_of_timestamps_are_heard_at_once() {
    let mut scene = Scene::new();
    scene.run(arrivals(0..100, 0, 0, 5));
    for (round, change) in [(1, (0x9000_0000u32, 1u32)), (2, (0x1234, 1)), (3, (0, 2))] {
        for frame in 0..50u64 {
            let now = at((round * 100 + frame) * 20);
            scene.pass(now);
            let plain = header(round * 100 + frame);
            let other = Header {
                timestamp: plain.timestamp.wrapping_add(change.0),
                ssrc: Ssrc(change.1),
                ..plain
            };
            scene.playout.receive(&other, &[4000; 160], now);
        }
        let last = scene.heard.len() - 40 * 160;
        assert!(scene.heard[last..].iter().all(|sample| *sample == 4000));
    }
}

#[test]
fn silence_is_nothing_to_be_sent_and_sound_comes_back() {
    let mut scene = Scene::new();
    let mut samples = [0; FRAME];
    assert!(!scene.playout.fill(&mut samples, at(0)));
    scene.run(arrivals(0..50, 0, 0, 6));
    scene.pass(at(1400));
    let now = Moment(0).plus_ms(scene.turn * 20);
    assert!(!scene.playout.fill(&mut samples, now));
    scene.turn += 1;
    scene.run(arrivals(200..250, 0, 0, 6));
    assert!(scene.heard[scene.heard.len() - 160..]
        .iter()
        .any(|sample| *sample != 0));
    assert_eq!(scene.late, 0);
}

#[test]
fn what_nobody_listened_to_is_not_heard_later() {
    let mut scene = Scene::new();
    scene.run(arrivals(0..50, 0, 0, 7));
    for frame in 50..200 {
        scene
            .playout
            .receive(&header(frame), &said(frame), at(frame * 20));
    }
    scene.turn = 201;
    scene.run(arrivals(200..250, 0, 0, 7));
    let depth = scene.playout.source.as_ref().unwrap().depth(at(250 * 20));
    assert!(depth < MARGIN + TOO_DEEP + 320, "{depth}");
}

#[test]
fn there_is_room_for_as_much_as_waits_and_no_more() {
    let mut scene = Scene::new();
    scene.run(arrivals(0..200, 0, 0, 9));
    assert_eq!(scene.playout.ring.len(), LEAST_ROOM);
    scene.run(arrivals(200..600, 0, 300, 9));
    let room = scene.playout.ring.len();
    assert!((2 * LEAST_ROOM..=MOST_ROOM).contains(&room), "{room}");
    let far = Header {
        timestamp: header(600).timestamp.wrapping_add(1 << 20),
        ..header(600)
    };
    scene.playout.receive(&far, &said(600), at(600 * 20));
    assert!(scene.playout.ring.len() <= MOST_ROOM);
}

#[test]
fn packets_of_ten_to_sixty_milliseconds_come_out_as_they_went_in() {
    for samples in [80, 240, 320, 480] {
        let (mut scene, mut random) = (Scene::new(), Random(10));
        for number in 0..136_000 / samples {
            let from = number * samples;
            // Sent when its last sample has been said; some are lost, all are late by up to 60 ms.
            let now = at((from + samples) as u64 / 8 + random.below(61));
            let is_lost = random.below(100) < 5;
            let header = Header {
                sequence: Seq(number as u16),
                timestamp: from as u32,
                ..header(0)
            };
            scene.pass(now);
            let said: Vec<i16> = (from..from + samples).map(voice).collect();
            if !is_lost {
                scene.playout.receive(&header, &said, now);
            }
        }
        let original: Vec<i16> = (0..136_000).map(voice).collect();
        let heard = &scene.heard[120_000..128_000];
        let likeness = likeness_of(heard, &original, 120_000, 1400);
        assert!(likeness > 0.96, "{samples}: {likeness}");
    }
}

#[test]
fn packets_of_any_length_and_nonsense_do_no_harm() {
    let mut random = Random(8);
    let mut playout = Playout::default();
    for turn in 0..5000u64 {
        let header = Header {
            sequence: Seq(random.below(65536) as u16),
            timestamp: random.below(1 << 32) as u32,
            ..header(turn)
        };
        let samples = vec![i16::MIN; random.below(1500) as usize];
        playout.receive(&header, &samples, at(turn * 20));
        playout.fill(&mut [0; FRAME], at(turn * 20));
    }
}

#[test]
fn a_leap_of_half_the_timestamps_there_are_is_a_new_beginning() {
    let mut scene = Scene::new();
    scene.run(arrivals(0..10, 0, 0, 7));
    let base = scene.playout.source.as_ref().unwrap().base;
    let now = at(200);
    let leap = Header {
        timestamp: now.samples().wrapping_sub(base).wrapping_add(1 << 31),
        ..header(11)
    };
    assert!(scene.playout.receive(&leap, &said(11), now));
}
