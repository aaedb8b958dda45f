"""What programs have said that phones show: kept over a restart, as they say it once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from engine.store.shown import Shown, ShownStore

from .lamp import Lamps, LampState
from .mailbox import Mailbox, Mailboxes
from .package import DIALOG, MESSAGE_SUMMARY, PRESENCE
from .pidf import Presence
from .presence import Presences

_PACKAGES: Mapping[str, str] = MappingProxyType({
    "mailbox": MESSAGE_SUMMARY.name,
    "lamp": DIALOG.name,
    "presence": PRESENCE.name,
})
_SHAPES: Mapping[str, Any] = MappingProxyType({"mailbox": Mailbox, "lamp": LampState, "presence": Presence})


class Said:
    """Of all users and numbers."""

    def __init__(
        self,
        store: ShownStore,
        *,
        mailboxes: Mailboxes,
        lamps: Lamps,
        presences: Presences,
        is_user: Callable[[str], bool],
        tell: Callable[[str, str], None],
    ) -> None:
        """`tell`: the phones that have subscribed to a package, of somebody."""
        self._store = store
        self._mailboxes, self._lamps, self._presences = mailboxes, lamps, presences
        self._is_user, self._tell = is_user, tell
        self._kept: dict[tuple[str, str], None] = {}  # what is said now
        store.on_begun_anew = self._keep_all

    def keep(self, kind: str, name: str) -> None:
        """A program has said something new of a `mailbox`, a `lamp`, or somebody's `presence`."""
        said = self._find(kind, name)
        if said is None:
            self._kept.pop((kind, name), None)
            self._store.drop(kind, name)
        else:
            self._kept[kind, name] = None
            self._store.put(Shown(kind, name, msgspec.json.encode(said).decode()))

    def restore(self, found: Iterable[Shown]) -> None:
        """Show what was said before a restart, of the users that there still are. What has been said since is newer."""
        for each in found:
            kind, name = each.kind, each.name
            if kind not in _SHAPES or not (kind == "lamp" or self._is_user(name)):
                self._store.drop(kind, name)
            elif self._find(kind, name) is None:
                self._set(each)

    def _set(self, shown: Shown) -> None:
        try:
            said = msgspec.json.decode(shown.value, type=_SHAPES[shown.kind])
        except msgspec.DecodeError:  # another hand was at it
            return
        match said:
            case Mailbox():
                self._mailboxes.restore(shown.name, said)
            case Presence():
                self._presences.set(shown.name, said)
            case _:
                self._lamps.restore(shown.name, said)
        self._kept[shown.kind, shown.name] = None
        self._tell(_PACKAGES[shown.kind], shown.name)

    def _find(self, kind: str, name: str) -> object:
        if kind == "mailbox":
            return self._mailboxes.get(name)
        return self._lamps.said(name) if kind == "lamp" else self._presences.said(name)

    def _keep_all(self) -> None:
        for kind, name in list(self._kept):
            self.keep(kind, name)
