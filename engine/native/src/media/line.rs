//! A leg with its sockets, in its place in a media thread.

use std::net::SocketAddr;

use super::clock::Moment;
use super::dtls::handshake::Keys;
use super::leg::{Leg, Outgoing};
use super::ports::PortPair;
use super::rtcp::{self, Compound};
use super::rtp::HEADER;
use super::srtp::{MasterKey, Profile, Session, MAX_CONTROL_OVERHEAD};

/// Room for what is protected: any packet that is made or relayed here, and what is added to it.
const ROOM: usize = 2048 + MAX_CONTROL_OVERHEAD;

/// A leg with its sockets and its place.
pub struct Line {
    /// The audio.
    pub leg: Leg,
    /// The sockets.
    pub pair: PortPair,
    /// The place of the leg that it is relayed with.
    pub peer: Option<u32>,
    /// The place of the room that it is in.
    pub room: Option<u32>,
    /// Its phase of the wheel.
    pub phase: Option<u8>,
    /// What is no RTP is for its association.
    pub is_associated: bool,
    /// It was told something that cannot be done yet: what it is sent waits in its socket until then.
    pub is_held: bool,
    /// There once it has keys.
    session: Option<Box<Session>>,
}

impl Line {
    /// A leg on its ports.
    pub fn new(leg: Leg, pair: PortPair) -> Self {
        Line {
            leg,
            pair,
            peer: None,
            room: None,
            phase: None,
            is_associated: false,
            is_held: false,
            session: None,
        }
    }

    /// Go on with these keys. Keys of a wrong length are none that a handshake makes.
    pub fn secure(&mut self, keys: &Keys) {
        let Some(profile) = Profile::named(keys.profile) else {
            return;
        };
        let key = |octets: &[u8]| MasterKey::from_octets(profile, octets);
        if let (Ok(local), Ok(remote)) = (key(&keys.sending), key(&keys.receiving)) {
            self.session = Some(Box::new(Session::new(&local, &remote)));
            self.leg.secure();
        }
    }

    /// Verify and decrypt what came, if there are keys: so long it is then. None: it is not the peer's.
    pub fn open(&mut self, packet: &mut [u8]) -> Option<usize> {
        let Some(session) = &mut self.session else {
            return Some(packet.len());
        };
        let opened = if rtcp::is_control(packet) {
            session.unprotect_control(packet)
        } else {
            session.unprotect(packet)
        };
        opened.ok()
    }

    /// Send a packet of the leg, and count it if it went.
    pub fn send(&mut self, packet: &[u8], outgoing: &Outgoing, now: Moment) {
        let destination = outgoing.destination;
        let went = match &mut self.session {
            None => self.pair.rtp.send_to(packet, destination).is_ok(),
            Some(session) => {
                let mut room = [0; ROOM];
                room[..packet.len()].copy_from_slice(packet);
                session
                    .protect(&mut room, packet.len())
                    .is_ok_and(|length| self.pair.rtp.send_to(&room[..length], destination).is_ok())
            }
        };
        if went {
            self.leg
                .sent(outgoing.length - HEADER, outgoing.is_playback, now);
        }
    }

    /// Send the leg's RTCP.
    pub fn send_control(&mut self, compound: Option<(Compound, SocketAddr)>) {
        let Some((compound, destination)) = compound else {
            return;
        };
        let socket = if self.leg.is_muxed() {
            &self.pair.rtp
        } else {
            &self.pair.rtcp
        };
        let octets = compound.octets();
        let _ = match &mut self.session {
            None => socket.send_to(octets, destination).is_ok(),
            Some(session) => {
                let mut room = [0; ROOM];
                room[..octets.len()].copy_from_slice(octets);
                let protected = session.protect_control(&mut room, octets.len());
                protected.is_ok_and(|length| socket.send_to(&room[..length], destination).is_ok())
            }
        };
    }
}
