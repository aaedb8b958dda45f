//! The audio of one leg, without sockets: packets go in with their time, packets come out with their destination.
//!
//! What a leg sends, by rank: digits; a playback; what its relayed peer, its room, or the echo, gives it. When nothing of this has been
//! sent for a second on a leg that may send and is not relayed, one frame of silence goes out: it keeps the way through NATs
//! open, gives a latching peer something to latch on, and calms phones that hang up when they hear nothing; and it costs next
//! to nothing. To the receiver it is discontinuous transmission (RFC 3551 §4.1): timestamps run on, the marker is set.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

use super::clock::{Clock, Moment, FRAME, FRAME_NANOS, SAMPLE_NANOS};
use super::command::Change;
use super::control::Control;
use super::digit_receiver::DigitReceiver;
use super::digit_sender::{DigitSender, Outgoing as Digit, Way};
use super::dtmf;
use super::g711::Law;
use super::hearing::Hearing;
use super::inband_receiver::{InbandReceiver, Known};
use super::latch::Latch;
use super::packetizer::{Packetizer, MAX_SAMPLES};
use super::player::{Loading, PlaySpec, Player, Readiness};
use super::playout::Playout;
use super::reception::{Fit, Reception};
use super::recorder::{Progress, Recorder};
use super::report::{LegId, PlaybackEnd, RecordingEnd, Report, Reports};
use super::rtcp::{self, Compound, SenderInfo};
use super::rtp::{Header, HEADER};
use super::sender::Sender;
use super::sound::SoundWatch;
use super::statistics::Counters;
use super::stream::{Kind, Stream};
use super::syscalls::prefetch;
use super::telephone_event::{self, TelephoneEvent};
use super::tone::Tone;

/// The longest packet that a leg makes by itself.
pub const MAX_PACKET: usize = HEADER + MAX_SAMPLES;
/// The longest payload that is taken: more than any ptime of G.711 in one Ethernet frame.
const MAX_PAYLOAD: usize = 1500;
/// Silence is sent after so long without a packet.
const IDLE_MS: u64 = 1000;
/// Each tone of a key that goes out in band.
const KEY_LEVEL_DBM0: f32 = -9.0;
/// Recordings of one leg at a time.
const MAX_RECORDINGS: usize = 8;
/// A relayed digit is over when no packet of it has come for so long.
const DIGIT_GAP_MS: u64 = 60;

/// What a received packet has for others.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    /// It is not the peer's, or malformed: it was dropped and counted.
    Discarded,
    /// Nothing.
    Nothing,
    /// Audio: where in the packet, under which law.
    Audio(Header, Range<usize>, Law),
    /// A telephone event.
    Digit(Header, Range<usize>),
}

/// A packet to be sent, lying at the beginning of the room it was made in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Its length.
    pub length: usize,
    /// Where to.
    pub destination: SocketAddr,
    /// It is of the playback.
    pub is_playback: bool,
}

/// One leg.
pub struct Leg {
    /// Its name.
    pub id: LegId,
    /// Its figures.
    pub counters: Arc<Counters>,
    /// Another leg is relayed with it.
    pub is_relayed: bool,
    /// What the peer says is silence to others.
    pub mutes_incoming: bool,
    /// What others say is silence to the peer.
    pub mutes_outgoing: bool,
    /// It is in a room, which gives it its turns.
    is_in_room: bool,
    /// The room gives it what it sends; else its relay does.
    is_fed: bool,
    /// When the last digit of its relayed peer was passed on.
    passed_digit_at: Option<Moment>,
    stream: Option<Stream>,
    latch: Latch,
    sender: Sender,
    packetizer: Packetizer,
    /// There while it echoes, or is in a room.
    playout: Option<Box<Playout>>,
    reception: Reception,
    digits_in: DigitReceiver,
    digits_out: DigitSender,
    /// There while keys are listened for in the sound.
    inband: Option<Box<InbandReceiver>>,
    /// What a key that goes out in band sounds like.
    key_tone: Option<(char, Tone)>,
    player: Option<Box<Player>>,
    recorders: Vec<Recorder>,
    sound: Option<Box<SoundWatch>>,
    /// There while somebody asks what is heard.
    hearing: Option<Box<Hearing>>,
    control: Control,
    sent_at: Moment,
}

impl Leg {
    /// A leg on which nothing is agreed yet. `random` makes its numbers hard to guess.
    pub fn new(id: LegId, random: [u64; 2]) -> Self {
        Leg {
            id,
            counters: Arc::default(),
            is_relayed: false,
            mutes_incoming: false,
            mutes_outgoing: false,
            is_in_room: false,
            is_fed: false,
            passed_digit_at: None,
            stream: None,
            latch: Latch::default(),
            sender: Sender::new(random),
            packetizer: Packetizer::default(),
            playout: None,
            reception: Reception::default(),
            digits_in: DigitReceiver::default(),
            digits_out: DigitSender::default(),
            inband: None,
            key_tone: None,
            player: None,
            recorders: Vec::new(),
            sound: None,
            hearing: None,
            control: Control::new(random[0] ^ random[1].rotate_left(32)),
            sent_at: Moment::default(),
        }
    }

    /// What was agreed, at first or anew.
    pub fn update(&mut self, stream: Stream, now: Moment, reports: &mut Reports) {
        if self.stream.is_none() {
            self.sent_at = now;
            self.control.begin(now);
        }
        self.latch.announce(stream.remote);
        if stream.telephone_event.is_none() {
            self.digits_out.refuse_events(reports);
        }
        if stream.hears_tones != self.inband.is_some() {
            self.inband = stream.hears_tones.then(Box::default);
        }
        self.sender.interrupt();
        self.stream = Some(stream);
    }

    /// Play instead of what plays.
    pub fn play(&mut self, spec: PlaySpec, loading: Loading, reports: &mut Reports) {
        self.end_playback(PlaybackEnd::Stopped, reports);
        self.player = Some(Box::new(Player::new(spec, loading)));
    }

    /// Record besides what is recorded already. Too many fail.
    pub fn record(&mut self, recorder: Recorder) {
        if self.recorders.len() >= MAX_RECORDINGS {
            recorder.refuse("too many recordings of one call");
        } else {
            self.recorders.push(recorder);
        }
    }

    /// Change what has that name.
    pub fn change(&mut self, change: &Change, now: Moment) {
        if let Some(player) = &mut self.player {
            if player.name == change.name {
                player.change(change);
            }
        }
        for recorder in &mut self.recorders {
            if let (true, Some(is_paused)) = (recorder.name == change.name, change.is_paused) {
                recorder.pause(is_paused, now);
            }
        }
    }

    /// Stop what has that name.
    pub fn stop(&mut self, name: &str, now: Moment, reports: &mut Reports) {
        if self
            .player
            .as_ref()
            .is_some_and(|player| player.name == name)
        {
            self.end_playback(PlaybackEnd::Stopped, reports);
        }
        if let Some(index) = self
            .recorders
            .iter()
            .position(|recorder| recorder.name == name)
        {
            self.recorders
                .remove(index)
                .finish(Some(RecordingEnd::Stopped), now);
        }
        self.digits_out.stop(name, reports);
    }

    /// Send digits after those that wait. As events without an agreed telephone-event none is sent, and that is said at once.
    pub fn send_digits(
        &mut self,
        name: String,
        (digits, way): (&str, Option<Way>),
        duration_ms: u32,
        gap_ms: u32,
        reports: &mut Reports,
    ) {
        let can_send = self
            .stream
            .as_ref()
            .is_some_and(|stream| stream.telephone_event.is_some());
        let way = way.unwrap_or(if can_send { Way::Event } else { Way::Tone });
        let is_refused = way == Way::Event && !can_send;
        let digits = if is_refused { "" } else { digits };
        self.digits_out
            .send(name, digits, way, duration_ms, gap_ms, reports);
    }

    /// Send back what is received, or no more. In a room it is not done.
    pub fn echo(&mut self, is_on: bool) {
        if is_on != self.playout.is_some() && !self.is_in_room {
            self.buffer(is_on);
        }
    }

    /// Be in a room from now on: its turns come from there, by `hear_turn` and `room_frame`.
    pub fn enter_room(&mut self, is_fed: bool) {
        (self.is_in_room, self.is_fed) = (true, is_fed);
        self.buffer(true);
    }

    /// Send what the room gives, or what the relay gives.
    pub fn feed(&mut self, is_fed: bool) {
        if is_fed != self.is_fed {
            self.is_fed = is_fed;
            self.packetizer.clear();
            self.sender.interrupt();
        }
    }

    /// Be in no room any more.
    pub fn leave_room(&mut self) {
        (self.is_in_room, self.is_fed) = (false, false);
        self.buffer(false);
    }

    fn buffer(&mut self, is_on: bool) {
        self.playout = is_on.then(Box::default);
        self.counters.buffered(0);
        self.packetizer.clear();
        self.sender.interrupt();
    }

    /// Report sound and silence, or no more.
    pub fn watch_audio(&mut self, is_on: bool, now: Moment) {
        self.sound = is_on.then(|| Box::new(SoundWatch::new(now)));
    }

    /// Report talk and tones from that level on (dBov), or no more.
    pub fn detect(&mut self, level: Option<f32>, now: Moment) {
        self.hearing = level.map(|level| Box::new(Hearing::new(level, now)));
    }

    /// What is relayed to it pauses, or comes from another source.
    pub fn interrupt(&mut self) {
        self.sender.interrupt();
    }

    /// RTCP shares the RTP port (RFC 5761).
    pub fn is_muxed(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.is_muxed)
    }

    /// True while it must be given its turn every 20 ms, and no room does that.
    pub fn needs_frames(&self) -> bool {
        let is_at_work = self.player.is_some()
            || self.digits_out.is_busy()
            || self.digits_in.is_down()
            || self.inband.as_ref().is_some_and(|inband| inband.is_down())
            || !self.recorders.is_empty()
            || self.sound.is_some()
            || self.hearing.is_some()
            || self.playout.is_some();
        is_at_work && !self.is_in_room
    }

    /// Its turn comes soon: let what it points to be fetched.
    pub fn prefetch(&self) {
        prefetch(&*self.counters);
        if let Some(player) = &self.player {
            prefetch(&**player);
        }
    }

    /// What it sends its audio under; None: nothing is agreed on.
    pub fn law(&self) -> Option<Law> {
        self.stream.as_ref().map(|stream| stream.law)
    }

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
            || self.inband.is_some();
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
    fn hear_sent(&mut self, header: &Header, payload: &[u8], law: Law, now: Moment) {
        if !self.recorders.iter().any(Recorder::hears_sent) {
            return;
        }
        let mut room = [0; MAX_PAYLOAD];
        let samples = &mut room[..payload.len()];
        law.expand_into(payload, samples);
        for recorder in &mut self.recorders {
            recorder.hear_sent(header, samples, now);
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
    fn stage_for_others(&mut self) -> Option<(SocketAddr, &Stream)> {
        let is_taken = self.digits_out.is_busy() || self.has_playback();
        let destination = self.destination();
        if is_taken || destination.is_none() {
            self.sender.interrupt();
            return None;
        }
        Some((destination?, self.stream.as_ref()?))
    }

    /// Where to send audio; None: we may not, or do not know.
    fn destination(&self) -> Option<SocketAddr> {
        self.stream.as_ref().filter(|stream| stream.may_send)?;
        self.latch.destination()
    }

    /// The turn of 20 ms: time passes for all that listens, and at most one packet is made.
    pub fn frame(
        &mut self,
        due: Moment,
        packet: &mut [u8; MAX_PACKET],
        reports: &mut Reports,
    ) -> Option<Outgoing> {
        self.pass_time(due, reports);
        if self.digits_out.is_busy() {
            return self.digit_frame(due, packet, reports); // a playback waits meanwhile, so none of it is lost
        }
        if self.player.is_some() || self.is_relayed {
            return self.playback_frame(due, packet, reports);
        }
        self.echo_frame(due, packet)
    }

    fn pass_time(&mut self, due: Moment, reports: &mut Reports) {
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
    fn has_playback(&self) -> bool {
        self.player
            .as_ref()
            .is_some_and(|player| player.has_started())
    }

    fn echo_frame(&mut self, due: Moment, packet: &mut [u8; MAX_PACKET]) -> Option<Outgoing> {
        let mut samples = [0; FRAME];
        let has_sound = self.playout.as_mut()?.fill(&mut samples, due);
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

    fn advance_recorders(&mut self, now: Moment) {
        let mut index = 0;
        while let Some(recorder) = self.recorders.get_mut(index) {
            match recorder.advance(now) {
                Progress::Running => index += 1,
                Progress::Over(end) => self.recorders.remove(index).finish(Some(end), now),
                Progress::Failed => drop(self.recorders.remove(index)),
            }
        }
    }

    fn digit_frame(
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
        let header = self.sender.event(payload_type, is_first, due);
        header.write(packet);
        event.write(&mut packet[HEADER..]);
        Some(Outgoing {
            length: HEADER + telephone_event::PAYLOAD,
            destination,
            is_playback: false,
        })
    }

    /// A frame of a key's tones.
    fn tone_frame(
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
    fn push_frame(
        &mut self,
        samples: &[i16; FRAME],
        due: Moment,
        packet: &mut [u8; MAX_PACKET],
    ) -> Option<Outgoing> {
        self.destination()?;
        let law = self.stream.as_ref()?.law;
        self.packetizer.push(samples, law, due);
        self.next_packet(false, packet)
    }

    fn playback_frame(
        &mut self,
        due: Moment,
        packet: &mut [u8; MAX_PACKET],
        reports: &mut Reports,
    ) -> Option<Outgoing> {
        let destination = self.destination();
        let player = self.player.as_mut().filter(|player| !player.is_paused())?;
        // Before anything is agreed on nothing begins: whoever waits for an ACK with the answer misses nothing.
        match player.ready(self.stream.is_some()) {
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
        let is_over = !player.fill(&mut samples);
        if destination.is_none() {
            self.packetizer.clear();
        }
        if is_over && self.packetizer.is_empty() {
            self.end_playback(PlaybackEnd::Completed, reports);
            return None;
        }
        if !is_over {
            destination?; // held: time passes all the same
            let law = self.stream.as_ref()?.law;
            self.packetizer.push(&samples, law, due);
        }
        self.next_packet(is_over, packet)
    }

    /// The short way of most frames: the clip's own octets, when a packet is a frame and nothing waits to be packed.
    fn coded_frame(&mut self, due: Moment, packet: &mut [u8; MAX_PACKET]) -> Option<Outgoing> {
        let destination = self.destination()?;
        let stream = self.stream.as_ref()?;
        if stream.packet_samples != FRAME || !self.packetizer.is_empty() {
            return None;
        }
        let (payload_type, law) = (stream.payload_type, stream.law);
        let octets = self.player.as_mut()?.coded(law)?;
        packet[HEADER..HEADER + FRAME].copy_from_slice(octets);
        let header = self.sender.frame(payload_type, due, FRAME);
        header.write(packet);
        self.hear_sent(&header, &packet[HEADER..HEADER + FRAME], law, due);
        Some(Outgoing {
            length: HEADER + FRAME,
            destination,
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
    fn next_packet(&mut self, is_last: bool, packet: &mut [u8; MAX_PACKET]) -> Option<Outgoing> {
        let destination = self.destination()?;
        let stream = self.stream.as_ref()?;
        let (payload_type, law) = (stream.payload_type, stream.law);
        let payload = &mut packet[HEADER..];
        let (count, start) = self
            .packetizer
            .take(stream.packet_samples, is_last, payload)?;
        let header = self.sender.frame(payload_type, start, count);
        header.write(packet);
        let length = HEADER + count;
        let at = Moment((start.0 + count as u64 * SAMPLE_NANOS).saturating_sub(FRAME_NANOS));
        self.hear_sent(&header, &packet[HEADER..length], law, at);
        Some(Outgoing {
            length,
            destination,
            is_playback: self.has_playback() && !self.digits_out.is_busy(),
        })
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

    /// A packet of `payload` octets did go out.
    pub fn sent(&mut self, payload: usize, is_playback: bool, now: Moment) {
        self.counters.sent(payload);
        self.sent_at = now;
        if let (true, Some(player)) = (is_playback, &mut self.player) {
            player.samples_sent += payload as u64; // one octet each, in G.711
        }
    }

    /// Once a second: our RTCP, when its time has come. `random` spreads the next.
    pub fn report(
        &mut self,
        clock: &Clock,
        now: Moment,
        random: u64,
    ) -> Option<(Compound, SocketAddr)> {
        if self.stream.is_none() || !self.control.is_due(now, random) {
            return None;
        }
        self.compound(clock, now)
    }

    /// The last RTCP (RFC 3550 §6.6); nothing if there was never anybody to send it to.
    pub fn goodbye(&mut self, clock: &Clock, now: Moment) -> Option<(Compound, SocketAddr)> {
        let (compound, destination) = self.compound(clock, now)?;
        Some((compound.with_goodbye(self.sender.ssrc()), destination))
    }

    fn compound(&mut self, clock: &Clock, now: Moment) -> Option<(Compound, SocketAddr)> {
        let destination = if self.is_muxed() {
            self.latch.destination()?
        } else {
            self.latch.control_destination()?
        };
        let (packets, octets) = self.counters.sent_so_far();
        let info = SenderInfo {
            ntp: clock.ntp(now),
            timestamp: self.sender.timestamp(now),
            packets,
            octets,
        };
        let block = self.reception.report();
        let compound = self.control.compound(self.sender.ssrc(), info, block, now);
        Some((compound, destination))
    }

    /// RTCP. What is malformed, or from elsewhere, is dropped: false.
    pub fn receive_control(
        &mut self,
        compound: &[u8],
        from: SocketAddr,
        clock: &Clock,
        now: Moment,
    ) -> bool {
        match rtcp::read(compound, self.sender.ssrc()) {
            Ok(heard) if self.latch.is_peer_host(from) => {
                self.control
                    .receive(&heard, clock.ntp(now), now, &self.counters);
                true
            }
            _ => {
                self.counters.discarded();
                false
            }
        }
    }

    /// All ends, unreported; recordings are closed properly.
    pub fn close(&mut self, now: Moment) {
        self.player = None;
        for recorder in self.recorders.drain(..) {
            recorder.finish(None, now);
        }
    }

    fn end_playback(&mut self, end: PlaybackEnd, reports: &mut Reports) {
        if let Some(player) = self.player.take() {
            self.packetizer.clear();
            reports.push(Report::PlaybackFinished {
                playback: player.name,
                heard_ms: player.samples_sent / 8,
                end,
            });
        }
    }
}

#[cfg(test)]
#[path = "leg_tests.rs"]
mod tests;
