//! What is heard on a leg, for as long as somebody asks: talk and its pauses, and the tones that say something.
//!
//! It has a clock of its own, which what is heard moves on: 20 ms for each 160 samples, by their timestamps, so that packets that are
//! late change nothing. What was not sent is silence (RFC 3551 §4.1). Nothing is allocated after its making.

use super::clock::{Moment, FRAME};
use super::report::{Report, Reports};
use super::signal::{Signal, Signals};
use super::talk::{dbov, power_of, Talk, Turn};
use super::tonality::{Sound, Tonality, HOP};

/// Without packets for so long it is silent: they are not late.
const GAP_MS: u64 = 300;
/// What comes after its followers is not heard, up to so many samples; more is a clock that was set anew.
const MAX_LATE: u32 = 8000;
/// More silence than that between two packets is a clock that was set anew.
const MAX_MISSING: u32 = 8000 * 10;
/// A tone is no talk from its fourth hop on.
const TONE_HOPS: u32 = 4;

/// What was noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noticed {
    /// Talk began.
    TalkStarted,
    /// A pause began.
    TalkStopped,
    /// A tone that says something.
    Signal(Signal),
}

/// Listens, sample by sample.
#[derive(Debug)]
pub struct Hearing {
    tonality: Tonality,
    signals: Signals,
    talk: Talk,
    threshold: f32,
    waiting: [i16; HOP],
    count: usize,
    heard_at: Moment,
    /// The timestamp of the next sample.
    next: Option<u32>,
    /// Samples of silence that were put where packets stopped coming.
    filled: u32,
}

impl Hearing {
    /// From `now` on; what is softer than `level` (dBov) is silence.
    pub fn new(level: f32, now: Moment) -> Self {
        let threshold = power_of(level);
        Hearing {
            tonality: Tonality::new(threshold),
            signals: Signals::default(),
            talk: Talk::default(),
            threshold,
            waiting: [0; HOP],
            count: 0,
            heard_at: now,
            next: None,
            filled: 0,
        }
    }

    /// A packet's samples, of which the first has that timestamp.
    pub fn hear(&mut self, timestamp: u32, samples: &[i16], now: Moment, reports: &mut Reports) {
        let missing = timestamp.wrapping_sub(self.next.unwrap_or(timestamp));
        if missing < MAX_MISSING {
            for _ in self.filled..missing {
                self.take(&[0], reports);
            }
        } else if missing > u32::MAX - MAX_LATE {
            return; // it comes after its followers
        }
        (self.heard_at, self.filled) = (now, 0);
        self.next = Some(timestamp.wrapping_add(samples.len() as u32));
        self.take(samples, reports);
    }

    /// 20 ms have passed, perhaps without a packet.
    pub fn advance(&mut self, now: Moment, reports: &mut Reports) {
        if now.ms_since(self.heard_at) < GAP_MS {
            return;
        }
        let hops = if self.filled == 0 { GAP_MS / 20 } else { 1 };
        for _ in 0..hops {
            self.take(&[0; HOP], reports);
        }
        self.filled = self.filled.saturating_add(hops as u32 * HOP as u32);
    }

    fn take(&mut self, samples: &[i16], reports: &mut Reports) {
        let mut rest = samples;
        while !rest.is_empty() {
            let count = rest.len().min(HOP - self.count);
            self.waiting[self.count..self.count + count].copy_from_slice(&rest[..count]);
            self.count += count;
            rest = &rest[count..];
            if self.count == HOP {
                self.count = 0;
                self.judge(reports);
            }
        }
    }

    fn judge(&mut self, reports: &mut Reports) {
        let (sound, power) = self.tonality.hear(&self.waiting);
        let signal = self.signals.hear(sound);
        let is_tone = self.signals.tone_hops() >= TONE_HOPS || sound == Sound::Call;
        let is_loud = power >= self.threshold && !is_tone;
        if let Some(turn) = self.talk.hear(is_loud, power) {
            let (noticed, at_ms, lasted_ms, power) = match turn {
                Turn::Started { at_ms, power } => (Noticed::TalkStarted, at_ms, 0, power),
                Turn::Stopped {
                    at_ms,
                    lasted_ms,
                    power,
                } => (Noticed::TalkStopped, at_ms, lasted_ms, power),
            };
            reports.push(Report::SoundDetected {
                noticed,
                at_ms,
                lasted_ms,
                level_dbov: dbov(power).round() as i32,
            });
        }
        if let Some(signal) = signal {
            reports.push(Report::SoundDetected {
                noticed: Noticed::Signal(signal),
                at_ms: self.talk.now_ms(),
                lasted_ms: 0,
                level_dbov: dbov(power).round() as i32,
            });
        }
    }
}

const _: () = assert!(HOP == FRAME);

#[cfg(test)]
mod tests {
    use super::super::testing::{tones, voice};
    use super::*;

    fn at(milliseconds: u64) -> Moment {
        Moment(0).plus_ms(milliseconds)
    }

    fn noticed(reports: &mut Reports) -> Vec<(Noticed, u64)> {
        let report = |report: Report| match report {
            Report::SoundDetected { noticed, at_ms, .. } => Some((noticed, at_ms)),
            _ => None,
        };
        reports.take().into_iter().filter_map(report).collect()
    }

    /// Given in packets of `length` samples.
    fn heard(samples: &[i16], length: usize) -> Vec<(Noticed, u64)> {
        let (mut hearing, mut reports) = (Hearing::new(-42.0, at(0)), Reports::default());
        for (index, packet) in samples.chunks(length).enumerate() {
            let timestamp = (index * length) as u32;
            hearing.hear(
                timestamp,
                packet,
                at(u64::from(timestamp / 8)),
                &mut reports,
            );
        }
        noticed(&mut reports)
    }

    #[test]
    fn talk_and_a_beep_are_told_apart_in_packets_of_any_length() {
        let sound = [
            vec![0; 4000],
            (0..12_000).map(|n| voice(n + 2000)).collect(),
            vec![0; 4000],
            tones(&[1000.0], 300, 3000.0),
            vec![0; 4000],
        ]
        .concat();
        for length in [80, 160, 240, 320] {
            let found = heard(&sound, length);
            let kinds: Vec<Noticed> = found.iter().map(|(noticed, _)| *noticed).collect();
            assert_eq!(kinds.first(), Some(&Noticed::TalkStarted), "{found:?}");
            assert_eq!(kinds.last(), Some(&Noticed::Signal(Signal::Beep)));
            let starts = kinds.iter().filter(|it| **it == Noticed::TalkStarted);
            let stops = kinds.iter().filter(|it| **it == Noticed::TalkStopped);
            assert_eq!(starts.count(), stops.count(), "{found:?}");
            assert!((480..=560).contains(&found[0].1), "{found:?}");
        }
    }

    #[test]
    fn packets_that_stop_coming_are_silence() {
        let (mut hearing, mut reports) = (Hearing::new(-42.0, at(0)), Reports::default());
        let loud: Vec<i16> = (2000..2000 + 160 * 20).map(voice).collect();
        for (index, packet) in loud.chunks(160).enumerate() {
            hearing.hear(
                index as u32 * 160,
                packet,
                at(index as u64 * 20),
                &mut reports,
            );
        }
        assert_eq!(noticed(&mut reports).len(), 1);
        for turn in 0..15 {
            hearing.advance(at(400 + turn * 20), &mut reports);
        }
        assert_eq!(
            noticed(&mut reports).last().unwrap().0,
            Noticed::TalkStopped
        );
    }

    #[test]
    fn late_packets_change_nothing_and_missing_ones_are_silence() {
        let busy = [tones(&[425.0], 480, 3000.0), vec![0; 3840]]
            .concat()
            .repeat(3);
        let (mut hearing, mut reports) = (Hearing::new(-42.0, at(0)), Reports::default());
        let packets: Vec<&[i16]> = busy.chunks(160).collect();
        for (index, packet) in packets.iter().enumerate() {
            let now = at(index as u64 * 20 / 200 * 200 + 200); // ten at once
            hearing.advance(now, &mut reports);
            if packet.iter().any(|sample| *sample != 0) {
                hearing.hear(index as u32 * 160, packet, now, &mut reports);
            }
        }
        assert_eq!(
            noticed(&mut reports).first().unwrap().0,
            Noticed::Signal(Signal::Busy)
        );
    }

    #[test]
    fn a_tone_is_no_talk() {
        for frequencies in [&[425.0][..], &[480.0, 620.0], &[1000.0], &[440.0, 480.0]] {
            for begin in 0..20 {
                let sound = [
                    vec![0; 800 + begin * 8],
                    tones(frequencies, 1000, 3000.0),
                    vec![0; 800],
                ];
                let found = heard(&sound.concat(), 160);
                let talk = found.iter().any(|(it, _)| *it == Noticed::TalkStarted);
                assert!(!talk, "{frequencies:?} {begin} {found:?}");
            }
        }
    }
}
