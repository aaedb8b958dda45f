//! WAV files: RIFF read within bounds, samples decoded and mixed down to one channel; and the header of those we write.

use std::fmt;

use super::g711::Law;

const PCM: u16 = 1;
const FLOAT: u16 = 3;
const A_LAW: u16 = 6;
const MU_LAW: u16 = 7;
const EXTENSIBLE: u16 = 0xfffe;
const RATES: std::ops::RangeInclusive<u32> = 4_000..=192_000;
const CHANNELS: std::ops::RangeInclusive<u16> = 1..=8;
/// The longest clip, so that one file cannot fill the memory.
pub const MAX_SECONDS: u64 = 2 * 60 * 60;

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WavError(pub String);

impl fmt::Display for WavError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// How one sample is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Unsigned8,
    Signed(usize),
    Float(usize),
    G711(Law),
}

impl Encoding {
    fn of(tag: u16, bits: u16) -> Result<Self, WavError> {
        match (tag, bits) {
            (PCM, 8) => Ok(Encoding::Unsigned8),
            (PCM, 16 | 24 | 32) => Ok(Encoding::Signed(usize::from(bits / 8))),
            (FLOAT, 32 | 64) => Ok(Encoding::Float(usize::from(bits / 8))),
            (A_LAW, 8) => Ok(Encoding::G711(Law::A)),
            (MU_LAW, 8) => Ok(Encoding::G711(Law::Mu)),
            _ => Err(WavError(format!(
                "expected PCM of 8, 16, 24 or 32 bits, float, A-law or mu-law, got format {tag} of {bits} bits"
            ))),
        }
    }

    fn width(self) -> usize {
        match self {
            Encoding::Unsigned8 | Encoding::G711(_) => 1,
            Encoding::Signed(width) | Encoding::Float(width) => width,
        }
    }

    /// One sample, full scale being one of 16 bits.
    fn decode(self, octets: &[u8]) -> f32 {
        match self {
            Encoding::Unsigned8 => (f32::from(octets[0]) - 128.0) * 256.0,
            Encoding::G711(law) => f32::from(law.expand(octets[0])),
            Encoding::Signed(width) => {
                let mut word = [0; 4];
                word[4 - width..].copy_from_slice(octets);
                i32::from_le_bytes(word) as f32 / 65536.0
            }
            Encoding::Float(4) => {
                finite(f32::from_le_bytes([octets[0], octets[1], octets[2], octets[3]]) * 32768.0)
            }
            Encoding::Float(_) => {
                let mut word = [0; 8];
                word.copy_from_slice(octets);
                finite((f64::from_le_bytes(word) * 32768.0) as f32)
            }
        }
    }
}

fn finite(value: f32) -> f32 {
    if value.is_finite() {
        value.clamp(-32768.0, 32767.0)
    } else {
        0.0
    }
}

/// A file's samples, still at its own rate.
#[derive(Debug)]
pub struct Wav {
    /// Samples per second.
    pub rate: u32,
    /// One channel, full scale being that of 16 bits.
    pub samples: Vec<f32>,
}

/// Read a whole file. Chunks that are not known are passed over; a file cut short gives what is there.
pub fn read(file: &[u8]) -> Result<Wav, WavError> {
    if file.len() < 12 || &file[..4] != b"RIFF" || &file[8..12] != b"WAVE" {
        return Err(WavError(
            "expected a WAV file (RIFF/WAVE), got something else".into(),
        ));
    }
    let mut format = None;
    let mut rest = &file[12..];
    while let Some((head, body)) = rest.split_first_chunk::<8>() {
        let size = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        match &head[..4] {
            b"fmt " => format = Some(Format::read(&body[..size.min(body.len())])?),
            b"data" => {
                let format = format
                    .ok_or_else(|| WavError("expected a fmt chunk before the data".into()))?;
                // 0 and 0xffffffff are what programs leave behind that could not go back to fill in the size.
                let size = if size == 0 || size == 0xffff_ffff {
                    body.len()
                } else {
                    size.min(body.len())
                };
                return format.decode(&body[..size]);
            }
            _ => {}
        }
        rest = body
            .get(size.saturating_add(size & 1)..)
            .unwrap_or_default();
    }
    Err(WavError("expected a data chunk, found none".into()))
}

#[derive(Clone, Copy)]
struct Format {
    encoding: Encoding,
    channels: usize,
    rate: u32,
}

impl Format {
    fn read(chunk: &[u8]) -> Result<Self, WavError> {
        let short = |at: usize| {
            chunk
                .get(at..at + 2)
                .map(|octets| u16::from_le_bytes([octets[0], octets[1]]))
        };
        let (Some(mut tag), Some(channels), Some(low), Some(high), Some(bits)) =
            (short(0), short(2), short(4), short(6), short(14))
        else {
            return Err(WavError(format!(
                "expected a fmt chunk of 16 octets or more, got {}",
                chunk.len()
            )));
        };
        if tag == EXTENSIBLE {
            tag = short(24).ok_or_else(|| {
                WavError("expected the subformat of an extensible fmt chunk".into())
            })?;
        }
        let rate = u32::from(high) << 16 | u32::from(low);
        if !RATES.contains(&rate) {
            return Err(WavError(format!(
                "expected 4000 to 192000 samples per second, got {rate}"
            )));
        }
        if !CHANNELS.contains(&channels) {
            return Err(WavError(format!(
                "expected 1 to 8 channels, got {channels}"
            )));
        }
        Ok(Format {
            encoding: Encoding::of(tag, bits)?,
            channels: usize::from(channels),
            rate,
        })
    }

    fn decode(self, data: &[u8]) -> Result<Wav, WavError> {
        let width = self.encoding.width();
        let frame = width * self.channels;
        let count = data.len() / frame;
        if count as u64 > MAX_SECONDS * u64::from(self.rate) {
            return Err(WavError(format!(
                "expected at most {MAX_SECONDS} seconds, got {}",
                count as u64 / u64::from(self.rate)
            )));
        }
        let share = 1.0 / self.channels as f32;
        let samples = data
            .chunks_exact(frame)
            .map(|frame| {
                let sum: f32 = frame
                    .chunks_exact(width)
                    .map(|sample| self.encoding.decode(sample))
                    .sum();
                sum * share
            })
            .collect();
        Ok(Wav {
            rate: self.rate,
            samples,
        })
    }
}

/// The length of the header that `header` makes.
pub const HEADER: usize = 44;

/// The header of a 16-bit, 8 kHz file that holds `samples` samples of each of its channels.
pub fn header(samples: u64, channels: u16) -> [u8; HEADER] {
    let frame = channels * 2;
    let size = u32::try_from(samples * u64::from(frame)).unwrap_or(u32::MAX - HEADER as u32);
    let mut header = [0; HEADER];
    header[..4].copy_from_slice(b"RIFF");
    header[4..8].copy_from_slice(&(size + HEADER as u32 - 8).to_le_bytes());
    header[8..16].copy_from_slice(b"WAVEfmt ");
    header[16..20].copy_from_slice(&16u32.to_le_bytes());
    header[20..22].copy_from_slice(&PCM.to_le_bytes());
    header[22..24].copy_from_slice(&channels.to_le_bytes());
    header[24..28].copy_from_slice(&8000u32.to_le_bytes());
    header[28..32].copy_from_slice(&(8000 * u32::from(frame)).to_le_bytes());
    header[32..34].copy_from_slice(&frame.to_le_bytes());
    header[34..36].copy_from_slice(&16u16.to_le_bytes());
    header[36..40].copy_from_slice(b"data");
    header[40..].copy_from_slice(&size.to_le_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut chunk = name.to_vec();
        chunk.extend_from_slice(&(body.len() as u32).to_le_bytes());
        chunk.extend_from_slice(body);
        if body.len() % 2 == 1 {
            chunk.push(0);
        }
        chunk
    }

    fn format(tag: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
        let mut body = Vec::new();
        body.extend_from_slice(&tag.to_le_bytes());
        body.extend_from_slice(&channels.to_le_bytes());
        body.extend_from_slice(&rate.to_le_bytes());
        body.extend_from_slice(&[0; 6]);
        body.extend_from_slice(&bits.to_le_bytes());
        chunk(b"fmt ", &body)
    }

    fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
        let body = chunks.concat();
        let mut file = b"RIFF".to_vec();
        file.extend_from_slice(&(body.len() as u32 + 4).to_le_bytes());
        file.extend_from_slice(b"WAVE");
        file.extend_from_slice(&body);
        file
    }

    fn samples(tag: u16, channels: u16, bits: u16, data: &[u8]) -> Vec<f32> {
        read(&riff(&[
            format(tag, channels, 8000, bits),
            chunk(b"data", data),
        ]))
        .unwrap()
        .samples
    }

    #[test]
    fn every_encoding_reads_to_the_same_scale() {
        assert_eq!(
            samples(PCM, 1, 16, &[0, 0x40, 0, 0x80]),
            [16384.0, -32768.0]
        );
        assert_eq!(samples(PCM, 1, 8, &[128, 192, 0]), [0.0, 16384.0, -32768.0]);
        assert_eq!(samples(PCM, 1, 24, &[9, 0, 0x40]), [16384.0 + 9.0 / 256.0]);
        assert_eq!(samples(PCM, 1, 32, &[0, 0, 0, 0x40]), [16384.0]);
        assert_eq!(samples(FLOAT, 1, 32, &0.5f32.to_le_bytes()), [16384.0]);
        assert_eq!(samples(FLOAT, 1, 64, &(-0.5f64).to_le_bytes()), [-16384.0]);
        assert_eq!(samples(FLOAT, 1, 32, &f32::NAN.to_le_bytes()), [0.0]);
        assert_eq!(samples(A_LAW, 1, 8, &[0xaa]), [32256.0]);
        assert_eq!(samples(MU_LAW, 1, 8, &[0x80]), [32124.0]);
    }

    #[test]
    fn stereo_is_mixed_down() {
        assert_eq!(samples(PCM, 2, 16, &[0, 0x40, 0, 0x20]), [12288.0]);
    }

    #[test]
    fn other_chunks_are_passed_over_and_an_extensible_format_is_read() {
        let mut body = vec![0xfe, 0xff, 1, 0, 0x40, 0x1f, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0];
        body.extend_from_slice(&[22, 0, 16, 0, 4, 0, 0, 0, 1, 0]);
        body.extend_from_slice(&[0; 14]);
        let file = riff(&[
            chunk(b"LIST", b"odd"),
            chunk(b"fmt ", &body),
            chunk(b"data", &[1, 0]),
        ]);
        let wav = read(&file).unwrap();
        assert_eq!((wav.rate, wav.samples), (8000, vec![1.0]));
    }

    #[test]
    fn a_file_cut_short_or_streamed_gives_what_is_there() {
        let mut file = riff(&[format(PCM, 1, 16000, 16), chunk(b"data", &[1, 0, 2, 0, 3])]);
        file.truncate(file.len() - 1);
        for size in [0u32, 5000, u32::MAX] {
            let at = file.len() - 9;
            file[at..at + 4].copy_from_slice(&size.to_le_bytes());
            assert_eq!(read(&file).unwrap().samples, [1.0, 2.0]);
        }
    }

    #[test]
    fn what_cannot_be_played_says_why() {
        let bad = |chunks: &[Vec<u8>]| read(&riff(chunks)).unwrap_err().0;
        let data = chunk(b"data", &[0, 0]);
        assert!(read(b"ID3").unwrap_err().0.contains("RIFF"));
        assert!(bad(&[]).contains("data chunk"));
        assert!(bad(std::slice::from_ref(&data)).contains("fmt chunk before"));
        assert!(bad(&[format(PCM, 1, 3999, 16), data.clone()]).contains("3999"));
        assert!(bad(&[format(PCM, 0, 8000, 16), data.clone()]).contains("channels"));
        assert!(bad(&[format(2, 1, 8000, 4), data.clone()]).contains("format 2 of 4 bits"));
        assert!(bad(&[chunk(b"fmt ", &[1, 0]), data.clone()]).contains("16 octets"));
        let mut huge = format(PCM, 1, 4000, 8);
        huge.extend(chunk(b"data", &vec![0; 4000 * MAX_SECONDS as usize + 1]));
        assert!(read(&riff(&[huge])).unwrap_err().0.contains("seconds"));
    }

    #[test]
    fn no_prefix_and_no_wild_size_makes_it_fall() {
        let file = riff(&[
            format(PCM, 2, 8000, 24),
            chunk(b"junk", &[7; 9]),
            chunk(b"data", &[1; 40]),
        ]);
        for cut in 0..file.len() {
            let _ = read(&file[..cut]);
            for value in [0, 1, 0x7f, 0xff] {
                let mut wild = file.clone();
                wild[cut] = value;
                let _ = read(&wild);
            }
        }
    }

    #[test]
    fn our_own_header_reads_back() {
        let mut file = header(2, 1).to_vec();
        file.extend_from_slice(&[1, 0, 2, 0]);
        let wav = read(&file).unwrap();
        assert_eq!((wav.rate, wav.samples), (8000, vec![1.0, 2.0]));
        assert_eq!(
            u32::from_le_bytes([file[4], file[5], file[6], file[7]]) as usize,
            file.len() - 8
        );
    }
}
