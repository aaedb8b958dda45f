//! What is heard comes back later: a ring of frames, made once and never grown.

use super::clock::FRAME;

/// The longest delay, in frames: ten seconds.
const MOST_FRAMES: u32 = 500;
/// Milliseconds of a frame.
const FRAME_MS: u32 = 20;

#[derive(Clone)]
struct Kept {
    samples: [i16; FRAME],
    is_heard: bool,
}

/// Frames on their way.
pub struct DelayLine {
    frames: Box<[Kept]>,
    next: usize,
}

impl DelayLine {
    /// One of so many milliseconds, in whole frames; None: it would be without any.
    pub fn of(milliseconds: u32) -> Option<Self> {
        let frames = milliseconds.div_ceil(FRAME_MS).min(MOST_FRAMES);
        let silence = Kept {
            samples: [0; FRAME],
            is_heard: false,
        };
        (frames > 0).then(|| DelayLine {
            frames: vec![silence; frames as usize].into_boxed_slice(),
            next: 0,
        })
    }

    /// A frame goes in, be there something to be heard in it or not; the one that is due takes its place, and whether that is heard.
    pub fn pass(&mut self, samples: &mut [i16; FRAME], is_heard: bool) -> bool {
        let count = self.frames.len();
        let kept = &mut self.frames[self.next];
        self.next = (self.next + 1) % count;
        std::mem::swap(&mut kept.samples, samples);
        std::mem::replace(&mut kept.is_heard, is_heard)
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::FRAME;
    use super::DelayLine;

    /// After how many frames the first one comes back.
    fn delay(milliseconds: u32) -> usize {
        let mut line = DelayLine::of(milliseconds).unwrap();
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
        assert!(DelayLine::of(0).is_none());
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
        let mut line = DelayLine::of(60).unwrap();
        let heard: Vec<bool> = (0..10)
            .map(|turn| line.pass(&mut [0; FRAME], turn < 2))
            .collect();
        let expected = [3, 4].map(|turn| (turn, true));
        let found: Vec<(usize, bool)> = heard.into_iter().enumerate().filter(|it| it.1).collect();
        assert_eq!(found, expected);
    }
}
