//! What a program says: sound ahead of its time, said frame by frame; and marks, which tell how far it was said.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use super::super::clock::{Moment, FRAME, SAMPLE_RATE};
use super::super::report::{Report, Reports};

/// Samples that may wait: a minute.
pub const MOST_WAITING: u64 = 60 * SAMPLE_RATE as u64;
/// Pieces of sound, and marks, that may wait.
pub const MOST_PIECES: u64 = 8192;
/// After a pause so much is to be there before it is said: what comes frame by frame comes unevenly.
const LEAD: u64 = 3 * FRAME as u64;
/// Unless it has waited so long.
const LEAD_MS: u64 = 60;

/// One thing to be said, or told.
#[derive(Debug)]
pub enum Piece {
    /// Sound.
    Sound(Vec<i16>),
    /// To be reported when all before it was said.
    Mark(u64),
}

/// How much waits and how much was said, for others to see.
#[derive(Debug, Default)]
pub struct Gauge {
    waiting: AtomicU64,
    pieces: AtomicU64,
    said: AtomicU64,
}

impl Gauge {
    /// Samples for which there is room.
    pub fn room(&self) -> u64 {
        if self.pieces.load(Ordering::Relaxed) >= MOST_PIECES {
            return 0;
        }
        MOST_WAITING.saturating_sub(self.waiting())
    }

    /// Whether there is room for one more piece.
    pub fn has_room(&self) -> bool {
        self.pieces.load(Ordering::Relaxed) < MOST_PIECES
    }

    /// Samples that wait.
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Samples that were said.
    pub fn said(&self) -> u64 {
        self.said.load(Ordering::Relaxed)
    }

    /// A piece with so many samples is on its way.
    pub fn add(&self, samples: usize) {
        self.pieces.fetch_add(1, Ordering::Relaxed);
        self.waiting.fetch_add(samples as u64, Ordering::Relaxed);
    }

    /// It did not get there.
    pub fn take_back(&self, samples: usize) {
        self.drop_samples(samples);
        self.pieces.fetch_sub(1, Ordering::Relaxed);
    }

    fn drop_samples(&self, samples: usize) {
        self.waiting.fetch_sub(samples as u64, Ordering::Relaxed);
    }
}

/// What waits to be said on one leg.
pub struct Mouth {
    /// The pipe's name in reports.
    pub name: String,
    gauge: Arc<Gauge>,
    pieces: VecDeque<Piece>,
    /// Samples of the first piece that were said.
    said: usize,
    /// Samples that wait here.
    waiting: u64,
    /// It says something, or is about to.
    is_open: bool,
    /// Since when something waits that is not begun.
    since: Option<Moment>,
}

impl Mouth {
    /// Nothing is to be said.
    pub fn new(name: String, gauge: Arc<Gauge>) -> Self {
        Mouth {
            name,
            gauge,
            pieces: VecDeque::new(),
            said: 0,
            waiting: 0,
            is_open: false,
            since: None,
        }
    }

    /// One more.
    pub fn take(&mut self, piece: Piece, now: Moment, reports: &mut Reports) {
        if let Piece::Sound(samples) = &piece {
            self.waiting += samples.len() as u64;
            self.since.get_or_insert(now);
        }
        self.pieces.push_back(piece);
        self.pass_marks(true, reports);
    }

    /// Nothing of what waits is to be said: its marks are passed, unheard.
    pub fn clear(&mut self, reports: &mut Reports) {
        while let Some(piece) = self.pieces.pop_front() {
            match piece {
                Piece::Sound(samples) => self.drop_sound(samples.len()),
                Piece::Mark(mark) => self.pass(mark, false, reports),
            }
        }
        self.is_open = false;
        self.since = None;
    }

    /// Whether it has something to say now.
    pub fn is_speaking(&mut self, now: Moment) -> bool {
        if self.waiting == 0 {
            return false;
        }
        self.is_open = self.is_open
            || self.waiting >= LEAD
            || self
                .since
                .is_some_and(|since| now.ms_since(since) >= LEAD_MS);
        self.is_open
    }

    /// Whether it speaks: nobody else on this leg does.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// The next frame of what it says, filled up with silence at its end.
    pub fn fill(&mut self, frame: &mut [i16; FRAME], reports: &mut Reports) {
        let mut filled = 0;
        while filled < FRAME {
            let Some(Piece::Sound(samples)) = self.pieces.front() else {
                break; // marks at the front are passed already
            };
            let rest = &samples[self.said..];
            let count = rest.len().min(FRAME - filled);
            frame[filled..filled + count].copy_from_slice(&rest[..count]);
            let (is_over, length) = (count == rest.len(), samples.len());
            filled += count;
            self.said += count;
            self.waiting -= count as u64;
            self.gauge.drop_samples(count);
            if is_over {
                debug_assert_eq!(self.said, length);
                self.said = 0;
                self.pieces.pop_front();
                self.gauge.pieces.fetch_sub(1, Ordering::Relaxed);
                self.pass_marks(true, reports);
            }
        }
        self.gauge.said.fetch_add(filled as u64, Ordering::Relaxed);
        frame[filled..].fill(0);
        if self.waiting == 0 {
            self.is_open = false;
            self.since = None;
        }
    }

    fn pass_marks(&mut self, is_heard: bool, reports: &mut Reports) {
        while let Some(Piece::Mark(mark)) = self.pieces.front() {
            let mark = *mark;
            self.pieces.pop_front();
            self.pass(mark, is_heard, reports);
        }
    }

    fn pass(&mut self, mark: u64, is_heard: bool, reports: &mut Reports) {
        self.gauge.pieces.fetch_sub(1, Ordering::Relaxed);
        reports.push(Report::PipeMarked {
            pipe: self.name.clone(),
            mark,
            is_heard,
        });
    }

    fn drop_sound(&mut self, length: usize) {
        let left = length - std::mem::take(&mut self.said);
        self.waiting -= left as u64;
        self.gauge.take_back(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mouth() -> (Mouth, Arc<Gauge>, Reports) {
        let gauge = Arc::new(Gauge::default());
        (
            Mouth::new("p".into(), gauge.clone()),
            gauge,
            Reports::default(),
        )
    }

    fn say(mouth: &mut Mouth, gauge: &Gauge, piece: Piece, reports: &mut Reports) {
        gauge.add(match &piece {
            Piece::Sound(samples) => samples.len(),
            Piece::Mark(_) => 0,
        });
        mouth.take(piece, Moment(0), reports);
    }

    fn marked(mark: u64, is_heard: bool) -> Report {
        Report::PipeMarked {
            pipe: "p".into(),
            mark,
            is_heard,
        }
    }

    #[test]
    fn pieces_of_any_length_are_said_without_a_seam_and_marks_pass_in_their_place() {
        let (mut mouth, gauge, mut reports) = mouth();
        say(&mut mouth, &gauge, Piece::Sound(vec![1; 100]), &mut reports);
        say(&mut mouth, &gauge, Piece::Mark(1), &mut reports);
        say(&mut mouth, &gauge, Piece::Sound(vec![2; 500]), &mut reports);
        say(&mut mouth, &gauge, Piece::Mark(2), &mut reports);
        assert!(reports.take().is_empty());
        let mut frame = [0; FRAME];
        assert!(mouth.is_speaking(Moment(0)));
        mouth.fill(&mut frame, &mut reports);
        assert_eq!((frame[99], frame[100], frame[159]), (1, 2, 2));
        assert_eq!(reports.take(), [marked(1, true)]);
        for _ in 0..3 {
            assert!(mouth.is_speaking(Moment(0)));
            mouth.fill(&mut frame, &mut reports);
        }
        assert_eq!((frame[119], frame[120]), (2, 0)); // 600 samples are three frames and 120
        assert_eq!(reports.take(), [marked(2, true)]);
        assert!(!mouth.is_speaking(Moment(0)));
        assert_eq!(
            (gauge.said(), gauge.waiting(), gauge.room()),
            (600, 0, MOST_WAITING)
        );
    }

    #[test]
    fn what_comes_frame_by_frame_waits_for_its_lead_and_no_longer() {
        let (mut mouth, gauge, mut reports) = mouth();
        say(
            &mut mouth,
            &gauge,
            Piece::Sound(vec![1; FRAME]),
            &mut reports,
        );
        assert!(!mouth.is_speaking(Moment(0).plus_ms(20)));
        assert!(mouth.is_speaking(Moment(0).plus_ms(60)));
    }

    #[test]
    fn cleared_nothing_is_left_and_marks_are_told_as_unheard() {
        let (mut mouth, gauge, mut reports) = mouth();
        say(
            &mut mouth,
            &gauge,
            Piece::Sound(vec![1; 8000]),
            &mut reports,
        );
        say(&mut mouth, &gauge, Piece::Mark(7), &mut reports);
        assert!(mouth.is_speaking(Moment(0)));
        mouth.fill(&mut [0; FRAME], &mut reports);
        mouth.clear(&mut reports);
        assert_eq!(reports.take(), [marked(7, false)]);
        assert!(!mouth.is_speaking(Moment(0)) && !mouth.is_open());
        assert_eq!(
            (gauge.said(), gauge.waiting(), gauge.room()),
            (160, 0, MOST_WAITING)
        );
    }

    #[test]
    fn a_mark_with_nothing_before_it_passes_at_once() {
        let (mut mouth, gauge, mut reports) = mouth();
        say(&mut mouth, &gauge, Piece::Mark(3), &mut reports);
        assert_eq!(reports.take(), [marked(3, true)]);
    }
}
