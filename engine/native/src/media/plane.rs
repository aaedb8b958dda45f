//! One media thread: its legs' sockets, its wheel, its loop. Nothing on the 20 ms path allocates, locks or logs.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::clock::{Clock, Moment};
use super::command::{Inbox, Verb};
use super::leg::{Leg, Outgoing, Received, MAX_PACKET};
use super::line::Line;
use super::ports::PortPool;
use super::recorder::Recorder;
use super::report::{LegId, ReportQueue, Reports};
use super::room::Membership;
use super::rooms::Rooms;
use super::rtcp;
use super::rtp::HEADER;
use super::syscalls::{random, Epoll, Ready};
use super::wheel::{self, Wheel};

/// Descriptors reported per wait: a bound on how long the wheel waits for the sockets.
const BATCH: usize = 2048;
/// Packets of strangers that one leg's turn clears away.
const MAX_DISCARDED: usize = 64;
/// Room for any RTP packet that Ethernet carries.
const ROOM: usize = 2048;
/// Every leg is looked after so often (silence when idle, RTCP).
const BEAT_MS: u64 = 1000;
const WAKE: u64 = u64::MAX;

/// One media thread's state.
pub struct Plane {
    clock: Clock,
    epoll: Epoll,
    inbox: Arc<Inbox>,
    pool: Arc<PortPool>,
    queue: Arc<ReportQueue>,
    reports: Reports,
    lines: Vec<Option<Box<Line>>>,
    vacant: Vec<u32>,
    places: HashMap<LegId, u32>,
    rooms: Rooms,
    wheel: Wheel,
    beats: VecDeque<(Moment, u32, LegId)>,
    commands: Vec<(LegId, Verb)>,
    arrivals: Vec<Line>,
    room: [u8; ROOM],
    /// Packets came in the last turn, so more will.
    is_busy: bool,
    /// It was told to finish.
    is_over: bool,
}

impl Plane {
    /// A thread's state without legs.
    pub fn new(
        clock: Clock,
        inbox: Arc<Inbox>,
        pool: Arc<PortPool>,
        queue: Arc<ReportQueue>,
    ) -> io::Result<Self> {
        let epoll = Epoll::new()?;
        epoll.watch(&*inbox, WAKE)?;
        Ok(Plane {
            clock,
            epoll,
            inbox,
            pool,
            queue,
            reports: Reports::default(),
            lines: Vec::new(),
            vacant: Vec::new(),
            places: HashMap::new(),
            rooms: Rooms::default(),
            wheel: Wheel::default(),
            beats: VecDeque::new(),
            commands: Vec::new(),
            arrivals: Vec::new(),
            room: [0; ROOM],
            is_busy: false,
            is_over: false,
        })
    }

    /// The thread's life: until told to finish; then every leg is closed.
    pub fn run(&mut self) -> io::Result<()> {
        let mut ready = Ready::new(BATCH);
        loop {
            self.wait(&mut ready)?;
            if self.turn(&ready) {
                break;
            }
        }
        let now = self.clock.now();
        self.rooms.close_all(now);
        for place in 0..self.lines.len() as u32 {
            self.close(place, now);
        }
        Ok(())
    }

    /// Wait until something is to be done.
    ///
    /// While packets flow nobody waits at the sockets: to wake a thread is the dearest part of receiving a packet. It sleeps to
    /// the next phase of the wheel, and then takes all that has come. Commands still wake it at once.
    fn wait(&self, ready: &mut Ready) -> io::Result<()> {
        let now = self.clock.now();
        if !self.is_busy {
            let timeout = self.next_due().map(|due| now.until(due));
            return self.epoll.wait(ready, timeout);
        }
        if !ready.is_full() {
            self.inbox.wait(now.until(wheel::following(now)));
        }
        self.epoll.wait(ready, Some(Duration::ZERO))
    }

    /// Do all that is to be done now; true: that was the end.
    ///
    /// Whoever tells something and then sends a packet finds them done in that order: all that was told is done before each
    /// packet. So a place in `ready` may be vacant by then, or another leg's: its sockets do not block, and what they hold is
    /// its own.
    fn turn(&mut self, ready: &Ready) -> bool {
        let now = self.clock.now();
        self.heed(now);
        let mut packets = 0;
        for token in (0..ready.len()).map(|index| ready.token(index)) {
            match token {
                WAKE => {
                    self.inbox.calm();
                    self.heed(now); // what came since, whose signal may be this one
                    continue;
                }
                token if token & 1 == 0 => self.receive((token >> 1) as u32, now),
                token => self.receive_control((token >> 1) as u32, now),
            }
            packets += 1;
        }
        self.is_busy = packets > 0;
        let now = self.clock.now();
        self.turn_wheel(now);
        self.beat(now);
        self.queue.hand_over(&mut self.reports);
        self.is_over
    }

    /// Do what was told, if anything was. Before each packet, since one may come while another's turn lasts.
    fn heed(&mut self, now: Moment) {
        if self.inbox.is_told() {
            self.is_over |= self.obey(now);
        }
    }

    fn next_due(&self) -> Option<Moment> {
        let beat = self.beats.front().map(|(due, ..)| *due);
        match (self.wheel.next_due(), beat) {
            (Some(frame), Some(beat)) => Some(frame.min(beat)),
            (frame, beat) => frame.or(beat),
        }
    }

    /// One packet of the peer; if more wait, the next wait says so. Those of strangers are cleared away before it, so that a
    /// flood of them neither delays the stream nor fills its socket.
    fn receive(&mut self, place: u32, now: Moment) {
        for _ in 0..MAX_DISCARDED {
            if !self.receive_one(place, now) {
                break;
            }
        }
    }

    /// True: it was to be discarded.
    fn receive_one(&mut self, place: u32, now: Moment) -> bool {
        self.heed(now);
        let Some(line) = self.lines[place as usize].as_mut() else {
            return false;
        };
        let Ok((length, from)) = line.pair.rtp.recv_from(&mut self.room) else {
            return false;
        };
        let leg = &mut line.leg;
        if leg.is_muxed() && rtcp::is_control(&self.room[..length]) {
            return !leg.receive_control(&self.room[..length], from, &self.clock, now);
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
    fn pass_on(&mut self, received: Received, target: u32, now: Moment) {
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
            line.send(&self.room[start..payload.end], &outgoing, now);
        }
    }

    fn receive_control(&mut self, place: u32, now: Moment) {
        self.heed(now);
        if let Some(line) = self.lines[place as usize].as_mut() {
            if let Ok((length, from)) = line.pair.rtcp.recv_from(&mut self.room) {
                line.leg
                    .receive_control(&self.room[..length], from, &self.clock, now);
            }
        }
    }

    fn turn_wheel(&mut self, now: Moment) {
        while let Some(mut turn) = self.wheel.turn(now) {
            let (lines, reports, due) = (&mut self.lines, &mut self.reports, turn.due);
            let rooms = &mut self.rooms;
            turn.legs.retain(|place| {
                if Rooms::is_room(*place) {
                    return rooms.turn(*place, lines, due, reports);
                }
                let Some(line) = lines[*place as usize].as_mut() else {
                    return false;
                };
                let mut packet = [0; MAX_PACKET];
                let mut next = line.leg.frame(due, &mut packet, reports.of(line.leg.id));
                while let Some(outgoing) = next {
                    line.send(&packet[..outgoing.length], &outgoing, due);
                    next = line.leg.more(&mut packet);
                }
                let stays = line.leg.needs_frames();
                if !stays {
                    line.phase = None;
                }
                stays
            });
            self.wheel.done(turn);
        }
    }

    fn beat(&mut self, now: Moment) {
        while let Some((due, place, id)) = self.beats.front().copied() {
            if due > now {
                return;
            }
            self.beats.pop_front();
            let Some(line) = self.lines[place as usize]
                .as_mut()
                .filter(|line| line.leg.id == id)
            else {
                continue;
            };
            let mut packet = [0; MAX_PACKET];
            if let Some(outgoing) = line.leg.idle_frame(now, &mut packet) {
                line.send(&packet[..outgoing.length], &outgoing, now);
            }
            let compound = line.leg.report(&self.clock, now, random());
            line.send_control(compound);
            self.beats.push_back((now.plus_ms(BEAT_MS), place, id));
        }
    }

    /// Do what was told, in order; true: that was the end.
    fn obey(&mut self, now: Moment) -> bool {
        let mut commands = std::mem::take(&mut self.commands);
        let mut arrivals = std::mem::take(&mut self.arrivals);
        let is_over = self.inbox.take(&mut commands, &mut arrivals);
        for line in arrivals.drain(..) {
            self.settle(Box::new(line), now);
        }
        let mut told = commands.drain(..);
        for (leg, verb) in told.by_ref() {
            if matches!(verb, Verb::Expect) && !self.places.contains_key(&leg) {
                self.commands.push((leg, verb)); // and all after it, until the leg is here
                break;
            }
            self.perform(leg, verb, now);
        }
        self.commands.extend(told);
        if self.commands.is_empty() {
            self.commands = commands; // the room is kept
        }
        self.arrivals = arrivals;
        is_over
    }

    fn perform(&mut self, id: LegId, verb: Verb, now: Moment) {
        let verb = match verb {
            Verb::Open(line) => return self.settle(line, now),
            Verb::OpenRoom => return self.rooms.open(id, &mut self.wheel, now),
            Verb::Expect => return,
            verb => verb,
        };
        if self.rooms.has(id) {
            return self.perform_on_room(id, verb, now);
        }
        let Some(place) = self.places.get(&id).copied() else {
            return;
        };
        match verb {
            Verb::Relay(other) => return self.relay(place, other, now),
            Verb::Unrelay => return self.unrelay(place),
            Verb::Close => return self.close(place, now),
            Verb::Join(room, membership) => return self.join(place, room, membership, now),
            Verb::Leave => return self.leave_room(place, now),
            Verb::Depart(inbox) => {
                if let Some(line) = self.leave(place) {
                    inbox.arrive(*line);
                }
                return;
            }
            _ => {}
        }
        let Some(line) = self.lines[place as usize].as_mut() else {
            return;
        };
        let peer = line.peer.filter(|_| matches!(verb, Verb::Update(_)));
        perform_on(&mut line.leg, verb, now, self.reports.of(id));
        if line.leg.needs_frames() && line.phase.is_none() {
            line.phase = Some(self.wheel.join(place, now));
        }
        // Held or resumed: what the peer hears stops and begins anew, and must not look like loss.
        if let Some(peer) = peer.and_then(|peer| self.lines[peer as usize].as_mut()) {
            peer.leg.interrupt();
        }
    }

    fn perform_on_room(&mut self, id: LegId, verb: Verb, now: Moment) {
        if !matches!(verb, Verb::Close) {
            return self.rooms.perform(id, verb, now, self.reports.of(id));
        }
        while let Some(place) = self.rooms.member(id) {
            self.leave_room(place, now);
        }
        self.rooms.close(id, &mut self.wheel, now);
    }

    fn join(&mut self, place: u32, room: LegId, membership: Membership, now: Moment) {
        if !membership.is_tapped {
            self.unrelay(place);
        }
        self.rooms
            .join(room, place, membership, &mut self.lines, now);
        if let Some(line) = self.lines[place as usize].as_mut() {
            if let (true, Some(phase)) = (line.room.is_some(), line.phase) {
                self.wheel.leave(place, phase);
                line.phase = None;
            }
        }
    }

    fn leave_room(&mut self, place: u32, now: Moment) {
        self.rooms.leave(place, &mut self.lines);
        if let Some(line) = self.lines[place as usize].as_mut() {
            if line.leg.needs_frames() && line.phase.is_none() {
                line.phase = Some(self.wheel.join(place, now));
            }
        }
    }

    /// Give a line a place here.
    fn settle(&mut self, mut line: Box<Line>, now: Moment) {
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
        self.beats
            .push_back((now.plus_ms(BEAT_MS), place, line.leg.id));
        self.places.insert(line.leg.id, place);
        self.lines[place as usize] = Some(line);
    }

    /// Take a line out of everything here.
    fn leave(&mut self, place: u32) -> Option<Box<Line>> {
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

    fn close(&mut self, place: u32, now: Moment) {
        if let Some(mut line) = self.leave(place) {
            let goodbye = line.leg.goodbye(&self.clock, now);
            line.send_control(goodbye);
            line.leg.close(now);
            self.pool.give_back(line.pair);
        }
    }

    fn relay(&mut self, place: u32, other: LegId, now: Moment) {
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
    }

    fn unrelay(&mut self, place: u32) {
        let peer = self.lines[place as usize]
            .as_ref()
            .and_then(|line| line.peer);
        if let Some(peer) = peer {
            self.set_peer(place, None);
            self.set_peer(peer, None);
        }
    }

    fn set_peer(&mut self, place: u32, peer: Option<u32>) {
        if let Some(line) = self.lines[place as usize].as_mut() {
            line.peer = peer;
            line.leg.is_relayed = peer.is_some();
            line.leg.interrupt();
        }
    }
}

/// What concerns the leg alone.
fn perform_on(leg: &mut Leg, verb: Verb, now: Moment, reports: &mut Reports) {
    match verb {
        Verb::Update(stream) => leg.update(stream, now, reports),
        Verb::Play(spec, loading) => leg.play(spec, loading, reports),
        Verb::Record(spec, track) => leg.record(Recorder::new(spec, track, now)),
        Verb::Control(change) => leg.change(&change, now),
        Verb::Mute { incoming, outgoing } => {
            (leg.mutes_incoming, leg.mutes_outgoing) = (incoming, outgoing);
        }
        Verb::Stop(name) => leg.stop(&name, now, reports),
        Verb::Echo(is_on) => leg.echo(is_on),
        Verb::SendDigits {
            name,
            digits,
            way,
            duration_ms,
            gap_ms,
        } => leg.send_digits(name, (&digits, way), duration_ms, gap_ms, reports),
        Verb::WatchAudio(is_on) => leg.watch_audio(is_on, now),
        _ => {}
    }
}

#[cfg(test)]
#[path = "plane_tests.rs"]
mod tests;
