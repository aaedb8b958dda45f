"""A table of an engine's calls, kept from outside. Killed at any moment, it goes on where it was when started again.

What it has seen is in one file, together with how far it had read: both change at once, so that no event is lost and
none counts twice, whenever it is killed.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import anyio
import msgspec

from callflow import ChannelEnded, Disconnected, Unreachable
from callflow.client import Happening, connect
from callflow.errors import EventsMissed
from callflow.protocol import events
from callflow.protocol.frames import Resume
from callflow.state import State

STATES: Mapping[type, str] = {
    events.ChannelRinging: "ringing",
    events.ChannelProgress: "early",
    events.ChannelAnswered: "answered",
    events.ChannelBridged: "bridged",
    events.ChannelUnbridged: "answered",
}


class Line(msgspec.Struct):
    """A call."""

    caller: str
    to: str
    state: str
    since: float


class Table(msgspec.Struct):
    """The calls, and after which event."""

    position: Resume | None = None
    calls: dict[str, Line] = {}
    begun: int = 0
    ended: int = 0

    def apply(self, happening: Happening) -> None:
        """Note an event."""
        frame, event = happening
        channel = frame.channel or ""
        if isinstance(event, events.ChannelCreated):
            self.calls[channel] = Line(str(event.caller), event.to, "created", frame.at)
            self.begun += 1
        elif isinstance(event, ChannelEnded):
            self.calls.pop(channel, None)
            self.ended += 1
        elif channel in self.calls and type(event) in STATES:
            self.calls[channel].state = STATES[type(event)]

    def replace(self, state: State) -> None:
        """Begin again with what is live: at first, and where the engine no longer knows what came between."""
        self.calls = {
            channel.id: Line(channel.caller, channel.to, channel.state, channel.answered_at or channel.created_at)
            for channel in state.channels
        }

    def save(self, path: Path) -> None:
        """All or nothing."""
        draft = path.with_suffix(".part")
        draft.write_bytes(msgspec.json.encode(self))
        draft.replace(path)


async def watch(url: str, token: str, table: Table, on_change: Callable[[], None]) -> None:
    """Keep the table true, for ever; `on_change` is told each time."""
    while True:
        try:
            await follow(url, token, table, on_change)
        except (Unreachable, Disconnected) as error:
            print(f"{error}; trying again", file=sys.stderr)
            await anyio.sleep(1)


async def follow(url: str, token: str, table: Table, on_change: Callable[[], None]) -> None:
    """Keep the table true until the connection ends."""
    async with connect(url, token=token, subscribe=["channel.*"], resume=table.position) as engine:
        if table.position is None:
            table.replace(await engine.state())
        while True:
            table.position = engine.position
            on_change()
            try:
                table.apply(await anext(engine.events()))
            except EventsMissed as missed:
                table.replace(missed.state)


def show(table: Table) -> None:
    """Draw the table over the one before."""
    print("\x1b[2J\x1b[H", end="")
    for id, line in table.calls.items():
        print(f"{id:<24} {line.state:<10} {line.caller:<20} {line.to:<20} {time.time() - line.since:5.0f} s")
    print(f"{len(table.calls)} calls; {table.begun} begun and {table.ended} ended so far")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--socket", default="ws://127.0.0.1:7443/v1/socket", help="the engine's event socket")
    parser.add_argument("--state", type=Path, default=Path("calls.json"), help="what has been seen so far")
    arguments = parser.parse_args()
    path: Path = arguments.state
    table = msgspec.json.decode(path.read_bytes(), type=Table) if path.exists() else Table()

    def on_change() -> None:
        table.save(path)
        if sys.stdout.isatty():
            show(table)

    anyio.run(watch, arguments.socket, os.environ["CALLFLOW_TOKEN"], table, on_change)


if __name__ == "__main__":
    main()
