//! What a profile does with packets, its keys derived.

use super::counter::Counter;
use super::derivation::{derive, Label, Traffic};
use super::gcm::Gcm;
use super::key::MasterKey;
use super::packet::{Place, WORD};
use super::profile::MAX_KEY;
use super::Rejected;

/// Of the RTP, or of the RTCP, of one direction.
pub enum Transform {
    /// Counter mode and HMAC-SHA1.
    Counter(Box<Counter>),
    /// AES-GCM.
    Gcm(Gcm),
}

impl Transform {
    /// Derive the keys.
    pub fn new(master: &MasterKey, traffic: Traffic) -> Self {
        let profile = master.profile();
        let mut key = [0; MAX_KEY];
        let key = &mut key[..profile.key_length()];
        derive(master, traffic, Label::Cipher, key);
        if profile.is_aead() {
            let mut salt = [0; 12];
            derive(master, traffic, Label::Salt, &mut salt);
            return Transform::Gcm(Gcm::new(key, salt));
        }
        let (mut salt, mut authentication) = ([0; 14], [0; 20]);
        derive(master, traffic, Label::Salt, &mut salt);
        derive(master, traffic, Label::Authentication, &mut authentication);
        let tag_length = match traffic {
            Traffic::Media => profile.tag_length(),
            Traffic::Control => profile.control_tag_length(),
        };
        Transform::Counter(Box::new(Counter::new(
            key,
            salt,
            &authentication,
            tag_length,
        )))
    }

    /// Encrypt an RTP packet in its room, and append what authenticates it; the whole is so long.
    pub fn seal(&self, room: &mut [u8], length: usize, place: &Place) -> Result<usize, Rejected> {
        match self {
            Transform::Counter(counter) => counter.seal(room, length, place),
            Transform::Gcm(gcm) => gcm.seal(room, length, place),
        }
    }

    /// Verify and decrypt an RTP packet; what is left of it is so long. One that is not authentic stays as it is.
    pub fn open(&self, packet: &mut [u8], place: &Place) -> Result<usize, Rejected> {
        match self {
            Transform::Counter(counter) => counter.open(packet, place),
            Transform::Gcm(gcm) => gcm.open(packet, place),
        }
    }

    /// `seal`, for RTCP.
    pub fn seal_control(
        &self,
        room: &mut [u8],
        length: usize,
        place: &Place,
        word: [u8; WORD],
    ) -> Result<usize, Rejected> {
        match self {
            Transform::Counter(counter) => counter.seal_control(room, length, place, word),
            Transform::Gcm(gcm) => gcm.seal_control(room, length, place, word),
        }
    }

    /// `open`, for RTCP.
    pub fn open_control(
        &self,
        packet: &mut [u8],
        place: &Place,
        word: [u8; WORD],
    ) -> Result<usize, Rejected> {
        match self {
            Transform::Counter(counter) => counter.open_control(packet, place, word),
            Transform::Gcm(gcm) => gcm.open_control(packet, place, word),
        }
    }

    /// The index of an RTCP packet with its flag, as it was received.
    pub fn control_word(&self, packet: &[u8], mki: &[u8]) -> Result<[u8; WORD], Rejected> {
        let from_end = match self {
            Transform::Counter(counter) => counter.word_from_end(mki),
            Transform::Gcm(_) => Gcm::word_from_end(mki),
        };
        packet
            .len()
            .checked_sub(from_end)
            .and_then(|start| packet[start..].first_chunk().copied())
            .ok_or(Rejected::Malformed)
    }
}
