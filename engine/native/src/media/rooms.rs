//! The rooms of one media thread. A room's turn comes by the wheel, as a leg's does: its place there has `MARK` set.

use std::collections::HashMap;

use super::clock::Moment;
use super::command::Verb;
use super::line::Line;
use super::recorder::Recorder;
use super::report::{LegId, Reports};
use super::room::{Membership, Room};
use super::syscalls::prefetch;
use super::wheel::Wheel;

/// Set in places that are a room's, on the wheel.
const MARK: u32 = 1 << 31;

type Lines = [Option<Box<Line>>];

/// How many turns ahead a room is fetched: itself, then its members, then their legs.
pub const STEPS: usize = 4;

/// The rooms, each in its place.
#[derive(Default)]
pub struct Rooms {
    list: Vec<Option<Seat>>,
    vacant: Vec<u32>,
    places: HashMap<LegId, u32>,
}

struct Seat {
    room: Box<Room>,
    phase: u8,
}

impl Rooms {
    /// Is that place on the wheel a room's?
    pub fn is_room(place: u32) -> bool {
        place & MARK != 0
    }

    /// Is that a room here?
    pub fn has(&self, id: LegId) -> bool {
        self.places.contains_key(&id)
    }

    /// A new room.
    pub fn open(&mut self, id: LegId, wheel: &mut Wheel, now: Moment) {
        let place = self.vacant.pop().unwrap_or_else(|| {
            self.list.push(None);
            self.list.len() as u32 - 1
        });
        let phase = wheel.join(place | MARK, now);
        let room = Box::new(Room::new(id));
        self.list[place as usize] = Some(Seat { room, phase });
        self.places.insert(id, place);
    }

    /// The turn of the room at that place of the wheel; false: it is gone.
    pub fn turn(
        &mut self,
        place: u32,
        lines: &mut Lines,
        due: Moment,
        reports: &mut Reports,
    ) -> bool {
        match &mut self.list[(place & !MARK) as usize] {
            Some(seat) => seat.room.turn(lines, due, reports),
            None => return false,
        }
        true
    }

    /// Let the processor fetch what the turn of that room will touch, which comes after so many others.
    pub fn fetch_ahead(&self, place: u32, ahead: usize, lines: &Lines) {
        let Some(Some(seat)) = self.list.get((place & !MARK) as usize) else {
            return;
        };
        match ahead {
            1 => seat.room.fetch_legs(lines),
            2 => seat.room.fetch_members(),
            _ => prefetch(&*seat.room),
        }
    }

    /// Let a leg take part in a room; it leaves any other first. In the same room it takes part in another way.
    pub fn join(
        &mut self,
        id: LegId,
        place: u32,
        membership: Membership,
        lines: &mut Lines,
        now: Moment,
    ) {
        let Some(room) = self.places.get(&id).copied() else {
            return;
        };
        let before = lines[place as usize].as_ref().and_then(|line| line.room);
        if before.is_some_and(|before| before != room) {
            self.leave(place, lines);
        }
        let (Some(seat), Some(line)) = (
            &mut self.list[room as usize],
            lines[place as usize].as_mut(),
        ) else {
            return;
        };
        if before == Some(room) {
            seat.room.change(line, membership);
        } else {
            seat.room.join(place, line, membership, now);
            line.room = Some(room);
        }
    }

    /// A leg leaves its room, if it is in one.
    pub fn leave(&mut self, place: u32, lines: &mut Lines) {
        let Some(line) = lines[place as usize].as_mut() else {
            return;
        };
        if let Some(room) = line.room.take() {
            if let Some(seat) = &mut self.list[room as usize] {
                seat.room.leave(line);
            }
        }
    }

    /// Do what a room was told, in the words for a leg.
    pub fn perform(&mut self, id: LegId, verb: Verb, now: Moment, reports: &mut Reports) {
        let Some(seat) = self
            .places
            .get(&id)
            .and_then(|place| self.list[*place as usize].as_mut())
        else {
            return;
        };
        let room = &mut seat.room;
        match verb {
            Verb::Play(spec, loading) => room.play(spec, loading, reports),
            Verb::Record(spec, track) => room.record(Recorder::new(spec, track, now)),
            Verb::Control(change) => room.control(&change, now),
            Verb::Stop(name) => room.stop(&name, now, reports),
            _ => {}
        }
    }

    /// A leg's codec is another.
    pub fn fit(&mut self, line: &Line) {
        let seat = line.room.and_then(|room| self.list[room as usize].as_mut());
        if let Some(seat) = seat {
            seat.room.fit(line.leg.rate());
        }
    }

    /// A member of a room that is about to end.
    pub fn member(&self, id: LegId) -> Option<u32> {
        let place = self.places.get(&id)?;
        self.list[*place as usize].as_ref()?.room.last()
    }

    /// End a room that nobody is in any more.
    pub fn close(&mut self, id: LegId, wheel: &mut Wheel, now: Moment) {
        let Some(place) = self.places.remove(&id) else {
            return;
        };
        if let Some(mut seat) = self.list[place as usize].take() {
            seat.room.close(now);
            wheel.leave(place | MARK, seat.phase);
            self.vacant.push(place);
        }
    }

    /// End all, their recordings properly.
    pub fn close_all(&mut self, now: Moment) {
        for seat in self.list.iter_mut().flatten() {
            seat.room.close(now);
        }
    }
}
