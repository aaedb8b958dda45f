"""An engine small enough to look into: a real log and event socket over channels that remember what they were told."""

from __future__ import annotations

import itertools
from contextlib import asynccontextmanager

import trio

from callflow.protocol import commands
from callflow.protocol.connection import AppConnection, MessageReader, prefixed
from callflow.protocol.events import ChannelCreated, ChannelEnded, OwnerChanged, OwnerLost, Party
from callflow.protocol.frames import BridgeState, ChannelState, EventFrame, Hello, ReplyFrame
from engine.allowance import COMMANDS
from engine.channels.errors import CommandError
from engine.channels.ports import Owner
from engine.eventsocket.eventsocket import EventSocket
from engine.eventsocket.log import EventLog
from engine.eventsocket.memory import open_memory_session
from engine.eventsocket.ownership import Sessions
from engine.eventsocket.prompts import Prompts
from engine.eventsocket.tokens import Token, Tokens

ADMIN = Token("admin", "admin-secret", frozenset({"admin"}))
READER = Token("reader", "reader-secret", frozenset({"read"}))
OWNER = Token("owner", "owner-secret", frozenset({"calls:own"}))
ANY = Token("any", "any-secret", frozenset({"calls:any"}))


class FakeChannel:
    """Remembers the commands it accepted. `play` of "missing.wav" is refused, of "bug.wav" is a bug."""

    def __init__(self, table, id, app, owner):
        self.id, self.owner, self._table = id, owner, table
        self.facts = ChannelCreated(
            direction="inbound",
            caller=Party(uri="sip:alice@127.0.0.1", number="alice"),
            callee=Party(uri="sip:1000@127.0.0.1", number="1000"),
            to="1000",
            app=app,
            owner=owner.session if owner else None,
        )
        self.performed = []
        self.has_policy = False  # one that waits for its owner
        self.call_seq = 0
        self.variables = {}

    @property
    def app(self):
        return self.facts.app

    @property
    def is_alive(self):
        return self.id in self._table.channels

    def emit(self, event):
        self.call_seq += 1
        owner = self.owner.session if self.owner else None
        return self._table.log.emit(event, channel=self.id, call_seq=self.call_seq, owner=owner)

    def snapshot(self):
        return ChannelState(
            id=self.id,
            direction="inbound",
            state="created",
            caller="alice",
            callee="1000",
            to="1000",
            created_at=0.0,
            app=self.facts.app,
            owner=self.owner.session if self.owner else None,
            call_seq=self.call_seq,
            variables=dict(self.variables),
        )

    def perform(self, command_id, command):
        if command == commands.Play(sources=("missing.wav",)):
            raise CommandError("bad_argument", "there is no missing.wav", {"source": "missing.wav"})
        if command == commands.Play(sources=("bug.wav",)):
            raise ZeroDivisionError
        self.performed.append((command_id, command))
        if isinstance(command, commands.Hangup):
            self.end("app")
        if isinstance(command, commands.Set):
            self.variables.update(command.variables)
        return dict(self.variables) if isinstance(command, commands.Get) else None

    def give(self, owner):
        self.owner = owner
        self.emit(OwnerChanged(app=owner.app, owner=owner.session))

    def lose_owner(self, session):
        self.emit(OwnerLost(session=session))
        if not self.has_policy:
            self.end("engine")

    def end(self, by="caller"):
        self.emit(
            ChannelEnded(
                cause=16,
                cause_name="normal_clearing",
                ended_by=by,
                phase="setup",
                created_at=0.0,
                ended_at=1.0,
            )
        )
        del self._table.channels[self.id]


class FakeTable:
    def __init__(self, log):
        self.log = log
        self.channels = {}
        self.bridges = []

    def create(self, id, *, app="ivr", owner: Owner | None = None):
        channel = self.channels[id] = FakeChannel(self, id, app, owner)
        channel.emit(channel.facts)
        return channel

    def lose_commands(self, session):
        pass

    def states(self):
        return [channel.snapshot() for channel in self.channels.values()]

    def bridge_states(self) -> list[BridgeState]:
        return self.bridges

    @property
    def bridge_count(self) -> int:
        return len(self.bridges)


class Engine:
    """The log, the table, the sockets, and a nursery for their sessions."""

    def __init__(self, nursery, log, table, *, recordings=None, cache=None, commands_a_second=COMMANDS, **cache_limits):
        self.nursery, self.log, self.table = nursery, log, table
        numbers = itertools.count(1)
        self.sessions = Sessions()
        self.prompts = Prompts(cache, self.sessions, **cache_limits) if cache is not None else None
        self.tokens = Tokens([ADMIN, READER, OWNER, ANY])
        self.sockets = EventSocket(
            self.log,
            self.table,
            self.sessions,
            engine="callflow/test",
            new_id=lambda: f"session-{next(numbers)}",
            epoch=lambda: 1000.0 + trio.current_time(),
            recordings=recordings,
            prompts=self.prompts,
            registrations=list,
            commands=commands_a_second,
        )

    def call(self, id, *, app="ivr"):
        """A call comes in for whoever's turn it is."""
        session = self.sessions.session_for(app)
        return self.table.create(id, app=app, owner=session.owner if session else None)

    async def app(self, name="ivr", *, token=ADMIN, **hello):
        """An app that has been welcomed, over the memory door."""
        app = App(open_memory_session(self.sockets, self.nursery, tokens=self.tokens), name)
        await app.send(Hello(app=name, token=token.secret, **hello))
        app.welcome = await app.next()
        return app


class App:
    """An app's end of a stream, that looks at each frame."""

    def __init__(self, stream, name="ivr"):
        self.stream, self.name = stream, name
        self.connection, self.reader = AppConnection(), MessageReader()
        self.frames = []
        self.messages = 0
        self.numbers = itertools.count(1)

    @property
    def session(self):
        return self.welcome.session

    async def send(self, *frames):
        await self.stream.send_all(prefixed(self.connection.send(*frames)))

    async def next(self):
        """The next frame, None at the end."""
        while not self.frames:
            data = await self.stream.receive_some()
            if not data:
                return None
            for message in self.reader.feed(data):
                self.messages += 1
                self.frames += self.connection.receive(message)
        return self.frames.pop(0)

    async def event(self, name=None):
        """The next event, of that name if given; other frames are passed over."""
        while True:
            frame = await self.next()
            assert frame is not None, "the connection ended"
            if isinstance(frame, EventFrame) and name in (None, frame.name):
                return frame

    async def start(self, command, *, channel=None, id=None, deadline=None):
        id = id or f"{self.name}-{next(self.numbers)}"
        await self.send(self.connection.command(id, command, channel=channel, deadline=deadline))
        return id

    async def do(self, command, *, channel=None, id=None, deadline=None):
        """The reply to a command; frames before it are passed over."""
        id = await self.start(command, channel=channel, id=id, deadline=deadline)
        while True:
            frame = await self.next()
            assert frame is not None, "the connection ended"
            if isinstance(frame, ReplyFrame) and frame.id == id:
                return frame

    async def close(self):
        await self.stream.aclose()


@asynccontextmanager
async def running_engine(*, log=None, table=None, recordings=None, cache=None, commands_a_second=COMMANDS, **limits):
    """`limits` are the cache's, or without one the log's."""
    log = log or new_log(**({} if cache is not None else limits))
    cache_limits = limits if cache is not None else {}
    async with trio.open_nursery() as nursery:
        yield Engine(
            nursery, log, table or FakeTable(log), recordings=recordings, cache=cache,
            commands_a_second=commands_a_second, **cache_limits,
        )  # fmt: skip
        nursery.cancel_scope.cancel()


def new_log(**limits):
    return EventLog("epoch-1", lambda: 1000.0 + trio.current_time(), **limits)


async def until(condition):
    """Wait for what only the kernel, or a foreign library, brings about."""
    while not condition():  # noqa: ASYNC110
        await trio.sleep(0.001)
