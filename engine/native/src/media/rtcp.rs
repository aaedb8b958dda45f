//! RTCP packets (RFC 3550 §6): our compound reports written, the peer's read, both within bounds.

use super::rtp::{Malformed, Ssrc};
use super::srtp::MAX_CONTROL_OVERHEAD;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;
const CNAME: u8 = 1;
const REPORT_BLOCK: usize = 24;
/// Packets looked at in one compound; what follows is ignored.
const MAX_PACKETS: usize = 16;
/// The longest compound that is written: SR with a block, SDES with a CNAME of 255 octets, BYE.
pub const MAX_COMPOUND: usize = 52 + 272 + 8;

/// What one receiver says of one sender (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// Who is reported on.
    pub source: u32,
    /// Lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Lost since the beginning; 24 bits, may be negative.
    pub total_lost: i32,
    /// Extended highest sequence number received.
    pub highest_sequence: u32,
    /// Interarrival jitter in samples.
    pub jitter: u32,
    /// Middle 32 bits of the last sender report's NTP timestamp.
    pub last_report: u32,
    /// From receiving that to sending this, in 1/65536 s.
    pub delay: u32,
}

/// What a sender says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderInfo {
    /// When, as NTP timestamp.
    pub ntp: u64,
    /// The same moment as RTP timestamp.
    pub timestamp: u32,
    /// Packets since the beginning.
    pub packets: u32,
    /// Payload octets since the beginning.
    pub octets: u32,
}

/// What of a peer's compound matters to one leg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// The NTP timestamp of its sender report.
    pub sender_ntp: Option<u64>,
    /// Its block about us.
    pub about_us: Option<ReportBlock>,
    /// It says that it leaves.
    pub is_goodbye: bool,
}

/// True of what is RTCP where both come to one port: by the packet type, of which RTP's payload types keep clear (RFC 5761 §4).
pub fn is_control(packet: &[u8]) -> bool {
    packet.get(1).is_some_and(|kind| (192..=223).contains(kind))
}

/// Read a compound; `us` picks the block about ourselves. The first packet must be a report (RFC 3550 A.2).
pub fn read(compound: &[u8], us: Ssrc) -> Result<Heard, Malformed> {
    let mut heard = Heard::default();
    let mut rest = compound;
    for index in 0..MAX_PACKETS {
        if rest.is_empty() && index > 0 {
            break;
        }
        let head: &[u8; 4] = rest.first_chunk().ok_or(Malformed)?;
        let length = 4 + 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
        if head[0] >> 6 != 2 || length > rest.len() {
            return Err(Malformed);
        }
        let (packet, after) = rest.split_at(length);
        let count = usize::from(head[0] & 0x1f);
        match head[1] {
            SENDER_REPORT => {
                let ntp = packet.get(8..16).ok_or(Malformed)?;
                heard.sender_ntp = Some(
                    ntp.iter()
                        .fold(0, |number, octet| number << 8 | u64::from(*octet)),
                );
                read_blocks(packet, 28, count, us, &mut heard)?;
            }
            RECEIVER_REPORT => read_blocks(packet, 8, count, us, &mut heard)?,
            _ if index == 0 => return Err(Malformed),
            GOODBYE => heard.is_goodbye = true,
            _ => {} // descriptions, applications' own
        }
        rest = after;
    }
    Ok(heard)
}

fn read_blocks(
    packet: &[u8],
    start: usize,
    count: usize,
    us: Ssrc,
    heard: &mut Heard,
) -> Result<(), Malformed> {
    let blocks = packet
        .get(start..start + count * REPORT_BLOCK)
        .ok_or(Malformed)?;
    for block in blocks.chunks_exact(REPORT_BLOCK) {
        let word = |at: usize| {
            u32::from_be_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
        };
        if word(0) == us.0 {
            heard.about_us = Some(ReportBlock {
                source: word(0),
                fraction_lost: block[4],
                total_lost: (word(4) << 8) as i32 >> 8,
                highest_sequence: word(8),
                jitter: word(12),
                last_report: word(16),
                delay: word(20),
            });
        }
    }
    Ok(())
}

/// Writes one compound after another into its own room.
pub struct Compound {
    octets: [u8; MAX_COMPOUND + MAX_CONTROL_OVERHEAD],
    length: usize,
}

impl Compound {
    /// A report of `us`: SR when something was sent, else RR; then SDES with `cname` (cut at 255 octets).
    pub fn report(
        us: Ssrc,
        info: Option<SenderInfo>,
        block: Option<ReportBlock>,
        cname: &str,
    ) -> Compound {
        let mut compound = Compound {
            octets: [0; MAX_COMPOUND + MAX_CONTROL_OVERHEAD],
            length: 0,
        };
        let kind = if info.is_some() {
            SENDER_REPORT
        } else {
            RECEIVER_REPORT
        };
        let start = compound.begin(kind, u8::from(block.is_some()));
        compound.word(us.0);
        if let Some(info) = info {
            compound.word((info.ntp >> 32) as u32);
            compound.word(info.ntp as u32);
            compound.word(info.timestamp);
            compound.word(info.packets);
            compound.word(info.octets);
        }
        if let Some(block) = block {
            let lost = block.total_lost.clamp(-0x80_0000, 0x7f_ffff) as u32 & 0xff_ffff;
            compound.word(block.source);
            compound.word(u32::from(block.fraction_lost) << 24 | lost);
            compound.word(block.highest_sequence);
            compound.word(block.jitter);
            compound.word(block.last_report);
            compound.word(block.delay);
        }
        compound.end(start);
        compound.describe(us, cname);
        compound
    }

    /// The same, ending with BYE (RFC 3550 §6.6).
    #[must_use]
    pub fn with_goodbye(mut self, us: Ssrc) -> Compound {
        let start = self.begin(GOODBYE, 1);
        self.word(us.0);
        self.end(start);
        self
    }

    /// What goes on the wire.
    pub fn octets(&self) -> &[u8] {
        &self.octets[..self.length]
    }

    /// Its octets with the room behind them for what protects them, and how many they are.
    pub fn room(&mut self) -> (&mut [u8], usize) {
        (&mut self.octets, self.length)
    }

    fn describe(&mut self, us: Ssrc, cname: &str) {
        let name = &cname.as_bytes()[..cname.len().min(255)];
        let start = self.begin(SOURCE_DESCRIPTION, 1);
        self.word(us.0);
        self.put(&[CNAME, name.len() as u8]);
        self.put(name);
        let padding = 4 - (self.length - start) % 4; // at least one octet ends the list of items
        self.put(&[0; 4][..padding]);
        self.end(start);
    }

    fn begin(&mut self, kind: u8, count: u8) -> usize {
        let start = self.length;
        self.put(&[0x80 | count, kind, 0, 0]);
        start
    }

    fn end(&mut self, start: usize) {
        let words = ((self.length - start) / 4 - 1) as u16;
        self.octets[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
    }

    fn word(&mut self, word: u32) {
        self.put(&word.to_be_bytes());
    }

    fn put(&mut self, octets: &[u8]) {
        self.octets[self.length..self.length + octets.len()].copy_from_slice(octets);
        self.length += octets.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: Ssrc = Ssrc(0xaabb_ccdd);
    const INFO: SenderInfo = SenderInfo {
        ntp: 0x0102_0304_0506_0708,
        timestamp: 160,
        packets: 7,
        octets: 1120,
    };
    const BLOCK: ReportBlock = ReportBlock {
        source: 0xaabb_ccdd,
        fraction_lost: 64,
        total_lost: -3,
        highest_sequence: 0x0001_0005,
        jitter: 17,
        last_report: 0x1111_2222,
        delay: 0x8000,
    };

    #[test]
    fn a_sender_report_reads_as_it_was_written() {
        let compound = Compound::report(Ssrc(1), Some(INFO), Some(BLOCK), "me@here");
        let heard = read(compound.octets(), US).unwrap();
        assert_eq!(heard.sender_ntp, Some(INFO.ntp));
        assert_eq!(heard.about_us, Some(BLOCK));
        assert!(!heard.is_goodbye);
        assert_eq!(compound.octets().len() % 4, 0);
    }

    #[test]
    fn a_receiver_report_has_no_sender_and_a_goodbye_is_seen() {
        let compound = Compound::report(Ssrc(1), None, Some(BLOCK), "x").with_goodbye(Ssrc(1));
        let heard = read(compound.octets(), US).unwrap();
        assert_eq!(
            (heard.sender_ntp, heard.is_goodbye, heard.about_us.is_some()),
            (None, true, true)
        );
        assert_eq!(read(compound.octets(), Ssrc(9)).unwrap().about_us, None);
    }

    #[test]
    fn the_longest_name_fits() {
        let compound =
            Compound::report(US, Some(INFO), Some(BLOCK), &"n".repeat(400)).with_goodbye(US);
        assert!(compound.octets().len() <= MAX_COMPOUND);
        assert!(read(compound.octets(), US).unwrap().is_goodbye);
    }

    #[test]
    fn malformed_compounds_are_refused() {
        let good = Compound::report(Ssrc(1), Some(INFO), Some(BLOCK), "x");
        for cut in 0..52 {
            assert!(read(&good.octets()[..cut], US).is_err(), "cut at {cut}");
        }
        let mut too_many = good.octets().to_vec();
        too_many[0] = 0x80 | 31;
        assert!(read(&too_many, US).is_err());
        let mut version_1 = good.octets().to_vec();
        version_1[0] = 0x41;
        assert!(read(&version_1, US).is_err());
        assert!(read(&[0x81, 203, 0, 1, 0, 0, 0, 1], US).is_err()); // BYE first
    }

    #[test]
    fn a_compound_of_very_many_packets_is_not_followed_to_its_end() {
        let receiver = [0x80, 201, 0, 1, 0, 0, 0, 1];
        let mut compound = receiver.repeat(MAX_PACKETS);
        compound.extend_from_slice(&[0x81, 203, 0, 1, 0, 0, 0, 1]);
        assert!(!read(&compound, US).unwrap().is_goodbye);
    }
}
