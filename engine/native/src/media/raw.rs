//! Files of samples and nothing else: what they hold only their names say, as FreeSWITCH and Asterisk write them.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::decoder::{fill, plain, Decoder};
use super::g711::Law;

/// Octets read at a time.
const CHUNK: usize = 16 << 10;

/// What raw samples are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Raw {
    /// An octet each, at 8 kHz (ITU-T G.711).
    G711(Law),
    /// 16 bits each, the lower octet first, at this rate.
    Linear(u32),
}

impl Raw {
    /// By the end of a name, in either case; None: it is no name of raw samples.
    pub fn of(path: &Path) -> Option<Self> {
        Raw::by_suffix(path.extension()?.to_str()?)
    }

    /// By what stands behind the last dot of a name.
    pub fn by_suffix(suffix: &str) -> Option<Self> {
        Some(match suffix.to_ascii_lowercase().as_str() {
            "ul" | "ulaw" | "mulaw" | "mu" | "ulw" | "pcmu" | "pcm" => Raw::G711(Law::Mu),
            "al" | "alaw" | "alw" | "pcma" => Raw::G711(Law::A),
            "raw" | "sln" | "sln8" | "r8" | "l16" => Raw::Linear(8_000),
            "sln12" => Raw::Linear(12_000),
            "sln16" | "r16" => Raw::Linear(16_000),
            "sln24" | "r24" => Raw::Linear(24_000),
            "sln32" | "r32" => Raw::Linear(32_000),
            "sln44" => Raw::Linear(44_100),
            "sln48" => Raw::Linear(48_000),
            "sln96" => Raw::Linear(96_000),
            "sln192" => Raw::Linear(192_000),
            _ => return None,
        })
    }

    fn rate(self) -> u32 {
        match self {
            Raw::G711(_) => 8_000,
            Raw::Linear(rate) => rate,
        }
    }

    fn width(self) -> usize {
        match self {
            Raw::G711(_) => 1,
            Raw::Linear(_) => 2,
        }
    }
}

/// Reads raw samples.
pub struct RawDecoder<R> {
    file: R,
    raw: Raw,
}

impl<R: Read + Seek> RawDecoder<R> {
    /// Of that file, which holds that.
    pub fn new(file: R, raw: Raw) -> Self {
        RawDecoder { file, raw }
    }
}

impl<R: Read + Seek + Send> Decoder for RawDecoder<R> {
    fn rate(&self) -> u32 {
        self.raw.rate()
    }

    fn declared(&self) -> Option<u64> {
        None
    }

    fn read(&mut self, samples: &mut Vec<f32>) -> Result<bool, String> {
        let mut octets = [0; CHUNK];
        let count = fill(&mut self.file, &mut octets).map_err(|error| plain(&error))?;
        let octets = &octets[..count];
        match self.raw {
            Raw::G711(law) => {
                samples.extend(octets.iter().map(|octet| f32::from(law.expand(*octet))));
            }
            Raw::Linear(_) => samples.extend(
                octets
                    .chunks_exact(2)
                    .map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]]))),
            ),
        }
        Ok(count == CHUNK)
    }

    fn skip(&mut self, frames: u64) -> Result<u64, String> {
        let width = self.raw.width() as u64;
        let mut seek = |to| self.file.seek(to).map_err(|error| plain(&error));
        let here = seek(SeekFrom::Current(0))?;
        let end = seek(SeekFrom::End(0))?;
        let there = here
            .saturating_add(frames.saturating_mul(width))
            .min(here.max(end / width * width));
        seek(SeekFrom::Start(there))?;
        Ok((there - here) / width)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn all(raw: Raw, octets: &[u8]) -> Vec<f32> {
        let mut decoder = RawDecoder::new(Cursor::new(octets.to_vec()), raw);
        let mut samples = Vec::new();
        while decoder.read(&mut samples).unwrap() {}
        samples
    }

    #[test]
    fn the_name_says_what_it_is() {
        let of = |name: &str| Raw::of(Path::new(name));
        assert_eq!(of("/a/b.ul"), Some(Raw::G711(Law::Mu)));
        assert_eq!(of("b.ALAW"), Some(Raw::G711(Law::A)));
        assert_eq!(of("b.sln"), Some(Raw::Linear(8000)));
        assert_eq!(of("b.sln16"), Some(Raw::Linear(16_000)));
        assert_eq!(of("b.raw"), Some(Raw::Linear(8000)));
        assert_eq!((of("b.wav"), of("ul"), of("b")), (None, None, None));
    }

    #[test]
    fn samples_are_read_to_the_end_and_half_a_sample_is_left() {
        assert_eq!(
            all(Raw::Linear(8000), &[0, 0x40, 0, 0x80, 7]),
            [16384.0, -32768.0]
        );
        assert_eq!(all(Raw::G711(Law::A), &[0xaa]), [32256.0]);
        assert_eq!(all(Raw::G711(Law::Mu), &[0x80; 40_000]).len(), 40_000);
        assert!(all(Raw::Linear(8000), &[]).is_empty());
    }

    #[test]
    fn frames_are_passed_over_but_not_beyond_the_end() {
        let mut decoder =
            RawDecoder::new(Cursor::new(vec![1, 0, 2, 0, 3, 0, 9]), Raw::Linear(8000));
        assert_eq!(decoder.skip(2), Ok(2));
        let mut samples = Vec::new();
        assert_eq!(decoder.read(&mut samples), Ok(false));
        assert_eq!(samples, [3.0]);
        assert_eq!(decoder.skip(9), Ok(0));
    }
}
