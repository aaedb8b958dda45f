"""What a program needs of whoever carries its commands: the engine around it, or a connection to one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from callflow.protocol.commands import Command
from callflow.protocol.frames import ErrorCode


@dataclass(frozen=True, slots=True)
class Reply:
    """A command was accepted, with `data`, or refused: `code` and `message` say why."""

    data: object = None
    code: ErrorCode | None = None
    message: str = ""


ACCEPTED = Reply()


class Door(Protocol):
    """Commands go out here. Events come in by `Program.take`, those that a command brought before its reply."""

    def new_id(self, kind: str) -> str:
        """An id that nobody else chooses."""
        ...

    def is_ours(self, session: str | None) -> bool:
        """That session is this program's."""
        ...

    def give(self, id: str, command: Command, channel: str | None) -> Reply | None:
        """Give a command. None: its reply comes by `Program.reply`."""
        ...
