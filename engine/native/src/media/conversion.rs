//! What the peer of a leg says, on its way to a leg of another codec: buffered, and taken frame by frame at that leg's rate.
//!
//! Two legs of one codec need none of it: their packets are passed on as they come.

use super::clock::{Moment, FRAME};
use super::codec::Rate;
use super::playout::Playout;
use super::resample::Resampler;

/// Samples of a frame at the highest rate.
pub const MAX_FRAME: usize = FRAME * Rate::Wide.factor();

/// A frame of what somebody says.
pub struct Voice {
    samples: [i16; MAX_FRAME],
    rate: Rate,
}

impl Voice {
    /// Of these samples, a frame at that rate.
    pub fn of(samples: &[i16], rate: Rate) -> Self {
        let mut room = [0; MAX_FRAME];
        room[..samples.len()].copy_from_slice(samples);
        Voice {
            samples: room,
            rate,
        }
    }

    /// At its rate.
    pub fn samples(&self) -> &[i16] {
        &self.samples[..FRAME * self.rate.factor()]
    }

    /// Which that is.
    pub fn rate(&self) -> Rate {
        self.rate
    }
}

/// One way from codec to codec.
pub struct Conversion {
    playout: Playout,
    from: Rate,
    to: Rate,
    resampler: Option<Resampler>,
}

impl Conversion {
    /// From one rate to another.
    pub fn new(from: Rate, to: Rate) -> Self {
        Conversion {
            playout: Playout::new(from),
            from,
            to,
            resampler: (from != to).then(|| Resampler::new(from.hertz(), to.hertz())),
        }
    }

    /// The buffer of what comes in.
    pub fn playout(&mut self) -> &mut Playout {
        &mut self.playout
    }

    /// It is this way already.
    pub fn is(&self, from: Rate, to: Rate) -> bool {
        (self.from, self.to) == (from, to)
    }

    /// The frame that is due; None: there is nothing to be heard.
    pub fn take(&mut self, due: Moment) -> Option<Voice> {
        let mut samples = [0; MAX_FRAME];
        let frame = &mut samples[..FRAME * self.from.factor()];
        let is_heard = self.playout.fill(frame, due);
        let Some(resampler) = &mut self.resampler else {
            return is_heard.then_some(Voice {
                samples,
                rate: self.to,
            });
        };
        let mut resampled = [0; MAX_FRAME];
        resampler.run(frame, &mut resampled);
        is_heard.then_some(Voice {
            samples: resampled,
            rate: self.to,
        })
    }
}
