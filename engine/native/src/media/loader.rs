//! Files are read and decoded here, on threads of their own, and kept while there is room: the media thread never waits.
//!
//! Long ones are read while they are played: whoever plays one has a feed, which is looked after here.

use std::collections::VecDeque;
use std::io;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::clip::Clip;
use super::library::{self, Library, Recording};
use super::lock::Lock;
use super::player::{Loading, Voice};
use super::raw::Raw;
use super::reel::{Block, Feed};
use super::report::LegId;
use super::tone::{Tone, ToneSpec};

/// Two, so that one very long file does not hold up all prompts.
const THREADS: usize = 2;
/// Playbacks that may wait for their files.
const MAX_WAITING: usize = 10_000;
/// How often it is looked what long files are wanted of, while any plays: a block lasts for four seconds.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// One source as it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceSpec {
    /// A file, and what raw samples it holds, if its name does not say so.
    File(PathBuf, Option<Raw>),
    /// A tone.
    Tone(ToneSpec),
    /// Silence of so many ms.
    Silence(u32),
}

/// Reads files for everybody.
pub struct Loader {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    queue: Lock<Queue>,
    more: Condvar,
    library: Lock<Library>,
    /// Who is told that its files are there.
    tell: Box<dyn Fn(LegId) + Send + Sync>,
}

struct Job {
    leg: LegId,
    sources: Vec<SourceSpec>,
    loading: Loading,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    feeds: Vec<Weak<Feed>>,
    is_over: bool,
}

impl Loader {
    /// With its threads. `tell` is called, on one of them, when a leg's files are there, or cannot be had.
    pub fn start(tell: impl Fn(LegId) + Send + Sync + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Lock::default(),
            more: Condvar::default(),
            library: Lock::default(),
            tell: Box::new(tell),
        });
        let threads = (0..THREADS)
            .map(|_| {
                let shared = shared.clone();
                thread::Builder::new()
                    .name("media-loader".into())
                    .spawn(move || shared.run())
            })
            .collect::<io::Result<_>>()?;
        Ok(Loader { shared, threads })
    }

    /// Make a leg's sources ready. Without a file among them they are so at once, and it is told nothing.
    pub fn load(&self, leg: LegId, sources: Vec<SourceSpec>) -> Loading {
        let loading = Loading::default();
        if sources
            .iter()
            .all(|source| !matches!(source, SourceSpec::File(..)))
        {
            let _ = loading.set(voices(&sources, &self.shared.library)); // of no file
            return loading;
        }
        let mut queue = self.shared.queue.hold();
        if queue.jobs.len() >= MAX_WAITING || queue.is_over {
            let _ = loading.set(Err("too many playbacks wait for their files".into()));
            return loading;
        }
        queue.jobs.push_back(Job {
            leg,
            sources,
            loading: loading.clone(),
        });
        self.shared.more.notify_one();
        loading
    }

    /// End the threads; what waits fails. Gives them back to be joined.
    pub fn stop(&mut self) -> Vec<JoinHandle<()>> {
        let mut queue = self.shared.queue.hold();
        queue.is_over = true;
        for job in queue.jobs.drain(..) {
            let _ = job.loading.set(Err("the media engine is closed".into()));
        }
        self.shared.more.notify_all();
        std::mem::take(&mut self.threads)
    }
}

impl Shared {
    fn run(&self) {
        let mut queue = self.queue.hold();
        while !queue.is_over {
            if let Some((feed, index)) = queue.hungry() {
                drop(queue);
                self.feed(&feed, index);
            } else if let Some(job) = queue.jobs.pop_front() {
                drop(queue);
                self.load(&job);
                (self.tell)(job.leg);
            } else {
                queue = self.wait(queue);
                continue;
            }
            queue = self.queue.hold();
        }
    }

    fn wait<'a>(&self, queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        if queue.feeds.is_empty() {
            return self
                .more
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let (queue, _) = self
            .more
            .wait_timeout(queue, LOOK_EVERY)
            .unwrap_or_else(PoisonError::into_inner);
        queue
    }

    fn load(&self, job: &Job) {
        let result = voices(&job.sources, &self.library);
        let feeds = result.iter().flatten().filter_map(|voice| match voice {
            Voice::Reel(feed) => Some(feed),
            _ => None,
        });
        let mut queue = self.queue.hold();
        queue.feeds.extend(feeds.map(Arc::downgrade));
        if !queue.feeds.is_empty() {
            self.more.notify_all(); // from now on all look after them
        }
        drop(queue);
        let _ = job.loading.set(result);
    }

    fn feed(&self, feed: &Feed, index: u64) {
        let block = catch_unwind(AssertUnwindSafe(|| {
            library::block(feed.reel(), index, &self.library)
        }));
        feed.bring(
            index,
            block.unwrap_or_else(|_| Block {
                clip: Clip::new(Vec::new()),
                fault: Some(fell_over(feed.reel().path()).into()),
            }),
        );
    }
}

impl Queue {
    /// One that wants a block that nobody brings. Those that nobody plays any more are forgotten.
    fn hungry(&mut self) -> Option<(Arc<Feed>, u64)> {
        let mut found = None;
        self.feeds.retain(|feed| match feed.upgrade() {
            Some(feed) if found.is_none() => {
                found = feed.hunger().map(|index| (feed, index));
                true
            }
            other => other.is_some(),
        });
        found
    }
}

fn voices(sources: &[SourceSpec], library: &Lock<Library>) -> Result<Vec<Voice>, String> {
    let mut voices = Vec::with_capacity(sources.len());
    for source in sources {
        match source {
            SourceSpec::File(path, raw) => match recording(path, *raw, library)? {
                Recording::Long(reel) => voices.push(Voice::Reel(Feed::new(reel))),
                Recording::Short(block) => {
                    voices.push(Voice::Clip(block.clip));
                    voices.extend(block.fault.map(Voice::Broken));
                }
            },
            SourceSpec::Silence(milliseconds) => {
                voices.push(Voice::Silence(u64::from(*milliseconds) * 8));
            }
            SourceSpec::Tone(spec) => voices.push(Voice::Tone(
                Tone::new(spec),
                spec.duration_ms
                    .map(|milliseconds| u64::from(milliseconds) * 8),
            )),
        }
    }
    Ok(voices)
}

/// A decoder that falls over a file must not take the other files' loader with it.
fn recording(path: &Path, raw: Option<Raw>, library: &Lock<Library>) -> Result<Recording, String> {
    catch_unwind(AssertUnwindSafe(|| library::open(path, raw, library)))
        .unwrap_or_else(|_| Err(fell_over(path)))
}

fn fell_over(path: &Path) -> String {
    format!(
        "{}: it could not be decoded (a defect of ours)",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::super::clip::Clip;
    use super::super::clock::FRAME;
    use super::super::command::Change;
    use super::super::player::{PlaySpec, Player, Readiness, Turn};
    use super::super::report::PlaybackEnd;
    use super::super::testing::{until, Folder};
    use super::super::wav;
    use super::*;

    fn wav_of(samples: &[i16]) -> Vec<u8> {
        let mut file = wav::header(samples.len() as u64, 1).to_vec();
        file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        file
    }

    fn load(loader: &Loader, path: &Path) -> Result<Arc<Clip>, String> {
        let loading = loader.load(LegId(1), vec![SourceSpec::File(path.to_owned(), None)]);
        until("the file is loaded", || loading.get().is_some());
        match loading.get().unwrap().clone()?.remove(0) {
            Voice::Clip(clip) => Ok(clip),
            other => panic!("{other:?}"),
        }
    }

    fn stop(mut loader: Loader) {
        for thread in loader.stop() {
            thread.join().unwrap();
        }
    }

    #[test]
    fn a_file_is_decoded_once_and_again_when_it_changed() {
        let folder = Folder::new();
        let path = folder.path("prompt.wav");
        fs::write(&path, wav_of(&[1, 2, 3])).unwrap();
        let loader = Loader::start(|_| {}).unwrap();
        let first = load(&loader, &path).unwrap();
        assert!(Arc::ptr_eq(&first, &load(&loader, &path).unwrap()));
        fs::write(&path, wav_of(&[4, 5, 6, 7])).unwrap();
        assert_eq!(load(&loader, &path).unwrap().samples(), [4, 5, 6, 7]);
        stop(loader);
    }

    #[test]
    fn what_cannot_be_read_names_the_file_and_the_reason() {
        let folder = Folder::new();
        let (missing, text) = (folder.path("missing.wav"), folder.path("text.wav"));
        fs::write(&text, "hello").unwrap();
        let loader = Loader::start(|_| {}).unwrap();
        let error = load(&loader, &missing).unwrap_err();
        assert_eq!(
            error,
            format!("{}: No such file or directory", missing.display())
        );
        assert!(load(&loader, &text)
            .unwrap_err()
            .contains("text.wav: expected a WAV, MP3, Ogg or FLAC file"));
        assert!(load(&loader, &folder.path(""))
            .unwrap_err()
            .contains("expected a file"));
        stop(loader);
    }

    #[test]
    fn what_needs_no_file_is_ready_at_once() {
        let loader = Loader::start(|_| {}).unwrap();
        let loading = loader.load(LegId(1), vec![SourceSpec::Silence(20)]);
        assert_eq!(
            loading.get().unwrap().as_ref().unwrap()[0].length(),
            Some(160)
        );
        stop(loader);
    }

    /// A player of a file, begun.
    fn play(loader: &Loader, path: &Path) -> Player {
        let spec = PlaySpec {
            name: "p".into(),
            repeat: 1,
            gain_db: 0.0,
            offset_ms: 0,
            fades_ms: [0, 0],
        };
        let loading = loader.load(LegId(1), vec![SourceSpec::File(path.to_owned(), None)]);
        until("the file is loaded", || loading.get().is_some());
        let mut player = Player::new(spec, loading);
        assert_eq!(player.ready(true), Readiness::Started);
        player
    }

    /// The next frame; waited for if it is not there yet.
    fn frame(player: &mut Player) -> Result<[i16; FRAME], PlaybackEnd> {
        let mut samples = [0; FRAME];
        let mut turn = Turn::Starved;
        until("the next part is there", || {
            turn = player.fill(&mut samples);
            turn != Turn::Starved
        });
        match turn {
            Turn::Over(end) => Err(end),
            _ => Ok(samples),
        }
    }

    const LONG: usize = 8000 * 125;

    fn long(folder: &Folder, name: &str) -> PathBuf {
        let path = folder.path(name);
        let sample = |n: usize| (n % 30_000) as i16;
        let octets = (0..LONG).flat_map(|n| sample(n).to_le_bytes());
        fs::write(&path, octets.collect::<Vec<u8>>()).unwrap();
        path
    }

    #[test]
    fn a_long_file_is_read_while_it_is_played_and_not_kept_as_a_whole() {
        let folder = Folder::new();
        let path = long(&folder, "long.sln");
        let loader = Loader::start(|_| {}).unwrap();
        let mut player = play(&loader, &path);
        for number in 0..LONG / FRAME {
            let expected: Vec<i16> = (0..FRAME)
                .map(|n| ((number * FRAME + n) % 30_000) as i16)
                .collect();
            assert!(
                frame(&mut player).unwrap()[..] == expected,
                "frame {number}"
            );
        }
        assert_eq!(frame(&mut player), Err(PlaybackEnd::Completed));
        drop(player);
        until("nobody plays it any more", || {
            let mut queue = loader.shared.queue.hold();
            queue.hungry().is_none() && queue.feeds.is_empty()
        });
        stop(loader);
    }

    #[test]
    fn in_a_long_file_it_goes_on_and_back() {
        let folder = Folder::new();
        let path = long(&folder, "long.sln");
        let loader = Loader::start(|_| {}).unwrap();
        let mut player = play(&loader, &path);
        for (seek_ms, place) in [
            (100_000, 800_000),
            (-50_020, 400_000),
            (74_980, 999_840 + 160),
        ] {
            player.change(&Change {
                seek_ms: Some(seek_ms),
                ..Change::default()
            });
            let first = frame(&mut player).map(|samples| samples[0]);
            let expected = (place < LONG).then_some((place % 30_000) as i16);
            assert_eq!(first.ok(), expected, "at {place}");
        }
        stop(loader);
    }

    #[test]
    fn a_long_file_that_goes_away_breaks_off() {
        let folder = Folder::new();
        let path = long(&folder, "long.sln");
        let loader = Loader::start(|_| {}).unwrap();
        let mut player = play(&loader, &path);
        fs::write(&path, [0; 64]).unwrap(); // the tape goes on where there is nothing now
        let mut frames = 0;
        let end = loop {
            match frame(&mut player) {
                Ok(_) => frames += 1,
                Err(end) => break end,
            }
        };
        assert!(frames < LONG / FRAME, "{frames} frames");
        assert_ne!(end, PlaybackEnd::Stopped);
        stop(loader);
    }

    #[test]
    fn after_a_broken_file_nothing_is_heard_and_it_is_named() {
        let folder = Folder::new();
        let (whole, broken) = (folder.path("whole.wav"), folder.path("broken.wav"));
        fs::write(&whole, wav_of(&[7; 800])).unwrap();
        let file = wav_of(&[8; 1600]);
        fs::write(&broken, &file[..file.len() - 1600]).unwrap();
        let loader = Loader::start(|_| {}).unwrap();
        let file = |path: &PathBuf| SourceSpec::File(path.clone(), None);
        let loading = loader.load(LegId(1), vec![file(&whole), file(&broken), file(&whole)]);
        until("the files are loaded", || loading.get().is_some());
        let spec = PlaySpec {
            name: "p".into(),
            repeat: 1,
            gain_db: 0.0,
            offset_ms: 0,
            fades_ms: [0, 0],
        };
        let mut player = Player::new(spec, loading);
        assert_eq!(player.ready(true), Readiness::Started);
        let frames: Vec<i16> = (0..10).map(|_| frame(&mut player).unwrap()[0]).collect();
        assert_eq!(frames, [7, 7, 7, 7, 7, 8, 8, 8, 8, 8]);
        let error = format!(
            "{}: it is cut off: expected 0.2 s, got 0.1 s",
            broken.display()
        );
        assert_eq!(frame(&mut player), Err(PlaybackEnd::Failed(error)));
        stop(loader);
    }
}
