//! A leg's turn of 20 ms: time passes for all that listens, and what has the highest rank is sent.

use std::net::SocketAddr;

use super::super::clock::{Moment, FRAME};
use super::super::codec::Rate;
use super::super::conversion::MAX_FRAME;
use super::super::recorder::Progress;
use super::super::report::Reports;
use super::super::rtp::{Pt, HEADER};
use super::coding::Said;
use super::{Leg, Outgoing, DIGIT_GAP_MS, HEARD_IDLE_MS, IDLE_MS, MAX_PACKET};

/// Our silence as comfort noise: so many dB under full scale.
const SILENCE_BELOW: u8 = 78;

impl Leg {
    /// The turn of 20 ms: time passes for all that listens, and at most one packet is made.
    pub fn frame(
        &mut self,
        due: Moment,
        packet: &mut [u8; MAX_PACKET],
        reports: &mut Reports,
    ) -> Option<Outgoing> {
        self.pass_time(due, reports);
        let is_piped = self.has_pipe_the_word(due);
        if !is_piped && !self.digits_out.is_busy() && self.player.is_none() && !self.is_relayed {
            return self.echo_frame(due, packet);
        }
        if self.delay.is_some() {
            let length = FRAME * self.rate().factor();
            self.take_echo(&mut [0; MAX_FRAME][..length], due); // it is drowned, and goes on
        }
        if is_piped {
            return self.pipe_frame(due, packet, reports);
        }
        if self.digits_out.is_busy() {
            return self.digit_frame(due, packet, reports); // a playback waits meanwhile, so none of it is lost
        }
        self.playback_frame(due, packet, reports)
    }

    pub(super) fn pass_time(&mut self, due: Moment, reports: &mut Reports) {
        self.digits_in.expire(due, reports);
        if let Some(inband) = &mut self.inband {
            inband.expire(due, reports);
        }
        if let Some(sound) = &mut self.sound {
            sound.advance(due, reports);
        }
        if let Some(hearing) = &mut self.hearing {
            hearing.advance(due, reports);
        }
        self.advance_recorders(due);
        for pipe in &mut self.pipes {
            pipe.turn(due, reports);
        }
    }

    /// The first half of a room's turn: what the peer says just now, at its rate; false: nothing.
    pub fn hear_turn(&mut self, samples: &mut [i16], due: Moment, reports: &mut Reports) -> bool {
        self.pass_time(due, reports);
        self.playout
            .as_mut()
            .is_some_and(|playout| playout.fill(samples, due))
    }

    /// The second half: what the room lets the peer hear, unless something of its own is heard. None: silence.
    pub fn room_frame(
        &mut self,
        due: Moment,
        said: Option<Said<'_>>,
        packet: &mut [u8; MAX_PACKET],
        reports: &mut Reports,
    ) -> Option<Outgoing> {
        self.frame_of_others(due, said, packet, reports)
    }

    /// What others say, unless something of its own is heard. None: silence.
    pub(super) fn frame_of_others(
        &mut self,
        due: Moment,
        said: Option<Said<'_>>,
        packet: &mut [u8; MAX_PACKET],
        reports: &mut Reports,
    ) -> Option<Outgoing> {
        if self.digits_out.is_busy() {
            return self.digit_frame(due, packet, reports);
        }
        if self.player.is_some() {
            let outgoing = self.playback_frame(due, packet, reports);
            if outgoing.is_some() || self.has_playback() {
                return outgoing;
            }
        }
        if self.has_pipe_the_word(due) {
            return self.pipe_frame(due, packet, reports);
        }
        // A digit of the relayed peer keeps its timestamp only while nothing else is sent (RFC 4733 §2.5.1.2).
        let is_digit_down = self
            .passed_digit_at
            .is_some_and(|at| due.ms_since(at) < DIGIT_GAP_MS);
        if !self.is_given_frames() || is_digit_down {
            return None;
        }
        let said = said.filter(|_| !self.mutes_outgoing);
        let is_silent = said.is_none();
        match (self.destination(), said) {
            (Some(_), Some(Said::Octets(octets))) => self.packetizer.push_octets(octets, due),
            (Some(_), Some(Said::Voice(voice))) => {
                self.push_samples(voice.samples(), voice.rate(), due);
            }
            (Some(_), None) => {}
            (None, _) => self.packetizer.clear(),
        }
        self.next_packet(is_silent, packet)
    }

    /// The room, or its peer of another codec, gives it what it sends.
    pub fn is_given_frames(&self) -> bool {
        self.is_fed || self.is_converted()
    }

    /// A playback is under way, be it paused.
    pub(super) fn has_playback(&self) -> bool {
        self.player
            .as_ref()
            .is_some_and(|player| player.has_started())
    }

    pub(super) fn echo_frame(
        &mut self,
        due: Moment,
        packet: &mut [u8; MAX_PACKET],
    ) -> Option<Outgoing> {
        let rate = self.rate();
        let mut room = [0; MAX_FRAME];
        let samples = &mut room[..FRAME * rate.factor()];
        let has_sound = self.take_echo(samples, due)?;
        self.destination()?;
        if has_sound {
            if self.mutes_outgoing {
                samples.fill(0);
            }
            self.push_samples(samples, rate, due);
        }
        self.next_packet(!has_sound, packet)
    }

    /// What the echo gives now, and whether it can be heard; None: there is no echo.
    fn take_echo(&mut self, samples: &mut [i16], due: Moment) -> Option<bool> {
        let has_sound = self.playout.as_mut()?.fill(samples, due);
        Some(match &mut self.delay {
            Some(delay) => delay.pass(samples, has_sound),
            None => has_sound,
        })
    }

    pub(super) fn advance_recorders(&mut self, now: Moment) {
        let mut index = 0;
        while let Some(recorder) = self.recorders.get_mut(index) {
            match recorder.advance(now) {
                Progress::Running => index += 1,
                Progress::Over(end) => self.recorders.remove(index).finish(Some(end), now),
                Progress::Failed => drop(self.recorders.remove(index)),
            }
        }
    }

    /// Once a second: the frame of silence of a leg that has nothing to say, if it is time for one.
    pub fn idle_frame(&mut self, now: Moment, packet: &mut [u8; MAX_PACKET]) -> Option<Outgoing> {
        let is_idle = match &self.player {
            Some(player) => player.is_paused(),
            None => !self.is_relayed,
        };
        let idle = if self.latch.is_heard() {
            HEARD_IDLE_MS
        } else {
            IDLE_MS
        };
        if !is_idle || self.digits_out.is_busy() || now.ms_since(self.sent_at) < idle {
            return None;
        }
        let destination = self.destination()?;
        let stream = self.stream.as_ref()?;
        let payload = &mut packet[HEADER..];
        if let Some(payload_type) = stream.comfort_noise {
            payload[0] = SILENCE_BELOW;
            return Some(self.idle_packet(payload_type, (1, FRAME), destination, now, packet));
        }
        let (octets, samples) = match (stream.codec.law(), &mut self.mouth) {
            (Some(law), _) => {
                payload[..stream.packet_samples].fill(law.silence());
                (stream.packet_samples, stream.packet_samples)
            }
            (None, Some(mouth)) => (mouth.say(&[0; FRAME], Rate::Narrow, payload), FRAME),
            (None, None) => return None,
        };
        if octets == 0 {
            return None;
        }
        let payload_type = stream.payload_type;
        Some(self.idle_packet(payload_type, (octets, samples), destination, now, packet))
    }

    fn idle_packet(
        &mut self,
        payload_type: Pt,
        (octets, samples): (usize, usize),
        destination: SocketAddr,
        now: Moment,
        packet: &mut [u8; MAX_PACKET],
    ) -> Outgoing {
        let header = self.sender.frame(payload_type, now, samples);
        header.write(packet);
        Outgoing {
            length: HEADER + octets,
            destination,
            samples,
            is_playback: false,
        }
    }
}
