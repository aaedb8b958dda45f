//! SIP and SDP bytes to typed values and back (RFC 3261, RFC 8866).
//!
//! `message::parse_datagram` and `stream::StreamReader` read; `build` writes. Reading keeps the octets, indexes the header
//! fields, and checks at once what every element needs: start line, Via, From, To, Call-ID, CSeq, Contact, routes, and the
//! scalars. The rest is read when asked for. Everything is linear in the length of the message and bounded by `limits`.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod address;
pub mod build;
pub mod error;
mod grammar;
mod head;
pub mod header;
mod host;
pub mod limits;
pub mod message;
pub mod param;
pub mod reason;
pub mod sdp;
pub mod start_line;
pub mod stream;
pub mod uri;
pub mod via;

#[cfg(test)]
mod fuzz;
