//! Files as samples at 8 kHz, kept by path, time of change and size while there is room: short ones whole, long ones by block.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::clip::Clip;
use super::decoder::{self, plain, MAX_SECONDS};
use super::lock::Lock;
use super::raw::Raw;
use super::reel::{Block, Reel};
use super::tape::{Tape, BLOCK};

/// Samples kept, in octets.
const MAX_KEPT: usize = 64 << 20;
/// What is not longer is read as a whole: two minutes.
const MAX_WHOLE: u64 = 30 * BLOCK;
/// Long files of which the length is known, and which are kept open.
const MAX_REELS: usize = 32;

/// What a file is.
#[derive(Clone, Debug)]
pub enum Recording {
    /// All of it; with a fault, what is before that.
    Short(Block),
    /// It is to be read while it is played.
    Long(Arc<Reel>),
}

/// A file, ready to be played; an error names it and says what is wrong. `raw`: what it holds, if its name does not say so.
pub fn open(path: &Path, raw: Option<Raw>, library: &Lock<Library>) -> Result<Recording, String> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let version = version_of(path).map_err(|error| named(&error))?;
    let key = (path.to_owned(), raw);
    if let Some(kept) = library.hold().recording(&key, version) {
        return Ok(kept);
    }
    let decoder = decoder::open(path, raw).map_err(|error| named(&error))?;
    let mut tape = Tape::new(decoder);
    if let Some(seconds) = tape
        .declared()
        .map(|it| it / 8000)
        .filter(|it| *it > MAX_SECONDS)
    {
        return Err(named(&format!(
            "expected at most {MAX_SECONDS} seconds, got {seconds}"
        )));
    }
    let recording = match read_whole(&mut tape) {
        Some((samples, Some(fault))) if samples.is_empty() => return Err(named(&fault)),
        Some((samples, fault)) => Recording::Short(Block {
            clip: Clip::new(samples),
            fault: fault.map(|fault| named(&fault).into()),
        }),
        None => Recording::Long(reel(path, raw, tape).map_err(|error| named(&error))?),
    };
    library.hold().keep(key, version, &recording);
    Ok(recording)
}

/// How many samples a file has, and what is wrong behind them.
pub fn measure(path: &Path, raw: Option<Raw>) -> Result<(u64, Option<String>), String> {
    let mut tape = Tape::new(decoder::open(path, raw)?);
    let (length, fault) = match read_whole(&mut tape) {
        Some((samples, fault)) => (samples.len() as u64, fault),
        None => Tape::new(decoder::open(path, raw)?).measure(),
    };
    match fault {
        Some(fault) if length == 0 => Err(fault),
        fault => Ok((length, fault)),
    }
}

/// A block of a long file.
pub fn block(reel: &Arc<Reel>, index: u64, library: &Lock<Library>) -> Block {
    let key = Key::Block(reel.id(), index);
    if let Some(block) = library.hold().get(&key) {
        return block;
    }
    let block = reel.read(index);
    library.hold().put(key, block.clone());
    block
}

fn version_of(path: &Path) -> Result<Version, String> {
    let metadata = fs::metadata(path).map_err(|error| plain(&error))?;
    if !metadata.is_file() {
        return Err("expected a file".into());
    }
    let changed = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    Ok((changed, metadata.len()))
}

/// All samples, if they are not too many.
fn read_whole(tape: &mut Tape) -> Option<(Vec<i16>, Option<String>)> {
    if tape.declared().is_some_and(|length| length > MAX_WHOLE) {
        return None;
    }
    let mut samples = Vec::new();
    for index in 0..MAX_WHOLE / BLOCK {
        let piece = tape.block(index);
        let is_last = (piece.samples.len() as u64) < BLOCK || piece.fault.is_some();
        samples.extend(piece.samples);
        if is_last {
            return Some((samples, piece.fault));
        }
    }
    None
}

fn reel(path: &Path, raw: Option<Raw>, tape: Tape) -> Result<Arc<Reel>, String> {
    let length = match tape.declared() {
        Some(length) => length,
        None => {
            let (length, fault) = Tape::new(decoder::open(path, raw)?).measure();
            length + u64::from(fault.is_some()) // its end is never reached
        }
    };
    Ok(Reel::new(path.to_owned(), raw, length, tape))
}

type Version = (SystemTime, u64);
type FileKey = (PathBuf, Option<Raw>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Whole(FileKey, Version),
    /// Of the reel of that id.
    Block(u64, u64),
}

/// Short files and blocks of long ones, the longest unused given up first; and the long files that they are of.
#[derive(Default)]
pub struct Library {
    blocks: HashMap<Key, Kept>,
    reels: HashMap<FileKey, (Version, Arc<Reel>, u64)>,
    octets: usize,
    turn: u64,
}

struct Kept {
    block: Block,
    used: u64,
}

impl Library {
    fn recording(&mut self, key: &FileKey, version: Version) -> Option<Recording> {
        if let Some(block) = self.get(&Key::Whole(key.clone(), version)) {
            return Some(Recording::Short(block));
        }
        let turn = self.turn;
        let (_, reel, used) = self.reels.get_mut(key).filter(|kept| kept.0 == version)?;
        *used = turn;
        Some(Recording::Long(reel.clone()))
    }

    fn keep(&mut self, key: FileKey, version: Version, recording: &Recording) {
        match recording {
            Recording::Short(block) => self.put(Key::Whole(key, version), block.clone()),
            Recording::Long(reel) => {
                if self.reels.len() >= MAX_REELS && !self.reels.contains_key(&key) {
                    let oldest = self.reels.iter().min_by_key(|(_, kept)| kept.2);
                    if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                        self.reels.remove(&oldest);
                    }
                }
                self.turn += 1;
                self.reels.insert(key, (version, reel.clone(), self.turn));
            }
        }
    }

    fn get(&mut self, key: &Key) -> Option<Block> {
        self.turn += 1;
        let kept = self.blocks.get_mut(key)?;
        kept.used = self.turn;
        Some(kept.block.clone())
    }

    fn put(&mut self, key: Key, block: Block) {
        let size = block.clip.octets();
        self.remove(&key);
        if size > MAX_KEPT {
            return;
        }
        while self.octets + size > MAX_KEPT {
            let oldest = self.blocks.iter().min_by_key(|(_, kept)| kept.used);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
                break;
            };
            self.remove(&oldest);
        }
        self.octets += size;
        self.turn += 1;
        let used = self.turn;
        self.blocks.insert(key, Kept { block, used });
    }

    fn remove(&mut self, key: &Key) {
        if let Some(kept) = self.blocks.remove(key) {
            self.octets -= kept.block.clip.octets();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn third() -> Block {
        Block {
            clip: Clip::new(vec![0; MAX_KEPT / 12]),
            fault: None,
        }
    }

    #[test]
    fn the_library_gives_up_the_longest_unused() {
        let mut library = Library::default();
        let key = |index| Key::Block(7, index);
        let third = third();
        for index in 0..3 {
            library.put(key(index), third.clone());
        }
        assert!(library.get(&key(0)).is_some());
        library.put(key(3), third.clone());
        let kept = [0, 1, 2, 3].map(|index| library.get(&key(index)).is_some());
        assert_eq!(kept, [true, false, true, true]);
        let huge = Block {
            clip: Clip::new(vec![0; MAX_KEPT]),
            fault: None,
        };
        library.put(key(4), huge);
        assert!(library.get(&key(4)).is_none());
        assert!(library.octets <= MAX_KEPT);
    }

    #[test]
    fn a_file_that_changed_is_another() {
        let mut library = Library::default();
        let key = (PathBuf::from("a"), None);
        let version = (SystemTime::UNIX_EPOCH, 1);
        library.keep(key.clone(), version, &Recording::Short(third()));
        assert!(library.recording(&key, version).is_some());
        assert!(library
            .recording(&key, (SystemTime::UNIX_EPOCH, 2))
            .is_none());
    }
}
