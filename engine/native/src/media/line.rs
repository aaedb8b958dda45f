//! A leg with its sockets, in its place in a media thread.

use std::net::{SocketAddr, UdpSocket};

use super::association::Relay;
use super::clock::Moment;
use super::conversion::Voice;
use super::ice::turn::{self, channel_header, CHANNEL_HEADER};
use super::leg::{Leg, Outgoing};
use super::packet_kind::PacketKind;
use super::ports::PortPair;
use super::rtcp::Compound;

/// Room for any packet that is framed for a relay.
const ROOM: usize = 2048;

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
    /// By which relay it reaches its peer, and where that is; None: directly.
    pub relay: Option<(Relay, SocketAddr)>,
    /// What is sent at the end.
    pub farewell: Option<(Vec<u8>, SocketAddr)>,
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
            relay: None,
            farewell: None,
            is_held: false,
        }
    }

    /// Send a packet of the leg, which lies at the beginning of `room`, and count it if it went.
    pub fn send(&mut self, room: &mut [u8], outgoing: &Outgoing, now: Moment) {
        let Some(length) = self.leg.seal(room, outgoing.length) else {
            return;
        };
        let packet = &room[..length];
        let went = match self.relay {
            None => self.pair.send(packet, outgoing.destination).is_ok(),
            Some((relay, _)) => send_framed(&self.pair.rtp, packet, relay),
        };
        if went {
            self.leg.sent(outgoing, now);
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
            match self.relay {
                None => drop(socket.send_to(&room[..length], destination)),
                Some((relay, _)) => drop(send_framed(socket, &room[..length], relay)),
            }
        }
    }

    /// What came in the channel of its relay, at the beginning of `room`: moved to there without its frame. None: it is no RTP.
    pub fn unframe(
        &self,
        room: &mut [u8],
        length: usize,
        from: SocketAddr,
    ) -> Option<(usize, SocketAddr)> {
        let (relay, peer) = self.relay?;
        let (channel, data) = turn::unframe(&room[..length])?;
        let is_ours = relay.server == from && relay.channel == channel;
        let count = data.len();
        if !is_ours || PacketKind::of(data) != PacketKind::Rtp {
            return None;
        }
        room.copy_within(CHANNEL_HEADER..CHANNEL_HEADER + count, 0);
        Some((count, peer))
    }

    /// The last that is sent.
    pub fn take_leave(&mut self) {
        if let Some((packet, to)) = self.farewell.take() {
            let _ = self.pair.rtp.send_to(&packet, to);
        }
    }
}

/// Send a packet by the channel of a relay; true: it went.
fn send_framed(socket: &UdpSocket, packet: &[u8], relay: Relay) -> bool {
    let mut framed = [0; ROOM];
    let length = CHANNEL_HEADER + packet.len();
    if length > ROOM {
        return false;
    }
    framed[..CHANNEL_HEADER].copy_from_slice(&channel_header(relay.channel, packet.len()));
    framed[CHANNEL_HEADER..length].copy_from_slice(packet);
    socket.send_to(&framed[..length], relay.server).is_ok()
}

/// What the peer of the line at that place lets it hear frame by frame; None: nothing, or it has packets passed on.
pub fn voice_of_peer(lines: &mut [Option<Box<Line>>], place: u32, due: Moment) -> Option<Voice> {
    let line = lines[place as usize].as_ref()?;
    let peer = line.peer.filter(|_| line.leg.is_converted())?;
    lines[peer as usize].as_mut()?.leg.voice_for_peer(due)
}
