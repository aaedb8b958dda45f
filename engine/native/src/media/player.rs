//! A playback: sources one after another, without a seam, so many times, read frame by frame.

use std::sync::{Arc, OnceLock};

use super::clip::Clip;
use super::clock::FRAME;
use super::codec::Rate;
use super::command::Change;
use super::g711::Law;
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
}

impl Voice {
    /// In samples; None: endless.
    pub fn length(&self) -> Option<u64> {
        match self {
            Voice::Clip(clip) => Some(clip.samples().len() as u64),
            Voice::Tone(_, length) => *length,
            Voice::Silence(length) => Some(*length),
        }
    }

    fn fill(&self, position: u64, samples: &mut [i16], rate: Rate) {
        match (self, rate) {
            (Voice::Clip(clip), Rate::Narrow) => {
                let start = position as usize;
                samples.copy_from_slice(&clip.samples()[start..start + samples.len()]);
            }
            (Voice::Clip(clip), Rate::Wide) => clip.fill_wide(position as usize, samples),
            (Voice::Tone(tone, _), Rate::Narrow) => tone.fill(position, samples),
            (Voice::Tone(tone, _), Rate::Wide) => tone.fill_wide(position, samples),
            (Voice::Silence(_), _) => samples.fill(0),
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
            self.is_paused = is_paused;
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

    /// The next frame, its end filled up with silence; false when nothing is left.
    pub fn fill(&mut self, samples: &mut [i16; FRAME]) -> bool {
        self.fill_at(Rate::Narrow, samples)
    }

    /// The same at that rate: as many samples as a frame of it has.
    pub fn fill_at(&mut self, rate: Rate, samples: &mut [i16]) -> bool {
        let factor = rate.factor();
        let mut filled = 0;
        while filled < FRAME && self.seek() {
            let voice = &self.voices[self.index];
            let left = voice
                .length()
                .map_or(FRAME as u64, |length| length - self.position);
            let count = left.min((FRAME - filled) as u64) as usize;
            let part = &mut samples[filled * factor..(filled + count) * factor];
            voice.fill(self.position, part, rate);
            self.position += count as u64;
            filled += count;
        }
        samples[filled * factor..].fill(0);
        self.gain.apply(&mut samples[..filled * factor]);
        filled > 0
    }

    /// The next frame as it was compressed once for all, where it lies whole in one clip and is as loud as that.
    pub fn coded(&mut self, law: Law) -> Option<&[u8]> {
        if self.gain.0.is_some() || !self.seek() {
            return None;
        }
        let Voice::Clip(clip) = &self.voices[self.index] else {
            return None;
        };
        let start = self.position as usize;
        let frame = clip.coded(law).get(start..start + FRAME)?;
        self.position += FRAME as u64;
        Some(frame)
    }

    /// Skip the offset, and make a playback without a single sample end.
    fn begin(&mut self) {
        if self.voices.iter().all(|voice| voice.length() == Some(0)) {
            self.voices.clear();
        }
        let round: Option<u64> = self.voices.iter().map(Voice::length).sum();
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
        while player.fill(&mut frame) {
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
                assert!(player.fill(&mut frame));
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
        assert!(player.fill(&mut frame));
        assert_eq!((frame[0], frame[119], frame[120]), (80, 199, 0));
    }

    #[test]
    fn for_ever_and_endless_go_on() {
        let mut music = player(spec(0, 0), vec![clip(1..4)]);
        let mut frame = [0; FRAME];
        for _ in 0..500 {
            assert!(music.fill(&mut frame));
        }
        let tone = Tone::new(&ToneSpec {
            frequencies: vec![440.0],
            cadence_ms: vec![],
            duration_ms: None,
            level_dbm0: -10.0,
        });
        let mut endless = player(spec(1, 50), vec![Voice::Tone(tone, None), clip(1..4)]);
        for _ in 0..500 {
            assert!(endless.fill(&mut frame));
        }
        assert!(frame.iter().any(|sample| *sample != 0));
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
        let mut next = |player: &mut Player| player.fill(&mut frame).then_some(frame[0]);
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
