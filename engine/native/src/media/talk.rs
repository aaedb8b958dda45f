//! Talk and the pauses in it: spurts of what is loud and no tone.

use super::tonality::HOP;

/// So many loud hops begin a spurt: a click does not, nor does a tone before it is known for one.
const BEGIN: u32 = 6;
/// So many hops that are not loud end it: within a word there are fewer.
const END: u32 = 5;
const HOP_MS: u64 = 20;

/// A spurt began or ended. Times are milliseconds of what was heard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Turn {
    /// It began then, with this mean square so far.
    Started {
        /// When.
        at_ms: u64,
        /// The mean square of a sample.
        power: f32,
    },
    /// It ended then.
    Stopped {
        /// When: its last loud hop's end.
        at_ms: u64,
        /// How long it was.
        lasted_ms: u64,
        /// The mean square of a sample.
        power: f32,
    },
}

/// What was said so far.
#[derive(Debug, Default)]
pub struct Talk {
    now_ms: u64,
    loud: u32,
    quiet: u32,
    /// Since when a spurt goes on.
    since_ms: Option<u64>,
    energy: f32,
}

impl Talk {
    /// One more hop, of so much power: loud, or not.
    pub fn hear(&mut self, is_loud: bool, power: f32) -> Option<Turn> {
        self.now_ms += HOP_MS;
        if is_loud {
            (self.loud, self.quiet) = (self.loud + 1, 0);
            self.energy += power;
            return self.begin();
        }
        self.quiet += 1;
        match self.since_ms {
            None => {
                (self.loud, self.energy) = (0, 0.0);
                None
            }
            Some(since) => self.end(since),
        }
    }

    /// Milliseconds that were heard.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    fn begin(&mut self) -> Option<Turn> {
        if self.since_ms.is_some() || self.loud < BEGIN {
            return None;
        }
        let at_ms = self.now_ms - u64::from(BEGIN) * HOP_MS;
        self.since_ms = Some(at_ms);
        Some(Turn::Started {
            at_ms,
            power: self.power(),
        })
    }

    fn end(&mut self, since: u64) -> Option<Turn> {
        if self.quiet < END {
            return None;
        }
        let at_ms = self.now_ms - u64::from(END) * HOP_MS;
        let power = self.power();
        (self.since_ms, self.loud, self.energy) = (None, 0, 0.0);
        Some(Turn::Stopped {
            at_ms,
            lasted_ms: at_ms - since,
            power,
        })
    }

    fn power(&self) -> f32 {
        self.energy / self.loud.max(1) as f32
    }
}

/// A mean square in dB below overload (RFC 6464 §3), not below -127.
pub fn dbov(power: f32) -> f32 {
    (10.0 * (power / (32_768.0 * 32_768.0)).log10()).max(-127.0)
}

/// The mean square of that level.
pub fn power_of(dbov: f32) -> f32 {
    32_768.0 * 32_768.0 * 10f32.powf(dbov / 10.0)
}

const _: () = assert!(HOP as u64 == HOP_MS * 8);

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(hops: &str) -> Vec<(u64, Option<u64>)> {
        let mut talk = Talk::default();
        hops.chars()
            .filter_map(|hop| match talk.hear(hop == '#', 100.0)? {
                Turn::Started { at_ms, .. } => Some((at_ms, None)),
                Turn::Stopped {
                    at_ms, lasted_ms, ..
                } => Some((at_ms, Some(lasted_ms))),
            })
            .collect()
    }

    #[test]
    fn a_spurt_has_the_times_of_what_was_loud() {
        assert_eq!(turns("..########......"), [(40, None), (200, Some(160))]);
    }

    #[test]
    fn a_click_is_none_and_a_stop_within_a_word_does_not_end_it() {
        assert_eq!(turns("..#####....#####"), []);
        assert_eq!(
            turns("######....######....."),
            [(0, None), (320, Some(320))]
        );
    }

    #[test]
    fn levels_are_below_overload() {
        assert!((dbov(power_of(-42.0)) + 42.0).abs() < 0.01);
        assert_eq!(dbov(0.0), -127.0);
    }
}
