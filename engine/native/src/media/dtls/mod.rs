//! DTLS for SRTP (RFC 5763, RFC 5764): the engine's certificate, fingerprints, and one handshake without I/O.

pub mod certificate;
pub mod fingerprint;
pub mod handshake;
