//! RTP timestamps of any clock as counts of samples of 8 kHz, by which everything here is placed.

use super::rtp::samples_between;

/// Follows a stream's timestamps, over their wraps.
#[derive(Debug)]
pub struct Timeline {
    /// Units for each sample of 8 kHz.
    clock: u32,
    last: Option<(u32, i64)>,
}

impl Timeline {
    /// Of a clock with so many units for each sample of 8 kHz.
    pub fn new(clock: u32) -> Self {
        Timeline {
            clock: clock.max(1),
            last: None,
        }
    }

    /// Where that timestamp is.
    pub fn place(&mut self, timestamp: u32) -> u32 {
        if self.clock == 1 {
            return timestamp;
        }
        let unwrapped = match self.last {
            Some((last, unwrapped)) => unwrapped + i64::from(samples_between(last, timestamp)),
            None => i64::from(timestamp),
        };
        self.last = Some((timestamp, unwrapped));
        unwrapped.div_euclid(i64::from(self.clock)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_go_on_where_timestamps_wrap_and_go_back_where_they_do() {
        let mut timeline = Timeline::new(6);
        let first = timeline.place(0xffff_ffff - 959);
        assert_eq!(timeline.place(0).wrapping_sub(first), 160);
        assert_eq!(timeline.place(960).wrapping_sub(first), 320);
        assert_eq!(timeline.place(0xffff_ffff - 959), first);
        assert_eq!(Timeline::new(1).place(u32::MAX), u32::MAX);
    }
}
