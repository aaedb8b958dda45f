//! Keys as named events in RTP packets (RFC 4733): the payload and the codes.

use super::rtp::Malformed;

/// The payload's length.
pub const PAYLOAD: usize = 4;
/// 10 to the minus what our tones would have in dBm0.
const VOLUME: u8 = 10;
/// Events 0 to 15, in the order of their codes (RFC 4733 §3.2).
const KEYS: &[u8; 16] = b"0123456789*#ABCD";

/// One packet's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TelephoneEvent {
    /// Which event; 0 to 15 are keys.
    pub code: u8,
    /// The event is over.
    pub is_end: bool,
    /// So far, in samples.
    pub duration: u16,
}

impl TelephoneEvent {
    /// As it is by a clock with so many units for each sample of 8 kHz, from one with that many. What 16 bits do not hold stays
    /// at their end: a key that is down for longer than 1.3 s at 48 kHz is as long as that.
    #[must_use]
    pub fn by_clock(self, clock: u32) -> Self {
        let duration = u32::from(self.duration) * clock;
        TelephoneEvent {
            duration: duration.min(0xffff) as u16,
            ..self
        }
    }

    /// As it is in samples of 8 kHz, by a clock with so many units for each.
    #[must_use]
    pub fn from_clock(self, clock: u32) -> Self {
        TelephoneEvent {
            duration: (u32::from(self.duration) / clock.max(1)) as u16,
            ..self
        }
    }

    /// Read a payload; further events after the first four octets are not looked at.
    pub fn read(payload: &[u8]) -> Result<Self, Malformed> {
        let octets: &[u8; PAYLOAD] = payload.first_chunk().ok_or(Malformed)?;
        Ok(TelephoneEvent {
            code: octets[0],
            is_end: octets[1] & 0x80 != 0,
            duration: u16::from_be_bytes([octets[2], octets[3]]),
        })
    }

    /// Write the payload.
    pub fn write(&self, payload: &mut [u8]) {
        payload[0] = self.code;
        payload[1] = u8::from(self.is_end) << 7 | VOLUME;
        payload[2..4].copy_from_slice(&self.duration.to_be_bytes());
    }
}

/// The event code of a key, None if it is none.
pub fn code_of(key: char) -> Option<u8> {
    let key = key.to_ascii_uppercase();
    KEYS.iter()
        .position(|known| char::from(*known) == key)
        .map(|code| code as u8)
}

/// The key of an event code; None: the event is no key (flash, fax and modem tones).
pub fn digit_of(code: u8) -> Option<char> {
    KEYS.get(usize::from(code)).copied().map(char::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_read_as_written() {
        let event = TelephoneEvent {
            code: 11,
            is_end: true,
            duration: 960,
        };
        let mut payload = [0; PAYLOAD];
        event.write(&mut payload);
        assert_eq!(payload, [11, 0x8a, 3, 0xc0]);
        assert_eq!(TelephoneEvent::read(&payload), Ok(event));
        assert_eq!(TelephoneEvent::read(&payload[..3]), Err(Malformed));
    }

    #[test]
    fn keys_have_codes_and_codes_have_keys() {
        assert_eq!(code_of('#'), Some(11));
        assert_eq!(code_of('d'), Some(15));
        assert_eq!(code_of('x'), None);
        assert_eq!(digit_of(10), Some('*'));
        assert_eq!(digit_of(16), None);
    }
}
