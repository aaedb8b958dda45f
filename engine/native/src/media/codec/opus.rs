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
        let is_sent = self.silent <= HANGOVER || self.silent.is_multiple_of(KEPT);
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

#[cfg(test)]
mod tests {
    use super::super::super::testing::{voice, Random};
    use super::*;

    /// What libopus 1.3.1 makes, of which each tenth packet is lost; see `make_seeds` in its folder.
    const PACKETS: &[u8] = include_bytes!("../../../tests/opus/packets");
    const HEARD: &[u8] = include_bytes!("../../../tests/opus/heard.raw");
    const RESTORED: &[u8] = include_bytes!("../../../tests/opus/restored.raw");
    const SPEECH: Parameters = Parameters {
        bitrate: 24_000,
        has_fec: true,
        has_dtx: false,
    };

    fn packets() -> Vec<&'static [u8]> {
        let (mut packets, mut rest) = (Vec::new(), PACKETS);
        while let [low, high, ..] = rest {
            let length = usize::from(u16::from_le_bytes([*low, *high]));
            packets.push(&rest[2..2 + length]);
            rest = &rest[2 + length..];
        }
        packets
    }

    fn samples(octets: &[u8]) -> Vec<i16> {
        octets
            .chunks_exact(2)
            .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
            .collect()
    }

    /// In dB: how far what differs is below what was wanted.
    fn nearness(one: &[i16], wanted: &[i16]) -> f64 {
        assert_eq!(one.len(), wanted.len());
        let (mut signal, mut noise) = (0.0, 1e-9);
        for (one, wanted) in one.iter().zip(wanted) {
            signal += f64::from(*wanted).powi(2);
            noise += (f64::from(*one) - f64::from(*wanted)).powi(2);
        }
        10.0 * (signal / noise).log10()
    }

    #[test]
    fn packets_of_libopus_are_heard_as_libopus_hears_them() {
        let (mut heard, mut restored) = (Vec::new(), Vec::new());
        let mut decoder = Decoder::new().unwrap();
        let mut frame = [0; MAX_SAMPLES];
        for (index, packet) in packets().into_iter().enumerate() {
            if index % 10 == 8 {
                continue;
            }
            if index % 10 == 9 {
                assert_eq!(decoder.restore(packet, &mut frame[..FRAME]), FRAME);
                restored.extend_from_slice(&frame[..FRAME]);
            }
            assert_eq!(decoder.decode(packet, &mut frame), FRAME);
            heard.extend_from_slice(&frame[..FRAME]);
        }
        let (heard, restored) = (
            nearness(&heard, &samples(HEARD)),
            nearness(&restored, &samples(RESTORED)),
        );
        assert!(heard > 60.0, "{heard} dB");
        assert!(restored > 60.0, "{restored} dB");
    }

    #[test]
    fn a_voice_comes_back_at_the_agreed_bitrate() {
        for bitrate in [12_000, 24_000, 40_000] {
            let mut encoder = Encoder::new(Parameters { bitrate, ..SPEECH }).unwrap();
            let mut decoder = Decoder::new().unwrap();
            let (mut octets, mut packet, mut heard) = (0, [0; 640], [0; MAX_SAMPLES]);
            let mut energy = 0.0;
            for frame in 0..100 {
                let said: Vec<i16> = (0..FRAME).map(|n| voice((frame * FRAME + n) / 2)).collect();
                let count = encoder.encode(&said, &mut packet);
                octets += count;
                assert_eq!(decoder.decode(&packet[..count], &mut heard), FRAME);
                energy += heard[..FRAME]
                    .iter()
                    .map(|sample| f64::from(*sample).powi(2))
                    .sum::<f64>();
            }
            let got = octets * 8 / 2; // in two seconds
            let wanted = bitrate as usize;
            assert!(got < wanted * 13 / 10, "{got} for {wanted}");
            assert!(energy > 0.0);
        }
    }

    #[test]
    fn silence_is_left_out_where_that_was_agreed_on() {
        let sent = |has_dtx| {
            let mut encoder = Encoder::new(Parameters { has_dtx, ..SPEECH }).unwrap();
            let silence = [0; FRAME];
            (0..110)
                .filter(|_| encoder.encode(&silence, &mut [0; 640]) > 0)
                .count()
        };
        assert_eq!((sent(false), sent(true)), (110, 15));
    }

    #[test]
    fn whatever_comes_takes_nothing_down() {
        let mut random = Random(3);
        let mut decoder = Decoder::new().unwrap();
        let mut heard = [0; MAX_SAMPLES];
        for _ in 0..3000 {
            let packet: Vec<u8> = (0..random.below(80))
                .map(|_| random.below(256) as u8)
                .collect();
            assert!(decoder.decode(&packet, &mut heard) <= MAX_SAMPLES);
            assert!(decoder.restore(&packet, &mut heard[..FRAME]) <= FRAME);
        }
        assert_eq!(decoder.decode(&[], &mut heard), 0);
    }
}
