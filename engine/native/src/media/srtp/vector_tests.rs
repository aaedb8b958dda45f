//! Published packets: RFC 7714 §16 and §17 with the keys given there, and those that libsrtp tests itself with.

use super::gcm::Gcm;
use super::key::MasterKey;
use super::packet::{word_of, Place, CONTROL_HEADER};
use super::profile::Profile;
use super::{Inbound, Outbound, MAX_CONTROL_OVERHEAD, MAX_OVERHEAD};

/// Of hexadecimal digits, with spaces anywhere.
pub fn octets(digits: &str) -> Vec<u8> {
    let digits: Vec<u32> = digits
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .collect();
    digits
        .chunks(2)
        .map(|pair| (pair[0] * 16 + pair[1]) as u8)
        .collect()
}

/// A key that is nothing special.
pub fn some_key(profile: Profile) -> MasterKey {
    key_of(profile, 0x5a)
}

/// A key by number.
pub fn key_of(profile: Profile, seed: u8) -> MasterKey {
    let key: Vec<u8> = (0..)
        .map(|n: u8| n.wrapping_mul(37) ^ seed)
        .take(64)
        .collect();
    let (key, salt) = (&key[..profile.key_length()], &key[40..]);
    MasterKey::new(profile, key, &salt[..profile.salt_length()]).unwrap()
}

/// A plain RTP packet.
pub fn media_packet(ssrc: u32, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0, 0, 0, 160]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend(payload);
    packet
}

const RTP: &str = "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976
                   69736120 696e2070 61727465 73207472 6573";
const RTCP: &str = "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
                    deadbeef deadbeef deadbeef deadbeef deadbeef";
const INDEX: u32 = 0x5d4;

fn gcm(key_length: u8) -> Gcm {
    let key: Vec<u8> = (0..key_length).collect();
    let salt = octets("51756964 2070726f 2071756f").try_into().unwrap();
    Gcm::new(&key, salt)
}

fn place(payload: usize) -> Place<'static> {
    Place {
        ssrc: 0x5501_a0b2,
        index: 0xf17b,
        payload,
        mki: &[],
    }
}

fn control_place() -> Place<'static> {
    Place {
        ssrc: 0x4d61_7273,
        index: INDEX.into(),
        payload: CONTROL_HEADER,
        mki: &[],
    }
}

/// `plain` becomes `sealed` and again `plain`; its first `clear` octets are only authenticated.
fn assert_rtp(gcm: &Gcm, clear: usize, sealed: &str) {
    let (plain, sealed) = (octets(RTP), octets(sealed));
    let mut room = plain.clone();
    room.resize(plain.len() + MAX_OVERHEAD, 0);
    assert_eq!(
        gcm.seal(&mut room, plain.len(), &place(clear)),
        Ok(sealed.len())
    );
    room.truncate(sealed.len());
    assert_eq!(room, sealed);
    assert_eq!(gcm.open(&mut room, &place(clear)), Ok(plain.len()));
    assert_eq!(room[..plain.len()], plain);
}

fn assert_rtcp(gcm: &Gcm, is_encrypted: bool, sealed: &str) {
    let (plain, sealed) = (octets(RTCP), octets(sealed));
    let word = word_of(INDEX, is_encrypted);
    let mut room = plain.clone();
    room.resize(plain.len() + MAX_CONTROL_OVERHEAD, 0);
    let length = gcm.seal_control(&mut room, plain.len(), &control_place(), word);
    assert_eq!(length, Ok(sealed.len()));
    room.truncate(sealed.len());
    assert_eq!(room, sealed);
    let length = gcm.open_control(&mut room, &control_place(), word);
    assert_eq!(length, Ok(plain.len()));
    assert_eq!(room[..plain.len()], plain);
}

#[test]
fn rfc_7714_16_1_1_and_16_1_2() {
    assert_rtp(
        &gcm(16),
        12,
        "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f
         42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
    );
}

#[test]
fn rfc_7714_16_1_3_and_16_1_4() {
    assert_rtp(
        &gcm(16),
        50,
        "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120
         696e2070 61727465 73207472 65732249 3f82d2bc e397e9d7 9e3b19aa 4216",
    );
}

#[test]
fn rfc_7714_16_2_1_and_16_2_2() {
    assert_rtp(
        &gcm(32),
        12,
        "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3
         b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
    );
}

#[test]
fn rfc_7714_16_2_3_and_16_2_4() {
    assert_rtp(
        &gcm(32),
        50,
        "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120
         696e2070 61727465 73207472 6573a866 d5910f88 7463067c eefec452 15d4",
    );
}

#[test]
fn rfc_7714_17_1() {
    assert_rtcp(
        &gcm(16),
        true,
        "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1
         730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4",
    );
}

#[test]
fn rfc_7714_17_2() {
    assert_rtcp(
        &gcm(32),
        true,
        "81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1
         110555be 8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4",
    );
}

#[test]
fn rfc_7714_17_3() {
    assert_rtcp(
        &gcm(16),
        false,
        "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef
         deadbeef deadbeef deadbeef deadbeef 841dd968 3dd78ec9 2ae58790 125f62b3 000005d4",
    );
}

#[test]
fn rfc_7714_17_4() {
    assert_rtcp(
        &gcm(32),
        false,
        "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef
         deadbeef deadbeef deadbeef deadbeef 91db4afb feee5a97 8fab4393 ed2615fe 000005d4",
    );
}

#[test]
fn a_packet_that_is_not_encrypted_and_not_authentic_stays_as_it_is() {
    let word = word_of(INDEX, false);
    let mut packet = octets(RTCP);
    packet.extend([0xee; 16]);
    packet.extend(word);
    let before = packet.clone();
    let opened = gcm(16).open_control(&mut packet, &control_place(), word);
    assert_eq!(opened, Err(super::Rejected::NotAuthentic));
    assert_eq!(packet, before);
}

/// Sixteen octets of 0xab under the numbers of libsrtp's own tests, with a whole session.
fn assert_session(master: &MasterKey, sealed: &str) {
    let plain = octets("800f1234 decafbad cafebabe abababab abababab abababab abababab");
    let mut room = plain.clone();
    room.resize(plain.len() + MAX_OVERHEAD, 0);
    let length = Outbound::new(master)
        .protect(&mut room, plain.len())
        .unwrap();
    room.truncate(length);
    assert_eq!(room, octets(sealed));
    assert_eq!(Inbound::new(master).unprotect(&mut room), Ok(plain.len()));
    assert_eq!(room[..plain.len()], plain);
}

#[test]
fn libsrtp_aes_128_counter_mode() {
    let master = MasterKey::from_octets(
        Profile::AesCm128HmacSha1_80,
        &octets("e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6"),
    );
    let master = master.unwrap();
    assert_session(
        &master,
        "800f1234 decafbad cafebabe 4e55dc4c e79978d8 8ca4d215 949d2402 b78d6acc 99ea179b 8dbb",
    );
    let plain = octets("81c8000b cafebabe abababab abababab abababab abababab");
    let mut outbound = Outbound::new(&master);
    let mut room = [0; 24 + MAX_CONTROL_OVERHEAD];
    for _ in 0..2 {
        room[..24].copy_from_slice(&plain); // the second has the index that libsrtp begins with
        assert_eq!(outbound.protect_control(&mut room, 24), Ok(24 + 14));
    }
    let sealed = octets(
        "81c8000b cafebabe 7128035b e487b9bd bef89041 f977a5a8 80000001 993e08cd 54d6c123 0798",
    );
    assert_eq!(room[..38], sealed);
    let mut packet = sealed;
    assert_eq!(Inbound::new(&master).unprotect_control(&mut packet), Ok(24));
    assert_eq!(packet[..24], plain);
}

#[test]
fn libsrtp_aes_256_counter_mode() {
    let master = MasterKey::from_octets(
        Profile::AesCm256HmacSha1_80,
        &octets(
            "f0f04914b513f2763a1b1fa130f10e29 98f6f6e43e4309d1e622a0e332b9f1b6
             3b04803de51ee7c96423ab5b78d2",
        ),
    );
    assert_session(
        &master.unwrap(),
        "800f1234 decafbad cafebabe f1d9de17 ff251ff1 aa007774 b0b4b40d a08d9d9a 5b3a55d8 873b",
    );
}
