"""The app that keeps a ledger, as a process that may be killed at any moment: `python -m tests.ledger.app URL FILE`.

It owns calls and plays tones to them without end. Each event that it applied is a line of its ledger, written with one
system call; what the ledger says is all that it knows when it is started again.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from callflow.protocol.commands import Answer, Command, Play, Policy, Tone
from callflow.protocol.connection import AppConnection, Spelling
from callflow.protocol.events import ChannelCreated, ChannelEnded, OwnerChanged, PlaybackFinished
from callflow.protocol.frames import CommandFrame, EngineFrame, EventFrame, Gap, Hello, Resume, Welcome

APP = "ledger"
_TONE = Play(sources=(Tone(plan="440", seconds=0.2),))
_WAIT = 60.0  # seconds that a call outlives its app


class Ledger:
    """What was applied, and where to go on."""

    def __init__(self, path: Path) -> None:
        self.resume: Resume | None = None
        if path.exists():
            for line in path.read_text().splitlines():
                self._note(json.loads(line))
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, entries: list[dict[str, object]]) -> None:
        for entry in entries:
            self._note(entry)
        data = "".join(json.dumps(entry) + "\n" for entry in entries).encode()
        assert os.write(self._file, data) == len(data)

    def _note(self, entry: dict[str, object]) -> None:
        if "session" in entry:
            seq = self.resume.seq if self.resume is not None else int(str(entry["seq"]))
            self.resume = Resume(str(entry["epoch"]), seq, str(entry["session"]))
        elif "seq" in entry and self.resume is not None:
            self.resume = Resume(self.resume.epoch, int(str(entry["seq"])), self.resume.session)


class App:
    """One connection's work."""

    def __init__(self, ledger: Ledger, socket: ClientConnection) -> None:
        self._ledger = ledger
        self._socket = socket
        self._connection = AppConnection(Spelling.MSGPACK)

    def run(self) -> None:
        """Until the connection ends."""
        hello = Hello(app=APP, routes=("1000",), resume=self._ledger.resume)
        self._socket.send(self._connection.send(hello))
        for message in self._socket:
            frames = self._connection.receive(message)
            entries = [entry for frame in frames if (entry := self._entry(frame)) is not None]
            if entries:
                self._ledger.write(entries)
            commands = [command for frame in frames for command in self._answers(frame)]
            if commands:
                self._socket.send(self._connection.send(*commands))

    def _entry(self, frame: EngineFrame) -> dict[str, object] | None:
        if isinstance(frame, Welcome):
            return {"session": frame.session, "epoch": frame.epoch, "seq": frame.seq}
        if isinstance(frame, Gap):
            return {"gap": [frame.from_, frame.to]}
        if not isinstance(frame, EventFrame):
            return None
        entry: dict[str, object] = {
            "seq": frame.seq, "channel": frame.channel, "call_seq": frame.call_seq, "name": frame.name
        }  # fmt: skip
        event = self._connection.event(frame)
        if isinstance(event, ChannelEnded):
            entry |= {"cause": event.cause, "ended_at": event.ended_at}
        return entry

    def _answers(self, frame: EngineFrame) -> list[CommandFrame]:
        if not isinstance(frame, EventFrame) or frame.channel is None:
            return []
        event = self._connection.event(frame)
        commands: list[Command] = []
        if isinstance(event, ChannelCreated | OwnerChanged):
            commands = [Policy(wait=_WAIT), Answer(), _TONE]
        elif isinstance(event, PlaybackFinished) and getattr(event.outcome, "reason", "") == "completed":
            commands = [_TONE]
        ids = (f"{frame.channel}-{frame.call_seq}-{command.name}" for command in commands)
        pairs = zip(ids, commands, strict=True)
        return [self._connection.command(id, command, channel=frame.channel) for id, command in pairs]


def main() -> None:
    """Connect again and again, until killed."""
    url, path = sys.argv[1:]
    ledger = Ledger(Path(path))
    headers = {"Authorization": f"Bearer {os.environ['LEDGER_TOKEN']}"}
    while True:
        try:
            with connect(
                url, additional_headers=headers, compression=None, ping_interval=None, close_timeout=0.1, proxy=None,
                subprotocols=[Spelling.MSGPACK.value],  # type: ignore[list-item]
            ) as socket:  # fmt: skip
                App(ledger, socket).run()
        except (OSError, WebSocketException):
            pass
        time.sleep(0.02)


if __name__ == "__main__":
    main()
