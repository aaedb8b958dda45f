//! Nothing is allocated per packet: a relay, plain on one side and protected on the other, playbacks, a delayed echo and rooms
//! are run while the media thread's allocations are counted. A jitter buffer may grow meanwhile, if this machine is so late: three times each, of which there are seven.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use _native::media::codec::opus::Parameters;
use _native::media::codec::Codec;
use _native::media::command::Verb;
use _native::media::engine::{Engine, Opened, Settings};
use _native::media::g711::Law;
use _native::media::ice::turn::Servers;
use _native::media::loader::SourceSpec;
use _native::media::mixer::Gain;
use _native::media::player::PlaySpec;
use _native::media::report::LegId;
use _native::media::room::Membership;
use _native::media::rtp::Pt;
use _native::media::srtp::{Keys, MasterKey, Profile};
use _native::media::stream::Stream;
use _native::media::tone::ToneSpec;

static BY_MEDIA: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// 0: not known yet, 1: another thread, 2: the media thread. Const and without a destructor: reading it never allocates.
    static WHO: Cell<u8> = const { Cell::new(0) };
}

struct Counting;

#[allow(unsafe_code)]
// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        System.alloc(layout)
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        System.dealloc(pointer, layout);
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        System.realloc(pointer, layout, size)
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count() {
    let _ = WHO.try_with(|who| {
        if who.get() == 0 {
            who.set(1); // asking for the name may allocate: not again
            if std::thread::current().name() == Some("media") {
                who.set(2);
            } else if std::thread::current().name().is_none() {
                who.set(0);
            }
        }
        if who.get() == 2 {
            BY_MEDIA.fetch_add(1, Ordering::Relaxed);
        }
    });
}

/// One echo, four members of a room, and both ways between two codecs.
const GROWTHS: u64 = 3 * 7;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn connect(engine: &Engine, leg: &Opened, port: u16) {
    connect_by(engine, leg, port, Codec::G711(Law::Mu));
}

fn connect_by(engine: &Engine, leg: &Opened, port: u16, codec: Codec) {
    let stream = Stream {
        remote: Some(SocketAddr::new(HERE, port)),
        signalled_from: None,
        codec,
        event_clock: 1,
        comfort_noise: None,
        payload_type: Pt(0),
        packet_samples: 160,
        telephone_event: None,
        hears_tones: true,
        is_muxed: false,
        may_send: true,
        may_receive: true,
    };
    assert!(engine.tell(leg.leg, Verb::Update(stream)).is_ok());
}

/// Protect what two legs send each other.
fn secure(engine: &Engine, one: &Opened, other: &Opened) {
    let [ours, theirs] = [1, 2].map(|seed| {
        let Ok(key) = MasterKey::from_octets(Profile::AesCm128HmacSha1_80, &[seed; 30]) else {
            panic!("a key of 30 octets is one");
        };
        key
    });
    for (leg, local, remote) in [(one, &ours, &theirs), (other, &theirs, &ours)] {
        let (local, remote) = (local.clone(), remote.clone());
        let verb = Verb::Secure(Some(Box::new(Keys { local, remote })));
        assert!(engine.tell(leg.leg, verb).is_ok());
    }
}

fn play(engine: &Engine, leg: LegId) {
    let spec = PlaySpec {
        name: "p".into(),
        repeat: 0,
        gain_db: -3.0,
        offset_ms: 0,
        fades_ms: [0, 0],
    };
    let tone = SourceSpec::Tone(ToneSpec {
        frequencies: vec![440.0, 480.0],
        cadence_ms: vec![100, 100],
        duration_ms: None,
        level_dbm0: -10.0,
    });
    assert!(engine.play(leg, spec, vec![tone]).is_ok());
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::yield_now();
    }
}

fn engine(threads: usize) -> Engine {
    (0..20)
        .find_map(|attempt| {
            let first = 21_000 + attempt * 100;
            let settings = Settings {
                address: HERE,
                ports: first..=first + 99,
                threads,
                servers: Servers::default(),
            };
            Engine::start(&settings).ok()
        })
        .expect("no ports are free")
}

/// A room whose members speak, and are whispered to; two who are relayed and listened to; a playback to all.
fn open_room(engine: &Engine, legs: &[&Opened; 4]) -> LegId {
    let room = engine.open_room(Some(legs[0].leg)).expect("it is awake");
    let softer = Membership {
        gain: Gain::of_db(-6.0),
        ..Membership::default()
    };
    let whispers = Membership {
        speaks_to: Some(legs[0].leg),
        ..softer
    };
    let is_tapped = Membership {
        is_tapped: true,
        is_deaf: true,
        ..Membership::default()
    };
    assert!(engine.relay(legs[2].leg, legs[3].leg).is_ok());
    for (leg, membership) in legs.iter().zip([softer, whispers, is_tapped, is_tapped]) {
        assert!(engine.join(leg.leg, room, membership).is_ok());
    }
    play(engine, room);
    room
}

/// Phones of Opus and G.722, bridged by two legs; both speak.
fn converse(engine: &Engine) {
    let opus = Codec::Opus(Parameters {
        bitrate: 24_000,
        has_fec: true,
        has_dtx: false,
    });
    let legs: Vec<Opened> = (0..4).filter_map(|_| engine.open().ok()).collect();
    let [alice, left, right, bob] = &legs[..] else {
        panic!("no ports are free");
    };
    for (one, other, codec) in [(left, alice, opus), (right, bob, Codec::G722)] {
        connect_by(engine, one, other.port, codec);
        connect_by(engine, other, one.port, codec);
    }
    assert!(engine.relay(left.leg, right.leg).is_ok());
    play(engine, alice.leg);
    play(engine, bob.leg);
}

#[test]
fn a_relay_its_playbacks_an_echo_and_a_room_allocate_nothing_once_they_run() {
    let engine = engine(1);
    let legs: Vec<Opened> = (0..14).filter_map(|_| engine.open().ok()).collect();
    let [left, alice, right, bob, echo, carol, rest @ ..] = &legs[..] else {
        panic!("no ports are free");
    };
    for (one, other) in [(left, alice), (right, bob), (echo, carol)] {
        connect(&engine, one, other.port);
        connect(&engine, other, one.port);
    }
    secure(&engine, right, bob);
    assert!(engine.relay(left.leg, right.leg).is_ok());
    play(&engine, alice.leg);
    play(&engine, bob.leg);
    assert!(engine.tell(echo.leg, Verb::Echo(Some(100))).is_ok());
    assert!(engine.tell(echo.leg, Verb::Detect(Some(-42.0))).is_ok());
    play(&engine, carol.leg);
    for pair in rest.chunks(2) {
        connect(&engine, &pair[0], pair[1].port);
        connect(&engine, &pair[1], pair[0].port);
        play(&engine, pair[1].leg);
    }
    converse(&engine);
    open_room(&engine, &[&rest[0], &rest[2], &rest[4], &rest[6]]);
    let phones = [alice, bob, carol, &rest[1], &rest[3], &rest[5], &rest[7]];
    let heard = || {
        let heard = phones.map(|leg| leg.counters.read().packets_received);
        heard.into_iter().min().unwrap_or_default()
    };
    until("the relay runs", || heard() > 20);
    let stranger = UdpSocket::bind((HERE, 0)).expect("a port is free");
    let sent = Cell::new(0);
    let strange = || {
        let discarded = left.counters.read().packets_discarded;
        if sent.get() <= discarded + 20 {
            for port in [left.port, left.port + 1] {
                let length = sent.get() as usize % 172;
                let _ = stranger.send_to(&[0x80; 172][..length], (HERE, port));
                sent.set(sent.get() + 1);
            }
        }
        discarded > 100
    };
    until("strangers are heard and not listened to", strange);
    let (packets, allocations) = (heard(), BY_MEDIA.load(Ordering::Relaxed));
    assert!(allocations > 0, "the counter does not count");
    let discarded = left.counters.read().packets_discarded;
    until("a hundred more packets are relayed", || {
        strange() && heard() > packets + 100
    });
    assert!(left.counters.read().packets_discarded > discarded);
    let more = BY_MEDIA.load(Ordering::Relaxed) - allocations;
    assert!(more <= GROWTHS, "{more} allocations");
}
