"""Mailboxes: which messages there are, and how their owners greet. The sounds are recordings of the app."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from callflow import BadArgument

from .numbers import write_whole

CAPACITY = 100  # messages of a box
GreetingKind = Literal["unavailable", "busy", "name"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `path` is its recording, `at` seconds since the epoch."""

    path: str
    caller: str
    at: float
    seconds: float


@dataclass(slots=True)
class Mailbox:
    """One box."""

    new: list[Message] = field(default_factory=list[Message])
    saved: list[Message] = field(default_factory=list[Message])
    greetings: dict[str, str] = field(default_factory=dict[str, str])
    pin: str = ""

    @property
    def is_full(self) -> bool:
        """It takes no further message."""
        return len(self.new) + len(self.saved) >= CAPACITY


class Mailboxes:
    """All of them, by name; with a `file` they are there again after a restart."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._boxes = _read(file) if file is not None and file.exists() else dict[str, Mailbox]()

    def box(self, name: str) -> Mailbox:
        """A box; a new one is empty. Raises BadArgument for a name that is no name of a folder."""
        if not (name and len(name) <= 64 and all(letter.isalnum() or letter in "_-+." for letter in name)) or (
            name.startswith(".")
        ):
            raise BadArgument(f"expected a name of letters and digits for a box, got {name[:64]!r}", command="box")
        return self._boxes.setdefault(name, Mailbox())

    def deliver(self, name: str, message: Message) -> None:
        """A message has come."""
        self.box(name).new.append(message)
        self.keep()

    def save(self, name: str, message: Message) -> None:
        """It was heard, and is to stay."""
        box = self.box(name)
        if message in box.new:
            box.new.remove(message)
            box.saved.append(message)
            self.keep()

    def delete(self, name: str, message: Message) -> None:
        """It is not to stay. Its recording is left to whoever clears away recordings."""
        box = self.box(name)
        for messages in (box.new, box.saved):
            if message in messages:
                messages.remove(message)
        self.keep()

    def greet(self, name: str, kind: GreetingKind, path: str) -> None:
        """From now on that recording is heard."""
        self.box(name).greetings[kind] = path
        self.keep()

    def set_pin(self, name: str, pin: str) -> None:
        """What its owner keys. Raises BadArgument for what is no PIN."""
        if not (pin.isdecimal() and 3 <= len(pin) <= 12):
            raise BadArgument(f"expected a PIN of 3 to 12 digits, got {len(pin)} characters", command="set_pin")
        self.box(name).pin = pin
        self.keep()

    def keep(self) -> None:
        """Write the file, if there is one."""
        if self._file is not None:
            write_whole(self._file, json.dumps({name: asdict(box) for name, box in self._boxes.items()}))


def _read(file: Path) -> dict[str, Mailbox]:
    boxes: dict[str, dict[str, Any]] = json.loads(file.read_text())  # Any: what `keep` wrote
    return {
        name: Mailbox(
            new=[Message(**message) for message in box["new"]],
            saved=[Message(**message) for message in box["saved"]],
            greetings=box["greetings"],
            pin=box["pin"],
        )
        for name, box in boxes.items()
    }
