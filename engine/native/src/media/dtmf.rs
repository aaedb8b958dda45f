//! Keys as pairs of tones (ITU-T Q.23), found in the sound by Goertzel's filters, within the limits of Q.24.
//!
//! Every 12.75 ms the eight tones' shares of the sound's energy are looked at. A key is one tone of each group that together are
//! nearly all that is heard: speech, which has more to it, is not taken for one. Who wants a key waits for a second such block.

/// Samples of a block: short enough for a key of 40 ms, long enough to tell neighbours apart.
pub const BLOCK: usize = 102;
/// Tones of the rows, then of the columns, in Hz.
const TONES: [f32; 8] = [697.0, 770.0, 852.0, 941.0, 1209.0, 1336.0, 1477.0, 1633.0];
const KEYS: [[char; 4]; 4] = [
    ['1', '2', '3', 'A'],
    ['4', '5', '6', 'B'],
    ['7', '8', '9', 'C'],
    ['*', '0', '#', 'D'],
];
/// Two tones of -30 dBm0 each: the mean square of a sample.
const LEAST_ENERGY: f32 = 500_000.0;
/// What both tones together must have of the energy. A tone 1.5 % beside its frequency, as Q.24 allows, leaves so much.
const SHARE: f32 = 0.7;
/// A tone must have so many times what the others of its group have: 8 dB.
const DISTINCT: f32 = 6.3;
/// Either may be so much louder than the other: 9 dB, so that 8 are heard however the block is cut. Q.24 has the row louder by
/// as much, as it is after a long line; phones make the column louder.
const TWIST: f32 = 8.0;
/// From 4 dB on that the row is louder, as it is in speech, too,
const SPEECHLIKE: f32 = 2.5;
/// they must have this share: the row's tone, for which a block is longer, loses less of it beside its frequency.
const SPEECHLIKE_SHARE: f32 = 0.8;

/// The two tones of a key in Hz; None: it is no key.
pub fn tones_of(key: char) -> Option<[f32; 2]> {
    let key = key.to_ascii_uppercase();
    KEYS.iter().enumerate().find_map(|(row, keys)| {
        let column = keys.iter().position(|known| *known == key)?;
        Some([TONES[row], TONES[4 + column]])
    })
}

/// Looks at the sound block by block.
#[derive(Debug, Default)]
pub struct Detector {
    /// Of each filter: its last two values.
    last: [f32; 8],
    before: [f32; 8],
    energy: f32,
    count: usize,
}

impl Detector {
    /// Samples, one after another; `found` is told of each block which key it is of.
    pub fn hear(&mut self, samples: &[i16], mut found: impl FnMut(Option<char>)) {
        let mut samples = samples;
        while !samples.is_empty() {
            let count = samples.len().min(BLOCK - self.count);
            self.filter(&samples[..count]);
            self.count += count;
            samples = &samples[count..];
            if self.count == BLOCK {
                found(self.judge());
                *self = Detector::default();
            }
        }
    }

    fn filter(&mut self, samples: &[i16]) {
        let factors = factors();
        for sample in samples {
            let sample = f32::from(*sample);
            self.energy += sample * sample;
            let values = self.last.iter_mut().zip(&mut self.before);
            for ((last, before), factor) in values.zip(factors) {
                let now = sample + factor * *last - *before;
                *before = *last;
                *last = now;
            }
        }
    }

    fn judge(&self) -> Option<char> {
        let length = BLOCK as f32;
        if self.energy < LEAST_ENERGY * length {
            return None;
        }
        let factors = factors();
        let shares: [f32; 8] = std::array::from_fn(|tone| {
            let (last, before) = (self.last[tone], self.before[tone]);
            let power = last * last + before * before - factors[tone] * last * before;
            power / (self.energy * length / 2.0)
        });
        let (row, row_share) = loudest(&shares[..4])?;
        let (column, column_share) = loudest(&shares[4..])?;
        let is_speechlike = row_share > column_share * SPEECHLIKE;
        let least = if is_speechlike {
            SPEECHLIKE_SHARE
        } else {
            SHARE
        };
        let is_key = row_share + column_share >= least
            && column_share <= row_share * TWIST
            && row_share <= column_share * TWIST;
        is_key.then(|| KEYS[row][column])
    }
}

/// The loudest of a group, if it stands out.
fn loudest(shares: &[f32]) -> Option<(usize, f32)> {
    let (place, share) = shares
        .iter()
        .copied()
        .enumerate()
        .max_by(|(_, one), (_, other)| one.total_cmp(other))?;
    shares
        .iter()
        .enumerate()
        .all(|(other, less)| other == place || less * DISTINCT <= share)
        .then_some((place, share))
}

/// Twice the cosine of each tone's step.
fn factors() -> &'static [f32; 8] {
    static FACTORS: std::sync::OnceLock<[f32; 8]> = std::sync::OnceLock::new();
    FACTORS.get_or_init(|| TONES.map(|tone| 2.0 * (std::f32::consts::TAU * tone / 8000.0).cos()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEVEL: f32 = 7000.0;

    /// So many samples of two tones, of which the second is `twist` times as loud.
    fn pair(tones: [f32; 2], twist: f32, level: f32, count: usize) -> Vec<i16> {
        let sine = |tone: f32, n: usize| (std::f32::consts::TAU * tone * n as f32 / 8000.0).sin();
        (0..count)
            .map(|n| ((sine(tones[0], n) + twist * sine(tones[1], n)) * level) as i16)
            .collect()
    }

    fn blocks(samples: &[i16]) -> Vec<Option<char>> {
        let mut found = Vec::new();
        Detector::default().hear(samples, |key| found.push(key));
        found
    }

    fn finds(samples: &[i16], key: char) -> bool {
        blocks(samples).iter().all(|found| *found == Some(key))
    }

    #[test]
    fn every_key_is_found_wherever_its_samples_are_cut() {
        for key in "1234567890*#ABCD".chars() {
            let samples = pair(tones_of(key).unwrap(), 1.0, LEVEL, BLOCK * 4);
            let mut found = Vec::new();
            let mut detector = Detector::default();
            for piece in samples.chunks(37) {
                detector.hear(piece, |key| found.push(key));
            }
            assert_eq!(found, [Some(key); 4]);
        }
        assert_eq!(tones_of('x'), None);
        assert_eq!(tones_of('d'), tones_of('D'));
    }

    #[test]
    fn it_bears_what_q24_asks_for() {
        for key in "1590D#".chars() {
            let [row, column] = tones_of(key).unwrap();
            for off in [0.985, 1.015] {
                let tones = [row * off, column * off];
                assert!(
                    finds(&pair(tones, 1.0, LEVEL, BLOCK * 4), key),
                    "{key} {off}"
                );
            }
            for twist in [0.4, 0.7, 2.2, 2.5] {
                let samples = pair([row, column], twist, LEVEL, BLOCK * 4);
                assert!(finds(&samples, key), "{key} {twist}");
            }
            assert!(finds(&pair([row, column], 1.0, 1000.0, BLOCK * 4), key));
        }
    }

    #[test]
    fn noise_15_db_below_the_key_hides_none() {
        let mut random = super::super::testing::Random(9);
        for key in "1234567890*#ABCD".chars() {
            let mut samples = pair(tones_of(key).unwrap(), 1.0, LEVEL, BLOCK * 20);
            for sample in &mut samples {
                *sample += (random.below(4200) as i16) - 2100; // of LEVEL, 17.5 % of its root mean square
            }
            assert!(finds(&samples, key), "{key}");
        }
    }

    #[test]
    fn tones_that_are_all_beside_their_frequencies_are_no_key() {
        for key in "1234567890*#ABCD".chars() {
            let [row, column] = tones_of(key).unwrap();
            for off in [0.965, 1.035] {
                let samples = pair([row * off, column * off], 1.0, LEVEL, BLOCK * 8);
                assert!(blocks(&samples).iter().all(Option::is_none), "{key} {off}");
            }
        }
    }

    #[test]
    fn one_tone_three_tones_silence_and_a_whisper_are_no_key() {
        let of = |tones: [f32; 2], level: f32| pair(tones, 1.0, level, BLOCK * 8);
        let third = of([852.0, 1477.0], LEVEL / 2.0);
        let three: Vec<i16> = of([697.0, 1209.0], LEVEL)
            .iter()
            .zip(&third)
            .map(|(one, other)| one + other)
            .collect();
        for samples in [
            of([697.0, 697.0], LEVEL),
            of([440.0, 480.0], LEVEL),
            of([350.0, 440.0], LEVEL),
            of([697.0, 1209.0], 100.0),
            three,
            vec![0; BLOCK * 8],
        ] {
            assert!(blocks(&samples).iter().all(Option::is_none));
        }
        let twisted = pair([697.0, 1209.0], 4.0, 4000.0, BLOCK * 4);
        assert!(blocks(&twisted).iter().all(Option::is_none));
    }
}
