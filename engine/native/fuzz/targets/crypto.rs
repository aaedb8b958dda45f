//! An a=crypto attribute is read or refused; what was read is written, and reads as the same.
#![no_main]

use _native::codec::sdp::Crypto;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(crypto) = Crypto::parse(&String::from_utf8_lossy(data)) {
        let again = Crypto::parse(&crypto.to_string());
        assert!(again.is_ok_and(|again| again == crypto));
    }
});
