//! Files are read and decoded here, on threads of their own, and kept while there is room: the media thread never waits.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, PoisonError};
use std::thread::{self, JoinHandle};

use super::library::{self, Library};
use super::lock::Lock;
use super::player::{Loading, Voice};
use super::tone::{Tone, ToneSpec};

/// Two, so that one very long file does not hold up all prompts.
const THREADS: usize = 2;
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
    queue: Lock<Queue>,
    more: Condvar,
    library: Lock<Library>,
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
        let mut queue = self.shared.queue.hold();
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
        let mut queue = self.shared.queue.hold();
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
        let mut queue = self.queue.hold();
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
            queue = self.queue.hold();
        }
    }
}

fn voices(sources: &[SourceSpec], library: &Lock<Library>) -> Result<Vec<Voice>, String> {
    sources
        .iter()
        .map(|source| match source {
            SourceSpec::File(path) => library::clip(path, library).map(Voice::Clip),
            SourceSpec::Silence(milliseconds) => Ok(Voice::Silence(u64::from(*milliseconds) * 8)),
            SourceSpec::Tone(spec) => Ok(Voice::Tone(
                Tone::new(spec),
                spec.duration_ms
                    .map(|milliseconds| u64::from(milliseconds) * 8),
            )),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::super::clip::Clip;
    use super::super::testing::{until, Folder};
    use super::super::wav;
    use super::*;

    fn wav_of(samples: &[i16]) -> Vec<u8> {
        let mut file = wav::header(samples.len() as u64, 1).to_vec();
        file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        file
    }

    fn load(loader: &Loader, path: &Path) -> Result<Arc<Clip>, String> {
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
        assert_eq!(load(&loader, &path).unwrap().samples(), [4, 5, 6, 7]);
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
}
