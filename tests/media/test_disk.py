"""A disk that is full, and one that hangs: the recording has its outcome, the call its sound."""

from __future__ import annotations

import fcntl
import os
import struct
import termios
from pathlib import Path

import trio

from engine.media.session import RecordingFinished, ToneSource
from tests.trio_tests import run_trio

from .harness import Leg
from .peer import Peer, native_floor, open_peer, wait_until

PAGE = 4096


@run_trio
async def test_a_full_disk_fails_the_recording_and_the_call_sounds_on(tmp_path: Path):
    (tmp_path / "r.wav.part").symlink_to("/dev/full")
    async with native_floor() as floor, open_peer() as peer:
        leg = floor.open()
        leg.session.update(peer.stream())
        leg.session.play("p", [ToneSource((400,))])
        leg.session.record("r", tmp_path / "r.wav", max_ms=60_000)
        finished = await leg.wait(RecordingFinished)
        assert (finished.reason, finished.error) == ("failed", f"{tmp_path}/r.wav: No space left on device")
        await receive_whole(peer, 25)
        assert not (tmp_path / "r.wav").exists()


@run_trio
async def test_while_a_disk_hangs_no_frame_of_the_call_is_missing(tmp_path: Path):
    part = tmp_path / "r.wav.part"
    os.mkfifo(part)
    disk = os.open(part, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(disk, fcntl.F_SETPIPE_SZ, PAGE)
    async with native_floor() as floor, open_peer() as peer:
        leg = floor.open()
        leg.session.update(peer.stream())
        leg.session.play("p", [ToneSource((400,))])
        leg.session.record_both("r", tmp_path / "r.wav", stereo=True, max_ms=60_000)
        await peer.receive()
        await wait_until(lambda: waiting(disk) > PAGE // 2)  # more than the header: now the writer hangs
        await receive_whole(peer, 100)
        leg.session.stop("r")
        await receive_whole(peer, 25)
        assert not [event for event in leg.events if isinstance(event, RecordingFinished)]
        assert (await drain_until_finished(disk, leg)).reason == "failed"  # a pipe is no file
    os.close(disk)


def waiting(disk: int) -> int:
    """Octets in the pipe."""
    return struct.unpack("i", fcntl.ioctl(disk, termios.FIONREAD, b"\0" * 4))[0]


async def drain_until_finished(disk: int, leg: Leg) -> RecordingFinished:
    """The disk works again, until the recording has its outcome."""
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def drain() -> None:
            while True:
                await trio.lowlevel.wait_readable(disk)
                os.read(disk, PAGE)

        finished = await leg.wait(RecordingFinished)
        nursery.cancel_scope.cancel()
    return finished


async def receive_whole(peer: Peer, count: int) -> None:
    """So many packets, none of them missing."""
    first = (await peer.receive()).sequence
    for number in range(1, count):
        assert (await peer.receive()).sequence == (first + number) & 0xFFFF
