//! The seeds of the fuzzer are half a second of a tone of 440 Hz each, in every format.

use super::super::resample::to_8000;
use super::super::testing::{likeness_of, Random};
use super::*;

const MP3: &[u8] = include_bytes!("../../fuzz/seeds/sound/tone.mp3");
const FLAC: &[u8] = include_bytes!("../../fuzz/seeds/sound/tone.flac");
const VORBIS: &[u8] = include_bytes!("../../fuzz/seeds/sound/tone.ogg");
const OPUS: &[u8] = include_bytes!("../../fuzz/seeds/sound/tone.opus");

/// All that can be heard, at 8 kHz, and what is wrong after it.
fn heard(file: &[u8]) -> (Vec<i16>, Option<String>) {
    let mut decoder = match of_octets(file.to_vec()) {
        Ok(decoder) => decoder,
        Err(fault) => return (Vec::new(), Some(fault)),
    };
    let mut samples = Vec::new();
    let fault = loop {
        match decoder.read(&mut samples) {
            Ok(true) => {}
            Ok(false) => break None,
            Err(fault) => break Some(fault),
        }
    };
    (to_8000(&samples, decoder.rate()), fault)
}

fn tone(count: usize) -> Vec<i16> {
    let at = |n: usize| (n as f64 * 440.0 * std::f64::consts::TAU / 8000.0).sin();
    (0..count).map(|n| (at(n) * 16_000.0) as i16).collect()
}

#[test]
fn every_format_is_told_by_its_content_and_heard_as_it_was() {
    for (name, file) in [
        ("mp3", MP3),
        ("flac", FLAC),
        ("vorbis", VORBIS),
        ("opus", OPUS),
    ] {
        let (samples, fault) = heard(file);
        assert_eq!(fault, None, "{name}");
        let alike = likeness_of(&samples[400..3600], &tone(4000), 420, 40);
        println!("{name}: {} samples, {alike}", samples.len());
        assert!(
            samples.len().abs_diff(4000) <= 80,
            "{name}: {}",
            samples.len()
        );
        assert!(alike > 0.98, "{name}: {alike}");
    }
}

#[test]
fn tags_before_the_sound_are_passed_over_and_padding_too() {
    let mut tagged = b"ID3\x04\x00\x00\x00\x00\x01\x00".to_vec(); // of 128 octets
    tagged.extend([0xff; 128]);
    tagged.extend(tagged.clone());
    tagged.extend([0; 500]);
    tagged.extend(MP3);
    assert_eq!(heard(&tagged), heard(MP3));
}

#[test]
fn a_tag_that_says_it_is_longer_than_the_file_is_refused() {
    let mut tagged = b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f".to_vec();
    tagged.extend(MP3);
    assert!(heard(&tagged).1.unwrap().contains("sound behind the tags"));
    let tags = b"ID3\x04\x00\x00\x00\x00\x00\x00".repeat(5);
    assert!(heard(&tags).1.unwrap().contains("at most 4 tags"));
}

#[test]
fn what_is_cut_off_is_heard_so_far_and_then_said() {
    for (name, file) in [
        ("mp3", MP3),
        ("flac", FLAC),
        ("vorbis", VORBIS),
        ("opus", OPUS),
    ] {
        let (samples, fault) = heard(&file[..file.len() - file.len() / 4]);
        let fault = fault.unwrap_or_default();
        assert!(
            fault.contains("cut off"),
            "{name}: {fault:?} after {}",
            samples.len()
        );
        assert!(samples.len() < 4000, "{name}");
    }
}

#[test]
fn what_is_no_sound_is_refused() {
    let text = b"<html>404 not found</html>".repeat(100);
    assert!(heard(&text).1.unwrap().contains("got something else"));
    assert!(heard(b"").1.unwrap().contains("an empty file"));
    assert!(heard(&[0; 200_000])
        .1
        .unwrap()
        .contains("got something else"));
    let mut video = OPUS.to_vec();
    let at = video.windows(8).position(|it| it == b"OpusHead").unwrap();
    video[at..at + 4].copy_from_slice(b"theo");
    assert!(heard(&video).1.is_some());
}

#[test]
fn no_end_and_no_wild_octet_makes_one_fall() {
    let mut random = Random(7);
    for file in [MP3, FLAC, VORBIS, OPUS] {
        for _ in 0..60 {
            let mut wild = file[..random.below(file.len() as u64) as usize].to_vec();
            for _ in 0..random.below(4) {
                if let Some(last) = (wild.len() as u64).checked_sub(1) {
                    wild[random.below(last + 1) as usize] = random.below(256) as u8;
                }
            }
            heard(&wild);
        }
    }
}

#[test]
fn what_is_passed_over_is_where_it_would_have_been() {
    for (name, file) in [
        ("mp3", MP3),
        ("flac", FLAC),
        ("vorbis", VORBIS),
        ("opus", OPUS),
    ] {
        let mut decoder = of_octets(file.to_vec()).unwrap();
        let mut whole = Vec::new();
        while decoder.read(&mut whole).unwrap() {}
        let mut decoder = of_octets(file.to_vec()).unwrap();
        let passed = decoder.skip(whole.len() as u64 / 2).unwrap() as usize;
        let mut rest = Vec::new();
        while decoder.read(&mut rest).unwrap() {}
        assert_eq!(passed + rest.len(), whole.len(), "{name}");
        let after = passed + whole.len() / 8; // Opus takes 80 ms until it is as if it had heard all
        let error = whole[after..]
            .iter()
            .zip(&rest[after - passed..])
            .map(|(one, other)| (one - other).abs());
        assert!(error.fold(0.0, f32::max) < 400.0, "{name}");
    }
}
