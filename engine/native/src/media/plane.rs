//! One media thread: its legs' sockets, its wheel, its loop. Nothing on the 20 ms path allocates, locks or logs.

mod order;
mod place;
mod traffic;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::associations::Mailbox;
use super::clock::{Clock, Moment};
use super::command::{Inbox, Verb};
use super::lateness::Lateness;
use super::leg::MAX_PACKET;
use super::line::{voice_of_peer, Line};
use super::ports::PortPool;
use super::report::{LegId, ReportQueue, Reports};
use super::rooms::{self, Rooms};
use super::syscalls::{prefetch, random, worked, Epoll, Ready};
use super::wheel::{self, Wheel};

/// Descriptors reported per wait: a bound on how long the wheel waits for the sockets.
const BATCH: usize = 2048;
/// Packets of strangers that one leg's turn clears away.
const MAX_DISCARDED: usize = 64;
/// Room for any RTP packet that Ethernet carries.
const ROOM: usize = 2048;
/// Every leg is looked after so often (silence when idle, RTCP).
const BEAT_MS: u64 = 1000;
/// Those who are looked after at nearly the same time have it done in one turn: legs come by the hundred a second.
const BEAT_STEP: u64 = 10_000_000;
/// Whoever opens or closes a leg need not wake a thread that wakes so soon by itself.
const SOON: Duration = Duration::from_millis(10);
const WAKE: u64 = u64::MAX;

/// One media thread's state.
pub struct Plane {
    clock: Clock,
    epoll: Epoll,
    inbox: Arc<Inbox>,
    pool: Arc<PortPool>,
    queue: Arc<ReportQueue>,
    mailbox: Arc<Mailbox>,
    lateness: Arc<Lateness>,
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
        mailbox: Arc<Mailbox>,
    ) -> io::Result<Self> {
        let epoll = Epoll::new()?;
        epoll.watch(&*inbox, WAKE)?;
        Ok(Plane {
            clock,
            epoll,
            inbox,
            pool,
            queue,
            mailbox,
            lateness: Arc::default(),
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

    /// How late it is, for others to read.
    pub fn lateness(&self) -> Arc<Lateness> {
        self.lateness.clone()
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
            let mut timeout = self.next_due().map(|due| now.until(due));
            if !self
                .inbox
                .may_sleep(timeout.is_some_and(|timeout| timeout <= SOON))
            {
                timeout = Some(Duration::ZERO);
            }
            return self.epoll.wait(ready, timeout);
        }
        if !ready.is_full() && self.inbox.may_sleep(true) {
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
        for index in 0..ready.len() {
            self.foresee(ready, index);
            match ready.token(index) {
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

    fn turn_wheel(&mut self, now: Moment) {
        if let Some(due) = self.wheel.next_due() {
            self.lateness.note(now.0.saturating_sub(due.0), worked());
        }
        while let Some(mut turn) = self.wheel.turn(now) {
            let mut index = 0;
            while let Some(place) = turn.legs.get(index).copied() {
                self.fetch_ahead(&turn.legs[index..]);
                if self.frame(place, turn.due) {
                    index += 1;
                } else {
                    turn.legs.swap_remove(index);
                }
            }
            self.wheel.done(turn);
        }
    }

    /// Whose turn comes next but one, and what the next one points to, which is here by now. Of rooms, members are a step more.
    fn fetch_ahead(&self, places: &[u32]) {
        let near = places.iter().enumerate().take(rooms::STEPS).skip(1);
        for (ahead, place) in near.filter(|(_, place)| Rooms::is_room(**place)) {
            self.rooms.fetch_ahead(*place, ahead, &self.lines);
        }
        let line = |ahead: usize| self.lines.get(*places.get(ahead)? as usize)?.as_deref();
        if let Some(line) = line(2) {
            prefetch(line);
        }
        if let Some(line) = line(1) {
            line.leg.prefetch();
        }
    }

    /// The turn of whoever has that place on the wheel; false: it needs no more.
    fn frame(&mut self, place: u32, due: Moment) -> bool {
        let reports = &mut self.reports;
        if Rooms::is_room(place) {
            return self.rooms.turn(place, &mut self.lines, due, reports);
        }
        let voice = voice_of_peer(&mut self.lines, place, due);
        let Some(line) = self.lines[place as usize].as_mut() else {
            return false;
        };
        let mut packet = [0; MAX_PACKET];
        let reports = reports.of(line.leg.id);
        let mut next = if line.leg.is_converted() {
            line.leg.peer_frame(due, voice, &mut packet, reports)
        } else {
            line.leg.frame(due, &mut packet, reports)
        };
        while let Some(outgoing) = next {
            line.send(&mut packet, &outgoing, due);
            next = line.leg.more(&mut packet);
        }
        let stays = line.leg.needs_frames();
        if !stays {
            line.phase = None;
        }
        stays
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
                line.send(&mut packet, &outgoing, now);
            }
            let compound = line.leg.report(&self.clock, now, random);
            line.send_control(compound);
            self.beats.push_back((beat_after(now), place, id));
        }
    }
}

/// When a leg is looked after next.
fn beat_after(now: Moment) -> Moment {
    Moment(now.plus_ms(BEAT_MS).0.next_multiple_of(BEAT_STEP))
}

#[cfg(test)]
#[path = "plane_tests.rs"]
mod tests;
