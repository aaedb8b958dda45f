//! The packets of our own: of digits, of playbacks, and of all that is packed frame by frame.

use super::super::clock::{Moment, FRAME, FRAME_NANOS, SAMPLE_NANOS};
use super::super::codec::{Codec, Rate};
use super::super::digit_sender::Outgoing as Digit;
use super::super::dtmf;
use super::super::player::{Readiness, Turn};
use super::super::report::{PlaybackEnd, Report, Reports};
use super::super::rtp::HEADER;
use super::super::telephone_event;
use super::super::tone::Tone;
use super::{Leg, Outgoing, KEY_LEVEL_DBM0, MAX_PACKET};

/// Why nothing can be played in a codec that is only passed on.
const FOREIGN: &str =
    "expected a codec that can be played in, got one that is only passed on between two calls";

impl Leg {
    pub(super) fn digit_frame(
        &mut self,
        due: Moment,
        packet: &mut [u8; MAX_PACKET],
        reports: &mut Reports,
    ) -> Option<Outgoing> {
        let destination = self.destination();
        let (event, is_first) = match self.digits_out.frame(destination.is_some(), reports)? {
            Digit::Event { event, is_first } => (event, is_first),
            Digit::Tone { key, position } => return self.tone_frame(key, position, due, packet),
            Digit::Silence => return self.push_frame(&[0; FRAME], due, packet),
        };
        let payload_type = self.stream.as_ref()?.telephone_event?;
        let destination = destination?;
        let event = event.by_clock(self.stream.as_ref()?.event_clock);
        let header = self.sender.event(payload_type, is_first, due);
        header.write(packet);
        event.write(&mut packet[HEADER..]);
        Some(Outgoing {
            length: HEADER + telephone_event::PAYLOAD,
            destination,
            samples: FRAME,
            is_playback: false,
        })
    }

    /// A frame of a key's tones.
    pub(super) fn tone_frame(
        &mut self,
        key: char,
        position: u16,
        due: Moment,
        packet: &mut [u8; MAX_PACKET],
    ) -> Option<Outgoing> {
        if self.key_tone.as_ref().map(|(known, _)| *known) != Some(key) {
            self.key_tone = Some((key, Tone::of(&dtmf::tones_of(key)?, KEY_LEVEL_DBM0)));
        }
        let mut samples = [0; FRAME];
        self.key_tone
            .as_ref()?
            .1
            .fill(position.into(), &mut samples);
        self.push_frame(&samples, due, packet)
    }

    /// A frame of our own; a packet, if that is enough for one.
    pub(super) fn push_frame(
        &mut self,
        samples: &[i16; FRAME],
        due: Moment,
        packet: &mut [u8; MAX_PACKET],
    ) -> Option<Outgoing> {
        self.destination()?;
        self.push_samples(samples, Rate::Narrow, due);
        self.next_packet(false, packet)
    }

    pub(super) fn playback_frame(
        &mut self,
        due: Moment,
        packet: &mut [u8; MAX_PACKET],
        reports: &mut Reports,
    ) -> Option<Outgoing> {
        let destination = self.destination();
        let is_foreign = self.codec().is_some_and(Codec::is_foreign);
        let is_open = self.is_open();
        let player = self.player.as_mut().filter(|player| !player.is_paused())?;
        if is_foreign {
            self.end_playback(PlaybackEnd::Failed(FOREIGN.into()), reports);
            return None;
        }
        // Before anything is agreed on nothing begins, nor before there are keys: whoever waits for either misses nothing.
        match player.ready(is_open) {
            Readiness::Waiting => return None,
            Readiness::Failed(error) => {
                self.end_playback(PlaybackEnd::Failed(error), reports);
                return None;
            }
            Readiness::Started => reports.push(Report::PlaybackStarted {
                playback: player.name.clone(),
            }),
            Readiness::Running => {}
        }
        if let Some(outgoing) = self.coded_frame(due, packet) {
            return Some(outgoing);
        }
        let player = self.player.as_mut()?;
        let mut samples = [0; FRAME];
        let turn = player.fill(&mut samples);
        if destination.is_none() {
            self.packetizer.clear();
        }
        let is_over = match turn {
            Turn::Over(end) if self.packetizer.is_empty() => {
                self.end_playback(end, reports);
                return None;
            }
            Turn::Over(_) => true, // it says so again
            Turn::Frame | Turn::Starved => false,
        };
        if turn == Turn::Frame {
            destination?; // held: time passes all the same
            self.push_samples(&samples, Rate::Narrow, due);
        }
        self.next_packet(is_over, packet)
    }

    /// The short way of most frames: the clip's own octets, when a packet is a frame and nothing waits to be packed.
    pub(super) fn coded_frame(
        &mut self,
        due: Moment,
        packet: &mut [u8; MAX_PACKET],
    ) -> Option<Outgoing> {
        let destination = self.destination()?;
        let stream = self.stream.as_ref()?;
        if stream.packet_samples != FRAME || !self.packetizer.is_empty() {
            return None;
        }
        let (payload_type, law) = (stream.payload_type, stream.codec.law()?);
        let octets = self.player.as_mut()?.coded(law)?;
        packet[HEADER..HEADER + FRAME].copy_from_slice(octets);
        let header = self.sender.frame(payload_type, due, FRAME);
        header.write(packet);
        self.hear_sent(
            &header,
            &packet[HEADER..HEADER + FRAME],
            Codec::G711(law),
            due,
        );
        Some(Outgoing {
            length: HEADER + FRAME,
            destination,
            samples: FRAME,
            is_playback: true,
        })
    }

    /// One more packet of what the last turn brought, when packets are shorter than a turn.
    pub fn more(&mut self, packet: &mut [u8; MAX_PACKET]) -> Option<Outgoing> {
        if self.packetizer.is_empty() {
            return None;
        }
        self.next_packet(false, packet)
    }

    /// The next packet of what waits, if it is long enough, or the last.
    pub(super) fn next_packet(
        &mut self,
        is_last: bool,
        packet: &mut [u8; MAX_PACKET],
    ) -> Option<Outgoing> {
        let destination = self.destination()?;
        let stream = self.stream.as_ref()?;
        let (payload_type, codec) = (stream.payload_type, stream.codec);
        let payload = &mut packet[HEADER..];
        let (octets, samples, start) =
            self.packetizer
                .take(codec.packet_ticks(stream.packet_samples), is_last, payload)?;
        let header = self.sender.frame(payload_type, start, samples);
        header.write(packet);
        let length = HEADER + octets;
        let at = Moment((start.0 + samples as u64 * SAMPLE_NANOS).saturating_sub(FRAME_NANOS));
        self.hear_sent(&header, &packet[HEADER..length], codec, at);
        Some(Outgoing {
            length,
            destination,
            samples,
            is_playback: self.has_playback() && !self.digits_out.is_busy(),
        })
    }

    /// A packet did go out.
    pub fn sent(&mut self, outgoing: &Outgoing, now: Moment) {
        self.counters.sent(outgoing.length - HEADER);
        self.sent_at = now;
        self.said_until = Moment(now.0 + FRAME_NANOS);
        if let (true, Some(player)) = (outgoing.is_playback, &mut self.player) {
            player.samples_sent += outgoing.samples as u64;
        }
    }
}
