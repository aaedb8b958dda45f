"""Keys, one by one, from the terminal that a command was started in."""

from __future__ import annotations

import os
import sys
import termios
import tty
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import trio


@contextmanager
def keys_unbuffered() -> Iterator[bool]:
    """Let keys come without Enter and unseen; whether there is a keyboard at all. Ctrl-C stays what it is."""
    if not sys.stdin.isatty():
        yield False
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    try:
        yield True
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


async def read_keys() -> AsyncIterator[str]:
    """The keys, until the terminal is gone. Those with a longer sequence (arrows) come as several."""
    descriptor = sys.stdin.fileno()
    while True:
        await trio.lowlevel.wait_readable(descriptor)
        pressed = os.read(descriptor, 64)
        if not pressed:
            return
        for key in pressed.decode("ascii", "replace"):
            yield key
