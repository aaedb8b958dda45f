//! The whole data plane on loopback sockets.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use super::super::association::DtlsTerms;
use super::super::dtls::fingerprint::Fingerprint;
use super::super::ice::checks::{Credentials, Terms as IceTerms};
use super::super::recorder::Sides;
use super::super::report::{PlaybackEnd, RecordingOutcome};
use super::super::rtp::{Header, Pt, Seq, Ssrc};
use super::super::stream::Stream;
use super::super::testing::{free_ports, stream_with, until, Folder};
use super::super::tone::ToneSpec;
use super::super::wav;
use super::*;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn engine(threads: usize) -> Engine {
    let settings = Settings {
        address: HERE,
        ports: free_ports(8),
        threads,
    };
    Engine::start(&settings).unwrap()
}

fn stream(port: u16) -> Stream {
    stream_with(SocketAddr::new(HERE, port))
}

/// Two legs that send to each other.
fn pair(engine: &Engine) -> (Opened, Opened) {
    let (one, other) = (engine.open().unwrap(), engine.open().unwrap());
    engine
        .tell(one.leg, Verb::Update(stream(other.port)))
        .unwrap();
    engine
        .tell(other.leg, Verb::Update(stream(one.port)))
        .unwrap();
    (one, other)
}

fn play(engine: &Engine, leg: &Opened, frequency: f32, duration_ms: Option<u32>) {
    let spec = PlaySpec {
        name: "p".into(),
        repeat: 1,
        gain_db: 0.0,
        offset_ms: 0,
        fades_ms: [0, 0],
    };
    let tone = ToneSpec {
        frequencies: vec![frequency],
        cadence_ms: vec![],
        duration_ms,
        level_dbm0: -10.0,
    };
    engine
        .play(leg.leg, spec, vec![SourceSpec::Tone(tone)])
        .unwrap();
}

fn wait_for(engine: &Engine, what: &str, mut is_it: impl FnMut(&LegId, &Report) -> bool) {
    until(what, || {
        engine
            .reports()
            .iter()
            .any(|(leg, report)| is_it(leg, report))
    });
}

/// Wait until the one thread has done what it was told so far: commands are done in their order.
fn carried_out(engine: &Engine) {
    let last = engine.open().unwrap();
    engine.tell(last.leg, Verb::Update(stream(9))).unwrap();
    play(engine, &last, 440.0, Some(20));
    wait_for(engine, "commands are carried out", |leg, report| {
        *leg == last.leg && matches!(report, Report::PlaybackStarted { .. })
    });
    engine.close(last.leg);
}

/// Record a leg for 200 ms.
fn record(engine: &Engine, leg: &Opened, folder: &Folder) -> Vec<f32> {
    let path = folder.path("r.wav");
    engine
        .record(
            leg.leg,
            RecordSpec {
                name: "r".into(),
                sides: Sides::Received,
                max_ms: 200,
                silence_ms: 0,
                is_trimmed: false,
            },
            path.clone(),
        )
        .unwrap();
    wait_for(engine, "it is recorded", |_, report| match report {
        Report::RecordingFinished { outcome, .. } => {
            assert!(matches!(outcome, RecordingOutcome::Saved { .. }));
            true
        }
        _ => false,
    });
    wav::read(&fs::read(path).unwrap()).unwrap().samples
}

/// The share of the samples' power at a frequency.
fn share(samples: &[f32], frequency: f32) -> f32 {
    let (mut real, mut imaginary, mut power) = (0.0, 0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let angle = std::f32::consts::TAU * frequency * n as f32 / 8000.0;
        real += sample * angle.cos();
        imaginary += sample * angle.sin();
        power += sample * sample;
    }
    2.0 * (real * real + imaginary * imaginary) / (samples.len() as f32 * power.max(1.0))
}

#[test]
fn a_tone_is_played_received_and_recorded() {
    let folder = Folder::new();
    let engine = engine(1);
    let (one, other) = pair(&engine);
    play(&engine, &one, 440.0, None);
    wait_for(&engine, "it plays", |leg, report| {
        *leg == one.leg && matches!(report, Report::PlaybackStarted { .. })
    });
    assert!(share(&record(&engine, &other, &folder), 440.0) > 0.8);
    engine.tell(one.leg, Verb::Stop("p".into())).unwrap();
    wait_for(
        &engine,
        "it stops",
        |_, report| matches!(report, Report::PlaybackFinished { end: PlaybackEnd::Stopped, heard_ms, .. } if *heard_ms >= 180),
    );
    until("all that was sent is received", || {
        one.counters.read().packets_sent == other.counters.read().packets_received
    });
    assert_eq!(other.counters.read().packets_lost, 0);
}

#[test]
fn legs_of_different_threads_are_relayed() {
    let folder = Folder::new();
    let engine = engine(2);
    let (left, alice) = pair(&engine); // opened in turn, so each on its own thread
    let (right, bob) = pair(&engine);
    let spare = engine.open().unwrap();
    play(&engine, &alice, 400.0, None);
    play(&engine, &bob, 1000.0, None);
    for (one, other) in [(&left, &right), (&left, &spare), (&left, &right)] {
        engine.relay(one.leg, other.leg).unwrap();
    }
    until("both hear", || {
        alice.counters.read().packets_received > 5 && bob.counters.read().packets_received > 5
    });
    assert!(share(&record(&engine, &alice, &folder), 1000.0) > 0.8);
    assert!(share(&record(&engine, &bob, &folder), 400.0) > 0.8);
    engine.tell(right.leg, Verb::Unrelay).unwrap();
    engine.close(left.leg);
}

#[test]
fn relays_across_threads_and_closes_in_any_order_end_well() {
    let engine = engine(3);
    for _ in 0..30 {
        let legs: Vec<Opened> = (0..6).map(|_| engine.open().unwrap()).collect();
        for (one, other) in [(0, 1), (1, 2), (2, 0), (3, 4), (4, 0), (5, 3), (1, 5)] {
            engine.relay(legs[one].leg, legs[other].leg).unwrap();
        }
        for leg in legs {
            engine.close(leg.leg);
        }
    }
    let legs: Vec<Opened> = (0..8).map(|_| engine.open().unwrap()).collect();
    assert_eq!(legs.len(), 8); // nothing was lost on the way
    engine.shutdown();
    assert!(matches!(engine.open(), Err(NoPorts::Closed)));
    engine.shutdown();
}

#[test]
fn a_leg_that_is_closed_says_goodbye_and_gives_its_ports_back() {
    let engine = engine(1);
    let rtcp = UdpSocket::bind((HERE, 0)).unwrap();
    rtcp.set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let leg = engine.open().unwrap();
    let remote = rtcp.local_addr().unwrap().port() - 1;
    engine.tell(leg.leg, Verb::Update(stream(remote))).unwrap();
    let others: Vec<Opened> = (0..7).map(|_| engine.open().unwrap()).collect();
    assert!(matches!(engine.open(), Err(NoPorts::Exhausted(_))));
    engine.close(leg.leg);
    let mut room = [0; 500];
    let (length, from) = rtcp.recv_from(&mut room).unwrap();
    let heard = super::super::rtcp::read(&room[..length], Ssrc(0)).unwrap();
    assert!(heard.is_goodbye);
    assert_eq!(from.port(), leg.port + 1);
    assert_eq!(engine.open().unwrap().port, leg.port);
    drop(others);
}

#[test]
fn a_late_end_of_a_closed_leg_and_commands_to_it_are_nothing() {
    let engine = engine(1);
    let leg = engine.open().unwrap();
    engine.close(leg.leg);
    engine.close(leg.leg);
    play(&engine, &leg, 440.0, Some(20));
    assert_eq!(engine.tell(leg.leg, Verb::Unrelay), Ok(()));
    assert_eq!(engine.relay(leg.leg, leg.leg), Ok(()));
    assert!(engine.reports().is_empty());
}

#[test]
fn garbage_from_anywhere_is_counted_and_answered_by_nobody() {
    let engine = engine(1);
    let leg = engine.open().unwrap();
    engine.tell(leg.leg, Verb::Update(stream(9))).unwrap();
    let socket = UdpSocket::bind((HERE, 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    for length in 0..100 {
        socket
            .send_to(&vec![length; usize::from(length)], (HERE, leg.port))
            .unwrap();
        socket
            .send_to(&vec![length; usize::from(length)], (HERE, leg.port + 1))
            .unwrap();
    }
    socket.send_to(&[0x80; 5000], (HERE, leg.port)).unwrap();
    until("it is counted", || {
        leg.counters.read().packets_discarded == 201
    });
    assert!(socket.recv(&mut [0; 100]).is_err());
}

#[test]
fn a_relay_forwards_what_comes_with_losses_and_order_as_they_are() {
    let engine = engine(1);
    let (left, right) = (engine.open().unwrap(), engine.open().unwrap());
    let sockets = [(); 2].map(|()| {
        let socket = UdpSocket::bind((HERE, 0)).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        socket
    });
    for (leg, socket) in [&left, &right].into_iter().zip(&sockets) {
        let port = socket.local_addr().unwrap().port();
        engine.tell(leg.leg, Verb::Update(stream(port))).unwrap();
    }
    engine.relay(left.leg, right.leg).unwrap();
    carried_out(&engine);
    let mut room = [0; 300];
    let mut sequences = Vec::new();
    for sequence in [10u16, 11, 13, 12, 16] {
        let mut packet = [sequence as u8; 172];
        let header = Header {
            marker: false,
            payload_type: Pt(0),
            sequence: Seq(sequence),
            timestamp: u32::from(sequence) * 160,
            ssrc: Ssrc(5),
        };
        header.write(&mut packet);
        sockets[0].send_to(&packet, (HERE, left.port)).unwrap();
        let (length, from) = sockets[1].recv_from(&mut room).unwrap();
        assert_eq!((length, from.port()), (172, right.port));
        let (header, payload) = Header::read(&room[..length]).unwrap();
        assert!(room[payload].iter().all(|octet| *octet == sequence as u8));
        assert_ne!(header.ssrc, Ssrc(5));
        sequences.push(header.sequence);
    }
    let steps: Vec<i16> = sequences
        .iter()
        .map(|sequence| sequence.after(sequences[0]))
        .collect();
    assert_eq!(steps, [0, 1, 3, 2, 6]);
}

#[test]
fn members_of_a_room_come_from_every_media_thread_and_go_where_it_is() {
    let engine = engine(3);
    let folder = Folder::new();
    let pairs: Vec<(Opened, Opened)> = (0..3).map(|_| pair(&engine)).collect();
    let pitches = [400.0, 1000.0, 1600.0];
    for ((_, phone), pitch) in pairs.iter().zip(pitches) {
        play(&engine, phone, pitch, None);
    }
    let room = engine.open_room(None).unwrap();
    for (leg, _) in &pairs {
        engine.join(leg.leg, room, Membership::default()).unwrap();
    }
    let all_hear = || {
        pairs
            .iter()
            .all(|(_, phone)| phone.counters.read().packets_received > 10)
    };
    until("all hear something", all_hear);
    for (index, (_, phone)) in pairs.iter().enumerate() {
        let heard = record(&engine, phone, &folder);
        for (other, pitch) in pitches.into_iter().enumerate() {
            assert_eq!(
                share(&heard, pitch) > 0.1,
                other != index,
                "{index} {pitch}"
            );
        }
    }
    engine.close_room(room);
    engine.relay(pairs[0].0.leg, pairs[1].0.leg).unwrap();
    for (leg, _) in &pairs {
        engine.close(leg.leg);
    }
    engine
        .join(pairs[0].0.leg, room, Membership::default())
        .unwrap(); // neither is there any more
}

/// What one leg says of itself and the other.
fn terms(names: [&str; 2], ports: [u16; 2], is_first: bool, fingerprint: &str) -> Terms {
    let credentials = |name: &str| Credentials {
        ufrag: name.into(),
        password: format!("{name}-password-of-22-octets"),
    };
    Terms {
        ice: Some(IceTerms {
            local: credentials(names[0]),
            remote: Some(credentials(names[1])),
            is_lite: !is_first,
            is_controlling: is_first,
            address: SocketAddr::new(HERE, ports[0]),
            candidates: vec![format!(
                "candidate:1 1 UDP 2130706431 {HERE} {} typ host",
                ports[1]
            )],
        }),
        dtls: Some(DtlsTerms {
            is_client: is_first,
            fingerprints: vec![Fingerprint::parse(fingerprint).unwrap()],
        }),
        remote: None,
    }
}

/// Both legs know each other, and nothing of where their packets go but by ICE.
fn associate(engine: &Engine, fingerprint: &str) -> (Opened, Opened) {
    let (one, other) = (engine.open().unwrap(), engine.open().unwrap());
    for (leg, peer, is_first) in [(&one, &other, true), (&other, &one, false)] {
        let names = if is_first {
            ["one", "other"]
        } else {
            ["other", "one"]
        };
        let terms = terms(names, [leg.port, peer.port], is_first, fingerprint);
        engine.associate(leg.leg, terms).unwrap();
        let mut stream = stream(9);
        (stream.remote, stream.is_muxed) = (None, true);
        engine.tell(leg.leg, Verb::Update(stream)).unwrap();
    }
    (one, other)
}

#[test]
fn two_legs_find_each_other_have_keys_and_hear_what_was_to_be_played_before() {
    let engine = engine(2);
    let fingerprint = engine.fingerprint().to_owned();
    let (one, other) = associate(&engine, &fingerprint);
    play(&engine, &one, 1000.0, None);
    let mut known = Vec::new();
    until("both have keys, and it plays", || {
        known.extend(engine.reports());
        let is = |leg: &Opened, wanted: fn(&Report) -> bool| {
            known
                .iter()
                .any(|(id, report)| *id == leg.leg && wanted(report))
        };
        let is_secured = |leg| is(leg, |report| matches!(report, Report::MediaSecured { .. }));
        let plays = is(&one, |report| {
            matches!(report, Report::PlaybackStarted { .. })
        });
        is_secured(&one) && is_secured(&other) && plays
    });
    let reached = |leg: &Opened| Report::PeerReached {
        remote: SocketAddr::new(HERE, leg.port),
    };
    assert!(known.contains(&(one.leg, reached(&other))));
    assert!(known.contains(&(other.leg, reached(&one))));
    let folder = Folder::new();
    assert!(share(&record(&engine, &other, &folder), 1000.0) > 0.9);
}

#[test]
fn a_peer_with_another_certificate_is_told_and_hears_nothing() {
    let engine = engine(1);
    let another = Identity::generate().unwrap().certificate.fingerprint;
    let (one, other) = associate(&engine, &another.to_string());
    play(&engine, &one, 1000.0, None);
    wait_for(&engine, "it is told", |leg, report| {
        assert!(!matches!(
            report,
            Report::MediaSecured { .. } | Report::PlaybackStarted { .. }
        ));
        let is_it = |reason: &str| reason.starts_with("expected the certificate");
        *leg == one.leg && matches!(report, Report::PeerLost { reason } if is_it(reason))
    });
    assert_eq!(other.counters.read().packets_received, 0);
}
