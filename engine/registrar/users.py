"""Who may register and call, by name. Names are case-sensitive, as the user part of a SIP URI is (RFC 3261 §19.1.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from engine.sip.digest import hash_a1


@dataclass(frozen=True, slots=True)
class User:
    """One user. The password is kept, as MD5 and SHA-256 need different hashes of it."""

    name: str
    password: str = field(repr=False)

    def hash_a1(self, algorithm: str, realm: str) -> str:
        """What digest authentication starts from (RFC 7616 §3.4.2)."""
        return hash_a1(algorithm, self.name, realm, self.password)


class Users:
    """All users that are known."""

    def __init__(self, users: Iterable[User] = ()) -> None:
        self._users: dict[str, User] = {}
        for user in users:
            self.add(user)

    def add(self, user: User) -> None:
        """Make a user known, in place of an older one of that name."""
        self._users[user.name] = user

    def get(self, name: str) -> User | None:
        """The user of that name."""
        return self._users.get(name)

    def __iter__(self) -> Iterator[User]:
        return iter(self._users.values())

    def __len__(self) -> int:
        return len(self._users)
