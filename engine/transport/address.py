"""Addresses of our own: binding to one, and which one a peer sees."""

from __future__ import annotations

import errno
import os
import socket

RECEIVE_BUFFER = 1 << 22  # octets; the kernel gives what it allows. The usual default holds 300 small datagrams
MAX_KNOWN = 4096  # peers whose way is remembered

Address = tuple[str, int]

_WILDCARDS = ("0.0.0.0", "::")


def is_wildcard(host: str) -> bool:
    return host in _WILDCARDS


def family(host: str) -> socket.AddressFamily:
    """Of a literal address."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def bind(kind: socket.SocketKind, host: str, port: int) -> socket.socket:
    """A non-blocking socket bound to a literal address. Raises OSError saying what to do about it."""
    name = "udp" if kind == socket.SOCK_DGRAM else "tcp"
    sock = socket.socket(family(host), kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise OSError(error.errno, f"cannot listen on {name}:{host}:{port}: {_advice(error)}") from error
    return sock


def _advice(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "the port is in use; stop the program that holds it, or choose another port"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine has no such address; use one of its own, or 0.0.0.0 for all"
    if error.errno == errno.EACCES:
        return "ports below 1024 need a privilege; choose a higher one"
    return os.strerror(error.errno or 0)


class LocalAddresses:
    """Which of our addresses a peer sees: what the kernel would send from. Remembered per peer, up to a bound."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def towards(self, host: str) -> str:
        """Our literal address on the way to a literal address. Raises OSError when there is no way."""
        known = self._known.get(host)
        if known is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            known = self._known[host] = _ask_kernel(host)
        return known


def _ask_kernel(host: str) -> str:
    with socket.socket(family(host), socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.connect((host, 9))  # sends nothing
        return str(sock.getsockname()[0])
