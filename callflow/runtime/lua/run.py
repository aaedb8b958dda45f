"""The script of one call, from outside: its channel, the legs that it dialled, and what it waits for."""

from __future__ import annotations

from .wait import Wait

HANGUP_WINDOW = 5.0  # seconds that a script which knows of the hang-up, or its on_hangup, may go on after it
MAX_HANDLES = 100  # that have ended, and about which nobody has asked


class Run:
    """`main` is the channel of the call."""

    __slots__ = ("answered", "caller", "commands", "has_failed", "is_call", "is_killed", "legs", "main", "to", "waits")

    def __init__(self, main: str, *, caller: str, to: str, is_call: bool = True) -> None:
        self.main = main
        self.caller = caller
        self.to = to
        self.legs: set[str] = set()  # that live
        self.answered: set[str] = set()  # of these, and of itself
        self.waits: dict[int, Wait] = {}  # by the number of the coroutine
        self.commands: dict[str, Wait] = {}  # by the id of the command
        self.has_failed = False
        self.is_call = is_call  # else it answers a text, and `main` is no channel
        self.is_killed = False  # it passed a limit, and has let go of its call

    @property
    def name(self) -> str:
        """What the log calls it."""
        return f"call {self.main}" if self.is_call else "a text"
