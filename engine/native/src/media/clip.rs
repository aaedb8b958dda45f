//! A file's samples, and what becomes of them under either law: compressed once, when it is loaded, not once for each listener.

use std::fmt;
use std::sync::Arc;

use super::g711::Law;

/// Sound of known length, shared by all who play it.
pub struct Clip {
    samples: Box<[i16]>,
    mu: Box<[u8]>,
    a: Box<[u8]>,
}

impl Clip {
    /// Samples at 8 kHz.
    pub fn new(samples: Vec<i16>) -> Arc<Self> {
        let compressed = |law: Law| {
            let mut octets = vec![0; samples.len()];
            law.compress_into(&samples, &mut octets);
            octets.into_boxed_slice()
        };
        let (mu, a) = (compressed(Law::Mu), compressed(Law::A));
        Arc::new(Clip {
            samples: samples.into_boxed_slice(),
            mu,
            a,
        })
    }

    /// The samples.
    pub fn samples(&self) -> &[i16] {
        &self.samples
    }

    /// The same, compressed: an octet for each.
    pub fn coded(&self, law: Law) -> &[u8] {
        match law {
            Law::Mu => &self.mu,
            Law::A => &self.a,
        }
    }

    /// What it takes up.
    pub fn octets(&self) -> usize {
        self.samples.len() * 4
    }
}

impl fmt::Debug for Clip {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Clip({} samples)", self.samples.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clip_is_its_samples_under_either_law() {
        let clip = Clip::new((-3000..3000).collect());
        assert_eq!(clip.samples()[..2], [-3000, -2999]);
        for law in [Law::Mu, Law::A] {
            for (octet, sample) in clip.coded(law).iter().zip(clip.samples()) {
                assert_eq!(*octet, law.compress(*sample));
            }
        }
        assert_eq!(clip.octets(), 24_000);
        assert_eq!(format!("{clip:?}"), "Clip(6000 samples)");
    }
}
