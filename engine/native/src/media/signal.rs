//! The tones that say something: busy and congestion (ITU-T E.180), special information (E.180 §5), the calling and the
//! answering fax (T.30 §4), the beep of an answering machine. Told from the order and the length of what is heard, hop by hop.

use super::tonality::Sound;

/// Milliseconds of a hop.
const HOP_MS: u32 = 20;
/// The edges of a tone sound like anything else for so many hops.
const EDGE: u32 = 3;
/// Segments that are kept: two tones and two pauses, and one that begins.
const KEPT: usize = 4;
/// Tones with a pause no longer than this between them follow each other.
const JOINED_MS: u32 = 80;
/// A quiet as long as that ends a cadence.
const APART_MS: u32 = 1200;
/// An answering fax is sure after so long.
const CED_MS: u32 = 900;
/// After so much quiet a tone was a beep;
const BEEP_AFTER_MS: u32 = 60;
/// one that could be the first of a cadence, after so much.
const LONE_AFTER_MS: u32 = 700;

/// A tone that says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The line is busy: half a second of tone, half a second of none.
    Busy,
    /// No way through: twice as fast.
    Congestion,
    /// Three tones that rise: an announcement follows.
    Sit,
    /// A fax calls: 1100 Hz for half a second.
    Cng,
    /// A fax answers: 2100 Hz.
    Ced,
    /// One tone, once: an answering machine listens now.
    Beep,
}

/// What was heard for how long.
#[derive(Clone, Copy, Debug, Default)]
struct Segment {
    sound: Sound,
    hops: u32,
}

impl Segment {
    fn ms(self) -> u32 {
        self.hops * HOP_MS
    }

    /// How long the tone really was: of its edges at least one hop was taken for something else.
    fn tone_ms(self) -> u32 {
        self.ms() + HOP_MS
    }

    fn is_in(self, low: f32, high: f32) -> bool {
        matches!(self.sound, Sound::Tone(frequency) if (low..=high).contains(&frequency))
    }

    /// What busy and congestion are made of, anywhere.
    fn is_progress(self) -> bool {
        self.is_in(380.0, 460.0) || self.sound == Sound::Busy
    }

    fn is_tone(self) -> bool {
        matches!(self.sound, Sound::Tone(_) | Sound::Busy | Sound::Call)
    }
}

/// What was heard so far.
#[derive(Debug, Default)]
pub struct Signals {
    now: Segment,
    /// The newest last.
    past: [Segment; KEPT],
    /// Hops that were like nothing before: the edge of a tone, or something new.
    strange: u32,
    /// What goes on was told.
    is_told: bool,
    /// The cadence that goes on was told.
    is_cadence_told: bool,
}

impl Signals {
    /// One more hop; the signal that is sure with it.
    pub fn hear(&mut self, sound: Sound) -> Option<Signal> {
        if sound.is_like(self.now.sound) {
            self.now.hops += 1 + self.bridged();
            self.strange = 0;
            return self.go_on();
        }
        self.strange += 1;
        if sound == Sound::Other && self.strange < EDGE {
            return None;
        }
        let hops = if sound == Sound::Other {
            self.strange
        } else {
            1
        };
        self.strange = 0;
        self.begin(Segment { sound, hops })
    }

    /// For how long it has been one tone, in hops; 0: it is none.
    pub fn tone_hops(&self) -> u32 {
        if self.now.is_tone() {
            self.now.hops
        } else {
            0
        }
    }

    /// A tone that was disturbed for a moment has gone on: an answering fax turns its phase (ITU-T V.8).
    fn bridged(&self) -> u32 {
        if self.now.is_tone() {
            self.strange
        } else {
            0
        }
    }

    fn begin(&mut self, segment: Segment) -> Option<Signal> {
        if self.now.hops > 1 || !self.now.is_tone() {
            self.past.rotate_left(1);
            self.past[KEPT - 1] = self.now;
        }
        self.now = segment;
        self.is_told = false;
        if segment.sound == Sound::Other {
            self.is_cadence_told = false;
        }
        if segment.is_progress() {
            return self.cadence();
        }
        None
    }

    /// What is sure because the same goes on.
    fn go_on(&mut self) -> Option<Signal> {
        if self.now.sound == Sound::Quiet && self.now.ms() >= APART_MS {
            self.is_cadence_told = false;
        }
        if self.is_told {
            return None;
        }
        let signal = if self.now.sound == Sound::Quiet {
            self.after_tone()
        } else if self.now.is_in(2080.0, 2120.0) && self.now.ms() >= CED_MS {
            Some(Signal::Ced)
        } else if self.is_third_of_sit() {
            Some(Signal::Sit)
        } else {
            None
        };
        self.is_told = signal.is_some();
        signal
    }

    /// On, off, on, off, and on again: all alike.
    fn cadence(&mut self) -> Option<Signal> {
        let [on, off, again, pause] = self.past;
        let is_one = on.is_progress()
            && on.sound.is_like(again.sound)
            && again.sound.is_like(self.now.sound)
            && off.sound == Sound::Quiet
            && pause.sound == Sound::Quiet
            && on.hops.abs_diff(again.hops) <= 2
            && off.hops.abs_diff(pause.hops) <= 2
            && again.tone_ms().abs_diff(pause.ms()) <= 40 + again.ms() / 5;
        if !is_one || self.is_cadence_told {
            return None;
        }
        let signal = match again.tone_ms() {
            160..=299 => Signal::Congestion,
            300..=650 => Signal::Busy,
            _ => return None,
        };
        self.is_cadence_told = true;
        Some(signal)
    }

    fn is_third_of_sit(&self) -> bool {
        let length = |segment: Segment| (180..=460).contains(&segment.tone_ms());
        let [middle, low] = self.joined();
        self.now.is_in(1730.0, 1830.0)
            && self.now.tone_ms() >= 200
            && (middle.is_in(1330.0, 1470.0) && length(middle))
            && (low.is_in(880.0, 1020.0) && length(low))
    }

    /// The last two segments, the newest first; short pauses do not count.
    fn joined(&self) -> [Segment; 2] {
        let mut before = self
            .past
            .iter()
            .rev()
            .filter(|it| it.sound != Sound::Quiet || it.ms() > JOINED_MS);
        std::array::from_fn(|_| before.next().copied().unwrap_or_default())
    }

    /// It has become quiet: what was the tone before?
    fn after_tone(&self) -> Option<Signal> {
        let [tone, earlier] = self.joined();
        let wait = if tone.is_progress() {
            LONE_AFTER_MS
        } else {
            BEEP_AFTER_MS
        };
        let quiet = self.now.ms();
        if !(wait..wait + HOP_MS).contains(&quiet) || !tone.is_tone() {
            return None;
        }
        if tone.is_in(1060.0, 1140.0) && (420..=640).contains(&tone.tone_ms()) {
            return Some(Signal::Cng);
        }
        let is_single = !earlier.is_tone();
        let is_ced = tone.is_in(2080.0, 2120.0) && tone.ms() >= CED_MS;
        let is_beep = is_single
            && !is_ced
            && tone.is_in(380.0, 2300.0)
            && (100..=2500).contains(&tone.tone_ms());
        (is_beep && !self.is_cadence_told).then_some(Signal::Beep)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{said, tones, voice};
    use super::super::tonality::{Tonality, HOP};
    use super::*;

    fn heard(samples: &[i16]) -> Vec<(Signal, usize)> {
        let (mut tonality, mut signals) = (Tonality::new(40_000.0), Signals::default());
        let hops = samples.chunks_exact(HOP).enumerate();
        hops.filter_map(|(at, hop)| {
            let (sound, _) = tonality.hear(hop.try_into().unwrap());
            Some((signals.hear(sound)?, at * 20))
        })
        .collect()
    }

    fn signals(samples: &[i16]) -> Vec<Signal> {
        heard(samples)
            .into_iter()
            .map(|(signal, _)| signal)
            .collect()
    }

    fn silence(milliseconds: usize) -> Vec<i16> {
        vec![0; milliseconds * 8]
    }

    fn tone(frequency: f32, milliseconds: usize) -> Vec<i16> {
        tones(&[frequency], milliseconds, 3000.0)
    }

    fn cadence(frequencies: &[f32], on: usize, off: usize, times: usize) -> Vec<i16> {
        let once = [tones(frequencies, on, 3000.0), silence(off)].concat();
        [silence(333), once.repeat(times)].concat()
    }

    #[test]
    fn busy_and_congestion_are_told_once_however_long_they_last() {
        for (frequencies, on, off, signal) in [
            (&[480.0, 620.0][..], 500, 500, Signal::Busy),
            (&[480.0, 620.0], 250, 250, Signal::Congestion),
            (&[425.0], 480, 480, Signal::Busy),
            (&[425.0], 240, 240, Signal::Congestion),
            (&[425.0], 200, 200, Signal::Congestion),
            (&[400.0], 375, 375, Signal::Busy),
            (&[440.0], 500, 500, Signal::Busy),
        ] {
            let found = heard(&cadence(frequencies, on, off, 9));
            assert_eq!(found.len(), 1, "{frequencies:?} {on}: {found:?}");
            assert_eq!(found[0].0, signal);
            assert!(found[0].1 <= 333 + 2 * (on + off) + 60, "{found:?}");
        }
    }

    #[test]
    fn ringing_and_dial_tones_say_nothing() {
        for (frequencies, on, off) in [
            (&[440.0, 480.0][..], 2000, 4000),
            (&[425.0], 1000, 4000),
            (&[400.0], 400, 200),
            (&[350.0, 440.0], 9000, 0),
        ] {
            let found = signals(&cadence(frequencies, on, off, 2));
            let is_said = found.iter().any(|signal| *signal != Signal::Beep);
            assert!(!is_said, "{frequencies:?} {found:?}");
        }
    }

    #[test]
    fn three_tones_that_rise_are_special_information() {
        for lengths in [[276, 276, 380], [380, 276, 380], [330, 330, 330]] {
            let sound = [
                silence(100),
                tone(913.8, lengths[0]),
                tone(1370.6, lengths[1]),
                tone(1776.7, lengths[2]),
                silence(900),
            ];
            assert_eq!(signals(&sound.concat()), [Signal::Sit], "{lengths:?}");
        }
        let gaps = [
            tone(950.0, 330),
            silence(30),
            tone(1400.0, 330),
            silence(30),
            tone(1800.0, 330),
            silence(900),
        ];
        assert_eq!(signals(&gaps.concat()), [Signal::Sit]);
    }

    #[test]
    fn a_fax_is_told_by_who_calls_and_who_answers() {
        let calls = [silence(500), tone(1100.0, 500), silence(3000)]
            .concat()
            .repeat(2);
        assert_eq!(signals(&calls), [Signal::Cng, Signal::Cng]);
        let answers = [tone(2100.0, 2200), silence(900)].concat();
        assert_eq!(signals(&answers), [Signal::Ced]);
        let turned: Vec<i16> = (0..6)
            .flat_map(|turn| {
                let piece = tone(2100.0, 450);
                piece
                    .into_iter()
                    .map(move |sample| if turn % 2 == 0 { sample } else { -sample })
            })
            .collect();
        assert_eq!(signals(&turned), [Signal::Ced]);
    }

    #[test]
    fn a_beep_is_told_when_it_is_over() {
        for (frequency, length) in [
            (1000.0, 120),
            (1400.0, 250),
            (440.0, 400),
            (800.0, 1000),
            (620.0, 500),
        ] {
            for begin in [0, 7, 13] {
                let sound = [
                    (0..8000).map(voice).collect(),
                    silence(200 + begin),
                    tone(frequency, length),
                    silence(900),
                ];
                let found = heard(&sound.concat());
                assert_eq!(found.len(), 1, "{frequency} {length} {found:?}");
                assert_eq!(found[0].0, Signal::Beep);
                let latest = 1200 + length + if frequency < 460.0 { 780 } else { 140 };
                assert!(found[0].1 <= latest, "{frequency} {length} {found:?}");
            }
        }
    }

    #[test]
    fn nobody_talks_a_signal() {
        assert_eq!(signals(&said()), []);
        assert_eq!(signals(&(0..800_000).map(voice).collect::<Vec<_>>()), []);
    }
}
