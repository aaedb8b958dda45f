"""Where SIP is received, and how a host and a port are written."""

from __future__ import annotations

from typing import NamedTuple


class Listener(NamedTuple):
    """Where SIP is received. Port 0 lets the kernel choose."""

    transport: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.transport}:{join_host_port(self.host, self.port)}"


def join_host_port(host: str, port: int) -> str:
    """`HOST:PORT`, an IPv6 host in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
