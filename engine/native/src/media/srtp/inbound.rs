//! What is received with one key.

use super::derivation::Traffic;
use super::key::MasterKey;
use super::packet::{self, index_of, Media, Place, CONTROL_HEADER};
use super::source::Sources;
use super::transform::Transform;
use super::Rejected;

/// Opens packets that were protected with one key.
pub struct Inbound {
    master: MasterKey,
    media: Transform,
    control: Transform,
    sources: Sources,
    /// Those of the key before: some peers count on when they have a new key, as RFC 3711 §3.3.1 says, and some begin anew.
    before: Option<Sources>,
}

impl Inbound {
    /// Nothing was received with that key yet.
    pub fn new(master: &MasterKey) -> Self {
        Inbound {
            media: Transform::new(master, Traffic::Media),
            control: Transform::new(master, Traffic::Control),
            master: master.clone(),
            sources: Sources::default(),
            before: None,
        }
    }

    /// What it opens with.
    pub fn master(&self) -> &MasterKey {
        &self.master
    }

    /// The same, with what is known of the sources that used another key so far.
    pub fn after(before: &Inbound, master: &MasterKey) -> Self {
        Inbound {
            before: Some(before.sources.clone()),
            ..Inbound::new(master)
        }
    }

    /// Verify and decrypt an RTP packet, in place; what is left of it is so long. One that is rejected stays as it is.
    pub fn unprotect(&mut self, packet: &mut [u8]) -> Result<usize, Rejected> {
        let header = packet::media(packet)?;
        let (index, length) = match self.sources.media(header.ssrc) {
            Some(window) => {
                let index = window.estimate(header.sequence);
                if !window.is_new(index) {
                    return Err(Rejected::Replayed);
                }
                (index, self.open(packet, &header, index)?)
            }
            None => self.open_first(packet, &header)?,
        };
        self.sources.note_media(header.ssrc, index);
        Ok(length)
    }

    /// Verify and decrypt a compound RTCP packet, in place; what is left of it is so long. One that is rejected stays as it is.
    pub fn unprotect_control(&mut self, packet: &mut [u8]) -> Result<usize, Rejected> {
        let ssrc = packet::control(packet)?;
        let word = self.control.control_word(packet, self.master.mki())?;
        let index = index_of(word);
        let window = self.sources.control(ssrc);
        if window.is_some_and(|window| !window.is_new(index)) {
            return Err(Rejected::Replayed);
        }
        let place = Place {
            ssrc,
            index,
            payload: CONTROL_HEADER,
            mki: self.master.mki(),
        };
        let length = self.control.open_control(packet, &place, word)?;
        self.sources.note_control(ssrc, index);
        Ok(length)
    }

    /// The first packet of a source: in the round that it was in under the key before, or in none.
    fn open_first(&self, packet: &mut [u8], header: &Media) -> Result<(u64, usize), Rejected> {
        let before = self
            .before
            .as_ref()
            .and_then(|sources| sources.media(header.ssrc));
        if let Some(window) = before {
            let index = window.estimate(header.sequence);
            if let Ok(length) = self.open(packet, header, index) {
                return Ok((index, length));
            }
        }
        let index = header.sequence.into();
        Ok((index, self.open(packet, header, index)?))
    }

    fn open(&self, packet: &mut [u8], header: &Media, index: u64) -> Result<usize, Rejected> {
        let place = Place {
            ssrc: header.ssrc,
            index,
            payload: header.payload,
            mki: self.master.mki(),
        };
        self.media.open(packet, &place)
    }
}
