//! What a media thread is told, done in order.

use super::super::clock::Moment;
use super::super::command::Verb;
use super::super::leg::Leg;
use super::super::line::Line;
use super::super::recorder::Recorder;
use super::super::report::{LegId, Reports};
use super::super::room::Membership;
use super::super::syscalls::random;
use super::Plane;

impl Plane {
    /// Do what was told, in order; true: that was the end.
    pub(super) fn obey(&mut self, now: Moment) -> bool {
        let mut commands = std::mem::take(&mut self.commands);
        let mut arrivals = std::mem::take(&mut self.arrivals);
        self.hold(&commands, false);
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
        let mut left = std::mem::take(&mut self.commands);
        left.extend(told);
        self.hold(&left, true);
        self.commands = if left.is_empty() { commands } else { left }; // the room is kept
        self.arrivals = arrivals;
        is_over
    }

    /// Those who were told something that waits hear nothing before it is done: a packet that was sent after it comes after it.
    fn hold(&mut self, waiting: &[(LegId, Verb)], is_held: bool) {
        for (id, _) in waiting {
            let place = self.places.get(id);
            if let Some(line) = place.and_then(|place| self.lines[*place as usize].as_mut()) {
                line.is_held = is_held;
            }
        }
    }

    pub(super) fn perform(&mut self, id: LegId, verb: Verb, now: Moment) {
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
        let Some(verb) = associate(line, verb) else {
            return;
        };
        let is_update = matches!(verb, Verb::Update(_));
        let is_urgent = matches!(
            verb,
            Verb::Play(..) | Verb::Loaded | Verb::SendDigits { .. }
        );
        let peer = line
            .peer
            .filter(|_| is_update || matches!(verb, Verb::Mute { .. }));
        perform_on(&mut line.leg, verb, now, self.reports.of(id));
        if is_update {
            self.rooms.fit(line);
        }
        if is_urgent && line.leg.is_quiet(now) {
            self.hurry(place, now);
        } else if line.leg.needs_frames() && line.phase.is_none() {
            line.phase = Some(self.wheel.join(place, now));
        }
        // Held or resumed: what the peer hears stops and begins anew, and must not look like loss.
        if let Some(peer) = peer.and_then(|peer| self.lines[peer as usize].as_mut()) {
            peer.leg.interrupt();
        }
        if is_update {
            self.match_codecs(place, now);
        }
    }

    /// Give a leg that has something to say its turn now, and the others from then on. One that has turns already keeps to them
    /// if anything hears time pass by them.
    fn hurry(&mut self, place: u32, now: Moment) {
        let Some(line) = self.lines[place as usize].as_mut() else {
            return;
        };
        if !line.leg.needs_frames() {
            return;
        }
        match line.phase {
            Some(phase) if line.leg.waits_for_files() => self.wheel.leave(place, phase),
            Some(_) => return,
            None => {}
        }
        let (phase, due) = self.wheel.join_now(place, now);
        line.phase = Some(phase);
        if due.is_some_and(|due| !self.frame(place, due)) {
            self.wheel.leave(place, phase);
        }
    }

    pub(super) fn perform_on_room(&mut self, id: LegId, verb: Verb, now: Moment) {
        if !matches!(verb, Verb::Close) {
            return self.rooms.perform(id, verb, now, self.reports.of(id));
        }
        while let Some(place) = self.rooms.member(id) {
            self.leave_room(place, now);
        }
        self.rooms.close(id, &mut self.wheel, now);
    }

    pub(super) fn join(&mut self, place: u32, room: LegId, membership: Membership, now: Moment) {
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

    pub(super) fn leave_room(&mut self, place: u32, now: Moment) {
        self.rooms.leave(place, &mut self.lines);
        if let Some(line) = self.lines[place as usize].as_mut() {
            if line.leg.needs_frames() && line.phase.is_none() {
                line.phase = Some(self.wheel.join(place, now));
            }
        }
    }
}

/// What its association wants of a line; gives back what is something else.
fn associate(line: &mut Line, verb: Verb) -> Option<Verb> {
    match verb {
        Verb::Associate { has_ice } => {
            line.leg.associate(has_ice);
        }
        Verb::Transmit(packet, to) => {
            let _ = line.pair.rtp.send_to(&packet, to); // it is sent again if it gets lost
        }
        Verb::Route(to, relay) => {
            line.leg.route(to);
            line.relay = relay.map(|relay| (relay, to));
        }
        Verb::Farewell(packet, to) => line.farewell = Some((packet, to)),
        other => return Some(other),
    }
    None
}

/// What concerns the leg alone.
fn perform_on(leg: &mut Leg, verb: Verb, now: Moment, reports: &mut Reports) {
    match verb {
        Verb::Secure(keys) => leg.secure(keys.as_deref(), random()),
        Verb::Update(stream) => leg.update(stream, now, reports),
        Verb::Play(spec, loading) => leg.play(spec, loading, reports),
        Verb::Record(spec, track) => leg.record(Recorder::new(spec, track, now)),
        Verb::Control(change) => leg.change(&change, now),
        Verb::Mute { incoming, outgoing } => {
            (leg.mutes_incoming, leg.mutes_outgoing) = (incoming, outgoing);
        }
        Verb::Stop(name) => leg.stop(&name, now, reports),
        Verb::Echo(delay_ms) => leg.echo(delay_ms),
        Verb::SendDigits {
            name,
            digits,
            way,
            duration_ms,
            gap_ms,
        } => leg.send_digits(name, (&digits, way), duration_ms, gap_ms, reports),
        Verb::WatchAudio(is_on) => leg.watch_audio(is_on, now),
        Verb::Detect(level) => leg.detect(level, now),
        Verb::OpenPipe(spec) => leg.open_pipe(*spec, now),
        Verb::Pipe(id, inflow) => leg.pour(id, inflow, now, reports),
        _ => {}
    }
}
