"""What happens in an engine, line by line: calls, verbs with their outcomes, keys, errors, versions.

12:01:02.140  3f9c1b08  play welcome.wav
12:01:04.240  3f9c1b08  play welcome.wav → heard 2.1 s

It is told of events by the log and of commands by the event socket. It prints nothing itself, see Screen.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias, cast

from rich.markup import escape

from callflow.protocol import commands, events
from callflow.protocol.events import Event
from callflow.protocol.frames import CommandFrame
from callflow.protocol.outcomes import AnyOutcome
from engine.app import Engine
from engine.channels.errors import CommandError
from engine.eventsocket.log import Entry
from engine.scripting.version import VersionState

from .screen import Screen
from .wording import describe_command, describe_outcome, find_place, last_line

_COLOURS = ("cyan", "magenta", "blue", "yellow", "green", "bright_cyan", "bright_magenta", "bright_blue")
_LABEL = 8  # characters of a call's id, which are enough for `callflow hangup`


class LiveView:
    """Put it at an engine with `watch`."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._engine: Engine | None = None
        self._running: dict[str | None, dict[str, str]] = {}  # channel -> command id -> what it is
        self._newest: dict[str, int] = {}  # version, by app
        self._apps: set[str] = set()  # sessions of apps elsewhere that take calls

    def watch(self, engine: Engine) -> None:
        """Tell what happens from now on."""
        self._engine = engine
        for state in engine.supervisor.states():
            self._newest[state.app] = int(state.version)
        for kind in _KINDS:
            engine.switch.log.watch(kind, self._take)
        engine.switch.sockets.watch(self)
        for failure in engine.supervisor.failures:
            self._tell(None, f"[bold red]{escape(failure.app)} does not load: {escape(last_line(failure.report))}[/]")
            self._tell_place(failure.report, str(failure.script), None)

    def say(self, text: str, call: str | None = None) -> None:
        """A script says something: by `print`, or to its log."""
        for line in text.splitlines():
            self._tell(call, f"[italic]{escape(line)}[/]")

    # Commands

    def begin(self, frame: CommandFrame, command: commands.Command) -> None:
        """A verb begins."""
        if command.of == "engine" and not isinstance(command, commands.Originate):
            return
        text = describe_command(command)
        if command.ends_as:
            self._running.setdefault(frame.channel, {})[frame.id] = text
        self._tell(frame.channel, escape(text))

    def refuse(self, frame: CommandFrame, error: CommandError) -> None:
        """A verb is not done."""
        text = self._running.get(frame.channel, {}).pop(frame.id, frame.name)
        self._forget_if_empty(frame.channel)
        self._tell(frame.channel, f"{escape(text)} [red]→ {error.code}: {escape(self._as_known(error.message))}[/]")

    def _as_known(self, text: str) -> str:
        """Scripts run from copies; whoever writes them knows where they are from."""
        assert self._engine is not None
        for folder, known_as in self._engine.supervisor.copies.items():
            text = text.replace(str(folder), str(known_as))
        return text

    # Events

    def _take(self, event: Event, entry: Entry) -> None:
        if isinstance(event, _ENDED):
            text: str | None = self._outcome(event, entry.channel)
        else:
            text = _TOLD[type(event)](self, event, entry)
        if text:
            self._tell(entry.channel, text, at=entry.at)
        if isinstance(event, events.ScriptFailed):
            self._tell_place(event.traceback, event.script, entry.channel)
        if isinstance(event, events.ChannelEnded):
            self._running.pop(entry.channel, None)

    def _outcome(self, event: Event, channel: str | None) -> str | None:
        command, outcome = cast("tuple[str | None, AnyOutcome]", (event.command, event.outcome))  # type: ignore[attr-defined]
        if command is None:  # it is told of the other channel
            return None
        text = self._running.get(channel, {}).pop(command, event.name.partition(".")[0])
        self._forget_if_empty(channel)
        return f"{escape(text)} [green]→ {escape(describe_outcome(outcome))}[/]"

    def _forget_if_empty(self, channel: str | None) -> None:
        if not self._running.get(channel, True):
            del self._running[channel]

    def _created(self, event: events.ChannelCreated, entry: Entry) -> str:
        if event.direction == "outbound":
            of = f" for {_label(event.parent)}" if event.parent else ""
            return f"[bold]calls {escape(str(event.callee))}[/]{of}"
        return f"[bold]call from {escape(str(event.caller))} to {escape(event.to)}[/]"

    def _loaded(self, event: events.ScriptLoaded, entry: Entry) -> str:
        assert self._engine is not None
        version = self._engine.supervisor.version(event.app, event.version)
        share = "" if event.share >= 1 else f" {event.share:.0%} of the"
        told = f"[bold green]version {event.version} of {event.app} takes{share} calls"
        is_new = version is not None and version.number > self._newest.get(event.app, 0)
        if version is None or not is_new:
            return f"{told}[/]"
        self._newest[event.app] = version.number
        if version.saved_at is None:
            return f"{told}[/]"
        return f"saved → {told}[/] in {max(0, entry.at - version.saved_at) * 1000:.0f} ms"

    def _failed(self, event: events.ScriptFailed, entry: Entry) -> str:
        assert self._engine is not None
        error = last_line(event.traceback) or event.error
        if entry.channel is not None:
            return f"[bold red]raised {escape(error)}[/]"
        version = self._engine.supervisor.version(event.app, event.version)
        if version is None or version.state is not VersionState.FAILED:
            return f"[bold red]version {event.version} of {event.app}: {escape(error)}[/]"
        saved = "saved → " if version.saved_at is not None else ""
        return f"{saved}[bold red]version {event.version} of {event.app} is refused: {escape(error)}[/]"

    def _tell_place(self, traceback: str, script: str, channel: str | None) -> None:
        place = find_place(traceback, os.path.dirname(script))
        if place is not None:
            self._tell(channel, f"  [bold]{escape(_here(place.path))}:{place.line}[/]  {escape(place.code)}")

    def _draining(self, event: events.ScriptDraining, entry: Entry) -> str | None:
        count = f"{event.calls} call{'' if event.calls == 1 else 's'}"
        return f"version {event.version} of {event.app} finishes {count}" if event.calls else None

    def _app_connected(self, event: events.AppConnected, entry: Entry) -> str | None:
        if event.pid is not None or not event.routes:  # of workers their versions tell; others only look
            return None
        self._apps.add(event.session)
        return f"app {escape(event.app)} connected"

    def _app_lost(self, event: events.AppLost, entry: Entry) -> str | None:
        if event.session not in self._apps:
            return None
        self._apps.discard(event.session)
        return f"[red]app {escape(event.app)} is gone[/]: {escape(event.reason)}"

    def _tell(self, channel: str | None, text: str, *, at: float | None = None) -> None:
        clock = datetime.fromtimestamp(time.time() if at is None else at).strftime("%H:%M:%S.%f")[:-3]
        self._screen.put(f"[dim]{clock}[/]  {_label(channel)}  {text}")


def _label(channel: str | None) -> str:
    """The beginning of a call's id; what is of no call has a dash there."""
    if channel is None:
        return f"{'-':<{_LABEL}}"
    colour = _COLOURS[sum(channel.encode()) % len(_COLOURS)]
    return f"[{colour}]{escape(channel[:_LABEL]):<{_LABEL}}[/]"


def _here(path: str) -> str:
    """A path as somebody in this folder would say it."""
    with_folder, here = Path(path), Path.cwd()
    return str(with_folder.relative_to(here)) if with_folder.is_relative_to(here) else path


def _ended(view: LiveView, event: events.ChannelEnded, entry: Entry) -> str:
    how = event.cause_name.replace("_", " ")
    length = f" after {event.billable:.1f} s" if event.answered_at is not None else ""
    return f"[bold]ended by {event.ended_by}: {escape(how)}{length}[/]"


def _matched(view: LiveView, event: events.DigitsMatched, entry: Entry) -> str:
    return f"keys [bold]{escape(event.digits)}[/] matched" + (f": [red]{escape(event.error)}[/]" if event.error else "")


def _lost(view: LiveView, event: events.OwnerLost, entry: Entry) -> str:
    return "[red]its app is gone[/]" + (f", waits {event.wait:g} s for it" if event.wait else "")


def _registered(view: LiveView, event: events.RegistrationAdded, entry: Entry) -> str | None:
    return None if event.is_refresh else f"{escape(event.user)} registered"


_ENDED = (
    events.PlaybackFinished, events.GatherFinished, events.RecordingFinished, events.EchoFinished, events.DigitsSent,
    events.StreamFinished, events.DialFinished, events.ChannelUnbridged,
)  # fmt: skip
_Teller: TypeAlias = Callable[[LiveView, Event, Entry], str | None]
_TOLD: Mapping[type[Event], _Teller] = MappingProxyType(
    cast(
        "dict[type[Event], _Teller]",  # each is called with events of its own kind
        {
            events.ChannelCreated: LiveView._created,
            events.ChannelRinging: lambda *_: "ringing",
            events.ChannelProgress: lambda *_: "early media",
            events.ChannelAnswered: lambda _, event, __: f"answered{f', {event.codec}' if event.codec else ''}",
            events.ChannelSecured: lambda _, event, __: f"media: {escape(event.media)}",
            events.ChannelHeld: lambda _, event, __: f"put on hold by the {event.by}",
            events.ChannelResumed: lambda *_: "off hold",
            events.ChannelBridged: lambda _, event, __: f"hears {_label(event.other).strip()}",
            events.DigitStarted: lambda _, event, __: f"key [bold]{escape(event.digit)}[/]",
            events.DigitsMatched: _matched,
            events.OwnerLost: _lost,
            events.OwnerChanged: lambda _, event, __: f"is now {escape(event.app)}'s",
            events.ChannelEnded: _ended,
            events.DialBranch: lambda _, event, __: f"dial {escape(event.target)}: {event.state}",
            events.RegistrationAdded: _registered,
            events.RegistrationRemoved: lambda _, event, __: f"{escape(event.user)} unregistered",
            events.RegistrationExpired: lambda _, event, __: f"{escape(event.user)}'s registration expired",
            events.AppConnected: LiveView._app_connected,
            events.AppLost: LiveView._app_lost,
            events.ScriptLoaded: LiveView._loaded,
            events.ScriptFailed: LiveView._failed,
            events.ScriptDraining: LiveView._draining,
            events.ScriptRetired: lambda _, event, __: f"version {event.version} of {event.app} is retired",
        },
    )
)
_KINDS: tuple[type[Event], ...] = (*_TOLD, *_ENDED)
