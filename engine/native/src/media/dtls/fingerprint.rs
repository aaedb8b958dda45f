//! The hash of a certificate, as `a=fingerprint` tells it (RFC 8122 §5).

use std::fmt;

use sha2::{Digest, Sha256, Sha384, Sha512};

/// A hash function that is taken. MD5, MD2 and SHA-1 are none (RFC 8122 §5), and are no proof of anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "sha-256" => Some(Hash::Sha256),
            "sha-384" => Some(Hash::Sha384),
            "sha-512" => Some(Hash::Sha512),
            _ => None,
        }
    }

    fn of(self, octets: &[u8]) -> Vec<u8> {
        match self {
            Hash::Sha256 => Sha256::digest(octets).to_vec(),
            Hash::Sha384 => Sha384::digest(octets).to_vec(),
            Hash::Sha512 => Sha512::digest(octets).to_vec(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Hash::Sha256 => "sha-256",
            Hash::Sha384 => "sha-384",
            Hash::Sha512 => "sha-512",
        }
    }
}

/// The hash of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    hash: Hash,
    digest: Vec<u8>,
}

impl Fingerprint {
    /// That of a certificate in DER, by SHA-256.
    pub fn of(certificate: &[u8]) -> Self {
        Fingerprint {
            hash: Hash::Sha256,
            digest: Hash::Sha256.of(certificate),
        }
    }

    /// Read `sha-256 4A:AD:...`; None: another hash, or no such text.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, digits) = text.trim().split_once(' ')?;
        let hash = Hash::named(name)?;
        let digest: Vec<u8> = digits
            .trim()
            .split(':')
            .map(|pair| (pair.len() == 2).then(|| u8::from_str_radix(pair, 16).ok())?)
            .collect::<Option<_>>()?;
        (digest.len() == hash.of(&[]).len()).then_some(Fingerprint { hash, digest })
    }

    /// Is it that of this certificate?
    pub fn fits(&self, certificate: &[u8]) -> bool {
        self.hash.of(certificate) == self.digest
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ", self.hash.name())?;
        for (index, octet) in self.digest.iter().enumerate() {
            let colon = if index > 0 { ":" } else { "" };
            write!(formatter, "{colon}{octet:02X}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_is_written() {
        let fingerprint = Fingerprint::of(b"certificate");
        let text = fingerprint.to_string();
        assert_eq!(Fingerprint::parse(&text), Some(fingerprint));
        let lower = text.to_ascii_lowercase();
        assert!(Fingerprint::parse(&lower).unwrap().fits(b"certificate"));
        assert!(!Fingerprint::parse(&lower).unwrap().fits(b"another"));
    }

    #[test]
    fn what_proves_nothing_is_none() {
        let sha1 = format!("sha-1 {}", ["AA"; 20].join(":"));
        for text in [
            "",
            "sha-256",
            "sha-256 AA:BB",
            "sha-256 4AAD",
            "md5 00",
            &sha1,
            "sha-256 \u{e4}",
        ] {
            assert_eq!(Fingerprint::parse(text), None, "{text}");
        }
        let sha512 = format!("SHA-512 {}", ["0a"; 64].join(":"));
        assert!(Fingerprint::parse(&sha512).is_some());
    }
}
