//! A file as samples at 8 kHz, in blocks of four seconds, one after another: no more of it than that is in memory.

use super::clock::SAMPLE_RATE;
use super::decoder::{Decoder, MAX_SECONDS};
use super::resample::Conversion;

/// Samples of a block, at 8 kHz: so many that one begins at a whole sample of any rate.
pub const BLOCK: u64 = 4 * SAMPLE_RATE as u64;

/// Some samples; with a fault, those before it.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    /// At 8 kHz; fewer than a block at the end.
    pub samples: Vec<i16>,
    /// Why there is no more, though there should be.
    pub fault: Option<String>,
}

/// A file that is being read.
pub struct Tape {
    decoder: Box<dyn Decoder>,
    conversion: Conversion,
    /// Samples at the file's rate that are still needed, and the number of the first.
    input: Vec<f32>,
    first: u64,
    next: u64,
    is_over: bool,
    fault: Option<String>,
}

impl Tape {
    /// At its beginning.
    pub fn new(decoder: Box<dyn Decoder>) -> Self {
        Tape {
            conversion: Conversion::new(decoder.rate()),
            decoder,
            input: Vec::new(),
            first: 0,
            next: 0,
            is_over: false,
            fault: None,
        }
    }

    /// The block that comes next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// How long the file says that it is, in samples at 8 kHz.
    pub fn declared(&self) -> Option<u64> {
        self.decoder
            .declared()
            .map(|frames| self.conversion.length(frames))
    }

    /// A block; those before it are passed over. It must not be one that has passed.
    pub fn block(&mut self, index: u64) -> Piece {
        let start = index * BLOCK;
        let needs = self.conversion.needs(&(start..start + BLOCK));
        self.forget(needs.start);
        self.go_to(needs.start);
        self.read_to(needs.end);
        self.next = index + 1;
        let there = self.conversion.length(self.end());
        let end = (start + BLOCK).min(there).max(start);
        let samples = self.conversion.part(&self.input, self.first, start..end);
        let is_last = end < start + BLOCK || (self.is_over && there <= end);
        Piece {
            samples,
            fault: self.fault.clone().filter(|_| is_last),
        }
    }

    /// How long it is, in samples at 8 kHz, found by going through it to its end; and what is wrong behind that.
    pub fn measure(mut self) -> (u64, Option<String>) {
        while !self.is_over {
            self.first = self.end();
            self.input.clear();
            self.go_to(u64::MAX);
            self.read_to(self.end() + 1);
        }
        (self.conversion.length(self.end()), self.fault)
    }

    /// The number of the first sample at the file's rate that is not yet read.
    fn end(&self) -> u64 {
        self.first + self.input.len() as u64
    }

    /// What was before that sample is not needed any more.
    fn forget(&mut self, before: u64) {
        let count = (before.saturating_sub(self.first) as usize).min(self.input.len());
        self.input.drain(..count);
        self.first += count as u64;
    }

    /// Pass over what is before that sample.
    fn go_to(&mut self, sample: u64) {
        while !self.is_over && self.input.is_empty() && self.first < sample {
            match self.decoder.skip(sample - self.first) {
                Ok(0) => return,
                Ok(count) => self.first += count,
                Err(fault) => self.end_with(Some(fault)),
            }
        }
    }

    fn read_to(&mut self, sample: u64) {
        let most = MAX_SECONDS * u64::from(self.decoder.rate());
        while !self.is_over && self.end() < sample {
            match self.decoder.read(&mut self.input) {
                Ok(true) if self.end() > most => {
                    self.end_with(Some(format!("expected at most {MAX_SECONDS} s of sound")));
                }
                Ok(true) => {}
                Ok(false) => self.end_with(None),
                Err(fault) => self.end_with(Some(fault)),
            }
        }
    }

    fn end_with(&mut self, fault: Option<String>) {
        self.is_over = true;
        self.fault = fault;
    }
}

#[cfg(test)]
mod tests {
    use super::super::resample::to_8000;
    use super::*;

    /// A decoder of ramps in packets of so many frames, which breaks at some frame.
    struct Ramp {
        rate: u32,
        frames: u64,
        position: u64,
        breaks_at: u64,
    }

    const PACKET: u64 = 700;

    impl Decoder for Ramp {
        fn rate(&self) -> u32 {
            self.rate
        }

        fn declared(&self) -> Option<u64> {
            None
        }

        fn read(&mut self, samples: &mut Vec<f32>) -> Result<bool, String> {
            let end = (self.position + PACKET).min(self.frames);
            if end > self.breaks_at {
                return Err("it is damaged".into());
            }
            samples.extend((self.position..end).map(value));
            let count = end - self.position;
            self.position = end;
            Ok(count > 0)
        }

        fn skip(&mut self, frames: u64) -> Result<u64, String> {
            let count = frames.min(self.frames - self.position) / PACKET * PACKET;
            self.position += count;
            Ok(count)
        }
    }

    fn value(frame: u64) -> f32 {
        (frame % 9000) as f32
    }

    fn ramp(rate: u32, frames: u64, breaks_at: u64) -> Tape {
        Tape::new(Box::new(Ramp {
            rate,
            frames,
            position: 0,
            breaks_at,
        }))
    }

    #[test]
    fn its_blocks_are_the_whole_file() {
        for rate in [8000, 11_025, 48_000] {
            let frames = u64::from(rate) * 10;
            let samples: Vec<f32> = (0..frames).map(value).collect();
            let whole = to_8000(&samples, rate);
            let mut tape = ramp(rate, frames, u64::MAX);
            let pieces: Vec<Piece> = (0..4).map(|index| tape.block(index)).collect();
            let lengths: Vec<usize> = pieces.iter().map(|piece| piece.samples.len()).collect();
            assert_eq!(lengths, [32_000, 32_000, 16_000, 0]);
            assert!(pieces.iter().all(|piece| piece.fault.is_none()));
            let joined: Vec<i16> = pieces.into_iter().flat_map(|piece| piece.samples).collect();
            assert!(joined == whole, "{rate} Hz");
        }
    }

    #[test]
    fn a_block_far_on_is_the_same_as_if_all_before_was_heard() {
        for rate in [8000, 44_100] {
            let frames = u64::from(rate) * 21;
            let mut heard = ramp(rate, frames, u64::MAX);
            for index in 0..3 {
                heard.block(index);
            }
            let mut skipped = ramp(rate, frames, u64::MAX);
            skipped.block(0);
            assert!(heard.block(3) == skipped.block(3), "{rate} Hz");
            assert_eq!(skipped.next(), 4);
        }
    }

    #[test]
    fn what_breaks_gives_what_was_before_and_then_says_so() {
        let mut tape = ramp(8000, 80_000, 50_000);
        let fault = Some("it is damaged".to_owned());
        assert_eq!(tape.block(0).fault, None);
        let second = tape.block(1);
        assert_eq!((second.samples.len(), &second.fault), (17_700, &fault));
        assert_eq!(
            tape.block(2),
            Piece {
                samples: vec![],
                fault
            }
        );
    }

    #[test]
    fn its_length_is_found_without_hearing_it() {
        assert_eq!(ramp(48_000, 4_800_000, u64::MAX).measure(), (800_000, None));
        assert!(ramp(8000, 1000, 500).measure().1.is_some());
    }

    #[test]
    fn nothing_plays_for_longer_than_two_hours() {
        let most = MAX_SECONDS * 8000;
        let mut tape = ramp(8000, most + PACKET, u64::MAX);
        let last = tape.block(most / BLOCK);
        assert!(last.fault.unwrap().contains("7200 s"));
    }
}
