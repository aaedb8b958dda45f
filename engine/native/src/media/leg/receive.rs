//! What comes in on a leg's RTP port: whether it is the peer's, what it is, and who listens to it.

use std::net::SocketAddr;

use super::super::clock::Moment;
use super::super::g711::Law;
use super::super::inband_receiver::Known;
use super::super::packetizer::MAX_SAMPLES;
use super::super::pipe::Pipe;
use super::super::reception::Fit;
use super::super::report::Reports;
use super::super::rtp::Header;
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
        let (header, payload) = Header::read(packet).ok()?;
        let kind = stream.kind(header.payload_type);
        let may_receive = stream.may_receive;
        if matches!(kind, Kind::Unknown) || payload.len() > MAX_PAYLOAD {
            return None;
        }
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
            Kind::Audio(law) => {
                if self.mutes_incoming {
                    packet[payload.clone()].fill(law.silence());
                }
                self.hear(&header, &packet[payload.clone()], law, now, reports);
                Some(Received::Audio(header, payload, law))
            }
            Kind::Event => {
                let event = TelephoneEvent::read(&packet[payload.clone()]).ok()?;
                let inband = &mut self.inband;
                let known = |digit| match inband {
                    Some(inband) => inband.yield_to(digit, now),
                    None => Known::Not,
                };
                self.digits_in
                    .receive(event, header.timestamp, now, known, reports);
                self.rest();
                Some(Received::Digit(header, payload))
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
        self.pipes.iter_mut().for_each(Pipe::rest);
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
        let is_heard = !self.recorders.is_empty()
            || self.sound.is_some()
            || self.hearing.is_some()
            || self.playout.is_some()
            || self.inband.is_some()
            || self.pipes.iter().any(Pipe::hears_received);
        if !is_heard {
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
        if let Some(playout) = &mut self.playout {
            if !playout.receive(header, samples, now) {
                self.counters.late();
            }
            self.counters.buffered(playout.target());
        }
    }
}
