//! How sound looks in a pipe: mu-law or linear octets, at 8, 16 or 24 kHz; brought there frame by frame, and back.

use super::super::clock::FRAME;
use super::super::g711::Law;
use super::rate::{Decimator, Interpolator, MAX_FACTOR};

/// The octets of the longest frame of 20 ms: 16 bits at 24 kHz.
pub const MAX_OCTETS: usize = FRAME * MAX_FACTOR * 2;
/// Octets that are decoded at once.
const CHUNK: usize = 4096;

/// What an octet, or two, stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// G.711 mu-law.
    Mu,
    /// 16 bits, signed, the lower octet first.
    Linear,
}

/// How sound looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    encoding: Encoding,
    factor: usize,
}

impl Shape {
    /// None: of that rate there is none.
    pub fn of(encoding: Encoding, rate: u32) -> Option<Self> {
        let factor = match rate {
            8000 => 1,
            16_000 => 2,
            24_000 => 3,
            _ => return None,
        };
        Some(Shape { encoding, factor })
    }

    fn octets_per_sample(self) -> usize {
        match self.encoding {
            Encoding::Mu => 1,
            Encoding::Linear => 2,
        }
    }
}

/// Makes frames of a shape.
pub struct Encoder {
    shape: Shape,
    interpolator: Option<Box<Interpolator>>,
}

impl Encoder {
    /// Silence was before.
    pub fn new(shape: Shape) -> Self {
        let interpolator = (shape.factor > 1).then(|| Box::new(Interpolator::new(shape.factor)));
        Encoder {
            shape,
            interpolator,
        }
    }

    /// The octets of a frame, at the beginning of the room for them.
    pub fn encode<'room>(
        &mut self,
        samples: &[i16; FRAME],
        room: &'room mut [u8; MAX_OCTETS],
    ) -> &'room [u8] {
        let mut raised = [0; FRAME * MAX_FACTOR];
        let samples = match &mut self.interpolator {
            None => &samples[..],
            Some(interpolator) => {
                let raised = &mut raised[..FRAME * self.shape.factor];
                interpolator.raise(samples, raised);
                raised
            }
        };
        let room = &mut room[..samples.len() * self.shape.octets_per_sample()];
        match self.shape.encoding {
            Encoding::Mu => Law::Mu.compress_into(samples, room),
            Encoding::Linear => {
                for (octets, sample) in room.chunks_exact_mut(2).zip(samples) {
                    octets.copy_from_slice(&sample.to_le_bytes());
                }
            }
        }
        room
    }
}

/// Reads octets of a shape, however they are cut.
pub struct Decoder {
    shape: Shape,
    decimator: Option<Box<Decimator>>,
    /// The first half of a sample whose second has not come.
    half: Option<u8>,
}

impl Decoder {
    /// Silence was before.
    pub fn new(shape: Shape) -> Self {
        let decimator = (shape.factor > 1).then(|| Box::new(Decimator::new(shape.factor)));
        Decoder {
            shape,
            decimator,
            half: None,
        }
    }

    /// How many octets stand for so many samples at 8 kHz.
    pub fn octets_of(&self, samples: usize) -> usize {
        samples * self.shape.factor * self.shape.octets_per_sample()
    }

    /// What they stand for, at 8 kHz. The filter's part of it that is to come waits for what comes next.
    pub fn decode(&mut self, octets: &[u8]) -> Vec<i16> {
        let mut decoded = Vec::with_capacity(octets.len() / self.octets_of(1) + 1);
        let mut linear = Vec::with_capacity(CHUNK);
        for chunk in octets.chunks(CHUNK) {
            linear.clear();
            self.expand(chunk, &mut linear);
            match &mut self.decimator {
                None => decoded.extend_from_slice(&linear),
                Some(decimator) => decimator.lower(&linear, &mut decoded),
            }
        }
        decoded
    }

    /// What follows does not belong to what came before.
    pub fn restart(&mut self) {
        *self = Decoder::new(self.shape);
    }

    fn expand(&mut self, octets: &[u8], linear: &mut Vec<i16>) {
        if self.shape.encoding == Encoding::Mu {
            linear.extend(octets.iter().map(|octet| Law::Mu.expand(*octet)));
            return;
        }
        let mut octets = octets;
        if let (Some(low), [high, rest @ ..]) = (self.half, octets) {
            linear.push(i16::from_le_bytes([low, *high]));
            (self.half, octets) = (None, rest);
        }
        let pairs = octets.chunks_exact(2);
        if let [last] = pairs.remainder() {
            self.half = Some(*last);
        }
        linear.extend(pairs.map(|pair| i16::from_le_bytes([pair[0], pair[1]])));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(rate: u32, frequency: f64, seconds: f64) -> Vec<i16> {
        let count = (f64::from(rate) * seconds) as usize;
        let step = 2.0 * std::f64::consts::PI * frequency / f64::from(rate);
        (0..count)
            .map(|index| (10_000.0 * (step * index as f64).sin()).round() as i16)
            .collect()
    }

    /// The level of one frequency and of all else, over the middle of the samples, as a ratio in dB.
    fn snr(samples: &[i16], rate: u32, frequency: f64) -> f64 {
        let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
        let step = 2.0 * std::f64::consts::PI * frequency / f64::from(rate);
        let part = |wave: fn(f64) -> f64| {
            let sum: f64 = middle
                .iter()
                .enumerate()
                .map(|(index, sample)| f64::from(*sample) * wave(step * index as f64))
                .sum();
            2.0 * sum / middle.len() as f64
        };
        let (sines, cosines) = (part(f64::sin), part(f64::cos));
        let noise: f64 = middle
            .iter()
            .enumerate()
            .map(|(index, sample)| {
                let at = step * index as f64;
                (f64::from(*sample) - sines * at.sin() - cosines * at.cos()).powi(2)
            })
            .sum();
        let signal = (sines.powi(2) + cosines.powi(2)) / 2.0 * middle.len() as f64;
        10.0 * (signal / noise.max(1e-9)).log10()
    }

    #[test]
    fn a_tone_goes_up_and_down_again_fifty_decibels_above_the_noise() {
        for rate in [8000, 16_000, 24_000] {
            let shape = Shape::of(Encoding::Linear, rate).unwrap();
            let (mut encoder, mut decoder) = (Encoder::new(shape), Decoder::new(shape));
            for frequency in [300.0, 1000.0, 3200.0] {
                let mut room = [0; MAX_OCTETS];
                let mut octets = Vec::new();
                for frame in sine(8000, frequency, 1.0).chunks_exact(FRAME) {
                    octets.extend(encoder.encode(frame.try_into().unwrap(), &mut room));
                }
                let raised: Vec<i16> = octets
                    .chunks_exact(2)
                    .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
                    .collect();
                let up = snr(&raised, rate, frequency);
                let back = snr(&decoder.decode(&octets), 8000, frequency);
                assert!(
                    up > 50.0 && back > 50.0,
                    "{frequency} Hz at {rate}: {up:.1}, {back:.1} dB"
                );
            }
        }
    }

    #[test]
    fn what_8_kilohertz_cannot_hold_does_not_fold_back() {
        for (rate, frequency) in [(16_000, 5000.0), (24_000, 5000.0), (24_000, 11_000.0)] {
            let shape = Shape::of(Encoding::Linear, rate).unwrap();
            let octets: Vec<u8> = sine(rate, frequency, 0.5)
                .into_iter()
                .flat_map(i16::to_le_bytes)
                .collect();
            let lowered = Decoder::new(shape).decode(&octets);
            let loudest = lowered[200..].iter().map(|it| it.unsigned_abs()).max();
            assert!(
                loudest.unwrap() < 20,
                "{frequency} Hz at {rate}: {loudest:?} of 10000"
            );
        }
    }

    #[test]
    fn octets_may_be_cut_anywhere() {
        let shape = Shape::of(Encoding::Linear, 16_000).unwrap();
        let octets: Vec<u8> = sine(16_000, 440.0, 0.1)
            .into_iter()
            .flat_map(i16::to_le_bytes)
            .collect();
        let whole = Decoder::new(shape).decode(&octets);
        let mut decoder = Decoder::new(shape);
        let mut pieces = Vec::new();
        for cut in octets.chunks(7) {
            pieces.extend(decoder.decode(cut));
        }
        assert_eq!(whole, pieces);
        assert_eq!(whole.len(), 800);
    }

    #[test]
    fn mu_law_stays_what_it_is() {
        let shape = Shape::of(Encoding::Mu, 8000).unwrap();
        let octets: Vec<u8> = (0..160).map(|index| index as u8).collect();
        let decoded: Vec<i16> = Decoder::new(shape).decode(&octets);
        let mut room = [0; MAX_OCTETS];
        let samples: &[i16; FRAME] = decoded.as_slice().try_into().unwrap();
        let again: Vec<u8> = Encoder::new(shape).encode(samples, &mut room).to_vec();
        let same = octets
            .iter()
            .zip(&again)
            .filter(|(one, other)| one == other);
        assert!(same.count() >= 159); // there are two zeros
    }

    #[test]
    fn of_other_rates_there_is_none() {
        assert_eq!(Shape::of(Encoding::Mu, 11_025), None);
    }
}
