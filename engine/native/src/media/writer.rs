//! Recordings reach the disk here, on a thread of their own, so that a slow disk never disturbs the audio.
//!
//! Each recording is written to `NAME.part`, then its header is completed, it is hashed and renamed. The writer knows first
//! and last what came of a recording, so it alone reports its end, once.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, PoisonError};
use std::thread::{self, JoinHandle};

use sha2::{Digest, Sha256};

use super::decoder::plain;
use super::lock::Lock;
use super::report::{LegId, RecordingEnd, RecordingOutcome, Report, ReportQueue};
use super::wav;

/// Samples that may wait for the disk, in octets; above it, recordings fail.
const MAX_WAITING: usize = 16 << 20;

/// Writes recordings for everybody.
pub struct Writer {
    shared: Arc<Shared>,
    next: AtomicU64,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    queue: Lock<Queue>,
    more: Condvar,
    reports: Arc<ReportQueue>,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<(u64, Job)>,
    octets: usize,
    is_over: bool,
}

enum Job {
    Open(Open),
    Samples(Vec<i16>),
    Fail(String),
    Finish(Option<RecordingEnd>, Option<Range<u64>>),
}

struct Open {
    leg: LegId,
    name: String,
    path: PathBuf,
    channels: u16,
    has_failed: Arc<AtomicBool>,
}

/// The media thread's end of one recording. Dropped unfinished, it is finished without a report.
pub struct Track {
    id: u64,
    shared: Arc<Shared>,
    has_failed: Arc<AtomicBool>,
    is_finished: bool,
}

impl Writer {
    /// With its thread. Ends are reported to `reports`.
    pub fn start(reports: Arc<ReportQueue>) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Lock::default(),
            more: Condvar::new(),
            reports,
        });
        let inner = shared.clone();
        let thread = thread::Builder::new()
            .name("media-writer".into())
            .spawn(move || inner.run())?;
        Ok(Writer {
            shared,
            next: AtomicU64::new(0),
            thread: Some(thread),
        })
    }

    /// Begin a recording of so many channels. If the file cannot be made, that is reported soon.
    pub fn open(&self, leg: LegId, name: String, path: PathBuf, channels: u16) -> Track {
        let has_failed = Arc::new(AtomicBool::new(false));
        let track = Track {
            id: self.next.fetch_add(1, Ordering::Relaxed),
            shared: self.shared.clone(),
            has_failed: has_failed.clone(),
            is_finished: false,
        };
        track.push(Job::Open(Open {
            leg,
            name,
            path,
            channels,
            has_failed,
        }));
        track
    }

    /// End the thread when all that waits is written. Gives it back to be joined.
    pub fn stop(&mut self) -> Option<JoinHandle<()>> {
        self.shared.queue.hold().is_over = true;
        self.shared.more.notify_all();
        self.thread.take()
    }
}

impl Track {
    /// The next samples, the channels' in turn. False: the recording has failed, and has been or will be reported so.
    pub fn write(&mut self, samples: Vec<i16>) -> bool {
        if self.has_failed.load(Ordering::Relaxed) {
            return false;
        }
        if self.shared.queue.hold().octets + samples.len() * 2 > MAX_WAITING {
            self.is_finished = true;
            self.push(Job::Fail("the disk is too slow".into()));
            return false;
        }
        self.push(Job::Samples(samples));
        true
    }

    /// There will be no recording, for that reason.
    pub fn fail(mut self, reason: &str) {
        self.is_finished = true;
        self.push(Job::Fail(reason.into()));
    }

    /// That was all; of it `kept` stays, in samples of a channel (None: all). It is reported once it stands under its name;
    /// without an end it is not.
    pub fn finish(mut self, end: Option<RecordingEnd>, kept: Option<Range<u64>>) {
        self.is_finished = true;
        self.push(Job::Finish(end, kept));
    }

    fn push(&self, job: Job) {
        let mut queue = self.shared.queue.hold();
        if let Job::Samples(samples) = &job {
            queue.octets += samples.len() * 2;
        }
        queue.jobs.push_back((self.id, job));
        drop(queue);
        self.shared.more.notify_one();
    }
}

impl Drop for Track {
    fn drop(&mut self) {
        if !self.is_finished {
            self.push(Job::Finish(None, None));
        }
    }
}

impl Shared {
    fn run(&self) {
        let mut files = HashMap::new();
        let mut queue = self.queue.hold();
        loop {
            let Some((id, job)) = queue.jobs.pop_front() else {
                if queue.is_over {
                    break;
                }
                queue = self
                    .more
                    .wait(queue)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            if let Job::Samples(samples) = &job {
                queue.octets -= samples.len() * 2;
            }
            drop(queue);
            self.work(&mut files, id, job);
            queue = self.queue.hold();
        }
    }

    fn work(&self, files: &mut HashMap<u64, Recording>, id: u64, job: Job) {
        match job {
            Job::Open(open) => match Recording::create(&open.path, open.channels) {
                Ok((part, file)) => {
                    files.insert(
                        id,
                        Recording {
                            open,
                            part,
                            file,
                            samples: 0,
                        },
                    );
                }
                Err(error) => self.fail(&open, 0, plain(&error)),
            },
            Job::Samples(samples) => {
                let result = files
                    .get_mut(&id)
                    .map_or(Ok(()), |recording| recording.write(&samples));
                if let Err(error) = result {
                    self.give_up(files, id, plain(&error));
                }
            }
            Job::Fail(message) => self.give_up(files, id, message),
            Job::Finish(end, kept) => {
                if let Some(recording) = files.remove(&id) {
                    self.finish(recording, end, kept);
                }
            }
        }
    }

    fn finish(
        &self,
        mut recording: Recording,
        end: Option<RecordingEnd>,
        kept: Option<Range<u64>>,
    ) {
        let cut = kept.map_or(Ok(()), |kept| recording.cut(&kept));
        match (cut.and_then(|()| recording.complete()), end) {
            (Ok(sha256), Some(end)) => {
                let duration_ms = recording.duration_ms();
                self.report(
                    &recording.open,
                    duration_ms,
                    RecordingOutcome::Saved { end, sha256 },
                );
            }
            (Ok(_), None) => {}
            (Err(error), _) => {
                let _ = fs::remove_file(&recording.part);
                self.fail(&recording.open, recording.duration_ms(), plain(&error));
            }
        }
    }

    /// What was written so far stays as `.part`: it may be all that there is of a call.
    fn give_up(&self, files: &mut HashMap<u64, Recording>, id: u64, message: String) {
        if let Some(recording) = files.remove(&id) {
            self.fail(&recording.open, recording.duration_ms(), message);
        }
    }

    fn fail(&self, open: &Open, duration_ms: u64, message: String) {
        open.has_failed.store(true, Ordering::Relaxed);
        let message = format!("{}: {message}", open.path.display());
        self.report(open, duration_ms, RecordingOutcome::Failed(message));
    }

    fn report(&self, open: &Open, duration_ms: u64, outcome: RecordingOutcome) {
        let report = Report::RecordingFinished {
            recording: open.name.clone(),
            path: open.path.clone(),
            duration_ms,
            outcome,
        };
        self.reports.push(open.leg, report);
    }
}

struct Recording {
    open: Open,
    part: PathBuf,
    file: File,
    samples: u64,
}

impl Recording {
    fn create(path: &Path, channels: u16) -> io::Result<(PathBuf, File)> {
        let name = path.file_name().ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "expected the name of a file")
        })?;
        let mut part = name.to_owned();
        part.push(".part");
        let part = path.with_file_name(part);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&part)?;
        file.write_all(&wav::header(0, channels))?;
        Ok((part, file))
    }

    fn write(&mut self, samples: &[i16]) -> io::Result<()> {
        let mut octets = Vec::with_capacity(samples.len() * 2);
        octets.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        self.file.write_all(&octets)?;
        self.samples += samples.len() as u64 / u64::from(self.open.channels);
        Ok(())
    }

    /// Leave nothing but that, which moves to the beginning.
    fn cut(&mut self, kept: &Range<u64>) -> io::Result<()> {
        let size = 2 * u64::from(self.open.channels);
        let head = wav::header(0, self.open.channels).len() as u64;
        let end = kept.end.min(self.samples);
        let (mut from, mut to) = (kept.start.min(end) * size, 0);
        let mut octets = vec![0; 1 << 16];
        while from < end * size {
            let count = octets.len().min((end * size - from) as usize);
            self.file.seek(SeekFrom::Start(head + from))?;
            self.file.read_exact(&mut octets[..count])?;
            self.file.seek(SeekFrom::Start(head + to))?;
            self.file.write_all(&octets[..count])?;
            from += count as u64;
            to += count as u64;
        }
        self.file.set_len(head + to)?;
        self.samples = to / size;
        Ok(())
    }

    fn complete(&mut self) -> io::Result<String> {
        self.file.seek(SeekFrom::Start(0))?;
        self.file
            .write_all(&wav::header(self.samples, self.open.channels))?;
        self.file.seek(SeekFrom::Start(0))?;
        let mut hash = Sha256::new();
        let mut octets = vec![0; 1 << 16];
        loop {
            let count = self.file.read(&mut octets)?;
            if count == 0 {
                break;
            }
            hash.update(&octets[..count]);
        }
        fs::rename(&self.part, &self.open.path)?;
        Ok(hash
            .finalize()
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect())
    }

    fn duration_ms(&self) -> u64 {
        self.samples / 8
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{until, Folder};
    use super::*;

    fn writer() -> (Writer, Arc<ReportQueue>) {
        let reports = Arc::new(ReportQueue::new().unwrap());
        (Writer::start(reports.clone()).unwrap(), reports)
    }

    fn stop(mut writer: Writer) {
        writer.stop().unwrap().join().unwrap();
    }

    fn outcome(reports: &ReportQueue) -> (u64, RecordingOutcome) {
        let mut found = Vec::new();
        until("the recording is reported", || {
            found.extend(reports.drain());
            !found.is_empty()
        });
        match found.remove(0) {
            (
                LegId(3),
                Report::RecordingFinished {
                    duration_ms,
                    outcome,
                    ..
                },
            ) => (duration_ms, outcome),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_recording_is_renamed_when_complete_and_its_hash_is_of_the_whole_file() {
        let folder = Folder::new();
        let path = folder.path("heard.wav");
        let (writer, reports) = writer();
        let mut track = writer.open(LegId(3), "r".into(), path.clone(), 1);
        assert!(track.write(vec![1; 80]) && track.write(vec![2; 80]));
        track.finish(Some(RecordingEnd::Max), None);
        let (duration_ms, outcome) = outcome(&reports);
        let file = fs::read(&path).unwrap();
        let sha256 = format!("{:x}", Sha256::digest(&file));
        let end = RecordingEnd::Max;
        assert_eq!(
            (duration_ms, outcome),
            (20, RecordingOutcome::Saved { end, sha256 })
        );
        assert_eq!(wav::read(&file).unwrap().samples.len(), 160);
        assert!(!folder.path("heard.wav.part").exists());
        stop(writer);
    }

    #[test]
    fn what_is_kept_of_a_recording_moves_to_its_beginning() {
        for (kept, first, count) in [
            (100..40_000, 100, 39_900),
            (0..0, 0, 0),
            (7..999_999, 7, 89_993),
        ] {
            let folder = Folder::new();
            let path = folder.path("heard.wav");
            let (writer, reports) = writer();
            let mut track = writer.open(LegId(3), "r".into(), path.clone(), 2);
            for from in (0..90_000).step_by(10_000) {
                track.write(
                    (from..from + 10_000)
                        .flat_map(|n| [(n % 30_000) as i16, 1])
                        .collect(),
                );
            }
            track.finish(Some(RecordingEnd::Stopped), Some(kept));
            let (duration_ms, outcome) = outcome(&reports);
            let file = fs::read(&path).unwrap();
            let sha256 = format!("{:x}", Sha256::digest(&file));
            let end = RecordingEnd::Stopped;
            assert_eq!(outcome, RecordingOutcome::Saved { end, sha256 });
            assert_eq!(
                (duration_ms, file.len()),
                (count / 8, 44 + 4 * count as usize)
            );
            if count > 0 {
                assert_eq!(file[44..46], (first as i16).to_le_bytes());
            }
            stop(writer);
        }
    }

    #[test]
    fn a_dropped_track_is_saved_without_a_report() {
        let folder = Folder::new();
        let (writer, reports) = writer();
        let mut track = writer.open(LegId(3), "r".into(), folder.path("left.wav"), 1);
        track.write(vec![1; 80]);
        drop(track);
        stop(writer);
        assert!(folder.path("left.wav").exists());
        assert!(reports.drain().is_empty());
    }

    #[test]
    fn a_folder_that_is_not_there_is_a_failed_outcome_naming_the_file() {
        let folder = Folder::new();
        let path = folder.path("nowhere/heard.wav");
        let (writer, reports) = writer();
        let mut track = writer.open(LegId(3), "r".into(), path.clone(), 1);
        let message = format!("{}: No such file or directory", path.display());
        assert_eq!(outcome(&reports), (0, RecordingOutcome::Failed(message)));
        assert!(!track.write(vec![1; 80]));
        track.finish(Some(RecordingEnd::Stopped), None);
        stop(writer);
        assert!(reports.drain().is_empty());
    }

    #[test]
    fn a_full_disk_is_a_failed_outcome() {
        if !Path::new("/dev/full").exists() {
            return;
        }
        let folder = Folder::new();
        std::os::unix::fs::symlink("/dev/full", folder.path("r.wav.part")).unwrap();
        let (writer, reports) = writer();
        let _track = writer.open(LegId(3), "r".into(), folder.path("r.wav"), 1);
        assert!(
            matches!(outcome(&reports).1, RecordingOutcome::Failed(message) if message.contains("No space"))
        );
        stop(writer);
    }

    #[test]
    fn more_than_the_queue_holds_fails_and_says_so() {
        let folder = Folder::new();
        let (writer, reports) = writer();
        let mut track = writer.open(LegId(3), "r".into(), folder.path("r.wav"), 1);
        assert!(!track.write(vec![0; MAX_WAITING / 2 + 1]));
        assert!(
            matches!(outcome(&reports).1, RecordingOutcome::Failed(message) if message.contains("too slow"))
        );
        stop(writer);
    }
}
