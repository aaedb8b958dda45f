"""What a socket takes at once is written at once: no lock, no turn of the event loop, no layer between.

Nearly all that is sent is small, and the kernel has room for it: then to send costs one `write(2)`. The rest of what it
does not take is for whoever can wait. And the header of a WebSocket's message, RFC 6455 5.2.
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress

import trio

_FINAL, _TEXT, _BINARY = 0x80, 0x1, 0x2
_SHORT, _MEDIUM = 125, 0xFFFF  # octets of a payload, up to which its length takes one octet, or three


def write_now(stream: trio.SocketStream, data: bytes) -> int:
    """How many octets of `data` the kernel has taken: 0 if the socket is full, or broken, which the next send tells.

    Nobody else may be about to send on the stream.
    """
    with suppress(OSError):
        return os.write(stream.socket.fileno(), data)
    return 0


def framed(message: bytes, *, is_text: bool) -> bytes:
    """A whole message in one frame, as a server sends it: not masked."""
    opcode, length = _FINAL | (_TEXT if is_text else _BINARY), len(message)
    if length <= _SHORT:
        return bytes((opcode, length)) + message
    if length <= _MEDIUM:
        return struct.pack("!BBH", opcode, 126, length) + message
    return struct.pack("!BBQ", opcode, 127, length) + message
