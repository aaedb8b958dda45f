//! What others say, leaving by this leg as it came: the header under our numbers, the payload in our codec.

use std::net::SocketAddr;

use super::super::clock::Moment;
use super::super::g711::Law;
use super::super::pipe::Pipe;
use super::super::recorder::Recorder;
use super::super::rtp::Header;
use super::super::stream::Stream;
use super::{Leg, MAX_PAYLOAD};

impl Leg {
    /// The header with which another's audio leaves here, its payload brought to our codec. None: not now.
    pub fn relay_audio(
        &mut self,
        header: &Header,
        payload: &mut [u8],
        law: Law,
        now: Moment,
    ) -> Option<(Header, SocketAddr)> {
        if self.is_fed {
            return None;
        }
        let (destination, stream) = self.stage_for_others()?;
        let (payload_type, ours) = (stream.payload_type, stream.law);
        if self.mutes_outgoing {
            payload.fill(ours.silence());
        } else if ours != law {
            law.transcode(payload);
        }
        let header = self.sender.relayed(header, payload_type, now)?;
        self.hear_sent(&header, payload, ours, now);
        Some((header, destination))
    }

    /// Give what is sent to the recordings that want it.
    pub(super) fn hear_sent(&mut self, header: &Header, payload: &[u8], law: Law, now: Moment) {
        let is_heard = self.recorders.iter().any(Recorder::hears_sent)
            || self.pipes.iter().any(Pipe::hears_sent);
        if !is_heard {
            return;
        }
        let mut room = [0; MAX_PAYLOAD];
        let samples = &mut room[..payload.len()];
        law.expand_into(payload, samples);
        for recorder in &mut self.recorders {
            recorder.hear_sent(header, samples, now);
        }
        for pipe in &mut self.pipes {
            pipe.hear_sent(header, samples, now);
        }
    }

    /// The header with which another's telephone event leaves here. None: not now, or not agreed on.
    pub fn relay_digit(&mut self, header: &Header, now: Moment) -> Option<(Header, SocketAddr)> {
        let (destination, stream) = self.stage_for_others()?;
        let Some(payload_type) = stream.telephone_event else {
            self.sender.interrupt();
            return None;
        };
        self.passed_digit_at = Some(now);
        Some((self.sender.relayed(header, payload_type, now)?, destination))
    }

    /// Where to send and how, unless something of our own has the stage.
    pub(super) fn stage_for_others(&mut self) -> Option<(SocketAddr, &Stream)> {
        let is_taken = self.digits_out.is_busy() || self.has_playback() || self.is_piped();
        let destination = self.destination();
        if is_taken || destination.is_none() {
            self.sender.interrupt();
            return None;
        }
        Some((destination?, self.stream.as_ref()?))
    }

    /// Where to send audio; None: we may not, or do not know.
    pub(super) fn destination(&self) -> Option<SocketAddr> {
        if !self.is_open() {
            return None;
        }
        self.stream.as_ref().filter(|stream| stream.may_send)?;
        self.latch.destination()
    }
}
