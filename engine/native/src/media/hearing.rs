//! What is heard on a leg, for as long as somebody asks: talk and its pauses, and the tones that say something.
//!
//! It has a clock of its own, which what is heard moves on: 20 ms for each 160 samples. Where packets stop coming it is silence that is
//! heard (RFC 3551 §4.1). Nothing is allocated after its making.

use super::clock::{Moment, FRAME};
use super::report::{Report, Reports};
use super::signal::{Signal, Signals};
use super::talk::{dbov, power_of, Talk, Turn};
use super::tonality::{Sound, Tonality, HOP};

/// Without packets for so long it is silent.
const GAP_MS: u64 = 60;
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
    is_gap: bool,
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
            is_gap: false,
        }
    }

    /// A packet's samples.
    pub fn hear(&mut self, samples: &[i16], now: Moment, reports: &mut Reports) {
        (self.heard_at, self.is_gap) = (now, false);
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

    /// 20 ms have passed, perhaps without a packet.
    pub fn advance(&mut self, now: Moment, reports: &mut Reports) {
        if now.ms_since(self.heard_at) < GAP_MS {
            return;
        }
        let hops = if self.is_gap { 1 } else { GAP_MS / 20 };
        self.is_gap = true;
        for _ in 0..hops {
            (self.waiting, self.count) = ([0; HOP], 0);
            self.judge(reports);
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
            hearing.hear(packet, at((index * length / 8) as u64), &mut reports);
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
            hearing.hear(packet, at(index as u64 * 20), &mut reports);
        }
        assert_eq!(noticed(&mut reports).len(), 1);
        for turn in 0..8 {
            hearing.advance(at(400 + turn * 20), &mut reports);
        }
        assert_eq!(
            noticed(&mut reports).last().unwrap().0,
            Noticed::TalkStopped
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
