//! How a playback grows louder at its beginning and softer before its end.

use super::clock::FRAME;

/// Samples of a millisecond.
const MILLISECOND: u64 = 8;

/// How far in it is, and how much is left.
#[derive(Clone, Copy, Debug)]
pub struct Fade {
    rise: u64,
    fall: u64,
    passed: u64,
    /// It was stopped: so many samples more.
    ending: Option<u64>,
}

impl Fade {
    /// Of so many ms at the beginning and at the end.
    pub fn new([rise_ms, fall_ms]: [u64; 2]) -> Self {
        Fade {
            rise: rise_ms.saturating_mul(MILLISECOND),
            fall: fall_ms.saturating_mul(MILLISECOND),
            passed: 0,
            ending: None,
        }
    }

    /// It grows softer before its end.
    pub fn has_end(&self) -> bool {
        self.fall > 0
    }

    /// It was stopped, and is not yet silent.
    pub fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    /// Grow softer from now on; false: there is no time for that, or it was told so before.
    pub fn end(&mut self) -> bool {
        if self.fall == 0 || self.is_ending() {
            return false;
        }
        self.ending = Some(self.fall);
        true
    }

    /// The next frame is not as loud as it is written. `left`: samples until the end, where that is known.
    pub fn is_near(&self, left: Option<u64>) -> bool {
        let is_falling = left.is_some_and(|left| left < self.fall + FRAME as u64);
        self.passed < self.rise || self.is_ending() || is_falling
    }

    /// A frame passed as it is.
    pub fn pass(&mut self) {
        self.passed = self.passed.saturating_add(FRAME as u64);
    }

    /// Make samples as loud as they are to be; false: it has grown silent before them.
    pub fn apply(&mut self, samples: &mut [i16], left: Option<u64>) -> bool {
        if self.ending == Some(0) {
            return false;
        }
        let left = self
            .ending
            .unwrap_or(u64::MAX)
            .min(left.unwrap_or(u64::MAX));
        for (number, sample) in (0..).zip(samples.iter_mut()) {
            let risen = part(self.passed.saturating_add(number), self.rise);
            let fallen = part(left.saturating_sub(number), self.fall);
            if risen < 1.0 || fallen < 1.0 {
                *sample = (f32::from(*sample) * risen * fallen) as i16;
            }
        }
        let count = samples.len() as u64;
        self.passed = self.passed.saturating_add(count);
        self.ending = self.ending.map(|ending| ending.saturating_sub(count));
        true
    }
}

fn part(number: u64, of: u64) -> f32 {
    if number >= of {
        1.0
    } else {
        number as f32 / of as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(fade: &mut Fade, left: Option<u64>) -> Option<[i16; FRAME]> {
        let mut samples = [1000; FRAME];
        fade.apply(&mut samples, left).then_some(samples)
    }

    #[test]
    fn it_grows_louder_sample_by_sample() {
        let mut fade = Fade::new([40, 0]);
        assert!(fade.is_near(None));
        let first = frame(&mut fade, None).unwrap();
        assert_eq!((first[0], first[80], first[159]), (0, 250, 496));
        assert_eq!(frame(&mut fade, None).unwrap()[0], 500);
        assert!(!fade.is_near(None));
        assert_eq!(frame(&mut fade, None).unwrap()[0], 1000);
    }

    #[test]
    fn it_grows_softer_towards_an_end_that_is_known() {
        let mut fade = Fade::new([0, 40]);
        assert!(!fade.is_near(Some(480)) && fade.is_near(Some(479)));
        assert_eq!(frame(&mut fade, Some(480)).unwrap()[159], 1000);
        let last = frame(&mut fade, Some(160)).unwrap();
        assert_eq!((last[0], last[159]), (500, 3));
    }

    #[test]
    fn stopped_it_grows_softer_and_is_over() {
        let mut fade = Fade::new([0, 40]);
        assert!(fade.end());
        assert!(!fade.end());
        assert_eq!(frame(&mut fade, None).unwrap()[0], 1000);
        assert_eq!(frame(&mut fade, None).unwrap()[0], 500);
        assert_eq!(frame(&mut fade, None), None);
        assert!(!Fade::new([40, 0]).end());
    }
}
