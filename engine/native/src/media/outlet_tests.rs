use super::*;

const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;

fn bound(address: Ipv4Addr) -> UdpSocket {
    let socket = UdpSocket::bind((address, 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

fn here(socket: &UdpSocket) -> SocketAddr {
    (HERE, socket.local_addr().unwrap().port()).into()
}

/// Send until the stream is steady; true: it has a socket of its own.
fn steady(outlet: &mut Outlet, own: &UdpSocket, to: SocketAddr) -> bool {
    for _ in 0..STEADY {
        outlet.send(own, b"packet", to).unwrap();
    }
    outlet.connected.is_some()
}

/// Whom the next packet is from, if one waits.
fn next(socket: &UdpSocket) -> Option<SocketAddr> {
    socket.recv_from(&mut [0; 64]).ok().map(|(_, from)| from)
}

fn drain(socket: &UdpSocket) {
    while next(socket).is_some() {}
}

#[test]
fn a_steady_stream_leaves_by_a_socket_of_its_own_from_the_same_port() {
    let (own, peer) = (bound(HERE), bound(HERE));
    let mut outlet = Outlet::default();
    assert!(steady(&mut outlet, &own, here(&peer)));
    drain(&peer);
    outlet.send(&own, b"packet", here(&peer)).unwrap();
    assert_eq!(next(&peer), Some(here(&own)));
}

#[test]
fn what_comes_is_for_the_legs_own_socket_be_it_the_peers_or_a_strangers() {
    for address in [HERE, Ipv4Addr::UNSPECIFIED] {
        let (own, peer, stranger) = (bound(address), bound(HERE), bound(HERE));
        let mut outlet = Outlet::default();
        assert!(steady(&mut outlet, &own, here(&peer)));
        for sender in [&peer, &stranger] {
            sender.send_to(b"packet", here(&own)).unwrap();
            assert_eq!(next(&own), Some(here(sender)));
        }
        assert_eq!(next(outlet.connected.as_ref().unwrap()), None);
    }
}

#[test]
fn another_destination_begins_anew() {
    let (own, peer, other) = (bound(HERE), bound(HERE), bound(HERE));
    let mut outlet = Outlet::default();
    assert!(steady(&mut outlet, &own, here(&peer)));
    outlet.send(&own, b"packet", here(&other)).unwrap();
    assert_eq!(next(&other), Some(here(&own)));
    assert!(outlet.connected.is_none());
    assert!(steady(&mut outlet, &own, here(&other)));
}

#[test]
fn the_port_remains_nobody_elses() {
    let (own, peer) = (bound(Ipv4Addr::UNSPECIFIED), bound(HERE));
    let mut outlet = Outlet::default();
    assert!(steady(&mut outlet, &own, here(&peer)));
    let again = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, here(&own).port()));
    assert_eq!(again.unwrap_err().kind(), io::ErrorKind::AddrInUse);
}

#[test]
fn a_port_that_nobody_has_any_more_does_not_end_a_stream() {
    let (own, peer) = (bound(HERE), bound(HERE));
    let to = here(&peer);
    let mut outlet = Outlet::default();
    assert!(steady(&mut outlet, &own, to));
    drop(peer);
    for _ in 0..3 {
        outlet.send(&own, b"packet", to).unwrap(); // the kernel says that it is closed, to nobody
    }
    assert!(outlet.connected.is_some());
}

#[test]
fn without_ipv4_the_legs_own_socket_sends() {
    let Ok(own) = UdpSocket::bind(("::1", 0)) else {
        return; // a machine without IPv6
    };
    let peer = UdpSocket::bind(("::1", 0)).unwrap();
    peer.set_nonblocking(true).unwrap();
    let to = peer.local_addr().unwrap();
    let mut outlet = Outlet::default();
    assert!(!steady(&mut outlet, &own, to));
    drain(&peer);
    outlet.send(&own, b"packet", to).unwrap();
    assert_eq!(next(&peer), Some(own.local_addr().unwrap()));
}

#[test]
fn an_address_that_the_kernel_would_not_send_from_keeps_its_own_socket() {
    let own = bound(Ipv4Addr::new(127, 0, 0, 2)); // to 127.0.0.1 it would be that one
    let peer = bound(HERE);
    let mut outlet = Outlet::default();
    assert!(!steady(&mut outlet, &own, here(&peer)));
    assert!(next(&peer).is_some_and(|from| from.ip() == Ipv4Addr::new(127, 0, 0, 2)));
}
