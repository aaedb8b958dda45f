//! The order of what one media thread is told and what it receives, turn by turn.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::OnceLock;

use super::super::leg::Leg;
use super::super::lock;
use super::super::player::{Loading, PlaySpec, Voice};
use super::super::room::Membership;
use super::super::rtp::{Header, Pt, Seq, Ssrc, HEADER};
use super::super::statistics::Counters;
use super::super::stream::Stream;
use super::super::testing::{free_ports, stream_with, until};
use super::super::tone::{Tone, ToneSpec};
use super::*;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PACKET: usize = HEADER + 160;

/// A media thread that goes on only when it is told to.
struct Thread {
    plane: Plane,
    inbox: Arc<Inbox>,
    pool: Arc<PortPool>,
    ready: Ready,
}

impl Thread {
    fn new() -> Self {
        let pool = Arc::new(PortPool::start(HERE, free_ports(4)).unwrap());
        let inbox = Arc::new(Inbox::new().unwrap());
        let queue = Arc::new(ReportQueue::new().unwrap());
        let plane = Plane::new(
            Clock::start(),
            inbox.clone(),
            pool.clone(),
            queue,
            Arc::default(),
        )
        .unwrap();
        Thread {
            plane,
            inbox,
            pool,
            ready: Ready::new(BATCH),
        }
    }

    /// A second from now: nothing has been sent for long.
    fn later(&self) -> Moment {
        self.plane.clock.now().plus_ms(1000)
    }

    /// A leg that sends to the phone, and was told to play; and when that was.
    fn play(&mut self, phone: &Phone, loading: Loading) -> Moment {
        self.open(LegId(1));
        self.tell(LegId(1), Verb::Update(phone.stream()));
        self.tell(LegId(1), Verb::Play(endless(), loading));
        let now = self.later();
        self.plane.obey(now);
        now
    }

    fn tell(&self, leg: LegId, verb: Verb) {
        self.inbox.push(leg, verb).unwrap();
    }

    /// Tell it of a new leg; its port and its figures.
    fn open(&self, id: LegId) -> (u16, Arc<Counters>) {
        let pair = self.pool.take().unwrap();
        let leg = Leg::new(id, [1, 2]);
        let opened = (pair.port, leg.counters.clone());
        self.tell(id, Verb::Open(Box::new(Line::new(leg, pair))));
        opened
    }

    /// See what is ready: true if that is anything.
    fn look(&mut self) -> bool {
        self.plane
            .epoll
            .wait(&mut self.ready, Some(Duration::ZERO))
            .unwrap();
        !self.ready.is_empty()
    }

    /// Look and turn until that is so.
    fn turn_until(&mut self, what: &str, mut is_so: impl FnMut() -> bool) {
        until(what, || {
            self.look();
            self.turn();
            is_so()
        });
    }

    /// Handle what was seen.
    fn turn(&mut self) {
        assert!(!self.plane.turn(&self.ready));
    }
}

/// A phone, to whom a leg sends.
struct Phone {
    socket: UdpSocket,
}

impl Phone {
    fn new() -> Self {
        let socket = UdpSocket::bind((HERE, 0)).unwrap();
        socket.set_nonblocking(true).unwrap();
        Phone { socket }
    }

    fn stream(&self) -> Stream {
        stream_with(self.socket.local_addr().unwrap())
    }

    fn send(&self, port: u16, sequence: u16) {
        let mut packet = [7; PACKET];
        let header = Header {
            marker: false,
            payload_type: Pt(0),
            sequence: Seq(sequence),
            timestamp: u32::from(sequence) * 160,
            ssrc: Ssrc(5),
        };
        header.write(&mut packet);
        self.socket.send_to(&packet, (HERE, port)).unwrap();
    }

    fn hears(&self) -> bool {
        self.socket.recv(&mut [0; ROOM]).is_ok()
    }
}

#[test]
fn a_packet_is_handled_after_all_that_was_told_before_it_was_sent() {
    let mut thread = Thread::new();
    let (alice, bob) = (Phone::new(), Phone::new());
    let (port, _) = thread.open(LegId(1));
    thread.open(LegId(2));
    assert!(thread.look());
    thread.turn();
    thread.tell(LegId(1), Verb::Update(alice.stream()));
    thread.tell(LegId(2), Verb::Update(bob.stream()));
    thread.tell(LegId(1), Verb::Relay(LegId(2)));
    alice.send(port, 1);
    assert!(thread.look());
    thread.turn();
    assert!(bob.hears());
}

#[test]
fn what_is_told_while_a_turn_lasts_is_done_before_the_packets_that_come_then() {
    let mut thread = Thread::new();
    let (alice, bob, stranger) = (Phone::new(), Phone::new(), Phone::new());
    let (port, figures) = thread.open(LegId(1));
    thread.open(LegId(2));
    thread.tell(LegId(1), Verb::Update(alice.stream()));
    thread.tell(LegId(2), Verb::Update(bob.stream()));
    assert!(thread.look());
    thread.turn();
    stranger.socket.send_to(b"nonsense", (HERE, port)).unwrap(); // by this the leg is ready, and it is cleared away
    thread.tell(LegId(1), Verb::Relay(LegId(2)));
    alice.send(port, 1);
    let (place, now) = (thread.plane.places[&LegId(1)], thread.plane.clock.now());
    thread.plane.receive(place, now); // a turn had begun
    assert_eq!(figures.read().packets_discarded, 1);
    assert!(bob.hears());
}

#[test]
fn a_place_that_is_given_to_another_while_its_packet_waits_keeps_that_from_it() {
    let mut thread = Thread::new();
    let (alice, bob) = (Phone::new(), Phone::new());
    let (port, figures) = thread.open(LegId(1));
    thread.tell(LegId(1), Verb::Update(alice.stream()));
    assert!(thread.look());
    thread.turn();
    alice.send(port, 1);
    alice.socket.send_to(b"report", (HERE, port + 1)).unwrap();
    assert!(thread.look());
    thread.tell(LegId(1), Verb::Close);
    let (other_port, others) = thread.open(LegId(2));
    thread.tell(LegId(2), Verb::Update(bob.stream()));
    thread.turn();
    assert_eq!(thread.plane.places[&LegId(2)], 0); // the place of the first
    let read = others.read();
    assert_eq!((read.packets_received, read.packets_discarded), (0, 0));
    assert_eq!(figures.read().packets_received, 0);
    bob.send(other_port, 1);
    assert!(thread.look());
    thread.turn();
    assert_eq!(others.read().packets_received, 1);
}

#[test]
fn what_comes_before_a_relayed_leg_has_arrived_from_another_thread_is_relayed_when_it_has() {
    let mut thread = Thread::new();
    let (alice, bob) = (Phone::new(), Phone::new());
    let (port, figures) = thread.open(LegId(1));
    thread.tell(LegId(1), Verb::Update(alice.stream()));
    assert!(thread.look());
    thread.turn();
    thread.tell(LegId(2), Verb::Expect);
    thread.tell(LegId(1), Verb::Relay(LegId(2)));
    alice.send(port, 1);
    for _ in 0..3 {
        thread.look();
        thread.turn();
        assert_eq!(figures.read().packets_received, 0);
    }
    let mut leg = Leg::new(LegId(2), [3, 4]);
    leg.update(bob.stream(), Moment(0), &mut Reports::default());
    let pair = thread.pool.take().unwrap();
    thread.inbox.arrive(Line::new(leg, pair));
    thread.turn_until("the first is relayed", || bob.hears());
    alice.send(port, 2);
    thread.turn_until("the second is relayed", || bob.hears());
}

#[test]
fn packets_take_no_lock() {
    let mut thread = Thread::new();
    let (alice, bob, stranger) = (Phone::new(), Phone::new(), Phone::new());
    let (port, figures) = thread.open(LegId(1));
    thread.open(LegId(2));
    thread.tell(LegId(1), Verb::Update(alice.stream()));
    thread.tell(LegId(2), Verb::Update(bob.stream()));
    thread.tell(LegId(1), Verb::Relay(LegId(2)));
    assert!(thread.look());
    thread.turn();
    let before = lock::taken();
    assert!(before > 0, "what it was told is under a lock");
    for sequence in 0..100 {
        stranger.socket.send_to(b"nonsense", (HERE, port)).unwrap();
        alice.send(port, sequence);
        thread.turn_until("it is relayed", || bob.hears());
    }
    assert_eq!(figures.read().packets_discarded, 100);
    assert_eq!(lock::taken(), before);
}

#[test]
fn turns_of_a_playback_an_echo_and_a_room_take_no_lock() {
    let mut thread = Thread::new();
    let phones: Vec<Phone> = (0..4).map(|_| Phone::new()).collect();
    let opened: Vec<_> = (1..5).map(|id| thread.open(LegId(id))).collect();
    for (phone, id) in phones.iter().zip(1..) {
        thread.tell(LegId(id), Verb::Update(phone.stream()));
    }
    thread.tell(LegId(1), Verb::Play(endless(), hum()));
    thread.tell(LegId(2), Verb::Echo(Some(0)));
    thread.tell(LegId(9), Verb::OpenRoom);
    for member in [3, 4] {
        thread.tell(LegId(member), Verb::Join(LegId(9), Membership::default()));
    }
    assert!(thread.look());
    thread.turn();
    let (mut before, mut now) = (0, thread.plane.clock.now());
    for sequence in 0..100 {
        if sequence == 50 {
            before = lock::taken(); // that a playback has started, and who speaks, has been reported
        }
        for ((port, _), phone) in opened.iter().zip(&phones) {
            phone.send(*port, sequence);
        }
        for place in 0..opened.len() as u32 {
            thread.plane.receive(place, now);
        }
        now = now.plus_ms(20);
        thread.plane.turn_wheel(now);
        thread.plane.beat(now);
        thread.plane.queue.hand_over(&mut thread.plane.reports);
    }
    assert_eq!(lock::taken(), before);
    assert!(before > 0);
    for phone in phones {
        until("each hears something", || phone.hears());
    }
}

#[test]
fn a_playback_is_heard_in_the_turn_in_which_it_is_told() {
    let mut thread = Thread::new();
    let alice = Phone::new();
    thread.play(&alice, hum());
    assert!(alice.hears());
    assert!(!alice.hears());
}

#[test]
fn a_playback_that_waits_for_its_files_is_heard_as_soon_as_they_are_there() {
    let mut thread = Thread::new();
    let alice = Phone::new();
    let loading = Loading::default();
    let now = thread.play(&alice, loading.clone());
    assert!(!alice.hears());
    loading.set(hum().get().unwrap().clone()).unwrap();
    thread.tell(LegId(1), Verb::Loaded);
    let now = now.plus_ms(3);
    thread.plane.obey(now);
    assert!(alice.hears());
    thread.plane.turn_wheel(now.plus_ms(20));
    assert!(alice.hears()); // and so it goes on: the first turn was at most a phase late
    assert!(!alice.hears());
}

#[test]
fn a_playback_waits_for_the_end_of_the_packet_before_it() {
    let mut thread = Thread::new();
    let alice = Phone::new();
    let now = thread.play(&alice, hum());
    assert!(alice.hears());
    thread.tell(LegId(1), Verb::Play(endless(), hum()));
    thread.plane.obey(now.plus_ms(5));
    assert!(!alice.hears());
    thread.plane.turn_wheel(now.plus_ms(20));
    assert!(alice.hears());
}

/// What is played for ever.
fn endless() -> PlaySpec {
    PlaySpec {
        name: "p".into(),
        repeat: 0,
        gain_db: 0.0,
        offset_ms: 0,
        fades_ms: [0, 0],
    }
}

fn hum() -> Loading {
    let tone = Tone::new(&ToneSpec {
        frequencies: vec![440.0],
        cadence_ms: vec![],
        duration_ms: None,
        level_dbm0: -10.0,
    });
    Arc::new(OnceLock::from(Ok(vec![Voice::Tone(tone, None)])))
}

#[test]
fn a_signal_that_comes_after_what_it_was_for_is_done_wakes_once() {
    let mut thread = Thread::new();
    thread.open(LegId(1));
    thread.turn(); // done before its signal is seen
    assert!(thread.look());
    thread.turn();
    assert!(!thread.look());
}
