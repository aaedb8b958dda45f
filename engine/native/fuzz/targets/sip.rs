//! A datagram is a SIP message or an error, and a message's fields can all be read.
#![no_main]

use _native::codec::message::parse_datagram;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(message) = parse_datagram(data) {
        let _ = (message.via(), message.vias(), message.from(), message.to());
        let _ = (message.contact(), message.call_id(), message.cseq());
        for field in message.fields.iter() {
            let text = field.text(message.raw());
            assert!(!text.iter().any(|octet| matches!(octet, b'\r' | b'\n')));
        }
    }
});
