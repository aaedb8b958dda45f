//! A sound file, read from its beginning to its end a little at a time. What it is its content says, not its name; but of
//! raw samples, which say nothing, the name does.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::compressed::Compressed;
use super::raw::{Raw, RawDecoder};
use super::wav::WavDecoder;

/// The greatest file that is read.
const MAX_FILE: u64 = 1 << 30;
/// The longest sound, so that one file cannot keep a loader for ever.
pub const MAX_SECONDS: u64 = 2 * 60 * 60;
/// Tags before the sound (ID3) that are passed over, one after another.
const MAX_TAGS: usize = 4;
const TAG_HEAD: u64 = 10;
/// Padding between tags and the first frame in which that is looked for.
const MAX_PADDING: usize = 64 << 10;
/// How much is looked at to tell what a file is.
const HEAD: usize = 12;
/// Channels that are mixed down to one.
pub const CHANNELS: std::ops::RangeInclusive<usize> = 1..=8;
/// Samples per second.
pub const RATES: std::ops::RangeInclusive<u32> = 4_000..=192_000;

/// One sound, whatever it is written in. Frames are those of its own rate; full scale is that of 16 bits.
pub trait Decoder: Send {
    /// Frames per second.
    fn rate(&self) -> u32;

    /// How many frames there are in all, if the file says so.
    fn declared(&self) -> Option<u64>;

    /// Append some more, its channels mixed to one; false at the end. An error says what is wrong from here on.
    fn read(&mut self, samples: &mut Vec<f32>) -> Result<bool, String>;

    /// Pass over at most so many frames, without hearing them; says how many. None are passed over at the end, or where
    /// only `read` gets on.
    fn skip(&mut self, frames: u64) -> Result<u64, String>;
}

/// The decoder of a file. `raw`: of what its name, if it has another, says that it holds.
pub fn open(path: &Path, raw: Option<Raw>) -> Result<Box<dyn Decoder>, String> {
    let mut file = File::open(path).map_err(|error| plain(&error))?;
    let length = file.metadata().map_err(|error| plain(&error))?.len();
    if length > MAX_FILE {
        return Err(format!("expected at most {MAX_FILE} octets, got {length}"));
    }
    match raw.or_else(|| Raw::of(path)) {
        Some(raw) => Ok(Box::new(RawDecoder::new(io::BufReader::new(file), raw))),
        None => {
            let start = after_tags(&mut file, length)?;
            decoder(Part::new(file, start, length)?)
        }
    }
}

/// The decoder of what is in memory: for tests and fuzzing.
pub fn of_octets(octets: Vec<u8>) -> Result<Box<dyn Decoder>, String> {
    let length = octets.len() as u64;
    let mut file = io::Cursor::new(octets);
    let start = after_tags(&mut file, length)?;
    decoder(Part::new(file, start, length)?)
}

fn decoder<R: Source + 'static>(mut part: Part<R>) -> Result<Box<dyn Decoder>, String> {
    let mut head = [0; HEAD];
    let known = part.peek(&mut head)?;
    match &head[..known] {
        [b'R', b'I', b'F', b'F', ..] => {
            WavDecoder::new(part).map(|wav| Box::new(wav) as Box<dyn Decoder>)
        }
        [b'f', b'L', b'a', b'C', ..] => Compressed::flac(part).map(boxed),
        [b'O', b'g', b'g', b'S', ..] => Compressed::ogg(part).map(boxed),
        [] => Err("expected sound, got an empty file".into()),
        _ => match first_frame(&mut part)? {
            Some(at) => Compressed::mp3(part.from(at)?).map(boxed),
            None => Err("expected a WAV, MP3, Ogg or FLAC file, got something else".into()),
        },
    }
}

fn boxed(decoder: Compressed) -> Box<dyn Decoder> {
    Box::new(decoder)
}

/// Where the sound begins, behind ID3v2 tags, however large they are (id3.org, ID3v2.4.0 §3.1).
fn after_tags(file: &mut (impl Read + Seek), length: u64) -> Result<u64, String> {
    let mut start = 0;
    for _ in 0..MAX_TAGS {
        let mut head = [0; TAG_HEAD as usize];
        file.seek(SeekFrom::Start(start))
            .map_err(|error| plain(&error))?;
        let count = fill(file, &mut head).map_err(|error| plain(&error))?;
        if count < head.len() || &head[..3] != b"ID3" {
            return Ok(start);
        }
        let size = head[6..].iter().fold(0, |size, octet| {
            size << 7 | u64::from(octet & 0x7f) // the highest bit is always 0
        });
        let footer = if head[5] & 0x10 == 0 { 0 } else { TAG_HEAD };
        start += TAG_HEAD + size + footer;
        if start >= length {
            return Err(format!(
                "expected sound behind the tags, got {length} octets of tags that say they are {start}"
            ));
        }
    }
    Err(format!("expected at most {MAX_TAGS} tags before the sound"))
}

/// Where the first MPEG frame of layer III is that another one follows; near the beginning, or nowhere.
fn first_frame<R: Source>(part: &mut Part<R>) -> Result<Option<u64>, String> {
    let mut head = vec![0; MAX_PADDING];
    let known = part.peek(&mut head)?;
    let head = &head[..known];
    let frame = |at: usize| head.get(at..at + 4).and_then(mpeg_frame);
    for at in 0..known.saturating_sub(3) {
        let Some(size) = frame(at) else { continue };
        let is_last = at + size >= known;
        if (is_last && at == 0) || frame(at + size).is_some() {
            return Ok(Some(at as u64));
        }
    }
    Ok(None)
}

/// The length of the MPEG frame with that header, if it is one of layer III (ISO/IEC 11172-3 §2.4.2.3).
fn mpeg_frame(header: &[u8]) -> Option<usize> {
    const BITRATES_1: [usize; 15] = [
        0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
    ];
    const BITRATES_2: [usize; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
    const RATES: [usize; 3] = [44_100, 48_000, 32_000];
    let (version, layer) = (header[1] >> 3 & 3, header[1] >> 1 & 3);
    if header[0] != 0xff || header[1] & 0xe0 != 0xe0 || layer != 1 || version == 1 {
        return None;
    }
    let rate = RATES.get(usize::from(header[2] >> 2 & 3))?;
    let index = usize::from(header[2] >> 4);
    let (samples, bitrate, rate) = match version {
        3 => (1152, BITRATES_1.get(index)?, *rate),
        2 => (576, BITRATES_2.get(index)?, rate / 2),
        _ => (576, BITRATES_2.get(index)?, rate / 4),
    };
    let padding = usize::from(header[2] >> 1 & 1);
    (*bitrate > 0).then(|| samples / 8 * bitrate * 1000 / rate + padding)
}

/// What a decoder reads from.
pub trait Source: Read + Seek + Send + Sync {}

impl<T: Read + Seek + Send + Sync> Source for T {}

/// A file from some place on, as if it began there.
pub struct Part<R> {
    inner: R,
    start: u64,
    length: u64,
}

impl<R: Source> Part<R> {
    fn new(mut inner: R, start: u64, end: u64) -> Result<Self, String> {
        inner
            .seek(SeekFrom::Start(start))
            .map_err(|error| plain(&error))?;
        Ok(Part {
            inner,
            start,
            length: end.saturating_sub(start),
        })
    }

    /// How many octets there are.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// It without its first octets.
    fn from(self, at: u64) -> Result<Self, String> {
        Part::new(self.inner, self.start + at, self.start + self.length)
    }

    /// The first octets, as many as there are; it then stands at its beginning again.
    fn peek(&mut self, head: &mut [u8]) -> Result<usize, String> {
        let count = fill(&mut self.inner, head).map_err(|error| plain(&error))?;
        self.seek(SeekFrom::Start(0))
            .map_err(|error| plain(&error))?;
        Ok(count)
    }
}

impl<R: Source> Read for Part<R> {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        self.inner.read(octets)
    }
}

impl<R: Source> Seek for Part<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => self
                .inner
                .seek(SeekFrom::Start(self.start.saturating_add(at)))?,
            other => self.inner.seek(other)?,
        };
        at.checked_sub(self.start)
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))
    }
}

/// Read until it is full, or the end; says how much there was.
pub fn fill(file: &mut impl Read, octets: &mut [u8]) -> io::Result<usize> {
    let mut count = 0;
    while count < octets.len() {
        match file.read(&mut octets[count..]) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

/// Refuse what no telephone plays.
pub fn check(rate: u32, channels: usize) -> Result<(), String> {
    if !RATES.contains(&rate) {
        return Err(format!(
            "expected 4000 to 192000 samples per second, got {rate}"
        ));
    }
    if !CHANNELS.contains(&channels) {
        return Err(format!("expected 1 to 8 channels, got {channels}"));
    }
    Ok(())
}

/// "No such file or directory" without Rust's " (os error 2)".
pub fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

#[cfg(test)]
#[path = "decoder_tests.rs"]
mod tests;
