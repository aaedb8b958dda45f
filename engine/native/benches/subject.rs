//! What is measured: a leg that is agreed on, and a packet for it. Of the benches, and of `examples/paths.rs`.

use std::net::SocketAddr;

use _native::media::clock::{Moment, FRAME};
use _native::media::codec::Codec;
use _native::media::g711::Law;
use _native::media::leg::Leg;
use _native::media::report::{LegId, Reports};
use _native::media::rtp::{Header, Pt, Seq, Ssrc, HEADER};
use _native::media::stream::Stream;

pub fn leg(id: u64, reports: &mut Reports) -> Leg {
    let mut leg = Leg::new(LegId(id), [id, 2]);
    let stream = Stream {
        remote: Some(SocketAddr::from(([192, 0, 2, 1], 4000))),
        signalled_from: None,
        codec: Codec::G711(Law::Mu),
        event_clock: 1,
        comfort_noise: None,
        payload_type: Pt(0),
        packet_samples: FRAME,
        telephone_event: Some(Pt(101)),
        hears_tones: false,
        is_muxed: false,
        may_send: true,
        may_receive: true,
    };
    leg.update(stream, Moment(0), reports);
    leg
}

pub fn packet(number: u64) -> Vec<u8> {
    let header = Header {
        marker: false,
        payload_type: Pt(0),
        sequence: Seq(number as u16),
        timestamp: number as u32 * FRAME as u32,
        ssrc: Ssrc(7),
    };
    let mut packet = vec![0x7f; HEADER + FRAME];
    header.write(&mut packet);
    packet
}
