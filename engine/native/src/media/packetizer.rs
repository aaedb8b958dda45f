//! Frames of 20 ms on their way into packets of the agreed length (RFC 8866 §6.4, ptime): 10 to 60 ms.
//!
//! What does not divide evenly waits for the next frame: packets of 30 ms leave after 40 and 20 ms in turn, packets of 10 ms two
//! at a time. Their timestamps are even, and any receiver's buffer takes up the difference. What is long is counted in samples of
//! 8 kHz; how many octets those are is the codec's affair.

use super::clock::{Moment, FRAME, FRAME_NANOS, SAMPLE_RATE};
use super::g711::Law;

/// The longest packet, in samples: 60 ms.
pub const MAX_SAMPLES: usize = 480;
/// The longest packet, in octets: 20 ms of L16 at 16 kHz.
pub const MAX_OCTETS: usize = 640;
/// The shortest: 10 ms.
const MIN_SAMPLES: usize = 80;
const ROOM: usize = MAX_OCTETS * 2;

/// The samples of `ptime_ms`, brought to what can be made.
pub fn samples_of(ptime_ms: u32) -> usize {
    (ptime_ms as usize)
        .saturating_mul(8)
        .clamp(MIN_SAMPLES, MAX_SAMPLES)
}

/// What waits to fill a packet.
#[derive(Debug, Default)]
pub struct Packetizer {
    /// Room for so much once the first frame has come: most legs pass on packets that are whole.
    octets: Box<[u8]>,
    length: usize,
    samples: usize,
    end: Moment,
}

impl Packetizer {
    /// A frame that begins at `due`.
    pub fn push(&mut self, samples: &[i16; FRAME], law: Law, due: Moment) {
        law.compress_into(samples, self.room_for_frame(FRAME, due));
    }

    /// A frame that begins at `due`, coded by `code`; of what that writes nothing of, nothing is to be sent.
    pub fn push_coded(&mut self, due: Moment, code: impl FnOnce(&mut [u8]) -> usize) {
        if self.length > MAX_OCTETS {
            self.clear(); // nobody took anything
        }
        let start = self.length;
        let count = code(&mut self.room()[start..]);
        if count > 0 {
            self.room_for_frame(count, due);
        }
    }

    /// The same, compressed already.
    pub fn push_octets(&mut self, octets: &[u8; FRAME], due: Moment) {
        self.room_for_frame(FRAME, due).copy_from_slice(octets);
    }

    fn room_for_frame(&mut self, octets: usize, due: Moment) -> &mut [u8] {
        if self.samples > MAX_SAMPLES {
            self.clear(); // nobody took anything
        }
        let start = self.length;
        self.length += octets;
        self.samples += FRAME;
        self.end = Moment(due.0 + FRAME_NANOS);
        let end = self.length;
        &mut self.room()[start..end]
    }

    fn room(&mut self) -> &mut [u8] {
        if self.octets.is_empty() {
            self.octets = vec![0; ROOM].into();
        }
        &mut self.octets
    }

    /// True when nothing waits.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The next packet of exactly `samples`, or with `is_last` what is left, written to `payload`: its octets, its samples, and
    /// its beginning.
    pub fn take(
        &mut self,
        samples: usize,
        is_last: bool,
        payload: &mut [u8],
    ) -> Option<(usize, usize, Moment)> {
        let count = samples.min(self.samples);
        if count == 0 || count < samples && !is_last {
            return None;
        }
        let waited = self.samples as u64 * 1_000_000_000 / u64::from(SAMPLE_RATE);
        let start = Moment(self.end.0.saturating_sub(waited));
        let octets = self.length * count / self.samples;
        payload[..octets].copy_from_slice(&self.octets[..octets]);
        self.octets.copy_within(octets..self.length, 0);
        self.length -= octets;
        self.samples -= count;
        Some((octets, count, start))
    }

    /// What waits is not to be sent.
    pub fn clear(&mut self) {
        (self.length, self.samples) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What leaves after each of six frames: its length and where it begins, in ms.
    fn packets(ptime_ms: u32) -> Vec<(usize, usize, u64)> {
        let mut packetizer = Packetizer::default();
        let mut payload = [0; MAX_SAMPLES];
        let mut packets = Vec::new();
        for frame in 0..6 {
            let due = Moment(0).plus_ms(frame as u64 * 20);
            packetizer.push(&[0; FRAME], Law::Mu, due);
            while let Some((length, _, start)) =
                packetizer.take(samples_of(ptime_ms), false, &mut payload)
            {
                packets.push((frame, length, start.0 / 1_000_000));
            }
        }
        packets
    }

    #[test]
    fn packets_are_as_long_as_agreed_and_lie_one_after_another() {
        for (ptime_ms, count) in [(10, 12), (20, 6), (30, 4), (40, 3), (50, 2), (60, 2)] {
            let packets = packets(ptime_ms);
            assert_eq!(packets.len(), count);
            for (index, (_, length, start)) in packets.iter().enumerate() {
                assert_eq!(*length, ptime_ms as usize * 8);
                assert_eq!(*start, index as u64 * u64::from(ptime_ms));
            }
        }
    }

    #[test]
    fn the_end_may_be_shorter_and_what_is_cleared_never_leaves() {
        let mut packetizer = Packetizer::default();
        let mut payload = [0; MAX_SAMPLES];
        packetizer.push(&[0; FRAME], Law::A, Moment(0));
        assert_eq!(packetizer.take(480, false, &mut payload), None);
        assert_eq!(
            packetizer.take(480, true, &mut payload),
            Some((160, 160, Moment(0)))
        );
        packetizer.push(&[0; FRAME], Law::A, Moment(0));
        packetizer.clear();
        assert!(packetizer.is_empty());
        assert_eq!(packetizer.take(480, true, &mut payload), None);
    }

    #[test]
    fn octets_are_as_many_as_the_codec_has_for_the_samples() {
        let mut packetizer = Packetizer::default();
        let mut payload = [0; MAX_OCTETS];
        for frame in 0..2 {
            packetizer.push_coded(Moment(0).plus_ms(frame * 20), |octets| {
                octets[..640].fill(frame as u8);
                640
            });
        }
        let taken = packetizer.take(80, false, &mut payload);
        assert_eq!(taken, Some((320, 80, Moment(0))));
        assert_eq!(
            packetizer.take(160, false, &mut payload),
            Some((640, 160, Moment(0).plus_ms(10)))
        );
        assert_eq!((payload[319], payload[320]), (0, 1));
        packetizer.push_coded(Moment(0), |_| 0);
        assert_eq!(packetizer.take(160, true, &mut payload).unwrap().1, 80);
        assert!(packetizer.is_empty());
    }

    #[test]
    fn lengths_that_cannot_be_made_become_the_nearest() {
        assert_eq!(
            [0, 10, 60, 200].map(samples_of),
            [MIN_SAMPLES, 80, 480, MAX_SAMPLES]
        );
    }
}
