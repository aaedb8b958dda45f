"""Messages as a capture file that Wireshark opens: pcap with raw IP (LINKTYPE_RAW), the headers made up around them.

A message by TCP is shown as a datagram, for what we have are whole messages and no segments; Wireshark reads it as SIP
all the same.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable

from callflow.protocol.queries import WireMessage

_HEADER = struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, 101)  # LINKTYPE_RAW
_UDP = 17
_HOPS = 64
_LONGEST = 65_535 - 48  # octets of a message, with what stands before it


def pcap(messages: Iterable[WireMessage]) -> bytes:
    """The file. A message that is longer than a datagram is cut."""
    return _HEADER + b"".join(map(_record, messages))


def _record(message: WireMessage) -> bytes:
    packet = _packet(message)
    seconds = int(message.at)
    micros = int((message.at - seconds) * 1e6)
    return struct.pack("=IIII", seconds, micros, len(packet), len(packet)) + packet


def _packet(message: WireMessage) -> bytes:
    local, remote = _split(message.local), _split(message.remote)
    source, target = (local, remote) if message.is_sent else (remote, local)
    data = message.data[:_LONGEST]
    length = 8 + len(data)
    from_, to = source[0].packed, target[0].packed
    if source[0].version == 4:
        before = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + length, 0, 0, _HOPS, _UDP, 0, from_, to)
        before = before[:10] + struct.pack("!H", _checksum(before)) + before[12:]
    else:
        before = struct.pack("!IHBB16s16s", 6 << 28, length, _UDP, _HOPS, from_, to)
    pseudo = from_ + to + struct.pack("!IBBH", length, 0, 0, _UDP)
    checksum = _checksum(pseudo + struct.pack("!HHHH", source[1], target[1], length, 0) + data) or 0xFFFF
    return before + struct.pack("!HHHH", source[1], target[1], length, checksum) + data


def _split(place: str) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]:
    host, _, port = place.rpartition(":")
    return ipaddress.ip_address(host.strip("[]").partition("%")[0]), int(port)


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
