//! One rate to another: a polyphase, Kaiser-windowed sinc low-pass. Files to 8 kHz, whole or in parts, on a loader thread; or what is
//! under way, frame by frame (`Resampler`).

use std::f64::consts::PI;
use std::ops::Range;

use super::clock::SAMPLE_RATE;
use super::codec::Rate;

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
        let filter = (rate != SAMPLE_RATE).then(|| Filter::new(rate, SAMPLE_RATE));
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
    fn new(rate: u32, to: u32) -> Self {
        let phases = (u64::from(to) / greatest_common_divisor(to, rate)).min(MAX_PHASES);
        // In input samples: how far apart the zero crossings are.
        let stretch = (f64::from(rate) / f64::from(to)).max(1.0);
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

/// A stream at one rate, as it goes on at another: 4 ms later, at 8 and 16 kHz. Nothing is allocated after its making.
pub struct Resampler {
    filter: Filter,
    /// Input samples to each output sample: `step / phases`.
    step: usize,
    /// What was heard last, and room for what comes.
    line: Box<[f32]>,
    /// Where the next output is, after the beginning of the line, in input samples times `phases`.
    position: usize,
}

/// Input that is taken at once; more is taken piece by piece.
const PIECE: usize = 960;
/// Sums that go on beside each other, for the compiler to make vectors of.
const LANES: usize = 8;

impl Resampler {
    /// From one rate to another, whose ratio is one of small numbers.
    pub fn new(rate: u32, to: u32) -> Self {
        let filter = Filter::new(rate, to);
        let step = u64::from(rate) * filter.phases / u64::from(to);
        let line = vec![0.0; filter.half * 2 - 1 + PIECE].into_boxed_slice();
        Resampler {
            filter,
            step: step as usize,
            line,
            position: 0,
        }
    }

    /// To 8 kHz.
    pub fn to_narrow(rate: Rate) -> Self {
        Resampler::new(rate.hertz(), SAMPLE_RATE)
    }

    /// To that rate from the other one.
    pub fn other(rate: Rate) -> Self {
        let other = match rate {
            Rate::Narrow => Rate::Wide,
            Rate::Wide => Rate::Narrow,
        };
        Resampler::new(other.hertz(), rate.hertz())
    }

    /// What `input` becomes; the samples written. What there is no room for is lost.
    pub fn run(&mut self, input: &[i16], output: &mut [i16]) -> usize {
        let mut count = 0;
        for piece in input.chunks(PIECE) {
            count += self.run_piece(piece, &mut output[count..]);
        }
        count
    }

    fn run_piece(&mut self, input: &[i16], output: &mut [i16]) -> usize {
        let (width, phases) = (self.filter.half * 2, self.filter.phases as usize);
        let kept = width - 1;
        for (place, sample) in self.line[kept..].iter_mut().zip(input) {
            *place = f32::from(*sample);
        }
        let end = input.len() * phases;
        let mut count = 0;
        while self.position < end {
            let (whole, phase) = (self.position / phases, self.position % phases);
            let taps = &self.filter.taps[phase * width..(phase + 1) * width];
            if let Some(sample) = output.get_mut(count) {
                *sample = round(product(taps, &self.line[whole..whole + width]));
                count += 1;
            }
            self.position += self.step;
        }
        self.position -= end;
        self.line.copy_within(input.len()..input.len() + kept, 0);
        count
    }
}

fn product(taps: &[f32], samples: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    let (taps, samples) = (taps.chunks_exact(LANES), samples.chunks_exact(LANES));
    let rest: f32 = taps
        .remainder()
        .iter()
        .zip(samples.remainder())
        .map(|(tap, sample)| tap * sample)
        .sum();
    for (taps, samples) in taps.zip(samples) {
        for lane in 0..LANES {
            sums[lane] += taps[lane] * samples[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
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
        measure_at(samples, frequency, 8000)
    }

    /// The same of samples at that rate.
    fn measure_at(samples: &[i16], frequency: f64, rate: u32) -> (f64, f64) {
        let tenth = rate as usize / 10;
        let rate = f64::from(rate);
        let middle = &samples[tenth..samples.len() - tenth];
        let middle = &middle[..middle.len() / tenth * tenth]; // whole periods of every multiple of 10 Hz
        let (mut real, mut imaginary) = (0.0, 0.0);
        for (n, sample) in middle.iter().enumerate() {
            let angle = 2.0 * PI * frequency * (n + tenth) as f64 / rate;
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
                let angle = 2.0 * PI * frequency * (n + tenth) as f64 / rate;
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

    /// Given frame by frame, as in a call.
    fn stream(samples: &[f32], rate: u32, to: u32) -> Vec<i16> {
        let mut resampler = Resampler::new(rate, to);
        let mut frame = [0; 960];
        let mut all = Vec::new();
        for piece in samples.chunks(rate as usize / 50) {
            let piece: Vec<i16> = piece.iter().map(|sample| round(*sample)).collect();
            let count = resampler.run(&piece, &mut frame);
            assert_eq!(count, to as usize / 50);
            all.extend_from_slice(&frame[..count]);
        }
        all
    }

    /// The least of a sweep over what both rates hold: gain (the farthest from 0 dB) and SNR.
    fn sweep(rate: u32, to: u32) -> (f64, f64) {
        let most = f64::from(rate.min(to)) * 0.42; // 3.4 kHz of 8
        let (mut worst, mut least) = (0f64, f64::MAX);
        for step in 1..=12 {
            let frequency = (most * f64::from(step) / 12.0 / 100.0).round() * 100.0;
            let heard = stream(&sine(rate, frequency, 1.0), rate, to);
            let (amplitude, noise) = measure_at(&heard, frequency, to);
            let gain = 20.0 * (amplitude / AMPLITUDE).log10();
            worst = if gain.abs() > worst.abs() {
                gain
            } else {
                worst
            };
            least = least.min(20.0 * (amplitude / 2f64.sqrt() / noise).log10());
        }
        (worst, least)
    }

    #[test]
    fn a_sweep_passes_from_any_rate_to_any_other_far_above_the_noise() {
        for (rate, to) in [
            (8000, 16_000),
            (16_000, 8000),
            (8000, 48_000),
            (48_000, 8000),
            (16_000, 48_000),
            (48_000, 16_000),
        ] {
            let (gain, snr) = sweep(rate, to);
            println!("{rate} to {to} Hz: gain within {gain:+.2} dB, SNR at least {snr:.1} dB");
            assert!(
                gain.abs() < 0.1 && snr > 70.0,
                "{rate} to {to}: {gain:.2} dB, {snr:.1} dB"
            );
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_is_gone_and_nothing_is_mirrored_above_it() {
        let rms = |samples: &[i16]| {
            let middle = &samples[samples.len() / 4..];
            let power: f64 = middle.iter().map(|sample| f64::from(*sample).powi(2)).sum();
            (power / middle.len() as f64).sqrt().max(1e-3)
        };
        let full = AMPLITUDE / 2f64.sqrt();
        for (rate, to, frequency) in [
            (16_000, 8000, 4500.0),
            (16_000, 8000, 7000.0),
            (48_000, 8000, 5000.0),
            (48_000, 16_000, 9000.0),
        ] {
            let rest = 20.0 * (full / rms(&stream(&sine(rate, frequency, 1.0), rate, to))).log10();
            assert!(
                rest > 70.0,
                "{frequency} Hz at {rate} to {to}: {rest:.1} dB"
            );
        }
        // An image would be at 8 kHz less the tone.
        let (image, _) = measure_at(
            &stream(&sine(8000, 3000.0, 1.0), 8000, 16_000),
            5000.0,
            16_000,
        );
        assert!(20.0 * (AMPLITUDE / image).log10() > 70.0, "{image}");
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
