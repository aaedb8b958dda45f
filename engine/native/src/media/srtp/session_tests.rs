use super::super::vector_tests::{key_of, media_packet, some_key};
use super::super::Profile;
use super::*;

const SSRC: u32 = 7;

fn keys(local: &MasterKey, remote: &MasterKey) -> Keys {
    Keys {
        local: local.clone(),
        remote: remote.clone(),
    }
}

fn pair(profile: Profile) -> (Session, Session) {
    let (one, other) = (key_of(profile, 1), key_of(profile, 2));
    (
        Session::new(&keys(&one, &other)),
        Session::new(&keys(&other, &one)),
    )
}

/// What `session` makes of that packet.
fn sent_of(session: &mut Session, ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut room = media_packet(ssrc, sequence, &sequence.to_be_bytes());
    let length = room.len();
    room.resize(length + super::super::MAX_OVERHEAD, 0);
    let length = session.protect(&mut room, length).unwrap();
    room.truncate(length);
    room
}

fn sent(session: &mut Session, sequence: u16) -> Vec<u8> {
    sent_of(session, SSRC, sequence)
}

fn heard(session: &mut Session, packet: &[u8]) -> Result<Vec<u8>, Rejected> {
    let mut packet = packet.to_vec();
    let before = packet.clone();
    match session.unprotect(&mut packet) {
        Ok(length) => Ok(packet[..length].to_vec()),
        Err(error) => {
            assert_eq!(packet, before, "what is rejected stays as it is");
            Err(error)
        }
    }
}

fn control(session: &mut Session) -> Vec<u8> {
    let mut room = [&[0x81, 200, 0, 6], &SSRC.to_be_bytes()[..], &[9; 20]].concat();
    let length = room.len();
    room.resize(length + super::super::MAX_CONTROL_OVERHEAD, 0);
    let length = session.protect_control(&mut room, length).unwrap();
    room.truncate(length);
    room
}

#[test]
fn what_one_sends_the_other_hears_once_over_many_rounds_of_sequence_numbers() {
    for profile in Profile::ALL {
        let (mut one, mut other) = pair(profile);
        for number in 0..0x3_0000u32 {
            let sequence = (number + 0xfff0) as u16;
            if number % 0x1000 > 20 {
                continue; // a loss, shorter than half a round
            }
            let packet = sent(&mut one, sequence);
            let plain = media_packet(SSRC, sequence, &sequence.to_be_bytes());
            assert_eq!(packet.len(), plain.len() + profile.tag_length());
            assert_ne!(packet[12..14], plain[12..14]);
            assert_eq!(heard(&mut other, &packet), Ok(plain));
            assert_eq!(heard(&mut other, &packet), Err(Rejected::Replayed));
        }
    }
}

#[test]
fn rtcp_is_encrypted_and_heard_once() {
    for profile in Profile::ALL {
        let (mut one, mut other) = pair(profile);
        for _ in 0..3 {
            let sealed = control(&mut one);
            assert_eq!(sealed.len(), 28 + profile.control_tag_length() + 4);
            assert!(!sealed.windows(4).any(|octets| octets == [9; 4]));
            let mut packet = sealed.clone();
            assert_eq!(other.unprotect_control(&mut packet), Ok(28));
            assert_eq!(packet[8..28], [9; 20]);
            let mut again = sealed.clone();
            let replayed = other.unprotect_control(&mut again);
            assert_eq!((replayed, again), (Err(Rejected::Replayed), sealed));
        }
    }
}

#[test]
fn one_bit_that_was_changed_anywhere_is_seen() {
    for profile in Profile::ALL {
        let (mut one, mut other) = pair(profile);
        let packet = sent(&mut one, 5);
        for bit in 0..packet.len() * 8 {
            let mut changed = packet.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(heard(&mut other, &changed).is_err(), "{profile:?}: {bit}");
        }
        let sealed = control(&mut one);
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(other.unprotect_control(&mut changed).is_err(), "{bit}");
        }
        assert!(heard(&mut other, &packet).is_ok());
        assert!(other.unprotect_control(&mut sealed.clone()).is_ok());
    }
}

#[test]
fn what_is_cut_short_or_plain_is_rejected() {
    for profile in Profile::ALL {
        let (mut one, mut other) = pair(profile);
        let packet = sent(&mut one, 5);
        for length in 0..packet.len() {
            assert!(heard(&mut other, &packet[..length]).is_err());
        }
        let sealed = control(&mut one);
        for length in 0..sealed.len() {
            assert!(other
                .unprotect_control(&mut sealed[..length].to_vec())
                .is_err());
        }
        let plain = media_packet(SSRC, 6, &[0xff; 160]);
        assert_eq!(heard(&mut other, &plain), Err(Rejected::NotAuthentic));
    }
}

#[test]
fn packets_out_of_order_are_heard_and_each_source_has_its_own_numbers() {
    let (mut one, mut other) = pair(Profile::AesCm128HmacSha1_80);
    let packets: Vec<Vec<u8>> = [65534, 65535, 0, 1].map(|n| sent(&mut one, n)).to_vec();
    let second = sent_of(&mut one, 8, 65535);
    for packet in [&packets[1], &packets[3], &second, &packets[0], &packets[2]] {
        assert!(heard(&mut other, packet).is_ok());
    }
    let next = sent_of(&mut one, 8, 0);
    assert!(heard(&mut other, &next).is_ok());
}

#[test]
fn a_new_key_takes_over_with_its_first_packet_and_the_old_one_is_good_until_then() {
    for profile in Profile::ALL {
        let (mut one, mut other) = pair(profile);
        let late = sent(&mut one, 1);
        let old = sent(&mut one, 2);
        let (ours, newer) = (key_of(profile, 2), key_of(profile, 3));
        assert!(!other.rekey(&keys(&ours, &newer), SSRC));
        assert!(heard(&mut other, &old).is_ok());
        assert!(!one.rekey(&keys(&newer, &ours), SSRC));
        let new = sent(&mut one, 3);
        assert!(heard(&mut other, &new).is_ok());
        assert_eq!(heard(&mut other, &late), Err(Rejected::NotAuthentic));
        let back = sent(&mut other, 1);
        assert!(heard(&mut one, &back).is_ok());
    }
}

#[test]
fn a_key_that_is_the_same_counts_on() {
    let (mut one, mut other) = pair(Profile::AesCm128HmacSha1_80);
    for sequence in [65535, 0] {
        let packet = sent(&mut one, sequence);
        heard(&mut other, &packet).unwrap();
    }
    let [ours, theirs] = [1, 2].map(|seed| key_of(Profile::AesCm128HmacSha1_80, seed));
    assert!(!one.rekey(&keys(&ours, &theirs), SSRC));
    assert!(!other.rekey(&keys(&theirs, &ours), SSRC));
    let packet = sent(&mut one, 1);
    assert!(heard(&mut other, &packet).is_ok());
    assert_eq!(heard(&mut other, &packet), Err(Rejected::Replayed));
}

#[test]
fn a_peer_with_a_new_key_may_count_on_or_begin_anew() {
    let [first, second, back] = [1, 3, 2].map(|seed| key_of(Profile::AeadAes128Gcm, seed));
    for counts_on in [true, false] {
        let (mut one, mut other) = pair(Profile::AeadAes128Gcm);
        for sequence in [65535, 0] {
            let packet = sent(&mut one, sequence);
            heard(&mut other, &packet).unwrap();
        }
        other.rekey(&keys(&back, &second), SSRC);
        let mut anew = Session::new(&keys(&second, &back));
        if counts_on {
            sent(&mut anew, 65535); // so that the next is of the second round
        }
        let packet = sent(&mut anew, 1);
        assert!(heard(&mut other, &packet).is_ok());
        let rolled_over = one.rekey(&keys(&second, &back), SSRC);
        assert!(rolled_over && !one.rekey(&keys(&first, &back), SSRC));
    }
}

#[test]
fn an_identifier_of_the_master_key_is_sent_verified_and_taken_off() {
    for profile in Profile::ALL {
        let with = key_of(profile, 1).with_mki(&[0, 0, 1]).unwrap();
        let other_mki = key_of(profile, 1).with_mki(&[0, 0, 2]).unwrap();
        let back = some_key(profile);
        let mut one = Session::new(&keys(&with, &back));
        let packet = sent(&mut one, 1);
        let sealed = control(&mut one);
        let mut right = Session::new(&keys(&back, &with));
        let mut wrong = Session::new(&keys(&back, &other_mki));
        assert_eq!(heard(&mut wrong, &packet), Err(Rejected::NotAuthentic));
        assert!(wrong.unprotect_control(&mut sealed.clone()).is_err());
        assert!(heard(&mut right, &packet).is_ok());
        assert_eq!(right.unprotect_control(&mut sealed.clone()), Ok(28));
    }
}
