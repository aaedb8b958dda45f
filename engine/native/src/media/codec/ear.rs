//! How a leg hears a codec other than G.711: its packets in their order, at its own rate and at 8 kHz.

use super::super::resample::Resampler;
use super::super::rtp::{samples_between, Header, Seq};
use super::{g722, l16, opus, Codec, Rate};

/// Samples that one packet, with what was lost before it, may come to.
pub const MAX_DECODED: usize = 3072;
/// What is made up for lost packets before one, in ticks: 60 ms. The rest is left to whoever listens.
const MAX_RESTORED: i32 = 480;
/// A step back that is no reordering any more but another stream.
const MAX_MISORDER: i16 = 100;

enum Decoder {
    G722(Box<g722::Decoder>),
    L16,
    Opus(Box<opus::Decoder>),
}

/// Hears.
pub struct Ear {
    decoder: Decoder,
    rate: Rate,
    resampler: Resampler,
    last: Option<Last>,
    samples: Box<[i16; MAX_DECODED]>,
    narrow: Box<[i16; MAX_DECODED]>,
}

#[derive(Clone, Copy)]
struct Last {
    sequence: Seq,
    /// Where it ended, in ticks.
    end: u32,
}

/// What was heard of a packet.
pub struct Decoded<'a> {
    /// Its first tick: before the packet's own, if what was lost before it is there, too.
    pub start: u32,
    /// How many ticks of it are what was lost.
    pub restored: usize,
    /// At the codec's rate.
    pub samples: &'a [i16],
    /// At 8 kHz.
    pub narrow: &'a [i16],
}

impl Ear {
    /// None: G.711 needs none, and what is foreign has none.
    pub fn of(codec: Codec) -> Option<Box<Self>> {
        let decoder = match codec {
            Codec::G722 => Decoder::G722(Box::default()),
            Codec::L16(_) => Decoder::L16,
            Codec::Opus(_) => Decoder::Opus(Box::new(opus::Decoder::new()?)),
            Codec::G711(_) | Codec::Foreign { .. } => return None,
        };
        Some(Box::new(Ear {
            decoder,
            rate: codec.rate(),
            resampler: Resampler::to_narrow(codec.rate()),
            last: None,
            samples: Box::new([0; MAX_DECODED]),
            narrow: Box::new([0; MAX_DECODED]),
        }))
    }

    /// At which rate it hears.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Decode a packet, whose header's timestamp counts ticks. None: it comes after its followers, or is broken.
    pub fn hear(&mut self, header: &Header, payload: &[u8]) -> Option<Decoded<'_>> {
        let lost = self.lost_before(header)?;
        let factor = self.rate.factor();
        let restored = match &mut self.decoder {
            Decoder::Opus(decoder) if lost > 0 => {
                decoder.restore(payload, &mut self.samples[..lost * factor])
            }
            _ => 0,
        };
        let room = &mut self.samples[restored..];
        let decoded = match &mut self.decoder {
            Decoder::G722(decoder) => decoder.decode(payload, room),
            Decoder::L16 => l16::decode(payload, room),
            Decoder::Opus(decoder) => decoder.decode(payload, room),
        };
        if decoded == 0 {
            return None;
        }
        self.last = Some(Last {
            sequence: header.sequence,
            end: header.timestamp.wrapping_add((decoded / factor) as u32),
        });
        let samples = &self.samples[..restored + decoded];
        let narrow = if self.rate == Rate::Narrow {
            samples
        } else {
            let count = self.resampler.run(samples, &mut self.narrow[..]);
            &self.narrow[..count]
        };
        Some(Decoded {
            start: header.timestamp.wrapping_sub((restored / factor) as u32),
            restored: restored / factor,
            samples,
            narrow,
        })
    }

    /// Ticks that were lost just before that packet; None: it comes too late to be decoded.
    fn lost_before(&self, header: &Header) -> Option<usize> {
        let Some(last) = self.last else {
            return Some(0);
        };
        let step = header.sequence.after(last.sequence);
        if (-MAX_MISORDER..=0).contains(&step) {
            return None;
        }
        let gap = samples_between(last.end, header.timestamp);
        let is_loss = step > 1 && (1..=MAX_RESTORED).contains(&gap) && gap % 20 == 0;
        Some(if is_loss { gap as usize } else { 0 })
    }

    /// Another stream follows: its numbers say nothing about those before.
    pub fn restart(&mut self) {
        self.last = None;
    }
}
