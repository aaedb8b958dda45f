"""The users of an engine as commands change them: by its event socket if it runs, else in its folder."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import trio

from callflow.client import Engine
from callflow.protocol.commands import AddUser, ChangeUser, RemoveUser
from callflow.protocol.queries import UserState
from engine.channels.errors import CommandError
from engine.config import load
from engine.eventsocket.administering import changed, read_user, state_of
from engine.registrar.directory import row_of, user_of
from engine.registrar.users import User
from engine.store.place import Place
from engine.store.records import StoreError
from engine.store.users import UserTable

from .output import Refused
from .place import choose_engine, data_folder, store_url
from .where import Where, with_engine


class Users(Protocol):
    """What a command asks for. Raises Refused and CallflowError."""

    async def list(self) -> Sequence[UserState]: ...

    async def add(self, users: Sequence[AddUser]) -> None: ...

    async def change(self, users: Sequence[ChangeUser]) -> None: ...

    async def remove(self, names: Sequence[str]) -> None: ...


def with_users(act: Callable[[Users], Awaitable[None]], where: Where, *, config: Path | None = None) -> None:
    """Do it with the engine that is meant, if it runs, else with what is in its store.

    `config`: of that engine, which says where its store is; without it that is its folder.
    """
    if where.socket is None and choose_engine(data=where.data) is None:
        place = Place(data_folder(where.data), store_url(load(config).store.url if config is not None else None))
        trio.run(act, _Stopped(place))
        return

    async def ask(engine: Engine) -> None:
        await act(_Running(engine))

    with_engine(ask, where)


class _Running:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def list(self) -> Sequence[UserState]:
        return await self._engine.users()

    async def add(self, users: Sequence[AddUser]) -> None:
        known = {user.id: user for user in await self._engine.users()}
        for user in users:
            if user.user in known:
                where = "in the configuration file" if known[user.user].is_of_file else "already"
                raise Refused(f"there is a user {user.user!r} {where}; nothing has been added")
        for user in users:
            await self._engine.command(user)

    async def change(self, users: Sequence[ChangeUser]) -> None:
        for user in users:
            await self._engine.command(user)

    async def remove(self, names: Sequence[str]) -> None:
        for name in names:
            await self._engine.command(RemoveUser(user=name))


class _Stopped:
    """Of the configuration file nothing is known here: when the engine starts, its users count."""

    def __init__(self, place: Place) -> None:
        self._folder = place.folder
        self._table = UserTable(place.users)

    async def list(self) -> Sequence[UserState]:
        return [state_of(user) for user in self._load().values()]

    async def add(self, users: Sequence[AddUser]) -> None:
        known = self._load()
        for user in users:
            if user.user in known:
                raise Refused(f"there is a user {user.user!r} already; nothing has been added")
        with _refusing():
            self._write(put=[read_user(user) for user in users])

    async def change(self, users: Sequence[ChangeUser]) -> None:
        known = self._expect([user.user for user in users])
        with _refusing():
            self._write(put=[changed(known[user.user], user) for user in users])

    async def remove(self, names: Sequence[str]) -> None:
        self._expect(names)
        with _refusing():
            self._write(drop=names)

    def _load(self) -> dict[str, User]:
        with _refusing():
            return {row.name: user for row in self._table.load() if (user := user_of(row)) is not None}

    def _expect(self, names: Sequence[str]) -> dict[str, User]:
        known = self._load()
        for name in names:
            if name not in known:
                raise Refused(
                    f"there is no user {name!r} in the database {self._table}, and no engine runs with its data in "
                    f"{self._folder}; "
                    "those of a configuration file are changed in that file"
                )
        return known

    def _write(self, *, put: Sequence[User] = (), drop: Sequence[str] = ()) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._table.write(put=[row_of(user) for user in put], drop=drop)


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except (CommandError, StoreError, OSError) as error:
        raise Refused(str(error)) from error
