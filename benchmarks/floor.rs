//! What the kernel alone takes for the packets of a media engine: the least that sends and receives the same, with nothing between.
//!
//! `floor phones LEGS` is the far side. It binds a socket for each leg and prints the ports; it is told the other side's ports,
//! and from then on sends each a packet of audio every 20 ms, and reads what comes. `floor playback LEGS SECONDS` only sends;
//! `floor relay LEGS SECONDS` sends on what each leg receives by the leg beside it. Both print their CPU in ns per packet sent.
//! `floor standing LEGS SECONDS` receives a packet a second for each leg, of `floor sparse LEGS`, and sends what an engine sends
//! for it: silence every 2 s, RTCP every 5 s. It looks every 10 ms, and prints its CPU in ns per packet received.
//! Sockets, packets and the pace are those of the engine, plain `sendto` and `recvfrom`; no header is looked at.

use std::io::{self, BufRead, Write};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PACKET: usize = 172;
const FRAME: Duration = Duration::from_millis(20);
const PHASES: usize = 10;
/// Of a second, for legs that stand.
const SPARSE: usize = 100;
const SECONDS_OF_SILENCE: usize = 2;
const SECONDS_OF_RTCP: usize = 5;

fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().collect();
    let number = |index: usize| words.get(index).and_then(|word| word.parse::<usize>().ok());
    match (words.get(1).map(String::as_str), number(2), number(3)) {
        (Some("phones"), Some(legs), _) => phones(legs, PHASES, FRAME),
        (Some("sparse"), Some(legs), _) => phones(legs, SPARSE, Duration::from_secs(1)),
        (Some("playback"), Some(legs), Some(milliseconds)) => engine(legs, milliseconds as u64, false),
        (Some("relay"), Some(legs), Some(milliseconds)) => engine(legs, milliseconds as u64, true),
        (Some("standing"), Some(legs), Some(milliseconds)) => standing(legs, milliseconds as u64),
        _ => Err(io::Error::other("expected: floor phones|sparse|playback|relay|standing LEGS [SECONDS] [COMMAND...]")),
    }
}

fn bind(legs: usize) -> io::Result<Vec<UdpSocket>> {
    let bound = |_| {
        let socket = UdpSocket::bind(("127.0.0.1", 0))?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    };
    (0..legs).map(bound).collect()
}

fn ports(sockets: &[UdpSocket]) -> io::Result<String> {
    let ports: io::Result<Vec<String>> = sockets.iter().map(|socket| Ok(socket.local_addr()?.port().to_string())).collect();
    Ok(ports?.join(" "))
}

fn addresses(line: &str) -> Vec<SocketAddr> {
    line.split_whitespace()
        .filter_map(|port| port.parse().ok())
        .map(|port: u16| SocketAddr::from(([127, 0, 0, 1], port)))
        .collect()
}

/// Until the other side is gone. Told no ports, it only reads.
fn phones(legs: usize, phases: usize, round: Duration) -> io::Result<()> {
    let sockets = bind(legs)?;
    println!("{}", ports(&sockets)?);
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let targets = addresses(&line);
    std::thread::spawn(|| {
        let _ = io::stdin().lock().read_line(&mut String::new());
        std::process::exit(0);
    });
    pace(None, round / phases as u32, |count| {
        for leg in (count % phases..legs).step_by(phases) {
            drain(&sockets[leg]);
            if let Some(target) = targets.get(leg) {
                let _ = sockets[leg].send_to(&[0; PACKET], target);
            }
        }
    });
    Ok(())
}

fn drain(socket: &UdpSocket) {
    let mut room = [0; 2048];
    while socket.recv_from(&mut room).is_ok() {}
}

/// Call `turn` once a step, with its number, until it is over.
fn pace(end: Option<Duration>, step: Duration, mut turn: impl FnMut(usize)) {
    let started = Instant::now();
    for count in 1.. {
        let due = step * count;
        if end.is_some_and(|end| due > end) {
            return;
        }
        std::thread::sleep(due.saturating_sub(started.elapsed()));
        turn(count as usize);
    }
}

fn engine(legs: usize, milliseconds: u64, relays: bool) -> io::Result<()> {
    let sockets = bind(legs)?;
    let (mut far_side, targets) = start_phones("phones", legs, if relays { &sockets } else { &[] })?;
    let (mut sent, mut room) = (0u64, [0; 2048]);
    let before = cpu_nanos()?;
    pace(Some(Duration::from_millis(milliseconds)), FRAME / PHASES as u32, |count| {
        for leg in (count % PHASES..legs).step_by(PHASES) {
            if !relays {
                sent += u64::from(sockets[leg].send_to(&[0; PACKET], targets[leg]).is_ok());
            } else if let Ok((length, _)) = sockets[leg].recv_from(&mut room) {
                let other = leg ^ 1;
                sent += u64::from(sockets[other].send_to(&room[..length], targets[other]).is_ok());
            }
        }
    });
    println!("{}", (cpu_nanos()? - before) / sent.max(1));
    far_side.kill()?;
    far_side.wait()?;
    Ok(())
}

fn standing(legs: usize, milliseconds: u64) -> io::Result<()> {
    let sockets = bind(legs)?;
    let (mut far_side, targets) = start_phones("sparse", legs, &sockets)?;
    let (mut received, mut room) = (0u64, [0; 2048]);
    let before = cpu_nanos()?;
    pace(Some(Duration::from_millis(milliseconds)), Duration::from_secs(1) / SPARSE as u32, |count| {
        for leg in (count % SPARSE..legs).step_by(SPARSE) {
            received += u64::from(sockets[leg].recv_from(&mut room).is_ok());
            for every in [SECONDS_OF_SILENCE, SECONDS_OF_RTCP] {
                if (count / SPARSE + leg) % every == 0 {
                    let _ = sockets[leg].send_to(&room[..PACKET], targets[leg]);
                }
            }
        }
    });
    println!("{}", (cpu_nanos()? - before) / received.max(1));
    far_side.kill()?;
    far_side.wait()?;
    Ok(())
}

/// The far side, by the command that the arguments end with: it may run elsewhere. It is told our ports.
fn start_phones(kind: &str, legs: usize, sockets: &[UdpSocket]) -> io::Result<(Child, Vec<SocketAddr>)> {
    let mut words = std::env::args().skip(4);
    let program = words.next().ok_or_else(|| io::Error::other("expected the command of the far side"))?;
    let mut child = Command::new(program)
        .args(words)
        .args([kind, &legs.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    io::BufReader::new(child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?).read_line(&mut line)?;
    let mut told = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    writeln!(told, "{}", ports(sockets)?)?;
    child.stdin = Some(told);
    Ok((child, addresses(&line)))
}

/// Of this process, which has one thread.
fn cpu_nanos() -> io::Result<u64> {
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    let first = text.split_whitespace().next().and_then(|word| word.parse().ok());
    first.ok_or_else(|| io::Error::other("/proc/self/schedstat does not tell the CPU time"))
}
