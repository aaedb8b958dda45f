"""The addresses of a configuration: where is listened, read and written."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

from .toml_reader import show


class Listener(NamedTuple):
    """Where SIP is received. Port 0 lets the kernel choose."""

    transport: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.transport}:{join_host_port(self.host, self.port)}"


def parse_listener(text: str) -> Listener:
    """Read `udp:HOST:PORT`, or with `tcp`, `tls`, `ws` or `wss`; an IPv6 host stands in brackets. Raises ValueError."""
    transport, _, address = text.partition(":")
    if transport not in ("udp", "tcp", "tls", "ws", "wss"):
        raise ValueError(f'expected "udp:HOST:PORT", or with "tcp", "tls", "ws" or "wss", got {show(text)}')
    try:
        return Listener(transport, *parse_address(address))
    except ValueError:
        raise ValueError(f'expected "{transport}:HOST:PORT" with an IP address, got {show(text)}') from None


def parse_address(text: str) -> tuple[str, int]:
    """Read `HOST:PORT`, the host an IP address or `localhost`. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    if not colon or not re.fullmatch(r"[0-9]{1,5}", port, re.ASCII) or int(port) > 65535:
        raise ValueError(f'expected "HOST:PORT" with an IP address, got {show(text)}')
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if (":" in bare) != (bare is not host):
        raise ValueError(f'expected an IPv6 address as "[ADDRESS]:PORT", got {show(text)}')
    return parse_host(bare), int(port)


def parse_host(text: str) -> str:
    """Read an IP address or `localhost`. Raises ValueError."""
    if text == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError(f"expected an IP address, got {show(text)}") from None


def join_host_port(host: str, port: int) -> str:
    """`HOST:PORT`, an IPv6 host in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone."""
    return ipaddress.ip_address(host).is_loopback
