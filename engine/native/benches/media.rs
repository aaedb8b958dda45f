//! What the media thread does for one packet or one frame, without the kernel's part.

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use _native::media::clip::Clip;
use _native::media::clock::{Moment, FRAME};
use _native::media::g711::Law;
use _native::media::inband_receiver::InbandReceiver;
use _native::media::leg::{Received, MAX_PACKET};
use _native::media::mixer::{Gain, Sum};
use _native::media::player::{PlaySpec, Voice};
use _native::media::report::Reports;
use _native::media::tone::{Tone, ToneSpec};
use criterion::{criterion_group, criterion_main, Criterion};

mod subject;

use subject::{leg, packet};

fn relay(criterion: &mut Criterion) {
    let mut reports = Reports::default();
    let (mut one, mut other) = (leg(1, &mut reports), leg(2, &mut reports));
    let (mut number, from) = (0, SocketAddr::from(([192, 0, 2, 1], 4000)));
    criterion.bench_function("relay a packet", |bench| {
        bench.iter(|| {
            number += 1;
            let now = Moment(0).plus_ms(number * 20);
            let mut room = packet(number);
            match one.receive(&mut room, from, now, &mut reports) {
                Received::Audio(header, payload, law) => other
                    .relay_audio(&header, &mut room[payload], law, now)
                    .is_some(),
                _ => false,
            }
        });
    });
}

fn playback(criterion: &mut Criterion, name: &str, voice: Voice, gain_db: f32) {
    let mut reports = Reports::default();
    let mut leg = leg(1, &mut reports);
    let spec = PlaySpec {
        name: "p".into(),
        repeat: 0,
        gain_db,
        offset_ms: 0,
        fades_ms: [0, 0],
    };
    let loading = Arc::new(OnceLock::from(Ok(vec![voice])));
    leg.play(spec, loading, &mut reports);
    let (mut number, mut room) = (0, [0; MAX_PACKET]);
    criterion.bench_function(name, |bench| {
        bench.iter(|| {
            number += 1;
            leg.frame(Moment(0).plus_ms(number * 20), &mut room, &mut reports)
        });
    });
}

fn playbacks(criterion: &mut Criterion) {
    let clip = Clip::new((0..16_000).map(|n| (n % 4000) as i16).collect());
    let tone = Tone::new(&ToneSpec {
        frequencies: vec![440.0, 480.0],
        cadence_ms: vec![1000, 4000],
        duration_ms: None,
        level_dbm0: -10.0,
    });
    playback(
        criterion,
        "a frame of a prompt",
        Voice::Clip(clip.clone()),
        0.0,
    );
    playback(
        criterion,
        "a frame of a louder prompt",
        Voice::Clip(clip),
        3.0,
    );
    playback(criterion, "a frame of a tone", Voice::Tone(tone, None), 0.0);
}

fn samples(criterion: &mut Criterion) {
    let samples: [i16; FRAME] = std::array::from_fn(|n| (n as i16 - 80) * 90);
    let (mut octets, mut again) = ([0; FRAME], [0; FRAME]);
    criterion.bench_function("compress a frame", |bench| {
        bench.iter(|| Law::Mu.compress_into(black_box(&samples), &mut octets));
    });
    criterion.bench_function("expand a frame", |bench| {
        bench.iter(|| Law::Mu.expand_into(black_box(&octets), &mut again));
    });
    let (mut receiver, mut reports) = (InbandReceiver::default(), Reports::default());
    criterion.bench_function("look for keys in a frame", |bench| {
        bench.iter(|| receiver.hear(black_box(&samples), Moment(0), &mut reports));
    });
}

/// What a room does in a turn beside its members' own work: all voices are added, and each is given what the others say.
fn mixes(criterion: &mut Criterion) {
    for members in [3, 300] {
        let voices: Vec<[i16; FRAME]> = (0..members)
            .map(|member| std::array::from_fn(|n| ((n * member) % 4000) as i16 - 2000))
            .collect();
        criterion.bench_function(&format!("mix a frame for each of {members}"), |bench| {
            bench.iter(|| {
                let mut sum = Sum::default();
                for voice in black_box(&voices) {
                    sum.add(voice);
                }
                for voice in &voices {
                    black_box(sum.without(voice).compressed(Law::Mu));
                }
            });
        });
    }
    let mut voice: [i16; FRAME] = std::array::from_fn(|n| (n as i16 - 80) * 90);
    criterion.bench_function("make a voice softer", |bench| {
        bench.iter(|| Gain::of_db(-6.0).apply(black_box(&mut voice)));
    });
}

criterion_group!(benches, relay, playbacks, samples, mixes);
criterion_main!(benches);
