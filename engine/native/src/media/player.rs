//! A playback: sources one after another, without a seam, so many times, read frame by frame.

use std::sync::{Arc, OnceLock};

use super::clip::Clip;
use super::clock::FRAME;
use super::command::Change;
use super::fade::Fade;
use super::g711::Law;
use super::reel::{Block, Feed};
use super::report::PlaybackEnd;
use super::tape::BLOCK;
use super::tone::Tone;

/// A source that is ready to be read.
#[derive(Clone, Debug)]
pub enum Voice {
    /// A file's samples, shared by all who play it.
    Clip(Arc<Clip>),
    /// A tone and its length in samples; None: endless.
    Tone(Tone, Option<u64>),
    /// Silence of so many samples.
    Silence(u64),
    /// A long file, which is read while it is played.
    Reel(Arc<Feed>),
    /// Where a file breaks off, and why: nothing after it is heard.
    Broken(Arc<str>),
}

impl Voice {
    /// In samples; None: endless.
    pub fn length(&self) -> Option<u64> {
        match self {
            Voice::Clip(clip) => Some(clip.samples().len() as u64),
            Voice::Tone(_, length) => *length,
            Voice::Silence(length) => Some(*length),
            Voice::Reel(feed) => Some(feed.reel().length()),
            Voice::Broken(_) => None,
        }
    }
}

/// What a loader made of the sources, or why it could not. Set once; the leg looks at each of its frames.
pub type Loading = Arc<OnceLock<Result<Vec<Voice>, String>>>;

/// How a playback is to be played.
#[derive(Clone, Debug)]
pub struct PlaySpec {
    /// Its name in reports.
    pub name: String,
    /// 0: for ever.
    pub repeat: u32,
    /// Louder or softer.
    pub gain_db: f32,
    /// How far in it begins: into the first round, or, for ever, into as many as that takes.
    pub offset_ms: u64,
    /// How long it takes until it is as loud as it is to be, and how long it grows softer before its end.
    pub fades_ms: [u64; 2],
}

/// A playback that runs, or waits for its files.
#[derive(Debug)]
pub struct Player {
    /// Its name in reports.
    pub name: String,
    /// Samples really sent.
    pub samples_sent: u64,
    loading: Loading,
    voices: Vec<Voice>,
    has_started: bool,
    is_paused: bool,
    index: usize,
    position: u64,
    rounds_left: Option<u32>,
    offset: u64,
    gain: Gain,
    fade: Fade,
    /// The block of a long file that sounds: of which voice, and which.
    held: Option<(usize, u64, Block)>,
}

/// What `Player::fill` found.
#[derive(Debug, PartialEq, Eq)]
pub enum Turn {
    /// A frame, its end filled up with silence.
    Frame,
    /// The file's next part is not there yet.
    Starved,
    /// Nothing is left.
    Over(PlaybackEnd),
}

/// Some of a voice.
enum Part {
    Samples(usize),
    Starved,
    End,
    Broken(Arc<str>),
}

/// What `Player::ready` finds.
#[derive(Debug, PartialEq, Eq)]
pub enum Readiness {
    /// The files are not there yet, or it may not begin.
    Waiting,
    /// It can be read, and could not before.
    Started,
    /// It can be read, as before.
    Running,
    /// It never will be.
    Failed(String),
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Gain(Option<f32>);

impl Gain {
    fn of_db(db: f32) -> Self {
        let is_none = db == 0.0 || !db.is_finite();
        Gain((!is_none).then(|| 10f32.powf(db.clamp(-100.0, 40.0) / 20.0)))
    }

    fn apply(self, samples: &mut [i16]) {
        if let Some(factor) = self.0 {
            for sample in samples {
                *sample = (f32::from(*sample) * factor).clamp(-32768.0, 32767.0) as i16;
            }
        }
    }
}

impl Player {
    /// A playback of what `loading` will bring.
    pub fn new(spec: PlaySpec, loading: Loading) -> Self {
        Player {
            name: spec.name,
            samples_sent: 0,
            loading,
            voices: Vec::new(),
            has_started: false,
            is_paused: false,
            index: 0,
            position: 0,
            rounds_left: (spec.repeat > 0).then_some(spec.repeat),
            offset: spec.offset_ms.saturating_mul(8),
            gain: Gain::of_db(spec.gain_db),
            fade: Fade::new(spec.fades_ms),
            held: None,
        }
    }

    /// True once it can be heard: from then on it has the stage.
    pub fn has_started(&self) -> bool {
        self.has_started
    }

    /// True while it waits to be let go on.
    pub fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// Be different from now on.
    pub fn change(&mut self, change: &Change) {
        if let Some(is_paused) = change.is_paused {
            self.is_paused = is_paused && !self.fade.is_ending();
        }
        if let Some(gain_db) = change.gain_db {
            self.gain = Gain::of_db(gain_db);
        }
        if let Some(milliseconds) = change.seek_ms {
            let place = self.place();
            self.offset = place.saturating_add_signed(milliseconds.saturating_mul(8));
            if self.has_started {
                self.go_to_offset();
            }
        }
    }

    /// Look whether the files are there, and begin if it may. The voices are copied once, at the start; their samples
    /// are shared.
    pub fn ready(&mut self, may_start: bool) -> Readiness {
        if self.has_started {
            return Readiness::Running;
        }
        match self.loading.get() {
            None => Readiness::Waiting,
            Some(Err(error)) => Readiness::Failed(error.clone()),
            Some(Ok(_)) if !may_start => Readiness::Waiting,
            Some(Ok(voices)) => {
                self.voices.clone_from(voices);
                self.has_started = true;
                self.begin();
                Readiness::Started
            }
        }
    }

    /// Grow softer and end; true: it ends at once.
    pub fn stop(&mut self) -> bool {
        !self.has_started || self.is_paused || !self.fade.end()
    }

    /// The next frame, if there is one.
    pub fn fill(&mut self, samples: &mut [i16; FRAME]) -> Turn {
        let left = self.left_to_fade();
        let (mut filled, mut end) = (0, PlaybackEnd::Completed);
        while filled < FRAME && self.seek() {
            match self.pour(&mut samples[filled..]) {
                Part::Samples(count) => {
                    self.position += count as u64;
                    filled += count;
                }
                Part::End => (self.index, self.position) = (self.index + 1, 0),
                Part::Starved if filled == 0 => return Turn::Starved,
                Part::Starved => break,
                Part::Broken(fault) => {
                    end = PlaybackEnd::Failed(fault.to_string());
                    break;
                }
            }
        }
        if filled == 0 {
            return Turn::Over(end);
        }
        samples[filled..].fill(0);
        self.gain.apply(&mut samples[..filled]);
        if self.fade.apply(&mut samples[..filled], left) {
            Turn::Frame
        } else {
            Turn::Over(PlaybackEnd::Stopped)
        }
    }

    /// The next frame as it was compressed once for all, where it lies whole in one clip and is as loud as that.
    pub fn coded(&mut self, law: Law) -> Option<&[u8]> {
        if self.gain.0.is_some() || !self.seek() || self.fade.is_near(self.left_to_fade()) {
            return None;
        }
        let start = match &self.voices[self.index] {
            Voice::Clip(_) => self.position,
            Voice::Reel(_) => {
                self.hold().ok()?;
                self.position % BLOCK
            }
            _ => return None,
        } as usize;
        let clip = match &self.voices[self.index] {
            Voice::Clip(clip) => clip,
            _ => &self.held.as_ref()?.2.clip,
        };
        let frame = clip.coded(law).get(start..start + FRAME)?;
        self.position += FRAME as u64;
        self.fade.pass();
        Some(frame)
    }

    /// The next samples of the voice that sounds.
    fn pour(&mut self, samples: &mut [i16]) -> Part {
        let position = self.position;
        let left = |length: u64| samples.len().min((length - position) as usize);
        match &self.voices[self.index] {
            Voice::Clip(clip) => {
                let (start, count) = (position as usize, left(clip.samples().len() as u64));
                samples[..count].copy_from_slice(&clip.samples()[start..start + count]);
                Part::Samples(count)
            }
            Voice::Tone(tone, length) => {
                let count = left(length.unwrap_or(u64::MAX));
                tone.fill(position, &mut samples[..count]);
                Part::Samples(count)
            }
            Voice::Silence(length) => {
                let count = left(*length);
                samples[..count].fill(0);
                Part::Samples(count)
            }
            Voice::Broken(fault) => Part::Broken(fault.clone()),
            Voice::Reel(_) => {
                let start = (position % BLOCK) as usize;
                match self.hold() {
                    Err(part) => part,
                    Ok(block) => {
                        let there = block.clip.samples().get(start..).unwrap_or_default();
                        let count = samples.len().min(there.len());
                        samples[..count].copy_from_slice(&there[..count]);
                        match (&block.fault, count) {
                            (Some(fault), 0) => Part::Broken(fault.clone()),
                            (None, 0) => Part::End, // shorter than its file says, by less than it can be blamed for
                            _ => Part::Samples(count),
                        }
                    }
                }
            }
        }
    }

    /// The block of the long file that sounds, at the place where it does.
    fn hold(&mut self) -> Result<&Block, Part> {
        let (voice, index) = (self.index, self.position / BLOCK);
        let Voice::Reel(feed) = &self.voices[voice] else {
            return Err(Part::End);
        };
        let is_held = |held: &(usize, u64, Block)| (held.0, held.1) == (voice, index);
        if !self.held.as_ref().is_some_and(is_held) {
            let block = feed.take(index).ok_or(Part::Starved)?;
            self.held = Some((voice, index, block));
        }
        self.held.as_ref().map(|held| &held.2).ok_or(Part::End)
    }

    /// How many samples are left until the end of all rounds, if that matters and can be known.
    fn left_to_fade(&self) -> Option<u64> {
        if !self.fade.has_end() {
            return None;
        }
        let rounds = u64::from(self.rounds_left?);
        let round = self
            .voices
            .iter()
            .try_fold(0, |sum, voice| Some(sum + voice.length()?))?;
        Some((round * rounds).saturating_sub(self.place()))
    }

    /// Skip the offset, and make a playback without a single sample end.
    fn begin(&mut self) {
        if self.voices.iter().all(|voice| voice.length() == Some(0)) {
            self.voices.clear();
        }
        let round: Option<u64> = self.voices.iter().map(Voice::length).sum(); // None: endless, or broken
        if let (None, Some(round @ 1..)) = (self.rounds_left, round) {
            self.offset %= round; // for ever: the offset counts round after round
        }
        self.go_to_offset();
    }

    /// How far into its round it is, in samples.
    fn place(&self) -> u64 {
        let before: u64 = self
            .voices
            .iter()
            .take(self.index)
            .filter_map(Voice::length)
            .sum();
        before + self.position + self.offset
    }

    /// Go to `offset` in the round that plays; past its end is its end.
    fn go_to_offset(&mut self) {
        (self.index, self.position) = (0, 0);
        while self.offset > 0 && self.index < self.voices.len() {
            match self.voices[self.index].length() {
                Some(length) if length <= self.offset => {
                    self.offset -= length;
                    self.index += 1;
                }
                _ => {
                    self.position = self.offset;
                    self.offset = 0;
                }
            }
        }
        self.offset = 0;
    }

    /// Go on to the voice that has a sample left, in this round or the next; false: it is over.
    fn seek(&mut self) -> bool {
        if self.voices.is_empty() {
            return false;
        }
        loop {
            if self.index >= self.voices.len() {
                if let Some(left) = &mut self.rounds_left {
                    *left = left.saturating_sub(1);
                    if *left == 0 {
                        return false;
                    }
                }
                self.index = 0;
                self.position = 0;
            }
            if self.voices[self.index]
                .length()
                .is_some_and(|length| self.position >= length)
            {
                self.index += 1;
                self.position = 0;
                continue;
            }
            return true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tone::ToneSpec;
    use super::*;

    fn spec(repeat: u32, offset_ms: u64) -> PlaySpec {
        PlaySpec {
            name: "p".into(),
            repeat,
            gain_db: 0.0,
            offset_ms,
            fades_ms: [0, 0],
        }
    }

    fn player(spec: PlaySpec, voices: Vec<Voice>) -> Player {
        let mut player = Player::new(spec, Arc::new(OnceLock::from(Ok(voices))));
        assert_eq!(player.ready(true), Readiness::Started);
        player
    }

    fn clip(samples: std::ops::Range<i16>) -> Voice {
        Voice::Clip(Clip::new(samples.collect()))
    }

    /// All samples, without the silence that fills the last frame, and the number of frames.
    fn read(player: &mut Player) -> (Vec<i16>, usize) {
        let (mut all, mut frames) = (Vec::new(), 0);
        let mut frame = [0; FRAME];
        while player.fill(&mut frame) == Turn::Frame {
            all.extend_from_slice(&frame);
            frames += 1;
            assert!(frames < 10_000);
        }
        (all, frames)
    }

    #[test]
    fn sources_follow_without_a_seam_and_the_last_frame_is_filled_up() {
        let mut player = player(
            spec(2, 0),
            vec![clip(1..101), Voice::Silence(50), clip(101..151)],
        );
        let (samples, frames) = read(&mut player);
        let round: Vec<i16> = (1..101).chain([0; 50]).chain(101..151).collect();
        assert_eq!(samples[..400], [round.clone(), round].concat());
        assert_eq!(frames, 3);
        assert!(samples[400..].iter().all(|sample| *sample == 0));
    }

    #[test]
    fn whole_frames_of_a_clip_are_there_compressed_and_the_rest_is_not() {
        let mut player = player(
            spec(2, 0),
            vec![clip(0..400), Voice::Silence(160), clip(0..80)],
        );
        let mut frame = [0; FRAME];
        let mut kinds = Vec::new();
        for _ in 0..5 {
            let first = player.coded(Law::A).map(|octets| octets[0]);
            if first.is_none() {
                assert_eq!(player.fill(&mut frame), Turn::Frame);
            }
            kinds.push(first);
        }
        let octet = |sample| Some(Law::A.compress(sample));
        assert_eq!(kinds, [octet(0), octet(160), None, None, octet(0)]); // 80 and 80 of silence, 80 and 80 of the second clip
        player.change(&Change {
            gain_db: Some(-3.0),
            ..Change::default()
        });
        assert_eq!(player.coded(Law::A), None);
    }

    #[test]
    fn the_offset_counts_in_the_first_round_only() {
        let (samples, frames) = read(&mut player(spec(2, 15), vec![clip(0..100), clip(100..200)]));
        let rest: Vec<i16> = (120..200).chain(0..200).collect();
        assert_eq!((&samples[..280], frames), (&rest[..], 2));
        let (samples, _) = read(&mut player(spec(1, 1_000_000), vec![clip(0..100)]));
        assert!(samples.is_empty());
    }

    #[test]
    fn the_offset_of_what_plays_for_ever_counts_round_after_round() {
        let mut player = player(spec(0, 3 * 25 + 10), vec![clip(0..100), clip(100..200)]);
        let mut frame = [0; FRAME];
        assert_eq!(player.fill(&mut frame), Turn::Frame);
        assert_eq!((frame[0], frame[119], frame[120]), (80, 199, 0));
    }

    #[test]
    fn for_ever_and_endless_go_on() {
        let mut music = player(spec(0, 0), vec![clip(1..4)]);
        let mut frame = [0; FRAME];
        for _ in 0..500 {
            assert_eq!(music.fill(&mut frame), Turn::Frame);
        }
        let tone = Tone::new(&ToneSpec {
            frequencies: vec![440.0],
            cadence_ms: vec![],
            duration_ms: None,
            level_dbm0: -10.0,
        });
        let mut endless = player(spec(1, 50), vec![Voice::Tone(tone, None), clip(1..4)]);
        for _ in 0..500 {
            assert_eq!(endless.fill(&mut frame), Turn::Frame);
        }
        assert!(frame.iter().any(|sample| *sample != 0));
    }

    #[test]
    fn stopped_with_a_fade_it_grows_softer_first() {
        let fades = PlaySpec {
            fades_ms: [20, 40],
            ..spec(1, 0)
        };
        let mut player = player(fades, vec![Voice::Clip(Clip::new(vec![1000; 8000]))]);
        let mut frame = [0; FRAME];
        let mut firsts = Vec::new();
        for turn in 0..10 {
            if turn == 3 {
                assert!(!player.stop());
            }
            match player.fill(&mut frame) {
                Turn::Frame => firsts.push(frame[0]),
                other => {
                    assert_eq!(other, Turn::Over(PlaybackEnd::Stopped));
                    break;
                }
            }
        }
        assert_eq!(firsts, [0, 1000, 1000, 1000, 500]);
        assert!(player.stop());
    }

    #[test]
    fn it_grows_softer_before_the_end_of_its_last_round() {
        let fades = PlaySpec {
            fades_ms: [0, 20],
            ..spec(2, 0)
        };
        let mut player = player(fades, vec![Voice::Clip(Clip::new(vec![1000; 320]))]);
        let mut frame = [0; FRAME];
        let coded = player.coded(Law::A).map(<[u8]>::len);
        assert_eq!(coded, Some(FRAME));
        let mut middles = Vec::new();
        while player.fill(&mut frame) == Turn::Frame {
            middles.push(frame[80]);
        }
        assert_eq!(middles, [1000, 1000, 500]);
        assert_eq!(player.coded(Law::A), None);
    }

    #[test]
    fn at_what_is_broken_it_fails_wherever_it_is_to_begin() {
        for offset_ms in [0, 1_000_000] {
            let broken = Voice::Broken("x.mp3: it is damaged".into());
            let mut player = player(spec(0, offset_ms), vec![clip(0..160), broken, clip(0..160)]);
            let mut frame = [0; FRAME];
            while player.fill(&mut frame) == Turn::Frame {}
            let end = PlaybackEnd::Failed("x.mp3: it is damaged".into());
            assert_eq!(player.fill(&mut frame), Turn::Over(end));
        }
    }

    #[test]
    fn nothing_for_ever_ends() {
        assert_eq!(read(&mut player(spec(0, 0), vec![])).1, 0);
        assert_eq!(
            read(&mut player(spec(0, 7), vec![Voice::Silence(0), clip(0..0)])).1,
            0
        );
    }

    #[test]
    fn gain_is_applied_and_clipped() {
        let quieter = PlaySpec {
            gain_db: -6.0206,
            ..spec(1, 0)
        };
        assert_eq!(read(&mut player(quieter, vec![clip(1000..1001)])).0[0], 500);
        let louder = PlaySpec {
            gain_db: 40.0,
            ..spec(1, 0)
        };
        assert_eq!(
            read(&mut player(louder, vec![clip(1000..1001)])).0[0],
            32767
        );
    }

    #[test]
    fn it_moves_within_its_round_and_ends_past_it() {
        let change = |seek_ms| Change {
            seek_ms: Some(seek_ms),
            ..Change::default()
        };
        let mut player = player(spec(2, 0), vec![clip(0..400), clip(400..800)]);
        let mut frame = [0; FRAME];
        let mut next =
            |player: &mut Player| (player.fill(&mut frame) == Turn::Frame).then_some(frame[0]);
        assert_eq!(next(&mut player), Some(0));
        player.change(&change(40));
        assert_eq!(next(&mut player), Some(480));
        player.change(&change(-30));
        assert_eq!(next(&mut player), Some(400));
        player.change(&change(i64::MIN));
        assert_eq!(next(&mut player), Some(0));
        player.change(&change(i64::MAX));
        assert_eq!(next(&mut player), Some(0)); // of the second round
        player.change(&change(i64::MAX));
        assert_eq!(next(&mut player), None);
    }

    #[test]
    fn a_place_asked_for_before_it_is_loaded_is_kept() {
        let loading = Loading::default();
        let mut player = Player::new(spec(1, 10), loading.clone());
        player.change(&Change {
            seek_ms: Some(10),
            ..Change::default()
        });
        loading.set(Ok(vec![clip(0..400)])).unwrap();
        assert_eq!(player.ready(true), Readiness::Started);
        assert_eq!(read(&mut player).0[0], 160);
    }

    #[test]
    fn it_waits_for_its_files_and_fails_with_them() {
        let loading = Loading::default();
        let mut waiting = Player::new(spec(1, 0), loading.clone());
        assert_eq!(waiting.ready(true), Readiness::Waiting);
        assert!(!waiting.has_started());
        loading.set(Err("no such file".into())).unwrap();
        assert_eq!(
            waiting.ready(true),
            Readiness::Failed("no such file".into())
        );
    }
}
