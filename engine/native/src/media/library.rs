//! Files as samples at 8 kHz, kept by path, time of change and size while there is room.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::clip::Clip;
use super::clock::SAMPLE_RATE;
use super::lock::Lock;
use super::resample::{convert, to_8000};
use super::wav;

/// Clips kept, in octets.
const MAX_KEPT: usize = 64 << 20;
/// The greatest file that is read.
const MAX_FILE: u64 = 1 << 30;

/// The samples of a file; an error names it and says what is wrong.
pub fn clip(path: &Path, library: &Lock<Library>) -> Result<Arc<Clip>, String> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let metadata = fs::metadata(path).map_err(|error| named(&plain(&error)))?;
    if !metadata.is_file() {
        return Err(named(&"expected a file"));
    }
    let version = (
        metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
        metadata.len(),
    );
    if let Some(clip) = library.hold().get(path, version) {
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
    let wide = (wav.rate > SAMPLE_RATE).then(|| convert(&wav.samples, wav.rate, SAMPLE_RATE * 2));
    let clip = Clip::with_wide(to_8000(&wav.samples, wav.rate), wide);
    library.hold().put(path, version, clip.clone());
    Ok(clip)
}

/// "No such file or directory" without Rust's " (os error 2)".
pub fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

type Version = (SystemTime, u64);

/// Clips by path, the longest unused given up first.
#[derive(Default)]
pub struct Library {
    clips: HashMap<PathBuf, Kept>,
    octets: usize,
    turn: u64,
}

struct Kept {
    version: Version,
    clip: Arc<Clip>,
    used: u64,
}

impl Library {
    fn get(&mut self, path: &Path, version: Version) -> Option<Arc<Clip>> {
        self.turn += 1;
        let kept = self.clips.get_mut(path)?;
        if kept.version != version {
            return None;
        }
        kept.used = self.turn;
        Some(kept.clip.clone())
    }

    fn put(&mut self, path: &Path, version: Version, clip: Arc<Clip>) {
        let size = clip.octets();
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
            self.octets -= kept.clip.octets();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_gives_up_the_longest_unused() {
        let mut library = Library::default();
        let version = (SystemTime::UNIX_EPOCH, 1);
        let third = Clip::new(vec![0; MAX_KEPT / 12]);
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
        library.put(Path::new("huge"), version, Clip::new(vec![0; MAX_KEPT]));
        assert!(library.get(Path::new("huge"), version).is_none());
        assert!(library.octets <= MAX_KEPT);
    }
}
