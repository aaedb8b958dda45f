//! What one leg receives, counted as RFC 3550 says: sequence validity (A.1), loss (A.3), jitter (A.8).

use super::clock::Moment;
use super::rtcp::ReportBlock;
use super::rtp::{samples_between, Header, Seq, Ssrc};

/// A jump ahead that is still loss, not a restart (RFC 3550 A.1).
const MAX_DROPOUT: i16 = 3000;
/// A step back that is still reordering.
const MAX_MISORDER: i16 = 100;

/// A jump of the timestamps by more than two seconds is no jitter.
const MAX_JITTER: u32 = 16_000;
/// Samples that a packet may be later after the one before than it should: 10 ms.
const HELD_UP: i32 = 80;

/// The source being received, and the totals of those before it.
#[derive(Debug, Default)]
pub struct Reception {
    source: Option<Source>,
    lost_before: i64,
    delayed: u64,
}

#[derive(Debug)]
struct Source {
    ssrc: Ssrc,
    base: u32,
    highest: Seq,
    cycles: u32,
    received: u32,
    expected_before: u32,
    received_before: u32,
    /// Arrival minus timestamp of the last packet, in samples.
    transit: Option<u32>,
    /// Sixteen times the jitter, in samples (A.8, the integer form).
    jitter: u32,
    /// A jump that a second packet in a row would confirm (A.1, bad_seq).
    suspected: Option<Seq>,
}

/// How a packet fits what came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// The first of a source: of the leg, or after an SSRC change or a restart.
    Fresh,
    /// In order, perhaps after a loss.
    Next,
    /// Late, or once more.
    Late,
    /// A jump that may be a restart; not counted unless the next packet follows it.
    Suspect,
}

impl Reception {
    /// Count a packet. `is_timed` is false for those whose timestamp is not their sampling time (RFC 4733 repeats).
    pub fn receive(&mut self, header: &Header, now: Moment, is_timed: bool) -> Fit {
        let fit = match &mut self.source {
            Some(source) if source.ssrc == header.ssrc => source.place(header.sequence),
            _ => Fit::Fresh,
        };
        match (&mut self.source, fit) {
            (_, Fit::Fresh) => {
                self.lost_before = self.lost();
                self.source = Some(Source::new(header));
            }
            (Some(source), Fit::Next | Fit::Late) => source.received += 1,
            _ => {}
        }
        if let (Some(source), true) = (&mut self.source, is_timed && fit != Fit::Suspect) {
            self.delayed += u64::from(source.time(header.timestamp, now));
        }
        fit
    }

    /// Who is being received.
    pub fn ssrc(&self) -> Option<Ssrc> {
        self.source.as_ref().map(|source| source.ssrc)
    }

    /// True when the packet could be the next of the source being received.
    pub fn continues(&self, header: &Header) -> bool {
        self.source.as_ref().is_some_and(|source| {
            let step = header.sequence.after(source.highest);
            source.ssrc == header.ssrc && (1..MAX_DROPOUT).contains(&step)
        })
    }

    /// Packets lost so far, of all sources; negative when duplicates outnumber them.
    pub fn lost(&self) -> i64 {
        let now = self.source.as_ref().map_or(0, |source| {
            i64::from(source.expected()) - i64::from(source.received)
        });
        self.lost_before + now
    }

    /// Packets so far that came more than 10 ms later after the one before than their timestamps say: gaps that can be heard.
    pub fn delayed(&self) -> u64 {
        self.delayed
    }

    /// Interarrival jitter in samples.
    pub fn jitter(&self) -> u32 {
        self.source.as_ref().map_or(0, |source| source.jitter >> 4)
    }

    /// The report block on the current source, its interval beginning anew (A.3). The caller fills in LSR and DLSR.
    pub fn report(&mut self) -> Option<ReportBlock> {
        let source = self.source.as_mut()?;
        let expected = source.expected().wrapping_sub(source.expected_before);
        let received = source.received.wrapping_sub(source.received_before);
        source.expected_before = source.expected();
        source.received_before = source.received;
        let lost = i64::from(expected) - i64::from(received);
        let fraction_lost = if expected == 0 || lost <= 0 {
            0
        } else {
            ((lost << 8) / i64::from(expected)).min(255) as u8
        };
        Some(ReportBlock {
            source: source.ssrc.0,
            fraction_lost,
            total_lost: (i64::from(source.expected()) - i64::from(source.received)) as i32,
            highest_sequence: source.extended(),
            jitter: source.jitter >> 4,
            ..ReportBlock::default()
        })
    }
}

impl Source {
    fn new(header: &Header) -> Self {
        Source {
            ssrc: header.ssrc,
            base: u32::from(header.sequence.0),
            highest: header.sequence,
            cycles: 0,
            received: 1,
            expected_before: 0,
            received_before: 0,
            transit: None,
            jitter: 0,
            suspected: None,
        }
    }

    fn place(&mut self, sequence: Seq) -> Fit {
        let step = sequence.after(self.highest);
        if (1..MAX_DROPOUT).contains(&step) {
            if sequence.0 < self.highest.0 {
                self.cycles += 1 << 16;
            }
            self.highest = sequence;
            self.suspected = None;
            return Fit::Next;
        }
        if (-MAX_MISORDER..=0).contains(&step) {
            return Fit::Late;
        }
        if self.suspected == Some(sequence) {
            return Fit::Fresh; // two in a row: the other side began anew without telling
        }
        self.suspected = Some(sequence.plus(1));
        Fit::Suspect
    }

    /// True: it was held up on its way.
    fn time(&mut self, timestamp: u32, now: Moment) -> bool {
        let transit = now.samples().wrapping_sub(timestamp);
        let before = self.transit.replace(transit).unwrap_or(transit);
        let longer = samples_between(before, transit);
        let difference = longer.unsigned_abs();
        if difference >= MAX_JITTER {
            return false;
        }
        self.jitter = self.jitter + difference - ((self.jitter + 8) >> 4);
        longer > HELD_UP
    }

    fn extended(&self) -> u32 {
        self.cycles.wrapping_add(u32::from(self.highest.0))
    }

    fn expected(&self) -> u32 {
        self.extended().wrapping_sub(self.base).wrapping_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::rtp::Pt;
    use super::*;

    fn header(sequence: u16, timestamp: u32) -> Header {
        Header {
            marker: false,
            payload_type: Pt(0),
            sequence: Seq(sequence),
            timestamp,
            ssrc: Ssrc(5),
        }
    }

    fn at(frame: u64) -> Moment {
        Moment(0).plus_ms(frame * 20)
    }

    #[test]
    fn a_clean_stream_across_the_wrap_has_no_loss_and_no_jitter() {
        let mut reception = Reception::default();
        for frame in 0..100u16 {
            let sequence = 0xffd0u16.wrapping_add(frame);
            let fit = reception.receive(
                &header(sequence, u32::from(frame) * 160),
                at(frame.into()),
                true,
            );
            assert_eq!(fit, if frame == 0 { Fit::Fresh } else { Fit::Next });
        }
        assert_eq!((reception.lost(), reception.jitter()), (0, 0));
        let block = reception.report().unwrap();
        assert_eq!(block.highest_sequence, 0x1_0033);
        assert_eq!(block.fraction_lost, 0);
    }

    #[test]
    fn loss_is_counted_for_all_time_and_for_the_interval() {
        let mut reception = Reception::default();
        for frame in (0..100u16).filter(|frame| frame % 4 != 3) {
            reception.receive(
                &header(frame, u32::from(frame) * 160),
                at(frame.into()),
                true,
            );
        }
        let block = reception.report().unwrap();
        assert_eq!(block.total_lost, 24); // the last of the hundred is not known to be missing
        assert_eq!(block.fraction_lost, (24 * 256 / 99) as u8);
        reception.receive(&header(100, 16000), at(100), true);
        assert_eq!(reception.report().unwrap().fraction_lost, 128);
        assert_eq!(reception.lost(), 25);
    }

    #[test]
    fn a_late_packet_makes_up_for_its_loss_and_a_repeat_is_no_gain() {
        let mut reception = Reception::default();
        for sequence in [1, 2, 4, 3, 5, 5] {
            reception.receive(
                &header(sequence, u32::from(sequence) * 160),
                at(sequence.into()),
                true,
            );
        }
        assert_eq!(reception.lost(), -1);
        assert_eq!(reception.report().unwrap().fraction_lost, 0);
    }

    #[test]
    fn jitter_nears_the_mean_deviation() {
        let mut reception = Reception::default();
        for frame in 0..500u64 {
            let arrival = at(frame).plus_ms(if frame % 2 == 0 { 0 } else { 5 });
            reception.receive(&header(frame as u16, frame as u32 * 160), arrival, true);
        }
        assert!(
            (36..=40).contains(&reception.jitter()),
            "{}",
            reception.jitter()
        ); // 5 ms
    }

    #[test]
    fn a_packet_that_comes_after_a_gap_is_counted_once() {
        let mut reception = Reception::default();
        for frame in 0..100u64 {
            let held_up = if frame == 50 { 11 } else { 0 };
            let arrival = at(frame).plus_ms(held_up);
            reception.receive(&header(frame as u16, frame as u32 * 160), arrival, true);
        }
        assert_eq!(reception.delayed(), 1);
    }

    #[test]
    fn one_wild_packet_is_not_believed_but_two_in_a_row_are_a_restart() {
        let mut reception = Reception::default();
        reception.receive(&header(10, 0), at(0), true);
        reception.receive(&header(12, 320), at(2), true);
        assert_eq!(
            reception.receive(&header(30000, 0), at(3), true),
            Fit::Suspect
        );
        assert_eq!(reception.receive(&header(13, 480), at(3), true), Fit::Next);
        assert_eq!(
            reception.receive(&header(40000, 0), at(4), true),
            Fit::Suspect
        );
        assert_eq!(
            reception.receive(&header(40001, 160), at(5), true),
            Fit::Fresh
        );
        assert_eq!(
            reception.receive(&header(40003, 480), at(7), true),
            Fit::Next
        );
        assert_eq!(reception.lost(), 2);
    }

    #[test]
    fn a_new_source_begins_anew_and_the_totals_stay() {
        let mut reception = Reception::default();
        reception.receive(&header(1, 0), at(0), true);
        reception.receive(&header(3, 320), at(2), true);
        let other = Header {
            ssrc: Ssrc(6),
            ..header(900, 7)
        };
        assert_eq!(reception.receive(&other, at(3), true), Fit::Fresh);
        assert_eq!((reception.lost(), reception.ssrc()), (1, Some(Ssrc(6))));
        assert!(reception.continues(&Header {
            sequence: Seq(901),
            ..other
        }));
        assert!(!reception.continues(&header(901, 0)));
    }
}
