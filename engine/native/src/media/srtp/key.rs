//! A master key with its salt, as it was exchanged.

use std::fmt;

use super::profile::{Profile, MAX_KEY, MAX_SALT};

/// Octets of a master key identifier, at most. More are never seen; RFC 4568 §6.1 would allow 128.
pub const MAX_MKI: usize = 8;

/// What one side's packets are encrypted with.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey {
    profile: Profile,
    key: [u8; MAX_KEY],
    salt: [u8; MAX_SALT],
    mki: [u8; MAX_MKI],
    mki_length: usize,
}

/// It does not fit the profile; the text says how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongKey(pub String);

impl MasterKey {
    /// A key and a salt, of the profile's lengths.
    pub fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Result<Self, WrongKey> {
        let expected = (profile.key_length(), profile.salt_length());
        if (key.len(), salt.len()) != expected {
            return Err(WrongKey(format!(
                "expected {} octets of key and {} of salt for {}, got {} and {}",
                expected.0,
                expected.1,
                profile.name(),
                key.len(),
                salt.len()
            )));
        }
        let mut master = MasterKey {
            profile,
            key: [0; MAX_KEY],
            salt: [0; MAX_SALT],
            mki: [0; MAX_MKI],
            mki_length: 0,
        };
        master.key[..key.len()].copy_from_slice(key);
        master.salt[..salt.len()].copy_from_slice(salt);
        Ok(master)
    }

    /// Key and salt in one, as `a=crypto` has them.
    pub fn from_octets(profile: Profile, octets: &[u8]) -> Result<Self, WrongKey> {
        let length = profile.key_length().min(octets.len());
        MasterKey::new(profile, &octets[..length], &octets[length..])
    }

    /// The same, its packets carrying that identifier (RFC 3711 §3.1).
    pub fn with_mki(mut self, mki: &[u8]) -> Result<Self, WrongKey> {
        if mki.len() > MAX_MKI {
            return Err(WrongKey(format!(
                "expected a master key identifier of at most {MAX_MKI} octets, got {}",
                mki.len()
            )));
        }
        self.mki[..mki.len()].copy_from_slice(mki);
        self.mki_length = mki.len();
        Ok(self)
    }

    /// How it is used.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.key[..self.profile.key_length()]
    }

    pub(super) fn salt(&self) -> &[u8] {
        &self.salt[..self.profile.salt_length()]
    }

    pub(super) fn mki(&self) -> &[u8] {
        &self.mki[..self.mki_length]
    }
}

/// Without what is secret.
impl fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "MasterKey({}, ...)", self.profile.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_not_the_profiles_length_is_refused_and_nothing_secret_is_printed() {
        let profile = Profile::AeadAes256Gcm;
        let master = MasterKey::from_octets(profile, &[0xab; 44]).unwrap();
        assert_eq!((master.key().len(), master.salt().len()), (32, 12));
        assert_eq!(format!("{master:?}"), "MasterKey(AEAD_AES_256_GCM, ...)");
        for length in [0, 12, 32, 43, 45] {
            let WrongKey(why) = MasterKey::from_octets(profile, &[0xab; 45][..length]).unwrap_err();
            assert!(why.contains("expected 32 octets of key and 12 of salt"));
        }
        assert!(master.clone().with_mki(&[1; 9]).is_err());
        assert_ne!(master.clone().with_mki(&[1]).unwrap(), master);
    }
}
