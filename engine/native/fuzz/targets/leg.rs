//! A leg that echoes, listens for tones and watches is given packets: each begins with its length and its time since the last.
#![no_main]

use std::net::SocketAddr;

use _native::media::clock::{Clock, Moment};
use _native::media::codec::Codec;
use _native::media::g711::Law;
use _native::media::leg::{Leg, MAX_PACKET};
use _native::media::report::{LegId, Reports};
use _native::media::rtp::Pt;
use _native::media::stream::Stream;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (peer, stranger) = (
        SocketAddr::from(([192, 0, 2, 1], 4000)),
        SocketAddr::from(([192, 0, 2, 2], 5000)),
    );
    let (clock, mut now, mut reports) = (Clock::start(), Moment(0), Reports::default());
    let mut leg = Leg::new(LegId(1), [1, 2]);
    leg.update(
        Stream {
            remote: Some(peer),
            signalled_from: None,
            codec: Codec::G711(Law::Mu),
            event_clock: 1,
            comfort_noise: None,
            payload_type: Pt(0),
            packet_samples: 160,
            telephone_event: Some(Pt(101)),
            hears_tones: true,
            is_muxed: false,
            may_send: true,
            may_receive: true,
        },
        now,
        &mut reports,
    );
    leg.echo(Some(40));
    leg.watch_audio(true, now);
    let mut rest = data;
    while let [length, kind, after, ..] = rest {
        let (length, kind, after) = (
            usize::from(*length) + usize::from(*kind & 4) * 256,
            *kind,
            *after,
        );
        rest = &rest[3..];
        let (packet, others) = rest.split_at(length.min(rest.len()));
        rest = others;
        now = now.plus_ms(u64::from(after));
        let from = if kind & 1 == 0 { peer } else { stranger };
        if kind & 2 == 0 {
            leg.receive(&mut packet.to_vec(), from, now, &mut reports);
        } else {
            leg.receive_control(&mut packet.to_vec(), from, &clock, now);
        }
        let mut room = [0; MAX_PACKET];
        let mut made = leg.frame(now, &mut room, &mut reports);
        while let Some(outgoing) = made {
            assert!(outgoing.length <= MAX_PACKET);
            made = leg.more(&mut room);
        }
        let _ = leg.report(&clock, now, 7);
    }
});
