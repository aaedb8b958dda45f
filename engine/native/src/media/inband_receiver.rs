//! Keys that come in as sound (ITU-T Q.24): for peers that agreed on no telephone-event, or say one thing and do another.
//!
//! A key starts with its second block in a row and ends with the third without it: it is heard from 26 ms on, surely from 40 ms.

use super::clock::Moment;
use super::dtmf::{Detector, BLOCK};
use super::report::{Report, Reports};

/// Blocks without the key after which it is up: in a pause of 40 ms there are so many, in a gap of 10 ms fewer.
const MISSES: u32 = 3;
/// Without sound for so long, a key that never ended has ended.
const TIMEOUT_MS: u64 = 100;
/// An event this soon after the same key as sound is that key told twice.
const SAME_KEY_MS: u64 = 500;

/// What was heard of a key when an event of it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing: it is new.
    Not,
    /// Its start was reported, its end was not.
    Down,
    /// Both were.
    Over,
}

/// Makes one start and one end of a key's sound.
#[derive(Debug, Default)]
pub struct InbandReceiver {
    detector: Detector,
    /// That of the block before.
    last: Option<char>,
    key: Option<Key>,
    over: Option<(char, Moment)>,
    heard_at: Moment,
}

#[derive(Clone, Copy, Debug)]
struct Key {
    digit: char,
    /// From its first block to its last.
    blocks: u32,
    /// Since then.
    misses: u32,
}

impl InbandReceiver {
    /// The peer's samples.
    pub fn hear(&mut self, samples: &[i16], now: Moment, reports: &mut Reports) {
        self.heard_at = now;
        let mut detector = std::mem::take(&mut self.detector);
        detector.hear(samples, |digit| self.place(digit, now, reports));
        self.detector = detector;
    }

    /// A key is down: it may have to be timed out.
    pub fn is_down(&self) -> bool {
        self.key.is_some()
    }

    /// End a key whose sound has stopped coming.
    pub fn expire(&mut self, now: Moment, reports: &mut Reports) {
        if self.key.is_some() && now.ms_since(self.heard_at) >= TIMEOUT_MS {
            self.end(now, reports);
            self.detector = Detector::default();
        }
    }

    /// An event of `digit` comes, by which the key is known from now on.
    pub fn yield_to(&mut self, digit: char, now: Moment) -> Known {
        self.detector = Detector::default();
        self.last = None;
        if self.key.is_some_and(|key| key.digit == digit) {
            self.key = None;
            return Known::Down;
        }
        match self.over.take() {
            Some((over, at)) if over == digit && now.ms_since(at) < SAME_KEY_MS => Known::Over,
            _ => Known::Not,
        }
    }

    /// A block of that key, or of none.
    fn place(&mut self, digit: Option<char>, now: Moment, reports: &mut Reports) {
        let is_second = digit.is_some() && digit == self.last;
        self.last = digit;
        if let Some(key) = &mut self.key {
            if digit == Some(key.digit) {
                key.blocks += key.misses + 1;
                key.misses = 0;
                return;
            }
            key.misses += 1;
            if key.misses >= MISSES || is_second {
                self.end(now, reports);
            }
        }
        if let (true, None, Some(digit)) = (is_second, self.key, digit) {
            reports.push(Report::DigitStarted { digit });
            self.key = Some(Key {
                digit,
                blocks: 2,
                misses: 0,
            });
        }
    }

    fn end(&mut self, now: Moment, reports: &mut Reports) {
        if let Some(key) = self.key.take() {
            self.over = Some((key.digit, now));
            reports.push(Report::DigitEnded {
                digit: key.digit,
                duration_ms: key.blocks * BLOCK as u32 / 8,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::dtmf::tones_of;
    use super::super::testing::{said, voice, Random};
    use super::super::tone::{Tone, ToneSpec};
    use super::*;

    fn at(milliseconds: u64) -> Moment {
        Moment(0).plus_ms(milliseconds)
    }

    /// A key as a telephone sends it, for so many ms, at -9 dBm0 each tone.
    fn key(digit: char, milliseconds: usize) -> Vec<i16> {
        let tone = Tone::new(&ToneSpec {
            frequencies: tones_of(digit).unwrap().to_vec(),
            cadence_ms: vec![],
            duration_ms: None,
            level_dbm0: -9.0,
        });
        let mut samples = vec![0; milliseconds * 8];
        tone.fill(0, &mut samples);
        samples
    }

    fn silence(milliseconds: usize) -> Vec<i16> {
        vec![0; milliseconds * 8]
    }

    /// What is reported of sound that comes 20 ms at a time.
    fn heard(sound: &[i16]) -> Vec<Report> {
        let (mut receiver, mut reports) = (InbandReceiver::default(), Reports::default());
        for (frame, samples) in sound.chunks(160).enumerate() {
            receiver.hear(samples, at(frame as u64 * 20), &mut reports);
        }
        receiver.expire(at(1_000_000), &mut reports);
        reports.take()
    }

    fn digits(reports: &[Report]) -> String {
        let started = |report: &Report| match report {
            Report::DigitStarted { digit } => Some(*digit),
            _ => None,
        };
        reports.iter().filter_map(started).collect()
    }

    #[test]
    fn keys_come_out_once_each_with_their_duration() {
        let sound = [
            silence(33),
            key('1', 100),
            silence(40),
            key('1', 50),
            silence(41),
            key('#', 200),
        ]
        .concat();
        let reports = heard(&sound);
        assert_eq!(digits(&reports), "11#");
        let durations: Vec<u32> = reports
            .iter()
            .filter_map(|report| match report {
                Report::DigitEnded { duration_ms, .. } => Some(*duration_ms),
                _ => None,
            })
            .collect();
        for (heard, real) in durations.iter().zip([100, 50, 200]) {
            assert!(heard.abs_diff(real) <= 26, "{durations:?}");
        }
        assert_eq!(durations.len(), 3);
    }

    #[test]
    fn forty_milliseconds_are_enough_and_seventeen_are_not_wherever_they_begin() {
        for begin in 0..26 {
            let sound = |length| [silence(begin), key('5', length), silence(80)].concat();
            assert_eq!(digits(&heard(&sound(40))), "5", "{begin}");
            assert_eq!(digits(&heard(&sound(17))), "", "{begin}");
        }
    }

    #[test]
    fn a_key_is_one_key_through_noise_a_click_and_a_companding_law() {
        let mut random = Random(3);
        let mut sound = [silence(40), key('7', 300), silence(60)].concat();
        for sample in &mut sound {
            let noise = random.below(1600) as i16 - 800;
            let law = super::super::g711::Law::A;
            *sample = law.expand(law.compress(sample.saturating_add(noise)));
        }
        for sample in &mut sound[1400..1480] {
            *sample = 0; // 10 ms are missing
        }
        assert_eq!(digits(&heard(&sound)), "7");
    }

    #[test]
    fn a_key_whose_sound_stops_coming_ends() {
        let (mut receiver, mut reports) = (InbandReceiver::default(), Reports::default());
        receiver.hear(&key('9', 60), at(0), &mut reports);
        receiver.expire(at(99), &mut reports);
        assert!(receiver.is_down());
        receiver.expire(at(100), &mut reports);
        assert!(!receiver.is_down());
        assert_eq!(reports.take().len(), 2);
    }

    #[test]
    fn an_event_of_the_same_key_takes_it_over() {
        let (mut receiver, mut reports) = (InbandReceiver::default(), Reports::default());
        receiver.hear(&key('9', 60), at(0), &mut reports);
        assert_eq!(receiver.yield_to('9', at(60)), Known::Down);
        receiver.expire(at(1000), &mut reports);
        assert_eq!(digits(&reports.take()), "9");
        receiver.hear(
            &[key('4', 60), silence(60)].concat(),
            at(2000),
            &mut reports,
        );
        assert_eq!(receiver.yield_to('4', at(2400)), Known::Over);
        assert_eq!(receiver.yield_to('4', at(2400)), Known::Not);
        assert_eq!(receiver.yield_to('5', at(2400)), Known::Not);
    }

    #[test]
    fn nobody_talks_a_key() {
        let minutes: Vec<i16> = (0..8000 * 120).map(voice).collect();
        assert_eq!(digits(&heard(&minutes)), "");
        let words = said();
        assert!(words.len() > 8000 * 20, "expected some recorded speech");
        assert_eq!(digits(&heard(&words)), "");
        let shrill: Vec<i16> = words.iter().step_by(2).copied().collect();
        let deep: Vec<i16> = words.iter().flat_map(|sample| [*sample; 2]).collect();
        assert_eq!(digits(&heard(&shrill)), "");
        assert_eq!(digits(&heard(&deep)), "");
    }

    #[test]
    fn music_is_no_key() {
        let mut random = Random(11);
        let mut sound = Vec::new();
        for _ in 0..600 {
            let base = 110.0 * 2f32.powf(random.below(36) as f32 / 12.0);
            let chord = [1.0, 1.26, 1.5].map(|third| base * third);
            sound.extend((0..1600).map(|n| {
                let time = n as f32 / 8000.0 * std::f32::consts::TAU;
                let note = |tone: f32| {
                    (time * tone).sin()
                        + (time * tone * 2.0).sin() / 2.0
                        + (time * tone * 3.0).sin() / 3.0
                };
                (chord.map(note).iter().sum::<f32>() * 3000.0) as i16
            }));
        }
        assert_eq!(digits(&heard(&sound)), "");
    }
}
