"""A command frame in, its reply out: is it known, allowed, in time, said before? Then it is done, at once.

Nothing here waits: what takes time is accepted, and its outcome is an event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, cast

import msgspec
import structlog

from callflow.protocol import commands
from callflow.protocol.connection import EngineConnection, MalformedMessage
from callflow.protocol.events import ChannelEnded, Event
from callflow.protocol.frames import CaughtUp, CommandFrame, Error, ReplyFrame
from callflow.protocol.queries import Downloaded
from engine.channels.errors import CommandError

from .decisions import DecisionLog, Given
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
_WITHOUT_CHANNEL: tuple[type[commands.Command], ...] = (
    commands.Originate,
    commands.Cancel,
    commands.ConferenceCommand,
    commands.ConferencePlay,
    commands.ConferenceRecord,
)
# What these change belongs to the session, not to whatever shows its app's name and token.
_OF_SESSION: frozenset[str] = frozenset({"subscribe", "unsubscribe", "snapshot"})

# These change nothing, and their replies are large.
_REPEATABLE: frozenset[str] = frozenset({"events", "decisions", "download"})
# These decide nothing.
_QUESTIONS: frozenset[str] = frozenset({"get"})
# Who is told so has no say in the call.
_STRANGERS: frozenset[str] = frozenset({"not_owner", "unauthorized"})

Verb = Callable[[Session, commands.Command], object | None]
LongVerb = Callable[[Session, str, commands.Command], None]  # its outcome is an event that names the command's id


class CommandWatcher(Protocol):
    """Who is told of each command, before whatever it brings about. Must not raise and must not wait."""

    def begin(self, frame: CommandFrame, command: commands.Command) -> None:
        """An app gives a command."""
        ...

    def refuse(self, frame: CommandFrame, error: CommandError) -> None:
        """It is not done."""
        ...


class Dispatcher:
    """Does the commands of all sessions."""

    def __init__(
        self,
        log: EventLog,
        table: Table,
        queries: Queries,
        decisions: DecisionLog,
        *,
        clock: Callable[[], float],
        epoch: Callable[[], float],
    ) -> None:
        """`clock` never goes back; `epoch`: seconds since the epoch."""
        self._log = log
        self._table = table
        self._queries = queries
        self._decisions = decisions
        self._epoch = epoch
        self._remembered = Remembered(clock)
        self._watchers: tuple[CommandWatcher, ...] = ()
        self._verbs: dict[type[commands.Command], Verb] = {
            commands.Subscribe: _subscribe,
            commands.Unsubscribe: _unsubscribe,
            commands.SnapshotCommand: _accept,
            commands.Channels: queries.channels,
            commands.Bridges: queries.bridges,
            commands.Registrations: queries.registrations,
            commands.TrunksCommand: queries.trunks,
            commands.Apps: queries.apps,
            commands.Records: queries.records,
            commands.Events: queries.events,
            commands.DecisionsCommand: queries.decisions,
            commands.Download: _download,
            commands.Status: queries.status,
        }
        self._long_verbs: dict[type[commands.Command], LongVerb] = {}
        log.watch(ChannelEnded, self._forget)

    def add(self, verbs: Mapping[type[commands.Command], Verb]) -> None:
        """Do these commands, too: those of parts that stand above the event socket."""
        self._verbs.update(verbs)

    def add_long(self, verbs: Mapping[type[commands.Command], LongVerb]) -> None:
        """And these, which are no channel's, and end by an event."""
        self._long_verbs.update(verbs)

    def watch(self, watcher: CommandWatcher) -> None:
        """Tell a part of the engine, from now on, of commands as they are given."""
        self._watchers = (*self._watchers, watcher)

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
        before, at = self._log.last_seq, self._epoch()  # what it brings about is later
        is_decision = frame.channel in self._table.channels and frame.name not in _QUESTIONS
        reply = self._reply(session, frame)
        if isinstance(reply, Later):
            reply.ask(lambda data: session.owe(self._late_reply(frame, data)))
            return Reply(self._log.last_seq, ())
        if is_decision:
            code = reply.error.code if reply.error is not None else ""
            self._note(session, frame, code, before=before, at=at)
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
        before, at, code = self._log.last_seq, self._epoch(), ""
        is_decision = channel in self._table.channels and command.name not in _QUESTIONS
        args = msgspec.Raw(session.spelling.encode(command)) if is_decision or self._watchers else msgspec.Raw()
        frame = CommandFrame(id=id, name=command.name, channel=channel, args=args)
        try:
            return self._act(session, frame, command)
        except CommandError as refused:
            code = refused.code
            self._tell_refused(frame, refused)
            raise
        except Exception as error:  # a fault of ours, as below
            code = "internal"
            logger.exception("a command failed", command=command.name, id=id, app=session.app, call=channel)
            raise CommandError("internal", f"{command.name} failed inside the engine: {error!r}") from error
        finally:
            if is_decision:
                self._note(session, frame, code, before=before, at=at)

    def snapshot(self, session: Session) -> list[bytes]:
        """The state that a session may see, as snapshot frames, and that it has caught up."""
        channels = self._queries.visible_channels(session)
        frames = encoded_snapshot(channels, self._queries.visible_bridges(session))
        return [*frames, encoded(CaughtUp(seq=self._log.last_seq))]

    def _note(self, session: Session, frame: CommandFrame, error: str, *, before: int, at: float) -> None:
        if frame.channel is None or error in _STRANGERS:
            return
        args = bytes(frame.args)
        given = Given(before, at, session.app, frame.id, frame.name, args, session.spelling, error)
        self._decisions.note(frame.channel, given)
        if frame.channel not in self._table.channels:  # it ended by that
            self._decisions.end(frame.channel)

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
            self._tell_refused(frame, refused)
            error = Error(refused.code, refused.message, refused.details)
        except Exception:  # a fault of ours, that must not take the session with it
            logger.exception("a command failed", command=frame.name, id=frame.id, app=session.app, call=frame.channel)
            error = Error("internal", f"{frame.name} failed inside the engine; its log has the traceback")
        return ReplyFrame(id=frame.id, ok=False, error=error)

    def _tell_refused(self, frame: CommandFrame, refused: CommandError) -> None:
        for watcher in self._watchers:
            watcher.refuse(frame, refused)

    def _do(self, session: Session, frame: CommandFrame) -> object | None:
        _expect_sane(frame)
        return self._act(session, frame, _command(session, frame))

    def _act(self, session: Session, frame: CommandFrame, command: commands.Command) -> object | None:
        for watcher in self._watchers:
            watcher.begin(frame, command)
        id, channel = frame.id, frame.channel
        verb = self._verbs.get(type(command))
        if verb is not None:
            return verb(session, command)
        if (begin := self._long_verbs.get(type(command))) is not None:
            return begin(session, id, command)
        if channel is None and isinstance(command, _WITHOUT_CHANNEL):
            return self._without_channel(session, id, command)
        if command.of == "engine" and channel is None:
            raise CommandError("unsupported", f"{command.name}: this engine runs no scripts of its own")
        if channel is None:
            raise CommandError("bad_argument", f"{command.name}: expected a channel")
        return self._channel(session, channel, command).perform(id, command)

    def _without_channel(self, session: Session, id: str, command: commands.Command) -> object | None:
        session.token.expect("calls:own")
        if isinstance(command, commands.Cancel):
            self._table.cancel(command.command, session.owner)
        elif isinstance(command, commands.Originate):
            self._table.originate(id, command, session.owner)
        else:
            return self._table.confer(id, command, session.owner)
        return None

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
            self._decisions.end(entry.channel)


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
