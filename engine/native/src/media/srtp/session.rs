//! The two directions of one leg, and how keys are changed while packets are on their way.

use super::inbound::Inbound;
use super::key::MasterKey;
use super::outbound::Outbound;
use super::Rejected;

/// What two sides agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// What we send with.
    pub local: MasterKey,
    /// What the peer sends with.
    pub remote: MasterKey,
}

/// What one leg protects and opens its packets with.
pub struct Session {
    outbound: Outbound,
    inbound: Inbound,
    /// The peer's newer key, until a packet of it comes.
    next: Option<Box<Inbound>>,
}

impl Session {
    /// Nothing was sent or received yet.
    pub fn new(keys: &Keys) -> Self {
        Session {
            outbound: Outbound::new(&keys.local),
            inbound: Inbound::new(&keys.remote),
            next: None,
        }
    }

    /// Go on with these keys. A key that is the same counts on. A new one of ours is used at once; a new one of the peer's from
    /// the first packet that it authenticates, and until then the old one is good.
    ///
    /// True: one is new, and our source had begun a second round of sequence numbers. Whether its rollover counter then goes on
    /// (RFC 3711 §3.3.1) is understood differently, and who begins anew hears nothing of it: it had better be another source.
    pub fn rekey(&mut self, keys: &Keys, ssrc: u32) -> bool {
        let Keys { local, remote } = keys;
        let is_same = self.inbound.master() == remote && self.outbound.master() == local;
        let has_rolled_over = self.outbound.rollover(ssrc) > 0;
        if self.inbound.master() == remote {
            self.next = None;
        } else if self.next.as_ref().map(|next| next.master()) != Some(remote) {
            self.next = Some(Box::new(Inbound::after(&self.inbound, remote)));
        }
        if self.outbound.master() != local {
            self.outbound = Outbound::new(local);
        }
        has_rolled_over && !is_same
    }

    /// Protect the RTP packet that is the first `length` octets of `room`; the whole is so long.
    pub fn protect(&mut self, room: &mut [u8], length: usize) -> Result<usize, Rejected> {
        self.outbound.protect(room, length)
    }

    /// Protect the compound RTCP packet that is the first `length` octets of `room`; the whole is so long.
    pub fn protect_control(&mut self, room: &mut [u8], length: usize) -> Result<usize, Rejected> {
        self.outbound.protect_control(room, length)
    }

    /// Verify and decrypt an RTP packet, in place; what is left of it is so long.
    pub fn unprotect(&mut self, packet: &mut [u8]) -> Result<usize, Rejected> {
        self.receive(packet, Inbound::unprotect)
    }

    /// Verify and decrypt a compound RTCP packet, in place; what is left of it is so long.
    pub fn unprotect_control(&mut self, packet: &mut [u8]) -> Result<usize, Rejected> {
        self.receive(packet, Inbound::unprotect_control)
    }

    fn receive(
        &mut self,
        packet: &mut [u8],
        open: fn(&mut Inbound, &mut [u8]) -> Result<usize, Rejected>,
    ) -> Result<usize, Rejected> {
        if let Some(next) = &mut self.next {
            if let Ok(length) = open(next, packet) {
                if let Some(next) = self.next.take() {
                    self.inbound = *next;
                }
                return Ok(length);
            }
        }
        open(&mut self.inbound, packet)
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
