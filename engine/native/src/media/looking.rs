//! Whether a leg may sound otherwise than when somebody looked last: nearly always it does not, and nobody need compute how.

use super::statistics::Statistics;

/// Milliseconds from mouth to ear that are not noticed: a twentieth of an opinion score at most.
const UNNOTICED_MS: f64 = 10.0;

/// What was found at the looks so far.
#[derive(Debug, Default)]
pub struct Looking {
    /// At the last look.
    last: Option<Statistics>,
    /// At the last look that was told.
    told: Option<Sounding>,
}

/// What tells one sound from another.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sounding {
    is_damaged: bool,
    is_received: bool,
    is_sent: bool,
    is_reported: bool,
    received_ms: f64,
    sent_ms: f64,
}

impl Looking {
    /// The figures at the last look, if what came since may sound otherwise than what was told of. `None`: it does not.
    pub fn look(&mut self, now: Statistics) -> Option<Statistics> {
        let Some(before) = self.last.replace(now) else {
            return Some(Statistics::default());
        };
        let sounding = Sounding::between(&before, &now);
        if self.told.is_some_and(|told| told.is_like(&sounding)) {
            return None;
        }
        self.told = Some(sounding);
        Some(before)
    }
}

impl Sounding {
    fn between(before: &Statistics, now: &Statistics) -> Self {
        let half_way = now.round_trip_ms.unwrap_or_default() / 2.0;
        let buffer = match now.playout_ms {
            0.0 => 2.0 * now.jitter_ms,
            depth => depth,
        };
        Sounding {
            is_damaged: (now.packets_lost, now.packets_late, now.remote_packets_lost)
                != (
                    before.packets_lost,
                    before.packets_late,
                    before.remote_packets_lost,
                ),
            is_received: now.packets_received > before.packets_received,
            is_sent: now.packets_sent > before.packets_sent,
            is_reported: now.round_trip_ms.is_some(),
            received_ms: half_way + buffer,
            sent_ms: half_way + 2.0 * now.remote_jitter_ms,
        }
    }

    /// Neither is damaged: how much one is, is a matter of its packets.
    fn is_like(&self, other: &Sounding) -> bool {
        let flags = |it: &Sounding| (it.is_received, it.is_sent, it.is_reported);
        !self.is_damaged
            && !other.is_damaged
            && flags(self) == flags(other)
            && (self.received_ms - other.received_ms).abs() < UNNOTICED_MS
            && (self.sent_ms - other.sent_ms).abs() < UNNOTICED_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second later, with so many more packets each way.
    fn later(before: Statistics, packets: u64) -> Statistics {
        Statistics {
            packets_sent: before.packets_sent + packets,
            packets_received: before.packets_received + packets,
            round_trip_ms: Some(20.0),
            ..before
        }
    }

    fn looked_at() -> (Looking, Statistics) {
        let mut looking = Looking::default();
        let first = later(Statistics::default(), 50);
        assert_eq!(looking.look(first), Some(Statistics::default()));
        let second = later(first, 50);
        assert_eq!(looking.look(second), Some(first));
        (looking, second)
    }

    #[test]
    fn what_sounds_as_it_did_is_no_news_however_many_packets_it_takes() {
        let (mut looking, mut now) = looked_at();
        for packets in [50, 1, 250] {
            now = later(now, packets);
            now.jitter_ms += 1.0;
            assert_eq!(looking.look(now), None);
        }
    }

    #[test]
    fn loss_is_news_and_so_is_its_end() {
        let (mut looking, before) = looked_at();
        let mut now = later(before, 50);
        now.packets_lost += 1;
        assert_eq!(looking.look(now), Some(before));
        let mended = later(now, 50);
        assert_eq!(looking.look(mended), Some(now));
        assert_eq!(looking.look(later(mended, 50)), None);
    }

    #[test]
    fn news_are_measured_by_what_was_told_so_that_no_drift_goes_unnoticed() {
        let (mut looking, mut now) = looked_at();
        let mut told = 0;
        for _ in 0..10 {
            now = later(now, 50);
            now.remote_jitter_ms += 1.5;
            told += usize::from(looking.look(now).is_some());
        }
        assert_eq!(told, 2);
    }

    #[test]
    fn who_falls_silent_and_who_is_reported_on_is_news() {
        let (mut looking, before) = looked_at();
        let mut now = later(before, 0);
        now.packets_sent += 50;
        assert_eq!(looking.look(now), Some(before));
        let unreported = Statistics {
            round_trip_ms: None,
            ..now
        };
        let after = Statistics {
            packets_sent: now.packets_sent + 50,
            ..unreported
        };
        assert_eq!(looking.look(after), Some(now));
    }
}
