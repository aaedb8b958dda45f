//! A file's samples, and what becomes of them under either law: compressed once, when it is loaded, not once for each listener.

use std::fmt;
use std::sync::Arc;

use super::g711::Law;
use super::resample::{widen, widening};

/// Sound of known length, shared by all who play it.
pub struct Clip {
    samples: Box<[i16]>,
    /// At 16 kHz, where the file has more than 8 kHz can hold.
    wide: Option<Box<[i16]>>,
    mu: Box<[u8]>,
    a: Box<[u8]>,
}

impl Clip {
    /// Samples at 8 kHz.
    pub fn new(samples: Vec<i16>) -> Arc<Self> {
        Clip::with_wide(samples, None)
    }

    /// The same sound at 8 kHz and, two samples for each of those, at 16 kHz.
    pub fn with_wide(samples: Vec<i16>, wide: Option<Vec<i16>>) -> Arc<Self> {
        widening(); // not first on the 20 ms path
        let wide = wide.map(|mut wide| {
            wide.resize(samples.len() * 2, 0);
            wide.into_boxed_slice()
        });
        let compressed = |law: Law| {
            let mut octets = vec![0; samples.len()];
            law.compress_into(&samples, &mut octets);
            octets.into_boxed_slice()
        };
        let (mu, a) = (compressed(Law::Mu), compressed(Law::A));
        Arc::new(Clip {
            samples: samples.into_boxed_slice(),
            wide,
            mu,
            a,
        })
    }

    /// The samples.
    pub fn samples(&self) -> &[i16] {
        &self.samples
    }

    /// Those from `position` on, at 16 kHz.
    pub fn fill_wide(&self, position: usize, samples: &mut [i16]) {
        match &self.wide {
            Some(wide) => {
                samples.copy_from_slice(&wide[position * 2..position * 2 + samples.len()])
            }
            None => widen(&self.samples, position, samples),
        }
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
        self.samples.len() * 4 + self.wide.as_ref().map_or(0, |wide| wide.len() * 2)
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
        assert_eq!(Clip::with_wide(vec![0; 10], Some(vec![0; 19])).octets(), 80);
        assert_eq!(format!("{clip:?}"), "Clip(6000 samples)");
    }
}
