//! What 20 ms of sound are: quiet, a tone, one of the pairs of tones that networks send, or anything else.
//!
//! A tone is found at the frequency that the samples fit best, where Goertzel's filter says how much of the energy it is. One look takes two hops of 20 ms, so that neighbours 40 Hz apart are told apart.

/// Samples between two looks.
pub const HOP: usize = 160;
/// Samples of a look.
const WINDOW: usize = 2 * HOP;
/// What a tone, or a pair, must have of the energy: 1 % beside their frequencies a pair has no more than 0.8.
const SHARE: f32 = 0.75;
/// What each tone of a pair must have at least.
const PART: f32 = 0.15;
/// The tones that sound together in North America: busy and reorder; ringing; dial tone.
const PAIRS: [([f32; 2], Sound); 3] = [
    ([480.0, 620.0], Sound::Busy),
    ([440.0, 480.0], Sound::Call),
    ([350.0, 440.0], Sound::Call),
];

/// What a hop was.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Sound {
    /// Less than the threshold.
    #[default]
    Quiet,
    /// One tone, in Hz.
    Tone(f32),
    /// 480 and 620 Hz together.
    Busy,
    /// The pair of another call progress tone.
    Call,
    /// Speech, music, noise, the edge of a tone.
    Other,
}

impl Sound {
    /// The same, as far as two looks at one tone may differ.
    pub fn is_like(self, other: Sound) -> bool {
        match (self, other) {
            (Sound::Tone(one), Sound::Tone(another)) => (one - another).abs() <= 5.0 + one * 0.01,
            _ => self == other,
        }
    }
}

/// The last two hops.
#[derive(Debug)]
pub struct Tonality {
    window: [f32; WINDOW],
    /// The mean square below which it is quiet.
    threshold: f32,
}

impl Tonality {
    /// Nothing was heard yet. The mean square of a sample below which it is quiet.
    pub fn new(threshold: f32) -> Self {
        Tonality {
            window: [0.0; WINDOW],
            threshold,
        }
    }

    /// One more hop: what it is, and its mean square.
    pub fn hear(&mut self, hop: &[i16; HOP]) -> (Sound, f32) {
        self.window.copy_within(HOP.., 0);
        for (place, sample) in self.window[HOP..].iter_mut().zip(hop) {
            *place = f32::from(*sample);
        }
        let power = energy(&self.window[HOP..]) / HOP as f32;
        let sound = if power < self.threshold {
            Sound::Quiet
        } else {
            self.judge()
        };
        (sound, power)
    }

    fn judge(&self) -> Sound {
        let whole = energy(&self.window) * WINDOW as f32 / 2.0;
        let share = |frequency: f32| self.power(frequency) / whole;
        if let Some(frequency) = self.fit() {
            if share(frequency) >= SHARE {
                return Sound::Tone(frequency);
            }
        }
        for (pair, sound) in PAIRS {
            let shares = pair.map(share);
            if shares[0] + shares[1] >= SHARE && shares.iter().all(|share| *share >= PART) {
                return sound;
            }
        }
        Sound::Other
    }

    /// The frequency of the tone that it would be; None: of none.
    ///
    /// Of a tone x(n-k) + x(n+k) = 2 cos(kw) x(n). From k = 1 and k = 2, which white noise adds nothing to, as it would to the energy
    /// (Pisarenko's method).
    fn fit(&self) -> Option<f32> {
        let (mut near, mut far) = (0.0, 0.0);
        for five in self.window.windows(5) {
            near += five[2] * (five[1] + five[3]);
            far += five[2] * (five[0] + five[4]);
        }
        let cosine = (far + (far * far + 8.0 * near * near).sqrt()) / (4.0 * near);
        (cosine.abs() < 1.0).then(|| cosine.acos() * 8000.0 / std::f32::consts::TAU)
    }

    /// Goertzel's filter.
    fn power(&self, frequency: f32) -> f32 {
        let factor = 2.0 * (std::f32::consts::TAU * frequency / 8000.0).cos();
        let (mut last, mut before) = (0.0, 0.0);
        for sample in &self.window {
            let now = sample + factor * last - before;
            before = last;
            last = now;
        }
        last * last + before * before - factor * last * before
    }
}

fn energy(samples: &[f32]) -> f32 {
    samples.iter().map(|sample| sample * sample).sum()
}

#[cfg(test)]
mod tests {
    use super::super::g711::Law;
    use super::super::testing::{said, tones, voice, Random};
    use super::*;

    fn heard(samples: &[i16]) -> Vec<Sound> {
        let mut tonality = Tonality::new(40_000.0);
        let hops = samples.chunks_exact(HOP);
        hops.map(|hop| tonality.hear(hop.try_into().unwrap()).0)
            .collect()
    }

    #[test]
    fn a_tone_is_found_at_its_frequency_through_a_companding_law() {
        for frequency in [400.0, 425.0, 914.0, 1100.0, 1777.0, 2100.0] {
            for law in [Law::A, Law::Mu] {
                let through = |sample: &i16| law.expand(law.compress(*sample));
                let samples: Vec<i16> = tones(&[frequency], 200, 2000.0)
                    .iter()
                    .map(through)
                    .collect();
                for sound in &heard(&samples)[1..] {
                    let Sound::Tone(found) = *sound else {
                        panic!("{frequency} Hz: {sound:?}");
                    };
                    assert!((found - frequency).abs() < 4.0, "{frequency} {found}");
                }
            }
        }
    }

    #[test]
    fn noise_does_not_move_a_tone() {
        let mut random = Random(9);
        for frequency in [425.0, 950.0, 2100.0] {
            let mut samples = tones(&[frequency], 400, 1400.0);
            for sample in &mut samples {
                *sample += random.below(400) as i16 - 200; // 19 dB below
            }
            let found = heard(&samples);
            let right = found.iter().filter(|it| it.is_like(Sound::Tone(frequency)));
            assert!(right.count() >= 18, "{frequency} {found:?}");
        }
    }

    #[test]
    fn pairs_are_told_from_tones_and_from_each_other() {
        for (pair, sound) in PAIRS {
            let found = heard(&tones(&pair, 200, 2000.0));
            let right = found.iter().filter(|it| **it == sound).count();
            assert!(right >= 8, "{pair:?} {found:?}");
        }
        assert_eq!(
            heard(&tones(&[697.0, 1209.0], 100, 2000.0))[1..],
            [Sound::Other; 4]
        );
    }

    #[test]
    fn what_is_soft_is_quiet_and_noise_is_no_tone() {
        assert_eq!(heard(&tones(&[1000.0], 60, 200.0)), [Sound::Quiet; 3]);
        let mut random = Random(5);
        let noise: Vec<i16> = (0..8000)
            .map(|_| random.below(8000) as i16 - 4000)
            .collect();
        assert_eq!(heard(&noise), [Sound::Other; 50]);
    }

    #[test]
    fn speech_is_seldom_a_tone_for_long() {
        for speech in [said(), (0..80_000).map(voice).collect()] {
            let sounds = heard(&speech);
            let longest = sounds
                .chunk_by(|one, other| one.is_like(*other))
                .filter(|run| matches!(run[0], Sound::Tone(_) | Sound::Busy))
                .map(<[Sound]>::len)
                .max();
            assert!(longest.unwrap_or(0) <= 4, "{longest:?}");
        }
    }
}
