//! a=crypto (RFC 4568): a crypto-suite and the key that its sender encrypts with.
//!
//! What is not done is refused here, so that the next attribute can be tried: more than one key, lifetimes that a call could
//! outlast, and session parameters that change what is protected. Errors never show a key.

use std::fmt;

use crate::codec::error::{ParseError, Result};
use crate::codec::grammar::{is_all, number, TOKEN};

/// Octets of an attribute, at most.
const MAX_LENGTH: usize = 1024;
/// Octets of a master key with its salt, at most: those of AES-256 have 46.
const MAX_KEY: usize = 64;
/// Octets of a master key identifier, at most. More are never seen; §6.1 would allow 128.
const MAX_MKI: u64 = 8;
/// Packets that a key must be good for: five hours of RTP.
const LEAST_LIFETIME: u64 = 1 << 20;
/// The base64 alphabet (RFC 4648 §4).
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// One attribute.
#[derive(Clone, PartialEq, Eq)]
pub struct Crypto {
    /// The answer names it by that.
    pub tag: u32,
    /// "AES_CM_128_HMAC_SHA1_80"
    pub suite: String,
    /// Master key and salt.
    pub key: Vec<u8>,
    /// The master key identifier that goes with each packet; empty: none.
    pub mki: Vec<u8>,
}

/// Without the key.
impl fmt::Debug for Crypto {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Crypto({} {} ...)", self.tag, self.suite)
    }
}

impl Crypto {
    /// What is after `a=crypto:`.
    pub fn parse(value: &str) -> Result<Self> {
        if value.len() > MAX_LENGTH {
            return Err(error(&format!("at most {MAX_LENGTH} octets")));
        }
        let mut words = value.split(' ').filter(|word| !word.is_empty());
        let tag = words
            .next()
            .and_then(|tag| number(tag.as_bytes(), 999_999_999))
            .ok_or_else(|| error("a tag"))?;
        let suite = words
            .next()
            .filter(|suite| is_all(TOKEN, suite.as_bytes()))
            .ok_or_else(|| error("a crypto-suite"))?;
        let keys = words.next().ok_or_else(|| error("inline:KEY"))?;
        let (key, mki) = read_key(keys)?;
        words.try_for_each(check_parameter)?;
        Ok(Crypto {
            tag: tag as u32,
            suite: suite.to_owned(),
            key,
            mki,
        })
    }
}

impl fmt::Display for Crypto {
    /// What is after `a=crypto:`, the key in it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Crypto {
            tag,
            suite,
            key,
            mki,
        } = self;
        write!(formatter, "{tag} {suite} inline:{}", encode(key))?;
        if !mki.is_empty() {
            let value = mki
                .iter()
                .fold(0u64, |value, octet| value << 8 | u64::from(*octet));
            write!(formatter, "|{value}:{}", mki.len())?;
        }
        Ok(())
    }
}

/// `inline:KEY[|LIFETIME][|MKI:LENGTH]` (§6.1)
fn read_key(parameters: &str) -> Result<(Vec<u8>, Vec<u8>)> {
    if parameters.contains(';') {
        return Err(error("one key"));
    }
    let inline = parameters
        .get(..7)
        .filter(|method| method.eq_ignore_ascii_case("inline:"))
        .map(|_| &parameters[7..])
        .ok_or_else(|| error("inline:KEY"))?;
    let mut parts = inline.split('|');
    let key = parts
        .next()
        .and_then(decode)
        .filter(|key| !key.is_empty() && key.len() <= MAX_KEY)
        .ok_or_else(|| error("a key in base64"))?;
    let (mut mki, mut next) = (Vec::new(), parts.next());
    if let Some(lifetime) = next.filter(|part| !part.contains(':')) {
        check_lifetime(lifetime)?;
        next = parts.next();
    }
    if let Some(part) = next {
        mki = read_mki(part)?;
    }
    match parts.next() {
        None => Ok((key, mki)),
        Some(_) => Err(error("at most a lifetime and a master key identifier")),
    }
}

/// A number of packets, or a power of two.
fn check_lifetime(text: &str) -> Result<()> {
    let packets = match text.strip_prefix("2^") {
        Some(power) => number(power.as_bytes(), 48).map(|power| 1 << power),
        None => number(text.as_bytes(), 1 << 48),
    };
    match packets {
        Some(packets) if packets >= LEAST_LIFETIME => Ok(()),
        _ => Err(error("a lifetime of 2^20 packets or more")),
    }
}

fn read_mki(text: &str) -> Result<Vec<u8>> {
    let bad = || error(&format!("a master key identifier of 1 to {MAX_MKI} octets"));
    let (value, length) = text.split_once(':').ok_or_else(bad)?;
    let value = number(value.as_bytes(), u64::MAX).ok_or_else(bad)?;
    let length = number(length.as_bytes(), MAX_MKI)
        .filter(|length| *length > 0)
        .ok_or_else(bad)? as usize;
    let octets = value.to_be_bytes();
    let (over, mki) = octets.split_at(8 - length);
    if over.iter().any(|octet| *octet != 0) {
        return Err(bad());
    }
    Ok(mki.to_vec())
}

/// Session parameters (§6.3) that change nothing, and extensions that may be ignored (§6.3.8).
fn check_parameter(parameter: &str) -> Result<()> {
    let name = parameter.split('=').next().unwrap_or_default();
    if parameter == "KDR=0" || name == "WSH" || name.starts_with('-') {
        return Ok(());
    }
    let shown: String = name.chars().take(32).collect();
    Err(error(&format!("no session parameter {shown:?}")))
}

fn error(expected: &str) -> ParseError {
    ParseError::new("Bad SDP", format!("expected {expected} in a=crypto"))
}

fn encode(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len().div_ceil(3) * 4);
    for chunk in octets.chunks(3) {
        let word = (0..3).fold(0, |word, index| {
            word << 8 | u32::from(chunk.get(index).copied().unwrap_or_default())
        });
        for place in 0..4 {
            let digit = ALPHABET[(word >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= chunk.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    text
}

/// With or without the padding, which some leave out.
fn decode(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').as_bytes();
    if digits.len() % 4 == 1 || text.len() - digits.len() > 2 {
        return None;
    }
    let mut octets = Vec::with_capacity(digits.len() * 3 / 4);
    let (mut word, mut bits) = (0u32, 0);
    for digit in digits {
        let value = ALPHABET.iter().position(|other| other == digit)?;
        word = word << 6 | value as u32;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            octets.push((word >> bits) as u8);
            word &= (1 << bits) - 1;
        }
    }
    (word == 0).then_some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RFC: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    fn crypto(value: &str) -> Result<Crypto> {
        Crypto::parse(value)
    }

    #[test]
    fn rfc_4568_4_and_9_2() {
        let read = crypto(&format!(
            "1 AES_CM_128_HMAC_SHA1_80 inline:{RFC}|2^20|1:4 WSH=64 KDR=0 -X=y"
        ))
        .unwrap();
        assert_eq!(
            (read.tag, read.suite.as_str()),
            (1, "AES_CM_128_HMAC_SHA1_80")
        );
        assert_eq!(read.key, b"YS___semctl () {\t220;}\n}\nunles");
        assert_eq!(read.mki, [0, 0, 0, 1]);
        assert_eq!(
            read.to_string(),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{RFC}|1:4")
        );
        assert_eq!(format!("{read:?}"), "Crypto(1 AES_CM_128_HMAC_SHA1_80 ...)");
    }

    #[test]
    fn lifetime_and_identifier_may_be_missing() {
        for tail in ["", "|2^48", "|1048576", "|2^31|7:1", "|255:1", "|1:8"] {
            let read = crypto(&format!("7  AEAD_AES_128_GCM INLINE:{RFC}{tail}")).unwrap();
            assert_eq!((read.tag, read.key.len()), (7, 30));
        }
    }

    #[test]
    fn what_is_not_done_is_refused_and_no_key_is_shown() {
        for (tail, expected) in [
            ("|2^19", "a lifetime of 2^20 packets or more"),
            ("|2^49", "a lifetime of 2^20 packets or more"),
            ("|many", "a lifetime of 2^20 packets or more"),
            ("|1:0", "a master key identifier"),
            ("|1:9", "a master key identifier"),
            ("|256:1", "a master key identifier"),
            ("|2^31|1:1|x", "at most a lifetime"),
            (";inline:abcd", "one key"),
            ("*", "a key in base64"),
            (
                " UNENCRYPTED_SRTP",
                "no session parameter \"UNENCRYPTED_SRTP\"",
            ),
            (" KDR=3", "no session parameter \"KDR\""),
            (" FEC_KEY=inline:abcd", "no session parameter \"FEC_KEY\""),
        ] {
            let error = crypto(&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{RFC}{tail}"))
                .unwrap_err()
                .to_string();
            assert!(error.contains(expected), "{tail}: {error}");
            assert!(
                !error.contains("WVNf") && !error.contains("abcd"),
                "{error}"
            );
        }
        for bad in [
            "",
            "x S inline:aaaa",
            "1",
            "1 S",
            "1 S key:aaaa",
            "1 S inline:",
            "1 S inline:a",
        ] {
            assert!(crypto(bad).is_err(), "{bad:?}");
        }
        assert!(crypto(&format!("1 S inline:{}", "A".repeat(88))).is_err());
        assert!(crypto(&"1 ".repeat(600)).is_err());
    }

    #[test]
    fn base64_is_there_and_back_whatever_the_length() {
        for length in 0..70 {
            let octets: Vec<u8> = (0..length).map(|n: u8| n.wrapping_mul(37) ^ 0xa5).collect();
            let text = encode(&octets);
            assert_eq!(text.len() % 4, 0);
            assert_eq!(decode(&text), Some(octets.clone()));
            assert_eq!(decode(text.trim_end_matches('=')), Some(octets));
        }
        assert_eq!(
            (decode("QQ===="), decode("QR"), decode("Q=Q")),
            (None, None, None)
        );
    }
}
