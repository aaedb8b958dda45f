//! Keys of a session from a master key (RFC 3711 §4.3; with AES-256: RFC 6188 §3; for AES-GCM: RFC 7714 §11).

use super::counter::Cipher;
use super::key::MasterKey;

/// What a derived key is for; those of RTCP are three more (RFC 3711 §4.3.1, §4.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// Encryption.
    Cipher = 0,
    /// Authentication.
    Authentication = 1,
    /// What initialisation vectors are made of.
    Salt = 2,
}

/// Which packets a derived key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// RTP.
    Media = 0,
    /// RTCP.
    Control = 3,
}

/// Fill `derived`: the key stream of the master key over its salt and the label. The key derivation rate is 0.
pub fn derive(master: &MasterKey, traffic: Traffic, label: Label, derived: &mut [u8]) {
    let mut x = [0; 16]; // the salt, and 16 bits that count; a salt of 96 bits has zeros behind it
    x[..master.salt().len()].copy_from_slice(master.salt());
    x[7] ^= traffic as u8 + label as u8;
    derived.fill(0);
    Cipher::new(master.key()).crypt(&x, derived);
}

#[cfg(test)]
mod tests {
    use super::super::profile::Profile;
    use super::super::vector_tests::octets;
    use super::*;

    fn derived(master: &MasterKey, traffic: Traffic, label: Label, length: usize) -> Vec<u8> {
        let mut derived = vec![0xff; length];
        derive(master, traffic, label, &mut derived);
        derived
    }

    fn master(profile: Profile, key: &str, salt: &str) -> MasterKey {
        MasterKey::new(profile, &octets(key), &octets(salt)).unwrap()
    }

    #[test]
    fn rfc_3711_b_3() {
        let master = master(
            Profile::AesCm128HmacSha1_80,
            "E1F97A0D3E018BE0D64FA32C06DE4139",
            "0EC675AD498AFEEBB6960B3AABE6",
        );
        assert_eq!(
            derived(&master, Traffic::Media, Label::Cipher, 16),
            octets("C61E7A93744F39EE10734AFE3FF7A087")
        );
        assert_eq!(
            derived(&master, Traffic::Media, Label::Salt, 14),
            octets("30CBBC08863D8C85D49DB34A9AE1")
        );
        assert_eq!(
            derived(&master, Traffic::Media, Label::Authentication, 94),
            octets(
                "CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA48F0A0ACF3C34E2359E6CDBCE
                 E049646C43D9327AD175578EF7227098 6371C10C9A369AC2F94A8C5FBCDDDC25
                 6D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2"
            )
        );
    }

    #[test]
    fn rfc_6188_7_2() {
        let master = master(
            Profile::AesCm256HmacSha1_80,
            "f0f04914b513f2763a1b1fa130f10e29 98f6f6e43e4309d1e622a0e332b9f1b6",
            "3b04803de51ee7c96423ab5b78d2",
        );
        assert_eq!(
            derived(&master, Traffic::Media, Label::Cipher, 32),
            octets("5ba1064e30ec51613cad926c5a28ef73 1ec7fb397f70a960653caf06554cd8c4")
        );
        assert_eq!(
            derived(&master, Traffic::Media, Label::Salt, 14),
            octets("fa31791685ca444a9e07c6c64e93")
        );
        assert_eq!(
            derived(&master, Traffic::Media, Label::Authentication, 20),
            octets("fd9c32d39ed5fbb5a9dc96b30818454d1313dc05")
        );
    }

    #[test]
    fn a_salt_of_96_bits_is_followed_by_zeros_and_rtcp_has_keys_of_its_own() {
        let key = "000102030405060708090a0b0c0d0e0f";
        let short = master(
            Profile::AeadAes128Gcm,
            key,
            "a0a1a2a3a4a5a6a7a8a9aaab", // with what libsrtp derives of it
        );
        let media = derived(&short, Traffic::Media, Label::Cipher, 16);
        assert_eq!(media, octets("077c6143cb221bc355ff23d5f984a16e"));
        let long = master(
            Profile::AesCm128HmacSha1_80,
            key,
            "a0a1a2a3a4a5a6a7a8a9aaab0000",
        );
        assert_eq!(derived(&long, Traffic::Media, Label::Cipher, 16), media);
        assert_ne!(derived(&long, Traffic::Control, Label::Cipher, 16), media);
    }
}
