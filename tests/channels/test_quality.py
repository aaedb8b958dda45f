"""How good calls sound, told when it changes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio

from callflow import App, Call
from callflow.protocol.events import ChannelMediaQuality
from callflow.testing import Simulation
from engine.channels.quality import LOOK_EVERY, Quality, QualityWatch
from engine.media.session import Statistics

app = App("quality")
NOTHING = Statistics()
MORE = Statistics(packets_sent=250, packets_received=250, round_trip_ms=20.0)


def plus(before: Statistics, **more: float) -> Statistics:
    """Five seconds later, with so much more of these and as many packets as ever."""
    summed = {name: getattr(before, name) + count for name, count in {"packets_sent": 250, **more}.items()}
    return replace(before, round_trip_ms=20.0, **summed)


class Watched:
    """The quality of a call whose media always has something to look at."""

    def __init__(self) -> None:
        self.quality, self.heard = Quality(), NOTHING

    def look(self, heard: Statistics, *, now: float) -> ChannelMediaQuality | None:
        before, self.heard = self.heard, heard
        return self.quality.look((before, heard), now=now)

    @property
    def mos(self) -> float | None:
        return self.quality.mos


def test_the_first_look_only_counts_from_there():
    quality = Watched()
    assert quality.look(plus(NOTHING, packets_received=10, packets_lost=90), now=1.0) is None
    assert quality.mos is None


def test_it_is_told_once_when_it_is_known_and_not_again_while_it_stays():
    quality, heard = Watched(), NOTHING
    quality.look(heard, now=0.0)
    heard = plus(heard, packets_received=250)
    told = quality.look(heard, now=5.0)
    assert told is not None
    assert (told.seconds, told.received.packets, told.sent.packets) == (5.0, 250, 250)
    assert told.received.mos is not None
    assert quality.mos == pytest.approx(told.received.mos, abs=0.01)
    assert quality.look(plus(heard, packets_received=249, packets_lost=1), now=10.0) is None


def test_loss_in_the_latest_seconds_is_told_however_long_all_was_well():
    quality = Watched()
    heard = replace(MORE, packets_sent=100_000, packets_received=100_000)
    quality.look(NOTHING, now=0.0)
    quality.look(heard, now=5.0)
    worse = plus(heard, packets_received=200, packets_lost=50)
    told = quality.look(worse, now=10.0)
    assert told is not None
    assert told.received.lost == 50
    assert told.received.mos is not None
    assert told.received.mos < 3.0
    better = quality.look(plus(worse, packets_received=250), now=15.0)
    assert better is not None
    assert better.received.mos is not None
    assert better.received.mos > 4.0


def test_packets_that_come_late_after_all_are_no_less_than_no_loss():
    quality = Watched()
    quality.look(plus(NOTHING, packets_received=200, packets_lost=50), now=0.0)
    told = quality.look(plus(NOTHING, packets_received=500, packets_lost=10), now=5.0)
    assert told is not None
    assert told.received.lost == 0


def test_a_peer_that_sends_nothing_any_more_is_told():
    quality = Watched()
    quality.look(NOTHING, now=0.0)
    heard = plus(NOTHING, packets_received=250)
    quality.look(heard, now=5.0)
    told = quality.look(plus(heard), now=10.0)
    assert told is not None
    assert (told.received.packets, told.received.mos) == (0, None)


def test_of_a_few_packets_of_silence_the_loss_is_no_bad_sound():
    quality = Watched()
    quality.look(NOTHING, now=0.0)
    heard = plus(NOTHING, packets_received=250)
    quality.look(heard, now=5.0)
    silent = replace(heard, packets_sent=heard.packets_sent + 1, packets_received=500, remote_packets_lost=1)
    assert quality.look(silent, now=10.0) is None
    assert quality.look(replace(silent, packets_received=750), now=15.0) is None  # and nothing sent is nothing new


def test_what_sounds_as_it_did_is_not_told_and_the_seconds_are_those_since():
    quality = Quality()
    quality.look((NOTHING, NOTHING), now=0.0)
    heard = plus(NOTHING, packets_received=250)
    quality.look((NOTHING, heard), now=5.0)
    assert quality.look(None, now=10.0) is None
    told = quality.look((heard, plus(heard, packets_received=200, packets_lost=50)), now=15.0)
    assert told is not None
    assert told.seconds == 5.0


@app.route("1000")
async def talk(call: Call) -> None:
    await call.answer()
    await call.echo()


@pytest.mark.callflow(app)
async def test_each_answered_call_is_looked_at_every_few_seconds(simulation: Simulation):
    table = simulation.switch.table
    found: list[ChannelMediaQuality] = []
    simulation.switch.log.watch(ChannelMediaQuality, lambda event, _: found.append(event))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(QualityWatch(table.channels).run)
        caller = simulation.phone("caller")
        caller.call("1000")
        await caller.answered()
        await trio.sleep(3 * LOOK_EVERY)
        [channel] = table.channels.values()
        assert channel.snapshot().mos == channel.quality.mos is not None
        nursery.cancel_scope.cancel()
    assert len(found) == 1
    assert found[0].received.packets > 0
