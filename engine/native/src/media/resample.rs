//! Any rate to 8 kHz: a polyphase, Kaiser-windowed sinc low-pass. It runs on a loader thread, once per file or part of one.

use std::f64::consts::PI;
use std::ops::Range;

use super::clock::SAMPLE_RATE;

/// Zero crossings of the sinc on either side: with the window, 80 dB of rejection above 4 kHz and flat to 3.4 kHz.
const CROSSINGS: f64 = 32.0;
/// Kaiser's shape for 80 dB.
const BETA: f64 = 7.857;
/// The middle of the transition, as a part of the lower Nyquist frequency, so that it ends there.
const CUTOFF: f64 = 0.925;
/// Phases are rounded to so many when the rates have no small ratio.
const MAX_PHASES: u64 = 1024;

/// `samples` at `rate` as 16-bit samples at 8 kHz.
pub fn to_8000(samples: &[f32], rate: u32) -> Vec<i16> {
    let conversion = Conversion::new(rate);
    conversion.part(samples, 0, 0..conversion.length(samples.len() as u64))
}

/// The same for a part of the samples.
pub struct Conversion {
    rate: u32,
    filter: Option<Filter>,
}

impl Conversion {
    /// From that rate.
    pub fn new(rate: u32) -> Self {
        let filter = (rate != SAMPLE_RATE).then(|| Filter::new(rate));
        Conversion { rate, filter }
    }

    /// How many samples at 8 kHz so many at the other rate become.
    pub fn length(&self, samples: u64) -> u64 {
        samples * u64::from(SAMPLE_RATE) / u64::from(self.rate)
    }

    /// Which samples at the other rate those at 8 kHz are made of; of some the first or last do not exist.
    pub fn needs(&self, samples: &Range<u64>) -> Range<u64> {
        let at = |index: u64| index * u64::from(self.rate) / u64::from(SAMPLE_RATE);
        match &self.filter {
            None => samples.clone(),
            Some(filter) => {
                let margin = filter.half as u64 + 1;
                at(samples.start).saturating_sub(margin)..at(samples.end) + margin
            }
        }
    }

    /// Those samples at 8 kHz. `samples` begin at number `first` of the other rate; beyond them there is silence.
    pub fn part(&self, samples: &[f32], first: u64, wanted: Range<u64>) -> Vec<i16> {
        let (input, output) = (u64::from(self.rate), u64::from(SAMPLE_RATE));
        let Some(filter) = &self.filter else {
            let part = |at: u64| (at.saturating_sub(first) as usize).min(samples.len());
            return samples[part(wanted.start)..part(wanted.end)]
                .iter()
                .copied()
                .map(round)
                .collect();
        };
        wanted
            .map(|index| {
                let position = index * input;
                let phase = (position % output * filter.phases + output / 2) / output;
                let whole = position / output + phase / filter.phases;
                let whole = whole as i64 - first as i64;
                round(filter.at(samples, whole, (phase % filter.phases) as usize))
            })
            .collect()
    }
}

fn round(sample: f32) -> i16 {
    sample.round().clamp(-32768.0, 32767.0) as i16
}

struct Filter {
    phases: u64,
    half: usize,
    taps: Vec<f32>,
}

impl Filter {
    fn new(rate: u32) -> Self {
        let phases =
            (u64::from(SAMPLE_RATE) / greatest_common_divisor(SAMPLE_RATE, rate)).min(MAX_PHASES);
        // In input samples: how far apart the zero crossings are.
        let stretch = (f64::from(rate) / f64::from(SAMPLE_RATE)).max(1.0);
        let half = (CROSSINGS * stretch).ceil() as usize;
        let mut taps = Vec::with_capacity(phases as usize * half * 2);
        for phase in 0..phases {
            let fraction = phase as f64 / phases as f64;
            let start = taps.len();
            taps.extend((0..half * 2).map(|tap| {
                let distance = tap as f64 + 1.0 - half as f64 - fraction;
                (sinc(distance / stretch * CUTOFF) * kaiser(distance / half as f64)) as f32
            }));
            let sum: f32 = taps[start..].iter().sum();
            taps[start..].iter_mut().for_each(|tap| *tap /= sum);
        }
        Filter { phases, half, taps }
    }

    /// The value `phase` after input sample `whole`; beyond the ends there is silence.
    fn at(&self, samples: &[f32], whole: i64, phase: usize) -> f32 {
        let width = self.half * 2;
        let taps = &self.taps[phase * width..(phase + 1) * width];
        let first = whole + 1 - self.half as i64;
        let skipped = (-first).max(0) as usize;
        let start = first.max(0) as usize;
        if start >= samples.len() || skipped >= width {
            return 0.0;
        }
        taps[skipped..]
            .iter()
            .zip(&samples[start..])
            .map(|(tap, sample)| tap * sample)
            .sum()
    }
}

/// The weights of a low-pass for rates of a whole ratio: `taps` for each of `factor` phases, in their order, adding up to one.
pub fn low_pass(taps: usize, factor: usize) -> Vec<f32> {
    let (count, half) = (taps * factor, (taps * factor) as f64 / 2.0);
    let weight = |index: usize| {
        let distance = index as f64 + 0.5 - half;
        sinc(distance / factor as f64 * CUTOFF) * kaiser(distance / half)
    };
    let weights: Vec<f64> = (0..count).map(weight).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| (weight / sum) as f32).collect()
}

fn greatest_common_divisor(a: u32, b: u32) -> u64 {
    if b == 0 {
        u64::from(a)
    } else {
        greatest_common_divisor(b, a % b)
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        1.0
    } else {
        (PI * x).sin() / (PI * x)
    }
}

/// The window over -1..1.
fn kaiser(x: f64) -> f64 {
    if x.abs() >= 1.0 {
        0.0
    } else {
        bessel_i0(BETA * (1.0 - x * x).sqrt()) / bessel_i0(BETA)
    }
}

fn bessel_i0(x: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for k in 1..40 {
        term *= (x / 2.0 / f64::from(k)).powi(2);
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    const AMPLITUDE: f64 = 20_000.0;

    fn sine(rate: u32, frequency: f64, seconds: f64) -> Vec<f32> {
        (0..(f64::from(rate) * seconds) as u32)
            .map(|n| {
                (AMPLITUDE * (2.0 * PI * frequency * f64::from(n) / f64::from(rate)).sin()) as f32
            })
            .collect()
    }

    /// Amplitude of `frequency`, and the rms of all that is not it, in the middle of 8 kHz samples.
    fn measure(samples: &[i16], frequency: f64) -> (f64, f64) {
        let middle = &samples[800..samples.len() - 800];
        let middle = &middle[..middle.len() / 800 * 800]; // whole periods of every multiple of 10 Hz
        let (mut real, mut imaginary) = (0.0, 0.0);
        for (n, sample) in middle.iter().enumerate() {
            let angle = 2.0 * PI * frequency * (n + 800) as f64 / 8000.0;
            real += f64::from(*sample) * angle.cos();
            imaginary += f64::from(*sample) * angle.sin();
        }
        let (real, imaginary) = (
            real * 2.0 / middle.len() as f64,
            imaginary * 2.0 / middle.len() as f64,
        );
        let rest: f64 = middle
            .iter()
            .enumerate()
            .map(|(n, sample)| {
                let angle = 2.0 * PI * frequency * (n + 800) as f64 / 8000.0;
                (f64::from(*sample) - real * angle.cos() - imaginary * angle.sin()).powi(2)
            })
            .sum();
        (real.hypot(imaginary), (rest / middle.len() as f64).sqrt())
    }

    #[test]
    fn a_tone_passes_at_any_rate_with_sixty_decibels_over_the_noise() {
        for rate in [
            4000, 6000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000, 96_000, 192_000, 8001,
        ] {
            let frequency = if rate < 8000 { 1000.0 } else { 3000.0 };
            let (amplitude, noise) =
                measure(&to_8000(&sine(rate, frequency, 1.0), rate), frequency);
            let gain = 20.0 * (amplitude / AMPLITUDE).log10();
            let snr = 20.0 * (amplitude / 2f64.sqrt() / noise).log10();
            assert!(
                gain.abs() < 0.1 && snr > 60.0,
                "{rate} Hz: gain {gain:.2} dB, SNR {snr:.1} dB"
            );
        }
    }

    #[test]
    fn what_8_kilohertz_cannot_hold_does_not_fold_back() {
        for (rate, frequency) in [
            (16_000, 5000.0),
            (44_100, 4500.0),
            (48_000, 7000.0),
            (48_000, 20_000.0),
        ] {
            let samples = to_8000(&sine(rate, frequency, 1.0), rate);
            let (_, noise) = measure(&samples, 0.0);
            let rejection = 20.0 * (AMPLITUDE / 2f64.sqrt() / noise.max(1e-9)).log10();
            assert!(
                rejection > 60.0,
                "{frequency} Hz at {rate}: {rejection:.1} dB"
            );
        }
    }

    #[test]
    fn in_pieces_it_is_the_same() {
        for rate in [6000, 8000, 11_025, 44_100, 48_000] {
            let samples = sine(rate, 1000.0, 0.5);
            let (whole, conversion) = (to_8000(&samples, rate), Conversion::new(rate));
            let mut pieces = Vec::new();
            for start in (0..whole.len() as u64).step_by(640) {
                let wanted = start..(start + 640).min(whole.len() as u64);
                let needs = conversion.needs(&wanted);
                let end = (needs.end as usize).min(samples.len());
                let part = &samples[needs.start as usize..end];
                pieces.extend(conversion.part(part, needs.start, wanted));
            }
            assert!(pieces == whole, "{rate} Hz");
        }
    }

    #[test]
    fn the_length_is_kept_and_8_kilohertz_is_left_alone() {
        assert_eq!(to_8000(&[1.4, -1.6, 40_000.0], 8000), [1, -2, 32767]);
        assert_eq!(to_8000(&vec![0.0; 44_100], 44_100).len(), 8000);
        assert_eq!(to_8000(&[5.0], 16_000).len(), 0);
        assert!(to_8000(&[], 16_000).is_empty());
    }
}
