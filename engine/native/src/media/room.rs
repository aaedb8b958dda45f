//! Legs that hear each other, mixed: everybody hears all but itself.
//!
//! A room lives on one media thread, with all its members. Every 20 ms it takes a frame of each member's jitter buffer, adds up
//! those that sound, and gives each member the sum without itself. Those that do not sound share one encoded frame, so that a
//! thousand listeners cost no more than their packets. While nobody sounds nothing is sent but each leg's own second of silence.
//!
//! A room is as wide as its widest member: while anybody has 16 kHz there are two sums. Each voice that sounds is brought to the
//! other rate once, not once for each who hears it; who has 8 kHz hears the narrow sum, who has 16 the wide one. In a room where
//! all have 8 kHz nothing of that is done.
//!
//! A member may be relayed with another leg all the while (`is_tapped`): the room hears it, and it is given the room's sound
//! instead of the relay's unless it is deaf. So somebody may listen in on two who talk, and they hear nothing of it.

use super::clock::{Moment, FRAME, FRAME_NANOS};
use super::codec::{Codec, Rate};
use super::command::Change;
use super::conversion::Voice;
use super::g711::Law;
use super::leg::{Said, MAX_PACKET};
use super::line::{voice_of_peer, Line};
use super::mixer::{Gain, Sum, WideSum, WIDE};
use super::player::{Loading, PlaySpec, Player, Readiness, Turn};
use super::recorder::{Progress, Recorder};
use super::report::{LegId, PlaybackEnd, RecordingEnd, Report, Reports};
use super::resample::Resampler;
use super::rtp::{Header, Pt, Seq, Ssrc};
use super::sound::SoundWatch;
use super::syscalls::prefetch;

/// Recordings of one room at a time.
const MAX_RECORDINGS: usize = 8;
/// Members that are fetched before a room's turn; the others are while it lasts.
const FIRST: usize = 4;

/// How somebody takes part.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Membership {
    /// Louder or softer to the others.
    pub gain: Gain,
    /// Nobody hears it.
    pub is_muted: bool,
    /// It does not hear the room.
    pub is_deaf: bool,
    /// It speaks to this member alone.
    pub speaks_to: Option<LegId>,
    /// It stays relayed: its peer hears it as before, and while it is deaf it hears its peer as before.
    pub is_tapped: bool,
}

impl Membership {
    /// The room gives it what it hears, be it silence.
    fn is_fed(&self) -> bool {
        !(self.is_deaf && self.is_tapped)
    }
}

/// Members and what is played to them, recorded of them.
pub struct Room {
    id: LegId,
    members: Vec<Member>,
    sum: Sum,
    /// There while somebody has 16 kHz.
    wide: Option<Box<WideSum>>,
    /// How many voices are in the sum.
    voices: usize,
    player: Option<Box<Player>>,
    /// What is played, from 8 kHz to 16.
    up: Resampler,
    recorders: Vec<Recorder>,
    /// A frame of the sum is so many frames after the first: what recorders lay it out by.
    frames: u32,
}

struct Member {
    id: LegId,
    place: u32,
    membership: Membership,
    talk: SoundWatch,
    voice: [i16; FRAME],
    /// There while somebody in the room has 16 kHz.
    wide: Option<Box<WideVoice>>,
    /// Its voice is in this turn's sum, or whispered.
    sounds: bool,
}

/// A member's voice at 16 kHz, and the ways between that and 8 kHz.
struct WideVoice {
    voice: [i16; WIDE],
    up: Resampler,
    down: Resampler,
}

impl WideVoice {
    fn new() -> Box<Self> {
        Box::new(WideVoice {
            voice: [0; WIDE],
            up: Resampler::other(Rate::Wide),
            down: Resampler::other(Rate::Narrow),
        })
    }
}

/// The frames that several members hear, each encoded once.
#[derive(Default)]
struct Shared {
    mu: Option<[u8; FRAME]>,
    a: Option<[u8; FRAME]>,
    /// Of whoever has 16 kHz: the samples.
    wide: Option<[i16; WIDE]>,
}

impl Shared {
    fn of(&mut self, sum: &Sum, codec: Codec) -> Frame {
        let place = match codec {
            Codec::G711(Law::Mu) => &mut self.mu,
            Codec::G711(Law::A) => &mut self.a,
            _ => return Frame::of(sum, codec),
        };
        Frame::Octets(*place.get_or_insert_with(|| match Frame::of(sum, codec) {
            Frame::Octets(octets) => octets,
            Frame::Voice(_) => [0; FRAME],
        }))
    }
}

/// What a member is to hear, as its codec wants it.
#[allow(clippy::large_enum_variant)] // a box would be an allocation for each member and frame
enum Frame {
    Octets([u8; FRAME]),
    Voice(Voice),
}

impl Frame {
    fn of(sum: &Sum, codec: Codec) -> Self {
        match codec.law() {
            Some(law) => Frame::Octets(sum.compressed(law)),
            None => Frame::Voice(Voice::of(&sum.limited(), Rate::Narrow)),
        }
    }

    fn said(&self) -> Said<'_> {
        match self {
            Frame::Octets(octets) => Said::Octets(octets),
            Frame::Voice(voice) => Said::Voice(voice),
        }
    }
}

impl Room {
    /// Nobody is in it.
    pub fn new(id: LegId) -> Self {
        Room {
            id,
            members: Vec::new(),
            sum: Sum::default(),
            wide: None,
            voices: 0,
            player: None,
            up: Resampler::other(Rate::Wide),
            recorders: Vec::new(),
            frames: 0,
        }
    }

    /// Somebody takes part from now on.
    pub fn join(&mut self, place: u32, line: &mut Line, membership: Membership, now: Moment) {
        line.leg.enter_room(membership.is_fed());
        self.members.push(Member {
            id: line.leg.id,
            place,
            membership,
            talk: SoundWatch::new(now),
            voice: [0; FRAME],
            wide: None,
            sounds: false,
        });
        let rate = line.leg.rate();
        self.fit(rate);
    }

    /// Somebody at that rate takes part.
    pub fn fit(&mut self, rate: Rate) {
        if rate == Rate::Narrow && self.wide.is_none() {
            return;
        }
        self.wide.get_or_insert_default();
        for member in &mut self.members {
            member.wide.get_or_insert_with(WideVoice::new);
        }
    }

    /// What a member hears and says from now on, its codec being another. It may be told too often.
    fn narrow_down(&mut self, lines: &[Option<Box<Line>>]) {
        let is_wide = |member: &Member| {
            let line = lines[member.place as usize].as_ref();
            line.is_some_and(|line| line.leg.rate() == Rate::Wide)
        };
        if self.wide.is_some() && !self.members.iter().any(is_wide) {
            self.wide = None;
            for member in &mut self.members {
                member.wide = None;
            }
        }
    }

    /// Take part in another way.
    pub fn change(&mut self, line: &mut Line, membership: Membership) {
        if let Some(member) = self.find(line.leg.id) {
            member.membership = membership;
            line.leg.feed(membership.is_fed());
        }
    }

    /// Somebody takes part no more.
    pub fn leave(&mut self, line: &mut Line) {
        let id = line.leg.id;
        self.members.retain(|member| member.id != id);
        line.leg.leave_room();
    }

    /// Somebody who takes part, to be taken out.
    pub fn last(&self) -> Option<u32> {
        self.members.last().map(|member| member.place)
    }

    /// Play to all, instead of what plays.
    pub fn play(&mut self, spec: PlaySpec, loading: Loading, reports: &mut Reports) {
        self.end_playback(PlaybackEnd::Stopped, reports);
        self.player = Some(Box::new(Player::new(spec, loading)));
    }

    /// Record all voices and what is played to all. Too many fail.
    pub fn record(&mut self, recorder: Recorder) {
        if self.recorders.len() >= MAX_RECORDINGS {
            recorder.refuse("too many recordings of one room");
        } else {
            self.recorders.push(recorder);
        }
    }

    /// Change what has that name.
    pub fn control(&mut self, change: &Change, now: Moment) {
        if let Some(player) = self.player.as_mut().filter(|it| it.name == change.name) {
            player.change(change);
        }
        for recorder in self
            .recorders
            .iter_mut()
            .filter(|it| it.name == change.name)
        {
            if let Some(is_paused) = change.is_paused {
                recorder.pause(is_paused, now);
            }
        }
    }

    /// Stop what has that name.
    pub fn stop(&mut self, name: &str, now: Moment, reports: &mut Reports) {
        let player = self.player.as_mut().filter(|it| it.name == name);
        if player.is_some_and(|player| player.stop()) {
            self.end_playback(PlaybackEnd::Stopped, reports);
        }
        if let Some(index) = self.recorders.iter().position(|it| it.name == name) {
            let recorder = self.recorders.remove(index);
            recorder.finish(Some(RecordingEnd::Stopped), now);
        }
    }

    /// All ends, unreported; recordings are closed properly.
    pub fn close(&mut self, now: Moment) {
        self.player = None;
        for recorder in self.recorders.drain(..) {
            recorder.finish(None, now);
        }
    }

    /// The first members will be looked at soon.
    pub fn fetch_members(&self) {
        self.members.iter().take(FIRST).for_each(prefetch);
    }

    /// Their legs, too.
    pub fn fetch_legs(&self, lines: &[Option<Box<Line>>]) {
        let lines = self
            .members
            .iter()
            .take(FIRST)
            .map(|member| lines.get(member.place as usize));
        lines.flatten().flatten().for_each(|line| prefetch(&**line));
    }

    /// The turn of 20 ms, for all members.
    pub fn turn(&mut self, lines: &mut [Option<Box<Line>>], due: Moment, reports: &mut Reports) {
        self.narrow_down(lines);
        for member in self.members.iter().take(FIRST) {
            if let Some(line) = &lines[member.place as usize] {
                line.leg.prefetch();
            }
        }
        self.listen(lines, due, reports);
        self.sound_playback(reports.of(self.id));
        self.record_sum(due);
        self.speak(lines, due, reports);
    }

    /// Take a frame of each, and add up those that sound.
    fn listen(&mut self, lines: &mut [Option<Box<Line>>], due: Moment, reports: &mut Reports) {
        self.sum = Sum::default();
        if let Some(wide) = &mut self.wide {
            **wide = WideSum::default();
        }
        self.voices = 0;
        for member in &mut self.members {
            let Some(line) = lines[member.place as usize].as_mut() else {
                continue;
            };
            let reports = reports.of(member.id);
            let is_there = member.hear(line, due, reports);
            if is_there {
                member.talk.hear(&member.voice, due, reports);
            }
            member.talk.advance(due, reports);
            member.sounds =
                is_there && !member.membership.is_muted && member.talk.is_near_sound(due);
            if member.sounds {
                member.raise();
                if member.membership.speaks_to.is_none() {
                    self.sum.add(&member.voice);
                    if let (Some(sum), Some(wide)) = (&mut self.wide, &member.wide) {
                        sum.add(&wide.voice);
                    }
                    self.voices += 1;
                }
            }
        }
    }

    fn sound_playback(&mut self, reports: &mut Reports) {
        let Some(player) = self.player.as_mut().filter(|it| !it.is_paused()) else {
            return;
        };
        match player.ready(true) {
            Readiness::Waiting => return,
            Readiness::Failed(error) => {
                return self.end_playback(PlaybackEnd::Failed(error), reports)
            }
            Readiness::Started => reports.push(Report::PlaybackStarted {
                playback: player.name.clone(),
            }),
            Readiness::Running => {}
        }
        let mut frame = [0; FRAME];
        match player.fill(&mut frame) {
            Turn::Frame => {
                player.samples_sent += FRAME as u64;
                self.sum.add(&frame);
                if let Some(sum) = &mut self.wide {
                    let mut wide = [0; WIDE];
                    self.up.run(&frame, &mut wide);
                    sum.add(&wide);
                }
                self.voices += 1;
            }
            Turn::Starved => {}
            Turn::Over(end) => self.end_playback(end, reports),
        }
    }

    fn record_sum(&mut self, due: Moment) {
        if self.recorders.is_empty() {
            return;
        }
        let header = Header {
            marker: false,
            payload_type: Pt(0),
            sequence: Seq(self.frames as u16),
            timestamp: self.frames.wrapping_mul(FRAME as u32),
            ssrc: Ssrc(0),
        };
        self.frames = self.frames.wrapping_add(1);
        let samples = self.sum.limited();
        let arrived = Moment(due.0 + FRAME_NANOS);
        let mut index = 0;
        while let Some(recorder) = self.recorders.get_mut(index) {
            recorder.hear(&header, &samples, arrived);
            match recorder.advance(due) {
                Progress::Running => index += 1,
                Progress::Over(end) => self.recorders.remove(index).finish(Some(end), due),
                Progress::Failed => drop(self.recorders.remove(index)),
            }
        }
    }

    /// Give each what it is to hear.
    fn speak(&mut self, lines: &mut [Option<Box<Line>>], due: Moment, reports: &mut Reports) {
        let mut shared = Shared::default();
        let has_whispers = self
            .members
            .iter()
            .any(|member| member.sounds && member.membership.speaks_to.is_some());
        for member in &self.members {
            let of_peer = match member.membership.is_fed() {
                true => None,
                false => voice_of_peer(lines, member.place, due).map(Frame::Voice),
            };
            let Some(line) = lines[member.place as usize].as_mut() else {
                continue;
            };
            let frame = match line.leg.codec().filter(|_| !member.membership.is_deaf) {
                Some(codec) if has_whispers => self.with_whispers(member, codec),
                Some(codec) => self.for_member(member, codec, &mut shared),
                None => of_peer,
            };
            let mut packet = [0; MAX_PACKET];
            let reports = reports.of(member.id);
            let said = frame.as_ref().map(Frame::said);
            let mut next = line.leg.room_frame(due, said, &mut packet, reports);
            while let Some(outgoing) = next {
                line.send(&mut packet, &outgoing, due);
                next = line.leg.more(&mut packet);
            }
        }
    }

    /// The sum without the member's own voice; None: that is silence.
    fn for_member(&self, member: &Member, codec: Codec, shared: &mut Shared) -> Option<Frame> {
        let is_in_sum = member.is_in_sum();
        if self.voices <= usize::from(is_in_sum) {
            return None;
        }
        if let (Some(sum), Some(wide), Rate::Wide) = (&self.wide, &member.wide, codec.rate()) {
            let heard = match is_in_sum {
                true => sum.without(&wide.voice).limited(),
                false => *shared.wide.get_or_insert_with(|| sum.limited()),
            };
            return Some(Frame::Voice(Voice::of(&heard, Rate::Wide)));
        }
        Some(match is_in_sum {
            true => Frame::of(&self.sum.without(&member.voice), codec),
            false => shared.of(&self.sum, codec),
        })
    }

    /// The same, and what is said to it alone.
    fn with_whispers(&self, member: &Member, codec: Codec) -> Option<Frame> {
        let is_in_sum = member.is_in_sum();
        let says_to_it =
            |other: &&Member| other.sounds && other.membership.speaks_to == Some(member.id);
        let whispers = self.members.iter().filter(says_to_it);
        if self.voices + whispers.clone().count() <= usize::from(is_in_sum) {
            return None;
        }
        if let (Some(sum), Some(wide), Rate::Wide) = (&self.wide, &member.wide, codec.rate()) {
            let mut sum = match is_in_sum {
                true => sum.without(&wide.voice),
                false => (**sum).clone(),
            };
            for wide in whispers.filter_map(|other| other.wide.as_ref()) {
                sum.add(&wide.voice);
            }
            return Some(Frame::Voice(Voice::of(&sum.limited(), Rate::Wide)));
        }
        let mut sum = match is_in_sum {
            true => self.sum.without(&member.voice),
            false => self.sum.clone(),
        };
        whispers.for_each(|other| sum.add(&other.voice));
        Some(Frame::of(&sum, codec))
    }

    fn end_playback(&mut self, end: PlaybackEnd, reports: &mut Reports) {
        if let Some(player) = self.player.take() {
            reports.of(self.id).push(Report::PlaybackFinished {
                playback: player.name,
                heard_ms: player.samples_sent / 8,
                end,
            });
        }
    }

    fn find(&mut self, id: LegId) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.id == id)
    }
}

impl Member {
    /// What it says just now, at 8 kHz and, where the room has that, at 16; false: nothing.
    fn hear(&mut self, line: &mut Line, due: Moment, reports: &mut Reports) -> bool {
        let Some(wide) = &mut self.wide else {
            return line.leg.hear_turn(&mut self.voice, due, reports);
        };
        if line.leg.rate() == Rate::Narrow {
            let is_there = line.leg.hear_turn(&mut self.voice, due, reports);
            wide.up.run(&self.voice, &mut wide.voice);
            return is_there;
        }
        let is_there = line.leg.hear_turn(&mut wide.voice, due, reports);
        wide.down.run(&wide.voice, &mut self.voice);
        is_there
    }

    /// Make its voice as loud as it is to be.
    fn raise(&mut self) {
        self.membership.gain.apply(&mut self.voice);
        if let Some(wide) = &mut self.wide {
            self.membership.gain.apply(&mut wide.voice);
        }
    }

    fn is_in_sum(&self) -> bool {
        self.sounds && self.membership.speaks_to.is_none()
    }
}
