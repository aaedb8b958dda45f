//! G.722 at 64 kbit/s (ITU-T G.722): 16 kHz split in two bands, each coded by adaptive differences, an octet for two samples.
//!
//! The blocks bear the names of the Recommendation (§3, §4, and the tables of §6.2). RTP calls its clock 8000 by an old mistake
//! (RFC 3551 §4.5.2). State is a few numbers: nothing is allocated, and whatever octets come decode to something.

/// The quadrature mirror filters (§5.2.1, table 11), one half: the other mirrors it.
const MIRROR: [i32; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];
/// Decision levels of the lower band's six bits (table 14).
const Q6: [i32; 31] = [
    0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940,
    1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919, 0,
];
/// What the lower band's quantizer puts out below 0, and above it (table 15).
const ILN: [u8; 31] = [
    0, 63, 62, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11,
    10, 9, 8, 7, 6, 5, 4,
];
const ILP: [u8; 31] = [
    0, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39,
    38, 37, 36, 35, 34, 33, 32,
];
/// Differences of the lower band by four bits, which the prediction goes by, and by six, which are heard (tables 16 and 18).
const QM4: [i32; 16] = [
    0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584,
    1200, 0,
];
const QM6: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232,
    -9360, -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776,
    -2400, -2032, -1688, -1360, -1040, -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280,
    11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776,
    2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
];
/// Differences of the higher band by its two bits (table 21).
const QM2: [i32; 4] = [-7408, -1616, 7408, 1616];
/// How the scale of the lower band follows what was coded (tables 17 and 19).
const WL: [i32; 16] = [
    -60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60,
];
/// The same of the higher (table 22).
const WH: [i32; 4] = [798, -214, 798, -214];
/// Scale factors by the fraction of their logarithm (table 13).
const ILB: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
    2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

/// One band: what it predicts, and how large its steps are.
#[derive(Clone, Debug)]
struct Band {
    /// The next sample, predicted: its whole, and its part by zeros.
    s: i32,
    sz: i32,
    /// Coefficients by poles, and what they go by: reconstructed samples, partial ones.
    a: [i32; 2],
    r: [i32; 2],
    p: [i32; 2],
    /// Coefficients by zeros, and the differences that they go by.
    b: [i32; 6],
    d: [i32; 6],
    /// The scale: its logarithm, and itself.
    nb: i32,
    det: i32,
    /// Where the scale ends, and how its logarithm counts.
    most: i32,
    octave: i32,
}

impl Band {
    fn lower() -> Self {
        Band::new(32, 18_432, 8)
    }

    fn higher() -> Self {
        Band::new(8, 22_528, 10)
    }

    fn new(det: i32, most: i32, octave: i32) -> Self {
        Band {
            s: 0,
            sz: 0,
            a: [0; 2],
            r: [0; 2],
            p: [0; 2],
            b: [0; 6],
            d: [0; 6],
            nb: 0,
            det,
            most,
            octave,
        }
    }

    /// A difference of so many 32768ths of the scale.
    fn scaled(&self, level: i32) -> i32 {
        (self.det * level) >> 15
    }

    /// LOGSCL and SCALEL, LOGSCH and SCALEH.
    fn rescale(&mut self, step: i32) {
        self.nb = (((self.nb * 127) >> 7) + step).clamp(0, self.most);
        let factor = ILB[((self.nb >> 6) & 31) as usize];
        let shift = self.octave - (self.nb >> 11);
        self.det = if shift < 0 {
            factor << -shift
        } else {
            factor >> shift
        } << 2;
    }

    /// The difference `d` was coded: RECONS, PARREC, UPPOL, UPZERO, DELAYA, FILTEP, FILTEZ, PREDIC.
    fn adapt(&mut self, d: i32) {
        let (r, p) = (clamped(self.s + d), clamped(self.sz + d));
        self.adapt_poles(p);
        self.adapt_zeros(d);
        self.r = [r, self.r[0]];
        self.p = [p, self.p[0]];
        self.d.copy_within(..5, 1);
        self.d[0] = d;
        let part = |coefficient: i32, value: i32| (coefficient * clamped(value + value)) >> 15;
        let sp = clamped(part(self.a[0], self.r[0]) + part(self.a[1], self.r[1]));
        self.sz = 0;
        for (b, d) in self.b.iter().zip(&self.d).rev() {
            self.sz = clamped(self.sz + part(*b, *d));
        }
        self.s = clamped(sp + self.sz);
    }

    fn adapt_poles(&mut self, p: i32) {
        let is_like = |before: i32| (p < 0) == (before < 0);
        let [first, second] = self.a;
        let four = clamped(first << 2);
        let four = if is_like(self.p[0]) {
            clamped(-four)
        } else {
            four
        };
        let leak = if is_like(self.p[1]) { 128 } else { -128 };
        self.a[1] = ((four >> 7) + leak + ((second * 32_512) >> 15)).clamp(-12_288, 12_288);
        let step = if is_like(self.p[0]) { 192 } else { -192 };
        let most = clamped(15_360 - self.a[1]);
        self.a[0] = clamped(step + ((first * 32_640) >> 15)).clamp(-most, most);
    }

    fn adapt_zeros(&mut self, d: i32) {
        let step = if d == 0 { 0 } else { 128 };
        for (b, before) in self.b.iter_mut().zip(&self.d) {
            let step = if (d < 0) == (*before < 0) {
                step
            } else {
                -step
            };
            *b = clamped(step + ((*b * 32_640) >> 15));
        }
    }
}

/// The last samples of a mirror filter, two phases.
#[derive(Clone, Debug, Default)]
struct Mirror {
    even: [i32; 12],
    odd: [i32; 12],
}

impl Mirror {
    /// Two more samples; what the phases come to.
    fn pass(&mut self, even: i32, odd: i32) -> (i32, i32) {
        for (line, sample) in [(&mut self.even, even), (&mut self.odd, odd)] {
            line.copy_within(1.., 0);
            line[11] = sample;
        }
        let sum = |line: &[i32; 12], taps: &mut dyn Iterator<Item = &i32>| -> i32 {
            line.iter()
                .zip(taps)
                .map(|(sample, tap)| sample * tap)
                .sum()
        };
        (
            sum(&self.even, &mut MIRROR.iter()),
            sum(&self.odd, &mut MIRROR.iter().rev()),
        )
    }
}

/// Samples to octets.
#[derive(Clone, Debug)]
pub struct Encoder {
    lower: Band,
    higher: Band,
    mirror: Mirror,
}

impl Default for Encoder {
    fn default() -> Self {
        Encoder {
            lower: Band::lower(),
            higher: Band::higher(),
            mirror: Mirror::default(),
        }
    }
}

impl Encoder {
    /// Code pairs of samples, as many as both have room for; the octets written.
    pub fn encode(&mut self, samples: &[i16], octets: &mut [u8]) -> usize {
        let mut count = 0;
        for (pair, octet) in samples.chunks_exact(2).zip(octets) {
            let (odd, even) = self.mirror.pass(pair[0].into(), pair[1].into());
            let lower = self.encode_lower((even + odd) >> 14);
            let higher = self.encode_higher((even - odd) >> 14);
            *octet = higher << 6 | lower;
            count += 1;
        }
        count
    }

    /// QUANTL and INVQAL.
    fn encode_lower(&mut self, sample: i32) -> u8 {
        let band = &mut self.lower;
        let error = clamped(sample - band.s);
        let size = if error < 0 { -(error + 1) } else { error };
        let is_above = |level: &usize| size < (Q6[*level] * band.det) >> 12;
        let level = (1..30).find(is_above).unwrap_or(30);
        let code = if error < 0 { ILN[level] } else { ILP[level] };
        let four = usize::from(code >> 2);
        let d = band.scaled(QM4[four]);
        band.rescale(WL[four]);
        band.adapt(d);
        code
    }

    /// QUANTH and INVQAH.
    fn encode_higher(&mut self, sample: i32) -> u8 {
        let band = &mut self.higher;
        let error = clamped(sample - band.s);
        let size = if error < 0 { -(error + 1) } else { error };
        let is_large = size >= (564 * band.det) >> 12;
        let code = match (error < 0, is_large) {
            (true, true) => 0,
            (true, false) => 1,
            (false, true) => 2,
            (false, false) => 3,
        };
        let d = band.scaled(QM2[usize::from(code)]);
        band.rescale(WH[usize::from(code)]);
        band.adapt(d);
        code
    }
}

/// Octets to samples.
#[derive(Clone, Debug)]
pub struct Decoder {
    lower: Band,
    higher: Band,
    mirror: Mirror,
}

impl Default for Decoder {
    fn default() -> Self {
        Decoder {
            lower: Band::lower(),
            higher: Band::higher(),
            mirror: Mirror::default(),
        }
    }
}

impl Decoder {
    /// Decode octets, as many as both have room for; the samples written.
    pub fn decode(&mut self, octets: &[u8], samples: &mut [i16]) -> usize {
        let mut count = 0;
        for (octet, pair) in octets.iter().zip(samples.chunks_exact_mut(2)) {
            let lower = self.decode_lower(octet & 63);
            let higher = self.decode_higher(octet >> 6);
            let (second, first) = self.mirror.pass(lower + higher, lower - higher);
            pair[0] = clamped(first >> 11) as i16;
            pair[1] = clamped(second >> 11) as i16;
            count += 2;
        }
        count
    }

    /// INVQBL, RECONS, LIMIT for what is heard; INVQAL for the prediction.
    fn decode_lower(&mut self, code: u8) -> i32 {
        let band = &mut self.lower;
        let heard = band.s + band.scaled(QM6[usize::from(code)]);
        let four = usize::from(code >> 2);
        let d = band.scaled(QM4[four]);
        band.rescale(WL[four]);
        band.adapt(d);
        heard.clamp(-16_384, 16_383)
    }

    fn decode_higher(&mut self, code: u8) -> i32 {
        let band = &mut self.higher;
        let d = band.scaled(QM2[usize::from(code)]);
        let heard = band.s + d;
        band.rescale(WH[usize::from(code)]);
        band.adapt(d);
        heard.clamp(-16_384, 16_383)
    }
}

/// To what 16 bits hold.
fn clamped(value: i32) -> i32 {
    value.clamp(-32_768, 32_767)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Random;
    use super::*;

    /// What another implementation (ffmpeg 5.1) makes of noise, tones and full-scale square waves; see `make_seeds` in its folder.
    const SAMPLES: &[u8] = include_bytes!("../../../tests/g722/samples.raw");
    const CODED: &[u8] = include_bytes!("../../../tests/g722/coded.g722");
    const HEARD: &[u8] = include_bytes!("../../../tests/g722/heard.raw");

    fn samples(octets: &[u8]) -> Vec<i16> {
        octets
            .chunks_exact(2)
            .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
            .collect()
    }

    #[test]
    fn it_codes_bit_for_bit_as_another_implementation() {
        let said = samples(SAMPLES);
        let mut coded = vec![0; said.len() / 2];
        assert_eq!(Encoder::default().encode(&said, &mut coded), CODED.len());
        assert!(coded == CODED);
    }

    #[test]
    fn it_decodes_bit_for_bit_as_another_implementation() {
        let mut heard = vec![0; CODED.len() * 2];
        assert_eq!(Decoder::default().decode(CODED, &mut heard), heard.len());
        assert!(heard == samples(HEARD));
    }

    #[test]
    fn whatever_comes_decodes_to_something() {
        let mut random = Random(7);
        let octets: Vec<u8> = (0..16_000).map(|_| random.below(256) as u8).collect();
        let mut decoder = Decoder::default();
        let mut heard = vec![0; 32_000];
        assert_eq!(decoder.decode(&octets, &mut heard), 32_000);
        assert_eq!(decoder.decode(&octets, &mut heard[..7]), 6);
    }
}
