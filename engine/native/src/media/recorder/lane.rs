//! One side of a recording: its packets laid out by their timestamps, in real time.

use super::super::concealment::Concealment;
use super::super::rtp::{samples_between, Header, Ssrc};
use super::super::sound::is_loud;
use super::ROOM;

/// A packet this far from real time, in samples, is laid out anew.
const MAX_DRIFT: i64 = 1200;
/// Packets over which the drift of the peer's clock is measured: four seconds.
const SPAN: u32 = 200;
/// Drifted by so much, 10 ms, the layout follows at the next quiet packet.
const MAX_OWED: i64 = 80;
/// Stands where nothing came; G.711 has no sample of that value.
const MISSING: i16 = i16::MIN;

/// One side's samples that are not handed over yet.
pub(super) struct Lane {
    pending: Vec<i16>,
    anchor: Option<Anchor>,
    /// What a packet far from its place would mean if the next one confirms it.
    suspected: Option<Anchor>,
    pub(super) drift: Drift,
    /// Makes up what is missing; not there for what we send ourselves.
    concealment: Option<Box<Concealment>>,
}

/// How the peer's clock runs against ours: by the earliest packet of each few seconds.
#[derive(Default)]
pub(super) struct Drift {
    /// How much later than its place the earliest packet of the first span came.
    reference: Option<i64>,
    least: Option<i64>,
    packets: u32,
    /// What the places should be moved by.
    pub(super) owed: i64,
    /// The packet before was quiet; known only while something is owed.
    is_quiet: bool,
}

impl Drift {
    /// A packet came so much later than its place.
    fn measure(&mut self, lateness: i64) {
        self.least = Some(self.least.map_or(lateness, |least| least.min(lateness)));
        self.packets += 1;
        if self.packets == SPAN {
            let least = self.least.take().unwrap_or_default();
            let reference = *self.reference.get_or_insert(least);
            self.owed = least - reference;
            self.packets = 0;
        }
    }
}

/// Which timestamp of a source belongs where.
#[derive(Clone, Copy)]
struct Anchor {
    ssrc: Ssrc,
    timestamp: u32,
    place: i64,
}

impl Anchor {
    /// The place of another packet, if it is of the same source.
    fn place_of(&self, header: &Header) -> Option<i64> {
        let step = samples_between(self.timestamp, header.timestamp);
        (self.ssrc == header.ssrc).then_some(self.place + i64::from(step))
    }
}

impl Lane {
    /// With room for so many samples; `concealment` makes up what is missing of them.
    pub(super) fn new(room: usize, concealment: Option<Box<Concealment>>) -> Self {
        Lane {
            pending: Vec::with_capacity(room),
            anchor: None,
            suspected: None,
            drift: Drift::default(),
            concealment,
        }
    }

    /// The samples that are not handed over yet.
    pub(super) fn pending(&self) -> &[i16] {
        &self.pending
    }

    /// Keep so many samples; what comes after them is laid out anew.
    pub(super) fn cut(&mut self, kept: usize) {
        self.pending.truncate(kept);
        (self.anchor, self.suspected) = (None, None);
    }

    /// Lay out a packet's samples; `elapsed` is now, `base` where `pending` begins. Gives the packet's place.
    pub(super) fn put(&mut self, header: &Header, samples: &[i16], elapsed: u64, base: u64) -> i64 {
        if self.drift.owed.abs() >= MAX_OWED {
            self.catch_up(is_loud(samples));
        }
        let place = self.place(header, elapsed as i64 - samples.len() as i64);
        let start = place - base as i64;
        let skipped = (-start).max(0) as usize; // before the beginning, or the writer has its place already
        let start = start.max(0) as usize;
        let samples = samples.get(skipped..).unwrap_or_default();
        let end = (start + samples.len()).min(ROOM);
        if start < end {
            if self.pending.len() < end {
                self.pending.resize(end, MISSING);
            }
            for (pending, sample) in self.pending[start..end].iter_mut().zip(samples) {
                *pending = (*sample).max(MISSING + 1);
            }
        } // else it is further ahead than anything that is on its way
        place
    }

    /// Where a packet belongs: by its timestamp, unless that has lost touch with real time and the next packet agrees.
    fn place(&mut self, header: &Header, arrival: i64) -> i64 {
        let fits = |place: &i64| (place - arrival).abs() < MAX_DRIFT;
        let usual = self.anchor.and_then(|anchor| anchor.place_of(header));
        if let Some(place) = usual.filter(fits) {
            self.suspected = None;
            self.drift.measure(arrival - place);
            return place;
        }
        let fresh = Anchor {
            ssrc: header.ssrc,
            timestamp: header.timestamp,
            place: arrival,
        };
        let suspected = self.suspected.and_then(|anchor| anchor.place_of(header));
        if let (Some(place), None) = (usual, suspected.filter(fits)) {
            self.suspected = Some(fresh); // a straggler, or the first after a jump
            return place;
        }
        (self.anchor, self.suspected) = (Some(fresh), None);
        self.drift = Drift::default();
        arrival
    }

    /// Move the places by what the clocks have drifted, where it does not matter: between two quiet packets.
    fn catch_up(&mut self, is_loud: bool) {
        let was_quiet = std::mem::replace(&mut self.drift.is_quiet, !is_loud);
        if let (true, false, Some(anchor)) = (was_quiet, is_loud, &mut self.anchor) {
            anchor.place += self.drift.owed;
            (self.drift.owed, self.drift.is_quiet) = (0, false);
        }
    }

    /// Make the first `count` samples whole.
    pub(super) fn complete(&mut self, count: usize) {
        if self.pending.len() < count {
            self.pending.resize(count, MISSING);
        }
        let mut at = 0;
        while at < count {
            let is_missing = self.pending[at] == MISSING;
            let change = self.pending[at..]
                .iter()
                .position(|sample| (*sample == MISSING) != is_missing);
            let end = change.map_or(count, |length| count.min(at + length));
            let piece = &mut self.pending[at..end];
            match (&mut self.concealment, is_missing) {
                (Some(concealment), false) => concealment.hear(piece),
                (Some(concealment), true) if change.is_some() => concealment.conceal(piece),
                (Some(concealment), true) => {
                    concealment.rest();
                    piece.fill(0);
                }
                (None, true) => piece.fill(0),
                (None, false) => {}
            }
            at = end;
        }
    }

    pub(super) fn forget(&mut self, count: usize) {
        self.pending.drain(..count.min(self.pending.len()));
    }
}
