//! Where a leg's packets come from and go to: symmetric RTP under a stated rule (RFC 4961; hardened as RFC 7362 advises).
//!
//! The rule:
//! 1. Until something comes we send to the address of the peer's SDP.
//! 2. The first valid RTP packet of the agreed payload type latches: its source is where we send, whatever the SDP said.
//! 3. While the latched source lives (a packet in the last three seconds) packets from elsewhere are dropped, with these
//!    exceptions: the SDP's own address is always right and takes the stream over at its first packet; and a packet that
//!    continues the stream (same SSRC, next sequence numbers) is the same peer behind a NAT that has changed its mind.
//! 4. The host of the SDP's address and the one that the peer's SIP comes from are expected. A source there takes the stream over
//!    from one elsewhere at its first packet: who was quicker than the peer behind its NAT does not keep it.
//! 5. When the latched source has been silent for three seconds, another takes over after three packets in sequence.
//! 6. A new address in the SDP forgets the latch; the same address again keeps it.
//! 7. Where ICE is used none of this holds: we send to the pair that it selects, and to nobody before; and what comes from
//!    elsewhere is judged by its keys, as a peer may send by any pair that it has checked (RFC 8445 §12).

use std::net::{IpAddr, SocketAddr};

use super::clock::Moment;
use super::rtp::{Header, Seq, Ssrc};

/// Without a packet for so long, the latched source may be replaced.
const SILENCE_MS: u64 = 3000;
/// Packets in sequence that a successor must show.
const PROBATION: u8 = 3;

/// The latch of one leg.
#[derive(Debug, Default)]
pub struct Latch {
    announced: Option<SocketAddr>,
    signalled_from: Option<IpAddr>,
    source: Option<SocketAddr>,
    heard_at: Moment,
    candidate: Option<Candidate>,
    ice: Option<Ice>,
}

/// What ICE says.
#[derive(Clone, Copy, Debug)]
enum Ice {
    Checking,
    Selected(SocketAddr),
}

#[derive(Debug)]
struct Candidate {
    address: SocketAddr,
    ssrc: Ssrc,
    next: Seq,
    count: u8,
}

impl Latch {
    /// The address of the peer's SDP; an unspecified address or port 0 is none.
    pub fn announce(&mut self, address: Option<SocketAddr>) {
        let address =
            address.filter(|address| !address.ip().is_unspecified() && address.port() != 0);
        if address != self.announced {
            self.announced = address;
            self.source = None;
            self.candidate = None;
        }
    }

    /// The host that the peer's SIP comes from.
    pub fn signal(&mut self, host: Option<IpAddr>) {
        self.signalled_from = host;
    }

    /// ICE says where the peer is, or does no more. What it has said stays.
    pub fn follow_ice(&mut self, has_ice: bool) {
        self.ice = has_ice.then(|| self.ice.unwrap_or(Ice::Checking));
    }

    /// ICE has selected this.
    pub fn select(&mut self, address: SocketAddr) {
        self.ice = Some(Ice::Selected(address));
    }

    /// Where to send RTP now.
    pub fn destination(&self) -> Option<SocketAddr> {
        match self.ice {
            Some(Ice::Checking) => None,
            Some(Ice::Selected(address)) => Some(address),
            None => self.source.or(self.announced),
        }
    }

    /// The peer was heard, or has shown that it hears us.
    pub fn is_heard(&self) -> bool {
        match self.ice {
            Some(ice) => matches!(ice, Ice::Selected(_)),
            None => self.source.is_some(),
        }
    }

    /// Where to send RTCP: the port above (RFC 3550 §11).
    pub fn control_destination(&self) -> Option<SocketAddr> {
        let mut address = self.destination()?;
        address.set_port(address.port().checked_add(1)?);
        Some(address)
    }

    /// True when RTCP from `from` is the peer's: from the host that we send to.
    pub fn is_peer_host(&self, from: SocketAddr) -> bool {
        if self.ice.is_some() {
            return true;
        }
        self.destination()
            .is_some_and(|destination| destination.ip() == from.ip())
    }

    /// A valid packet came from `from`: is it the peer's? `continues` says that it goes on with the stream received.
    pub fn accepts(
        &mut self,
        from: SocketAddr,
        header: &Header,
        continues: bool,
        now: Moment,
    ) -> bool {
        if self.ice.is_some() {
            return true;
        }
        if self.source == Some(from) {
            self.heard_at = now;
            return true;
        }
        let takes_over = self
            .source
            .is_none_or(|source| self.is_likelier(from, source))
            || self.announced == Some(from)
            || continues
            || now.ms_since(self.heard_at) >= SILENCE_MS && self.has_proven_itself(from, header);
        if takes_over {
            self.source = Some(from);
            self.heard_at = now;
            self.candidate = None;
        }
        takes_over
    }

    /// `from` is of a host that is expected, and `source` is of none.
    fn is_likelier(&self, from: SocketAddr, source: SocketAddr) -> bool {
        let is_expected = |address: SocketAddr| {
            let host = Some(address.ip());
            host == self.signalled_from || host == self.announced.map(|announced| announced.ip())
        };
        !is_expected(source) && is_expected(from)
    }

    fn has_proven_itself(&mut self, from: SocketAddr, header: &Header) -> bool {
        let count = match &self.candidate {
            Some(candidate)
                if candidate.address == from
                    && candidate.ssrc == header.ssrc
                    && candidate.next == header.sequence =>
            {
                candidate.count + 1
            }
            _ => 1,
        };
        self.candidate = Some(Candidate {
            address: from,
            ssrc: header.ssrc,
            next: header.sequence.plus(1),
            count,
        });
        count >= PROBATION
    }
}

#[cfg(test)]
mod tests {
    use super::super::rtp::Pt;
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    fn header(sequence: u16) -> Header {
        Header {
            marker: false,
            payload_type: Pt(0),
            sequence: Seq(sequence),
            timestamp: 0,
            ssrc: Ssrc(1),
        }
    }

    fn latched_to(port: u16) -> Latch {
        let mut latch = Latch::default();
        latch.announce(Some(address(1000)));
        assert!(latch.accepts(address(port), &header(0), false, Moment(0)));
        latch
    }

    #[test]
    fn the_announced_address_is_sent_to_until_something_comes() {
        let mut latch = Latch::default();
        assert_eq!(latch.destination(), None);
        latch.announce(Some(address(1000)));
        assert_eq!(latch.destination(), Some(address(1000)));
        assert_eq!(latch.control_destination(), Some(address(1001)));
        assert!(latch.accepts(address(2000), &header(0), false, Moment(0)));
        assert_eq!(latch.destination(), Some(address(2000)));
    }

    #[test]
    fn nowhere_is_no_address() {
        let mut latch = Latch::default();
        latch.announce(Some(SocketAddr::from(([0, 0, 0, 0], 9))));
        assert_eq!(latch.destination(), None);
        latch.announce(Some(address(0)));
        assert_eq!(latch.destination(), None);
        latch.announce(Some(address(65535)));
        assert_eq!(latch.control_destination(), None);
    }

    #[test]
    fn a_stranger_does_not_move_a_live_stream() {
        let mut latch = latched_to(2000);
        for sequence in 0..100 {
            assert!(!latch.accepts(
                address(3000),
                &header(sequence),
                false,
                Moment(0).plus_ms(2000)
            ));
        }
        assert_eq!(latch.destination(), Some(address(2000)));
    }

    #[test]
    fn the_announced_address_and_a_moved_peer_take_over_at_once() {
        let mut latch = latched_to(2000);
        assert!(latch.accepts(address(2001), &header(1), true, Moment(0)));
        assert!(!latch.accepts(address(2000), &header(1), false, Moment(0)));
        assert!(latch.accepts(address(1000), &header(1), false, Moment(0)));
        assert_eq!(latch.destination(), Some(address(1000)));
    }

    #[test]
    fn who_was_quicker_than_the_peer_gives_way_to_the_host_of_its_sip_and_of_its_sdp() {
        let of = |host: u8| SocketAddr::from(([198, 51, 100, host], 9));
        for (expected, signalled_from) in [(of(7), Some(of(7).ip())), (address(77), None)] {
            let mut latch = Latch::default();
            latch.announce(Some(address(1000)));
            latch.signal(signalled_from);
            assert!(latch.accepts(of(1), &header(0), false, Moment(0)));
            assert!(!latch.accepts(of(2), &header(0), false, Moment(0)));
            assert!(latch.accepts(expected, &header(0), false, Moment(0)));
            assert!(!latch.accepts(of(1), &header(1), false, Moment(0)));
            assert_eq!(latch.destination(), Some(expected));
        }
    }

    #[test]
    fn of_two_ports_of_an_expected_host_the_first_stays() {
        let mut latch = latched_to(2000);
        assert!(!latch.accepts(address(2001), &header(5), false, Moment(0)));
        assert_eq!(latch.destination(), Some(address(2000)));
    }

    #[test]
    fn after_silence_a_successor_needs_three_packets_in_sequence() {
        let mut latch = latched_to(2000);
        let later = Moment(0).plus_ms(SILENCE_MS);
        let accepted: Vec<bool> = [5, 7, 8, 9]
            .map(|sequence| latch.accepts(address(3000), &header(sequence), false, later))
            .to_vec();
        assert_eq!(accepted, [false, false, false, true]);
        assert_eq!(latch.destination(), Some(address(3000)));
    }

    #[test]
    fn where_ice_is_used_it_alone_says_where_to_send() {
        let mut latch = latched_to(2000);
        latch.follow_ice(true);
        assert_eq!(latch.destination(), None);
        assert!(latch.accepts(address(3000), &header(1), false, Moment(0)));
        latch.select(address(4000));
        latch.follow_ice(true);
        latch.announce(Some(address(5000)));
        assert_eq!(latch.destination(), Some(address(4000)));
        assert!(latch.is_peer_host(SocketAddr::from(([192, 0, 2, 9], 1))));
        latch.follow_ice(false);
        assert_eq!(latch.destination(), Some(address(5000)));
    }

    #[test]
    fn a_new_announcement_forgets_the_latch_and_the_same_keeps_it() {
        let mut latch = latched_to(2000);
        latch.announce(Some(address(1000)));
        assert_eq!(latch.destination(), Some(address(2000)));
        latch.announce(Some(address(4000)));
        assert_eq!(latch.destination(), Some(address(4000)));
        assert!(latch.is_peer_host(address(9)));
    }
}
