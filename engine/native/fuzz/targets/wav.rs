//! A WAV file is read and brought to 8 kHz, or refused.
#![no_main]

use _native::media::resample::to_8000;
use _native::media::wav;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(wav) = wav::read(data) {
        let _ = to_8000(&wav.samples, wav.rate);
    }
});
