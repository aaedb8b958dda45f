"""Pipes, on both engines: a program hears a session's sides frame by frame, and is heard at its own pace."""

from __future__ import annotations

import itertools
import math
import struct

from engine.media.pipe import MediaPipe, PipeFrame, PipeMarked, PipeShape
from engine.media.session import FileSource, PlaybackFinished, ToneSource

from .harness import Floor, Leg, hears, on_both_engines, share_of_time, silence, tone

LONG = ToneSource((600.0,))


class Program:
    """What hears and speaks through a pipe."""

    def __init__(self, leg: Leg, shape: PipeShape | None = None) -> None:
        self.frames: list[PipeFrame] = []
        self.shape = shape or PipeShape()
        self.pipe: MediaPipe = leg.session.open_pipe("p", self.shape, self.frames.append)

    def heard(self, *, is_received: bool) -> list[int]:
        """The samples of one side, at 8 kHz."""
        octets = b"".join(frame.octets for frame in self.frames if frame.is_received is is_received)
        return list(struct.unpack(f"<{len(octets) // 2}h", octets))[:: self.shape.rate // 8000]

    def say(self, seconds: float, frequency: float = 800.0) -> int:
        rate = self.shape.rate
        samples = [round(9000 * math.sin(2 * math.pi * frequency * n / rate)) for n in range(round(seconds * rate))]
        return self.pipe.write(struct.pack(f"<{len(samples)}h", *samples))


async def hears_tone(floor: Floor, program: Program, frequency: float, *, is_received: bool = True) -> None:
    """Until the newest half second that the program heard is that tone."""
    await floor.until(lambda: share_of_time(program.heard(is_received=is_received)[-4000:], frequency) >= 0.8)


@on_both_engines
async def test_what_the_peer_says_comes_out_every_20_ms(floor):
    near, far = floor.pair()
    program = Program(near)
    far.session.play("hum", (LONG,))
    await hears_tone(floor, program, 600)
    times = [frame.at_ms for frame in program.frames]
    assert {len(frame.octets) for frame in program.frames} == {320}
    assert all(19 <= later - at <= 21 for at, later in itertools.pairwise(times))


@on_both_engines
async def test_the_rates_and_the_law_are_those_that_were_asked_for(floor):
    near, far = floor.pair()
    programs = [Program(near, PipeShape(rate=rate)) for rate in (16000, 24000)]
    law = Program(near, PipeShape(encoding="mulaw"))
    far.session.play("hum", (LONG,))
    for program, octets in zip(programs, (640, 960), strict=True):
        await hears_tone(floor, program, 600)
        assert len(program.frames[-1].octets) == octets
        assert program.say(0.1) == octets * 5
    await floor.until(lambda: set(law.frames[-1].octets) - {0xFF, 0x7F})
    assert len(law.frames[-1].octets) == 160


@on_both_engines
async def test_what_is_written_is_heard_by_the_peer_and_on_the_side_of_what_is_sent(floor):
    near, far = floor.pair()
    program = Program(near, PipeShape(hears_sent=True))
    program.say(30)
    await hears(floor, far, tone(800))
    await hears_tone(floor, program, 800, is_received=False)
    assert silence(program.heard(is_received=True))
    assert program.pipe.figures().said_ms > 0


@on_both_engines
async def test_marks_are_passed_as_what_is_before_them_is_said(floor):
    near, _ = floor.pair()
    program = Program(near)
    program.say(0.2)
    assert program.pipe.mark(1)
    program.say(0.2)
    assert program.pipe.mark(2)
    first = await near.wait(PipeMarked)
    said_ms = program.pipe.figures().said_ms
    assert first == PipeMarked("p", 1, is_heard=True)
    assert await near.wait(PipeMarked, 2) == PipeMarked("p", 2, is_heard=True)
    assert said_ms >= 200
    assert program.pipe.figures().waiting_ms == 0


@on_both_engines
async def test_cleared_the_peer_hears_nothing_more_and_the_mark_was_not_heard(floor):
    near, far = floor.pair()
    program = Program(near)
    program.say(50)
    program.pipe.mark(7)
    await hears(floor, far, tone(800))
    program.pipe.clear()
    assert await near.wait(PipeMarked) == PipeMarked("p", 7, is_heard=False)
    assert program.pipe.figures().waiting_ms == 0
    await hears(floor, far, silence)


@on_both_engines
async def test_a_mark_with_nothing_before_it_is_passed_at_once(floor):
    near, _ = floor.pair()
    program = Program(near)
    program.pipe.mark(3)
    assert await near.wait(PipeMarked) == PipeMarked("p", 3, is_heard=True)


@on_both_engines
async def test_what_is_said_takes_the_place_of_a_relayed_voice_until_it_is_over(floor):
    alice, near = floor.pair()
    far, bob = floor.pair()
    near.session.relay(far.session)
    bob.session.play("hum", (LONG,))
    await hears(floor, alice, tone(600))
    program = Program(near)
    program.say(55)
    await hears(floor, alice, tone(800))
    program.pipe.clear()
    await hears(floor, alice, tone(600))


@on_both_engines
async def test_a_playback_goes_first_and_what_is_said_waits(floor):
    near, far = floor.pair()
    program = Program(near)
    near.session.play("prompt", (FileSource(floor.wav(seconds=0.4)),))
    program.say(50)
    assert (await near.wait(PlaybackFinished)).heard_ms == 400
    await hears(floor, far, tone(800))


@on_both_engines
async def test_more_than_a_minute_ahead_is_not_taken(floor):
    near, _ = floor.pair()
    program = Program(near, PipeShape(rate=16000))
    taken = [program.say(10) for _ in range(7)]
    assert taken[:5] == [320_000] * 5
    assert sum(taken) < 62 * 32_000
    assert program.say(10) < 32_000 * 5


@on_both_engines
async def test_closed_it_hears_and_says_nothing_more_and_does_no_harm(floor):
    near, far = floor.pair()
    program = Program(near)
    program.say(50)
    await hears(floor, far, tone(800))
    program.pipe.close()
    count = len(program.frames)
    await hears(floor, far, silence)
    assert len(program.frames) == count
    assert (program.say(1), program.pipe.mark(1)) == (0, False)
    program.pipe.clear()
    program.pipe.close()


@on_both_engines
async def test_it_ends_with_its_session(floor):
    near, _ = floor.pair()
    program = Program(near)
    await floor.until(lambda: program.frames)
    near.session.close()
    assert program.say(1) == 0
    assert Program(near).say(1) == 0
