//! The audio of phones, as cheap as it can be, so that the engine they call is what a benchmark finds the limits of.
//!
//! `bare_phones LEGS` binds a socket for each leg and prints the ports. It reads commands by the line:
//!
//!     to LEG PORT TYPE     packets of that payload type go to that port of 127.0.0.1; one a second while nothing is said. A
//!                          dynamic one is Opus: speech of 20 ms, and timestamps of 48 kHz (RFC 7587 §4.1)
//!     say LEG              a packet of 20 ms of noise every 20 ms
//!     end LEG              nothing is sent any more, and what comes is forgotten
//!     figures              prints: microseconds since the start; packets, lost, delayed, of all legs so far; the worst jitter
//!                          in microseconds
//!
//! Sequence numbers tell what is lost (RFC 3550 A.3), the time of arrival what came more than 30 ms after the one before, and
//! both the jitter (A.8). That time is the kernel's, of when the packet reached the socket. So each socket need be read only once
//! a frame, and none is watched: a watched one costs whoever sends to it, which is the engine. RTCP is passed over.

use std::io::{self, BufRead, Write};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::ptr::{addr_of_mut, null_mut};
use std::sync::mpsc::{channel, Receiver};
use std::time::{Duration, Instant};

const HEADER: usize = 12;
const PACKET: usize = HEADER + SAMPLES;
const SAMPLES: usize = 160;
const FRAME: Duration = Duration::from_millis(20);
const PHASES: usize = 10;
const FIRST_DYNAMIC: usize = 96;
/// Of Opus: SILK, 16 kHz, one frame of 20 ms, mono (RFC 6716 §3.1).
const SPEECH: u8 = 9 << 3;
/// Units of its timestamps for each of 8 kHz.
const OPUS_CLOCK: u32 = 6;
const FRAMES_A_SECOND: u64 = 50;
const MOST_BETWEEN: i64 = 30_000; // microseconds
/// Packets of one leg that are read at once.
const BATCH: usize = 8;
/// As much of a packet as is looked at.
const ROOM: usize = 64;

/// As recvmmsg(2) has them, on 64 bits.
#[repr(C)]
struct Piece {
    start: *mut u8,
    length: usize,
}

#[repr(C)]
struct Header {
    name: *mut u8,
    name_length: u32,
    pieces: *mut Piece,
    piece_count: usize,
    control: *mut Control,
    control_length: usize,
    flags: i32,
}

#[repr(C)]
struct Message {
    header: Header,
    received: u32,
}

/// One control message, of SO_TIMESTAMPNS.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Control {
    length: usize,
    level: i32,
    kind: i32,
    seconds: i64,
    nanoseconds: i64,
}

extern "C" {
    fn recvmmsg(fd: RawFd, messages: *mut Message, most: u32, flags: i32, timeout: *mut u8) -> i32;
    fn setsockopt(fd: RawFd, level: i32, option: i32, value: *const i32, length: u32) -> i32;
}

const SOL_SOCKET: i32 = 1;
const SO_TIMESTAMPNS: i32 = 35;

struct Leg {
    socket: UdpSocket,
    target: Option<SocketAddr>,
    is_speaking: bool,
    /// Units of timestamps for each of 8 kHz.
    clock: u32,
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
    let ports: io::Result<Vec<String>> = legs.iter().map(|leg| Ok(leg.socket.local_addr()?.port().to_string())).collect();
    println!("{}", ports?.join(" "));
    run(&mut legs, &commands());
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

fn run(legs: &mut [Leg], commands: &Receiver<String>) {
    let started = Instant::now();
    let mut letterbox = Letterbox::default();
    for turn in 1u64.. {
        let due = FRAME / PHASES as u32 * turn as u32;
        std::thread::sleep(due.saturating_sub(started.elapsed()));
        for line in commands.try_iter() {
            obey(legs, &line, started);
        }
        let (phase, frame) = (turn as usize % PHASES, turn / PHASES as u64);
        for index in (phase..legs.len()).step_by(PHASES) {
            letterbox.empty(&mut legs[index]);
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

/// Room for what one leg is sent in a frame.
#[derive(Default)]
struct Letterbox {
    rooms: [Room; BATCH],
}

#[derive(Clone, Copy)]
struct Room {
    packet: [u8; ROOM],
    control: Control,
}

impl Default for Room {
    fn default() -> Self {
        Room { packet: [0; ROOM], control: Control::default() }
    }
}

impl Letterbox {
    /// Let a leg hear all that waits in its socket.
    fn empty(&mut self, leg: &mut Leg) {
        loop {
            let (lengths, count) = self.fill(leg.socket.as_raw_fd());
            for (room, length) in self.rooms.iter().zip(&lengths[..count]) {
                let at = room.control.seconds * 1_000_000 + room.control.nanoseconds / 1000;
                leg.heard.take(&room.packet[..(*length).min(ROOM)], at, leg.clock);
            }
            if count < BATCH {
                return;
            }
        }
    }

    /// Read what waits: how long each packet is, and how many there are.
    fn fill(&mut self, fd: RawFd) -> ([usize; BATCH], usize) {
        let mut pieces = self.rooms.each_mut().map(|room| Piece { start: room.packet.as_mut_ptr(), length: ROOM });
        let mut index = 0;
        let mut messages = self.rooms.each_mut().map(|room| {
            index += 1;
            let header = Header {
                name: null_mut(),
                name_length: 0,
                pieces: addr_of_mut!(pieces[index - 1]),
                piece_count: 1,
                control: &mut room.control,
                control_length: std::mem::size_of::<Control>(),
                flags: 0,
            };
            Message { header, received: 0 }
        });
        // SAFETY: as many messages as are told; each points to a piece and a control message of ours, which outlive the call.
        let count = unsafe { recvmmsg(fd, messages.as_mut_ptr(), BATCH as u32, 0, null_mut()) };
        (messages.map(|message| message.received as usize), count.max(0) as usize)
    }
}

/// Have the kernel tell when each packet came.
fn tell_times(socket: &UdpSocket) -> io::Result<()> {
    // SAFETY: the value outlives the call, and its length is what is passed.
    let result = unsafe { setsockopt(socket.as_raw_fd(), SOL_SOCKET, SO_TIMESTAMPNS, &1, 4) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

impl Leg {
    fn bind(index: usize) -> io::Result<Leg> {
        let socket = UdpSocket::bind(("127.0.0.1", 0))?;
        socket.set_nonblocking(true)?;
        tell_times(&socket)?;
        let mut packet = [0; PACKET];
        let mut noise = index as u32 + 1;
        for octet in &mut packet[HEADER..] {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *octet = (noise >> 24) as u8 | 0x30; // loud enough to be a voice, under either law
        }
        packet[0] = 0x80;
        packet[8..HEADER].copy_from_slice(&(index as u32 + 1).to_be_bytes());
        Ok(Leg { socket, target: None, is_speaking: false, clock: 1, packet, sequence: 0, heard: Heard::default() })
    }

    fn direct(&mut self, port: Option<usize>, payload_type: Option<usize>) {
        self.target = port.map(|port| SocketAddr::from(([127, 0, 0, 1], port as u16)));
        self.packet[1] = payload_type.unwrap_or_default() as u8;
        if payload_type.is_some_and(|payload_type| payload_type >= FIRST_DYNAMIC) {
            (self.clock, self.packet[HEADER]) = (OPUS_CLOCK, SPEECH);
        }
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
        self.packet[4..8].copy_from_slice(&(frame as u32 * SAMPLES as u32 * self.clock).to_be_bytes());
        let _ = self.socket.send_to(&self.packet, target);
    }
}

impl Heard {
    fn take(&mut self, packet: &[u8], at: i64, clock: u32) {
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
            let meant = i64::from(now.timestamp.wrapping_sub(before.timestamp) as i32) * 125 / i64::from(clock);
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
