//! Opus out of an Ogg (RFC 7845): its packets at 48 kHz, without what the encoder wants to be left out.

use opus_rs::OpusDecoder;

/// Opus has one clock, whatever its packets are made of.
pub const RATE: u32 = 48_000;
/// Frames of the longest packet: 120 ms (RFC 6716 §3.4).
const MAX_FRAMES: usize = 5760;
/// Octets of the head that says how it is to be decoded (RFC 7845 §5.1).
const HEAD: usize = 19;

/// A stream that is being decoded.
pub struct OpusStream {
    decoder: OpusDecoder,
    channels: usize,
    gain: f32,
    pre_skip: u64,
    /// Frames that are still to be left out.
    lead: u64,
    floats: Box<[f32]>,
}

impl OpusStream {
    /// What its head says. More than two channels are another mapping, which no telephone needs.
    pub fn new(head: &[u8]) -> Result<Self, String> {
        let (Some(head), true) = (head.first_chunk::<HEAD>(), head.starts_with(b"OpusHead")) else {
            return Err("expected the head of an Opus stream, got something else".into());
        };
        let (channels, mapping) = (usize::from(head[9]), head[18]);
        if mapping > 1 || !(1..=2).contains(&channels) {
            return Err(format!(
                "expected Opus of 1 or 2 channels, got {channels} (mapping {mapping})"
            ));
        }
        let decoder = OpusDecoder::new(RATE as i32, channels)
            .map_err(|error| format!("it cannot be decoded: {error}"))?;
        let gain = f32::from(i16::from_le_bytes([head[16], head[17]])) / 256.0;
        let pre_skip = u64::from(u16::from_le_bytes([head[10], head[11]]));
        Ok(OpusStream {
            decoder,
            channels,
            gain: 10f32.powf(gain / 20.0),
            pre_skip,
            lead: pre_skip,
            floats: vec![0.0; MAX_FRAMES * channels].into_boxed_slice(),
        })
    }

    /// Frames at the beginning that are not to be heard.
    pub fn pre_skip(&self) -> u64 {
        self.pre_skip
    }

    /// How many channels there are.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Of so many frames that are passed over, those that would have been heard.
    pub fn pass(&mut self, frames: u64) -> u64 {
        let lead = self.lead.min(frames);
        self.lead -= lead;
        frames - lead
    }

    /// What was decoded before has nothing to do with what comes.
    pub fn reset(&mut self) {
        if let Ok(decoder) = OpusDecoder::new(RATE as i32, self.channels) {
            self.decoder = decoder;
        }
    }

    /// A packet's frames, interleaved, but for the last `trim`.
    pub fn decode(
        &mut self,
        packet: &[u8],
        trim: u64,
        interleaved: &mut Vec<f32>,
    ) -> Result<(), String> {
        interleaved.clear();
        let frames = self
            .decoder
            .decode(packet, MAX_FRAMES, &mut self.floats)
            .map_err(|error| format!("it is damaged: {error}"))? as u64;
        let end = frames.saturating_sub(trim);
        let start = self.lead.min(end);
        self.lead -= self.lead.min(frames);
        let place = |frame: u64| frame as usize * self.channels;
        let heard = &self.floats[place(start)..place(end)];
        interleaved.extend(heard.iter().map(|sample| sample * self.gain));
        Ok(())
    }
}
