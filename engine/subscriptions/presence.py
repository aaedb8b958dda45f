"""Who is reached, and how (RFC 3856): what a program says, else what the phones say, else what the engine knows."""

from __future__ import annotations

from collections.abc import Callable

from . import pidf
from .pidf import Presence
from .publication import Publications

ON_THE_PHONE = "on-the-phone"  # RFC 4480 3.2


class Presences:
    """Those of all users. A Source; `on_change` is told whose has changed."""

    def __init__(
        self,
        *,
        publications: Publications,
        is_user: Callable[[str], bool],
        is_registered: Callable[[str], bool],
        is_in_call: Callable[[str], bool],
        is_watched: Callable[[str], bool],
        on_change: Callable[[str], None],
    ) -> None:
        """Of those who are not watched nothing is to be told."""
        self._publications = publications
        self._is_user, self._is_registered, self._is_in_call = is_user, is_registered, is_in_call
        self._is_watched, self._on_change = is_watched, on_change
        self._set: dict[str, Presence] = {}
        self._told: dict[str, Presence] = {}  # as it is in the last document

    def of(self, user: str) -> Presence:
        """How it is."""
        said = self._set.get(user) or self._publications.newest(user)
        presence = said or Presence("open" if self._is_registered(user) else "closed")
        if presence.activity or not self._is_in_call(user):
            return presence
        return Presence(presence.basic, presence.note, ON_THE_PHONE)

    def set(self, user: str, presence: Presence | None) -> None:
        """A program says how it is; None: it says no more."""
        if presence is None:
            self._set.pop(user, None)
        else:
            self._set[user] = presence

    def said(self, user: str) -> Presence | None:
        """What a program says; None: nothing."""
        return self._set.get(user)

    def look(self, user: str) -> None:
        """Something that it depends on may have changed."""
        if self._is_watched(user) and self._told.get(user) != self.of(user):
            self._on_change(user)

    def refuse(self, user: str, of: str) -> int:
        return 0 if self._is_user(of) else 404

    def document(self, of: str, entity: str, version: int) -> bytes:
        self._told[of] = self.of(of)
        return pidf.write(self._told[of], entity)
