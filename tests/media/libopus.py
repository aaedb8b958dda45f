"""libopus, as others have it: what decodes our packets in tests. Mono, 16 kHz."""

from __future__ import annotations

import ctypes
from array import array

RATE = 16000
FRAME = RATE // 50  # 20 ms
NAME = "libopus.so.0"


class LibOpus:
    """A decoder."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(NAME)
        self._library.opus_decoder_create.restype = ctypes.c_void_p
        error = ctypes.c_int()
        self._decoder = ctypes.c_void_p(self._library.opus_decoder_create(RATE, 1, ctypes.byref(error)))
        assert error.value == 0

    def decode(self, packet: bytes | None, *, is_restored: bool = False) -> array[int]:
        """A frame of it; with `is_restored` of the one before, as it says. None: the packet was lost."""
        samples = (ctypes.c_int16 * FRAME)()
        length = len(packet) if packet is not None else 0
        count = self._library.opus_decode(self._decoder, packet, length, samples, FRAME, int(is_restored))
        assert count == FRAME, f"expected {FRAME} samples, got {count}"
        return array("h", samples)

    def close(self) -> None:
        """Give its memory back."""
        self._library.opus_decoder_destroy(self._decoder)
