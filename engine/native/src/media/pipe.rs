//! A pipe: what a leg says and hears, to a program outside, and what that program says, back.
//!
//! Out go frames of 20 ms in the program's own shape, one for each side that it wants, silence where nothing was heard: each side
//! has a jitter buffer of its own, so that the frames are even. In comes sound of any length, ahead of its time; it is said
//! frame by frame, in place of what the leg's others say, while no digit and no playback is. What the leg cannot send waits.

mod mouth;
mod rate;
mod shape;

use std::sync::Arc;

use super::clock::{Moment, FRAME};
use super::frames::Side;
use super::playout::Playout;
use super::report::Reports;
use super::rtp::Header;

pub use mouth::{Gauge, Mouth, Piece, MOST_PIECES, MOST_WAITING};
pub use shape::{Decoder, Encoder, Encoding, Shape, MAX_OCTETS};

/// Pipes of one leg at a time.
pub const MAX_PIPES: usize = 4;

/// What a pipe is to be.
#[derive(Clone, Debug)]
pub struct PipeSpec {
    /// Its name in reports.
    pub name: String,
    /// Its name in frames; never used twice.
    pub id: u64,
    /// How the frames that go out look.
    pub shape: Shape,
    /// It gives what is received.
    pub hears_received: bool,
    /// It gives what is sent.
    pub hears_sent: bool,
    /// What others see of what waits.
    pub gauge: Arc<Gauge>,
}

/// What comes into a pipe that is open.
#[derive(Debug)]
pub enum Inflow {
    /// To be said, to be marked.
    Piece(Piece),
    /// What waits is not to be said.
    Clear,
    /// It is over.
    Close,
}

/// One pipe.
pub struct Pipe {
    /// Its name in frames.
    pub id: u64,
    /// What the program says.
    pub mouth: Mouth,
    received: Option<Ear>,
    sent: Option<Ear>,
    opened_at: Moment,
}

/// One side that is heard.
struct Ear {
    playout: Playout,
    encoder: Encoder,
}

impl Pipe {
    /// From `now` on.
    pub fn new(spec: PipeSpec, now: Moment) -> Self {
        let ear = |is_wanted: bool| {
            is_wanted.then(|| Ear {
                playout: Playout::default(),
                encoder: Encoder::new(spec.shape),
            })
        };
        Pipe {
            id: spec.id,
            received: ear(spec.hears_received),
            sent: ear(spec.hears_sent),
            mouth: Mouth::new(spec.name, spec.gauge),
            opened_at: now,
        }
    }

    /// It wants what is received.
    pub fn hears_received(&self) -> bool {
        self.received.is_some()
    }

    /// It wants what is sent.
    pub fn hears_sent(&self) -> bool {
        self.sent.is_some()
    }

    /// A packet's samples, received.
    pub fn hear(&mut self, header: &Header, samples: &[i16], now: Moment) {
        if let Some(ear) = &mut self.received {
            ear.playout.receive(header, samples, now);
        }
    }

    /// A packet's samples, sent.
    pub fn hear_sent(&mut self, header: &Header, samples: &[i16], now: Moment) {
        if let Some(ear) = &mut self.sent {
            ear.playout.receive(header, samples, now);
        }
    }

    /// What is received comes from another source, or counts anew.
    pub fn restart(&mut self) {
        if let Some(ear) = &mut self.received {
            ear.playout.restart();
        }
    }

    /// Nothing is missing of what is received.
    pub fn rest(&mut self) {
        if let Some(ear) = &mut self.received {
            ear.playout.rest();
        }
    }

    /// Its turn of 20 ms: a frame of each side goes out.
    pub fn turn(&mut self, due: Moment, reports: &mut Reports) {
        let at_ms = due.ms_since(self.opened_at);
        for (side, ear) in [
            (Side::Received, &mut self.received),
            (Side::Sent, &mut self.sent),
        ] {
            if let Some(ear) = ear {
                ear.turn(due, |octets| reports.frame(self.id, side, at_ms, octets));
            }
        }
    }
}

impl Ear {
    fn turn(&mut self, due: Moment, give: impl FnOnce(&[u8])) {
        let mut samples = [0; FRAME];
        if !self.playout.fill(&mut samples, due) {
            samples.fill(0);
        }
        let mut octets = [0; MAX_OCTETS];
        give(self.encoder.encode(&samples, &mut octets));
    }
}

#[cfg(test)]
#[path = "pipe_tests.rs"]
mod tests;
