"""Lamps of busy fields: the calls of users, as the engine has them, and what programs say of numbers (RFC 4235).

A lamp shows that there is a call and how far it is, not with whom, and nothing that would let its watcher step into it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from xml.sax.saxutils import quoteattr

LampState: TypeAlias = Literal["off", "ringing", "busy"]
DialogState: TypeAlias = Literal["trying", "early", "confirmed", "terminated"]
Direction: TypeAlias = Literal["initiator", "recipient"]

MAX_LAMPS = 10_000  # that programs have lit; beyond it `set` says no
_STATES: dict[LampState, DialogState] = {"ringing": "early", "busy": "confirmed"}
_PROGRAM = "program"  # the id of the dialog that a program tells of


@dataclass(slots=True)
class _Dialog:
    direction: Direction
    state: DialogState


@dataclass(slots=True)
class _Lamp:
    dialogs: dict[str, _Dialog] = field(default_factory=dict)  # by channel
    last: str = ""  # that ended: some phones put a lamp out only when they are told so


class Lamps:
    """Those of all users. A Source; `on_change` is told whose has changed."""

    def __init__(self, on_change: Callable[[str], None] = lambda name: None) -> None:
        self._lamps: dict[str, _Lamp] = {}
        self._user_of: dict[str, str] = {}  # by channel
        self._set: dict[str, DialogState] = {}  # by programs
        self._on_change = on_change

    # Calls of the engine's

    def begin(self, channel: str, user: str, direction: Direction) -> None:
        """A call of a user's, or to one."""
        self._user_of[channel] = user
        self._lamps.setdefault(user, _Lamp()).dialogs[channel] = _Dialog(direction, "trying")
        self._on_change(user)

    def change(self, channel: str, state: DialogState) -> None:
        """It came further. Of calls of nobody's nothing is known."""
        user = self._user_of.get(channel)
        if user is not None and (dialog := self._lamps[user].dialogs[channel]).state != state:
            dialog.state = state
            self._on_change(user)

    def end(self, channel: str) -> None:
        """It is over."""
        user = self._user_of.pop(channel, None)
        if user is not None:
            lamp = self._lamps[user]
            del lamp.dialogs[channel]
            lamp.last = channel
            self._on_change(user)

    def is_in_call(self, user: str) -> bool:
        """Whether one of the user's calls is up, or a call of his own is on its way."""
        lamp = self._lamps.get(user, _Lamp())
        return any(each.state == "confirmed" or each.direction == "initiator" for each in lamp.dialogs.values())

    # What programs say

    def set(self, name: str, state: LampState) -> bool:
        """Show that beside the calls there are. False: there are too many."""
        if state != "off" and name not in self._set and len(self._set) >= MAX_LAMPS:
            return False
        before = self._set.pop(name, None)
        if state != "off":
            self._set[name] = _STATES[state]
        if self._set.get(name) != before:
            self._on_change(name)
        return True

    def said(self, name: str) -> LampState | None:
        """What a program says; None: nothing, or that it is off."""
        return next((said for said, state in _STATES.items() if state == self._set.get(name)), None)

    def restore(self, name: str, state: LampState) -> None:
        """That is what was said before a restart."""
        if state != "off" and len(self._set) < MAX_LAMPS:
            self._set[name] = _STATES[state]

    # A Source

    def refuse(self, user: str, of: str) -> int:
        """Users may watch all: other users, and numbers for which a program may light a lamp later."""
        return 0

    def document(self, of: str, entity: str, version: int) -> bytes:
        """All dialogs there are: each document stands for itself (4235 4.3)."""
        lamp = self._lamps.get(of, _Lamp())
        dialogs = [_element(id, each.state, each.direction) for id, each in lamp.dialogs.items()]
        if of in self._set:
            dialogs.append(_element(_PROGRAM, self._set[of], "recipient"))
        if not dialogs:
            dialogs.append(_element(lamp.last or _PROGRAM, "terminated", "recipient"))
        head = f'xmlns="urn:ietf:params:xml:ns:dialog-info" version="{version}" state="full" entity={quoteattr(entity)}'
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<dialog-info {head}>\n{"".join(dialogs)}</dialog-info>\n'.encode()
        )


def _element(id: str, state: DialogState, direction: Direction) -> str:
    return f"  <dialog id={quoteattr(id)} direction={quoteattr(direction)}><state>{state}</state></dialog>\n"
