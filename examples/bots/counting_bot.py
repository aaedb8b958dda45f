"""A bot that counts to twelve. Who talks interrupts it; after a second of silence it goes on with the number cut off.

It says all numbers at once, each with a mark behind it: the engine says one after another, and tells which were heard.
"""

import json
from pathlib import Path

import callflow

from .echo_bot import HEADER, Socket

LAST = 12
FRAME_MS = 20
PATIENCE_MS = 1000
WORDS = Path(callflow.__file__).parent / "sounds/en"  # mu-law at 8 kHz, as the stream is


async def counting(socket: Socket) -> None:
    following, is_counting, quiet_ms = 1, False, 0
    async for message in socket:
        if isinstance(message, bytes):
            quiet_ms = 0 if is_loud(message[HEADER:]) else quiet_ms + FRAME_MS
            if not is_counting and quiet_ms >= PATIENCE_MS:
                is_counting = True
                await count(socket, following)
            continue
        match json.loads(message):
            case {"event": "mark", "name": name, "heard": True}:
                following = int(name) + 1
                if following > LAST:
                    return
            case {"event": "cleared"}:
                is_counting, quiet_ms = False, 0
            case _:
                pass


async def count(socket: Socket, first: int) -> None:
    for number in range(first, LAST + 1):
        await socket.send(word(number))
        await socket.send(json.dumps({"event": "mark", "name": str(number)}))


def word(number: int) -> bytes:
    """The sound of a number, and a pause."""
    octets = (WORDS / f"{number}.wav").read_bytes()
    return octets[octets.index(b"data") + 8 :] + b"\xff" * 4000


def is_loud(octets: bytes) -> bool:
    """Whether there is more than noise: a mu-law octet is small, its bits turned, when the sound is soft."""
    return any((octet ^ 0x7F) & 0x7F >= 0x40 for octet in octets)
