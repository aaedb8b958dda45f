//! The transforms and their lengths (RFC 4568 §6.2, RFC 6188 §4, RFC 7714 §12 and §14.2).

/// The longest master key, in octets.
pub const MAX_KEY: usize = 32;
/// The longest master salt, in octets.
pub const MAX_SALT: usize = 14;

/// How packets are encrypted and authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// AES-128 in counter mode, tags of 80 bits.
    AesCm128HmacSha1_80,
    /// AES-128 in counter mode, tags of 32 bits; those of RTCP have 80 all the same.
    AesCm128HmacSha1_32,
    /// AES-256 in counter mode, tags of 80 bits.
    AesCm256HmacSha1_80,
    /// AES-256 in counter mode, tags of 32 bits; those of RTCP have 80 all the same.
    AesCm256HmacSha1_32,
    /// AES-128-GCM.
    AeadAes128Gcm,
    /// AES-256-GCM.
    AeadAes256Gcm,
}

impl Profile {
    /// All of them.
    pub const ALL: [Profile; 6] = [
        Profile::AesCm128HmacSha1_80,
        Profile::AesCm128HmacSha1_32,
        Profile::AesCm256HmacSha1_80,
        Profile::AesCm256HmacSha1_32,
        Profile::AeadAes128Gcm,
        Profile::AeadAes256Gcm,
    ];

    /// Its name in `a=crypto`.
    pub fn name(self) -> &'static str {
        match self {
            Profile::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Profile::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Profile::AesCm256HmacSha1_80 => "AES_256_CM_HMAC_SHA1_80",
            Profile::AesCm256HmacSha1_32 => "AES_256_CM_HMAC_SHA1_32",
            Profile::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Profile::AeadAes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Profile> {
        Profile::ALL
            .into_iter()
            .find(|profile| profile.name() == name)
    }

    /// Octets of the master key, and of each key that encrypts.
    pub fn key_length(self) -> usize {
        match self {
            Profile::AesCm128HmacSha1_80
            | Profile::AesCm128HmacSha1_32
            | Profile::AeadAes128Gcm => 16,
            _ => 32,
        }
    }

    /// Octets of the master salt, and of each salt.
    pub fn salt_length(self) -> usize {
        if self.is_aead() {
            12
        } else {
            14
        }
    }

    /// Octets of an RTP packet's tag.
    pub fn tag_length(self) -> usize {
        match self {
            Profile::AesCm128HmacSha1_80 | Profile::AesCm256HmacSha1_80 => 10,
            Profile::AesCm128HmacSha1_32 | Profile::AesCm256HmacSha1_32 => 4,
            _ => 16,
        }
    }

    /// Octets of an RTCP packet's tag.
    pub fn control_tag_length(self) -> usize {
        if self.is_aead() {
            16
        } else {
            10
        }
    }

    pub(super) fn is_aead(self) -> bool {
        matches!(self, Profile::AeadAes128Gcm | Profile::AeadAes256Gcm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_by_its_name() {
        for profile in Profile::ALL {
            assert_eq!(Profile::named(profile.name()), Some(profile));
            assert!(profile.key_length() <= MAX_KEY && profile.salt_length() <= MAX_SALT);
            assert!(profile.tag_length() <= super::super::MAX_OVERHEAD);
            assert!(profile.control_tag_length() + 4 <= super::super::MAX_CONTROL_OVERHEAD);
        }
        assert_eq!(Profile::named("F8_128_HMAC_SHA1_80"), None);
    }
}
