//! A SIP message read and answered, a session description read.

use std::hint::black_box;

use _native::codec::build::{response, ResponseParts};
use _native::codec::message::parse_datagram;
use _native::codec::sdp::SessionDescription;
use criterion::{criterion_group, criterion_main, Criterion};

const INVITE: &[u8] = include_bytes!("../fuzz/seeds/sip/invite");
const SDP: &[u8] = include_bytes!("../fuzz/seeds/sdp/offer");

fn codec(criterion: &mut Criterion) {
    criterion.bench_function("read an INVITE", |bench| {
        bench.iter(|| parse_datagram(black_box(INVITE)).is_ok());
    });
    let Ok(invite) = parse_datagram(INVITE) else {
        return;
    };
    let parts = ResponseParts {
        status: 200,
        to_tag: Some("t"),
        ..Default::default()
    };
    criterion.bench_function("answer it", |bench| {
        bench.iter(|| response(black_box(&invite), &parts).is_ok());
    });
    criterion.bench_function("read an offer", |bench| {
        bench.iter(|| SessionDescription::parse(black_box(SDP)).is_ok());
    });
}

criterion_group!(benches, codec);
criterion_main!(benches);
