//! The audio of one leg, without sockets: packets go in with their time, packets come out with their destination.
//!
//! What a leg sends, by rank: digits; a playback; what its relayed peer, its room, or the echo, gives it. When nothing of this has been
//! sent for a second on a leg that may send and is not relayed, one frame of silence goes out: it keeps the way through NATs
//! open, gives a latching peer something to latch on, and calms phones that hang up when they hear nothing; and it costs next
//! to nothing. To the receiver it is discontinuous transmission (RFC 3551 §4.1): timestamps run on, the marker is set.

mod coding;
mod control;
mod packet;
mod pipe;
mod receive;
mod relay;
mod security;
mod turn;

pub use coding::Said;

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

use super::clock::Moment;
use super::codec::{Codec, Ear, Mouth};
use super::command::Change;
use super::control::Control;
use super::conversion::Conversion;
use super::delay::DelayLine;
use super::digit_receiver::DigitReceiver;
use super::digit_sender::{DigitSender, Way};
use super::hearing::Hearing;
use super::inband_receiver::InbandReceiver;
use super::latch::Latch;
use super::packetizer::{Packetizer, MAX_OCTETS};
use super::pipe::Pipe;
use super::player::{Loading, PlaySpec, Player};
use super::playout::Playout;
use super::reception::Reception;
use super::recorder::Recorder;
use super::report::{LegId, PlaybackEnd, RecordingEnd, Report, Reports};
use super::rtp::{Header, Ssrc, HEADER};
use super::sender::Sender;
use super::sound::SoundWatch;
use super::srtp::{Session, MAX_OVERHEAD};
use super::statistics::Counters;
use super::stream::Stream;
use super::syscalls::prefetch;
use super::timeline::Timeline;
use super::tone::Tone;

/// Room for the longest packet that a leg makes by itself, and what protects it.
pub const MAX_PACKET: usize = HEADER + MAX_OCTETS + MAX_OVERHEAD;
/// The longest payload that is taken: more than any ptime in one Ethernet frame.
const MAX_PAYLOAD: usize = 1500;
/// Silence is sent after so long without a packet, for as long as the peer was not heard: it may wait for us to be found.
const IDLE_MS: u64 = 1000;
/// And after so long once it was. NATs want a packet each 15 s (RFC 6263 §7), there are peers that end a call after 10 s without
/// one, and one of our own takes whoever was silent for 3 s for gone (see latch).
const HEARD_IDLE_MS: u64 = 2000;
/// Each tone of a key that goes out in band.
const KEY_LEVEL_DBM0: f32 = -9.0;
/// Recordings of one leg at a time.
const MAX_RECORDINGS: usize = 8;
/// Sequence numbers begin in the lower half, so that a peer that misses the first packets knows the round (RFC 4568 §6.4).
const EARLY_SEQUENCE: u64 = !(1 << 47);
/// A relayed digit is over when no packet of it has come for so long.
const DIGIT_GAP_MS: u64 = 60;

/// What a received packet has for others.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    /// It is not the peer's, or malformed: it was dropped and counted.
    Discarded,
    /// Nothing.
    Nothing,
    /// Audio: where in the packet, in which codec.
    Audio(Header, Range<usize>, Codec),
    /// A telephone event, and how many units its durations have for each sample of 8 kHz.
    Digit(Header, Range<usize>, u32),
}

/// A packet to be sent, lying at the beginning of the room it was made in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Its length.
    pub length: usize,
    /// Where to.
    pub destination: SocketAddr,
    /// Samples of 8 kHz in it.
    pub samples: usize,
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
    /// It has an association: what is no RTP is for that, and there are to be keys.
    pub is_associated: bool,
    /// When the last digit of its relayed peer was passed on.
    passed_digit_at: Option<Moment>,
    /// The last of them, as its source has it.
    passed_key: Option<(Ssrc, u32)>,
    stream: Option<Stream>,
    timeline: Timeline,
    /// There where the codec is neither G.711 nor foreign.
    ear: Option<Box<Ear>>,
    mouth: Option<Box<Mouth>>,
    /// There where what is sent in such a codec is recorded.
    monitor: Option<Box<Ear>>,
    sent_ticks: Timeline,
    /// There while the peer that it is relayed with has another codec: what that is to hear.
    conversion: Option<Box<Conversion>>,
    /// There while its packets are protected.
    srtp: Option<Box<Session>>,
    latch: Latch,
    sender: Sender,
    packetizer: Packetizer,
    /// There while it echoes, or is in a room.
    playout: Option<Box<Playout>>,
    /// There while its echo comes back later.
    delay: Option<Box<DelayLine>>,
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
    /// To programs outside, and from them.
    pipes: Vec<Pipe>,
    control: Control,
    sent_at: Moment,
    /// The end of what was sent last.
    said_until: Moment,
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
            is_associated: false,
            passed_digit_at: None,
            passed_key: None,
            stream: None,
            timeline: Timeline::new(1),
            ear: None,
            mouth: None,
            monitor: None,
            sent_ticks: Timeline::new(1),
            conversion: None,
            srtp: None,
            latch: Latch::default(),
            sender: Sender::new([random[0] & EARLY_SEQUENCE, random[1]]),
            packetizer: Packetizer::default(),
            playout: None,
            delay: None,
            reception: Reception::default(),
            digits_in: DigitReceiver::default(),
            digits_out: DigitSender::default(),
            inband: None,
            key_tone: None,
            player: None,
            recorders: Vec::new(),
            sound: None,
            hearing: None,
            pipes: Vec::new(),
            control: Control::new(random[0] ^ random[1].rotate_left(32)),
            sent_at: Moment::default(),
            said_until: Moment::default(),
        }
    }

    /// What was agreed, at first or anew.
    pub fn update(&mut self, stream: Stream, now: Moment, reports: &mut Reports) {
        if self.stream.is_none() {
            self.sent_at = now;
            self.control.begin(now);
        }
        self.latch.announce(stream.remote);
        self.latch.signal(stream.signalled_from);
        if stream.telephone_event.is_none() {
            self.digits_out.refuse_events(reports);
        }
        if stream.hears_tones != self.inband.is_some() {
            self.inband = stream.hears_tones.then(Box::default);
        }
        self.sender.interrupt();
        self.adopt(stream.codec);
        self.stream = Some(stream);
    }

    /// There are to be keys: until then nothing is heard or said. ICE may say where the peer is.
    pub fn associate(&mut self, has_ice: bool) {
        self.is_associated = true;
        self.latch.follow_ice(has_ice);
    }

    /// ICE has selected where the peer is.
    pub fn route(&mut self, address: SocketAddr) {
        self.latch.select(address);
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
            self.listen_to_itself();
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
            .as_mut()
            .is_some_and(|player| player.name == name && player.stop())
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

    /// Send back what is received so many milliseconds later, or no more. In a room it is not done.
    pub fn echo(&mut self, delay_ms: Option<u32>) {
        if self.is_in_room {
            return;
        }
        if delay_ms.is_some() != self.playout.is_some() {
            self.buffer(delay_ms.is_some());
        }
        let rate = self.rate();
        self.delay = delay_ms
            .and_then(|delay_ms| DelayLine::of(delay_ms, rate))
            .map(Box::new);
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
        let rate = self.rate();
        self.playout = is_on.then(|| Box::new(Playout::new(rate)));
        self.delay = None;
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

    /// Sound may come and go: it is agreed on how, and the keys for it are there.
    fn is_open(&self) -> bool {
        self.stream.is_some() && (self.srtp.is_some() || !self.is_associated)
    }

    /// RTCP shares the RTP port (RFC 5761).
    pub fn is_muxed(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.is_muxed)
    }

    /// True while it must be given its turn every 20 ms, and no room does that.
    pub fn needs_frames(&self) -> bool {
        (self.player.is_some() || self.is_at_work()) && !self.is_in_room
    }

    /// It has turns for nothing but a playback whose files are not there yet, or just came.
    pub fn waits_for_files(&self) -> bool {
        let has_started = self.player.as_ref().is_some_and(|it| it.has_started());
        !has_started && !self.is_at_work()
    }

    /// What it sent last is over: what comes next need not wait for its end.
    pub fn is_quiet(&self, now: Moment) -> bool {
        now >= self.said_until
    }

    /// Beside a playback.
    fn is_at_work(&self) -> bool {
        self.digits_out.is_busy()
            || self.digits_in.is_down()
            || self.inband.as_ref().is_some_and(|inband| inband.is_down())
            || !self.recorders.is_empty()
            || self.sound.is_some()
            || self.hearing.is_some()
            || self.playout.is_some()
            || self.conversion.is_some()
            || !self.pipes.is_empty()
    }

    /// Its turn comes soon: let what it points to be fetched.
    pub fn prefetch(&self) {
        prefetch(&*self.counters);
        if let Some(player) = &self.player {
            prefetch(&**player);
        }
        if let Some(playout) = &self.playout {
            prefetch(&**playout);
        }
    }

    /// What it sends its audio in; None: nothing is agreed on.
    pub fn codec(&self) -> Option<Codec> {
        self.stream.as_ref().map(|stream| stream.codec)
    }

    /// All ends, unreported; recordings are closed properly.
    pub fn close(&mut self, now: Moment) {
        self.player = None;
        self.pipes.clear();
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
