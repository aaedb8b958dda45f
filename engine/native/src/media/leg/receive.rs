//! What comes in on a leg's RTP port: whether it is the peer's, what it is, and who listens to it.

use std::net::SocketAddr;

use super::super::clock::Moment;
use super::super::codec::{Codec, Ear};
use super::super::g711::Law;
use super::super::inband_receiver::Known;
use super::super::packetizer::MAX_SAMPLES;
use super::super::pipe::Pipe;
use super::super::reception::Fit;
use super::super::report::Reports;
use super::super::rtp::{Header, Seq};
use super::super::stream::Kind;
use super::super::telephone_event::TelephoneEvent;
use super::{Leg, Received, MAX_PAYLOAD};

impl Leg {
    /// A datagram on the RTP port.
    pub fn receive(
        &mut self,
        packet: &mut [u8],
        from: SocketAddr,
        now: Moment,
        reports: &mut Reports,
    ) -> Received {
        let received = self.receive_valid(packet, from, now, reports);
        if received.is_none() {
            self.counters.discarded();
        }
        received.unwrap_or(Received::Discarded)
    }

    /// None: it is to be discarded.
    fn receive_valid(
        &mut self,
        packet: &mut [u8],
        from: SocketAddr,
        now: Moment,
        reports: &mut Reports,
    ) -> Option<Received> {
        self.stream.as_ref().filter(|_| self.is_open())?;
        let packet = self.open(packet)?;
        let stream = self.stream.as_ref()?;
        let (raw, payload) = Header::read(packet).ok()?;
        let kind = stream.kind(raw.payload_type);
        let may_receive = stream.may_receive;
        if matches!(kind, Kind::Unknown) || payload.len() > MAX_PAYLOAD {
            return None;
        }
        let header = Header {
            timestamp: self.timeline.place(raw.timestamp),
            ..raw
        };
        let continues = self.reception.continues(&header);
        if !self.latch.accepts(from, &header, continues, now) {
            return None;
        }
        match self
            .reception
            .receive(&header, now, matches!(kind, Kind::Audio(_)))
        {
            Fit::Suspect => return None,
            Fit::Fresh => {
                self.digits_in.restart(reports);
                if let Some(playout) = &mut self.playout {
                    playout.restart();
                }
                if let Some(conversion) = &mut self.conversion {
                    conversion.playout().restart();
                }
                if let Some(ear) = &mut self.ear {
                    ear.restart();
                }
                self.pipes.iter_mut().for_each(Pipe::restart);
            }
            Fit::Next | Fit::Late => {}
        }
        self.counters.received(
            payload.len(),
            self.reception.lost(),
            self.reception.delayed(),
            self.reception.jitter(),
        );
        if !may_receive {
            return Some(Received::Nothing);
        }
        match kind {
            Kind::Audio(Codec::G711(law)) => {
                if self.mutes_incoming {
                    packet[payload.clone()].fill(law.silence());
                }
                self.hear(&header, &packet[payload.clone()], law, now, reports);
                Some(Received::Audio(raw, payload, Codec::G711(law)))
            }
            Kind::Audio(_) if self.mutes_incoming => {
                self.rest();
                Some(Received::Nothing)
            }
            Kind::Audio(codec) => {
                self.hear_coded(&header, &packet[payload.clone()], now, reports);
                Some(Received::Audio(raw, payload, codec))
            }
            Kind::Event => {
                let event = TelephoneEvent::read(&packet[payload.clone()]).ok()?;
                let inband = &mut self.inband;
                let known = |digit| match inband {
                    Some(inband) => inband.yield_to(digit, now),
                    None => Known::Not,
                };
                let clock = stream.event_clock;
                self.digits_in
                    .receive(event, (raw.timestamp, clock), now, known, reports);
                self.rest();
                Some(Received::Digit(raw, payload, clock))
            }
            Kind::ComfortNoise if !self.mutes_incoming => {
                let below = packet.get(payload.start).map_or(127, |octet| octet & 0x7f);
                let conversion = self.conversion.as_mut().map(|it| it.playout());
                for playout in self.playout.as_deref_mut().into_iter().chain(conversion) {
                    playout.rest_in_noise(below);
                }
                Some(Received::Nothing)
            }
            _ => {
                self.rest();
                Some(Received::Nothing)
            }
        }
    }

    /// What is missing of the peer's audio is not lost.
    fn rest(&mut self) {
        if let Some(playout) = &mut self.playout {
            playout.rest();
        }
        if let Some(conversion) = &mut self.conversion {
            conversion.playout().rest();
        }
        self.pipes.iter_mut().for_each(Pipe::rest);
    }

    /// Somebody listens to it here.
    fn is_heard(&self) -> bool {
        !self.recorders.is_empty()
            || self.sound.is_some()
            || self.hearing.is_some()
            || self.playout.is_some()
            || self.conversion.is_some()
            || self.inband.is_some()
            || self.pipes.iter().any(Pipe::hears_received)
    }

    /// Give the samples to whoever listens.
    fn hear(
        &mut self,
        header: &Header,
        payload: &[u8],
        law: Law,
        now: Moment,
        reports: &mut Reports,
    ) {
        if !self.is_heard() {
            return;
        }
        let (mut usual, mut long);
        let samples = if payload.len() <= MAX_SAMPLES {
            usual = [0; MAX_SAMPLES];
            &mut usual[..payload.len()]
        } else {
            long = [0; MAX_PAYLOAD];
            &mut long[..payload.len()]
        };
        law.expand_into(payload, samples);
        self.hear_narrow(header, samples, now, reports);
        self.buffer_up(header, samples, now);
    }

    /// The same of a codec other than G.711. Nothing of one that is foreign.
    fn hear_coded(&mut self, header: &Header, payload: &[u8], now: Moment, reports: &mut Reports) {
        if !self.is_heard() {
            return;
        }
        if let Some(mut ear) = self.ear.take() {
            self.hear_by(&mut ear, header, payload, now, reports);
            self.ear = Some(ear);
        }
    }

    fn hear_by(
        &mut self,
        ear: &mut Ear,
        header: &Header,
        payload: &[u8],
        now: Moment,
        reports: &mut Reports,
    ) {
        let factor = ear.rate().factor();
        let Some(decoded) = ear.hear(header, payload) else {
            return;
        };
        let start = Header {
            timestamp: decoded.start,
            ..*header
        };
        self.hear_narrow(&start, decoded.narrow, now, reports);
        // What was lost is buffered by itself, so that the buffer learns how late it was.
        let (restored, samples) = decoded.samples.split_at(decoded.restored * factor);
        if !restored.is_empty() {
            let lost = Header {
                sequence: Seq(header.sequence.0.wrapping_sub(1)),
                ..start
            };
            self.buffer_up(&lost, restored, now);
        }
        self.buffer_up(header, samples, now);
    }

    /// What listens at 8 kHz.
    fn hear_narrow(
        &mut self,
        header: &Header,
        samples: &[i16],
        now: Moment,
        reports: &mut Reports,
    ) {
        for recorder in &mut self.recorders {
            recorder.hear(header, samples, now);
        }
        for pipe in &mut self.pipes {
            pipe.hear(header, samples, now);
        }
        if let Some(sound) = &mut self.sound {
            sound.hear(samples, now, reports);
        }
        if let Some(hearing) = &mut self.hearing {
            hearing.hear(header.timestamp, samples, now, reports);
        }
        if let Some(inband) = &mut self.inband {
            if !self.digits_in.is_fresh(now) {
                inband.hear(samples, now, reports);
            }
        }
    }

    /// What is heard here and now.
    fn buffer_up(&mut self, header: &Header, samples: &[i16], now: Moment) {
        if let Some(playout) = &mut self.playout {
            if !playout.receive(header, samples, now) {
                self.counters.late();
            }
            self.counters.buffered(playout.target());
        }
        if let Some(conversion) = &mut self.conversion {
            let playout = conversion.playout();
            if !playout.receive(header, samples, now) {
                self.counters.late();
            }
            self.counters.buffered(playout.target());
        }
    }
}
