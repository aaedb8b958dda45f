"""Who may register and call, by name. Names are case-sensitive, as the user part of a SIP URI is (RFC 3261 §19.1.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from engine.sdp.security import Policy
from engine.sip.digest import hash_a1
from engine.sip.identity import BY_FROM, IdentityPolicy

from .names import Names

REALM = "callflow"
INTERNAL = "internal"  # the context of who has no other
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class User:
    """One user. Of the password there are the hashes that digest authentication starts from (RFC 7616 §3.4.2)."""

    name: str
    md5: str = field(repr=False)
    sha256: str = field(repr=False)
    context: str = INTERNAL
    classes: tuple[str, ...] = ()  # of routes that are not for everybody
    identity: IdentityPolicy = BY_FROM
    caller_id: str = ""  # who calls, in place of what the phone says
    groups: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict, hash=False)  # of the calls that the user makes
    srtp: Policy | None = None  # None: as at the listener
    is_of_file: bool = False  # of the configuration: it alone says what he is

    @classmethod
    def of(cls, name: str, password: str, *, realm: str = REALM) -> User:
        """A user of that password."""
        return cls(name, hash_a1("MD5", name, realm, password), hash_a1("SHA-256", name, realm, password))

    def with_password(self, password: str) -> User:
        """The same user, with another password."""
        hashed = User.of(self.name, password)
        return replace(self, md5=hashed.md5, sha256=hashed.sha256)

    def hash_a1(self, algorithm: str) -> str:
        """What digest authentication starts from."""
        return self.md5 if algorithm.upper() == "MD5" else self.sha256


class Users:
    """All users that are known."""

    def __init__(self, users: Iterable[User] = ()) -> None:
        self._users: dict[str, User] = {}
        self._names = Names()
        self._groups: dict[str, dict[str, None]] = {}  # the members of each, in the order in which they came
        for user in users:
            self.add(user)

    def add(self, user: User) -> None:
        """Make a user known, in place of an older one of that name."""
        before = self._users.get(user.name)
        if before is None:
            self._names.add(user.name)
        for group in before.groups if before is not None else ():
            if group not in user.groups:
                self._leave(group, user.name)
        self._users[user.name] = user
        for group in user.groups:
            self._groups.setdefault(group, {})[user.name] = None

    def remove(self, name: str) -> None:
        """Know the user no more."""
        user = self._users.pop(name, None)
        if user is not None:
            self._names.remove(name)
        for group in user.groups if user is not None else ():
            self._leave(group, name)

    def get(self, name: str) -> User | None:
        """The user of that name."""
        return self._users.get(name)

    def members(self, group: str) -> tuple[str, ...]:
        """The users of a group; empty if there is none of that name."""
        return tuple(self._groups.get(group, ()))

    def view(self, of: Callable[[User], _T]) -> Mapping[str, _T]:
        """Something of each user by name, as it is whenever it is looked up."""
        return _View(self, of)

    def since(self, name: str) -> Iterator[User]:
        """By their names, from this one on."""
        return (self._users[each] for each in self._names.since(name))

    def __iter__(self) -> Iterator[User]:
        return iter(self._users.values())

    def __len__(self) -> int:
        return len(self._users)

    def _leave(self, group: str, name: str) -> None:
        self._groups[group].pop(name, None)
        if not self._groups[group]:
            del self._groups[group]


class _View(Mapping[str, _T]):
    def __init__(self, users: Users, of: Callable[[User], _T]) -> None:
        self._users, self._of = users, of

    def __getitem__(self, name: str) -> _T:
        user = self._users.get(name)
        if user is None:
            raise KeyError(name)
        return self._of(user)

    def __iter__(self) -> Iterator[str]:
        return (user.name for user in self._users)

    def __len__(self) -> int:
        return len(self._users)
