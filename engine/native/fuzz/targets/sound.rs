//! A file of any format is heard to its end at 8 kHz, or as far as it goes; or it is refused.
#![no_main]

use _native::media::decoder;
use _native::media::tape::Tape;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(decoder) = decoder::of_octets(data.to_vec()) else {
        return;
    };
    let mut tape = Tape::new(decoder);
    for index in 0..8 {
        if tape.block(index).samples.is_empty() {
            break;
        }
    }
    if let Ok(decoder) = decoder::of_octets(data.to_vec()) {
        Tape::new(decoder).block(3); // what is before is passed over
    }
});
