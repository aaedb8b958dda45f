//! How a leg's packets are protected (RFC 3711): what is sent is sealed last, what comes is opened before anything reads it.

use super::super::srtp::{Keys, Rejected, Session};
use super::Leg;

impl Leg {
    /// Protect from now on with these keys, or no more. What is known of keys that stay is kept. `random` names our source
    /// anew, should it need that.
    pub fn secure(&mut self, keys: Option<&Keys>, random: u64) {
        match (keys, &mut self.srtp) {
            (None, srtp) => *srtp = None,
            (Some(keys), None) => self.srtp = Some(Box::new(Session::new(keys))),
            (Some(keys), Some(session)) => {
                if session.rekey(keys, self.sender.ssrc().0) {
                    self.sender.begin_anew(random);
                }
            }
        }
    }

    /// Protect the RTP packet that is the first `length` octets of `room`, if packets are protected; the whole is so long.
    /// None: it must not be sent.
    pub fn seal(&mut self, room: &mut [u8], length: usize) -> Option<usize> {
        match &mut self.srtp {
            None => Some(length),
            Some(session) => session.protect(room, length).ok(),
        }
    }

    /// The same for RTCP.
    pub fn seal_control(&mut self, room: &mut [u8], length: usize) -> Option<usize> {
        match &mut self.srtp {
            None => Some(length),
            Some(session) => session.protect_control(room, length).ok(),
        }
    }

    /// What an RTP packet is without its protection, if packets are protected. None: it is not the peer's, or came before.
    pub(super) fn open<'a>(&mut self, packet: &'a mut [u8]) -> Option<&'a mut [u8]> {
        match &mut self.srtp {
            None => Some(packet),
            Some(session) => {
                let opened = session.unprotect(packet);
                self.note_rejected(opened)
                    .map(|length| &mut packet[..length])
            }
        }
    }

    /// The same for RTCP.
    pub(super) fn open_control<'a>(&mut self, compound: &'a mut [u8]) -> Option<&'a mut [u8]> {
        match &mut self.srtp {
            None => Some(compound),
            Some(session) => {
                let opened = session.unprotect_control(compound);
                self.note_rejected(opened)
                    .map(|length| &mut compound[..length])
            }
        }
    }

    fn note_rejected(&self, opened: Result<usize, Rejected>) -> Option<usize> {
        match opened {
            Ok(length) => return Some(length),
            Err(Rejected::Replayed) => self.counters.replayed(),
            Err(_) => self.counters.forged(),
        }
        None
    }
}

#[cfg(test)]
#[path = "security_tests.rs"]
mod tests;
