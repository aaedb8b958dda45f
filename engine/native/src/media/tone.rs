//! Tones made on the fly: sines sounding together, on and off by a cadence.

use std::f32::consts::TAU;
use std::sync::OnceLock;

/// Sines that may sound together.
pub const MAX_SINES: usize = 4;
/// Steps of a cadence.
pub const MAX_STEPS: usize = 16;
/// The level of a sine of full scale in G.711 mu-law, in dBm0 (ITU-T G.711 table 1a).
const FULL_SCALE_DBM0: f32 = 3.17;
/// Rise and fall at each edge, so that it does not click: 2 ms.
const RAMP: u32 = 16;
const SINES: usize = 1024;

/// A tone as it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct ToneSpec {
    /// In Hz.
    pub frequencies: Vec<f32>,
    /// On, off, on, ... in ms; empty: steady.
    pub cadence_ms: Vec<u32>,
    /// None: endless.
    pub duration_ms: Option<u32>,
    /// Of each sine.
    pub level_dbm0: f32,
}

/// A tone that can be read sample by sample from any place.
#[derive(Clone, Debug)]
pub struct Tone {
    /// Full turns per sample, as a fraction of 2^32.
    steps: [u32; MAX_SINES],
    count: usize,
    peak: f32,
    /// Samples until which each step of the cadence lasts; even steps sound.
    edges: [u32; MAX_STEPS],
    edge_count: usize,
}

fn table() -> &'static [f32; SINES + 1] {
    static TABLE: OnceLock<[f32; SINES + 1]> = OnceLock::new();
    TABLE.get_or_init(|| std::array::from_fn(|index| (TAU * index as f32 / SINES as f32).sin()))
}

fn peak(level_dbm0: f32) -> f32 {
    32767.0 * 10f32.powf((level_dbm0.min(FULL_SCALE_DBM0) - FULL_SCALE_DBM0) / 20.0)
}

impl Tone {
    /// Made ready to sound. What goes beyond the bounds is left out.
    pub fn new(spec: &ToneSpec) -> Self {
        let mut tone = Tone::of(&spec.frequencies, spec.level_dbm0);
        let mut until = 0u32;
        for milliseconds in spec.cadence_ms.iter().take(MAX_STEPS) {
            until = until.saturating_add(milliseconds.saturating_mul(8));
            tone.edges[tone.edge_count] = until;
            tone.edge_count += 1;
        }
        if until == 0 {
            tone.edge_count = 0;
        }
        tone
    }

    /// Steady sines, without a specification on the heap.
    pub fn of(frequencies: &[f32], level_dbm0: f32) -> Self {
        let mut tone = Tone {
            steps: [0; MAX_SINES],
            count: 0,
            peak: peak(level_dbm0),
            edges: [0; MAX_STEPS],
            edge_count: 0,
        };
        tone.add(frequencies);
        table(); // not first on the 20 ms path
        tone
    }

    fn add(&mut self, frequencies: &[f32]) {
        for frequency in frequencies.iter().take(MAX_SINES) {
            self.steps[self.count] =
                (f64::from(*frequency) / 8000.0 * 4_294_967_296.0) as i64 as u32;
            self.count += 1;
        }
    }

    /// The samples from `position` on.
    pub fn fill(&self, position: u64, samples: &mut [i16]) {
        for (offset, sample) in samples.iter_mut().enumerate() {
            let at = position + offset as u64;
            let level = self.level(at);
            *sample = if level == 0.0 {
                0
            } else {
                (self.sines(at) * level).clamp(-32768.0, 32767.0) as i16
            };
        }
    }

    fn sines(&self, at: u64) -> f32 {
        let table = table();
        self.steps[..self.count]
            .iter()
            .map(|step| {
                let phase = step.wrapping_mul(at as u32);
                let index = (phase >> 22) as usize;
                let between = (phase & 0x3f_ffff) as f32 / 4_194_304.0;
                table[index] + (table[index + 1] - table[index]) * between
            })
            .sum()
    }

    /// Peak at that place: none in a pause, less near its edges.
    fn level(&self, at: u64) -> f32 {
        let Some(period) = self.edges[..self.edge_count].last() else {
            return self.peak;
        };
        let place = (at % u64::from(*period)) as u32;
        let mut start = 0;
        for (index, end) in self.edges[..self.edge_count].iter().enumerate() {
            if place < *end {
                if index % 2 == 1 {
                    return 0.0;
                }
                let edge = (place - start + 1).min(end - place).min(RAMP);
                return self.peak * edge as f32 / RAMP as f32;
            }
            start = *end;
        }
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(frequencies: &[f32], cadence_ms: &[u32]) -> ToneSpec {
        ToneSpec {
            frequencies: frequencies.to_vec(),
            cadence_ms: cadence_ms.to_vec(),
            duration_ms: None,
            level_dbm0: -10.0,
        }
    }

    fn second(spec: &ToneSpec) -> Vec<i16> {
        let tone = Tone::new(spec);
        let mut samples = vec![0; 8000];
        for (index, frame) in samples.chunks_mut(160).enumerate() {
            tone.fill(index as u64 * 160, frame);
        }
        samples
    }

    fn amplitude(samples: &[i16], frequency: f64) -> f64 {
        let (mut real, mut imaginary) = (0.0, 0.0);
        for (n, sample) in samples.iter().enumerate() {
            let angle = std::f64::consts::TAU * frequency * n as f64 / 8000.0;
            real += f64::from(*sample) * angle.cos();
            imaginary += f64::from(*sample) * angle.sin();
        }
        real.hypot(imaginary) * 2.0 / samples.len() as f64
    }

    #[test]
    fn the_level_is_that_of_each_sine() {
        let samples = second(&spec(&[350.0, 440.0], &[]));
        let wanted = 32767.0 * 10f64.powf(-13.17 / 20.0);
        for frequency in [350.0, 440.0] {
            assert!((amplitude(&samples, frequency) / wanted - 1.0).abs() < 0.01);
        }
        assert!(amplitude(&samples, 1000.0) < 10.0);
    }

    #[test]
    fn a_steady_tone_is_clean() {
        let samples = second(&spec(&[1000.0], &[]));
        let tone = amplitude(&samples, 1000.0);
        let power: f64 = samples
            .iter()
            .map(|sample| f64::from(*sample).powi(2))
            .sum::<f64>()
            / 8000.0;
        let rest = (power - tone * tone / 2.0).max(1e-3);
        assert!(10.0 * (tone * tone / 2.0 / rest).log10() > 50.0);
    }

    #[test]
    fn the_cadence_comes_round_and_its_edges_are_soft() {
        let samples = second(&spec(&[425.0], &[200, 300]));
        for (from, to, is_loud) in [
            (0, 1600, true),
            (1600, 4000, false),
            (4000, 5600, true),
            (5600, 8000, false),
        ] {
            let part = &samples[from..to];
            assert_eq!(
                part.iter().any(|sample| sample.unsigned_abs() > 1000),
                is_loud
            );
            assert!(is_loud || part.iter().all(|sample| *sample == 0));
        }
        assert!(samples[1599].unsigned_abs() < 1000);
    }

    #[test]
    fn odd_tones_do_not_fall() {
        second(&spec(&[1.0; 9], &[0, 0]));
        second(&spec(&[], &[10]));
        second(&spec(&[f32::NAN, -5.0, 1e30], &[u32::MAX; 20]));
        let loud = ToneSpec {
            level_dbm0: 99.0,
            ..spec(&[400.0, 500.0], &[])
        };
        assert!(second(&loud).contains(&32767));
    }
}
