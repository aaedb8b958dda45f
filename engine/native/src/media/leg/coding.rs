//! A leg's codec, where it is not G.711: what it hears and speaks with, and the way between two that differ.

use super::super::clock::{Moment, FRAME};
use super::super::codec::{Codec, Ear, Mouth, Rate};
use super::super::conversion::{Conversion, Voice};
use super::super::packetizer::MAX_OCTETS;
use super::super::playout::Playout;
use super::super::report::Reports;
use super::super::timeline::Timeline;
use super::{Leg, Outgoing, MAX_PACKET};

const _: () = assert!(MAX_OCTETS >= FRAME * 2 * 2);

impl Leg {
    /// Speak and hear that codec from now on.
    pub(super) fn adopt(&mut self, codec: Codec) {
        let before = self.codec();
        if before == Some(codec) {
            return;
        }
        if before.map_or(1, Codec::clock) != codec.clock() {
            self.sender.set_clock(codec.clock());
        }
        self.timeline = Timeline::new(codec.clock());
        self.sent_ticks = Timeline::new(codec.clock());
        (self.ear, self.mouth) = (Ear::of(codec), Mouth::of(codec));
        self.monitor = self.is_sent_heard().then(|| Ear::of(codec)).flatten();
        self.packetizer.clear();
        if self.playout.is_some() && before.map(Codec::rate) != Some(codec.rate()) {
            self.playout = Some(Box::new(Playout::new(codec.rate())));
            self.delay = None;
        }
    }

    /// At which it hears and speaks.
    pub fn rate(&self) -> Rate {
        self.ear.as_ref().map_or(Rate::Narrow, |ear| ear.rate())
    }

    /// Hear what is sent, if somebody wants that and it is no G.711.
    pub(super) fn listen_to_itself(&mut self) {
        if self.monitor.is_none() && self.is_sent_heard() {
            self.monitor = self.codec().and_then(Ear::of);
        }
    }

    /// Let what is heard be had by a peer of that codec, frame by frame; None: it takes it packet by packet, or there is none.
    pub fn convert_for(&mut self, peer: Option<Codec>) {
        let rates = peer.map(|peer| (self.rate(), peer.rate()));
        let Some((from, to)) = rates else {
            self.conversion = None;
            return;
        };
        if !self.conversion.as_ref().is_some_and(|it| it.is(from, to)) {
            self.conversion = Some(Box::new(Conversion::new(from, to)));
        }
    }

    /// What it hears is had frame by frame, and so is what its peer hears.
    pub fn is_converted(&self) -> bool {
        self.conversion.is_some()
    }

    /// What its peer is to hear now; None: nothing.
    pub fn voice_for_peer(&mut self, due: Moment) -> Option<Voice> {
        self.conversion.as_mut()?.take(due)
    }

    /// The turn of a leg that hears its peer frame by frame.
    pub fn peer_frame(
        &mut self,
        due: Moment,
        voice: Option<Voice>,
        packet: &mut [u8; MAX_PACKET],
        reports: &mut Reports,
    ) -> Option<Outgoing> {
        self.pass_time(due, reports);
        self.frame_of_others(due, voice.as_ref().map(Said::Voice), packet, reports)
    }

    /// Pack what is said, under whatever codec was agreed on.
    pub(super) fn push_samples(&mut self, samples: &[i16], rate: Rate, due: Moment) {
        let packetizer = &mut self.packetizer;
        if let Some(mouth) = &mut self.mouth {
            packetizer.push_coded(due, |octets| mouth.say(samples, rate, octets));
        } else if let (Some(law), Some(samples)) = (
            self.stream.as_ref().and_then(|stream| stream.codec.law()),
            samples.first_chunk(),
        ) {
            packetizer.push(samples, law, due);
        }
    }
}

/// What others say, as a leg may be given it.
pub enum Said<'a> {
    /// Under its own law.
    Octets(&'a [u8; FRAME]),
    /// In samples.
    Voice(&'a Voice),
}
