//! RTP and RTCP sockets, a pair per leg: bound ahead of need, closed off the media thread's path.
//!
//! A keeper thread holds a small stock of bound pairs and closes those that come back. Ports are handed out in random order
//! at first, and then the one that has been free for longest, so that late packets of a call find nobody.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::{Arc, Condvar, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::lock::Lock;
use super::outlet::Outlet;
use super::syscalls::{forbid_fragments, mark_expedited, random};

/// Pairs kept bound.
const STOCK: usize = 32;
/// Ports tried in a row that somebody else has, before the stock stays as it is.
const TRIES: usize = 32;
/// How long taking waits for a pair that is just being given back, when there is no other.
const PATIENCE: Duration = Duration::from_millis(200);

/// Two sockets next to each other: RTP on the even port, RTCP on the odd one above (RFC 3550 §11).
pub struct PortPair {
    /// The even one.
    pub rtp: UdpSocket,
    /// The odd one.
    pub rtcp: UdpSocket,
    /// The even port.
    pub port: u16,
    /// How audio leaves.
    outlet: Outlet,
}

impl PortPair {
    fn bind(address: IpAddr, port: u16) -> io::Result<Self> {
        let rtp = UdpSocket::bind(SocketAddr::new(address, port))?;
        let rtcp = UdpSocket::bind(SocketAddr::new(address, port + 1))?;
        rtp.set_nonblocking(true)?;
        rtcp.set_nonblocking(true)?;
        mark_expedited(&rtp);
        forbid_fragments(&rtp);
        Ok(PortPair {
            rtp,
            rtcp,
            port,
            outlet: Outlet::default(),
        })
    }

    /// Send a packet of a stream from the even port.
    pub fn send(&mut self, packet: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.outlet.send(&self.rtp, packet, to)
    }
}

/// Why there is no pair.
#[derive(Debug)]
pub enum NoPorts {
    /// Every pair of the range is in use, by us or by others.
    Exhausted(RangeInclusive<u16>),
    /// The system refused; mostly: too many open files.
    Refused(io::Error),
    /// The engine is closed.
    Closed,
}

impl fmt::Display for NoPorts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoPorts::Exhausted(ports) => {
                write!(
                    formatter,
                    "every RTP port pair of {}-{} is in use",
                    ports.start(),
                    ports.end()
                )
            }
            NoPorts::Refused(error) => write!(formatter, "no RTP socket could be opened: {error}"),
            NoPorts::Closed => formatter.write_str("the media engine is closed"),
        }
    }
}

/// Hands out pairs and takes them back.
pub struct PortPool {
    shared: Arc<Shared>,
    keeper: Lock<Option<JoinHandle<()>>>,
}

struct Shared {
    address: IpAddr,
    ports: RangeInclusive<u16>,
    state: Lock<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    stock: VecDeque<PortPair>,
    free: VecDeque<u16>,
    leaving: Vec<PortPair>,
    /// Pairs announced to come back, until their ports are free.
    returning: usize,
    /// Ports in a row that somebody else had.
    misses: usize,
    /// Nothing could be bound, or there was nothing: wait for a call to begin or end before the next try.
    is_dry: bool,
    is_over: bool,
}

impl PortPool {
    /// A pool over `ports`, its stock bound. Fails if the address is not ours to bind.
    pub fn start(address: IpAddr, ports: RangeInclusive<u16>) -> io::Result<Self> {
        let mut free: Vec<u16> = ports
            .clone()
            .filter(|port| port % 2 == 0 && *port > 0 && *port < *ports.end())
            .collect();
        if free.is_empty() {
            let message = format!(
                "expected a port range with an even port and the next, got {}-{}",
                ports.start(),
                ports.end()
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        shuffle(&mut free);
        let shared = Arc::new(Shared {
            address,
            ports,
            state: Lock::default(),
            changed: Condvar::new(),
        });
        {
            let mut state = shared.state.hold();
            state.free = free.into();
            while state.stock.len() < STOCK {
                match shared.bind_next(&mut state.free)? {
                    Some(pair) => state.stock.push_back(pair),
                    None => break,
                }
            }
        }
        let inner = shared.clone();
        let keeper = thread::Builder::new()
            .name("media-ports".into())
            .spawn(move || inner.keep())?;
        Ok(PortPool {
            shared,
            keeper: Lock::new(Some(keeper)),
        })
    }

    /// A pair from the stock. Waits (briefly) only when the last ones are just being given back.
    pub fn take(&self) -> Result<PortPair, NoPorts> {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.shared.state.hold();
        loop {
            if state.is_over {
                return Err(NoPorts::Closed);
            }
            if let Some(pair) = state.stock.pop_front() {
                if state.stock.len() < STOCK / 2 {
                    state.is_dry = false;
                    self.shared.changed.notify_all();
                }
                return Ok(pair);
            }
            match self.shared.bind_next(&mut state.free) {
                Ok(Some(pair)) => return Ok(pair),
                Err(error) => return Err(NoPorts::Refused(error)),
                Ok(None) => {}
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if state.returning == 0 || left.is_zero() {
                return Err(NoPorts::Exhausted(self.shared.ports.clone()));
            }
            let woken = self.shared.changed.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A pair will come back soon.
    pub fn announce_return(&self) {
        self.shared.state.hold().returning += 1;
    }

    /// The announced pair. Its sockets are closed by the keeper.
    pub fn give_back(&self, pair: PortPair) {
        self.shared.state.hold().leaving.push(pair);
        self.shared.changed.notify_all();
    }

    /// Close the stock and end the keeper.
    pub fn stop(&self) {
        self.shared.state.hold().is_over = true;
        self.shared.changed.notify_all();
        if let Some(keeper) = self.keeper.hold().take() {
            let _ = keeper.join();
        }
        let mut state = self.shared.state.hold();
        state.stock.clear();
        state.leaving.clear();
    }
}

impl Shared {
    fn keep(&self) {
        let mut state = self.state.hold();
        while !state.is_over {
            if !state.leaving.is_empty() {
                let leaving = std::mem::take(&mut state.leaving);
                drop(state);
                let ports: Vec<u16> = leaving.iter().map(|pair| pair.port).collect();
                drop(leaving);
                state = self.state.hold();
                state.returning = state.returning.saturating_sub(ports.len());
                state.free.extend(ports);
                state.is_dry = false;
                self.changed.notify_all();
            } else if state.stock.len() < STOCK && !state.is_dry {
                state = self.restock(state);
            } else {
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Bind one more pair, unlocked: whoever wants a pair meanwhile goes first, or waits for this one if it is the last.
    fn restock<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let Some(port) = state.free.pop_front() else {
            state.is_dry = true;
            return state;
        };
        state.returning += 1;
        drop(state);
        let bound = PortPair::bind(self.address, port);
        let mut state = self.state.hold();
        state.returning = state.returning.saturating_sub(1);
        match bound {
            Ok(pair) => {
                state.stock.push_back(pair);
                state.misses = 0;
            }
            Err(error) => {
                state.free.push_back(port);
                state.misses += 1;
                if error.kind() != io::ErrorKind::AddrInUse || state.misses >= TRIES {
                    state.misses = 0;
                    state.is_dry = true; // too many files, or too many neighbours: no hurry to try again
                }
            }
        }
        self.changed.notify_all();
        state
    }

    /// Bind the first free pair that nobody else has; None: there is none.
    fn bind_next(&self, free: &mut VecDeque<u16>) -> io::Result<Option<PortPair>> {
        for _ in 0..free.len() {
            let Some(port) = free.pop_front() else {
                break;
            };
            match PortPair::bind(self.address, port) {
                Ok(pair) => return Ok(Some(pair)),
                Err(error) => {
                    free.push_back(port);
                    if error.kind() != io::ErrorKind::AddrInUse {
                        return Err(error);
                    }
                }
            }
        }
        Ok(None)
    }
}

fn shuffle(ports: &mut [u16]) {
    for index in (1..ports.len()).rev() {
        ports.swap(index, (random() % (index as u64 + 1)) as usize);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::super::testing::{free_ports, until};
    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn pairs_are_even_and_odd_run_out_and_come_back() {
        let ports = free_ports(3);
        let pool = PortPool::start(HERE, ports.clone()).unwrap();
        let mut pairs: Vec<PortPair> = (0..3).map(|_| pool.take().unwrap()).collect();
        for pair in &pairs {
            assert_eq!(pair.port % 2, 0);
            assert_eq!(pair.rtp.local_addr().unwrap().port(), pair.port);
            assert_eq!(pair.rtcp.local_addr().unwrap().port(), pair.port + 1);
        }
        assert!(matches!(pool.take(), Err(NoPorts::Exhausted(range)) if range == ports));
        let port = pairs[1].port;
        pool.announce_return();
        pool.give_back(pairs.remove(1));
        assert_eq!(pool.take().unwrap().port, port);
        pool.stop();
        assert!(matches!(pool.take(), Err(NoPorts::Closed)));
    }

    #[test]
    fn a_port_of_somebody_else_is_passed_over() {
        let ports = free_ports(2);
        let theirs = UdpSocket::bind((HERE, ports.start() + 1)).unwrap();
        let pool = PortPool::start(HERE, ports.clone()).unwrap();
        assert_eq!(pool.take().unwrap().port, ports.start() + 2);
        assert!(matches!(pool.take(), Err(NoPorts::Exhausted(_))));
        drop(theirs);
        assert_eq!(pool.take().unwrap().port, *ports.start());
        pool.stop();
    }

    #[test]
    fn the_stock_is_refilled() {
        let pool = PortPool::start(HERE, free_ports(STOCK as u16 + 8)).unwrap();
        let _pairs: Vec<PortPair> = (0..STOCK / 2 + 8).map(|_| pool.take().unwrap()).collect();
        until("the stock is refilled", || {
            pool.shared.state.hold().stock.len() == STOCK - STOCK / 2 + 8 || {
                let state = pool.shared.state.hold();
                state.free.is_empty() || state.stock.len() >= STOCK / 2
            }
        });
        pool.stop();
    }

    #[test]
    fn the_stock_is_refilled_past_a_port_of_somebody_else() {
        let pool = PortPool::start(HERE, free_ports(STOCK as u16 * 4)).unwrap();
        let theirs = pool.shared.state.hold().free[0];
        let _theirs = UdpSocket::bind((HERE, theirs)); // if it fails, it is somebody else's already
        let pair = pool.take().unwrap();
        pool.announce_return();
        pool.give_back(pair);
        until("the stock is full", || {
            pool.shared.state.hold().stock.len() == STOCK
        });
        pool.stop();
    }

    #[test]
    fn an_address_or_a_range_that_cannot_be_is_an_error() {
        assert!(PortPool::start(IpAddr::from([192, 0, 2, 1]), 20000..=20010).is_err());
        assert!(PortPool::start(HERE, 20001..=20002).is_err());
    }
}
