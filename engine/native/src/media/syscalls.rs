//! What std does not offer: epoll, eventfd, randomness, the mark on packets, two sockets of one port, how many files may be open,
//! how long a thread has worked, memory given back; and a hint to the processor. The crate's only unsafe code.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{SocketAddrV4, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Expedited forwarding, DSCP 46 (RFC 3246), in the place of the old type-of-service octet.
const EXPEDITED_FORWARDING: libc::c_int = 46 << 2;
/// Octets that are fetched from memory at once.
#[cfg(target_arch = "x86_64")]
const CACHE_LINE: usize = 64;

fn checked(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Nanoseconds that this thread has had of a processor.
pub fn worked() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the kernel writes one timespec to where one is.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    if result < 0 {
        return 0; // a kernel without that clock: nobody is ever late by work of his own
    }
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Give back to the system what the heap has free: by itself it gives only what lies at its end. Whether there was any.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn trim_heap() -> bool {
    // SAFETY: it takes a number, and touches only what nobody has, under the heap's own locks.
    unsafe { libc::malloc_trim(0) == 1 }
}

/// Other heaps have no such call.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn trim_heap() -> bool {
    false
}

/// A set of descriptors that are waited for together, level-triggered.
pub struct Epoll {
    fd: OwnedFd,
    has_no_pwait2: AtomicBool,
}

/// Room for what one wait reports.
pub struct Ready {
    events: Vec<libc::epoll_event>,
    count: usize,
}

impl Ready {
    /// Room for `capacity` descriptors per wait.
    pub fn new(capacity: usize) -> Self {
        Ready {
            events: vec![libc::epoll_event { events: 0, u64: 0 }; capacity],
            count: 0,
        }
    }

    /// How many descriptors the last wait found readable.
    pub fn len(&self) -> usize {
        self.count
    }

    /// True when the last wait ended by its time-out.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// True when more may be readable than there was room for.
    pub fn is_full(&self) -> bool {
        self.count == self.events.len()
    }

    /// The token of the `index`th readable descriptor.
    pub fn token(&self, index: usize) -> u64 {
        self.events[index].u64
    }
}

impl Epoll {
    /// An empty set.
    pub fn new() -> io::Result<Self> {
        // SAFETY: a call without pointers; the result is checked and then owned by nobody else.
        let fd =
            unsafe { OwnedFd::from_raw_fd(checked(libc::epoll_create1(libc::EPOLL_CLOEXEC))?) };
        Ok(Epoll {
            fd,
            has_no_pwait2: AtomicBool::new(false),
        })
    }

    /// Report `token` while `fd` is readable.
    pub fn watch(&self, fd: &impl AsRawFd, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: libc::EPOLLIN as u32,
            u64: token,
        };
        self.control(libc::EPOLL_CTL_ADD, fd.as_raw_fd(), &mut event)
    }

    /// Report `fd` no more.
    pub fn forget(&self, fd: &impl AsRawFd) -> io::Result<()> {
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        self.control(libc::EPOLL_CTL_DEL, fd.as_raw_fd(), &mut event)
    }

    fn control(
        &self,
        operation: libc::c_int,
        fd: RawFd,
        event: &mut libc::epoll_event,
    ) -> io::Result<()> {
        // SAFETY: `event` outlives the call; bad descriptors are answered with an error.
        checked(unsafe { libc::epoll_ctl(self.fd.as_raw_fd(), operation, fd, event) }).map(|_| ())
    }

    /// Wait until something is readable or `timeout` has passed (None: for ever). A signal ends it early, empty.
    pub fn wait(&self, ready: &mut Ready, timeout: Option<Duration>) -> io::Result<()> {
        ready.count = 0;
        if !self.has_no_pwait2.load(Ordering::Relaxed) {
            match self.pwait2(ready, timeout) {
                Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => {
                    self.has_no_pwait2.store(true, Ordering::Relaxed);
                }
                other => return other,
            }
        }
        self.wait_by_milliseconds(ready, timeout)
    }

    fn pwait2(&self, ready: &mut Ready, timeout: Option<Duration>) -> io::Result<()> {
        let timespec = timeout.map(timespec);
        let pointer = timespec
            .as_ref()
            .map_or(std::ptr::null(), std::ptr::from_ref);
        // SAFETY: the events' room and the timespec outlive the call, and its length is what is passed.
        let count = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.fd.as_raw_fd(),
                ready.events.as_mut_ptr(),
                ready.events.len() as libc::c_int,
                pointer,
                std::ptr::null::<libc::sigset_t>(),
                0usize,
            )
        };
        ready.count = uninterrupted(checked(count as libc::c_int))?;
        Ok(())
    }

    /// For kernels before 5.11: whole milliseconds, rounded up so that it never spins.
    fn wait_by_milliseconds(&self, ready: &mut Ready, timeout: Option<Duration>) -> io::Result<()> {
        let milliseconds = timeout.map_or(-1, |timeout| {
            timeout.as_nanos().div_ceil(1_000_000) as libc::c_int
        });
        // SAFETY: the events' room outlives the call, and its length is what is passed.
        let count = unsafe {
            libc::epoll_wait(
                self.fd.as_raw_fd(),
                ready.events.as_mut_ptr(),
                ready.events.len() as libc::c_int,
                milliseconds,
            )
        };
        ready.count = uninterrupted(checked(count))?;
        Ok(())
    }
}

fn timespec(timeout: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: timeout.as_secs() as libc::time_t,
        tv_nsec: timeout.subsec_nanos() as libc::c_long,
    }
}

fn uninterrupted(result: io::Result<libc::c_int>) -> io::Result<usize> {
    match result {
        Ok(count) => Ok(count as usize),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
        Err(error) => Err(error),
    }
}

/// A wake-up: readable from `signal` until `drain`.
pub struct EventFd {
    file: File,
}

impl EventFd {
    /// Not signalled.
    pub fn new() -> io::Result<Self> {
        // SAFETY: a call without pointers; the result is checked and then owned by nobody else.
        let fd = unsafe {
            OwnedFd::from_raw_fd(checked(libc::eventfd(
                0,
                libc::EFD_CLOEXEC | libc::EFD_NONBLOCK,
            ))?)
        };
        Ok(EventFd { file: fd.into() })
    }

    /// Make it readable. It fails only when 2^64 - 2 signals wait, and then it is readable anyway.
    pub fn signal(&self) {
        let _ = (&self.file).write(&1u64.to_ne_bytes());
    }

    /// Make it unreadable.
    pub fn drain(&self) {
        let _ = (&self.file).read(&mut [0; 8]);
    }

    /// Wait until it is readable or `timeout` has passed: true if it is. A signal ends it early.
    pub fn wait(&self, timeout: Duration) -> bool {
        let mut poll = libc::pollfd {
            fd: self.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        let timespec = timespec(timeout);
        // SAFETY: the one descriptor's room and the timespec outlive the call; no signal mask is given.
        unsafe { libc::ppoll(&mut poll, 1, &timespec, std::ptr::null()) > 0 }
    }
}

impl AsRawFd for EventFd {
    fn as_raw_fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}

/// Let the processor fetch what will soon be looked at, meanwhile: between two frames of a leg the kernel's work for others has
/// driven it out of the cache. It changes nothing but the time that is waited.
pub fn prefetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_mm_prefetch, _MM_HINT_T0};
        let start = std::ptr::from_ref(value).cast::<i8>();
        for offset in (0..std::mem::size_of::<T>()).step_by(CACHE_LINE) {
            // SAFETY: a hint; it reads nothing, and the address lies within `value`.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(start.add(offset)) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}

/// 64 bits that nobody can guess.
pub fn random() -> u64 {
    let mut octets = [0u8; 8];
    // SAFETY: the buffer outlives the call and its length is what is passed. Up to 256 octets never come short.
    let count = unsafe { libc::getrandom(octets.as_mut_ptr().cast(), octets.len(), 0) };
    assert_eq!(count, 8, "getrandom: {}", io::Error::last_os_error());
    u64::from_ne_bytes(octets)
}

/// Ask the network to hurry what `socket` sends. A network that does not listen is no error.
pub fn mark_expedited(socket: &UdpSocket) {
    let (level, option) = if is_v6(socket) {
        (libc::IPPROTO_IPV6, libc::IPV6_TCLASS)
    } else {
        (libc::IPPROTO_IP, libc::IP_TOS)
    };
    let _ = set_option(socket, level, option, EXPEDITED_FORWARDING);
}

/// Let nothing that `socket` sends be cut into pieces, whatever is known of the way: audio is far below any limit, and the
/// kernel is spared the numbers that pieces would need (RFC 6864 4.1). A system that does not know this is no error.
pub fn forbid_fragments(socket: &UdpSocket) {
    let (level, option, value) = if is_v6(socket) {
        (
            libc::IPPROTO_IPV6,
            libc::IPV6_MTU_DISCOVER,
            libc::IPV6_PMTUDISC_PROBE,
        )
    } else {
        (
            libc::IPPROTO_IP,
            libc::IP_MTU_DISCOVER,
            libc::IP_PMTUDISC_PROBE,
        )
    };
    let _ = set_option(socket, level, option, value);
}

/// A socket at `address` although `own` has that port at every address. Nobody else can have it, then or later.
pub fn bind_beside(own: &UdpSocket, address: SocketAddrV4) -> io::Result<UdpSocket> {
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: a call without pointers; the result is checked and then owned by nobody else.
    let socket = unsafe { UdpSocket::from_raw_fd(checked(libc::socket(libc::AF_INET, kind, 0))?) };
    share_port(own, true)?;
    let bound = share_port(&socket, true).and_then(|()| bind(&socket, address));
    share_port(&socket, false)?;
    share_port(own, false)?;
    bound.map(|()| socket)
}

fn share_port(socket: &UdpSocket, is_shared: bool) -> io::Result<()> {
    let value = libc::c_int::from(is_shared);
    set_option(socket, libc::SOL_SOCKET, libc::SO_REUSEADDR, value)
}

fn bind(socket: &UdpSocket, address: SocketAddrV4) -> io::Result<()> {
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from(*address.ip()).to_be(),
        },
        sin_zero: [0; 8],
    };
    let length = std::mem::size_of_val(&address) as libc::socklen_t;
    // SAFETY: `address` outlives the call and its size is what is passed.
    checked(unsafe {
        libc::bind(
            socket.as_raw_fd(),
            std::ptr::from_ref(&address).cast(),
            length,
        )
    })
    .map(|_| ())
}

/// How many files this process may have open.
pub fn most_files() -> u64 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the kernel writes one limit to where one is.
    match unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } {
        0 => limit.rlim_cur,
        _ => 0,
    }
}

fn is_v6(socket: &UdpSocket) -> bool {
    socket.local_addr().is_ok_and(|address| address.is_ipv6())
}

fn set_option(
    socket: &UdpSocket,
    level: libc::c_int,
    option: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    // SAFETY: `value` outlives the call and its size is what is passed.
    checked(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            std::ptr::from_ref(&value).cast(),
            std::mem::size_of_val(&value) as libc::socklen_t,
        )
    })
    .map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_wakes_and_a_drain_quiets() {
        let epoll = Epoll::new().unwrap();
        let event = EventFd::new().unwrap();
        let mut ready = Ready::new(4);
        epoll.watch(&event, 7).unwrap();
        epoll.wait(&mut ready, Some(Duration::ZERO)).unwrap();
        assert!(ready.is_empty());
        event.signal();
        epoll.wait(&mut ready, None).unwrap();
        assert_eq!((ready.len(), ready.token(0)), (1, 7));
        event.drain();
        epoll
            .wait_by_milliseconds(&mut ready, Some(Duration::from_micros(10)))
            .unwrap();
        assert!(ready.is_empty());
        event.signal();
        epoll.forget(&event).unwrap();
        epoll.wait(&mut ready, Some(Duration::ZERO)).unwrap();
        assert!(ready.is_empty());
    }

    #[test]
    fn random_differs() {
        assert_ne!(random(), random());
    }
}
