//! The RTP data plane (RFC 3550, RFC 3551, RFC 4733).
//!
//! `engine::Engine` is the door. It owns media threads (`plane`), each with its legs (`leg`), their sockets (`ports`) and a
//! wheel of 20 ms (`wheel`), and its rooms (`room`, `mixer`). Commands go in by `command::Inbox`, reports come out by `report::ReportQueue` and one descriptor.
//! Files are read by `loader`, recordings written by `writer`, on threads of their own.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod association;
pub mod associations;
pub mod clip;
pub mod clock;
pub mod codec;
pub mod command;
pub mod compressed;
pub mod concealment;
pub mod control;
pub mod conversion;
pub mod decoder;
pub mod delay;
pub mod digit_receiver;
pub mod digit_sender;
pub mod dtls;
pub mod dtmf;
pub mod engine;
pub mod fade;
pub mod frames;
pub mod hearing;
pub mod ice;
pub mod inband_receiver;
pub mod latch;
pub mod lateness;
pub mod leg;
pub mod library;
pub mod line;
pub mod loader;
pub mod lock;
pub mod looking;
pub mod mixer;
pub mod ogg_opus;
pub mod outlet;
pub mod packet_kind;
pub mod packetizer;
pub mod pipe;
pub mod plane;
pub mod player;
pub mod playout;
pub mod ports;
pub mod raw;
pub mod reception;
pub mod recorder;
pub mod reel;
pub mod report;
pub mod resample;
pub mod room;
pub mod rooms;
pub mod rtcp;
pub mod rtp;
pub mod sender;
pub mod signal;
pub mod sound;
pub mod srtp;
pub mod statistics;
pub mod stream;
pub mod syscalls;
pub mod talk;
pub mod tape;
pub mod telephone_event;
#[cfg(test)]
mod testing;
pub mod timeline;
pub mod tonality;
pub mod tone;
pub mod wav;
pub mod wheel;
pub mod writer;

pub use codec::g711;
