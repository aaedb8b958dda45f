//! RTP packets (RFC 3550 §5): the header, read and written in place.

use std::ops::Range;

/// The fixed header's length.
pub const HEADER: usize = 12;

/// A synchronization source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ssrc(pub u32);

/// A payload type, 7 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pt(pub u8);

/// A sequence number; wraps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seq(pub u16);

impl Seq {
    /// How far this is after `other`, the shorter way round; negative when before.
    pub fn after(self, other: Seq) -> i16 {
        self.0.wrapping_sub(other.0) as i16
    }

    /// `count` later.
    #[must_use]
    pub fn plus(self, count: u16) -> Seq {
        Seq(self.0.wrapping_add(count))
    }
}

/// How far timestamp `later` is after `earlier`, the shorter way round, in samples; negative when before.
pub fn samples_between(earlier: u32, later: u32) -> i32 {
    later.wrapping_sub(earlier) as i32
}

/// The header fields that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Begin of a talk spurt, or of a telephone event.
    pub marker: bool,
    /// What the payload is.
    pub payload_type: Pt,
    /// Its place among packets.
    pub sequence: Seq,
    /// Its place in time, in samples.
    pub timestamp: u32,
    /// Who speaks.
    pub ssrc: Ssrc,
}

/// Not an RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl Header {
    /// Read a packet: its header, and where its payload lies (after CSRCs and extension, before padding).
    pub fn read(packet: &[u8]) -> Result<(Header, Range<usize>), Malformed> {
        let fixed: &[u8; HEADER] = packet.first_chunk().ok_or(Malformed)?;
        if fixed[0] >> 6 != 2 {
            return Err(Malformed); // STUN begins with 0b00, DTLS with 20-63
        }
        let mut start = HEADER + usize::from(fixed[0] & 0x0f) * 4;
        if fixed[0] & 0x10 != 0 {
            let length = packet.get(start + 2..start + 4).ok_or(Malformed)?;
            start += 4 + usize::from(u16::from_be_bytes([length[0], length[1]])) * 4;
        }
        let mut end = packet.len();
        if fixed[0] & 0x20 != 0 {
            let padding = usize::from(packet[end - 1]);
            if padding == 0 {
                return Err(Malformed);
            }
            end = end.checked_sub(padding).ok_or(Malformed)?;
        }
        if start > end {
            return Err(Malformed);
        }
        let header = Header {
            marker: fixed[1] & 0x80 != 0,
            payload_type: Pt(fixed[1] & 0x7f),
            sequence: Seq(u16::from_be_bytes([fixed[2], fixed[3]])),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: Ssrc(u32::from_be_bytes([
                fixed[8], fixed[9], fixed[10], fixed[11],
            ])),
        };
        Ok((header, start..end))
    }

    /// Write it into the first twelve octets of `packet`, which must be there.
    pub fn write(&self, packet: &mut [u8]) {
        packet[0] = 0x80;
        packet[1] = u8::from(self.marker) << 7 | self.payload_type.0;
        packet[2..4].copy_from_slice(&self.sequence.0.to_be_bytes());
        packet[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        packet[8..12].copy_from_slice(&self.ssrc.0.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: Header = Header {
        marker: true,
        payload_type: Pt(8),
        sequence: Seq(0xfffe),
        timestamp: 0xdead_beef,
        ssrc: Ssrc(0x0102_0304),
    };

    fn packet(payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; HEADER];
        SOME.write(&mut packet);
        packet.extend_from_slice(payload);
        packet
    }

    #[test]
    fn what_was_written_is_read() {
        assert_eq!(Header::read(&packet(&[1, 2, 3])), Ok((SOME, 12..15)));
    }

    #[test]
    fn sources_extension_and_padding_are_not_payload() {
        let mut octets = packet(&[]);
        octets[0] = 0x80 | 0x20 | 0x10 | 1;
        octets.extend_from_slice(&[9; 4]); // one CSRC
        octets.extend_from_slice(&[0xbe, 0xde, 0, 1, 7, 7, 7, 7]); // an extension of one word
        octets.extend_from_slice(&[5, 5, 0, 0, 3]); // two octets, three of padding
        assert_eq!(Header::read(&octets), Ok((SOME, 24..26)));
    }

    #[test]
    fn malformed_packets_are_refused() {
        let with = |first: u8, payload: &[u8]| {
            let mut octets = packet(payload);
            octets[0] = first;
            octets
        };
        for octets in [
            vec![],
            vec![0x80; 11],
            with(0x40, &[0; 160]),           // version 1
            with(0x00, &[0; 160]),           // STUN
            with(0x8f, &[0; 59]),            // fifteen CSRCs that are not there
            with(0x90, &[0, 0]),             // half an extension header
            with(0x90, &[0, 0, 0xff, 0xff]), // an extension beyond the end
            with(0xa0, &[0, 0, 0]),          // padding of nothing
            with(0xa0, &[200]),              // padding longer than the packet
            with(0xa1, &[1, 1, 1, 15]),      // padding that reaches into the header
        ] {
            assert_eq!(Header::read(&octets), Err(Malformed), "{octets:?}");
        }
    }

    #[test]
    fn numbers_wrap() {
        assert_eq!(Seq(2).after(Seq(0xfffe)), 4);
        assert_eq!(Seq(0xfffe).after(Seq(2)), -4);
        assert_eq!(Seq(0xffff).plus(2), Seq(1));
        assert_eq!(samples_between(u32::MAX, 9), 10);
    }
}
