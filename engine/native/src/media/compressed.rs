//! MP3, FLAC and Ogg: taken apart by Symphonia and decoded, within our bounds.

use std::io::{self, Read, Seek, SeekFrom};

use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::codecs::CodecParameters;
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::packet::Packet;
use symphonia::default::formats::{FlacReader, MpaReader, OggReader};

use super::decoder::{check, plain, Decoder, Part, Source};
use super::ogg_opus::{OpusStream, RATE};

/// Packets without a sample, one after another, before it counts as broken.
const MAX_EMPTY: usize = 4096;
/// So much before the place that is wanted is decoded, too: MP3's frames use bits of the nine before them.
const RUN_UP: u64 = 16;
/// MPEG frames by which what an MP3 says of its length may be wrong: some count the one that says so.
const SLACK: u64 = 2;
/// The lowest rate of MPEG 1, whose frames are twice as long as those of MPEG 2.
const MPEG_1: u32 = 32_000;

enum Codec {
    Symphonia(Box<dyn AudioDecoder>),
    Opus(Box<OpusStream>),
}

impl Codec {
    fn of(parameters: &AudioCodecParameters) -> Result<Self, String> {
        if parameters.codec == CODEC_ID_OPUS {
            let head = parameters.extra_data.as_deref().unwrap_or_default();
            return OpusStream::new(head).map(|stream| Codec::Opus(Box::new(stream)));
        }
        symphonia::default::get_codecs()
            .make_audio_decoder(parameters, &AudioDecoderOptions::default())
            .map(Codec::Symphonia)
            .map_err(|error| reason(&error))
    }
}

/// A compressed file that is being read.
pub struct Compressed {
    format: Box<dyn FormatReader>,
    codec: Codec,
    track: u32,
    rate: u32,
    channels: usize,
    declared: Option<u64>,
    position: u64,
    is_mpeg: bool,
    /// The packets before the one that comes next, not yet decoded, for a run-up.
    skipped: Vec<Packet>,
    waiting: Option<Packet>,
    /// What was wrong behind what was passed over last.
    fault: Option<String>,
    interleaved: Vec<f32>,
}

impl Compressed {
    /// An MP3. It is given what cannot be sought in: of that Symphonia does not guess the length, and cut it there.
    pub fn mp3(part: Part<impl Source + 'static>) -> Result<Self, String> {
        let stream = stream(part, false);
        let format = MpaReader::try_new(stream, options()).map_err(|error| reason(&error))?;
        Compressed::new(Box::new(format), true)
    }

    /// A FLAC.
    pub fn flac(part: Part<impl Source + 'static>) -> Result<Self, String> {
        let stream = stream(part, false);
        let format = FlacReader::try_new(stream, options()).map_err(|error| reason(&error))?;
        Compressed::new(Box::new(format), false)
    }

    /// An Ogg with Vorbis or FLAC in it.
    pub fn ogg(part: Part<impl Source + 'static>) -> Result<Self, String> {
        let stream = stream(part, true);
        let format = OggReader::try_new(stream, options()).map_err(|error| reason(&error))?;
        Compressed::new(Box::new(format), false)
    }

    fn new(format: Box<dyn FormatReader>, is_mpeg: bool) -> Result<Self, String> {
        let track = format
            .default_track(TrackType::Audio)
            .ok_or("expected a track of sound in it, found none")?;
        let Some(CodecParameters::Audio(parameters)) = &track.codec_params else {
            return Err("expected a track of sound in it, found another".into());
        };
        let codec = Codec::of(parameters)?;
        let (rate, channels, lead) = match &codec {
            Codec::Opus(stream) => (RATE, stream.channels(), stream.pre_skip()),
            Codec::Symphonia(_) => {
                let channels = parameters.channels.as_ref().map_or(0, |it| it.count());
                (parameters.sample_rate.unwrap_or(0), channels, 0)
            }
        };
        check(rate, channels)?;
        Ok(Compressed {
            codec,
            track: track.id,
            rate,
            channels,
            declared: track.num_frames.map(|frames| frames.saturating_sub(lead)),
            position: 0,
            is_mpeg,
            skipped: Vec::new(),
            waiting: None,
            fault: None,
            interleaved: Vec::new(),
            format,
        })
    }

    /// The next packet of our track; None at the end.
    fn next(&mut self) -> Result<Option<Packet>, String> {
        if let Some(packet) = self.waiting.take() {
            return Ok(Some(packet));
        }
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        loop {
            match self.format.next_packet() {
                Ok(Some(packet)) if packet.track_id == self.track => return Ok(Some(packet)),
                Ok(Some(_)) => {}
                Ok(None) => return self.end().map(|()| None),
                Err(error) => return Err(reason(&error)),
            }
        }
    }

    /// Is this where it should end?
    fn end(&self) -> Result<(), String> {
        let slack = match (self.is_mpeg, self.rate >= MPEG_1) {
            (true, true) => SLACK * 1152,
            (true, false) => SLACK * 576,
            (false, _) => 0,
        };
        match self.declared {
            Some(declared) if self.position + slack < declared => Err(format!(
                "it is cut off: expected {}, got {}",
                seconds(declared, self.rate),
                seconds(self.position, self.rate)
            )),
            _ => Ok(()),
        }
    }

    fn decode(&mut self, packet: &Packet) -> Result<usize, String> {
        match &mut self.codec {
            Codec::Opus(stream) => {
                stream.decode(&packet.data, packet.trim_end.get(), &mut self.interleaved)?;
            }
            Codec::Symphonia(decoder) => {
                let sound = decoder.decode(packet).map_err(|error| reason(&error))?;
                let (rate, channels) = (sound.spec().rate(), sound.spec().channels().count());
                if (rate, channels) != (self.rate, self.channels) {
                    return Err(format!(
                        "expected {} channels at {} Hz to its end, got {channels} at {rate} Hz",
                        self.channels, self.rate
                    ));
                }
                sound.copy_to_vec_interleaved(&mut self.interleaved);
            }
        }
        Ok(self.interleaved.len() / self.channels)
    }

    /// Decode what was passed over just before, and forget it.
    fn run_up(&mut self) {
        if self.skipped.is_empty() {
            return;
        }
        match &mut self.codec {
            Codec::Symphonia(decoder) => decoder.reset(),
            Codec::Opus(stream) => stream.reset(),
        }
        for packet in std::mem::take(&mut self.skipped) {
            let _ = self.decode(&packet); // what is wrong there is not heard
        }
    }
}

impl Decoder for Compressed {
    fn rate(&self) -> u32 {
        self.rate
    }

    fn declared(&self) -> Option<u64> {
        self.declared
    }

    fn read(&mut self, samples: &mut Vec<f32>) -> Result<bool, String> {
        self.run_up();
        for _ in 0..MAX_EMPTY {
            let Some(packet) = self.next()? else {
                return Ok(false);
            };
            let frames = self.decode(&packet)?;
            self.position += frames as u64;
            let scale = 32768.0 / self.channels as f32;
            samples.extend(self.interleaved.chunks_exact(self.channels).map(|frame| {
                let sum = frame.iter().sum::<f32>() * scale;
                if sum.is_finite() {
                    sum.clamp(-32768.0, 32767.0)
                } else {
                    0.0
                }
            }));
            if frames > 0 {
                return Ok(true);
            }
        }
        Err(format!(
            "expected sound in it, got {MAX_EMPTY} packets of none"
        ))
    }

    fn skip(&mut self, frames: u64) -> Result<u64, String> {
        let mut passed = 0;
        loop {
            let packet = match self.next() {
                Ok(Some(packet)) => packet,
                Ok(None) => return Ok(passed),
                Err(fault) if passed == 0 => return Err(fault),
                Err(fault) => {
                    self.fault = Some(fault);
                    return Ok(passed);
                }
            };
            let count = packet.dur.get();
            if passed + count > frames {
                self.waiting = Some(packet);
                return Ok(passed);
            }
            let count = match &mut self.codec {
                Codec::Opus(stream) => stream.pass(count),
                Codec::Symphonia(_) if self.is_mpeg => mpeg_frames(&packet),
                Codec::Symphonia(_) => count,
            };
            passed += count;
            self.position += count;
            if self.skipped.len() as u64 == RUN_UP {
                self.skipped.remove(0);
            }
            self.skipped.push(packet);
        }
    }
}

/// What is heard of an MPEG frame. Its packet's duration counts what is cut off of it, too.
fn mpeg_frames(packet: &Packet) -> u64 {
    let is_version_1 = packet.data.get(1).is_some_and(|octet| octet >> 3 & 3 == 3);
    let frames = if is_version_1 { 1152u64 } else { 576 };
    frames.saturating_sub(packet.trim_start.get() + packet.trim_end.get())
}

fn options() -> FormatOptions {
    FormatOptions::default()
}

fn stream<'a>(part: Part<impl Source + 'a>, is_seekable: bool) -> MediaSourceStream<'a> {
    MediaSourceStream::new(Box::new(Media { part, is_seekable }), Default::default())
}

fn reason(error: &Error) -> String {
    match error {
        Error::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            "it is cut off".into()
        }
        Error::IoError(error) => plain(error),
        Error::ResetRequired => "expected one stream in it, got another after it".into(),
        Error::DecodeError(what) => format!("it is damaged: {what}"),
        Error::Unsupported(what) => format!("it cannot be decoded: {what}"),
        other => format!("it cannot be read: {other}"),
    }
}

fn seconds(frames: u64, rate: u32) -> String {
    format!("{:.1} s", frames as f64 / f64::from(rate))
}

struct Media<R> {
    part: Part<R>,
    is_seekable: bool,
}

impl<R: Source> Read for Media<R> {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        self.part.read(octets)
    }
}

impl<R: Source> Seek for Media<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.part.seek(to)
    }
}

impl<R: Source> MediaSource for Media<R> {
    fn is_seekable(&self) -> bool {
        self.is_seekable
    }

    fn byte_len(&self) -> Option<u64> {
        self.is_seekable.then(|| self.part.length())
    }
}
