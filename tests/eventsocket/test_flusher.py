"""One task sends to all sessions what is to be sent to them at the end of a turn."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from engine.eventsocket.flusher import Flusher
from tests.trio_tests import run_trio


class Noted:
    """Somebody with something to send."""

    def __init__(self, failure=None):
        self.failure = failure
        self.flushed, self.failed = 0, []

    def flush(self):
        self.flushed += 1
        if self.failure is not None:
            raise self.failure

    def fail(self, failure):
        self.failed.append(failure)


@pytest.mark.parametrize("count", [1, 2, 120])
@run_trio
async def test_all_that_are_noted_in_a_turn_are_flushed_once(count):
    flusher = Flusher()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(flusher.run)
        await wait_all_tasks_blocked()
        assert flusher.is_running
        for _ in range(2):
            sessions = [Noted() for _ in range(count)]
            for session in sessions:
                flusher.note(session)
            await wait_all_tasks_blocked()
            assert {session.flushed for session in sessions} == {1}
        nursery.cancel_scope.cancel()


@run_trio
async def test_a_fault_is_the_sessions_own():
    flusher, fault = Flusher(), ZeroDivisionError()
    faulty, other = Noted(fault), Noted()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(flusher.run)
        flusher.note(faulty)
        flusher.note(other)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert faulty.failed == [fault]
    assert other.flushed == 1


@run_trio
async def test_who_was_noted_when_it_ended_is_flushed_all_the_same():
    flusher, session = Flusher(), Noted()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(flusher.run)
        await wait_all_tasks_blocked()
        flusher.note(session)
        nursery.cancel_scope.cancel()
    assert session.flushed == 1
    assert not flusher.is_running
