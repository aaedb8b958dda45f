//! Each decoder is given packets, one after another: a payload's codec, its length and how far its number is after the last.
#![no_main]

use _native::media::codec::opus::Parameters;
use _native::media::codec::{Codec, Ear, Mouth, Rate};
use _native::media::rtp::{Header, Pt, Seq, Ssrc};
use libfuzzer_sys::fuzz_target;

const OPUS: Parameters = Parameters {
    bitrate: 24_000,
    has_fec: true,
    has_dtx: true,
};

fuzz_target!(|data: &[u8]| {
    let codecs = [
        Codec::G722,
        Codec::L16(Rate::Narrow),
        Codec::L16(Rate::Wide),
        Codec::Opus(OPUS),
    ];
    let mut ears = codecs.map(Ear::of);
    let mut mouths = codecs.map(Mouth::of);
    let (mut sequence, mut timestamp) = (Seq(0), 0u32);
    let mut rest = data;
    while let [which, length, step, ..] = rest {
        let (which, length, step) = (usize::from(*which) % 4, usize::from(*length), *step);
        let (payload, others) = rest[3..].split_at(length.min(rest.len() - 3));
        rest = others;
        sequence = sequence.plus(u16::from(step % 8));
        timestamp = timestamp.wrapping_add(u32::from(step) * 20);
        let header = Header {
            marker: false,
            payload_type: Pt(96),
            sequence,
            timestamp,
            ssrc: Ssrc(1),
        };
        let (Some(ear), Some(mouth)) = (&mut ears[which], &mut mouths[which]) else {
            continue;
        };
        if let Some(decoded) = ear.hear(&header, payload) {
            let mut octets = [0; 640];
            if let Some(frame) = decoded.narrow.first_chunk::<160>() {
                assert!(mouth.say(frame, Rate::Narrow, &mut octets) <= 640);
            }
        }
    }
});
