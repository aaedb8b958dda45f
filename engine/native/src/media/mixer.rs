//! Sums of voices, frame by frame: added in 32 bits, brought back to 16 by a soft limit.
//!
//! The loops are plain, over frames of a fixed length, so that the compiler turns them into vector instructions.

use super::clock::FRAME;
use super::g711::Law;

/// Beyond this a sum is bent, so that many voices at once do not crackle: 2.5 dB under full scale.
const KNEE: i32 = 24_576;
const FULL: i32 = 32_767;
/// Samples of a frame at 16 kHz.
pub const WIDE: usize = FRAME * 2;
/// Below this, a power of two, nothing needs to be bent.
const QUIET: i32 = 16_384;
/// Floats around it are 1 apart, and its own lowest bits are 0: 1.5 times 2^23.
const ONES: f32 = 12_582_912.0;
/// The loudest that a voice is made, in dB, and the softest.
const MOST_DB: f32 = 40.0;

/// How loud one voice is among the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gain(f32);

impl Default for Gain {
    fn default() -> Self {
        Gain(1.0)
    }
}

impl Gain {
    /// So many dB louder, or softer; what is no number is nothing.
    pub fn of_db(db: f32) -> Self {
        if !db.is_finite() {
            return Gain::default();
        }
        Gain(10f32.powf(db.clamp(-MOST_DB, MOST_DB) / 20.0))
    }

    /// Make a voice so loud.
    pub fn apply(self, voice: &mut [i16]) {
        if self == Gain::default() {
            return;
        }
        for sample in voice {
            let louder = f32::from(*sample) * self.0;
            *sample = louder.clamp(-FULL as f32, FULL as f32) as i16;
        }
    }
}

/// Voices that sound together. A thousand at full scale are far from the limits of 32 bits.
#[derive(Clone, Debug)]
pub struct Sum([i32; FRAME]);

impl Default for Sum {
    fn default() -> Self {
        Sum([0; FRAME])
    }
}

impl Sum {
    /// One more.
    pub fn add(&mut self, voice: &[i16; FRAME]) {
        for (sum, sample) in self.0.iter_mut().zip(voice) {
            *sum += i32::from(*sample);
        }
    }

    /// The sum without one of its voices.
    #[must_use]
    pub fn without(&self, voice: &[i16; FRAME]) -> Sum {
        let mut rest = Sum::default();
        for ((rest, sum), sample) in rest.0.iter_mut().zip(&self.0).zip(voice) {
            *rest = sum - i32::from(*sample);
        }
        rest
    }

    /// As 16-bit samples: what is too loud is bent, more the louder it is, and never reaches full scale.
    pub fn limited(&self) -> [i16; FRAME] {
        let mut samples = [0; FRAME];
        // All bits of all magnitudes: no less than the greatest of them, and cheaper to have.
        let bits = self
            .0
            .iter()
            .fold(0, |bits, sum| bits | (sum ^ (sum >> 31)));
        if bits < QUIET {
            for (sample, sum) in samples.iter_mut().zip(&self.0) {
                *sample = *sum as i16;
            }
        } else {
            for (sample, sum) in samples.iter_mut().zip(&self.0) {
                *sample = bend(*sum);
            }
        }
        samples
    }

    /// Limited, and compressed.
    pub fn compressed(&self, law: Law) -> [u8; FRAME] {
        let mut octets = [0; FRAME];
        law.compress_into(&self.limited(), &mut octets);
        octets
    }
}

/// Voices at 16 kHz, in two halves of a frame each: what sums one sums the other.
#[derive(Clone, Debug, Default)]
pub struct WideSum([Sum; 2]);

impl WideSum {
    /// One more.
    pub fn add(&mut self, voice: &[i16; WIDE]) {
        for (sum, half) in self.0.iter_mut().zip(voice.as_chunks().0) {
            sum.add(half);
        }
    }

    /// The sum without one of its voices.
    #[must_use]
    pub fn without(&self, voice: &[i16; WIDE]) -> WideSum {
        let [first, second] = &self.0;
        let (halves, _) = voice.as_chunks();
        WideSum([first.without(&halves[0]), second.without(&halves[1])])
    }

    /// As 16-bit samples, as `Sum::limited`.
    pub fn limited(&self) -> [i16; WIDE] {
        let mut samples = [0; WIDE];
        for (half, sum) in samples.chunks_exact_mut(FRAME).zip(&self.0) {
            half.copy_from_slice(&sum.limited());
        }
        samples
    }
}

/// Above the knee the slope falls from 1 towards 0. In floating point, which has a vector instruction for each step.
fn bend(sum: i32) -> i16 {
    let (sum, knee, headroom) = (sum as f32, KNEE as f32, (FULL - KNEE) as f32);
    let excess = (sum.abs() - knee).max(0.0);
    let bent = headroom * excess / (headroom + excess);
    let within = sum.max(-knee).min(knee);
    rounded(within + bent.copysign(sum))
}

/// To the nearest whole number. Where a float's last bit is worth 1 the number stands in its lowest bits; a cast would ask of
/// each sample whether it fits.
fn rounded(sample: f32) -> i16 {
    (sample + ONES).to_bits() as i16
}

#[cfg(test)]
mod tests {
    use super::super::testing::Random;
    use super::*;

    fn voice(value: i16) -> [i16; FRAME] {
        [value; FRAME]
    }

    #[test]
    fn each_hears_the_sum_without_itself() {
        let mut sum = Sum::default();
        for value in [100, 20, 3] {
            sum.add(&voice(value));
        }
        assert_eq!(sum.limited(), voice(123));
        assert_eq!(sum.without(&voice(20)).limited(), voice(103));
    }

    #[test]
    fn each_of_a_thousand_hears_all_but_itself() {
        let mut random = Random(1);
        let voices: Vec<[i16; FRAME]> = (0..1000)
            .map(|_| std::array::from_fn(|_| random.below(41) as i16 - 20))
            .collect();
        let mut sum = Sum::default();
        voices.iter().for_each(|voice| sum.add(voice));
        for own in &voices {
            let mut others = [0i16; FRAME];
            for voice in voices.iter().filter(|voice| !std::ptr::eq(*voice, own)) {
                others
                    .iter_mut()
                    .zip(voice)
                    .for_each(|(sum, sample)| *sum += sample);
            }
            assert_eq!(sum.without(own).limited(), others); // far from loud: nothing is bent
        }
    }

    #[test]
    fn a_wide_sum_is_that_of_both_halves() {
        let voice = |shift: i16| -> [i16; WIDE] { std::array::from_fn(|n| n as i16 * 3 - shift) };
        let mut sum = WideSum::default();
        sum.add(&voice(0));
        sum.add(&voice(100));
        let both: [i16; WIDE] = std::array::from_fn(|n| n as i16 * 6 - 100);
        assert_eq!(sum.limited(), both);
        assert_eq!(sum.without(&voice(100)).limited(), voice(0));
    }

    #[test]
    fn what_is_too_loud_is_bent_and_keeps_its_order() {
        assert_eq!(bend(KNEE), KNEE as i16);
        assert_eq!(bend(-KNEE), -KNEE as i16);
        let mut before = 0;
        for sum in (0..400_000).step_by(1000) {
            let bent = bend(sum);
            assert!(bent >= before, "{sum}");
            assert_eq!(bend(-sum), -bent);
            before = bent;
        }
        let mut sum = Sum::default();
        for _ in 0..1000 {
            sum.add(&voice(i16::MIN));
        }
        assert!(sum.limited()[0] < -32_000);
    }

    #[test]
    fn a_gain_is_in_decibels_and_clips() {
        let louder = |db, value| {
            let mut samples = voice(value);
            Gain::of_db(db).apply(&mut samples);
            samples[0]
        };
        assert_eq!(louder(0.0, 1234), 1234);
        assert_eq!(louder(f32::NAN, 1234), 1234);
        assert!((louder(-6.0206, 1000) - 500).abs() < 3);
        assert!((louder(20.0, 1000) - 10_000).abs() < 5);
        assert_eq!(louder(90.0, -32_000), -32_767); // no more than 40 dB
    }

    #[test]
    fn a_compressed_sum_expands_to_itself() {
        let mut sum = Sum::default();
        sum.add(&voice(1000));
        for law in [Law::A, Law::Mu] {
            let octets = sum.compressed(law);
            assert!((law.expand(octets[0]) - 1000).abs() < 40);
        }
    }
}
