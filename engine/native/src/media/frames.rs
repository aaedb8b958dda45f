//! What pipes give to programs outside: frames of octets, gathered by a media thread, taken by whoever steers, all at once.

use std::ops::Range;

/// Octets that may wait for the reader: ten seconds of a thousand pipes in mu-law. More are dropped, which their times show.
const MOST_OCTETS: usize = 80 << 20;

/// Which side of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What the peer says.
    Received,
    /// What the peer hears.
    Sent,
}

/// One frame of 20 ms, without its octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The pipe's name in frames.
    pub pipe: u64,
    /// Which side.
    pub side: Side,
    /// When, after the pipe was opened.
    pub at_ms: u64,
    length: usize,
}

/// Frames in the order in which they were made. Emptied it keeps its room.
#[derive(Debug, Default)]
pub struct Frames {
    frames: Vec<Frame>,
    octets: Vec<u8>,
}

impl Frames {
    /// One more.
    pub fn push(&mut self, pipe: u64, side: Side, at_ms: u64, octets: &[u8]) {
        self.frames.push(Frame {
            pipe,
            side,
            at_ms,
            length: octets.len(),
        });
        self.octets.extend_from_slice(octets);
    }

    /// Take over what another has, and empty it. True: there was something.
    pub fn take_from(&mut self, other: &mut Frames) -> bool {
        if other.frames.is_empty() {
            return false;
        }
        if self.octets.len() + other.octets.len() <= MOST_OCTETS {
            self.frames.extend_from_slice(&other.frames);
            self.octets.extend_from_slice(&other.octets);
        }
        other.clear();
        true
    }

    /// Forget all.
    pub fn clear(&mut self) {
        self.frames.clear();
        self.octets.clear();
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Each, with where its octets are.
    pub fn iter(&self) -> impl Iterator<Item = (Frame, Range<usize>)> + '_ {
        let mut start = 0;
        self.frames.iter().map(move |frame| {
            let range = start..start + frame.length;
            start = range.end;
            (*frame, range)
        })
    }

    /// The octets of all.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_in_order_with_their_octets() {
        let (mut made, mut waiting) = (Frames::default(), Frames::default());
        made.push(1, Side::Received, 0, &[1, 2, 3]);
        assert!(waiting.take_from(&mut made));
        made.push(2, Side::Sent, 20, &[4]);
        assert!(waiting.take_from(&mut made));
        assert!(made.is_empty() && !waiting.take_from(&mut made));
        let all: Vec<(u64, Side, u64, &[u8])> = waiting
            .iter()
            .map(|(frame, range)| {
                (
                    frame.pipe,
                    frame.side,
                    frame.at_ms,
                    &waiting.octets()[range],
                )
            })
            .collect();
        assert_eq!(
            all,
            [
                (1, Side::Received, 0, &[1, 2, 3][..]),
                (2, Side::Sent, 20, &[4][..])
            ]
        );
    }

    #[test]
    fn what_nobody_takes_does_not_grow_without_end() {
        let mut waiting = Frames::default();
        let octets = vec![0; MOST_OCTETS / 2];
        for _ in 0..3 {
            let mut made = Frames::default();
            made.push(1, Side::Received, 0, &octets);
            waiting.take_from(&mut made);
        }
        assert_eq!(waiting.iter().count(), 2);
    }
}
