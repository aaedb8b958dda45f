//! G.711 mu-law and A-law (ITU-T G.711; the arithmetic of the reference code in G.191), by tables made at compile time.

/// Which of the two companding laws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Law {
    /// PCMU, static payload type 0 (RFC 3551 §4.5.14).
    Mu,
    /// PCMA, static payload type 8.
    A,
}

/// What one law needs: to linear, from linear (by the upper 14 bits), and to the other law.
struct Tables {
    linear: [i16; 256],
    coded: [u8; 1 << 14],
    other: [u8; 256],
}

static MU: Tables = tables(Law::Mu);
static A: Tables = tables(Law::A);

impl Law {
    fn tables(self) -> &'static Tables {
        match self {
            Law::Mu => &MU,
            Law::A => &A,
        }
    }

    /// One sample to 16-bit linear.
    pub fn expand(self, octet: u8) -> i16 {
        self.tables().linear[usize::from(octet)]
    }

    /// One 16-bit linear sample to its octet.
    pub fn compress(self, sample: i16) -> u8 {
        self.tables().coded[usize::from(sample as u16 >> 2)]
    }

    /// Expand as many octets as both have room for.
    pub fn expand_into(self, octets: &[u8], samples: &mut [i16]) {
        let linear = &self.tables().linear;
        for (sample, octet) in samples.iter_mut().zip(octets) {
            *sample = linear[usize::from(*octet)];
        }
    }

    /// Compress as many samples as both have room for.
    pub fn compress_into(self, samples: &[i16], octets: &mut [u8]) {
        let coded = &self.tables().coded;
        for (octet, sample) in octets.iter_mut().zip(samples) {
            *octet = coded[usize::from(*sample as u16 >> 2)];
        }
    }

    /// From this law to the other, in place.
    pub fn transcode(self, octets: &mut [u8]) {
        let other = &self.tables().other;
        for octet in octets {
            *octet = other[usize::from(*octet)];
        }
    }

    /// The octet of a zero sample.
    pub fn silence(self) -> u8 {
        self.compress(0)
    }
}

const fn tables(law: Law) -> Tables {
    let mut linear = [0; 256];
    let mut coded = [0; 1 << 14];
    let mut other = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        linear[octet] = expand(law, octet as u8);
        other[octet] = match law {
            Law::Mu => compress(Law::A, linear[octet]),
            Law::A => compress(Law::Mu, linear[octet]),
        };
        octet += 1;
    }
    let mut upper = 0;
    while upper < 1 << 14 {
        coded[upper] = compress(law, ((upper as u16) << 2) as i16);
        upper += 1;
    }
    Tables {
        linear,
        coded,
        other,
    }
}

const fn compress(law: Law, sample: i16) -> u8 {
    let magnitude = if sample < 0 { !sample } else { sample };
    let is_positive = sample >= 0;
    match law {
        Law::Mu => compress_mu(magnitude, is_positive),
        Law::A => compress_a(magnitude, is_positive),
    }
}

const fn compress_mu(magnitude: i16, is_positive: bool) -> u8 {
    let biased = (magnitude >> 2) + 33;
    let biased = if biased > 0x1fff { 0x1fff } else { biased };
    let segment = 16 - (biased >> 6).leading_zeros() as i16 + 1;
    let high = 8 - segment;
    let low = 15 - ((biased >> segment) & 15);
    let octet = (high << 4 | low) as u8;
    if is_positive {
        octet | 0x80
    } else {
        octet
    }
}

const fn compress_a(magnitude: i16, is_positive: bool) -> u8 {
    let mut value = magnitude >> 4;
    if value > 15 {
        let mut exponent = 1;
        while value > 31 {
            value >>= 1;
            exponent += 1;
        }
        value = value - 16 + (exponent << 4);
    }
    let octet = value as u8;
    (if is_positive { octet | 0x80 } else { octet }) ^ 0x55
}

const fn expand(law: Law, octet: u8) -> i16 {
    match law {
        Law::Mu => {
            let inverted = !octet;
            let exponent = (inverted >> 4) & 7;
            let step = 8i16 << exponent;
            let magnitude =
                (0x80i16 << exponent) + step * (inverted & 15) as i16 + step / 2 - 4 * 33;
            if octet < 0x80 {
                -magnitude
            } else {
                magnitude
            }
        }
        Law::A => {
            let value = octet ^ 0x55;
            let exponent = (value & 0x7f) >> 4;
            let mut magnitude = (value & 15) as i16;
            if exponent > 0 {
                magnitude += 16;
            }
            magnitude = (magnitude << 4) + 8;
            if exponent > 1 {
                magnitude <<= exponent - 1;
            }
            if value > 127 {
                magnitude
            } else {
                -magnitude
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_of_the_standard() {
        // The ends and the middle of ITU-T G.711 tables 1a to 2b, scaled to 16 bits.
        for (octet, sample) in [
            (0x80, 32124),
            (0x00, -32124),
            (0xff, 0),
            (0x8f, 16764),
            (0xce, 988),
        ] {
            assert_eq!(Law::Mu.expand(octet), sample, "mu-law {octet:#x}");
        }
        for (octet, sample) in [(0xaa, 32256), (0x2a, -32256), (0xd5, 8), (0x55, -8)] {
            assert_eq!(Law::A.expand(octet), sample, "A-law {octet:#x}");
        }
        assert_eq!(Law::Mu.silence(), 0xff);
        assert_eq!(Law::A.silence(), 0xd5);
        assert_eq!(
            (
                Law::Mu.compress(i16::MAX),
                Law::Mu.compress(i16::MIN),
                Law::A.compress(i16::MAX),
                Law::A.compress(i16::MIN)
            ),
            (0x80, 0x00, 0xaa, 0x2a)
        );
    }

    #[test]
    fn a_milliwatt_is_the_sequence_of_the_standard() {
        // ITU-T G.711 table 5 and 6: the digital milliwatt, 1 kHz at 0 dBm0; its peak is 3.14/3.17 dB under full scale.
        let mu = [0x1e, 0x0b, 0x0b, 0x1e, 0x9e, 0x8b, 0x8b, 0x9e];
        let a = [0x34, 0x21, 0x21, 0x34, 0xb4, 0xa1, 0xa1, 0xb4];
        for (law, sequence) in [(Law::Mu, mu), (Law::A, a)] {
            let power: f64 = sequence
                .iter()
                .map(|octet| f64::from(law.expand(*octet)).powi(2))
                .sum();
            let rms = (power / 8.0).sqrt();
            let dbm0 = 20.0 * (rms * 2f64.sqrt() / 32636.0).log10() + 3.16;
            assert!(dbm0.abs() < 0.1, "{law:?} {dbm0}");
        }
    }

    #[test]
    fn every_octet_survives_the_way_there_and_back() {
        for octet in 0..=255u8 {
            assert_eq!(Law::A.compress(Law::A.expand(octet)), octet);
            let there = Law::Mu.compress(Law::Mu.expand(octet));
            assert!(there == octet || octet == 0x7f && there == 0xff); // there are two zeros
        }
    }

    #[test]
    fn transcoding_changes_little() {
        for octet in 0..=255u8 {
            let mut transcoded = [octet];
            Law::Mu.transcode(&mut transcoded);
            let (was, is) = (
                f64::from(Law::Mu.expand(octet)),
                f64::from(Law::A.expand(transcoded[0])),
            );
            assert!((was - is).abs() <= 8.0 + was.abs() * 0.04, "{was} {is}");
        }
    }

    #[test]
    fn blocks_are_the_samples_one_by_one() {
        let samples: Vec<i16> = (0..100).map(|n| n * 321 - 16000).collect();
        let mut octets = [0; 100];
        Law::A.compress_into(&samples, &mut octets);
        let mut back = [0; 100];
        Law::A.expand_into(&octets, &mut back);
        for index in 0..100 {
            assert_eq!(back[index], Law::A.expand(Law::A.compress(samples[index])));
        }
    }
}
