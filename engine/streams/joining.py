"""Both sides of a call in one: next to each other, or mixed. 20 ms at a time. Pure."""

from __future__ import annotations

import operator
import sys
from array import array
from collections.abc import Callable
from dataclasses import dataclass

Join = Callable[[bytes, bytes], bytes]
_LOUDEST = 32767


@dataclass(slots=True)
class Joiner:
    """Holds a frame of one side until that of the other has come; where one is missing there is silence."""

    join: Join
    _held: tuple[bool, int, bytes] | None = None  # is_received, at_ms, octets

    def take(self, is_received: bool, at_ms: int, octets: bytes) -> tuple[int, bytes] | None:
        """The joint frame that is complete now, with its time."""
        held, self._held = self._held, None
        if held is not None and held[0] != is_received and held[1] == at_ms:
            received, sent = (octets, held[2]) if is_received else (held[2], octets)
            return at_ms, self.join(received, sent)
        self._held = (is_received, at_ms, octets)
        return None if held is None else self._alone(*held)

    def _alone(self, is_received: bool, at_ms: int, octets: bytes) -> tuple[int, bytes]:
        silence = bytes(len(octets))
        return at_ms, self.join(octets, silence) if is_received else self.join(silence, octets)


def beside(left: bytes, right: bytes) -> bytes:
    """Two channels of 16 bits, sample by sample."""
    both = array("h", bytes(len(left) + len(right)))
    both[0::2], both[1::2] = array("h", left), array("h", right)
    return both.tobytes()


def mixed(one: bytes, other: bytes) -> bytes:
    """One channel of 16 bits, the lower octet first; what is too loud is as loud as can be."""
    if not any(other):
        return one
    samples = array("h", one), array("h", other)
    for side in samples if sys.byteorder == "big" else ():
        side.byteswap()
    try:
        sums = array("h", map(operator.add, *samples))
    except OverflowError:  # rarely: to look at each sample takes four times as long
        sums = array("h", [max(-_LOUDEST - 1, min(_LOUDEST, a + b)) for a, b in zip(*samples, strict=True)])
    if sys.byteorder == "big":
        sums.byteswap()
    return sums.tobytes()
