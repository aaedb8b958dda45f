"""A command frame in, its reply out: is it known, allowed, in time, said before? Then it is done, at once.

Nothing here waits: what takes time is accepted, and its outcome is an event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

import msgspec
import structlog

from callflow.protocol import commands
from callflow.protocol.connection import EngineConnection, MalformedMessage
from callflow.protocol.events import ChannelEnded, Event
from callflow.protocol.frames import CaughtUp, CommandFrame, Error, ReplyFrame
from callflow.protocol.queries import Downloaded
from engine.channels.errors import CommandError

from .encoding import encoded, encoded_snapshot
from .log import Entry, EventLog
from .ports import SteeredChannel, Table
from .queries import Later, Queries
from .recordings import read_recording
from .remembered import Remembered
from .session import Reply, Session

MAX_ID = 128  # characters of an id that a client chose

logger = structlog.get_logger("engine.eventsocket")

# Who may hang up may do so to anybody's channel; everything else is the owner's.
_OF_ANY: tuple[type[commands.Command], ...] = (commands.Hangup,)
# What these change belongs to the session, not to whatever shows its app's name and token.
_OF_SESSION: frozenset[str] = frozenset({"subscribe", "unsubscribe", "snapshot"})

# These change nothing, and their replies are large.
_REPEATABLE: frozenset[str] = frozenset({"events", "download"})

Verb = Callable[[Session, commands.Command], object | None]


class Dispatcher:
    """Does the commands of all sessions."""

    def __init__(self, log: EventLog, table: Table, queries: Queries, clock: Callable[[], float]) -> None:
        """`clock` never goes back."""
        self._log = log
        self._table = table
        self._queries = queries
        self._remembered = Remembered(clock)
        self._verbs: dict[type[commands.Command], Verb] = {
            commands.Subscribe: _subscribe,
            commands.Unsubscribe: _unsubscribe,
            commands.SnapshotCommand: _accept,
            commands.Channels: queries.channels,
            commands.Bridges: queries.bridges,
            commands.Registrations: queries.registrations,
            commands.Apps: queries.apps,
            commands.Records: queries.records,
            commands.Events: queries.events,
            commands.Download: _download,
            commands.Status: queries.status,
        }
        log.watch(ChannelEnded, self._forget)

    def add(self, verbs: Mapping[type[commands.Command], Verb]) -> None:
        """Do these commands, too: those of parts that stand above the event socket."""
        self._verbs.update(verbs)

    def answer(self, session: Session, frame: CommandFrame) -> Reply:
        """Do a command. The same id again is answered with the same reply, and not done again."""
        whose = session.id if frame.name in _OF_SESSION else session.token.name
        key = (session.app, whose, frame.id)
        given = self._remembered.find(frame.channel, key)
        if given is not None:
            if given.name == frame.name:
                return Reply(self._log.last_seq, (given.frame,))
            error = Error("bad_argument", f"expected a new id for {frame.name}, {frame.id!r} was a {given.name} before")
            return Reply(self._log.last_seq, (encoded(ReplyFrame(id=frame.id, ok=False, error=error)),))
        reply = self._reply(session, frame)
        if isinstance(reply, Later):
            reply.ask(lambda data: session.owe(self._late_reply(frame, data)))
            return Reply(self._log.last_seq, ())
        written = encoded(reply)
        if frame.name not in _REPEATABLE and (frame.channel is None or frame.channel in self._table.channels):
            self._remembered.remember(frame.channel, key, frame.name, written)
        if reply.ok and frame.name == commands.SnapshotCommand.name:
            return Reply(self._log.last_seq, (written, *self.snapshot(session)))
        return Reply(self._log.last_seq, (written,))

    def perform(self, session: Session, id: str, command: commands.Command, channel: str | None) -> object | None:
        """Do a command of a program inside the engine, which gives each an id of its own; the reply's data.

        Raises CommandError.
        """
        try:
            return self._act(session, id, channel, command)
        except CommandError:
            raise
        except Exception as error:  # a fault of ours, as below
            logger.exception("a command failed", command=command.name, id=id, app=session.app, call=channel)
            raise CommandError("internal", f"{command.name} failed inside the engine: {error!r}") from error

    def snapshot(self, session: Session) -> list[bytes]:
        """The state that a session may see, as snapshot frames, and that it has caught up."""
        channels = self._queries.visible_channels(session)
        frames = encoded_snapshot(channels, self._queries.visible_bridges(session))
        return [*frames, encoded(CaughtUp(seq=self._log.last_seq))]

    def _late_reply(self, frame: CommandFrame, data: object | CommandError) -> Reply:
        """To a query; nothing needs to be remembered of it."""
        reply = ReplyFrame(id=frame.id, ok=True, seq=self._log.last_seq, data=cast("msgspec.Raw", data))
        if isinstance(data, CommandError):
            error = Error(data.code, data.message, data.details)
            reply = ReplyFrame(id=frame.id, ok=False, error=error)
        return Reply(self._log.last_seq, (encoded(reply),))

    def _reply(self, session: Session, frame: CommandFrame) -> ReplyFrame | Later:
        try:
            data = self._do(session, frame)
            if isinstance(data, Later):
                return data
            if data is None:
                return ReplyFrame(id=frame.id, ok=True, seq=self._log.last_seq)
            # msgspec encodes what it finds: the data needs no pass of its own.
            return ReplyFrame(id=frame.id, ok=True, seq=self._log.last_seq, data=cast("msgspec.Raw", data))
        except CommandError as refused:
            error = Error(refused.code, refused.message, refused.details)
        except Exception:  # a fault of ours, that must not take the session with it
            logger.exception("a command failed", command=frame.name, id=frame.id, app=session.app, call=frame.channel)
            error = Error("internal", f"{frame.name} failed inside the engine; its log has the traceback")
        return ReplyFrame(id=frame.id, ok=False, error=error)

    def _do(self, session: Session, frame: CommandFrame) -> object | None:
        _expect_sane(frame)
        return self._act(session, frame.id, frame.channel, _command(session, frame))

    def _act(self, session: Session, id: str, channel: str | None, command: commands.Command) -> object | None:
        verb = self._verbs.get(type(command))
        if verb is not None:
            return verb(session, command)
        if channel is None and isinstance(command, commands.Originate | commands.Cancel):
            self._without_channel(session, id, command)
            return None
        if command.of == "engine" and channel is None:
            raise CommandError("unsupported", f"{command.name}: this engine runs no scripts of its own")
        if channel is None:
            raise CommandError("bad_argument", f"{command.name}: expected a channel")
        return self._channel(session, channel, command).perform(id, command)

    def _without_channel(self, session: Session, id: str, command: commands.Originate | commands.Cancel) -> None:
        session.token.expect("calls:own")
        if isinstance(command, commands.Cancel):
            self._table.cancel_origination(command.command, session.owner)
        else:
            self._table.originate(id, command, session.owner)

    def _channel(self, session: Session, id: str, command: commands.Command) -> SteeredChannel:
        session.token.expect("calls:own")
        channel = self._table.channels.get(id)
        if channel is None and self._remembered.has_ended(id):
            raise CommandError("call_ended", f"the call {id} has ended")
        if channel is None:
            raise CommandError("not_found", f"there is no channel {id!r}")
        if channel.owner is not None and channel.owner.session == session.id:
            return channel
        if isinstance(command, _OF_ANY) and session.token.allows("calls:any"):
            return channel
        owner = channel.owner.app if channel.owner is not None else None
        raise CommandError("not_owner", f"the call {id} is not of this session", {"owner": owner})

    def _forget(self, event: Event, entry: Entry) -> None:
        if entry.channel is not None:
            self._remembered.end(entry.channel)


def _expect_sane(frame: CommandFrame) -> None:
    if not 0 < len(frame.id) <= MAX_ID:
        raise CommandError("bad_argument", f"expected an id of 1 to {MAX_ID} characters, got {len(frame.id)}")
    if frame.bridge is not None:
        raise CommandError("unsupported", f"{frame.name}: no command is given to a bridge")
    if frame.deadline is not None and not frame.deadline > 0:  # NaN too
        raise CommandError("deadline", f"{frame.name}: the deadline had passed when it arrived")


def _command(session: Session, frame: CommandFrame) -> commands.Command:
    try:
        command = EngineConnection(session.spelling).command(frame)
    except MalformedMessage as error:
        raise CommandError("bad_argument", f"{frame.name}: {error}") from error
    if command is None:
        raise CommandError("unsupported", f"there is no command {frame.name[:MAX_ID]!r}")
    return command


def _accept(session: Session, command: commands.Command) -> None:
    return None


def _subscribe(session: Session, command: commands.Command) -> None:
    assert isinstance(command, commands.Subscribe)
    try:
        session.reader.subscriptions.add(command.events, command.channels)
    except ValueError as error:
        raise CommandError("bad_argument", f"subscribe: {error}") from error
    session.reader.listen()


def _unsubscribe(session: Session, command: commands.Command) -> None:
    assert isinstance(command, commands.Unsubscribe)
    session.reader.subscriptions.remove(command.events)
    session.reader.listen()


def _download(session: Session, command: commands.Command) -> Downloaded:
    assert isinstance(command, commands.Download)
    session.token.expect("calls:own")
    return read_recording(session.owner.recordings, command.path, command.offset)
