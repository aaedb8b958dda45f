//! What others say, leaving by this leg as it came: the header under our numbers, the payload in our codec.

use std::net::SocketAddr;

use super::super::clock::Moment;
use super::super::codec::Codec;
use super::super::pipe::Pipe;
use super::super::recorder::Recorder;
use super::super::rtp::Header;
use super::super::stream::Stream;
use super::super::telephone_event::TelephoneEvent;
use super::{Leg, MAX_PAYLOAD};

impl Leg {
    /// The header with which another's audio leaves here, its payload brought to our codec. None: not now.
    pub fn relay_audio(
        &mut self,
        header: &Header,
        payload: &mut [u8],
        codec: Codec,
        now: Moment,
    ) -> Option<(Header, SocketAddr)> {
        if self.is_given_frames() {
            return None;
        }
        let mutes = self.mutes_outgoing;
        let (destination, stream) = self.stage_for_others()?;
        let (payload_type, ours) = (stream.payload_type, stream.codec);
        match (ours, codec) {
            (Codec::G711(ours), Codec::G711(theirs)) if mutes || ours != theirs => {
                if mutes {
                    payload.fill(ours.silence());
                } else {
                    theirs.transcode(payload);
                }
            }
            _ if mutes || !ours.passes_as(codec) => {
                self.sender.interrupt();
                return None;
            }
            _ => {}
        }
        let header = self.sender.relayed(header, payload_type, now)?;
        self.hear_sent(&header, payload, ours, now);
        Some((header, destination))
    }

    /// Give what is sent to the recordings and pipes that want it.
    pub(super) fn hear_sent(&mut self, header: &Header, payload: &[u8], codec: Codec, now: Moment) {
        if !self.is_sent_heard() {
            return;
        }
        let Some(law) = codec.law() else {
            return self.hear_sent_coded(header, payload, now);
        };
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

    /// The same of what is in another codec than G.711: decoded again.
    fn hear_sent_coded(&mut self, header: &Header, payload: &[u8], now: Moment) {
        let Some(monitor) = &mut self.monitor else {
            return;
        };
        let header = Header {
            timestamp: self.sent_ticks.place(header.timestamp),
            ..*header
        };
        if let Some(decoded) = monitor.hear(&header, payload) {
            for recorder in &mut self.recorders {
                recorder.hear_sent(&header, decoded.narrow, now);
            }
            for pipe in &mut self.pipes {
                pipe.hear_sent(&header, decoded.narrow, now);
            }
        }
    }

    /// Somebody listens to what is sent.
    pub(super) fn is_sent_heard(&self) -> bool {
        self.recorders.iter().any(Recorder::hears_sent) || self.pipes.iter().any(Pipe::hears_sent)
    }

    /// The header with which another's telephone event leaves here, its durations by our clock instead of `clock`. None: not
    /// now, or not agreed on.
    pub fn relay_digit(
        &mut self,
        header: &Header,
        payload: &mut [u8],
        clock: u32,
        now: Moment,
    ) -> Option<(Header, SocketAddr)> {
        let is_converted = self.is_converted();
        let (destination, stream) = self.stage_for_others()?;
        let Some(payload_type) = stream.telephone_event else {
            self.sender.interrupt();
            return None;
        };
        let ours = stream.event_clock;
        if ours != clock {
            TelephoneEvent::read(payload)
                .ok()?
                .from_clock(clock)
                .by_clock(ours)
                .write(payload);
        }
        let key = (header.ssrc, header.timestamp);
        let is_first = self.passed_key.replace(key) != Some(key);
        self.passed_digit_at = Some(now);
        let header = if is_converted {
            self.sender.event(payload_type, is_first, now) // between frames of our own
        } else {
            self.sender.relayed(header, payload_type, now)?
        };
        Some((header, destination))
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
