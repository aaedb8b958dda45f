//! The audio of phones, as cheap as it can be, so that the engine they call is what a benchmark finds the limits of.
//!
//! `bare_phones LEGS` binds a socket for each leg and prints the ports. It reads commands by the line:
//!
//!     to LEG PORT TYPE     packets of that payload type go to that port of 127.0.0.1; one a second while nothing is said
//!     say LEG              a packet of 20 ms of noise every 20 ms
//!     end LEG              nothing is sent any more, and what comes is forgotten
//!     figures              prints: microseconds since the start; packets, lost, delayed, of all legs so far; the worst jitter
//!                          in microseconds
//!
//! Sequence numbers tell what is lost (RFC 3550 A.3), the time of arrival what came more than 30 ms after the one before, and
//! both the jitter (A.8). Sockets are read every 2 ms by one epoll: no time is known more exactly. RTCP is passed over.

use std::io::{self, BufRead, Write};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::mpsc::{channel, Receiver};
use std::time::{Duration, Instant};

const HEADER: usize = 12;
const PACKET: usize = HEADER + SAMPLES;
const SAMPLES: usize = 160;
const FRAME: Duration = Duration::from_millis(20);
const PHASES: usize = 10;
const FRAMES_A_SECOND: u64 = 50;
const MOST_BETWEEN: i64 = 30_000; // microseconds
const BATCH: usize = 4096;

/// As epoll_wait(2) has it; packed on x86-64 alone.
#[cfg_attr(target_arch = "x86_64", repr(C, packed))]
#[cfg_attr(not(target_arch = "x86_64"), repr(C))]
#[derive(Clone, Copy)]
struct Event {
    events: u32,
    token: u64,
}

extern "C" {
    fn epoll_create1(flags: i32) -> RawFd;
    fn epoll_ctl(epoll: RawFd, operation: i32, fd: RawFd, event: *mut Event) -> i32;
    fn epoll_wait(epoll: RawFd, events: *mut Event, most: i32, timeout: i32) -> i32;
}

const EPOLLIN: u32 = 1;
const EPOLL_CTL_ADD: i32 = 1;

struct Leg {
    socket: UdpSocket,
    target: Option<SocketAddr>,
    is_speaking: bool,
    packet: [u8; PACKET],
    sequence: u16,
    heard: Heard,
}

#[derive(Default)]
struct Heard {
    before: Option<Before>,
    packets: u64,
    lost: i64,
    delayed: u64,
    jitter: f64, // microseconds
}

struct Before {
    source: u32,
    sequence: u16,
    timestamp: u32,
    at: i64,
}

fn main() -> io::Result<()> {
    let count = std::env::args().nth(1).and_then(|word| word.parse().ok());
    let count: usize = count.ok_or_else(|| io::Error::other("expected: bare_phones LEGS"))?;
    let mut legs = (0..count).map(Leg::bind).collect::<io::Result<Vec<Leg>>>()?;
    let epoll = watch(&legs)?;
    let ports: io::Result<Vec<String>> = legs.iter().map(|leg| Ok(leg.socket.local_addr()?.port().to_string())).collect();
    println!("{}", ports?.join(" "));
    run(&mut legs, epoll, &commands());
    Ok(())
}

/// Lines of stdin as they come.
fn commands() -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
        std::process::exit(0); // whoever started us is gone
    });
    receiver
}

fn run(legs: &mut [Leg], epoll: RawFd, commands: &Receiver<String>) {
    let started = Instant::now();
    let mut ready = vec![Event { events: 0, token: 0 }; BATCH];
    for turn in 1u64.. {
        let due = FRAME / PHASES as u32 * turn as u32;
        std::thread::sleep(due.saturating_sub(started.elapsed()));
        for line in commands.try_iter() {
            obey(legs, &line, started);
        }
        hear(legs, epoll, &mut ready, started);
        let (phase, frame) = (turn as usize % PHASES, turn / PHASES as u64);
        for index in (phase..legs.len()).step_by(PHASES) {
            legs[index].speak(frame, (frame + index as u64) % FRAMES_A_SECOND == 0);
        }
    }
}

fn obey(legs: &mut [Leg], line: &str, started: Instant) {
    let words: Vec<&str> = line.split(' ').collect();
    let number = |index: usize| words.get(index).and_then(|word| word.parse::<usize>().ok());
    match (words[0], number(1).and_then(|index| legs.get_mut(index))) {
        ("to", Some(leg)) => leg.direct(number(2), number(3)),
        ("say", Some(leg)) => leg.is_speaking = true,
        ("end", Some(leg)) => leg.end(),
        ("figures", None) => tell_figures(legs, started),
        _ => eprintln!("bare_phones: expected a command, got {line:?}"),
    }
}

fn tell_figures(legs: &[Leg], started: Instant) {
    let sum = |of: fn(&Heard) -> i64| legs.iter().map(|leg| of(&leg.heard)).sum::<i64>();
    let jitter = legs.iter().map(|leg| leg.heard.jitter).fold(0.0, f64::max);
    let (packets, lost, delayed) = (sum(|heard| heard.packets as i64), sum(|heard| heard.lost), sum(|heard| heard.delayed as i64));
    println!("{} {packets} {lost} {delayed} {jitter:.0}", started.elapsed().as_micros());
    let _ = io::stdout().flush();
}

fn watch(legs: &[Leg]) -> io::Result<RawFd> {
    // SAFETY: a call without pointers, whose result is checked.
    let epoll = unsafe { epoll_create1(0) };
    for (token, leg) in legs.iter().enumerate() {
        let mut event = Event { events: EPOLLIN, token: token as u64 };
        // SAFETY: `event` outlives the call; bad descriptors are answered with an error.
        if unsafe { epoll_ctl(epoll, EPOLL_CTL_ADD, leg.socket.as_raw_fd(), &mut event) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(epoll)
}

/// Take a packet from each that has one; the others of it, if any, are there the next time.
fn hear(legs: &mut [Leg], epoll: RawFd, ready: &mut [Event], started: Instant) {
    let mut room = [0; 2048];
    loop {
        // SAFETY: the events' room outlives the call, and its length is what is passed.
        let count = unsafe { epoll_wait(epoll, ready.as_mut_ptr(), ready.len() as i32, 0) };
        let now = started.elapsed().as_micros() as i64;
        for event in &ready[..count.max(0) as usize] {
            let leg = &mut legs[event.token as usize];
            if let Ok(length) = leg.socket.recv(&mut room) {
                leg.heard.take(&room[..length], now);
            }
        }
        if count < ready.len() as i32 {
            return;
        }
    }
}

impl Leg {
    fn bind(index: usize) -> io::Result<Leg> {
        let socket = UdpSocket::bind(("127.0.0.1", 0))?;
        socket.set_nonblocking(true)?;
        let mut packet = [0; PACKET];
        let mut noise = index as u32 + 1;
        for octet in &mut packet[HEADER..] {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *octet = (noise >> 24) as u8 | 0x30; // loud enough to be a voice, under either law
        }
        packet[0] = 0x80;
        packet[8..HEADER].copy_from_slice(&(index as u32 + 1).to_be_bytes());
        Ok(Leg { socket, target: None, is_speaking: false, packet, sequence: 0, heard: Heard::default() })
    }

    fn direct(&mut self, port: Option<usize>, payload_type: Option<usize>) {
        self.target = port.map(|port| SocketAddr::from(([127, 0, 0, 1], port as u16)));
        self.packet[1] = payload_type.unwrap_or_default() as u8;
    }

    fn end(&mut self) {
        (self.target, self.is_speaking) = (None, false);
        self.heard = Heard::default();
        self.packet[8] = self.packet[8].wrapping_add(1); // the next call is another source
    }

    fn speak(&mut self, frame: u64, is_time: bool) {
        let Some(target) = self.target.filter(|_| self.is_speaking || is_time) else {
            return;
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.packet[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        self.packet[4..8].copy_from_slice(&(frame as u32 * SAMPLES as u32).to_be_bytes());
        let _ = self.socket.send_to(&self.packet, target);
    }
}

impl Heard {
    fn take(&mut self, packet: &[u8], at: i64) {
        let is_control = packet.get(1).is_some_and(|kind| (64..96).contains(&(kind & 0x7f))); // RFC 5761 §4
        if packet.len() < HEADER || is_control {
            return;
        }
        let word = |from: usize| u32::from_be_bytes([packet[from], packet[from + 1], packet[from + 2], packet[from + 3]]);
        let now = Before { source: word(8), sequence: word(0) as u16, timestamp: word(4), at };
        self.packets += 1;
        if let Some(before) = self.before.as_ref().filter(|before| before.source == now.source) {
            let step = i64::from(now.sequence.wrapping_sub(before.sequence) as i16);
            self.lost += step - 1; // a late one makes up for what it was missed as
            let marked = packet[1] & 0x80 != 0; // silence before it (RFC 3551 §4.1)
            let spent = now.at - before.at;
            self.delayed += u64::from(spent > MOST_BETWEEN && !marked);
            let meant = i64::from(now.timestamp.wrapping_sub(before.timestamp) as i32) * 125;
            if !marked {
                self.jitter += ((spent - meant).abs() as f64 - self.jitter) / 16.0;
            }
            if step < 0 {
                return; // the one before is still the newest
            }
        }
        self.before = Some(now);
    }
}
