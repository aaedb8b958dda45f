//! A leg with its sockets, in its place in a media thread.

use std::net::SocketAddr;

use super::clock::Moment;
use super::leg::{Leg, Outgoing};
use super::ports::PortPair;
use super::rtcp::Compound;
use super::rtp::HEADER;

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
    /// It was told something that cannot be done yet: what it is sent waits in its socket until then.
    pub is_held: bool,
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
            is_held: false,
        }
    }

    /// Send a packet of the leg, which lies at the beginning of `room`, and count it if it went.
    pub fn send(&mut self, room: &mut [u8], outgoing: &Outgoing, now: Moment) {
        let Some(length) = self.leg.seal(room, outgoing.length) else {
            return;
        };
        let packet = &room[..length];
        if self.pair.rtp.send_to(packet, outgoing.destination).is_ok() {
            self.leg
                .sent(outgoing.length - HEADER, outgoing.is_playback, now);
        }
    }

    /// Send the leg's RTCP.
    pub fn send_control(&mut self, compound: Option<(Compound, SocketAddr)>) {
        if let Some((mut compound, destination)) = compound {
            let (room, length) = compound.room();
            let Some(length) = self.leg.seal_control(room, length) else {
                return;
            };
            let socket = if self.leg.is_muxed() {
                &self.pair.rtp
            } else {
                &self.pair.rtcp
            };
            let _ = socket.send_to(&room[..length], destination);
        }
    }
}
