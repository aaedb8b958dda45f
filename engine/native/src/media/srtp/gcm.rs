//! AES-GCM (RFC 7714).

use aes_gcm::aead::{AeadInPlace, KeyInit};
use aes_gcm::{Aes128Gcm, Aes256Gcm};

use super::packet::{is_encrypted, Place, CONTROL_HEADER, WORD};
use super::Rejected;

/// Octets of a tag.
pub const TAG: usize = 16;

enum Cipher {
    Aes128(Box<Aes128Gcm>),
    Aes256(Box<Aes256Gcm>),
}

/// What encrypts and authenticates the RTP, or the RTCP, of one direction.
pub struct Gcm {
    cipher: Cipher,
    salt: [u8; 12],
}

impl Gcm {
    /// Of derived keys: 16 or 32 octets.
    pub fn new(key: &[u8], salt: [u8; 12]) -> Self {
        let cipher = match key.first_chunk::<32>() {
            Some(key) => Cipher::Aes256(Box::new(Aes256Gcm::new(key.into()))),
            None => {
                let mut short = [0; 16];
                let length = key.len().min(16);
                short[..length].copy_from_slice(&key[..length]);
                Cipher::Aes128(Box::new(Aes128Gcm::new(&short.into())))
            }
        };
        Gcm { cipher, salt }
    }

    /// Encrypt an RTP packet and append tag and identifier (§8). The whole length is returned.
    pub fn seal(&self, room: &mut [u8], length: usize, place: &Place) -> Result<usize, Rejected> {
        let mki_at = length + TAG;
        let end = mki_at + place.mki.len();
        let room = room.get_mut(..end).ok_or(Rejected::Malformed)?;
        let (header, body) = room.split_at_mut(place.payload);
        let tag = self.encrypt(place, header, &mut body[..length - place.payload])?;
        room[length..mki_at].copy_from_slice(&tag);
        room[mki_at..].copy_from_slice(place.mki);
        Ok(end)
    }

    /// Verify an RTP packet and decrypt it. What is left of it is so long; one that is not authentic stays as it is.
    pub fn open(&self, packet: &mut [u8], place: &Place) -> Result<usize, Rejected> {
        let end = place.end(packet.len(), TAG + place.mki.len())?;
        let (header, rest) = packet.split_at_mut(place.payload);
        let (body, trailer) = rest.split_at_mut(end - place.payload);
        let (tag, mki) = trailer.split_first_chunk().ok_or(Rejected::Malformed)?;
        if mki != place.mki || !self.decrypt(place, header, body, tag) {
            return Err(Rejected::NotAuthentic);
        }
        Ok(end)
    }

    /// The same for RTCP (§9): the index comes last, and is authenticated with the header, or with all if nothing is encrypted.
    pub fn seal_control(
        &self,
        room: &mut [u8],
        length: usize,
        place: &Place,
        word: [u8; WORD],
    ) -> Result<usize, Rejected> {
        let (word_at, mki_at) = (length + TAG, length + TAG + WORD);
        let end = mki_at + place.mki.len();
        let room = room.get_mut(..end).ok_or(Rejected::Malformed)?;
        let tag = if is_encrypted(word) {
            let associated = header_and_word(room, word)?;
            self.encrypt(place, &associated, &mut room[place.payload..length])?
        } else {
            room[length..length + WORD].copy_from_slice(&word);
            self.encrypt(place, &room[..length + WORD], &mut [])?
        };
        room[length..word_at].copy_from_slice(&tag);
        room[word_at..mki_at].copy_from_slice(&word);
        room[mki_at..].copy_from_slice(place.mki);
        Ok(end)
    }

    /// The same for RTCP whose index and flag are `word`.
    pub fn open_control(
        &self,
        packet: &mut [u8],
        place: &Place,
        word: [u8; WORD],
    ) -> Result<usize, Rejected> {
        let length = place.end(packet.len(), TAG + WORD + place.mki.len())?;
        let (body, trailer) = packet.split_at_mut(length);
        let (tag, rest) = trailer.split_first_chunk().ok_or(Rejected::Malformed)?;
        if rest[WORD..] != *place.mki {
            return Err(Rejected::NotAuthentic);
        }
        let is_authentic = if is_encrypted(word) {
            let associated = header_and_word(body, word)?;
            self.decrypt(place, &associated, &mut body[place.payload..], tag)
        } else {
            let tag = *tag; // its place is needed to have the word behind the packet, where it is authenticated
            packet[length..length + WORD].copy_from_slice(&word);
            let is_authentic = self.decrypt(place, &packet[..length + WORD], &mut [], &tag);
            packet[length..length + TAG].copy_from_slice(&tag);
            is_authentic
        };
        if is_authentic {
            Ok(length)
        } else {
            Err(Rejected::NotAuthentic)
        }
    }

    /// How far the index of an RTCP packet is from its end.
    pub fn word_from_end(mki: &[u8]) -> usize {
        WORD + mki.len()
    }

    fn encrypt(
        &self,
        place: &Place,
        associated: &[u8],
        data: &mut [u8],
    ) -> Result<[u8; TAG], Rejected> {
        let nonce = self.nonce(place).into();
        let tag = match &self.cipher {
            Cipher::Aes128(aes) => aes.encrypt_in_place_detached(&nonce, associated, data),
            Cipher::Aes256(aes) => aes.encrypt_in_place_detached(&nonce, associated, data),
        };
        tag.map(Into::into).map_err(|_| Rejected::Malformed) // longer than any packet
    }

    /// False: it is not authentic, and stays as it is.
    fn decrypt(&self, place: &Place, associated: &[u8], data: &mut [u8], tag: &[u8; TAG]) -> bool {
        let nonce = self.nonce(place).into();
        let tag = tag.into();
        match &self.cipher {
            Cipher::Aes128(aes) => aes.decrypt_in_place_detached(&nonce, associated, data, tag),
            Cipher::Aes256(aes) => aes.decrypt_in_place_detached(&nonce, associated, data, tag),
        }
        .is_ok()
    }

    /// Of RTP: its 48 bits are rollover counter and sequence number (§8.1). Of RTCP: the 31 bits are on the right (§9.1).
    fn nonce(&self, place: &Place) -> [u8; 12] {
        let mut nonce = [0; 12];
        nonce[2..6].copy_from_slice(&place.ssrc.to_be_bytes());
        nonce[6..].copy_from_slice(&place.index.to_be_bytes()[2..]);
        for (octet, salt) in nonce.iter_mut().zip(self.salt) {
            *octet ^= salt;
        }
        nonce
    }
}

/// What is authenticated of an encrypted RTCP packet beside what is encrypted.
fn header_and_word(
    packet: &[u8],
    word: [u8; WORD],
) -> Result<[u8; CONTROL_HEADER + WORD], Rejected> {
    let header: &[u8; CONTROL_HEADER] = packet.first_chunk().ok_or(Rejected::Malformed)?;
    let mut associated = [0; CONTROL_HEADER + WORD];
    associated[..CONTROL_HEADER].copy_from_slice(header);
    associated[CONTROL_HEADER..].copy_from_slice(&word);
    Ok(associated)
}
