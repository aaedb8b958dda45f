//! Secure RTP (RFC 3711) with AES in counter mode and HMAC-SHA1, with longer keys (RFC 6188), and with AES-GCM (RFC 7714).
//!
//! A `MasterKey` is what one side encrypts with: who exchanges keys, be it SDES or DTLS, makes two of them. A `Session` is what
//! one leg has: its own key to send with and the peer's to receive with, and a newer one of the peer's until that is used. Below
//! it, `Outbound` protects what one key sends, and `Inbound` opens what another one sent; both do it in place, without memory of
//! their own per packet. Keys are derived once (a key derivation rate of 0); nothing that is printed shows one.
//!
//! What may be appended is in `MAX_OVERHEAD` and `MAX_CONTROL_OVERHEAD`: whoever sends leaves so much room behind a packet.

mod counter;
mod derivation;
mod gcm;
mod inbound;
mod key;
mod outbound;
mod packet;
mod profile;
mod session;
mod source;
mod transform;
#[cfg(test)]
mod vector_tests;
mod window;

pub use inbound::Inbound;
pub use key::{MasterKey, WrongKey, MAX_MKI};
pub use outbound::Outbound;
pub use profile::{Profile, MAX_KEY, MAX_SALT};
pub use session::{Keys, Session};

/// The most that protecting appends to an RTP packet: the tag of AES-GCM, and a master key identifier.
pub const MAX_OVERHEAD: usize = 16 + MAX_MKI;
/// The most that protecting appends to a compound RTCP packet: that, and the index.
pub const MAX_CONTROL_OVERHEAD: usize = MAX_OVERHEAD + 4;

/// Why a packet is not to be heard, or not to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// It is no RTP or RTCP packet, or too short, or has no room for its tag.
    Malformed,
    /// It came before, or is older than what is remembered (RFC 3711 §3.3.2). Of what is to be sent: its number was used.
    Replayed,
    /// Its tag is not what this key makes, or its master key identifier is another.
    NotAuthentic,
    /// Nothing more may be sent with this key: its indices are used up (RFC 3711 §9.2).
    Exhausted,
}
