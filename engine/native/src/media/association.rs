//! What one leg does to be reached and to have keys: ICE, if its descriptions agree on it, and the DTLS handshake over the pair
//! that ICE selects. Datagrams and time in, effects out. Without ICE the handshake is with the address in the SDP.

use std::net::SocketAddr;
use std::time::Instant;

use super::dtls::fingerprint::Fingerprint;
use super::dtls::handshake::{Handshake, Identity, Step as HandshakeStep};
use super::ice::checks::{Checks, Step as CheckStep, Terms as IceTerms, Way};
use super::ice::turn::{Client, Servers, Step as ServerStep};
use super::packet_kind::PacketKind;
use super::srtp::Keys;

/// What the descriptions say of DTLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DtlsTerms {
    /// We begin (`a=setup:active` is ours).
    pub is_client: bool,
    /// Any of these is the peer's certificate.
    pub fingerprints: Vec<Fingerprint>,
}

/// What the descriptions say, so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// None: the peer is where its SDP says.
    pub ice: Option<IceTerms>,
    /// None: not known yet.
    pub dtls: Option<DtlsTerms>,
    /// Where the peer is without ICE.
    pub remote: Option<SocketAddr>,
}

/// By which channel of which TURN server a peer is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relay {
    /// The server.
    pub server: SocketAddr,
    /// The channel.
    pub channel: u16,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send this there.
    Send(Vec<u8>, SocketAddr),
    /// The peer is there; None: directly.
    Route(SocketAddr, Option<Relay>),
    /// These are the keys.
    Secure(Keys),
    /// Send this there when all is over.
    Farewell(Vec<u8>, SocketAddr),
    /// We are to be found there, too: as in `a=candidate`.
    Candidate(String),
    /// That was all.
    Gathered,
    /// It came to nothing, or to an end; the text says why.
    Lose(String),
}

/// One leg's ICE and DTLS.
pub struct Association {
    identity: Identity,
    servers: Servers,
    checks: Option<Checks>,
    client: Option<Client>,
    terms: Option<DtlsTerms>,
    handshake: Option<Handshake>,
    /// Where the peer is now.
    remote: Option<(SocketAddr, Way)>,
}

impl Association {
    /// One of which nothing is known.
    pub fn new(identity: Identity, servers: Servers) -> Self {
        Association {
            identity,
            servers,
            checks: None,
            client: None,
            terms: None,
            handshake: None,
            remote: None,
        }
    }

    /// More is known, or something else.
    pub fn update(&mut self, terms: Terms, now: Instant, effects: &mut Vec<Effect>) {
        match terms.ice {
            Some(ice) => self.look(ice, now, effects),
            None => {
                self.checks = None;
                self.remote = terms.remote.map(|remote| (remote, Way::Direct));
            }
        }
        self.terms = terms.dtls;
        self.begin(now);
        self.advance(now, effects);
    }

    /// When `advance` is due.
    pub fn deadline(&mut self) -> Option<Instant> {
        let checks = self.checks.as_mut().and_then(Checks::deadline);
        let client = self.client.as_ref().and_then(Client::deadline);
        let handshake = self.handshake.as_ref().and_then(Handshake::deadline);
        [checks, client, handshake].into_iter().flatten().min()
    }

    /// Time has passed.
    pub fn advance(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if let Some(client) = &mut self.client {
            let mut steps = Vec::new();
            client.advance(now, &mut steps);
            self.learn(steps, effects);
        }
        if let Some(checks) = &mut self.checks {
            let mut steps = Vec::new();
            checks.advance(now, &mut steps);
            self.follow(steps, now, effects);
        }
        let is_due = |at: Instant| at <= now;
        if let (Some(remote), Some(handshake)) = (self.remote, &mut self.handshake) {
            if handshake.deadline().is_some_and(is_due) {
                let mut steps = Vec::new();
                handshake.advance(now, &mut steps);
                self.pass_on(steps, remote, now, effects);
            }
        }
    }

    /// A datagram that is no RTP.
    pub fn receive(
        &mut self,
        packet: &[u8],
        from: SocketAddr,
        now: Instant,
        effects: &mut Vec<Effect>,
    ) {
        let client = self.client.as_mut();
        let Some(client) = client.filter(|client| client.is_server(from)) else {
            return self.hear(packet, (from, Way::Direct), now, effects);
        };
        if PacketKind::of(packet) == PacketKind::Stun {
            let mut steps = Vec::new();
            client.receive(packet, now, &mut steps);
            self.learn(steps, effects);
        } else if let Some((peer, data)) = client.unframe(packet) {
            self.hear(data, (peer, Way::Relayed), now, effects);
        }
    }

    /// What the peer says, by whatever way.
    fn hear(
        &mut self,
        packet: &[u8],
        from: (SocketAddr, Way),
        now: Instant,
        effects: &mut Vec<Effect>,
    ) {
        match (PacketKind::of(packet), &mut self.checks) {
            (PacketKind::Stun, Some(checks)) => {
                let mut steps = Vec::new();
                checks.receive(packet, from, now, &mut steps);
                self.follow(steps, now, effects);
                self.advance(now, effects);
            }
            // Who has not shown that he knows our password could but disturb the handshake.
            (PacketKind::Dtls, Some(checks)) if checks.is_reached(from.0) => {
                self.shake_hands(packet, from, now, effects);
            }
            (PacketKind::Dtls, None) => self.shake_hands(packet, from, now, effects),
            _ => {}
        }
    }

    fn look(&mut self, terms: IceTerms, now: Instant, effects: &mut Vec<Effect>) {
        let gathers = !terms.is_lite && self.servers != Servers::default();
        match &mut self.checks {
            Some(checks) => checks.update(terms, now),
            None => self.checks = Some(Checks::new(terms, now)),
        }
        if gathers && self.client.is_none() {
            let mut steps = Vec::new();
            self.client = Some(Client::new(self.servers.clone(), now, &mut steps));
            self.learn(steps, effects);
        }
        let relayed = self.client.as_ref().and_then(Client::relayed);
        if let (Some(relayed), Some(checks)) = (relayed, &mut self.checks) {
            checks.add_relayed(relayed); // once more, should the checks have begun anew
        }
    }

    /// What servers say.
    fn learn(&mut self, steps: Vec<ServerStep>, effects: &mut Vec<Effect>) {
        for step in steps {
            let candidate = match (step, &mut self.checks) {
                (ServerStep::Mapped(mapped), Some(checks)) => checks.mapped(mapped),
                (ServerStep::Relayed(relayed), Some(checks)) => checks.add_relayed(relayed),
                (ServerStep::Send(packet, to), _) => {
                    effects.push(Effect::Send(packet, to));
                    None
                }
                (ServerStep::Farewell(packet, to), _) => {
                    effects.push(Effect::Farewell(packet, to));
                    None
                }
                (ServerStep::Complete, _) => {
                    effects.push(Effect::Gathered);
                    None
                }
                _ => None,
            };
            effects.extend(candidate.map(Effect::Candidate));
        }
    }

    fn shake_hands(
        &mut self,
        packet: &[u8],
        from: (SocketAddr, Way),
        now: Instant,
        effects: &mut Vec<Effect>,
    ) {
        if self.checks.is_none() || self.remote.is_none() {
            self.remote = Some(from); // where it comes from is where it is, until ICE says otherwise
        }
        self.begin(now);
        if let Some(handshake) = &mut self.handshake {
            let mut steps = Vec::new();
            handshake.receive(packet, now, &mut steps);
            self.pass_on(steps, self.remote.unwrap_or(from), now, effects);
        }
    }

    fn follow(&mut self, steps: Vec<CheckStep>, now: Instant, effects: &mut Vec<Effect>) {
        for step in steps {
            match step {
                CheckStep::Send(packet, to, way) => self.send(packet, (to, way), now, effects),
                CheckStep::Selected(remote, way) => {
                    self.remote = Some((remote, way));
                    effects.push(Effect::Route(remote, self.relay_of(remote, way)));
                    self.begin(now);
                }
                CheckStep::Lost(reason) => effects.push(Effect::Lose(reason.into())),
            }
        }
    }

    /// Checks have gone by the relay before it is selected, so that there is a channel.
    fn relay_of(&self, peer: SocketAddr, way: Way) -> Option<Relay> {
        let client = self.client.as_ref().filter(|_| way == Way::Relayed)?;
        Some(Relay {
            server: client.turn()?,
            channel: client.channel(peer)?,
        })
    }

    fn send(
        &mut self,
        packet: Vec<u8>,
        (to, way): (SocketAddr, Way),
        now: Instant,
        effects: &mut Vec<Effect>,
    ) {
        match (way, &mut self.client) {
            (Way::Relayed, Some(client)) => {
                let mut steps = Vec::new();
                client.send(&packet, to, now, &mut steps);
                self.learn(steps, effects);
            }
            _ => effects.push(Effect::Send(packet, to)),
        }
    }

    /// Begin the handshake as soon as the peer is known and reached; anew if it is another's, or in another role (RFC 8842 §4).
    fn begin(&mut self, now: Instant) {
        let (Some(terms), Some(_)) = (&self.terms, self.remote) else {
            return;
        };
        let is_same = |handshake: &Handshake| handshake.is_of(terms.is_client, &terms.fingerprints);
        if !self.handshake.as_ref().is_some_and(is_same) {
            let fingerprints = terms.fingerprints.clone();
            let handshake = Handshake::new(&self.identity, terms.is_client, fingerprints, now);
            self.handshake = Some(handshake);
        }
    }

    fn pass_on(
        &mut self,
        steps: Vec<HandshakeStep>,
        remote: (SocketAddr, Way),
        now: Instant,
        effects: &mut Vec<Effect>,
    ) {
        for step in steps {
            match step {
                HandshakeStep::Send(packet) => self.send(packet, remote, now, effects),
                HandshakeStep::Keyed(keys) => effects.push(Effect::Secure(keys)),
                HandshakeStep::Failed(reason) => effects.push(Effect::Lose(reason)),
            }
        }
    }
}

#[cfg(test)]
#[path = "association_tests.rs"]
mod tests;
