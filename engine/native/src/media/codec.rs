//! What voices are coded in: payloads to samples and back, each codec at its own sampling rate and by its own RTP clock.
//!
//! A leg of G.711 needs none of it: a table look-up is all (`g711`). Others have an `Ear` and a `Mouth`, made when the codec is
//! agreed on; nothing is allocated with a packet. Whatever listens or sounds at another rate is resampled here, and nowhere else.

pub mod g711;
pub mod g722;
pub mod l16;
pub mod opus;

mod ear;
mod mouth;

pub use ear::{Ear, MAX_DECODED};
pub use mouth::Mouth;

use std::hash::{DefaultHasher, Hash, Hasher};

use g711::Law;

/// Samples for each of 8 kHz: everything that is timed counts by those, its *ticks*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rate {
    /// 8 kHz.
    Narrow,
    /// 16 kHz.
    Wide,
}

impl Rate {
    /// Samples of a tick.
    pub const fn factor(self) -> usize {
        match self {
            Rate::Narrow => 1,
            Rate::Wide => 2,
        }
    }

    /// Samples a second.
    pub const fn hertz(self) -> u32 {
        8000 * self.factor() as u32
    }
}

/// What a voice is coded in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// PCMU and PCMA.
    G711(Law),
    /// G.722.
    G722,
    /// Samples of 16 bits.
    L16(Rate),
    /// Opus.
    Opus(opus::Parameters),
    /// One that is passed on between two legs that share it, and not understood.
    Foreign {
        /// Which, as a number that is the same for the same name.
        name: u64,
        /// Ticks of its RTP clock for each of 8 kHz.
        clock: u32,
    },
}

impl Codec {
    /// One that is passed on, by its name and the rate of its RTP clock.
    pub fn foreign(name: &str, clock_rate: u32) -> Self {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        Codec::Foreign {
            name: hasher.finish(),
            clock: (clock_rate / 8000).max(1),
        }
    }

    /// At which rate it is sampled.
    pub fn rate(self) -> Rate {
        match self {
            Codec::G711(_) | Codec::Foreign { .. } => Rate::Narrow,
            Codec::L16(rate) => rate,
            Codec::G722 | Codec::Opus(_) => Rate::Wide,
        }
    }

    /// Units of its RTP timestamps for each tick.
    pub fn clock(self) -> u32 {
        match self {
            Codec::G711(_) | Codec::G722 => 1, // RFC 3551 §4.5.2
            Codec::L16(rate) => rate.factor() as u32,
            Codec::Opus(_) => 6, // RFC 7587 §4.1
            Codec::Foreign { clock, .. } => clock,
        }
    }

    /// Under which law it is, if it is G.711.
    pub fn law(self) -> Option<Law> {
        match self {
            Codec::G711(law) => Some(law),
            _ => None,
        }
    }

    /// Nothing can be heard of it here, or said in it.
    pub fn is_foreign(self) -> bool {
        matches!(self, Codec::Foreign { .. })
    }

    /// The ticks of one packet, nearest to those wanted: what fits into a frame of Ethernet, and Opus in its own frames.
    pub fn packet_ticks(self, wanted: usize) -> usize {
        match self {
            Codec::L16(rate) => wanted.min(320 / rate.factor()),
            Codec::Opus(_) => 160,
            _ => wanted,
        }
    }

    /// Packets of the one can leave as packets of the other: as they are, or by a table.
    pub fn passes_as(self, other: Codec) -> bool {
        match (self, other) {
            (Codec::G711(_), Codec::G711(_)) | (Codec::Opus(_), Codec::Opus(_)) => true,
            _ => self == other,
        }
    }
}
