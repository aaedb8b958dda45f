use std::net::SocketAddr;

use super::super::super::clock::{Clock, Moment, FRAME};
use super::super::super::codec::Codec;
use super::super::super::g711::Law;
use super::super::super::report::{LegId, Reports};
use super::super::super::rtcp;
use super::super::super::rtp::{Header, Pt, Seq, Ssrc, HEADER};
use super::super::super::srtp::{MasterKey, Profile, MAX_OVERHEAD};
use super::super::super::stream::Stream;
use super::super::{Received, MAX_PACKET};
use super::*;

const PAYLOAD: [u8; FRAME] = [0x3c; FRAME];

fn address(host: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, host], 4000))
}

fn key(profile: Profile, seed: u8) -> MasterKey {
    let octets = vec![seed; profile.key_length() + profile.salt_length()];
    MasterKey::from_octets(profile, &octets).unwrap()
}

fn keys(profile: Profile, local: u8, remote: u8) -> Keys {
    Keys {
        local: key(profile, local),
        remote: key(profile, remote),
    }
}

/// A leg that is agreed on, whose peer is at that address.
fn leg_to(host: u8) -> Leg {
    let mut leg = Leg::new(LegId(host.into()), [u64::MAX, 2]);
    let stream = Stream {
        remote: Some(address(host)),
        signalled_from: None,
        codec: Codec::G711(Law::Mu),
        event_clock: 1,
        comfort_noise: None,
        payload_type: Pt(0),
        packet_samples: FRAME,
        telephone_event: Some(Pt(101)),
        hears_tones: false,
        is_muxed: false,
        may_send: true,
        may_receive: true,
    };
    leg.update(stream, Moment(0), &mut Reports::default());
    leg
}

fn secured(profile: Profile) -> (Leg, Session) {
    let mut leg = leg_to(1);
    leg.secure(Some(&keys(profile, 1, 2)), 0);
    (leg, Session::new(&keys(profile, 2, 1)))
}

fn plain(sequence: u16) -> Vec<u8> {
    let header = Header {
        marker: false,
        payload_type: Pt(0),
        sequence: Seq(sequence),
        timestamp: u32::from(sequence) * FRAME as u32,
        ssrc: Ssrc(77),
    };
    let mut packet = vec![0; HEADER];
    header.write(&mut packet);
    packet.extend(PAYLOAD);
    packet
}

fn sealed(session: &mut Session, sequence: u16) -> Vec<u8> {
    let mut room = plain(sequence);
    let length = room.len();
    room.resize(length + MAX_OVERHEAD, 0);
    let length = session.protect(&mut room, length).unwrap();
    room.truncate(length);
    room
}

fn receive(leg: &mut Leg, packet: &[u8], host: u8) -> (Received, Vec<u8>) {
    let mut room = packet.to_vec();
    let (from, now) = (address(host), Moment(0));
    let received = leg.receive(&mut room, from, now, &mut Reports::default());
    (received, room)
}

#[test]
fn what_the_peer_protects_is_heard_and_nothing_else_latches() {
    for profile in Profile::ALL {
        let (mut leg, mut peer) = secured(profile);
        let packet = sealed(&mut peer, 1);
        let mut forged = sealed(&mut Session::new(&keys(profile, 9, 1)), 1);
        for stranger in [&plain(1), &forged] {
            assert_eq!(receive(&mut leg, stranger, 66).0, Received::Discarded);
        }
        assert_eq!(leg.destination(), Some(address(1)));
        let (received, room) = receive(&mut leg, &packet, 7);
        let Received::Audio(header, payload, Codec::G711(Law::Mu)) = received else {
            panic!("expected audio, got {received:?}");
        };
        assert_eq!((header.ssrc, &room[payload]), (Ssrc(77), &PAYLOAD[..]));
        assert_eq!(leg.destination(), Some(address(7)));
        assert_eq!(receive(&mut leg, &packet, 7).0, Received::Discarded);
        forged.truncate(3);
        assert_eq!(receive(&mut leg, &forged, 7).0, Received::Discarded);
        let figures = leg.counters.read();
        assert_eq!((figures.packets_forged, figures.packets_replayed), (3, 1));
        assert_eq!(
            (figures.packets_discarded, figures.packets_received),
            (4, 1)
        );
    }
}

#[test]
fn what_is_relayed_is_opened_on_one_side_and_sealed_on_the_other() {
    for profile in Profile::ALL {
        let (mut secured, mut peer) = secured(profile);
        let mut plain_leg = leg_to(2);
        let (received, mut room) = receive(&mut secured, &sealed(&mut peer, 5), 1);
        let Received::Audio(header, payload, law) = received else {
            panic!("expected audio, got {received:?}");
        };
        let relayed = plain_leg.relay_audio(&header, &mut room[payload.clone()], law, Moment(0));
        assert_eq!(relayed.unwrap().1, address(2));
        assert_eq!(plain_leg.seal(&mut room, payload.end), Some(payload.end));
        assert_eq!(room[payload], PAYLOAD);

        let (received, mut room) = receive(&mut plain_leg, &plain(9), 2);
        let Received::Audio(header, payload, law) = received else {
            panic!("expected audio, got {received:?}");
        };
        let relayed = secured.relay_audio(&header, &mut room[payload.clone()], law, Moment(0));
        relayed.unwrap().0.write(&mut room);
        room.resize(payload.end + MAX_OVERHEAD, 0);
        let length = secured.seal(&mut room, payload.end).unwrap();
        assert_eq!(length, payload.end + profile.tag_length());
        assert_ne!(room[payload.clone()], PAYLOAD);
        assert_eq!(peer.unprotect(&mut room[..length]), Ok(payload.end));
        assert_eq!(room[payload], PAYLOAD);
    }
}

#[test]
fn reports_are_sealed_and_only_those_that_are_count() {
    let (mut leg, mut peer) = secured(Profile::AeadAes128Gcm);
    let clock = Clock::start();
    let (mut compound, _) = leg.goodbye(&clock, Moment(0)).unwrap();
    let before = compound.octets().to_vec();
    let (room, length) = compound.room();
    let length = leg.seal_control(room, length).unwrap();
    assert_ne!(room[8..before.len()], before[8..]);
    assert_eq!(
        peer.unprotect_control(&mut room[..length]),
        Ok(before.len())
    );
    assert_eq!(room[..before.len()], before);
    let mut heard =
        |compound: &mut [u8]| leg.receive_control(compound, address(1), &clock, Moment(0));
    assert!(!heard(&mut before.clone()));
    let mut room = before.clone();
    room.resize(before.len() + 28, 0);
    let length = peer.protect_control(&mut room, before.len()).unwrap();
    assert!(heard(&mut room[..length].to_vec()));
    assert!(!heard(&mut room[..length]));
    assert!(rtcp::read(&before, Ssrc(0)).is_ok());
}

#[test]
fn new_keys_take_over_without_a_gap() {
    let profile = Profile::AesCm128HmacSha1_80;
    let (mut leg, mut peer) = secured(profile);
    assert!(matches!(
        receive(&mut leg, &sealed(&mut peer, 1), 1).0,
        Received::Audio(..)
    ));
    let on_its_way = sealed(&mut peer, 2);
    leg.secure(Some(&keys(profile, 3, 4)), 0);
    assert!(matches!(
        receive(&mut leg, &on_its_way, 1).0,
        Received::Audio(..)
    ));
    let mut anew = Session::new(&keys(profile, 4, 3));
    assert!(matches!(
        receive(&mut leg, &sealed(&mut anew, 3), 1).0,
        Received::Audio(..)
    ));
    let late = sealed(&mut peer, 4);
    assert_eq!(receive(&mut leg, &late, 1).0, Received::Discarded);
    leg.secure(None, 0);
    assert!(matches!(
        receive(&mut leg, &plain(5), 1).0,
        Received::Audio(..)
    ));
}

#[test]
fn a_source_that_has_gone_round_is_another_under_a_new_key() {
    let (mut leg, _) = secured(Profile::AesCm128HmacSha1_80);
    let send = |leg: &mut Leg, frame: u64| {
        let mut room = [0; MAX_PACKET];
        let moment = Moment(0).plus_ms(frame * 20);
        let outgoing = leg.push_frame(&[0; FRAME], moment, &mut room).unwrap();
        leg.seal(&mut room, outgoing.length).unwrap();
        Header::read(&room).unwrap().0
    };
    let first = send(&mut leg, 0);
    assert!(first.sequence.0 < 0x8000);
    leg.secure(Some(&keys(Profile::AesCm128HmacSha1_80, 5, 2)), 7 << 32 | 9);
    let mut last = send(&mut leg, 1);
    assert_eq!(last.ssrc, first.ssrc);
    for frame in 2..0x1_0000 {
        last = send(&mut leg, frame);
    }
    assert!(last.sequence.0 < first.sequence.0);
    leg.secure(Some(&keys(Profile::AesCm128HmacSha1_80, 6, 2)), 7 << 32 | 9);
    let next = send(&mut leg, 0x1_0000);
    assert_eq!((next.ssrc, next.sequence), (Ssrc(9), Seq(7)));
}
