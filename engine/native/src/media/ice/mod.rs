//! ICE (RFC 8445): which of the addresses of a peer it can be reached at, found by STUN (RFC 8489), without I/O.

pub mod checks;
