"""Mu-law (ITU-T G.711), for what goes through pipes."""

from __future__ import annotations

from array import array
from collections.abc import Iterable


def expand_mulaw(octets: bytes) -> array[int]:
    """Mu-law to 16-bit samples."""
    return array("h", map(_LINEAR.__getitem__, octets))


def compress_mulaw(samples: Iterable[int]) -> bytes:
    """16-bit samples to mu-law."""
    return bytes(map(_compress, samples))


def _expand(code: int) -> int:
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84 << (code >> 4 & 7)) - 0x84
    return -magnitude if code & 0x80 else magnitude


def _compress(sample: int) -> int:
    magnitude = min(abs(sample), 32635) + 0x84
    segment = magnitude.bit_length() - 8
    code = segment << 4 | magnitude >> segment + 3 & 0x0F
    return ~(code | (0x80 if sample < 0 else 0)) & 0xFF


_LINEAR = tuple(map(_expand, range(256)))
