//! What shares a port with RTP, told by the first octet (RFC 7983 §7).

/// What a datagram is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketKind {
    /// STUN (RFC 8489).
    Stun,
    /// DTLS (RFC 6347, RFC 9147).
    Dtls,
    /// A TURN channel (RFC 8656 §12).
    Channel,
    /// RTP or RTCP, encrypted or not.
    Rtp,
    /// Nothing that is known.
    Unknown,
}

impl PacketKind {
    /// By its first octet.
    pub fn of(packet: &[u8]) -> Self {
        match packet.first() {
            Some(0..=3) => PacketKind::Stun,
            Some(20..=63) => PacketKind::Dtls,
            Some(64..=79) => PacketKind::Channel,
            Some(128..=191) => PacketKind::Rtp,
            _ => PacketKind::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_octet_tells() {
        for (octets, kind) in [
            (&[][..], PacketKind::Unknown),
            (&[0, 1], PacketKind::Stun),
            (&[16], PacketKind::Unknown), // ZRTP
            (&[22, 254, 253], PacketKind::Dtls),
            (&[63], PacketKind::Dtls), // DTLS 1.3 has records of 32 to 63
            (&[0x40, 0], PacketKind::Channel),
            (&[0x80, 0], PacketKind::Rtp),
            (&[0xbf], PacketKind::Rtp),
            (&[0xff], PacketKind::Unknown),
        ] {
            assert_eq!(PacketKind::of(octets), kind, "{octets:?}");
        }
    }
}
