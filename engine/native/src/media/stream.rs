//! What was agreed on for a leg, and what its payload types carry.

use std::net::{IpAddr, SocketAddr};

use super::codec::Codec;
use super::g711::Law;
use super::rtp::Pt;

const PCMU: Pt = Pt(0);
const PCMA: Pt = Pt(8);
const COMFORT_NOISE: Pt = Pt(13);

/// What was agreed on for a leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Where the peer's SDP wants its packets.
    pub remote: Option<SocketAddr>,
    /// The host that the peer's SIP comes from.
    pub signalled_from: Option<IpAddr>,
    /// The codec.
    pub codec: Codec,
    /// Its payload type.
    pub payload_type: Pt,
    /// Samples of 8 kHz of one packet that we make.
    pub packet_samples: usize,
    /// The payload type of telephone events, if they were agreed on.
    pub telephone_event: Option<Pt>,
    /// Units of their durations for each sample of 8 kHz: 6 at 48 kHz.
    pub event_clock: u32,
    /// The payload type of comfort noise (RFC 3389), if that was agreed on: our silence is sent as such.
    pub comfort_noise: Option<Pt>,
    /// Keys are listened for in the sound, too.
    pub hears_tones: bool,
    /// RTCP is on the RTP port (RFC 5761).
    pub is_muxed: bool,
    /// The direction lets us send.
    pub may_send: bool,
    /// The direction lets the peer send.
    pub may_receive: bool,
}

/// What a payload type carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Audio.
    Audio(Codec),
    /// A telephone event.
    Event,
    /// Comfort noise (RFC 3389).
    ComfortNoise,
    /// Nothing that was agreed on.
    Unknown,
}

impl Stream {
    /// What a payload type carries. Beside one law the other is known by its static number
    /// too: an answer may list both (RFC 3264 §6.1).
    pub fn kind(&self, payload_type: Pt) -> Kind {
        match payload_type {
            known if known == self.payload_type => Kind::Audio(self.codec),
            known if Some(known) == self.telephone_event => Kind::Event,
            known if Some(known) == self.comfort_noise => Kind::ComfortNoise,
            PCMU if self.codec.law().is_some() => Kind::Audio(Codec::G711(Law::Mu)),
            PCMA if self.codec.law().is_some() => Kind::Audio(Codec::G711(Law::A)),
            COMFORT_NOISE => Kind::ComfortNoise,
            _ => Kind::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_types_carry_what_was_agreed_or_what_the_standard_says() {
        let stream = Stream {
            remote: None,
            signalled_from: None,
            codec: Codec::G711(Law::A),
            payload_type: Pt(97),
            packet_samples: 160,
            telephone_event: Some(Pt(101)),
            event_clock: 1,
            comfort_noise: None,
            hears_tones: false,
            is_muxed: false,
            may_send: true,
            may_receive: true,
        };
        for (payload_type, kind) in [
            (97, Kind::Audio(Codec::G711(Law::A))),
            (0, Kind::Audio(Codec::G711(Law::Mu))),
            (8, Kind::Audio(Codec::G711(Law::A))),
            (101, Kind::Event),
            (13, Kind::ComfortNoise),
            (96, Kind::Unknown),
        ] {
            assert_eq!(stream.kind(Pt(payload_type)), kind);
        }
    }
}
