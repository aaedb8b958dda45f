//! The connectivity checks of one leg: full, or lite (RFC 8445 §2.5), with candidates that come when they come (RFC 8838),
//! and consent that is asked for as long as the leg lives (RFC 7675). One component: RTCP is on the port of RTP.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use is::stun::{StunMessage, StunPacket};
use is::{Candidate, IceAgent, IceAgentEvent, IceConnectionState, IceCreds, Protocol};

/// Candidates of one peer that are looked at.
const MAX_CANDIDATES: usize = 64;
/// Pairs that are checked.
const MAX_PAIRS: usize = 100;
/// Addresses that a peer has proved to have.
const MAX_REACHED: usize = 64;
/// A peer that is not found for so long will not be. Browsers give up after 15 to 30 seconds, too.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whose packets STUN believes (RFC 8445 §5.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// `a=ice-ufrag`
    pub ufrag: String,
    /// `a=ice-pwd`
    pub password: String,
}

/// What the descriptions say of ICE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Ours.
    pub local: Credentials,
    /// The peer's; None: no answer yet.
    pub remote: Option<Credentials>,
    /// We are lite.
    pub is_lite: bool,
    /// We decide which pair is used.
    pub is_controlling: bool,
    /// Where the peer is told that we are.
    pub address: SocketAddr,
    /// What the peer says of where it is, as in `a=candidate`. Names (RFC 8828 §5.1) and TCP are passed over: a peer that is behind
    /// one is found by its own checks.
    pub candidates: Vec<String>,
}

/// What checks came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// This is to be sent there.
    Send(Vec<u8>, SocketAddr),
    /// The peer is reached there, until something else is said.
    Selected(SocketAddr),
    /// It is not reached, or not any more; the text says why.
    Lost(&'static str),
}

/// The checks of one leg.
pub struct Checks {
    agent: IceAgent,
    terms: Terms,
    known: HashSet<String>,
    /// Addresses that the peer sent good STUN from.
    reached: HashSet<SocketAddr>,
    selected: Option<SocketAddr>,
    /// When it is given up; None: it was found, or there is nobody to look for.
    given_up_at: Option<Instant>,
}

impl Checks {
    /// Begin, as far as is known.
    pub fn new(terms: Terms, now: Instant) -> Self {
        let mut agent = IceAgent::new(creds(&terms.local));
        agent.set_ice_lite(terms.is_lite);
        agent.set_controlling(terms.is_controlling);
        agent.set_max_candidate_pairs(MAX_PAIRS);
        if let Ok(host) = Candidate::host(terms.address, Protocol::Udp) {
            agent.add_local_candidate(host);
        }
        let mut checks = Checks {
            agent,
            terms,
            known: HashSet::new(),
            reached: HashSet::new(),
            selected: None,
            given_up_at: None,
        };
        checks.meet_peer(now);
        checks
    }

    /// More is known, or something else. The peer's new credentials begin anew (RFC 8445 §9); so do ours.
    pub fn update(&mut self, terms: Terms, now: Instant) {
        let is_new = terms.local != self.terms.local
            || terms.is_lite != self.terms.is_lite
            || terms.address != self.terms.address
            || (self.terms.remote.is_some() && terms.remote != self.terms.remote);
        if is_new {
            *self = Checks::new(terms, now);
            return;
        }
        self.agent.set_controlling(terms.is_controlling);
        self.terms = terms;
        self.meet_peer(now);
    }

    /// Has this address proved to be the peer's?
    pub fn is_reached(&self, address: SocketAddr) -> bool {
        self.reached.contains(&address)
    }

    /// When `advance` is due.
    pub fn deadline(&mut self) -> Option<Instant> {
        let next = self.agent.poll_timeout();
        match (next, self.given_up_at) {
            (Some(next), Some(end)) => Some(next.min(end)),
            (next, end) => next.or(end),
        }
    }

    /// Time has passed.
    pub fn advance(&mut self, now: Instant, steps: &mut Vec<Step>) {
        self.agent.handle_timeout(now);
        self.poll(steps);
        if self.given_up_at.is_some_and(|end| now >= end) {
            self.given_up_at = None;
            steps.push(Step::Lost("no address of the peer could be reached (ICE)"));
        }
    }

    /// A datagram that looks like STUN.
    pub fn receive(
        &mut self,
        packet: &[u8],
        from: SocketAddr,
        now: Instant,
        steps: &mut Vec<Step>,
    ) {
        let Ok(message) = StunMessage::parse(packet) else {
            return;
        };
        let packet = StunPacket {
            proto: Protocol::Udp,
            source: from,
            destination: self.terms.address,
            message,
        };
        if self.agent.handle_packet(now, packet) {
            self.agent.handle_timeout(now);
        }
        self.poll(steps);
    }

    fn meet_peer(&mut self, now: Instant) {
        let Some(remote) = &self.terms.remote else {
            return;
        };
        if self.agent.remote_credentials().is_none() {
            self.agent.set_remote_credentials(creds(remote));
            self.given_up_at = Some(now + PATIENCE);
        }
        for text in &self.terms.candidates {
            if self.known.len() >= MAX_CANDIDATES || !self.known.insert(text.clone()) {
                continue;
            }
            if let Some(candidate) = read(text, self.terms.address) {
                self.agent.add_remote_candidate(candidate);
            }
        }
        self.agent.handle_timeout(now);
    }

    fn poll(&mut self, steps: &mut Vec<Step>) {
        while let Some(transmit) = self.agent.poll_transmit() {
            steps.push(Step::Send(transmit.contents.to_vec(), transmit.destination));
        }
        while let Some(event) = self.agent.poll_event() {
            match event {
                IceAgentEvent::DiscoveredRecv { source, .. }
                    if self.reached.len() < MAX_REACHED =>
                {
                    self.reached.insert(source);
                }
                IceAgentEvent::NominatedSend { destination, .. } => {
                    self.given_up_at = None;
                    self.selected = Some(destination);
                    self.reached.insert(destination);
                    steps.push(Step::Selected(destination));
                }
                IceAgentEvent::IceConnectionStateChange(IceConnectionState::Disconnected)
                    if self.selected.take().is_some() =>
                {
                    steps.push(Step::Lost("the peer does not answer any more (ICE)"));
                }
                _ => {}
            }
        }
    }
}

fn creds(credentials: &Credentials) -> IceCreds {
    IceCreds {
        ufrag: credentials.ufrag.clone(),
        pass: credentials.password.clone(),
    }
}

/// A candidate that we could send to.
fn read(text: &str, local: SocketAddr) -> Option<Candidate> {
    let candidate = Candidate::from_sdp_string(text).ok()?;
    let address = candidate.addr();
    let is_fit = candidate.proto() == Protocol::Udp
        && address.is_ipv4() == local.is_ipv4()
        && address.port() != 0
        && !address.ip().is_unspecified()
        && !address.ip().is_multicast();
    is_fit.then_some(candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    fn credentials(name: &str) -> Credentials {
        Credentials {
            ufrag: name.into(),
            password: format!("{name}-password-of-22-octets"),
        }
    }

    fn terms(local: &str, remote: &str, port: u16, candidates: &[&str]) -> Terms {
        Terms {
            local: credentials(local),
            remote: Some(credentials(remote)),
            is_lite: false,
            is_controlling: false,
            address: address(port),
            candidates: candidates.iter().map(ToString::to_string).collect(),
        }
    }

    fn host(port: u16) -> String {
        format!("candidate:1 1 UDP 2130706431 192.0.2.1 {port} typ host")
    }

    struct Pair {
        ends: [(Checks, u16, Vec<Step>); 2],
        now: Instant,
        begun: Instant,
    }

    impl Pair {
        fn new(one: Terms, other: Terms) -> Self {
            let now = Instant::now();
            let end = |terms: Terms| {
                (
                    Checks::new(terms.clone(), now),
                    terms.address.port(),
                    vec![],
                )
            };
            Pair {
                ends: [end(one), end(other)],
                now,
                begun: now,
            }
        }

        /// Let both run for so long; `is_cut` loses everything.
        fn run(&mut self, seconds: u64, is_cut: bool) {
            let end = self.now + Duration::from_secs(seconds);
            while self.now < end {
                self.now += Duration::from_millis(25);
                for which in 0..2 {
                    let (checks, port, steps) = &mut self.ends[which];
                    let mut fresh = Vec::new();
                    checks.advance(self.now, &mut fresh);
                    let (from, sent): (_, Vec<_>) = (*port, fresh);
                    let (packets, rest) = sent
                        .into_iter()
                        .partition::<Vec<_>, _>(|step| matches!(step, Step::Send(..)));
                    steps.extend(rest);
                    if !is_cut {
                        self.deliver(packets, from);
                    }
                }
            }
        }

        fn deliver(&mut self, packets: Vec<Step>, from: u16) {
            for step in packets {
                let Step::Send(packet, to) = step else {
                    continue;
                };
                let Some(which) = self
                    .ends
                    .iter()
                    .position(|(_, port, _)| address(*port) == to)
                else {
                    continue;
                };
                let mut fresh = Vec::new();
                let (checks, port, steps) = &mut self.ends[which];
                checks.receive(&packet, address(from), self.now, &mut fresh);
                let (answers, rest) = fresh
                    .into_iter()
                    .partition::<Vec<_>, _>(|step| matches!(step, Step::Send(..)));
                steps.extend(rest);
                let port = *port;
                self.deliver(answers, port);
            }
        }
    }

    #[test]
    fn two_full_agents_find_each_other() {
        let mut one = terms("one", "two", 1, &[&host(2)]);
        one.is_controlling = true;
        let mut pair = Pair::new(one, terms("two", "one", 2, &[&host(1)]));
        pair.run(3, false);
        assert_eq!(pair.ends[0].2, [Step::Selected(address(2))]);
        assert_eq!(pair.ends[1].2, [Step::Selected(address(1))]);
        assert!(pair.ends[0].0.is_reached(address(2)));
        assert!(!pair.ends[0].0.is_reached(address(3)));
    }

    #[test]
    fn a_lite_agent_is_found_by_a_peer_whose_addresses_are_names() {
        let mut full = terms("one", "two", 1, &[&host(2)]);
        full.is_controlling = true;
        let name = "candidate:1 1 udp 2113937151 b1a7.local 5000 typ host generation 0";
        let mut lite = terms("two", "one", 2, &[name]);
        lite.is_lite = true;
        let mut pair = Pair::new(full, lite);
        pair.run(3, false);
        assert_eq!(pair.ends[1].2, [Step::Selected(address(1))]);
        pair.run(60, false);
        assert_eq!(
            pair.ends[1].2.len(),
            1,
            "consent is renewed for as long as it lasts"
        );
    }

    #[test]
    fn candidates_that_come_later_are_taken_and_others_are_passed_over() {
        let mut one = terms("one", "two", 1, &[]);
        one.is_controlling = true;
        let mut pair = Pair::new(
            one.clone(),
            terms("two", "one", 2, &["candidate:x", "no candidate"]),
        );
        pair.run(2, false);
        assert!(pair.ends[0].2.is_empty());
        let tcp = "candidate:1 1 TCP 1 192.0.2.1 9 typ host tcptype active";
        one.candidates = vec![tcp.into(), host(2)];
        let now = pair.now;
        pair.ends[0].0.update(one, now);
        pair.run(3, false);
        assert_eq!(pair.ends[0].2, [Step::Selected(address(2))]);
    }

    #[test]
    fn a_peer_that_is_nowhere_is_lost_after_half_a_minute() {
        for is_lite in [true, false] {
            let mut one = terms("one", "two", 1, &[&host(9)]);
            one.is_lite = is_lite;
            let mut pair = Pair::new(one, terms("three", "four", 2, &[]));
            pair.run(29, false);
            assert!(pair.ends[0].2.is_empty());
            pair.run(2, false);
            let lost = "no address of the peer could be reached (ICE)";
            assert_eq!(pair.ends[0].2, [Step::Lost(lost)]);
            assert!(pair.now > pair.begun);
        }
    }

    #[test]
    fn a_peer_that_falls_silent_has_taken_its_consent_back() {
        for is_lite in [true, false] {
            let mut one = terms("one", "two", 1, &[&host(2)]);
            one.is_controlling = true;
            let mut two = terms("two", "one", 2, &[]);
            two.is_lite = is_lite;
            let mut pair = Pair::new(one, two);
            pair.run(3, false);
            pair.run(60, true);
            let lost = Step::Lost("the peer does not answer any more (ICE)");
            assert_eq!(pair.ends[0].2.last(), Some(&lost));
            assert_eq!(pair.ends[1].2.last(), Some(&lost), "lite: {is_lite}");
        }
    }

    #[test]
    fn who_does_not_know_the_password_is_not_answered() {
        let mut one = terms("one", "two", 1, &[&host(2)]);
        one.is_controlling = true;
        let mut two = terms("two", "one", 2, &[]);
        two.local.password = "another-password-of-22".into();
        let mut pair = Pair::new(one, two);
        pair.run(3, false);
        assert!(pair.ends[0].2.is_empty() && pair.ends[1].2.is_empty());
        assert!(!pair.ends[1].0.is_reached(address(1)));
    }

    #[test]
    fn new_credentials_begin_anew() {
        let mut one = terms("one", "two", 1, &[&host(2)]);
        one.is_controlling = true;
        let mut pair = Pair::new(one.clone(), terms("two", "one", 2, &[]));
        pair.run(3, false);
        one.local = credentials("five");
        one.remote = Some(credentials("six"));
        let now = pair.now;
        pair.ends[0].0.update(one, now);
        pair.ends[1].0.update(terms("six", "five", 2, &[]), now);
        pair.run(3, false);
        assert_eq!(
            pair.ends[0].2,
            [Step::Selected(address(2)), Step::Selected(address(2))]
        );
    }
}
