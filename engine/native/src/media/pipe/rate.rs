//! Twice or three times 8 kHz and back, as the sound goes by: a polyphase, Kaiser-windowed sinc low-pass below 4 kHz.
//!
//! Files are resampled whole (`resample`); here one frame follows another. Either way adds 4 ms.

use super::super::resample::low_pass;

/// The highest rate is so many times 8 kHz.
pub const MAX_FACTOR: usize = 3;
/// Samples at 8 kHz that one sample is made of.
const TAPS: usize = 64;
/// As many, at the highest rate.
const MAX_TAPS: usize = TAPS * MAX_FACTOR;

/// From 8 kHz up.
pub struct Interpolator {
    /// For each place between two samples, the weights of the last `TAPS` samples, the oldest first.
    phases: Vec<[f32; TAPS]>,
    /// The last samples, twice, so that any stretch of them lies in one piece.
    past: [f32; 2 * TAPS],
    at: usize,
}

impl Interpolator {
    /// Silence was before.
    pub fn new(factor: usize) -> Self {
        let taps = low_pass(TAPS, factor);
        let phase = |phase: usize| {
            let mut weights = [0.0; TAPS];
            for (index, weight) in weights.iter_mut().rev().enumerate() {
                *weight = taps[index * factor + phase] * factor as f32;
            }
            weights
        };
        Interpolator {
            phases: (0..factor).map(phase).collect(),
            past: [0.0; 2 * TAPS],
            at: 0,
        }
    }

    /// `raised` has room for `factor` times as many samples.
    pub fn raise(&mut self, samples: &[i16], raised: &mut [i16]) {
        let factor = self.phases.len();
        for (sample, group) in samples.iter().zip(raised.chunks_exact_mut(factor)) {
            let value = f32::from(*sample);
            (self.past[self.at], self.past[self.at + TAPS]) = (value, value);
            self.at = (self.at + 1) % TAPS;
            let past = &self.past[self.at..self.at + TAPS];
            for (place, weights) in group.iter_mut().zip(&self.phases) {
                *place = round(product(past, weights));
            }
        }
    }
}

/// Down to 8 kHz.
pub struct Decimator {
    factor: usize,
    taps: Vec<f32>,
    past: [f32; 2 * MAX_TAPS],
    at: usize,
    /// Samples that came since the last that was made.
    since: usize,
}

impl Decimator {
    /// Silence was before.
    pub fn new(factor: usize) -> Self {
        Decimator {
            factor,
            taps: low_pass(TAPS, factor), // the same both ways in time
            past: [0.0; 2 * MAX_TAPS],
            at: 0,
            since: 0,
        }
    }

    /// What these samples bring at 8 kHz is added to `lowered`.
    pub fn lower(&mut self, samples: &[i16], lowered: &mut Vec<i16>) {
        let width = self.taps.len();
        for sample in samples {
            let value = f32::from(*sample);
            (self.past[self.at], self.past[self.at + width]) = (value, value);
            self.at = (self.at + 1) % width;
            self.since += 1;
            if self.since == self.factor {
                self.since = 0;
                let past = &self.past[self.at..self.at + width];
                lowered.push(round(product(past, &self.taps)));
            }
        }
    }
}

/// Eight sums side by side, which a processor adds at once.
fn product(samples: &[f32], weights: &[f32]) -> f32 {
    let mut sums = [0.0; 8];
    for (samples, weights) in samples.chunks_exact(8).zip(weights.chunks_exact(8)) {
        for ((sum, sample), weight) in sums.iter_mut().zip(samples).zip(weights) {
            *sum += sample * weight;
        }
    }
    sums.iter().sum()
}

fn round(sample: f32) -> i16 {
    sample.round().clamp(-32768.0, 32767.0) as i16
}
