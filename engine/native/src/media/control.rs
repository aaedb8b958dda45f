//! The RTCP of one leg: when to report, what to say of our stream and the peer's, what the peer says (RFC 3550 §6).

use super::clock::{ntp_middle, Moment};
use super::rtcp::{Compound, Heard, ReportBlock, SenderInfo};
use super::rtp::Ssrc;
use super::statistics::Counters;

/// Every five seconds on average, from half to one and a half times that (RFC 3550 §6.2).
const INTERVAL_MS: u64 = 5000;
/// A longer round trip is a mistake, in 1/65536 s: a minute.
const MAX_ROUND_TRIP: i32 = 60 << 16;

/// What is kept between reports.
#[derive(Debug)]
pub struct Control {
    /// Random for each leg, as RFC 7022 §4.2 wants of a name that says nothing.
    cname: String,
    due: Moment,
    peer_report: Option<(u32, Moment)>,
}

impl Control {
    /// Nothing was reported yet.
    pub fn new(random: u64) -> Self {
        Control {
            cname: format!("{random:016x}"),
            due: Moment::default(),
            peer_report: None,
        }
    }

    /// The stream begins: the first report comes soon.
    pub fn begin(&mut self, now: Moment) {
        self.due = now.plus_ms(INTERVAL_MS / 4);
    }

    /// True when a report is due; the next is then so much later as `random` says.
    pub fn is_due(&mut self, now: Moment, random: impl FnOnce() -> u64) -> bool {
        if now < self.due {
            return false;
        }
        self.due = now.plus_ms(INTERVAL_MS / 2 + random() % INTERVAL_MS);
        true
    }

    /// Our report: SR if anything was sent, with `block` on the peer if anything was received.
    pub fn compound(
        &self,
        us: Ssrc,
        info: SenderInfo,
        mut block: Option<ReportBlock>,
        now: Moment,
    ) -> Compound {
        if let (Some(block), Some((last_report, at))) = (&mut block, self.peer_report) {
            let delay = u128::from(now.0.saturating_sub(at.0)) * 65_536 / 1_000_000_000;
            block.last_report = last_report;
            block.delay = delay as u32;
        }
        let info = (info.packets > 0).then_some(info);
        Compound::report(us, info, block, &self.cname)
    }

    /// The peer's report; `ntp` is now.
    pub fn receive(&mut self, heard: &Heard, ntp: u64, now: Moment, counters: &Counters) {
        if let Some(ntp) = heard.sender_ntp {
            self.peer_report = Some((ntp_middle(ntp), now));
        }
        let Some(block) = heard.about_us else {
            return;
        };
        counters.reported(block.total_lost, block.jitter);
        let there_and_back = ntp_middle(ntp)
            .wrapping_sub(block.last_report)
            .wrapping_sub(block.delay) as i32;
        // Rounding at the peer may make it a little negative.
        if block.last_report != 0 && there_and_back < MAX_ROUND_TRIP {
            counters.round_trip(there_and_back.max(0) as u32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::Clock;
    use super::super::rtcp;
    use super::*;

    const INFO: SenderInfo = SenderInfo {
        ntp: 0,
        timestamp: 0,
        packets: 1,
        octets: 160,
    };

    fn block(source: u32) -> ReportBlock {
        ReportBlock {
            source,
            total_lost: 3,
            jitter: 80,
            ..ReportBlock::default()
        }
    }

    #[test]
    fn reports_come_at_random_around_five_seconds() {
        let mut control = Control::new(7);
        let at = |milliseconds| Moment(0).plus_ms(milliseconds);
        control.begin(at(0));
        assert!(!control.is_due(at(1249), || 0));
        assert!(control.is_due(at(1250), || 4999));
        assert!(!control.is_due(at(8748), || 0));
        assert!(control.is_due(at(8749), || 0));
        assert!(control.is_due(at(11_249), || 0));
    }

    #[test]
    fn two_that_report_to_each_other_know_loss_jitter_and_round_trip() {
        let clock = Clock::start();
        let (mut one, mut other) = (Control::new(1), Control::new(2));
        let at = |milliseconds| Moment(0).plus_ms(milliseconds);
        let info = SenderInfo {
            ntp: clock.ntp(at(0)),
            ..INFO
        };
        let sent = one.compound(Ssrc(1), info, None, at(0));
        let heard = rtcp::read(sent.octets(), Ssrc(2)).unwrap();
        other.receive(&heard, clock.ntp(at(30)), at(30), &Counters::default());
        let answer = other.compound(Ssrc(2), INFO, Some(block(1)), at(1030));
        let heard = rtcp::read(answer.octets(), Ssrc(1)).unwrap();
        let counters = Counters::default();
        one.receive(&heard, clock.ntp(at(1060)), at(1060), &counters);
        let figures = counters.read();
        assert_eq!(
            (figures.remote_packets_lost, figures.remote_jitter_ms),
            (3, 10.0)
        );
        assert!((figures.round_trip_ms.unwrap() - 60.0).abs() < 0.1);
    }

    #[test]
    fn who_never_sent_reports_as_a_receiver_and_an_absurd_round_trip_is_none() {
        let mut control = Control::new(1);
        let info = SenderInfo { packets: 0, ..INFO };
        let sent = control.compound(Ssrc(1), info, None, Moment(0));
        assert_eq!(rtcp::read(sent.octets(), Ssrc(2)).unwrap().sender_ntp, None);
        let counters = Counters::default();
        let absurd = ReportBlock {
            last_report: 1,
            ..block(1)
        };
        let heard = Heard {
            about_us: Some(absurd),
            ..Heard::default()
        };
        control.receive(&heard, 4000 << 32, Moment(0), &counters);
        assert_eq!(counters.read().round_trip_ms, None);
    }
}
