"""A Lua script in a process of its own, for one that is not trusted: the same program over a connection to the engine.

What it can do to the engine is what any worker can: its worst step costs this process, and no other.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable

import anyio
import anyio.lowlevel

from callflow.errors import CallflowError, CommandError
from callflow.link import Link
from callflow.pending import Pending
from callflow.protocol.commands import Command
from callflow.protocol.events import Event
from callflow.protocol.frames import EventFrame, Hello
from callflow.run import current_call
from callflow.runtime.log import Record
from callflow.transport import Transport

from .door import Reply
from .interpreter import Exhausted
from .program import Program
from .script import LuaScript
from .store import Store
from .world import open_world
from .worldspec import WorldSpec

_LEVELS = {"debug": logging.DEBUG, "warning": logging.WARNING, "error": logging.ERROR}


class LinkDoor:
    """The engine at the other end of a link."""

    def __init__(self, link: Link, wake: Callable[[], None]) -> None:
        self._link = link
        self._wake = wake
        self.program: Program | None = None

    def new_id(self, kind: str) -> str:
        return self._link.new_id(kind)

    def is_ours(self, session: str | None) -> bool:
        return self._link.is_ours(session)

    def give(self, id: str, command: Command, channel: str | None) -> Reply | None:
        try:
            self._link.start(command, channel=channel, id=id).on_settled = self._settle
        except CommandError as error:
            return Reply(code=error.code, message=error.message)
        except CallflowError as error:
            return Reply(code="call_ended", message=str(error))
        return None

    def _settle(self, pending: Pending) -> None:
        assert self.program is not None
        self._link.forget(pending)
        error = pending.error
        if error is None:
            data = pending.reply.data if pending.reply is not None else b""
            reply = Reply(data=self._link.connection.spelling.decode(data, dict) if bytes(data) else None)
        elif isinstance(error, CommandError):
            reply = Reply(code=error.code, message=error.message)
        else:
            reply = Reply(code="call_ended", message=str(error))
        self.program.reply(pending.id, reply)
        self._wake()


async def run_script(
    script: LuaScript, transport: Transport, *, name: str, token: str | None, pid: int, world: WorldSpec
) -> None:
    """Say hello and run the script's calls until the connection ends. Raises Unauthorized and its kin, Exhausted."""
    woken = anyio.Event()
    exhausted: Exhausted | None = None

    def wake() -> None:
        woken.set()

    def handle(frame: EventFrame, event: Event | None) -> None:
        if event is not None:
            program.take(frame.channel, event)
            wake()

    link = Link(transport, on_event=handle, prefix=secrets.token_hex(6))
    door = LinkDoor(link, wake)
    try:
        async with open_world(world, wake) as outside:
            program = door.program = Program(
                script, door, store=Store(), outside=outside, clock=time.monotonic, epoch=time.time, log=_log_record
            )
            welcome = await link.open(
                Hello(app=name, token=token, routes=script.patterns, pid=pid, language=script.language)
            )
            program.adopt(welcome.owns)
            async with anyio.create_task_group() as tasks:

                async def carry() -> None:
                    await link.run()
                    tasks.cancel_scope.cancel()

                tasks.start_soon(carry)
                while True:
                    woken = anyio.Event()
                    try:
                        is_busy = program.work()
                    except Exhausted as error:
                        exhausted = error
                        tasks.cancel_scope.cancel()
                        break
                    if is_busy:
                        await anyio.lowlevel.checkpoint()
                        continue
                    with anyio.move_on_after(max(program.next_at - time.monotonic(), 0.0)):
                        await woken.wait()
            if exhausted is not None:
                raise exhausted
    finally:
        await transport.aclose()


def _log_record(record: Record) -> None:
    reset = current_call.set(record.call)
    try:
        level = _LEVELS.get(record.level, logging.INFO)
        logging.getLogger(record.logger).log(level, "%s", record.message, extra={"traceback": record.traceback})
    finally:
        current_call.reset(reset)
