//! What the tests of this crate share.

use std::net::{SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::codec::Codec;
use super::g711::Law;
use super::rtp::Pt;
use super::stream::Stream;

/// Wait for a condition, at most a minute.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::yield_now();
    }
}

/// A folder that goes with the test.
pub struct Folder(PathBuf);

impl Folder {
    /// Empty.
    pub fn new() -> Self {
        let folder =
            std::env::temp_dir().join(format!("callflow-{:016x}", super::syscalls::random()));
        std::fs::create_dir(&folder).unwrap();
        Folder(folder)
    }

    /// A path inside.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A range of `pairs` port pairs of which, just now, all were free, and that no other test of this process is given.
pub fn free_ports(pairs: u16) -> RangeInclusive<u16> {
    static BEGINNING: OnceLock<u64> = OnceLock::new();
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    let beginning = BEGINNING.get_or_init(super::syscalls::random); // another process has another, most likely
    loop {
        let given = GIVEN.fetch_add(pairs, Ordering::Relaxed);
        let start = 20_000 + (beginning.wrapping_add(given.into()) % 5_000) as u16 * 2; // below the ephemeral ports
        let range = start..=start + pairs * 2 - 1;
        if range
            .clone()
            .all(|port| UdpSocket::bind(("127.0.0.1", port)).is_ok())
        {
            return range;
        }
    }
}

/// Numbers that are the same every time.
pub struct Random(pub u64);

impl Random {
    /// The next one, less than `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// The sample `n` of something like a voice: two syllables a second on a pitch that wanders by an octave, overtones, breath.
pub fn voice(n: usize) -> i16 {
    let time = n as f32 / 8000.0;
    let pitch = 120.0 * time - 8.0 * (time * 5.0).cos();
    let breath = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52;
    let tone: f32 = (1..6)
        .map(|overtone| (std::f32::consts::TAU * pitch * overtone as f32).sin() / overtone as f32)
        .sum();
    let tone = tone + breath as f32 / 8192.0 - 0.25;
    (tone * 5000.0 * (0.55 - 0.45 * (time * std::f32::consts::TAU * 2.0).cos())) as i16
}

/// So many milliseconds of sines together, each so loud at its peak.
pub fn tones(frequencies: &[f32], milliseconds: usize, peak: f32) -> Vec<i16> {
    let sine = |tone: f32, n: usize| (std::f32::consts::TAU * tone * n as f32 / 8000.0).sin();
    (0..milliseconds * 8)
        .map(|n| (frequencies.iter().map(|tone| sine(*tone, n)).sum::<f32>() * peak) as i16)
        .collect()
}

/// How like `original` what was `heard` is: 1 is the same. Each 20 ms of it is looked for around `from` and on, at most `late`
/// samples before that, and found where it fits best; the mean of these correlations.
pub fn likeness_of(heard: &[i16], original: &[i16], from: usize, late: usize) -> f32 {
    let pieces = heard.chunks_exact(160);
    let count = pieces.len() as f32;
    let best = |(index, piece): (usize, &[i16])| {
        let place = from + index * 160;
        (place.saturating_sub(late)..=place)
            .map(|at| correlation(piece, &original[at..at + 160]))
            .fold(0.0, f32::max)
    };
    pieces.enumerate().map(best).sum::<f32>() / count
}

fn correlation(one: &[i16], other: &[i16]) -> f32 {
    let dot = |one: &[i16], other: &[i16]| -> f32 {
        one.iter()
            .zip(other)
            .map(|(one, other)| f32::from(*one) * f32::from(*other))
            .sum()
    };
    dot(one, other) / (dot(one, one) * dot(other, other)).sqrt().max(1.0)
}

/// Recorded speech: the words that the engine's prompts are made of.
pub fn said() -> Vec<i16> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../callflow/sounds/en");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wav"))
        .collect();
    paths.sort();
    paths
        .iter()
        .flat_map(|path| {
            let wav = super::wav::read(&std::fs::read(path).unwrap()).unwrap();
            super::resample::to_8000(&wav.samples, wav.rate)
        })
        .collect()
}

/// G.711 and keys, both ways, with a phone at this address.
pub fn stream_with(remote: SocketAddr) -> Stream {
    Stream {
        remote: Some(remote),
        signalled_from: None,
        codec: Codec::G711(Law::Mu),
        event_clock: 1,
        comfort_noise: None,
        payload_type: Pt(0),
        packet_samples: 160,
        telephone_event: Some(Pt(101)),
        hears_tones: false,
        is_muxed: false,
        may_send: true,
        may_receive: true,
    }
}
