"""The users of the configuration and those of the database, side by side; the latter change while the engine runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec
import structlog

from callflow.protocol.events import Event, UserAdded, UserChanged, UserRemoved
from engine.sdp.security import Policy
from engine.store.users import StoredUser, Told, UserStore

from .users import INTERNAL, REALM, User, Users

MAX_USERS = 200_000

logger = structlog.get_logger("engine.registrar")


class DirectoryError(Exception):
    """A change that cannot be made; the text says why."""


class UnknownUser(DirectoryError):
    """There is no such user."""


class EventSink(Protocol):
    """Where events go."""

    def emit(self, event: Event) -> int: ...


class _Settings(msgspec.Struct, frozen=True, omit_defaults=True):
    context: str = INTERNAL
    classes: tuple[str, ...] = ()
    caller_id: str = ""
    groups: tuple[str, ...] = ()
    variables: dict[str, str] = {}
    srtp: Policy | None = None  # rows of before have none


class Directory:
    """Changes the users, has them kept, and tells of it. `on_removed`: what else there is of a user goes too."""

    def __init__(self, users: Users, store: UserStore, events: EventSink, *, on_removed: Callable[[str], None]) -> None:
        self._users, self._store, self._events, self._on_removed = users, store, events, on_removed
        store.on_begun_anew = self._keep_all
        store.on_told = self._heed

    def restore(self, found: Iterable[StoredUser]) -> None:
        """Have the users of the database; one whom the configuration knows as well is as it says."""
        for row in found:
            known = self._users.get(row.name)
            user = user_of(row)
            if known is not None and known.is_of_file:
                logger.warning("a user of the database is in the configuration too, which counts", user=row.name)
            elif user is None:
                logger.error("a user of the database cannot be read", user=row.name)
            elif known is None:  # else it came while the store could not be read
                self._users.add(user)

    def add(self, user: User) -> None:
        """Make a user known. Raises DirectoryError."""
        known = self._users.get(user.name)
        if known is not None:
            where = "in the configuration" if known.is_of_file else "already"
            raise DirectoryError(f"expected a new name: there is a user {user.name!r} {where}")
        if len(self._users) >= MAX_USERS:
            raise DirectoryError(f"expected at most {MAX_USERS} users")
        self._users.add(user)
        self._store.put(row_of(user))
        self._events.emit(UserAdded(user=user.name))

    def find(self, name: str) -> User:
        """A user who can be changed. Raises DirectoryError."""
        user = self._users.get(name)
        if user is None:
            raise UnknownUser(f"there is no user {name[:64]!r}")
        if user.is_of_file:
            raise DirectoryError(f"the user {name!r} is defined in the configuration file: change him there")
        return user

    def change(self, user: User) -> None:
        """Put this in the place of the user of the same name. Raises DirectoryError."""
        if user != self.find(user.name):
            self._users.add(user)
            self._store.put(row_of(user))
            self._events.emit(UserChanged(user=user.name))

    def remove(self, name: str) -> None:
        """Know a user no more. Raises DirectoryError."""
        self.find(name)
        self._store.drop(name)
        self._forget(name)

    def _heed(self, told: Told) -> None:
        """Another engine, or another hand, has changed these; the store has it already."""
        for name, row in told.items():
            known, user = self._users.get(name), user_of(row) if row is not None else None
            if row is not None and user is None:
                logger.error("a user of the database cannot be read", user=name)
            elif (known is not None and known.is_of_file) or user == known:
                continue
            elif user is None:
                self._forget(name)
            elif known is not None or len(self._users) < MAX_USERS:
                self._users.add(user)
                self._events.emit(UserAdded(user=name) if known is None else UserChanged(user=name))

    def _forget(self, name: str) -> None:
        self._users.remove(name)
        self._on_removed(name)
        self._events.emit(UserRemoved(user=name))

    def _keep_all(self) -> None:
        for user in self._users:
            if not user.is_of_file:
                self._store.put(row_of(user))


def row_of(user: User) -> StoredUser:
    """What is kept of a user."""
    settings = _Settings(user.context, user.classes, user.caller_id, user.groups, dict(user.variables), user.srtp)
    return StoredUser(user.name, REALM, user.md5, user.sha256, msgspec.json.encode(settings).decode())


def user_of(row: StoredUser) -> User | None:
    """The user that was kept; None if another hand was at it, or the hashes are of another realm."""
    try:
        settings = msgspec.json.decode(row.settings, type=_Settings)
    except msgspec.DecodeError:
        return None
    if row.realm != REALM:
        return None
    return User(
        row.name,
        row.md5,
        row.sha256,
        context=settings.context,
        classes=settings.classes,
        caller_id=settings.caller_id,
        groups=settings.groups,
        variables=settings.variables,
        srtp=settings.srtp,
    )
