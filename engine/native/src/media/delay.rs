//! What is heard comes back later: a ring of frames, made once and never grown.

use super::clock::FRAME;
use super::codec::Rate;

/// The longest delay, in frames: ten seconds.
const MOST_FRAMES: u32 = 500;
/// Milliseconds of a frame.
const FRAME_MS: u32 = 20;

/// Frames on their way.
pub struct DelayLine {
    samples: Box<[i16]>,
    is_heard: Box<[bool]>,
    /// Samples of a frame.
    length: usize,
    next: usize,
}

impl DelayLine {
    /// One of so many milliseconds at that rate, in whole frames; None: it would be without any.
    pub fn of(milliseconds: u32, rate: Rate) -> Option<Self> {
        let frames = milliseconds.div_ceil(FRAME_MS).min(MOST_FRAMES) as usize;
        let length = FRAME * rate.factor();
        (frames > 0).then(|| DelayLine {
            samples: vec![0; frames * length].into_boxed_slice(),
            is_heard: vec![false; frames].into_boxed_slice(),
            length,
            next: 0,
        })
    }

    /// A frame goes in, be there something to be heard in it or not; the one that is due takes its place, and whether that is heard.
    pub fn pass(&mut self, samples: &mut [i16], is_heard: bool) -> bool {
        let (place, start) = (self.next, self.next * self.length);
        self.next = (place + 1) % self.is_heard.len();
        self.samples[start..start + self.length].swap_with_slice(samples);
        std::mem::replace(&mut self.is_heard[place], is_heard)
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::FRAME;
    use super::super::codec::Rate;
    use super::DelayLine;

    /// After how many frames the first one comes back.
    fn delay(milliseconds: u32) -> usize {
        let mut line = DelayLine::of(milliseconds, Rate::Narrow).unwrap();
        let mut samples = [7; FRAME];
        let mut frames = 0;
        while !line.pass(&mut samples, frames == 0) {
            assert_eq!(samples, [0; FRAME]);
            frames += 1;
            samples.fill(0);
        }
        assert_eq!(samples, [7; FRAME]);
        frames
    }

    #[test]
    fn a_frame_comes_back_after_its_time_and_never_sooner() {
        assert!(DelayLine::of(0, Rate::Narrow).is_none());
        for (milliseconds, frames) in [(1, 1), (20, 1), (21, 2), (1000, 50), (10_000, 500)] {
            assert_eq!(delay(milliseconds), frames);
        }
    }

    #[test]
    fn no_delay_takes_more_room_than_ten_seconds() {
        assert_eq!(delay(u32::MAX), 500);
    }

    #[test]
    fn what_is_under_way_comes_out_when_nothing_goes_in_any_more() {
        let mut line = DelayLine::of(60, Rate::Narrow).unwrap();
        let heard: Vec<bool> = (0..10)
            .map(|turn| line.pass(&mut [0; FRAME], turn < 2))
            .collect();
        let expected = [3, 4].map(|turn| (turn, true));
        let found: Vec<(usize, bool)> = heard.into_iter().enumerate().filter(|it| it.1).collect();
        assert_eq!(found, expected);
    }
}
