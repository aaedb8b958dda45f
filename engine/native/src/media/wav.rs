//! WAV files: RIFF read within bounds, samples decoded and mixed down to one channel; and the header of those we write.

use std::fmt;
use std::io::{Cursor, Read, Seek, SeekFrom};

use super::decoder::{check, fill, plain, Decoder};
use super::g711::Law;

const PCM: u16 = 1;
const FLOAT: u16 = 3;
const A_LAW: u16 = 6;
const MU_LAW: u16 = 7;
const EXTENSIBLE: u16 = 0xfffe;
/// Octets of a fmt chunk that say something.
const LONGEST_FORMAT: usize = 40;
/// Chunks before the data; more are no sound.
const MAX_CHUNKS: usize = 10_000;
/// Frames decoded at a time.
const CHUNK: usize = 4096;
/// What programs leave behind that could not go back to fill in the size.
const UNKNOWN: [u32; 2] = [0, 0xffff_ffff];

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

/// Read a whole file. A file cut short gives what is there.
pub fn read(file: &[u8]) -> Result<Wav, WavError> {
    let mut decoder = WavDecoder::new(Cursor::new(file)).map_err(WavError)?;
    let mut samples = Vec::new();
    while matches!(decoder.read(&mut samples), Ok(true)) {}
    Ok(Wav {
        rate: decoder.rate(),
        samples,
    })
}

/// Reads a WAV file a little at a time. Chunks that are not known are passed over.
pub struct WavDecoder<R> {
    file: R,
    format: Format,
    /// Octets of the data chunk; None: as many as there are.
    declared: Option<u32>,
    taken: u64,
}

impl<R: Read + Seek> WavDecoder<R> {
    /// Of that file, which stands at its beginning.
    pub fn new(mut file: R) -> Result<Self, String> {
        let mut head = [0; 12];
        let count = fill(&mut file, &mut head).map_err(|error| plain(&error))?;
        if count < head.len() || &head[..4] != b"RIFF" || &head[8..] != b"WAVE" {
            return Err("expected a WAV file (RIFF/WAVE), got something else".into());
        }
        let mut format = None;
        for _ in 0..MAX_CHUNKS {
            let mut head = [0; 8];
            let count = fill(&mut file, &mut head).map_err(|error| plain(&error))?;
            if count < head.len() {
                break;
            }
            let size = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
            let mut rest = i64::from(size) + i64::from(size & 1);
            match &head[..4] {
                b"fmt " => {
                    let mut chunk = [0; LONGEST_FORMAT];
                    let known = (size as usize).min(LONGEST_FORMAT);
                    let count =
                        fill(&mut file, &mut chunk[..known]).map_err(|error| plain(&error))?;
                    format = Some(Format::read(&chunk[..count]).map_err(|error| error.0)?);
                    rest -= count as i64;
                }
                b"data" => {
                    return Ok(WavDecoder {
                        file,
                        format: format.ok_or("expected a fmt chunk before the data")?,
                        declared: (!UNKNOWN.contains(&size)).then_some(size),
                        taken: 0,
                    })
                }
                _ => {}
            }
            file.seek(SeekFrom::Current(rest))
                .map_err(|error| plain(&error))?;
        }
        Err("expected a data chunk, found none".into())
    }

    /// Octets that may still come.
    fn left(&self) -> u64 {
        self.declared
            .map_or(u64::MAX, |declared| u64::from(declared) - self.taken)
    }
}

impl<R: Read + Seek + Send> Decoder for WavDecoder<R> {
    fn rate(&self) -> u32 {
        self.format.rate
    }

    fn declared(&self) -> Option<u64> {
        self.declared
            .map(|octets| u64::from(octets) / self.format.frame() as u64)
    }

    fn read(&mut self, samples: &mut Vec<f32>) -> Result<bool, String> {
        let frame = self.format.frame();
        let count = (CHUNK * frame).min(usize::try_from(self.left()).unwrap_or(usize::MAX));
        let mut octets = vec![0; count];
        let known = fill(&mut self.file, &mut octets).map_err(|error| plain(&error))?;
        self.taken += known as u64;
        self.format.decode(&octets[..known], samples);
        match self.declared {
            Some(_) if known < count => Err(format!(
                "it is cut off: expected {:.1} s, got {:.1} s",
                self.declared().unwrap_or(0) as f64 / f64::from(self.format.rate),
                (self.taken / frame as u64) as f64 / f64::from(self.format.rate)
            )),
            _ => Ok(known > 0),
        }
    }

    fn skip(&mut self, frames: u64) -> Result<u64, String> {
        let frame = self.format.frame() as u64;
        let mut seek = |to| self.file.seek(to).map_err(|error| plain(&error));
        let here = seek(SeekFrom::Current(0))?;
        let end = seek(SeekFrom::End(0))?.max(here);
        let there = (end - here).min(
            self.declared
                .map_or(u64::MAX, |it| u64::from(it) - self.taken),
        );
        let count = frames.min(there / frame);
        seek(SeekFrom::Start(here + count * frame))?;
        self.taken += count * frame;
        Ok(count)
    }
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
        check(rate, usize::from(channels)).map_err(WavError)?;
        Ok(Format {
            encoding: Encoding::of(tag, bits)?,
            channels: usize::from(channels),
            rate,
        })
    }

    /// Octets of a frame: a sample of each channel.
    fn frame(self) -> usize {
        self.encoding.width() * self.channels
    }

    fn decode(self, data: &[u8], samples: &mut Vec<f32>) {
        let width = self.encoding.width();
        let share = 1.0 / self.channels as f32;
        samples.extend(data.chunks_exact(self.frame()).map(|frame| {
            let sum: f32 = frame
                .chunks_exact(width)
                .map(|sample| self.encoding.decode(sample))
                .sum();
            sum * share
        }));
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
    fn a_file_shorter_than_it_says_is_broken_where_it_ends() {
        let mut file = riff(&[format(PCM, 1, 8000, 16), chunk(b"data", &[0; 16_000])]);
        file.truncate(file.len() - 8000);
        let mut decoder = WavDecoder::new(Cursor::new(file)).unwrap();
        let mut samples = Vec::new();
        assert_eq!(decoder.declared(), Some(8000));
        assert_eq!(
            decoder.read(&mut samples),
            Err("it is cut off: expected 1.0 s, got 0.5 s".into())
        );
        assert_eq!(samples.len(), 4000);
    }

    #[test]
    fn frames_are_passed_over_but_not_beyond_the_data() {
        let file = riff(&[
            format(PCM, 1, 8000, 16),
            chunk(b"data", &[1, 0, 2, 0, 3, 0]),
            chunk(b"LIST", &[0; 100]),
        ]);
        let mut decoder = WavDecoder::new(Cursor::new(file)).unwrap();
        assert_eq!(decoder.skip(2), Ok(2));
        let mut samples = Vec::new();
        assert_eq!(decoder.read(&mut samples), Ok(true));
        assert_eq!(samples, [3.0]);
        assert_eq!(
            (decoder.read(&mut samples), decoder.skip(5)),
            (Ok(false), Ok(0))
        );
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
