"""[sip] advertise: the addresses that peers elsewhere are told, read.

Either an address, or a list of them (one of each family), for every listener; or a table: listener and its address.
"""

from __future__ import annotations

from engine.transport.address import is_wildcard
from engine.transport.advertising import Advertised

from .listener import parse_address, parse_host, parse_listener
from .toml_reader import read_text, show


def read_advertised(value: object) -> tuple[Advertised, ...]:
    """Read any of the forms. Raises ValueError."""
    if isinstance(value, dict):
        return tuple(_of_listener(listener, read_text(address)) for listener, address in value.items())
    addresses = value if isinstance(value, list) else [value]
    return tuple(Advertised(_read_host(read_text(address))) for address in addresses)


def _of_listener(listener: str, text: str) -> Advertised:
    of = parse_listener(listener)
    try:
        host, port = parse_address(text)
    except ValueError:
        host, port = text, 0
    host = _read_host(host)
    if (":" in host) != (":" in of.host):
        raise ValueError(f"expected an address of the family of {show(listener)}, got {show(text)}")
    return Advertised(host, port, (of.transport, of.host, of.port))


def _read_host(text: str) -> str:
    host = parse_host(text)
    if is_wildcard(host):
        raise ValueError(f"expected the address that others reach us by, got {show(text)}")
    return host
