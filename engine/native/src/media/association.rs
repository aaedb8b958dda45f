//! What one leg does to be reached and to have keys: ICE, if its descriptions agree on it, and the DTLS handshake over the pair
//! that ICE selects. Datagrams and time in, effects out. Without ICE the handshake is with the address in the SDP.

use std::net::SocketAddr;
use std::time::Instant;

use super::dtls::fingerprint::Fingerprint;
use super::dtls::handshake::{Handshake, Identity, Step as HandshakeStep};
use super::ice::checks::{Checks, Step as CheckStep, Terms as IceTerms};
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

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send this there.
    Send(Vec<u8>, SocketAddr),
    /// The peer is there.
    Route(SocketAddr),
    /// These are the keys.
    Secure(Keys),
    /// It came to nothing, or to an end; the text says why.
    Lose(String),
}

/// One leg's ICE and DTLS.
pub struct Association {
    identity: Identity,
    checks: Option<Checks>,
    terms: Option<DtlsTerms>,
    handshake: Option<Handshake>,
    /// Where the peer is now.
    remote: Option<SocketAddr>,
}

impl Association {
    /// One of which nothing is known.
    pub fn new(identity: Identity) -> Self {
        Association {
            identity,
            checks: None,
            terms: None,
            handshake: None,
            remote: None,
        }
    }

    /// More is known, or something else.
    pub fn update(&mut self, terms: Terms, now: Instant, effects: &mut Vec<Effect>) {
        match terms.ice {
            Some(ice) => match &mut self.checks {
                Some(checks) => checks.update(ice, now),
                None => self.checks = Some(Checks::new(ice, now)),
            },
            None => {
                self.checks = None;
                self.remote = terms.remote;
            }
        }
        self.terms = terms.dtls;
        self.begin(now);
        self.advance(now, effects);
    }

    /// When `advance` is due.
    pub fn deadline(&mut self) -> Option<Instant> {
        let checks = self.checks.as_mut().and_then(Checks::deadline);
        let handshake = self.handshake.as_ref().and_then(Handshake::deadline);
        match (checks, handshake) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// Time has passed.
    pub fn advance(&mut self, now: Instant, effects: &mut Vec<Effect>) {
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
                pass_on(steps, remote, effects);
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
        match (PacketKind::of(packet), &mut self.checks) {
            (PacketKind::Stun, Some(checks)) => {
                let mut steps = Vec::new();
                checks.receive(packet, from, now, &mut steps);
                self.follow(steps, now, effects);
                self.advance(now, effects);
            }
            // Who has not shown that he knows our password could but disturb the handshake.
            (PacketKind::Dtls, Some(checks)) if checks.is_reached(from) => {
                self.shake_hands(packet, from, now, effects);
            }
            (PacketKind::Dtls, None) => self.shake_hands(packet, from, now, effects),
            _ => {}
        }
    }

    fn shake_hands(
        &mut self,
        packet: &[u8],
        from: SocketAddr,
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
            pass_on(steps, self.remote.unwrap_or(from), effects);
        }
    }

    fn follow(&mut self, steps: Vec<CheckStep>, now: Instant, effects: &mut Vec<Effect>) {
        for step in steps {
            match step {
                CheckStep::Send(packet, to) => effects.push(Effect::Send(packet, to)),
                CheckStep::Selected(remote) => {
                    self.remote = Some(remote);
                    effects.push(Effect::Route(remote));
                    self.begin(now);
                }
                CheckStep::Lost(reason) => effects.push(Effect::Lose(reason.into())),
            }
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
}

fn pass_on(steps: Vec<HandshakeStep>, remote: SocketAddr, effects: &mut Vec<Effect>) {
    effects.extend(steps.into_iter().map(|step| match step {
        HandshakeStep::Send(packet) => Effect::Send(packet, remote),
        HandshakeStep::Keyed(keys) => Effect::Secure(keys),
        HandshakeStep::Failed(reason) => Effect::Lose(reason),
    }));
}

#[cfg(test)]
#[path = "association_tests.rs"]
mod tests;
