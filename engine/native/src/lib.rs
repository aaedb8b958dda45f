//! The native part of callflow: what is done per byte and per packet.
//!
//! `codec` turns SIP and SDP bytes into typed values and back; `media` is the RTP data plane. Every decision is made in
//! Python above. Only `py` knows that Python exists, and it is compiled only with the feature `python`.

pub mod codec;
pub mod media;

#[cfg(feature = "python")]
mod py;
