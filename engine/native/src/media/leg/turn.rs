//! A leg's turn of 20 ms: time passes for all that listens, and what has the highest rank is sent.

use super::super::clock::{Moment, FRAME};
use super::super::recorder::Progress;
use super::super::report::Reports;
use super::super::rtp::HEADER;
use super::{Leg, Outgoing, DIGIT_GAP_MS, IDLE_MS, MAX_PACKET};

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
            self.take_echo(&mut [0; FRAME], due); // it is drowned, and goes on
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

    /// The first half of a room's turn: what the peer says just now; false: nothing.
    pub fn hear_turn(
        &mut self,
        samples: &mut [i16; FRAME],
        due: Moment,
        reports: &mut Reports,
    ) -> bool {
        self.pass_time(due, reports);
        self.playout
            .as_mut()
            .is_some_and(|playout| playout.fill(samples, due))
    }

    /// The second half: what the room lets the peer hear, under its law, unless something of its own is heard. None: silence.
    pub fn room_frame(
        &mut self,
        due: Moment,
        octets: Option<&[u8; FRAME]>,
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
        if !self.is_fed || is_digit_down {
            return None;
        }
        let octets = octets.filter(|_| !self.mutes_outgoing);
        match (self.destination(), octets) {
            (Some(_), Some(octets)) => self.packetizer.push_octets(octets, due),
            (Some(_), None) => {}
            (None, _) => self.packetizer.clear(),
        }
        self.next_packet(octets.is_none(), packet)
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
        let mut samples = [0; FRAME];
        let has_sound = self.take_echo(&mut samples, due)?;
        self.destination()?;
        if has_sound {
            if self.mutes_outgoing {
                samples.fill(0);
            }
            let law = self.stream.as_ref()?.law;
            self.packetizer.push(&samples, law, due);
        }
        self.next_packet(!has_sound, packet)
    }

    /// What the echo gives now, and whether it can be heard; None: there is no echo.
    fn take_echo(&mut self, samples: &mut [i16; FRAME], due: Moment) -> Option<bool> {
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

    /// Once a second: the frame of silence of a leg that has nothing to say.
    pub fn idle_frame(&mut self, now: Moment, packet: &mut [u8; MAX_PACKET]) -> Option<Outgoing> {
        let is_idle = match &self.player {
            Some(player) => player.is_paused(),
            None => !self.is_relayed,
        };
        if !is_idle || self.digits_out.is_busy() || now.ms_since(self.sent_at) < IDLE_MS {
            return None;
        }
        let destination = self.destination()?;
        let stream = self.stream.as_ref()?;
        let count = stream.packet_samples;
        packet[HEADER..HEADER + count].fill(stream.law.silence());
        let header = self.sender.frame(stream.payload_type, now, count);
        header.write(packet);
        Some(Outgoing {
            length: HEADER + count,
            destination,
            is_playback: false,
        })
    }
}
