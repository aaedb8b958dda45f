//! `paths NAME COUNT`: one hot path so many times, for whoever counts its instructions (benchmarks/check.py).

use std::hint::black_box;
use std::net::SocketAddr;

use _native::codec::build::{response, ResponseParts};
use _native::codec::message::parse_datagram;
use _native::media::clock::{Moment, FRAME};
use _native::media::g711::Law;
use _native::media::leg::Received;
use _native::media::mixer::Sum;
use _native::media::report::Reports;

#[path = "../benches/subject.rs"]
mod subject;

use subject::{leg, packet};

const INVITE: &[u8] = include_bytes!("../fuzz/seeds/sip/invite");

fn main() {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let count = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(0);
    match name.as_str() {
        "read" => (0..count).for_each(|_| read()),
        "relay" => relay(count),
        "mix" => (0..count).for_each(|_| mix()),
        _ => eprintln!("usage: paths read|relay|mix COUNT"),
    }
}

/// A SIP message is read, and answered.
fn read() {
    let parts = ResponseParts {
        status: 200,
        to_tag: Some("t"),
        ..Default::default()
    };
    if let Ok(invite) = parse_datagram(black_box(INVITE)) {
        black_box(response(&invite, &parts).is_ok());
    }
}

/// A packet comes in on one leg and goes out on another.
fn relay(count: u64) {
    let mut reports = Reports::default();
    let (mut one, mut other) = (leg(1, &mut reports), leg(2, &mut reports));
    let from = SocketAddr::from(([192, 0, 2, 1], 4000));
    for number in 1..=count {
        let now = Moment(0).plus_ms(number * 20);
        let mut room = packet(number);
        if let Received::Audio(header, payload, codec) =
            one.receive(&mut room, from, now, &mut reports)
        {
            black_box(other.relay_audio(&header, &mut room[payload], codec, now));
        }
    }
}

/// A frame of a conference of two: each hears the sum without himself.
fn mix() {
    let voices: [[i16; FRAME]; 2] = [[900; FRAME], [-700; FRAME]];
    let mut sum = Sum::default();
    for voice in black_box(&voices) {
        sum.add(voice);
    }
    for voice in &voices {
        black_box(sum.without(voice).compressed(Law::Mu));
    }
}
