//! Legs that hear each other, mixed: everybody hears all but itself.
//!
//! A room lives on one media thread, with all its members. Every 20 ms it takes a frame of each member's jitter buffer, adds up
//! those that sound, and gives each member the sum without itself. Those that do not sound share one encoded frame, so that a
//! thousand listeners cost no more than their packets. While nobody sounds nothing is sent but each leg's own second of silence.
//!
//! A member may be relayed with another leg all the while (`is_tapped`): the room hears it, and it is given the room's sound
//! instead of the relay's unless it is deaf. So somebody may listen in on two who talk, and they hear nothing of it.

use super::clock::{Moment, FRAME, FRAME_NANOS};
use super::command::Change;
use super::g711::Law;
use super::leg::MAX_PACKET;
use super::line::Line;
use super::mixer::{Gain, Sum};
use super::player::{Loading, PlaySpec, Player, Readiness, Turn};
use super::recorder::{Progress, Recorder};
use super::report::{LegId, PlaybackEnd, RecordingEnd, Report, Reports};
use super::rtp::{Header, Pt, Seq, Ssrc};
use super::sound::SoundWatch;

/// Recordings of one room at a time.
const MAX_RECORDINGS: usize = 8;

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
    /// How many voices are in the sum.
    voices: usize,
    player: Option<Box<Player>>,
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
    /// Its voice is in this turn's sum, or whispered.
    sounds: bool,
}

/// The frames that several members hear, each encoded once.
#[derive(Default)]
struct Shared {
    mu: Option<[u8; FRAME]>,
    a: Option<[u8; FRAME]>,
}

impl Shared {
    fn of(&mut self, sum: &Sum, law: Law) -> [u8; FRAME] {
        let place = match law {
            Law::Mu => &mut self.mu,
            Law::A => &mut self.a,
        };
        *place.get_or_insert_with(|| sum.compressed(law))
    }
}

impl Room {
    /// Nobody is in it.
    pub fn new(id: LegId) -> Self {
        Room {
            id,
            members: Vec::new(),
            sum: Sum::default(),
            voices: 0,
            player: None,
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
            sounds: false,
        });
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

    /// The turn of 20 ms, for all members.
    pub fn turn(&mut self, lines: &mut [Option<Box<Line>>], due: Moment, reports: &mut Reports) {
        self.listen(lines, due, reports);
        self.sound_playback(reports.of(self.id));
        self.record_sum(due);
        self.speak(lines, due, reports);
    }

    /// Take a frame of each, and add up those that sound.
    fn listen(&mut self, lines: &mut [Option<Box<Line>>], due: Moment, reports: &mut Reports) {
        self.sum = Sum::default();
        self.voices = 0;
        for member in &mut self.members {
            let Some(line) = lines[member.place as usize].as_mut() else {
                continue;
            };
            let reports = reports.of(member.id);
            let is_there = line.leg.hear_turn(&mut member.voice, due, reports);
            if is_there {
                member.talk.hear(&member.voice, due, reports);
            }
            member.talk.advance(due, reports);
            member.sounds =
                is_there && !member.membership.is_muted && member.talk.is_near_sound(due);
            if member.sounds {
                member.membership.gain.apply(&mut member.voice);
                if member.membership.speaks_to.is_none() {
                    self.sum.add(&member.voice);
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
            let Some(line) = lines[member.place as usize].as_mut() else {
                continue;
            };
            let octets = match line.leg.law().filter(|_| !member.membership.is_deaf) {
                Some(law) if has_whispers => self.with_whispers(member, law),
                Some(law) => self.for_member(member, law, &mut shared),
                None => None,
            };
            let mut packet = [0; MAX_PACKET];
            let reports = reports.of(member.id);
            let mut next = line
                .leg
                .room_frame(due, octets.as_ref(), &mut packet, reports);
            while let Some(outgoing) = next {
                line.send(&mut packet, &outgoing, due);
                next = line.leg.more(&mut packet);
            }
        }
    }

    /// The sum without the member's own voice; None: that is silence.
    fn for_member(&self, member: &Member, law: Law, shared: &mut Shared) -> Option<[u8; FRAME]> {
        if !member.is_in_sum() {
            return (self.voices > 0).then(|| shared.of(&self.sum, law));
        }
        (self.voices > 1).then(|| self.sum.without(&member.voice).compressed(law))
    }

    /// The same, and what is said to it alone.
    fn with_whispers(&self, member: &Member, law: Law) -> Option<[u8; FRAME]> {
        let own = usize::from(member.is_in_sum());
        let mut voices = self.voices - own;
        let mut sum = if own > 0 {
            self.sum.without(&member.voice)
        } else {
            self.sum.clone()
        };
        for other in &self.members {
            if other.sounds && other.membership.speaks_to == Some(member.id) {
                sum.add(&other.voice);
                voices += 1;
            }
        }
        (voices > 0).then(|| sum.compressed(law))
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
    fn is_in_sum(&self) -> bool {
        self.sounds && self.membership.speaks_to.is_none()
    }
}
