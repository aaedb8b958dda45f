//! A session description is read or refused.
#![no_main]

use _native::codec::sdp::SessionDescription;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = SessionDescription::parse(data);
});
