//! AES in counter mode (RFC 3711 §4.1.1, RFC 6188 §2) with HMAC-SHA1 (RFC 3711 §4.2.1).

use aes::cipher::{InnerIvInit, KeyInit, StreamCipher};
use aes::{Aes128Enc, Aes256Enc};
use ctr::{Ctr128BE, CtrCore};
use hmac::{Hmac, Mac};
use sha1::Sha1;

use super::packet::{is_encrypted, Place, WORD};
use super::Rejected;

/// Octets of a whole HMAC-SHA1.
const DIGEST: usize = 20;

/// AES with one key, its rounds worked out.
pub enum Cipher {
    /// With 128 bits.
    Aes128(Box<Aes128Enc>),
    /// With 256 bits.
    Aes256(Box<Aes256Enc>),
}

impl Cipher {
    /// Of a key of 16 or 32 octets.
    pub fn new(key: &[u8]) -> Self {
        match key.first_chunk::<32>() {
            Some(key) => Cipher::Aes256(Box::new(Aes256Enc::new(key.into()))),
            None => {
                let mut short = [0; 16];
                let length = key.len().min(16);
                short[..length].copy_from_slice(&key[..length]);
                Cipher::Aes128(Box::new(Aes128Enc::new(&short.into())))
            }
        }
    }

    /// Add the key stream that begins at that counter.
    pub fn crypt(&self, counter: &[u8; 16], data: &mut [u8]) {
        match self {
            Cipher::Aes128(aes) => {
                let core = CtrCore::inner_iv_init(&**aes, counter.into());
                Ctr128BE::from_core(core).apply_keystream(data);
            }
            Cipher::Aes256(aes) => {
                let core = CtrCore::inner_iv_init(&**aes, counter.into());
                Ctr128BE::from_core(core).apply_keystream(data);
            }
        }
    }
}

/// What encrypts and authenticates the RTP, or the RTCP, of one direction.
pub struct Counter {
    cipher: Cipher,
    salt: [u8; 14],
    /// Keyed, and nothing hashed yet.
    mac: Hmac<Sha1>,
    tag_length: usize,
}

impl Counter {
    /// Of derived keys. Tags have `tag_length` octets.
    pub fn new(
        key: &[u8],
        salt: [u8; 14],
        authentication: &[u8; DIGEST],
        tag_length: usize,
    ) -> Self {
        let mut block = [0; 64]; // a key shorter than a block is one with zeros behind it (RFC 2104 §2)
        block[..DIGEST].copy_from_slice(authentication);
        Counter {
            cipher: Cipher::new(key),
            salt,
            mac: <Hmac<Sha1> as KeyInit>::new(&block.into()),
            tag_length,
        }
    }

    /// Encrypt an RTP packet and append identifier and tag (RFC 3711 §3.3). The whole length is returned.
    pub fn seal(&self, room: &mut [u8], length: usize, place: &Place) -> Result<usize, Rejected> {
        let tag_at = length + place.mki.len();
        let end = tag_at + self.tag_length;
        let room = room.get_mut(..end).ok_or(Rejected::Malformed)?;
        self.crypt(place, &mut room[place.payload..length]);
        let tag = self.tag(&room[..length], &place.rollover());
        room[length..tag_at].copy_from_slice(place.mki);
        room[tag_at..].copy_from_slice(&tag[..self.tag_length]);
        Ok(end)
    }

    /// Verify an RTP packet and decrypt it. What is left of it is so long; one that is not authentic stays as it is.
    pub fn open(&self, packet: &mut [u8], place: &Place) -> Result<usize, Rejected> {
        let end = place.end(packet.len(), self.tag_length + place.mki.len())?;
        let (body, rest) = packet.split_at_mut(end);
        let (mki, tag) = rest.split_at(place.mki.len());
        if mki != place.mki || !self.is_authentic(body, &place.rollover(), tag) {
            return Err(Rejected::NotAuthentic);
        }
        self.crypt(place, &mut body[place.payload..]);
        Ok(end)
    }

    /// The same for RTCP (RFC 3711 §3.4): the index follows the compound, and is authenticated with it.
    pub fn seal_control(
        &self,
        room: &mut [u8],
        length: usize,
        place: &Place,
        word: [u8; WORD],
    ) -> Result<usize, Rejected> {
        let (mki_at, tag_at) = (length + WORD, length + WORD + place.mki.len());
        let end = tag_at + self.tag_length;
        let room = room.get_mut(..end).ok_or(Rejected::Malformed)?;
        if is_encrypted(word) {
            self.crypt(place, &mut room[place.payload..length]);
        }
        room[length..mki_at].copy_from_slice(&word);
        let tag = self.tag(&room[..mki_at], &[]);
        room[mki_at..tag_at].copy_from_slice(place.mki);
        room[tag_at..].copy_from_slice(&tag[..self.tag_length]);
        Ok(end)
    }

    /// The same for RTCP whose index and flag are `word`.
    pub fn open_control(
        &self,
        packet: &mut [u8],
        place: &Place,
        word: [u8; WORD],
    ) -> Result<usize, Rejected> {
        let length = place.end(packet.len(), self.tag_length + place.mki.len() + WORD)?;
        let (body, rest) = packet.split_at_mut(length + WORD);
        let (mki, tag) = rest.split_at(place.mki.len());
        if mki != place.mki || !self.is_authentic(body, &[], tag) {
            return Err(Rejected::NotAuthentic);
        }
        if is_encrypted(word) {
            self.crypt(place, &mut body[place.payload..length]);
        }
        Ok(length)
    }

    /// How far the index of an RTCP packet is from its end.
    pub fn word_from_end(&self, mki: &[u8]) -> usize {
        WORD + mki.len() + self.tag_length
    }

    /// Encrypt, or decrypt, what a source's packet of that index holds.
    fn crypt(&self, place: &Place, data: &mut [u8]) {
        let mut counter = [0; 16];
        counter[4..8].copy_from_slice(&place.ssrc.to_be_bytes());
        counter[8..14].copy_from_slice(&place.index.to_be_bytes()[2..]);
        for (octet, salt) in counter.iter_mut().zip(self.salt) {
            *octet ^= salt;
        }
        self.cipher.crypt(&counter, data);
    }

    /// The tag over a packet and what follows it unsent, to be cut.
    fn tag(&self, packet: &[u8], rest: &[u8]) -> [u8; DIGEST] {
        let mut mac = self.mac.clone();
        mac.update(packet);
        mac.update(rest);
        mac.finalize().into_bytes().into()
    }

    /// True when that is the tag, cut; to find out takes as long whatever differs.
    fn is_authentic(&self, packet: &[u8], rest: &[u8], tag: &[u8]) -> bool {
        let mut mac = self.mac.clone();
        mac.update(packet);
        mac.update(rest);
        mac.verify_truncated_left(tag).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::vector_tests::octets;
    use super::*;

    const BLOCK: usize = 16;

    /// The key stream of a salt that fills the counter, from the beginning: so many blocks.
    fn key_stream(key: &str, blocks: usize) -> Vec<u8> {
        let salt = octets("F0F1F2F3F4F5F6F7F8F9FAFBFCFD").try_into().unwrap();
        let mut stream = vec![0; blocks * BLOCK];
        Counter::new(&octets(key), salt, &[0; DIGEST], 10).crypt(&Place::default(), &mut stream);
        stream
    }

    fn assert_blocks(stream: &[u8], expected: [(usize, &str); 6]) {
        for (block, expected) in expected {
            let start = block * BLOCK;
            assert_eq!(
                stream[start..start + BLOCK],
                octets(expected),
                "block {block:x}"
            );
        }
    }

    #[test]
    fn rfc_3711_b_2() {
        let stream = key_stream("2B7E151628AED2A6ABF7158809CF4F3C", 0xff02);
        assert_blocks(
            &stream,
            [
                (0, "E03EAD0935C95E80E166B16DD92B4EB4"),
                (1, "D23513162B02D0F72A43A2FE4A5F97AB"),
                (2, "41E95B3BB0A2E8DD477901E4FCA894C0"),
                (0xfeff, "EC8CDF7398607CB0F2D21675EA9EA1E4"),
                (0xff00, "362B7C3C6773516318A077D7FC5073AE"),
                (0xff01, "6A2CC3787889374FBEB4C81B17BA6C44"),
            ],
        );
    }

    #[test]
    fn rfc_6188_7_1() {
        let key = "57f82fe3613fd170a85ec93c40b1f092 2ec4cb0dc025b58272147cc438944a98";
        assert_blocks(
            &key_stream(key, 0xff02),
            [
                (0, "92bdd28a93c3f52511c677d08b5515a4"),
                (1, "9da71b2378a854f67050756ded165bac"),
                (2, "63c4868b7096d88421b563b8c94c9a31"),
                (0xfeff, "cea518c90fd91ced9cbb18c078a54711"),
                (0xff00, "3dbc4814f4da5f00a08772b63c6a046d"),
                (0xff01, "6eb246913062a16891433e97dd01a57f"),
            ],
        );
    }

    #[test]
    fn rfc_2202_hmac_sha1() {
        let counter = Counter::new(&[0; 16], [0; 14], &[0x0b; DIGEST], 10);
        let tag = counter.tag(b"Hi ", b"There");
        assert_eq!(tag[..], octets("b617318655057264e28bc0b6fb378c8ef146be00"));
        assert!(counter.is_authentic(b"Hi There", &[], &tag[..10]));
        assert!(!counter.is_authentic(b"Hi There", &[], &tag[1..11]));
    }
}
