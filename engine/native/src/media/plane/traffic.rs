//! What comes to a media thread's sockets, and what of it leaves by the leg beside.

use super::super::clock::Moment;
use super::super::leg::{Outgoing, Received};
use super::super::packet_kind::PacketKind;
use super::super::rtcp;
use super::super::rtp::HEADER;
use super::super::syscalls::{prefetch, Ready};
use super::{Plane, MAX_DISCARDED};

impl Plane {
    /// What is received next: fetch that leg; and what the one before it points to, which is here by now.
    pub(super) fn foresee(&self, ready: &Ready, index: usize) {
        let line = |ahead: usize| {
            let token = (index + ahead < ready.len()).then(|| ready.token(index + ahead))?;
            self.lines.get((token >> 1) as usize)?.as_deref()
        };
        if let Some(line) = line(2) {
            prefetch(line);
        }
        if let Some(line) = line(1) {
            line.leg.prefetch();
            if let Some(peer) = line
                .peer
                .and_then(|peer| self.lines[peer as usize].as_deref())
            {
                prefetch(peer);
            }
        }
        if let Some(peer) = line(0).and_then(|line| line.peer) {
            if let Some(peer) = self.lines[peer as usize].as_deref() {
                peer.leg.prefetch();
            }
        }
    }

    /// One packet of the peer; if more wait, the next wait says so. Those of strangers are cleared away before it, so that a
    /// flood of them neither delays the stream nor fills its socket.
    pub(super) fn receive(&mut self, place: u32, now: Moment) {
        for _ in 0..MAX_DISCARDED {
            if !self.receive_one(place, now) {
                break;
            }
        }
    }

    /// True: it was to be discarded.
    pub(super) fn receive_one(&mut self, place: u32, now: Moment) -> bool {
        self.heed(now);
        let Some(line) = self.lines[place as usize]
            .as_mut()
            .filter(|line| !line.is_held)
        else {
            return false;
        };
        let Ok((length, from)) = line.pair.rtp.recv_from(&mut self.room) else {
            return false;
        };
        let packet = &self.room[..length];
        if line.leg.is_associated && PacketKind::of(packet) != PacketKind::Rtp {
            self.mailbox.receive(line.leg.id, packet, from);
            return false;
        }
        let leg = &mut line.leg;
        if leg.is_muxed() && rtcp::is_control(&self.room[..length]) {
            return !leg.receive_control(&mut self.room[..length], from, &self.clock, now);
        }
        let received = leg.receive(&mut self.room[..length], from, now, self.reports.of(leg.id));
        let target = line.peer;
        if leg.needs_frames() && line.phase.is_none() {
            line.phase = Some(self.wheel.join(place, now));
        }
        let is_discarded = received == Received::Discarded;
        if let Some(target) = target {
            self.pass_on(received, target, now);
        }
        is_discarded
    }

    /// Let what one leg received leave by another.
    pub(super) fn pass_on(&mut self, received: Received, target: u32, now: Moment) {
        let Some(line) = self.lines[target as usize].as_mut() else {
            return;
        };
        let (relayed, payload) = match received {
            Received::Audio(header, payload, law) => {
                let relayed =
                    line.leg
                        .relay_audio(&header, &mut self.room[payload.clone()], law, now);
                (relayed, payload)
            }
            Received::Digit(header, payload) => (line.leg.relay_digit(&header, now), payload),
            Received::Nothing | Received::Discarded => return,
        };
        if let Some((header, destination)) = relayed {
            let start = payload.start - HEADER;
            header.write(&mut self.room[start..]);
            let outgoing = Outgoing {
                length: payload.end - start,
                destination,
                is_playback: false,
            };
            line.send(&mut self.room[start..], &outgoing, now);
        }
    }

    pub(super) fn receive_control(&mut self, place: u32, now: Moment) {
        self.heed(now);
        if let Some(line) = self.lines[place as usize].as_mut() {
            if let Ok((length, from)) = line.pair.rtcp.recv_from(&mut self.room) {
                line.leg
                    .receive_control(&mut self.room[..length], from, &self.clock, now);
            }
        }
    }
}
