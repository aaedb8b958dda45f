//! The data plane's time: nanoseconds since the engine began, never going back; and the RTP and NTP clocks made from it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// RTP clock of G.711 and of everything here: samples per second (RFC 3551 §6).
pub const SAMPLE_RATE: u32 = 8000;
/// Samples of one frame: 20 ms.
pub const FRAME: usize = 160;
/// One frame in time.
pub const FRAME_NANOS: u64 = 20_000_000;
/// Nanoseconds of one sample.
pub const SAMPLE_NANOS: u64 = 1_000_000_000 / SAMPLE_RATE as u64;
/// From 1900 (NTP) to 1970 (Unix), in seconds.
const NTP_TO_UNIX: u64 = 2_208_988_800;

/// A point in time: nanoseconds since the engine's clock began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Moment {
    /// `milliseconds` later.
    #[must_use]
    pub fn plus_ms(self, milliseconds: u64) -> Moment {
        Moment(self.0 + milliseconds * 1_000_000)
    }

    /// Milliseconds from `earlier` until here; 0 when `earlier` is later.
    pub fn ms_since(self, earlier: Moment) -> u64 {
        self.0.saturating_sub(earlier.0) / 1_000_000
    }

    /// Samples from `earlier` until here; 0 when `earlier` is later.
    pub fn samples_since(self, earlier: Moment) -> u64 {
        self.0.saturating_sub(earlier.0) / SAMPLE_NANOS
    }

    /// Time from here until `later`; zero when it has passed.
    pub fn until(self, later: Moment) -> Duration {
        Duration::from_nanos(later.0.saturating_sub(self.0))
    }

    /// The sample count of this moment, wrapping as RTP timestamps do.
    pub fn samples(self) -> u32 {
        (self.0 / SAMPLE_NANOS) as u32
    }
}

/// Reads the time. Copies agree with each other.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    ntp_at_start: u64,
}

impl Clock {
    /// A clock that begins now.
    pub fn start() -> Self {
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let fraction = (u64::from(unix.subsec_nanos()) << 32) / 1_000_000_000;
        let seconds = (unix.as_secs() + NTP_TO_UNIX) & 0xffff_ffff;
        Clock {
            started: Instant::now(),
            ntp_at_start: seconds << 32 | fraction,
        }
    }

    /// Now.
    pub fn now(&self) -> Moment {
        Moment(self.started.elapsed().as_nanos() as u64)
    }

    /// `moment` as an NTP timestamp, 32.32 (RFC 3550 §4). A step of the wall clock after the start does not show.
    pub fn ntp(&self, moment: Moment) -> u64 {
        let fixed = (u128::from(moment.0) << 32) / 1_000_000_000;
        self.ntp_at_start.wrapping_add(fixed as u64)
    }
}

/// The middle 32 bits of an NTP timestamp (RFC 3550 §6.4.1, LSR): units of 1/65536 s.
pub fn ntp_middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_counts_samples_and_milliseconds() {
        let moment = Moment(0).plus_ms(20);
        assert_eq!(moment.samples(), 160);
        assert_eq!(moment.ms_since(Moment(5_000_000)), 15);
        assert_eq!(Moment(0).ms_since(moment), 0);
        assert_eq!(Moment(0).until(moment), Duration::from_millis(20));
        assert_eq!(moment.until(Moment(0)), Duration::ZERO);
    }

    #[test]
    fn ntp_runs_with_the_clock() {
        let clock = Clock::start();
        let second = clock
            .ntp(Moment(1_000_000_000))
            .wrapping_sub(clock.ntp(Moment(0)));
        assert_eq!(second, 1 << 32);
        assert_eq!(ntp_middle(1 << 32), 1 << 16);
    }
}
