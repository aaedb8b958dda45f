"""What comes over a WebSocket, cut into frames (RFC 6455 5.2). A message in one frame is read here, its mask taken off.

Nearly all that comes is such. Whatever else there is, a part of a message, a ping, a close, what breaks the rules, is
for the library, to which it is handed as it came: it judges, answers and closes.
"""

from __future__ import annotations

import enum
from typing import TypeAlias

from websockets.frames import Opcode
from websockets.speedups import apply_mask

_WHOLE_TEXT, _WHOLE_BINARY = 0x81, 0x82  # FIN, and the opcode
_FINAL, _CONTROL = 0x80, 0x08
_OPCODES = frozenset(Opcode)  # without extensions nothing else is in these bits
_MASKED, _LENGTH = 0x80, 0x7F
_MASK = 4  # octets
_LONGEST_CONTROL = 125  # RFC 6455 5.5


class Kind(enum.Enum):
    """What a piece is: the payload of a whole message, or octets for the library."""

    TEXT = 1
    BINARY = 2
    OTHER = 3


Piece: TypeAlias = tuple[Kind, bytes]


class Inlet:
    """Cuts what is fed. Holds at most one frame, of up to `longest` octets, and what came with it.

    `is_masked`: the peer is a client. `is_through`: nothing is cut, all is for the library.
    """

    def __init__(self, *, is_masked: bool, longest: int) -> None:
        self.is_through = False
        self._mask_bit = _MASKED if is_masked else 0
        self._longest = longest
        self._is_in_parts = False  # the next data frame goes on with a message
        self._kept = bytearray()  # the beginning of a frame
        self._needed = 0  # octets of it, before more is known

    def feed(self, data: bytes | bytearray) -> list[Piece]:
        """The frames that are complete now."""
        if self._kept:
            self._kept += data
            if len(self._kept) < self._needed:
                return []
            data = bytes(self._kept)
            self._kept.clear()
        pieces: list[Piece] = []
        at = 0
        while at < len(data):
            if self.is_through:
                pieces.append((Kind.OTHER, bytes(data[at:])))
                break
            head, length = _measure(data, at)
            if head + length > len(data) - at and self._is_welcome(data[at], data[at + 1 : at + 2], length):
                self._kept += data[at:]
                self._needed = head + length
                break
            if self._is_welcome(data[at], data[at + 1 : at + 2], length):
                pieces.append(self._piece(data, at, head, length))
                at += head + length
            else:
                self.is_through = True  # it does not come to the end of this frame
        return pieces

    def _is_welcome(self, first: int, second: bytes | bytearray, length: int) -> bool:
        """The frame can be waited for: there are such frames, it is masked as it must be, and not too long."""
        if first & ~_FINAL not in _OPCODES:
            return False
        longest = _LONGEST_CONTROL if first & _CONTROL else self._longest
        return length <= longest and (not second or second[0] & _MASKED == self._mask_bit)

    def _piece(self, data: bytes | bytearray, at: int, head: int, length: int) -> Piece:
        first, begin, end = data[at], at + head, at + head + length
        if first in (_WHOLE_TEXT, _WHOLE_BINARY) and not self._is_in_parts:
            payload = bytes(data[begin:end])
            if self._mask_bit:
                payload = apply_mask(payload, data[begin - _MASK : begin])
            return Kind.TEXT if first == _WHOLE_TEXT else Kind.BINARY, payload
        if not first & _CONTROL:
            self._is_in_parts = not first & _FINAL
        return Kind.OTHER, bytes(data[at:end])


def _measure(data: bytes | bytearray, at: int) -> tuple[int, int]:
    """Octets of the head and of the payload of a frame, as far as its beginning tells: at least so many."""
    if len(data) - at < 2:
        return 2, 0
    second = data[at + 1]
    length, head = second & _LENGTH, 2
    if length > _LONGEST_CONTROL:
        extended = 2 if length == _LONGEST_CONTROL + 1 else 8
        head += extended
        if len(data) - at < head:
            return head, 0
        length = int.from_bytes(data[at + 2 : at + head], "big")
    return head + (_MASK if second & _MASKED else 0), length
