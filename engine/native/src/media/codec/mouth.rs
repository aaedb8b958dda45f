//! How a leg speaks in a codec other than G.711: frames at either rate in, octets out.

use super::super::clock::FRAME;
use super::super::resample::Resampler;
use super::{g722, l16, opus, Codec, Rate};

/// Samples of a frame at the highest rate.
pub const MAX_FRAME: usize = FRAME * Rate::Wide.factor();

enum Encoder {
    G722(Box<g722::Encoder>),
    L16,
    Opus(Box<opus::Encoder>),
}

/// Speaks.
pub struct Mouth {
    encoder: Encoder,
    rate: Rate,
    /// From the other rate to its own.
    resampler: Resampler,
}

impl Mouth {
    /// None: G.711 needs none, and what is foreign has none.
    pub fn of(codec: Codec) -> Option<Box<Self>> {
        let encoder = match codec {
            Codec::G722 => Encoder::G722(Box::default()),
            Codec::L16(_) => Encoder::L16,
            Codec::Opus(parameters) => Encoder::Opus(Box::new(opus::Encoder::new(parameters)?)),
            Codec::G711(_) | Codec::Foreign { .. } => return None,
        };
        let rate = codec.rate();
        Some(Box::new(Mouth {
            encoder,
            rate,
            resampler: Resampler::other(rate),
        }))
    }

    /// Say a frame of that rate; the octets written, 0: it is not to be sent.
    pub fn say(&mut self, samples: &[i16], rate: Rate, octets: &mut [u8]) -> usize {
        if rate == self.rate {
            return self.encode(samples, octets);
        }
        let mut frame = [0; MAX_FRAME];
        let count = self.resampler.run(samples, &mut frame);
        self.encode(&frame[..count], octets)
    }

    fn encode(&mut self, samples: &[i16], octets: &mut [u8]) -> usize {
        match &mut self.encoder {
            Encoder::G722(encoder) => encoder.encode(samples, octets),
            Encoder::L16 => l16::encode(samples, octets),
            Encoder::Opus(encoder) => encoder.encode(samples, octets),
        }
    }
}
