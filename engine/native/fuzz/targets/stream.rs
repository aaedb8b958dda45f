//! A stream of SIP says the same however it is cut: the first octet is where.
#![no_main]

use _native::codec::stream::{Item, StreamReader};
use libfuzzer_sys::fuzz_target;

fn messages(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, bool) {
    let mut reader = StreamReader::default();
    let mut messages = Vec::new();
    for piece in pieces {
        for item in reader.feed(piece) {
            if let Item::Message(message) = item {
                messages.push(message.raw().to_vec());
            }
        }
    }
    (messages, reader.is_broken())
}

fuzz_target!(|data: &[u8]| {
    if let Some((cut, data)) = data.split_first() {
        let (one, other) = data.split_at(usize::from(*cut).min(data.len()));
        assert_eq!(messages(&[one, other]), messages(&[data]));
    }
});
