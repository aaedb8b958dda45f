//! A compound RTCP packet is read or refused; so is an RTP header, which lies within its packet.
#![no_main]

use _native::media::rtcp;
use _native::media::rtp::{Header, Ssrc};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = rtcp::read(data, Ssrc(0x0102_0304));
    if let Ok((_, payload)) = Header::read(data) {
        assert!(payload.start <= payload.end && payload.end <= data.len());
    }
});
