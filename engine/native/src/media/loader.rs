//! Files are read and decoded here, on threads of their own, and kept while there is room: the media thread never waits.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use super::player::{Loading, Voice};
use super::resample::to_8000;
use super::tone::{Tone, ToneSpec};
use super::wav;

/// Two, so that one very long file does not hold up all prompts.
const THREADS: usize = 2;
/// Decoded samples kept, in octets.
const MAX_KEPT: usize = 64 << 20;
/// The greatest file that is read.
const MAX_FILE: u64 = 1 << 30;
/// Playbacks that may wait for their files.
const MAX_WAITING: usize = 10_000;

/// One source as it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceSpec {
    /// A WAV file.
    File(PathBuf),
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

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    more: Condvar,
    library: Mutex<Library>,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<(Vec<SourceSpec>, Loading)>,
    is_over: bool,
}

impl Loader {
    /// With its threads.
    pub fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
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

    /// Make the sources ready. Without a file among them they are so at once.
    pub fn load(&self, sources: Vec<SourceSpec>) -> Loading {
        let loading = Loading::default();
        if sources
            .iter()
            .all(|source| !matches!(source, SourceSpec::File(_)))
        {
            let _ = loading.set(voices(&sources, &self.shared.library));
            return loading;
        }
        let mut queue = lock(&self.shared.queue);
        if queue.jobs.len() >= MAX_WAITING || queue.is_over {
            let _ = loading.set(Err("too many playbacks wait for their files".into()));
            return loading;
        }
        queue.jobs.push_back((sources, loading.clone()));
        self.shared.more.notify_one();
        loading
    }

    /// End the threads; what waits fails. Gives them back to be joined.
    pub fn stop(&mut self) -> Vec<JoinHandle<()>> {
        let mut queue = lock(&self.shared.queue);
        queue.is_over = true;
        for (_, loading) in queue.jobs.drain(..) {
            let _ = loading.set(Err("the media engine is closed".into()));
        }
        self.shared.more.notify_all();
        std::mem::take(&mut self.threads)
    }
}

impl Shared {
    fn run(&self) {
        let mut queue = lock(&self.queue);
        while !queue.is_over {
            let Some((sources, loading)) = queue.jobs.pop_front() else {
                queue = self
                    .more
                    .wait(queue)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(queue);
            // A decoder that falls over a file must not take the other files' loader with it.
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                voices(&sources, &self.library)
            }));
            let _ = loading.set(result.unwrap_or_else(|_| {
                Err("the file could not be decoded (a defect of ours)".into())
            }));
            queue = lock(&self.queue);
        }
    }
}

fn voices(sources: &[SourceSpec], library: &Mutex<Library>) -> Result<Vec<Voice>, String> {
    sources
        .iter()
        .map(|source| match source {
            SourceSpec::File(path) => clip(path, library).map(Voice::Clip),
            SourceSpec::Silence(milliseconds) => Ok(Voice::Silence(u64::from(*milliseconds) * 8)),
            SourceSpec::Tone(spec) => Ok(Voice::Tone(
                Tone::new(spec),
                spec.duration_ms
                    .map(|milliseconds| u64::from(milliseconds) * 8),
            )),
        })
        .collect()
}

fn clip(path: &Path, library: &Mutex<Library>) -> Result<Arc<[i16]>, String> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let metadata = fs::metadata(path).map_err(|error| named(&plain(&error)))?;
    if !metadata.is_file() {
        return Err(named(&"expected a file"));
    }
    let version = (
        metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
        metadata.len(),
    );
    if let Some(clip) = lock(library).get(path, version) {
        return Ok(clip);
    }
    if metadata.len() > MAX_FILE {
        return Err(named(&format!(
            "expected at most {MAX_FILE} octets, got {}",
            metadata.len()
        )));
    }
    let mut octets = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE).read_to_end(&mut octets))
        .map_err(|error| named(&plain(&error)))?;
    let wav = wav::read(&octets).map_err(|error| named(&error))?;
    drop(octets);
    let clip: Arc<[i16]> = to_8000(&wav.samples, wav.rate).into();
    lock(library).put(path, version, clip.clone());
    Ok(clip)
}

/// "No such file or directory" without Rust's " (os error 2)".
pub(super) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

type Version = (SystemTime, u64);

/// Clips by path, the longest unused given up first.
#[derive(Default)]
struct Library {
    clips: HashMap<PathBuf, Kept>,
    octets: usize,
    turn: u64,
}

struct Kept {
    version: Version,
    clip: Arc<[i16]>,
    used: u64,
}

impl Library {
    fn get(&mut self, path: &Path, version: Version) -> Option<Arc<[i16]>> {
        self.turn += 1;
        let kept = self.clips.get_mut(path)?;
        if kept.version != version {
            return None;
        }
        kept.used = self.turn;
        Some(kept.clip.clone())
    }

    fn put(&mut self, path: &Path, version: Version, clip: Arc<[i16]>) {
        let size = clip.len() * 2;
        self.remove(&path.to_owned());
        if size > MAX_KEPT {
            return;
        }
        while self.octets + size > MAX_KEPT {
            let oldest = self.clips.iter().min_by_key(|(_, kept)| kept.used);
            let Some(oldest) = oldest.map(|(path, _)| path.clone()) else {
                break;
            };
            self.remove(&oldest);
        }
        self.octets += size;
        self.turn += 1;
        let used = self.turn;
        self.clips.insert(
            path.to_owned(),
            Kept {
                version,
                clip,
                used,
            },
        );
    }

    fn remove(&mut self, path: &PathBuf) {
        if let Some(kept) = self.clips.remove(path) {
            self.octets -= kept.clip.len() * 2;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{until, Folder};
    use super::*;

    fn wav_of(samples: &[i16]) -> Vec<u8> {
        let mut file = wav::header(samples.len() as u64).to_vec();
        file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        file
    }

    fn load(loader: &Loader, path: &Path) -> Result<Arc<[i16]>, String> {
        let loading = loader.load(vec![SourceSpec::File(path.to_owned())]);
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
        let loader = Loader::start().unwrap();
        let first = load(&loader, &path).unwrap();
        assert!(Arc::ptr_eq(&first, &load(&loader, &path).unwrap()));
        fs::write(&path, wav_of(&[4, 5, 6, 7])).unwrap();
        assert_eq!(*load(&loader, &path).unwrap(), [4, 5, 6, 7]);
        stop(loader);
    }

    #[test]
    fn what_cannot_be_read_names_the_file_and_the_reason() {
        let folder = Folder::new();
        let (missing, text) = (folder.path("missing.wav"), folder.path("text.wav"));
        fs::write(&text, "hello").unwrap();
        let loader = Loader::start().unwrap();
        let error = load(&loader, &missing).unwrap_err();
        assert_eq!(
            error,
            format!("{}: No such file or directory", missing.display())
        );
        assert!(load(&loader, &text)
            .unwrap_err()
            .contains("text.wav: expected a WAV file"));
        assert!(load(&loader, &folder.path(""))
            .unwrap_err()
            .contains("expected a file"));
        stop(loader);
    }

    #[test]
    fn what_needs_no_file_is_ready_at_once() {
        let loader = Loader::start().unwrap();
        let loading = loader.load(vec![SourceSpec::Silence(20)]);
        assert_eq!(
            loading.get().unwrap().as_ref().unwrap()[0].length(),
            Some(160)
        );
        stop(loader);
    }

    #[test]
    fn the_library_gives_up_the_longest_unused() {
        let mut library = Library::default();
        let version = (SystemTime::UNIX_EPOCH, 1);
        let third: Arc<[i16]> = vec![0; MAX_KEPT / 6].into();
        for name in ["a", "b", "c"] {
            library.put(Path::new(name), version, third.clone());
        }
        assert!(library.get(Path::new("a"), version).is_some());
        library.put(Path::new("d"), version, third.clone());
        let kept = ["a", "b", "c", "d"].map(|name| library.get(Path::new(name), version).is_some());
        assert_eq!(kept, [true, false, true, true]);
        assert!(library
            .get(Path::new("a"), (SystemTime::UNIX_EPOCH, 2))
            .is_none());
        library.put(Path::new("huge"), version, vec![0; MAX_KEPT].into());
        assert!(library.get(Path::new("huge"), version).is_none());
        assert!(library.octets <= MAX_KEPT);
    }
}
