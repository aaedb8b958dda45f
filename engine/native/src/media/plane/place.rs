//! Who is where in a media thread, and beside whom.

use super::super::clock::Moment;
use super::super::line::Line;
use super::super::report::LegId;
use super::{beat_after, Plane};

impl Plane {
    /// Give a line a place here.
    pub(super) fn settle(&mut self, mut line: Box<Line>, now: Moment) {
        let place = self.vacant.pop().unwrap_or_else(|| {
            self.lines.push(None);
            self.lines.len() as u32 - 1
        });
        let token = u64::from(place) << 1;
        // Watching fails only without memory in the kernel: the leg then hears nothing, and the rest goes on.
        let _ = self.epoll.watch(&line.pair.rtp, token);
        let _ = self.epoll.watch(&line.pair.rtcp, token | 1);
        if line.leg.needs_frames() {
            line.phase = Some(self.wheel.join(place, now));
        }
        self.beats.push_back((beat_after(now), place, line.leg.id));
        self.places.insert(line.leg.id, place);
        self.lines[place as usize] = Some(line);
    }

    /// Take a line out of everything here.
    pub(super) fn leave(&mut self, place: u32) -> Option<Box<Line>> {
        self.unrelay(place);
        self.rooms.leave(place, &mut self.lines);
        let mut line = self.lines[place as usize].take()?;
        if let Some(phase) = line.phase.take() {
            self.wheel.leave(place, phase);
        }
        let _ = self.epoll.forget(&line.pair.rtp);
        let _ = self.epoll.forget(&line.pair.rtcp);
        self.places.remove(&line.leg.id);
        self.vacant.push(place);
        Some(line)
    }

    pub(super) fn close(&mut self, place: u32, now: Moment) {
        if let Some(mut line) = self.leave(place) {
            let goodbye = line.leg.goodbye(&self.clock, now);
            line.send_control(goodbye);
            line.take_leave();
            line.leg.close(now);
            self.pool.give_back(line.pair);
        }
    }

    pub(super) fn relay(&mut self, place: u32, other: LegId, now: Moment) {
        let Some(other) = self
            .places
            .get(&other)
            .copied()
            .filter(|other| *other != place)
        else {
            return;
        };
        for each in [place, other] {
            self.unrelay(each);
            self.leave_room(each, now);
        }
        self.set_peer(place, Some(other));
        self.set_peer(other, Some(place));
        self.match_codecs(place, now);
    }

    /// Let a leg and its peer hear each other frame by frame where their packets cannot be passed on, and else no more.
    pub(super) fn match_codecs(&mut self, place: u32, now: Moment) {
        let codec = |line: Option<&Box<Line>>| line.and_then(|line| line.leg.codec());
        let peer = self.lines[place as usize]
            .as_ref()
            .and_then(|line| line.peer);
        let Some(peer) = peer else {
            return;
        };
        let ours = codec(self.lines[place as usize].as_ref());
        let theirs = codec(self.lines[peer as usize].as_ref());
        let is_apart = match (ours, theirs) {
            (Some(ours), Some(theirs)) => {
                !ours.passes_as(theirs) && !ours.is_foreign() && !theirs.is_foreign()
            }
            _ => false,
        };
        for (place, codec) in [(place, theirs), (peer, ours)] {
            if let Some(line) = self.lines[place as usize].as_mut() {
                line.leg.convert_for(codec.filter(|_| is_apart));
                if line.leg.needs_frames() && line.phase.is_none() {
                    line.phase = Some(self.wheel.join(place, now));
                }
            }
        }
    }

    pub(super) fn unrelay(&mut self, place: u32) {
        let peer = self.lines[place as usize]
            .as_ref()
            .and_then(|line| line.peer);
        if let Some(peer) = peer {
            self.set_peer(place, None);
            self.set_peer(peer, None);
        }
    }

    pub(super) fn set_peer(&mut self, place: u32, peer: Option<u32>) {
        if let Some(line) = self.lines[place as usize].as_mut() {
            line.peer = peer;
            line.leg.is_relayed = peer.is_some();
            line.leg.convert_for(None);
            line.leg.interrupt();
        }
    }
}
