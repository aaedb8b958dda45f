//! The stream that one leg sends: one SSRC, sequence and timestamps continuous across playbacks, digits and relay.
//!
//! Timestamps of what we make ourselves are read off the clock, so a pause shows as the time it took. A relayed stream keeps
//! its own spacing (loss stays visible, reordering too) and is shifted to fit; the shift is found anew (an "anchor") whenever
//! something else was sent in between, or the relayed source restarts.

use super::clock::{Moment, FRAME};
use super::rtp::{samples_between, Header, Pt, Seq, Ssrc};

/// A jump ahead in the relayed sequence that is still loss.
const MAX_DROPOUT: i16 = 3000;
/// A step back that is still reordering.
const MAX_MISORDER: i16 = 100;
/// Relayed timestamps farther than this from the clock are anchored anew, in samples: five seconds.
const MAX_DRIFT: i32 = 40_000;

/// What was sent last, and what comes next.
#[derive(Debug)]
pub struct Sender {
    ssrc: Ssrc,
    next: Seq,
    offset: u32,
    last_timestamp: Option<u32>,
    /// Samples of the last packet; a relayed one or an event counts as a frame.
    last_length: u32,
    anchor: Option<Anchor>,
}

#[derive(Clone, Copy, Debug)]
struct Anchor {
    source: Ssrc,
    highest: Seq,
    sequence_shift: u16,
    timestamp_shift: u32,
    floor: Seq,
}

impl Sender {
    /// A stream that begins at random numbers, as RFC 3550 §5.1 wants; `random` supplies them.
    pub fn new(random: [u64; 2]) -> Self {
        Sender {
            ssrc: Ssrc(random[0] as u32),
            next: Seq((random[0] >> 32) as u16),
            offset: random[1] as u32,
            last_timestamp: None,
            last_length: FRAME as u32,
            anchor: None,
        }
    }

    /// Be another source from now on: its numbers begin anew, in the lower half; its time runs on.
    pub fn begin_anew(&mut self, random: u64) {
        self.ssrc = Ssrc(random as u32);
        self.next = Seq((random >> 32) as u16 & 0x7fff);
        self.anchor = None;
    }

    /// Our SSRC.
    pub fn ssrc(&self) -> Ssrc {
        self.ssrc
    }

    /// The RTP timestamp of `now`.
    pub fn timestamp(&self, now: Moment) -> u32 {
        self.offset.wrapping_add(now.samples())
    }

    /// The header of a packet of our own: so many samples from `start` on. The marker says that it does not join the one before.
    pub fn frame(&mut self, payload_type: Pt, start: Moment, samples: usize) -> Header {
        let joins = self.last_timestamp.is_some_and(|last| {
            self.anchor.is_none() && last.wrapping_add(self.last_length) == self.timestamp(start)
        });
        let timestamp = if joins {
            self.timestamp(start)
        } else {
            self.fresh_timestamp(start)
        };
        let header = self.own(payload_type, timestamp, !joins);
        self.last_length = samples as u32;
        header
    }

    /// The header of one packet of a telephone event: the timestamp stays that of the first (RFC 4733 §2.2).
    pub fn event(&mut self, payload_type: Pt, is_first: bool, due: Moment) -> Header {
        let timestamp = match self.last_timestamp {
            Some(last) if !is_first => last,
            _ => self.fresh_timestamp(due),
        };
        self.own(payload_type, timestamp, is_first)
    }

    /// The header that a packet of another leg gets on its way out; None: it is older than what was sent since.
    pub fn relayed(&mut self, header: &Header, payload_type: Pt, now: Moment) -> Option<Header> {
        let (anchor, is_fresh) = match self.anchor {
            Some(anchor) if self.follows(&anchor, header, now) => (anchor, false),
            _ => (self.new_anchor(header, now), true),
        };
        let sequence = header.sequence.plus(anchor.sequence_shift);
        self.anchor = Some(Anchor {
            highest: if header.sequence.after(anchor.highest) > 0 {
                header.sequence
            } else {
                anchor.highest
            },
            ..anchor
        });
        if sequence.after(anchor.floor) < 0 {
            return None;
        }
        let timestamp = header.timestamp.wrapping_add(anchor.timestamp_shift);
        if sequence.after(self.next) >= 0 {
            self.next = sequence.plus(1);
        }
        let is_newest = self
            .last_timestamp
            .is_none_or(|last| samples_between(last, timestamp) > 0);
        if is_newest {
            self.last_timestamp = Some(timestamp);
            self.last_length = FRAME as u32;
        }
        Some(Header {
            marker: header.marker || is_fresh,
            payload_type,
            sequence,
            timestamp,
            ssrc: self.ssrc,
        })
    }

    /// Relayed packets are not being sent just now: when they are again, no gap is to be seen.
    pub fn interrupt(&mut self) {
        self.anchor = None;
    }

    fn own(&mut self, payload_type: Pt, timestamp: u32, marker: bool) -> Header {
        self.anchor = None;
        self.last_length = FRAME as u32;
        let sequence = self.next;
        self.next = sequence.plus(1);
        self.last_timestamp = Some(timestamp);
        Header {
            marker,
            payload_type,
            sequence,
            timestamp,
            ssrc: self.ssrc,
        }
    }

    /// The clock's timestamp, moved (for good) when the stream is already past it, so that time never goes back.
    fn fresh_timestamp(&mut self, now: Moment) -> u32 {
        if let Some(last) = self.last_timestamp {
            let step = samples_between(last, self.timestamp(now));
            let length = self.last_length as i32;
            if step < length {
                self.offset = self.offset.wrapping_add((length - step) as u32);
            }
        }
        self.timestamp(now)
    }

    fn follows(&self, anchor: &Anchor, header: &Header, now: Moment) -> bool {
        let step = header.sequence.after(anchor.highest);
        let timestamp = header.timestamp.wrapping_add(anchor.timestamp_shift);
        let drift = samples_between(self.timestamp(now), timestamp);
        anchor.source == header.ssrc
            && (-MAX_MISORDER..MAX_DROPOUT).contains(&step)
            && drift.unsigned_abs() < MAX_DRIFT as u32
    }

    fn new_anchor(&mut self, header: &Header, now: Moment) -> Anchor {
        let timestamp = self.fresh_timestamp(now);
        Anchor {
            source: header.ssrc,
            highest: header.sequence,
            sequence_shift: self.next.0.wrapping_sub(header.sequence.0),
            timestamp_shift: timestamp.wrapping_sub(header.timestamp),
            floor: self.next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PCMU: Pt = Pt(0);

    fn sender() -> Sender {
        Sender::new([0xfffe_0000_0007, 0xffff_ff00])
    }

    fn incoming(sequence: u16, timestamp: u32) -> Header {
        Header {
            marker: false,
            payload_type: PCMU,
            sequence: Seq(sequence),
            timestamp,
            ssrc: Ssrc(99),
        }
    }

    fn at(frame: u64) -> Moment {
        Moment(0).plus_ms(frame * 20)
    }

    #[test]
    fn frames_count_on_and_a_pause_shows_as_its_time() {
        let mut sender = sender();
        let first = sender.frame(PCMU, at(0), FRAME);
        let second = sender.frame(PCMU, at(1), FRAME);
        let third = sender.frame(PCMU, at(51), FRAME);
        assert_eq!(
            [first.sequence, second.sequence, third.sequence],
            [Seq(0xfffe), Seq(0xffff), Seq(0)]
        );
        assert_eq!(samples_between(first.timestamp, second.timestamp), 160);
        assert_eq!(samples_between(second.timestamp, third.timestamp), 8000);
        assert_eq!(
            [first.marker, second.marker, third.marker],
            [true, false, true]
        );
        assert_eq!(first.ssrc, Ssrc(7));
    }

    #[test]
    fn a_relayed_stream_keeps_its_spacing_its_losses_and_its_order() {
        let mut sender = sender();
        let last = sender.frame(PCMU, at(0), FRAME);
        let out = |sender: &mut Sender, sequence, timestamp, frame| {
            sender.relayed(&incoming(sequence, timestamp), PCMU, at(frame))
        };
        let first = out(&mut sender, 500, 4000, 1).unwrap();
        assert_eq!(first.sequence, last.sequence.plus(1));
        assert_eq!(samples_between(last.timestamp, first.timestamp), 160);
        assert!(first.marker);
        let after_loss = out(&mut sender, 502, 4320, 3).unwrap();
        assert_eq!(after_loss.sequence, first.sequence.plus(2));
        assert_eq!(samples_between(first.timestamp, after_loss.timestamp), 320);
        assert!(!after_loss.marker);
        let late = out(&mut sender, 501, 4160, 3).unwrap();
        assert_eq!(late.sequence, first.sequence.plus(1));
        let next = sender.frame(PCMU, at(4), FRAME);
        assert_eq!(next.sequence, first.sequence.plus(3));
        assert!(samples_between(after_loss.timestamp, next.timestamp) >= 160);
    }

    #[test]
    fn what_is_older_than_our_own_frames_is_not_sent() {
        let mut sender = sender();
        sender.relayed(&incoming(10, 0), PCMU, at(0));
        let own = sender.frame(PCMU, at(1), FRAME);
        let again = sender.relayed(&incoming(20, 1600), PCMU, at(10)).unwrap();
        assert_eq!(again.sequence, own.sequence.plus(1));
        assert_eq!(sender.relayed(&incoming(19, 1440), PCMU, at(10)), None);
    }

    #[test]
    fn a_new_source_a_restart_and_a_leap_in_time_are_anchored_anew() {
        let mut sender = sender();
        let mut last = sender.relayed(&incoming(10, 0), PCMU, at(0)).unwrap();
        let other = Header {
            ssrc: Ssrc(5),
            ..incoming(40_000, 77)
        };
        for (header, frame) in [
            (other, 1),
            (
                Header {
                    sequence: Seq(100),
                    ..other
                },
                2,
            ),
            (
                Header {
                    sequence: Seq(101),
                    timestamp: 9_000_000,
                    ..other
                },
                3,
            ),
        ] {
            let next = sender.relayed(&header, PCMU, at(frame)).unwrap();
            assert_eq!(next.sequence, last.sequence.plus(1));
            assert!(next.marker);
            assert!((160..2000).contains(&samples_between(last.timestamp, next.timestamp)));
            last = next;
        }
    }

    #[test]
    fn an_interruption_leaves_no_gap_in_sequence() {
        let mut sender = sender();
        let before = sender.relayed(&incoming(10, 0), PCMU, at(0)).unwrap();
        sender.interrupt();
        let after = sender.relayed(&incoming(60, 8000), PCMU, at(50)).unwrap();
        assert_eq!(after.sequence, before.sequence.plus(1));
        assert_eq!(samples_between(before.timestamp, after.timestamp), 8000);
    }

    #[test]
    fn an_event_freezes_its_timestamp() {
        let mut sender = sender();
        let audio = sender.frame(PCMU, at(0), FRAME);
        let first = sender.event(Pt(101), true, at(1));
        let second = sender.event(Pt(101), false, at(2));
        assert_eq!(samples_between(audio.timestamp, first.timestamp), 160);
        assert_eq!(second.timestamp, first.timestamp);
        assert_eq!(second.sequence, audio.sequence.plus(2));
        assert!(first.marker && !second.marker);
        assert!(sender.frame(PCMU, at(5), FRAME).marker);
    }
}
