//! The way out of a steady stream: a second socket of the leg's port that only sends.
//!
//! A leg's own socket hears whoever sends to its port; so it is connected to nobody, and it is watched. Both are paid for with
//! each packet that leaves by it: the kernel looks the way up anew, and tells the watcher that there is room for another. So a
//! stream that has gone to one destination for a second gets a socket that is connected and that nobody watches.
//!
//! It receives nothing, since it is bound to the port of a multicast group that no host listens to. The kernel sends from the
//! interface's address then, and what comes to the port goes to the leg's own socket, as ever. Where that cannot be had
//! (IPv6, an address that is not the interface's first, few files left), the leg's own socket sends.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;

use super::syscalls::{bind_beside, forbid_fragments, mark_expedited, most_files};

/// Of the range for documentation, MCAST-TEST-NET (RFC 6676 §2).
const NOBODY: Ipv4Addr = Ipv4Addr::new(233, 252, 0, 1);
/// Packets to one destination that make a stream steady: those of a second.
const STEADY: u16 = 50;

/// How packets leave a leg. One that sends little has no more than the leg's own socket.
#[derive(Default)]
pub struct Outlet {
    destination: Option<SocketAddr>,
    /// Packets to there, up to where it no longer matters.
    count: u16,
    connected: Option<UdpSocket>,
}

impl Outlet {
    /// Send a packet that comes from the port of `own`.
    pub fn send(&mut self, own: &UdpSocket, packet: &[u8], to: SocketAddr) -> io::Result<usize> {
        if self.destination != Some(to) {
            *self = Outlet {
                destination: Some(to),
                ..Outlet::default()
            };
        }
        if let Some(socket) = &self.connected {
            match socket.send(packet) {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => self.connected = None, // its interface is gone
                other => return other,
            }
        }
        self.count = self.count.saturating_add(1);
        if self.count == STEADY {
            self.connected = connect(own, to).ok();
        }
        own.send_to(packet, to)
    }
}

/// A socket of that port, connected, that receives nothing.
fn connect(own: &UdpSocket, to: SocketAddr) -> io::Result<UdpSocket> {
    let SocketAddr::V4(here) = own.local_addr()? else {
        return Err(io::ErrorKind::Unsupported.into());
    };
    if !here.ip().is_unspecified() && source_for(to)? != *here.ip() {
        return Err(io::ErrorKind::AddrNotAvailable.into());
    }
    let socket = bind_beside(own, SocketAddrV4::new(NOBODY, here.port()))?;
    if is_scarce(&socket) {
        return Err(io::ErrorKind::QuotaExceeded.into());
    }
    mark_expedited(&socket);
    forbid_fragments(&socket);
    socket.connect(to)?;
    Ok(socket)
}

/// The address that the kernel sends from.
fn source_for(to: SocketAddr) -> io::Result<IpAddr> {
    let probe = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    probe.connect(to)?;
    Ok(probe.local_addr()?.ip())
}

/// The last quarter of the files that this process may open is for sockets that it cannot do without: numbers are given out from
/// below.
fn is_scarce(socket: &UdpSocket) -> bool {
    socket.as_raw_fd() as u64 >= most_files() / 4 * 3
}

#[cfg(test)]
#[path = "outlet_tests.rs"]
mod tests;
