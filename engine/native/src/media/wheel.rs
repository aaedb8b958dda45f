//! Ten phases of two milliseconds: a leg that has something to do each frame sits in one of them.
//!
//! Deadlines are absolute, so nothing drifts. A thread that was held up does what it missed, up to three frames a leg; what is
//! older is left out, so that no receiver gets a burst.

use super::clock::{Moment, FRAME_NANOS};

/// Phases of one frame.
const PHASES: usize = 10;
const PHASE_NANOS: u64 = FRAME_NANOS / PHASES as u64;
/// Legs of one phase that are few, however empty the others are.
const CROWD: usize = 20;
/// Phases that are made up for after a stall: three frames.
const MAX_LATE: u64 = 3 * PHASES as u64;

/// Which legs are due when.
#[derive(Debug, Default)]
pub struct Wheel {
    phases: [Vec<u32>; PHASES],
    next: u64,
    count: usize,
}

/// Legs that are due now; given back by `Wheel::done`.
#[derive(Debug)]
pub struct Turn {
    /// The deadline they are due at.
    pub due: Moment,
    /// Their places. Those taken out are no longer on the wheel.
    pub legs: Vec<u32>,
    phase: usize,
    before: usize,
}

/// The beginning of the phase after `now`.
pub fn following(now: Moment) -> Moment {
    Moment((now.0 / PHASE_NANOS + 1) * PHASE_NANOS)
}

impl Wheel {
    /// Put a leg into the emptiest phase, of equals the next one to come; returns the phase.
    pub fn join(&mut self, leg: u32, now: Moment) -> u8 {
        let following = now.0 / PHASE_NANOS + 1;
        if self.count == 0 {
            self.next = following;
        }
        let next = self.next.max(following) as usize;
        let phase = (0..PHASES)
            .map(|step| (next + step) % PHASES)
            .min_by_key(|phase| self.phases[*phase].len())
            .unwrap_or_default();
        self.phases[phase].push(leg);
        self.count += 1;
        phase as u8
    }

    /// Put a leg into the phase that goes on, unless that is crowded; returns the phase, and when its turn was, if that is over:
    /// then it is to be taken now.
    pub fn join_now(&mut self, leg: u32, now: Moment) -> (u8, Option<Moment>) {
        let current = now.0 / PHASE_NANOS;
        let phase = (current % PHASES as u64) as usize;
        if self.phases[phase].len() > CROWD + 2 * self.count / PHASES {
            return (self.join(leg, now), None);
        }
        if self.count == 0 {
            self.next = current + 1;
        }
        self.phases[phase].push(leg);
        self.count += 1;
        let is_over = self.next > current;
        (
            phase as u8,
            is_over.then_some(Moment(current * PHASE_NANOS)),
        )
    }

    /// Take a leg out of its phase.
    pub fn leave(&mut self, leg: u32, phase: u8) {
        let legs = &mut self.phases[usize::from(phase)];
        if let Some(place) = legs.iter().position(|other| *other == leg) {
            legs.swap_remove(place);
            self.count -= 1;
        }
    }

    /// When the next leg is due; None: the wheel is empty.
    pub fn next_due(&self) -> Option<Moment> {
        if self.count == 0 {
            return None;
        }
        (self.next..self.next + PHASES as u64)
            .find(|tick| !self.phases[(tick % PHASES as u64) as usize].is_empty())
            .map(|tick| Moment(tick * PHASE_NANOS))
    }

    /// The next legs that are due at `now`; None: nobody yet.
    pub fn turn(&mut self, now: Moment) -> Option<Turn> {
        let current = now.0 / PHASE_NANOS;
        self.next = self.next.max(current.saturating_sub(MAX_LATE));
        while self.count > 0 && self.next <= current {
            let tick = self.next;
            self.next += 1;
            let phase = (tick % PHASES as u64) as usize;
            if !self.phases[phase].is_empty() {
                let legs = std::mem::take(&mut self.phases[phase]);
                return Some(Turn {
                    due: Moment(tick * PHASE_NANOS),
                    before: legs.len(),
                    legs,
                    phase,
                });
            }
        }
        None
    }

    /// Put back those of a turn that stay.
    pub fn done(&mut self, mut turn: Turn) {
        self.count -= turn.before - turn.legs.len();
        turn.legs.append(&mut self.phases[turn.phase]);
        self.phases[turn.phase] = turn.legs;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Moment {
        Moment(0).plus_ms(milliseconds)
    }

    fn turns(wheel: &mut Wheel, now: Moment) -> Vec<(u64, Vec<u32>)> {
        let mut turns = Vec::new();
        while let Some(turn) = wheel.turn(now) {
            turns.push((turn.due.0 / 1_000_000, turn.legs.clone()));
            wheel.done(turn);
        }
        turns
    }

    #[test]
    fn a_leg_is_due_every_twenty_milliseconds_however_late_one_looks() {
        let mut wheel = Wheel::default();
        wheel.join(7, ms(100));
        assert_eq!(wheel.next_due(), Some(ms(102)));
        assert!(turns(&mut wheel, Moment(101_999_999)).is_empty());
        assert_eq!(turns(&mut wheel, Moment(103_700_000)), [(102, vec![7])]);
        assert_eq!(wheel.next_due(), Some(ms(122)));
        assert_eq!(turns(&mut wheel, ms(145)), [(122, vec![7]), (142, vec![7])]);
    }

    #[test]
    fn legs_are_spread_over_the_phases() {
        let mut wheel = Wheel::default();
        let phases: std::collections::HashSet<u8> =
            (0..20).map(|leg| wheel.join(leg, ms(0))).collect();
        assert_eq!(phases.len(), PHASES);
        assert_eq!(turns(&mut wheel, ms(20)).len(), PHASES);
    }

    #[test]
    fn who_joins_now_has_the_phase_that_goes_on_and_takes_its_turn_if_that_is_over() {
        let mut wheel = Wheel::default();
        let now = Moment(103_700_000);
        assert_eq!(wheel.join_now(7, now), (1, Some(ms(102))));
        assert!(turns(&mut wheel, now).is_empty());
        assert_eq!(turns(&mut wheel, ms(122)), [(122, vec![7])]);
        assert_eq!(wheel.join_now(8, ms(124)), (2, None)); // the wheel has not come to that yet
        assert_eq!(turns(&mut wheel, ms(124)), [(124, vec![8])]);
    }

    #[test]
    fn many_who_join_now_are_spread_over_the_phases() {
        let mut wheel = Wheel::default();
        for leg in 0..1000 {
            wheel.join_now(leg, ms(100));
        }
        assert!(wheel.phases.iter().all(|legs| legs.len() < 300));
    }

    #[test]
    fn a_stall_is_made_up_for_by_three_frames_at_most() {
        let mut wheel = Wheel::default();
        wheel.join(1, ms(0));
        assert_eq!(turns(&mut wheel, ms(5000)).len(), 3);
        assert_eq!(turns(&mut wheel, ms(5000)).len(), 0);
        assert_eq!(turns(&mut wheel, ms(5020)).len(), 1);
    }

    #[test]
    fn who_leaves_is_due_no_more() {
        let mut wheel = Wheel::default();
        let phase = wheel.join(1, ms(0));
        wheel.leave(1, phase);
        wheel.leave(1, phase);
        assert_eq!(wheel.next_due(), None);
        wheel.join(2, ms(1000));
        let mut turn = wheel.turn(ms(1002)).unwrap();
        turn.legs.clear();
        wheel.done(turn);
        assert_eq!(wheel.next_due(), None);
        assert!(wheel.turn(ms(9000)).is_none());
    }

    #[test]
    fn who_joins_during_a_turn_is_kept() {
        let mut wheel = Wheel::default();
        wheel.join(1, ms(0));
        let turn = wheel.turn(ms(2)).unwrap();
        for leg in 2..30 {
            wheel.join(leg, ms(2));
        }
        wheel.done(turn);
        assert_eq!(
            turns(&mut wheel, ms(22))
                .iter()
                .map(|(_, legs)| legs.len())
                .sum::<usize>(),
            29
        );
    }
}
