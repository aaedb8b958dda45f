//! Opus (RFC 6716) as calls use it (RFC 7587): one channel, packets of 20 ms, by a clock of 48 kHz.
//!
//! It is sampled at 16 kHz, which holds the voice; the peer is told so (maxplaybackrate, sprop-maxcapturerate), and what it sends
//! beyond that is decoded all the same. All state is made with the leg, none with a packet.

use std::panic::{catch_unwind, AssertUnwindSafe};

use opus_rs::{Application, OpusDecoder, OpusEncoder};

use super::super::sound::is_loud;

/// Samples a second, in and out.
const RATE: i32 = 16_000;
/// Samples of the longest packet (RFC 6716 §3.4): 120 ms.
pub const MAX_SAMPLES: usize = 1920;
/// Samples of a packet of ours: 20 ms.
const FRAME: usize = 320;
/// Octets of the longest packet that we make.
const MAX_OCTETS: usize = 640;
/// How hard the encoder tries, of ten: beyond, a voice gains little and costs double.
const COMPLEXITY: i32 = 5;
/// What the encoder expects to be lost, which it protects the more for: percent.
const EXPECTED_LOSS: i32 = 5;
/// Silence that is still sent, in packets: 200 ms.
const HANGOVER: u32 = 10;
/// In silence one packet of so many is sent: each 400 ms (RFC 7587 §3.1.3).
const KEPT: u32 = 20;

/// What was agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Bits a second, on average (maxaveragebitrate).
    pub bitrate: u32,
    /// What is lost can be had from the packet after it (useinbandfec).
    pub has_fec: bool,
    /// Silence is not sent (usedtx).
    pub has_dtx: bool,
}

/// Samples to packets.
pub struct Encoder {
    encoder: OpusEncoder,
    has_dtx: bool,
    silent: u32,
}

impl Encoder {
    /// None: the parameters are none that Opus has.
    pub fn new(parameters: Parameters) -> Option<Self> {
        let mut encoder = OpusEncoder::new(RATE, 1, Application::Voip).ok()?;
        encoder.bitrate_bps = parameters.bitrate.clamp(6000, 510_000) as i32;
        encoder.use_inband_fec = parameters.has_fec;
        encoder.packet_loss_perc = if parameters.has_fec { EXPECTED_LOSS } else { 0 };
        encoder.complexity = COMPLEXITY;
        Some(Encoder {
            encoder,
            has_dtx: parameters.has_dtx,
            silent: 0,
        })
    }

    /// One frame of 20 ms; the octets written, 0: it is silent, and not sent.
    pub fn encode(&mut self, samples: &[i16], octets: &mut [u8]) -> usize {
        self.silent = if is_loud(samples) {
            0
        } else {
            self.silent.saturating_add(1)
        };
        let room = octets.len().min(MAX_OCTETS);
        let count = self
            .encoder
            .encode_i16(samples, samples.len(), &mut octets[..room])
            .unwrap_or(0);
        let is_sent = self.silent <= HANGOVER || self.silent % KEPT == 0;
        if self.has_dtx && !is_sent {
            0
        } else {
            count
        }
    }
}

/// Packets to samples.
pub struct Decoder {
    decoder: OpusDecoder,
    floats: Box<[f32; MAX_SAMPLES]>,
}

impl Decoder {
    /// Nothing was heard yet.
    pub fn new() -> Option<Self> {
        Some(Decoder {
            decoder: OpusDecoder::new(RATE, 1).ok()?,
            floats: Box::new([0.0; MAX_SAMPLES]),
        })
    }

    /// A packet's samples, as many as there is room for; 0: it is none.
    pub fn decode(&mut self, packet: &[u8], samples: &mut [i16]) -> usize {
        // A packet without content stands for a silent frame, of a length that it does not tell.
        let room = if packet.len() < 2 { FRAME } else { MAX_SAMPLES };
        if packet.is_empty() {
            return 0;
        }
        self.run(samples, |decoder, floats| {
            decoder.decode(packet, room, &mut floats[..room])
        })
    }

    /// What was lost just before `packet`: from what that has of it, else made up.
    pub fn restore(&mut self, packet: &[u8], samples: &mut [i16]) -> usize {
        let count = samples.len().min(MAX_SAMPLES);
        self.run(samples, |decoder, floats| {
            decoder.decode_fec(packet, count, floats)
        })
    }

    /// A decoder that falls over a packet takes nobody's call with it: it begins anew.
    fn run(
        &mut self,
        samples: &mut [i16],
        decode: impl FnOnce(&mut OpusDecoder, &mut [f32]) -> Result<usize, &'static str>,
    ) -> usize {
        let (decoder, floats) = (&mut self.decoder, &mut self.floats[..]);
        let Ok(decoded) = catch_unwind(AssertUnwindSafe(|| decode(decoder, floats))) else {
            if let Ok(fresh) = OpusDecoder::new(RATE, 1) {
                self.decoder = fresh;
            }
            return 0;
        };
        let count = decoded.unwrap_or(0).min(samples.len());
        for (sample, float) in samples.iter_mut().zip(&self.floats[..count]) {
            *sample = (float * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16;
        }
        count
    }
}
