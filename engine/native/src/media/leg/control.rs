//! A leg's RTCP (RFC 3550 §6): its reports, its goodbye, and what the peer reports.

use std::net::SocketAddr;

use super::super::clock::{Clock, Moment};
use super::super::codec::Codec;
use super::super::rtcp::{self, Compound, ReportBlock, SenderInfo};
use super::Leg;

impl Leg {
    /// Once a second: our RTCP, when its time has come. `random` spreads the next.
    pub fn report(
        &mut self,
        clock: &Clock,
        now: Moment,
        random: impl FnOnce() -> u64,
    ) -> Option<(Compound, SocketAddr)> {
        if !self.is_open() || !self.control.is_due(now, random) {
            return None;
        }
        self.compound(clock, now)
    }

    /// The last RTCP (RFC 3550 §6.6); nothing if there was never anybody to send it to.
    pub fn goodbye(&mut self, clock: &Clock, now: Moment) -> Option<(Compound, SocketAddr)> {
        let (compound, destination) = self.compound(clock, now).filter(|_| self.is_open())?;
        Some((compound.with_goodbye(self.sender.ssrc()), destination))
    }

    fn compound(&mut self, clock: &Clock, now: Moment) -> Option<(Compound, SocketAddr)> {
        let destination = if self.is_muxed() {
            self.latch.destination()?
        } else {
            self.latch.control_destination()?
        };
        let (packets, octets) = self.counters.sent_so_far();
        let info = SenderInfo {
            ntp: clock.ntp(now),
            timestamp: self.sender.timestamp(now),
            packets,
            octets,
        };
        let clock = self.codec().map_or(1, Codec::clock);
        let block = self.reception.report().map(|block| ReportBlock {
            jitter: block.jitter.saturating_mul(clock), // in units of its timestamps (RFC 3550 §6.4.1)
            ..block
        });
        let compound = self.control.compound(self.sender.ssrc(), info, block, now);
        Some((compound, destination))
    }

    /// RTCP. What is malformed, or from elsewhere, is dropped: false.
    pub fn receive_control(
        &mut self,
        compound: &mut [u8],
        from: SocketAddr,
        clock: &Clock,
        now: Moment,
    ) -> bool {
        let (us, clock_of_theirs) = (self.sender.ssrc(), self.codec().map_or(1, Codec::clock));
        let heard = self
            .open_control(compound)
            .and_then(|compound| rtcp::read(compound, us).ok());
        match heard {
            Some(mut heard) if self.is_open() && self.latch.is_peer_host(from) => {
                if let Some(block) = &mut heard.about_us {
                    block.jitter /= clock_of_theirs;
                }
                self.control
                    .receive(&heard, clock.ntp(now), now, &self.counters);
                true
            }
            _ => {
                self.counters.discarded();
                false
            }
        }
    }
}
