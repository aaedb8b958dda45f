//! What is sent with one key.

use super::derivation::Traffic;
use super::key::MasterKey;
use super::packet::{self, word_of, Place, CONTROL_HEADER};
use super::source::Sources;
use super::transform::Transform;
use super::Rejected;

/// The greatest index of RTP: 32 bits of rollover counter and 16 of sequence number.
const LAST_INDEX: u64 = (1 << 48) - 1;
/// The greatest index of RTCP.
const LAST_CONTROL_INDEX: u32 = (1 << 31) - 1;

/// Protects packets with one key.
pub struct Outbound {
    master: MasterKey,
    media: Transform,
    control: Transform,
    sources: Sources,
    control_index: u32,
}

impl Outbound {
    /// Nothing was sent with that key yet.
    pub fn new(master: &MasterKey) -> Self {
        Outbound {
            media: Transform::new(master, Traffic::Media),
            control: Transform::new(master, Traffic::Control),
            master: master.clone(),
            sources: Sources::default(),
            control_index: 0,
        }
    }

    /// What it protects with.
    pub fn master(&self) -> &MasterKey {
        &self.master
    }

    /// The rollover counter of a source; 0 before it has sent anything.
    pub fn rollover(&self, ssrc: u32) -> u32 {
        let window = self.sources.media(ssrc);
        window.map_or(0, |window| (window.highest() >> 16) as u32)
    }

    /// Protect the RTP packet that is the first `length` octets of `room`; the whole is so long.
    ///
    /// No number is used twice: what would be is not sent, since two packets under one number betray each other.
    pub fn protect(&mut self, room: &mut [u8], length: usize) -> Result<usize, Rejected> {
        let header = packet::media(room.get(..length).ok_or(Rejected::Malformed)?)?;
        let index = match self.sources.media(header.ssrc) {
            Some(window) => {
                let index = window.estimate(header.sequence);
                if !window.is_new(index) {
                    return Err(Rejected::Replayed);
                }
                index
            }
            None => header.sequence.into(),
        };
        if index > LAST_INDEX {
            return Err(Rejected::Exhausted);
        }
        let place = Place {
            ssrc: header.ssrc,
            index,
            payload: header.payload,
            mki: self.master.mki(),
        };
        let length = self.media.seal(room, length, &place)?;
        self.sources.note_media(header.ssrc, index);
        Ok(length)
    }

    /// Protect the compound RTCP packet that is the first `length` octets of `room`; the whole is so long.
    pub fn protect_control(&mut self, room: &mut [u8], length: usize) -> Result<usize, Rejected> {
        let ssrc = packet::control(room.get(..length).ok_or(Rejected::Malformed)?)?;
        if self.control_index > LAST_CONTROL_INDEX {
            return Err(Rejected::Exhausted);
        }
        let place = Place {
            ssrc,
            index: self.control_index.into(),
            payload: CONTROL_HEADER,
            mki: self.master.mki(),
        };
        let word = word_of(self.control_index, true);
        let length = self.control.seal_control(room, length, &place, word)?;
        self.control_index += 1;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::super::vector_tests::{media_packet, some_key};
    use super::super::Profile;
    use super::*;

    #[test]
    fn no_number_is_used_twice() {
        let mut outbound = Outbound::new(&some_key(Profile::AeadAes128Gcm));
        let mut send = |sequence: u16, payload: &[u8]| {
            let mut room = media_packet(7, sequence, payload);
            let length = room.len();
            room.resize(length + 16, 0);
            outbound.protect(&mut room, length)
        };
        assert_eq!(send(9, b"one"), Ok(12 + 3 + 16));
        assert_eq!(send(9, b"another"), Err(Rejected::Replayed));
        assert_eq!(send(8, b"late"), Ok(12 + 4 + 16));
    }

    #[test]
    fn after_the_last_index_nothing_is_sent() {
        let mut outbound = Outbound::new(&some_key(Profile::AesCm128HmacSha1_80));
        outbound.sources.note_media(7, LAST_INDEX);
        let mut room = media_packet(7, 0, b"more");
        room.resize(100, 0);
        assert_eq!(outbound.protect(&mut room, 16), Err(Rejected::Exhausted));
        assert_eq!(outbound.rollover(7), u32::MAX);
        outbound.control_index = LAST_CONTROL_INDEX;
        let mut room = [0x81; 40];
        assert_eq!(outbound.protect_control(&mut room, 8), Ok(8 + 14));
        room[0] = 0x81;
        let refused = outbound.protect_control(&mut room, 8);
        assert_eq!(refused, Err(Rejected::Exhausted));
    }

    #[test]
    fn what_is_no_packet_or_has_no_room_behind_it_is_refused_untouched() {
        for profile in Profile::ALL {
            let mut outbound = Outbound::new(&some_key(profile));
            let mut room = media_packet(7, 1, &[5; 20]);
            let before = room.clone();
            for (room, length) in [(&mut room[..], 32), (&mut [0x80; 40][..], 50)] {
                assert_eq!(outbound.protect(room, length), Err(Rejected::Malformed));
                let refused = outbound.protect_control(room, length);
                assert_eq!(refused, Err(Rejected::Malformed));
            }
            assert_eq!(room, before);
        }
    }
}
