//! What of a packet is in the clear: who sends it, its number, where its header ends (RFC 3711 §3.1, §3.4); and its place, which
//! it is encrypted by.

use super::Rejected;

/// Of an RTCP packet: the first header and who sends it. What follows is encrypted.
pub const CONTROL_HEADER: usize = 8;
/// Octets of the index of an RTCP packet with its flag.
pub const WORD: usize = 4;
const FIXED_HEADER: usize = 12;
/// The flag beside the index: the packet is encrypted.
const ENCRYPTED: u32 = 1 << 31;

/// What a packet is encrypted by, beside the keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place<'a> {
    /// Who sends it.
    pub ssrc: u32,
    /// Of RTP: rollover counter and sequence number; of RTCP: its index.
    pub index: u64,
    /// Where what is encrypted begins.
    pub payload: usize,
    /// The master key identifier that goes with it.
    pub mki: &'a [u8],
}

impl Place<'_> {
    /// The rollover counter, as it is authenticated.
    pub fn rollover(&self) -> [u8; 4] {
        ((self.index >> 16) as u32).to_be_bytes()
    }

    /// Where a packet of that length ends without its trailer.
    pub fn end(&self, length: usize, trailer: usize) -> Result<usize, Rejected> {
        length
            .checked_sub(trailer)
            .filter(|end| *end >= self.payload)
            .ok_or(Rejected::Malformed)
    }
}

/// The index of an RTCP packet with its flag.
pub fn word_of(index: u32, is_encrypted: bool) -> [u8; WORD] {
    let flag = if is_encrypted { ENCRYPTED } else { 0 };
    (index | flag).to_be_bytes()
}

/// The index in a word.
pub fn index_of(word: [u8; WORD]) -> u64 {
    (u32::from_be_bytes(word) & !ENCRYPTED).into()
}

/// True when a word says that its packet is encrypted.
pub fn is_encrypted(word: [u8; WORD]) -> bool {
    u32::from_be_bytes(word) & ENCRYPTED != 0
}

/// An RTP packet's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Media {
    /// Who sends it.
    pub ssrc: u32,
    /// Its number.
    pub sequence: u16,
    /// Where its payload begins: after contributing sources and extension, which are not encrypted.
    pub payload: usize,
}

/// Read an RTP packet's header. Padding, if it has any, is encrypted: nothing is said of it.
pub fn media(packet: &[u8]) -> Result<Media, Rejected> {
    let fixed: &[u8; FIXED_HEADER] = packet.first_chunk().ok_or(Rejected::Malformed)?;
    if fixed[0] >> 6 != 2 {
        return Err(Rejected::Malformed);
    }
    let mut payload = FIXED_HEADER + usize::from(fixed[0] & 0x0f) * 4;
    if fixed[0] & 0x10 != 0 {
        let length = packet
            .get(payload + 2..payload + 4)
            .ok_or(Rejected::Malformed)?;
        payload += 4 + usize::from(u16::from_be_bytes([length[0], length[1]])) * 4;
    }
    if payload > packet.len() {
        return Err(Rejected::Malformed);
    }
    Ok(Media {
        ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
        sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
        payload,
    })
}

/// Who sends a compound RTCP packet.
pub fn control(packet: &[u8]) -> Result<u32, Rejected> {
    let header: &[u8; CONTROL_HEADER] = packet.first_chunk().ok_or(Rejected::Malformed)?;
    if header[0] >> 6 != 2 {
        return Err(Rejected::Malformed);
    }
    Ok(u32::from_be_bytes([
        header[4], header[5], header[6], header[7],
    ]))
}
