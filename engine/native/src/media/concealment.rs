//! What is heard instead of a packet that never came: the last pitch period again, fading (after ITU-T G.711 Appendix I).
//!
//! It is told each frame or piece in order: `hear` what came, `conceal` what did not. Where sound comes back it is blended with
//! what was being made up, so that neither edge clicks. Lengths are in samples of 8 kHz; at 16 kHz there are two for each.

use super::codec::Rate;

/// The shortest pitch period looked for, in samples: 200 Hz.
const MIN_PERIOD: usize = 40;
/// The longest: 66 Hz.
const MAX_PERIOD: usize = 120;
/// What two periods are compared over: 10 ms.
const COMPARED: usize = 80;
/// What was heard last; enough to find the longest period in.
const HISTORY: usize = MAX_PERIOD + COMPARED + BLEND;
/// Overlap of made-up and real sound: 4 ms.
const BLEND: usize = 32;
/// Made-up sound is as loud as what it continues for so long: 20 ms.
const HOLD: usize = 160;
/// Then it fades, to nothing after so much more: 60 ms.
const FADE: usize = 480;

/// Noise so many dB under full scale is none.
const LEAST_NOISE: u8 = 90;

/// Knows what was heard last and goes on from there.
#[derive(Debug)]
pub struct Concealment {
    history: Box<[i16]>,
    factor: usize,
    /// Samples made up in a row.
    made_up: usize,
    period: usize,
    /// What the peer says that its silence sounds like: noise of that amplitude.
    noise: Option<f32>,
    random: u32,
}

impl Default for Concealment {
    fn default() -> Self {
        Concealment::new(Rate::Narrow)
    }
}

impl Concealment {
    /// Nothing was heard yet.
    pub fn new(rate: Rate) -> Self {
        let factor = rate.factor();
        Concealment {
            history: vec![0; HISTORY * factor].into_boxed_slice(),
            factor,
            made_up: (HOLD + FADE) * factor,
            period: 0,
            noise: None,
            random: 0x9e37_79b9,
        }
    }

    /// Samples that came. After made-up ones their beginning is blended.
    pub fn hear(&mut self, samples: &mut [i16]) {
        self.noise = None;
        if self.made_up > 0 && !self.has_faded() {
            let length = (BLEND * self.factor).min(samples.len());
            let mut tail = [0; BLEND * Rate::Wide.factor()];
            self.make_up(&mut tail[..length]);
            for (index, (sample, old)) in samples.iter_mut().zip(&tail[..length]).enumerate() {
                *sample = blend(*old, *sample, index, length);
            }
        }
        self.made_up = 0;
        self.remember(samples);
    }

    /// Make up samples that did not come.
    pub fn conceal(&mut self, samples: &mut [i16]) {
        if let (Some(amplitude), true) = (self.noise, self.has_faded()) {
            samples.fill_with(|| self.noise(amplitude));
            return;
        }
        if self.made_up == 0 {
            self.period = self.find_period();
        }
        self.make_up(samples);
        self.remember(samples);
    }

    /// True when nothing is left of what was heard: what is made up now is silence.
    pub fn is_silent(&self) -> bool {
        self.has_faded() && self.noise.is_none()
    }

    fn has_faded(&self) -> bool {
        self.made_up >= (HOLD + FADE) * self.factor
    }

    /// Nothing was missing: it is silent, in noise of that many dB under full scale (RFC 3389 §3.1). White: what its spectrum
    /// would be is not looked at.
    pub fn rest_in_noise(&mut self, below: u8) {
        self.rest();
        if below < LEAST_NOISE {
            let rms = 32_767.0 * 10f32.powf(-f32::from(below) / 20.0);
            self.noise = Some(rms * 3f32.sqrt()); // of what is even between two limits
        }
    }

    fn noise(&mut self, amplitude: f32) -> i16 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        (amplitude * (self.random as i32 as f32 / 2_147_483_648.0)) as i16
    }

    /// Nothing was missing: it was silent.
    pub fn rest(&mut self) {
        self.history.fill(0);
        (self.made_up, self.period) = ((HOLD + FADE) * self.factor, 0);
        self.noise = None;
    }

    /// The loudness of the made-up sample `index`, of 256.
    fn loudness(&self, index: usize) -> i32 {
        let fading = (index / self.factor).saturating_sub(HOLD).min(FADE);
        ((FADE - fading) * 256 / FADE) as i32
    }

    /// Continue the last period; its loudness is kept in `history`, so each sample is scaled against the one it repeats.
    fn make_up(&mut self, samples: &mut [i16]) {
        let period = self.period.max(1);
        for index in 0..samples.len() {
            let source = if index < period {
                self.history[self.history.len() - period + index]
            } else {
                samples[index - period]
            };
            let now = self.loudness(self.made_up + index);
            let then = (self.made_up + index)
                .checked_sub(period)
                .map_or(256, |index| self.loudness(index));
            samples[index] = if then == 0 {
                0
            } else {
                (i32::from(source) * now / then) as i16
            };
        }
        self.made_up += samples.len();
    }

    fn remember(&mut self, samples: &[i16]) {
        let length = self.history.len();
        let count = samples.len().min(length);
        self.history.copy_within(count.., 0);
        self.history[length - count..].copy_from_slice(&samples[samples.len() - count..]);
    }

    /// The distance at which the last 10 ms look most like what came before them.
    fn find_period(&self) -> usize {
        let (end, compared) = (self.history.len(), COMPARED * self.factor);
        let last = &self.history[end - compared..];
        let mut best = (MIN_PERIOD * self.factor, f32::MIN);
        for period in (MIN_PERIOD..=MAX_PERIOD).map(|period| period * self.factor) {
            let before = &self.history[end - compared - period..end - period];
            let likeness = likeness(last, before);
            if likeness > best.1 {
                best = (period, likeness);
            }
        }
        best.0
    }
}

/// How much two pieces of sound are alike, in shape: their correlation against the second one's energy.
pub fn likeness(one: &[i16], other: &[i16]) -> f32 {
    let (mut product, mut energy) = (0i64, 1i64);
    for (one, other) in one.iter().zip(other) {
        product += i64::from(*one) * i64::from(*other);
        energy += i64::from(*other) * i64::from(*other);
    }
    product as f32 / (energy as f32).sqrt()
}

/// From `old` to `new` in `length` steps.
pub fn blend(old: i16, new: i16, step: usize, length: usize) -> i16 {
    let (step, length) = (step as i32 + 1, length as i32 + 1);
    ((i32::from(old) * (length - step) + i32::from(new) * step) / length) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(from: usize, count: usize) -> Vec<i16> {
        (from..from + count)
            .map(|n| ((n as f32 * 0.0785).sin() * 8000.0) as i16) // 100 Hz
            .collect()
    }

    fn largest_step(samples: &[i16]) -> i32 {
        samples
            .windows(2)
            .map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs())
            .max()
            .unwrap()
    }

    #[test]
    fn a_lost_frame_of_a_tone_goes_on_as_the_tone() {
        let mut concealment = Concealment::default();
        let mut heard = tone(0, 320);
        concealment.hear(&mut heard);
        let mut lost = [0; 160];
        concealment.conceal(&mut lost);
        let error = lost
            .iter()
            .zip(tone(320, 160))
            .map(|(made, real)| (i32::from(*made) - i32::from(real)).abs())
            .max()
            .unwrap();
        assert!(error < 800, "{error}");
        let mut after = tone(480, 160);
        concealment.hear(&mut after);
        let whole = [&heard[..], &lost, &after].concat();
        assert!(largest_step(&whole) < 1000, "{}", largest_step(&whole));
    }

    #[test]
    fn what_stays_away_fades_to_silence_without_a_click() {
        let mut concealment = Concealment::default();
        concealment.hear(&mut tone(0, 320));
        let mut all = tone(160, 160);
        for _ in 0..6 {
            let mut lost = [0; 160];
            concealment.conceal(&mut lost);
            all.extend(lost);
        }
        let loudest = |piece: &[i16]| piece.iter().map(|sample| sample.abs()).max().unwrap();
        assert!(loudest(&all[160..320]) > 7000);
        assert!(loudest(&all[480..640]) < 5000);
        assert_eq!(loudest(&all[800..]), 0);
        assert!(largest_step(&all) < 1000);
        assert!(concealment.is_silent());
    }

    #[test]
    fn without_anything_heard_it_is_silent() {
        let mut lost = [9; 160];
        Concealment::default().conceal(&mut lost);
        assert!(lost.iter().all(|sample| *sample == 0));
    }

    #[test]
    fn silence_is_the_noise_that_the_peer_says_it_is_until_it_speaks_again() {
        let mut concealment = Concealment::default();
        concealment.hear(&mut tone(0, 320));
        concealment.rest_in_noise(50);
        let mut noise = [0; 1600];
        concealment.conceal(&mut noise);
        let power: f64 = noise.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        let level = 10.0 * (power / 1600.0 / 32_767f64.powi(2)).log10();
        assert!((level + 50.0).abs() < 1.0, "{level}");
        assert!(!concealment.is_silent());
        concealment.hear(&mut tone(0, 160));
        assert_eq!(concealment.noise, None);
        concealment.rest_in_noise(127);
        assert!(concealment.is_silent());
    }

    #[test]
    fn pieces_of_any_length_are_taken() {
        let mut concealment = Concealment::default();
        for length in [0, 1, 7, 500, 3, 33] {
            concealment.hear(&mut tone(0, length));
            concealment.conceal(&mut vec![0; length]);
        }
        concealment.rest();
        assert!(concealment.is_silent());
        let mut lost = [9; 10];
        concealment.conceal(&mut lost);
        assert_eq!(lost, [0; 10]);
    }
}
