//! The two directions of one leg, and how keys are changed while packets are on their way.

use super::inbound::Inbound;
use super::key::MasterKey;
use super::outbound::Outbound;
use super::Rejected;

/// What one leg protects and opens its packets with.
pub struct Session {
    outbound: Outbound,
    inbound: Inbound,
    /// The peer's newer key, until a packet of it comes.
    next: Option<Box<Inbound>>,
}

impl Session {
    /// Of two keys: what we send with, and what the peer sends with.
    pub fn new(local: &MasterKey, remote: &MasterKey) -> Self {
        Session {
            outbound: Outbound::new(local),
            inbound: Inbound::new(remote),
            next: None,
        }
    }

    /// Go on with these keys. A key that is the same counts on. A new one of ours is used at once; a new one of the peer's from
    /// the first packet that it authenticates, and until then the old one is good.
    ///
    /// True: ours is new, and our source had begun a second round of sequence numbers. Whether such a source then goes on with
    /// its rollover counter is understood differently, so it had better be another.
    pub fn rekey(&mut self, local: &MasterKey, remote: &MasterKey, ssrc: u32) -> bool {
        if self.inbound.master() == remote {
            self.next = None;
        } else if self.next.as_ref().map(|next| next.master()) != Some(remote) {
            self.next = Some(Box::new(Inbound::after(&self.inbound, remote)));
        }
        if self.outbound.master() == local {
            return false;
        }
        let has_rolled_over = self.outbound.rollover(ssrc) > 0;
        self.outbound = Outbound::new(local);
        has_rolled_over
    }

    /// What we send with.
    pub fn local(&self) -> &MasterKey {
        self.outbound.master()
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
