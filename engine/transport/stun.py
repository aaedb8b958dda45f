"""STUN on the port of SIP: phones learn their address outside, and keep their way through a NAT open (RFC 5626 §8).

Of RFC 8489 that is the Binding request without credentials, and its answer with XOR-MAPPED-ADDRESS.
"""

from __future__ import annotations

import ipaddress
import struct

from .address import Address

MAGIC_COOKIE = 0x2112A442
BINDING_REQUEST, BINDING_SUCCESS, BINDING_ERROR = 0x0001, 0x0101, 0x0111
XOR_MAPPED_ADDRESS, ERROR_CODE, UNKNOWN_ATTRIBUTES = 0x0020, 0x0009, 0x000A
MAX_UNKNOWN = 8  # that an answer names: it stays about as long as what it answers
_HEADER = struct.Struct("!HHI12s")
_COOKIE = MAGIC_COOKIE.to_bytes(4, "big")
_OPTIONAL = 0x8000  # attributes from here on may be ignored (§14)


def is_stun(data: bytes) -> bool:
    """Whether a datagram is STUN, and no SIP: no message of that has the cookie where STUN has it (§6.3)."""
    return data[4:8] == _COOKIE and data[0] < 0x40 and len(data) >= _HEADER.size


def answer(data: bytes, remote: Address) -> bytes | None:
    """The answer to a STUN message from there; None if there is none: indications, answers, what is no STUN."""
    kind, length, _, transaction = _HEADER.unpack_from(data)
    if kind != BINDING_REQUEST or length % 4 or _HEADER.size + length != len(data):
        return None
    unknown = _unknown(data[_HEADER.size :])
    if unknown is None:
        return None
    if unknown:
        listed = b"".join(struct.pack("!H", each) for each in unknown)
        refused = struct.pack("!HBB", 0, 4, 20)  # 420
        return _message(
            BINDING_ERROR, transaction, _attribute(ERROR_CODE, refused) + _attribute(UNKNOWN_ATTRIBUTES, listed)
        )
    return _message(BINDING_SUCCESS, transaction, _attribute(XOR_MAPPED_ADDRESS, _xor(remote, transaction)))


def _unknown(attributes: bytes) -> list[int] | None:
    """The attributes that must be understood, and are not; None if they cannot be read."""
    unknown: list[int] = []
    at = 0
    while at < len(attributes):
        kind, length = struct.unpack_from("!HH", attributes, at)
        at += 4 + length + -length % 4
        if kind < _OPTIONAL and len(unknown) < MAX_UNKNOWN:
            unknown.append(kind)
    return unknown if at == len(attributes) else None


def _xor(remote: Address, transaction: bytes) -> bytes:
    address = ipaddress.ip_address(remote[0].partition("%")[0])
    mask = (_COOKIE + transaction)[: len(address.packed)]
    hidden = bytes(one ^ other for one, other in zip(address.packed, mask, strict=True))
    return struct.pack("!BBH", 0, 1 if address.version == 4 else 2, remote[1] ^ (MAGIC_COOKIE >> 16)) + hidden


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + b"\0" * (-len(value) % 4)


def _message(kind: int, transaction: bytes, attributes: bytes) -> bytes:
    return _HEADER.pack(kind, len(attributes), MAGIC_COOKIE, transaction) + attributes
