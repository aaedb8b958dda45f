//! Is there sound? By the energy of what comes in, frame by frame.

use super::clock::{Moment, SAMPLE_RATE};
use super::report::{Report, Reports};

/// Root mean square below which a packet is silence: about -50 dBFS.
const LOUD_RMS: u64 = 100;
/// Sound is believed after so much of it: a click is none.
const SOUND_MS: u64 = 40;
/// Silence is believed after so much of it: the pause between two words is none.
const SILENCE_MS: u64 = 400;

/// True when these samples can be heard.
pub fn is_loud(samples: &[i16]) -> bool {
    let square = |sample: &i16| i64::from(i32::from(*sample) * i32::from(*sample));
    let power = samples.iter().map(square).sum::<i64>() as u64;
    power > LOUD_RMS * LOUD_RMS * samples.len() as u64
}

/// Reports when sound begins and ends; begins in silence.
#[derive(Debug)]
pub struct SoundWatch {
    is_sound: bool,
    loud_ms: u64,
    loud_at: Moment,
}

impl SoundWatch {
    /// Watching from `now` on.
    pub fn new(now: Moment) -> Self {
        SoundWatch {
            is_sound: false,
            loud_ms: 0,
            loud_at: now,
        }
    }

    /// A packet's samples.
    pub fn hear(&mut self, samples: &[i16], now: Moment, reports: &mut Reports) {
        if !is_loud(samples) {
            if !self.is_sound {
                self.loud_ms = 0;
            }
            return;
        }
        self.loud_at = now;
        self.loud_ms += samples.len() as u64 * 1000 / u64::from(SAMPLE_RATE);
        if !self.is_sound && self.loud_ms >= SOUND_MS {
            self.is_sound = true;
            reports.push(Report::AudioHeard { is_sound: true });
        }
    }

    /// True at a sound, and for as long after it as the pause between two words lasts.
    pub fn is_near_sound(&self, now: Moment) -> bool {
        now.ms_since(self.loud_at) < SILENCE_MS
    }

    /// Time has passed, perhaps without packets.
    pub fn advance(&mut self, now: Moment, reports: &mut Reports) {
        if self.is_sound && now.ms_since(self.loud_at) >= SILENCE_MS {
            self.is_sound = false;
            self.loud_ms = 0;
            reports.push(Report::AudioHeard { is_sound: false });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOUD: [i16; 160] = [1000; 160];
    const QUIET: [i16; 160] = [50; 160];

    #[test]
    fn sound_begins_after_two_frames_and_ends_after_a_pause() {
        let (mut watch, mut reports) = (SoundWatch::new(Moment(0)), Reports::default());
        let mut said = Vec::new();
        for frame in 0..60u64 {
            let now = Moment(0).plus_ms(frame * 20);
            let samples = if (10..20).contains(&frame) {
                &LOUD
            } else {
                &QUIET
            };
            watch.hear(samples, now, &mut reports);
            watch.advance(now, &mut reports);
            for report in reports.take() {
                said.push((frame, report == Report::AudioHeard { is_sound: true }));
            }
        }
        assert_eq!(said, [(11, true), (39, false)]);
    }

    #[test]
    fn a_click_is_no_sound_and_a_breath_no_silence() {
        let (mut watch, mut reports) = (SoundWatch::new(Moment(0)), Reports::default());
        watch.hear(&LOUD, Moment(0), &mut reports);
        watch.hear(&QUIET, Moment(0), &mut reports);
        watch.hear(&LOUD, Moment(0), &mut reports);
        assert!(reports.take().is_empty());
        watch.hear(&LOUD, Moment(0), &mut reports);
        watch.advance(Moment(0).plus_ms(399), &mut reports);
        assert_eq!(reports.take().len(), 1);
    }

    #[test]
    fn nothing_is_not_loud() {
        assert!(!is_loud(&[]));
        assert!(is_loud(&LOUD) && !is_loud(&QUIET));
    }
}
