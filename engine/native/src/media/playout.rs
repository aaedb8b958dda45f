//! The jitter buffer: packets go in as they come, 20 ms of sound come out every 20 ms.
//!
//! Used where a stream is heard here and now, as by the echo. Recordings lay packets out by themselves, with more patience; a
//! relay leaves it to the receiver's own buffer.
//!
//! A packet's transit is its arrival minus its timestamp. The least of the last seconds is `base`: the way without a queue. What
//! comes on top is jitter; the greatest but one of the last 128 packets' says how deep the buffer has to be. So it deepens at
//! once, shallows when the spikes are out of sight, and follows the peer's clock, as `base` does. To deepen, a frame is made up
//! as if one were lost; to shallow, a pitch period is left out where what follows it looks like it.
//!
//! Time is counted in samples of 8 kHz, as everywhere; of a stream at 16 kHz the ring holds two for each.

use super::clock::{Moment, FRAME};
use super::codec::Rate;
use super::concealment::{blend, likeness, Concealment};
use super::rtp::{samples_between, Header, Seq, Ssrc};
use super::sound::is_loud;

/// Samples that may wait: a second, or half of one. A power of two, as timestamps wrap at one.
const MOST_ROOM: usize = 8192;
/// Room for so many is enough where the network is good. It grows when more wait, and stays.
const LEAST_ROOM: usize = 1024;
/// Stands where nothing came; G.711 has no sample of that value.
const MISSING: i16 = i16::MIN;
/// Packets whose jitter is remembered.
const SEEN: usize = 128;
/// On top of the jitter, in samples: 10 ms, for the turns of both sides.
const MARGIN: i32 = 80;
/// The greatest depth: 400 ms. What is later is lost.
const MAX_DEPTH: i32 = 3200;
/// Shallower than it should be by so much, a frame is made up.
const TOO_SHALLOW: i32 = 60;
/// Deeper than it should be by so much, samples are left out,
const TOO_DEEP: i32 = 200;
/// at most every so many turns.
const PATIENCE: u32 = 8;
/// Packets over which the least transit is found: four seconds, and the four before.
const SPAN: u32 = 200;
/// Transit that differs by so much, half a second, is another clock.
const MAX_JUMP: i32 = 4000;
/// The least and the most that is left out at once: a pitch period.
const SKIPS: std::ops::RangeInclusive<usize> = 40..=FRAME;
/// What is compared, and blended, when something is left out.
const SEAM: usize = 80;

/// One stream's buffer.
pub struct Playout {
    ring: Box<[i16]>,
    /// Samples in the ring for each of 8 kHz.
    factor: usize,
    source: Option<Source>,
    concealment: Concealment,
    jitter: [u16; SEEN],
    measured: usize,
    /// The greatest but one of `jitter`.
    usual: u16,
    turns: u32,
}

/// The stream that is heard.
struct Source {
    ssrc: Ssrc,
    /// The timestamp of the next sample to be heard.
    next: u32,
    base: u32,
    least: u32,
    packets: u32,
    highest: Seq,
    /// Which of the 64 packets up to the highest came: bit 0 is the highest.
    came: u64,
}

impl Default for Playout {
    fn default() -> Self {
        Playout::new(Rate::Narrow)
    }
}

impl Playout {
    /// Of a stream at that rate.
    pub fn new(rate: Rate) -> Self {
        Playout {
            ring: vec![MISSING; LEAST_ROOM * rate.factor()].into_boxed_slice(),
            factor: rate.factor(),
            source: None,
            concealment: Concealment::new(rate),
            jitter: [0; SEEN],
            measured: 0,
            usual: 0,
            turns: 0,
        }
    }

    /// A packet's samples; false: they came after their time.
    pub fn receive(&mut self, header: &Header, samples: &[i16], now: Moment) -> bool {
        let transit = now.samples().wrapping_sub(header.timestamp);
        match &mut self.source {
            Some(source) if source.ssrc == header.ssrc => {
                if !source.is_first_time(header.sequence) {
                    return true;
                }
                let excess = samples_between(source.base, transit);
                if excess.unsigned_abs() < MAX_JUMP as u32 {
                    let jitter = source.measure(transit);
                    self.remember(jitter);
                } else if source.highest == header.sequence {
                    self.begin(header, transit);
                }
            }
            _ => self.begin(header, transit),
        }
        self.put(header, samples)
    }

    /// Another stream follows, be it of the same source: its numbers say nothing about those before.
    pub fn restart(&mut self) {
        self.source = None;
    }

    /// Nothing is missing: the peer says that it is silent, or sends a digit.
    pub fn rest(&mut self) {
        self.concealment.rest();
    }

    /// Nothing is missing: the peer says that it is silent, in noise of that many dB under full scale.
    pub fn rest_in_noise(&mut self, below: u8) {
        self.concealment.rest_in_noise(below);
    }

    /// The next 20 ms, at its rate; false when there is nothing to be heard.
    pub fn fill(&mut self, samples: &mut [i16], now: Moment) -> bool {
        let (target, turns) = (self.target(), self.turns);
        let Some(source) = &mut self.source else {
            return false;
        };
        self.turns += 1;
        let depth = source.depth(now);
        if depth < target - TOO_SHALLOW {
            self.concealment.conceal(samples);
        } else {
            if depth > target + MAX_DEPTH {
                let passed = (depth - target) as u32; // nobody listened meanwhile
                self.forget(passed);
            } else if depth > target + TOO_DEEP && turns >= PATIENCE {
                self.leave_out();
            }
            self.take(samples);
        }
        !self.concealment.is_silent()
    }

    /// How deep it has to be at present, in samples: a packet may be so much later than the fastest.
    pub fn target(&self) -> i32 {
        (i32::from(self.usual) + MARGIN).min(MAX_DEPTH)
    }

    /// One packet's jitter more. Most neither are among the greatest nor push one of those out: nothing changes then.
    fn remember(&mut self, jitter: u16) {
        let forgotten = std::mem::replace(&mut self.jitter[self.measured % SEEN], jitter);
        self.measured += 1;
        if jitter <= self.usual && forgotten < self.usual {
            return;
        }
        let (mut most, mut second) = (0, 0);
        for jitter in self.jitter {
            if jitter > most {
                (most, second) = (jitter, most);
            } else if jitter > second {
                second = jitter;
            }
        }
        self.usual = second;
    }

    /// Another stream, or this one by another clock.
    fn begin(&mut self, header: &Header, transit: u32) {
        self.ring.fill(MISSING);
        self.source = Some(Source {
            ssrc: header.ssrc,
            next: header.timestamp,
            base: transit,
            least: transit,
            packets: 0,
            highest: header.sequence,
            came: 1,
        });
    }

    /// False: all of it is past.
    fn put(&mut self, header: &Header, samples: &[i16]) -> bool {
        let Some(source) = &self.source else {
            return false;
        };
        let place = samples_between(source.next, header.timestamp);
        if place.saturating_add((samples.len() / self.factor) as i32) <= 0 {
            return false;
        }
        let past = usize::try_from(-place).unwrap_or(0) * self.factor;
        let start = usize::try_from(place).unwrap_or(0);
        let next = source.next;
        let ahead = start * self.factor;
        self.make_room(ahead + samples.len() - past, next);
        let room = self.ring.len();
        let count = (samples.len() - past).min(room.saturating_sub(ahead));
        let at = self.place_of(next.wrapping_add(start as u32));
        let (first, rest) = samples[past..past + count].split_at(count.min(room - at));
        for (from, at) in [(first, at), (rest, 0)] {
            for (kept, sample) in self.ring[at..].iter_mut().zip(from) {
                *kept = (*sample).max(MISSING + 1);
            }
        }
        true
    }

    /// Where in the ring the first sample of that timestamp is.
    fn place_of(&self, timestamp: u32) -> usize {
        (timestamp as usize * self.factor) & (self.ring.len() - 1)
    }

    /// The place so many samples further on.
    fn after(&self, at: usize, count: usize) -> usize {
        (at + count) & (self.ring.len() - 1)
    }

    /// Let so many samples from `next` on fit in, if they may.
    fn make_room(&mut self, count: usize, next: u32) {
        let before = self.ring.len();
        if count <= before || before == MOST_ROOM {
            return;
        }
        let room = count.next_power_of_two().min(MOST_ROOM);
        let from = self.place_of(next);
        let kept = std::mem::replace(&mut self.ring, vec![MISSING; room].into_boxed_slice());
        let to = self.place_of(next);
        for offset in 0..before {
            let at = self.after(to, offset);
            self.ring[at] = kept[(from + offset) & (before - 1)];
        }
    }

    /// What is next in the ring, what is missing made up.
    fn take(&mut self, samples: &mut [i16]) {
        let Some(next) = self.source.as_ref().map(|source| source.next) else {
            return;
        };
        let at = self.place_of(next);
        let until = samples.len().min(self.ring.len() - at);
        let (first, rest) = samples.split_at_mut(until);
        for (into, at) in [(first, at), (rest, 0)] {
            let kept = &mut self.ring[at..at + into.len()];
            into.copy_from_slice(kept);
            kept.fill(MISSING);
        }
        self.go_on(FRAME as u32);
        if !samples.contains(&MISSING) {
            return self.concealment.hear(samples);
        }
        for piece in samples.chunk_by_mut(|one, next| (*one == MISSING) == (*next == MISSING)) {
            if piece.first() == Some(&MISSING) {
                self.concealment.conceal(piece);
            } else {
                self.concealment.hear(piece);
            }
        }
    }

    /// Go on so much later.
    fn forget(&mut self, count: u32) {
        let Some(next) = self.source.as_ref().map(|source| source.next) else {
            return;
        };
        let from = self.place_of(next);
        for offset in 0..(count as usize * self.factor).min(self.ring.len()) {
            let at = self.after(from, offset);
            self.ring[at] = MISSING;
        }
        self.go_on(count);
    }

    fn go_on(&mut self, count: u32) {
        if let Some(source) = &mut self.source {
            source.next = source.next.wrapping_add(count);
        }
    }

    /// Leave out a pitch period, or a frame of silence. Not where something is missing.
    fn leave_out(&mut self) {
        let Some(source) = &self.source else {
            return;
        };
        let (from, factor) = (self.place_of(source.next), self.factor);
        let mut room = [0; (FRAME + SEAM) * Rate::Wide.factor()];
        let ahead = &mut room[..(FRAME + SEAM) * factor];
        for (offset, sample) in ahead.iter_mut().enumerate() {
            *sample = self.ring[self.after(from, offset)];
        }
        if ahead.contains(&MISSING) {
            return;
        }
        let seam = SEAM * factor;
        let (now, _) = ahead.split_at(seam);
        let alike = |skip: usize| likeness(now, &ahead[skip * factor..skip * factor + seam]);
        let skip = if is_loud(ahead) {
            let better = |best: usize, skip: usize| {
                if alike(skip) > alike(best) {
                    skip
                } else {
                    best
                }
            };
            SKIPS.fold(*SKIPS.start(), better)
        } else {
            *SKIPS.end()
        };
        let after = &ahead[skip * factor..skip * factor + seam];
        for (step, (old, new)) in now.iter().zip(after).enumerate() {
            let at = self.after(from, skip * factor + step);
            self.ring[at] = blend(*old, *new, step, seam).max(MISSING + 1);
        }
        self.forget(skip as u32);
        self.turns = 0;
    }
}

impl Source {
    /// How much later than the fastest packet the next sample is heard, in samples.
    fn depth(&self, now: Moment) -> i32 {
        samples_between(self.next.wrapping_add(self.base), now.samples())
    }

    /// False for what came before, or long ago.
    fn is_first_time(&mut self, sequence: Seq) -> bool {
        let step = sequence.after(self.highest);
        if step > 0 {
            self.highest = sequence;
            self.came = self.came.checked_shl(step as u32).unwrap_or(0) | 1;
            return true;
        }
        let mark = 1u64
            .checked_shl(u32::from(step.unsigned_abs()))
            .unwrap_or(0);
        let is_new = mark != 0 && self.came & mark == 0;
        self.came |= mark;
        is_new
    }

    /// The jitter of a packet, in samples.
    fn measure(&mut self, transit: u32) -> u16 {
        let least = |one, other| {
            if samples_between(one, other) < 0 {
                other
            } else {
                one
            }
        };
        self.least = least(self.least, transit);
        self.base = least(self.base, transit);
        self.packets += 1;
        if self.packets == SPAN {
            (self.base, self.least, self.packets) = (self.least, transit, 0);
        }
        samples_between(self.base, transit).clamp(0, MAX_JUMP) as u16
    }
}

#[cfg(test)]
#[path = "playout_tests.rs"]
mod tests;
