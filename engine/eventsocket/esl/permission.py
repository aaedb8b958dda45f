"""Users of the door, who say `userauth USER@DOMAIN:PASSWORD`: what each of them may hear and ask. Pure."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .interest import read_names
from .vocabulary import MY_EVENTS

EVERYTHING = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class EslUser:
    """One of them. `events` as `event` takes them, `api` the names of api commands; `all` is every one.

    Who may not ask everything may not steer calls by `sendmsg` and `sendevent` either.
    """

    name: str
    password: str = field(repr=False)
    events: tuple[str, ...] = (EVERYTHING,)
    api: tuple[str, ...] = (EVERYTHING,)
    log: bool = True

    @property
    def may_steer(self) -> bool:
        return EVERYTHING in self.api

    def may_ask(self, command: str) -> bool:
        """Whether this api command is for the user."""
        return self.may_steer or command.lower() in self.api

    def may_hear(self, words: Sequence[str]) -> bool:
        """Whether all the events named are for the user."""
        if any(event.lower() == EVERYTHING for event in self.events):
            return True
        names, subclasses = read_names(words)
        allowed = [read_names(event.split()) for event in self.events]
        return names <= set().union(*(own for own, _ in allowed)) and subclasses <= set().union(
            *(own for _, own in allowed)
        )

    def may_follow(self) -> bool:
        """Whether `myevents` is for the user."""
        return self.may_hear(sorted(MY_EVENTS))

    def headers(self) -> tuple[tuple[str, str], ...]:
        """What the answer to `userauth` tells."""
        return (
            ("Allowed-Events", " ".join(self.events)),
            ("Allowed-API", " ".join(self.api)),
            ("Allowed-LOG", "true" if self.log else "false"),
        )


ANYBODY = EslUser(name="", password="")  # who has shown the door's own password


def find_user(shown: str, users: Mapping[str, EslUser], password: bytes) -> EslUser | None:
    """Who says `USER@DOMAIN:PASSWORD`. Where there are no users the door's password is that of any name."""
    name, _, told = shown.strip().partition(":")
    user = users.get(name.partition("@")[0])
    expected = user.password.encode() if user is not None else password
    is_right = hmac.compare_digest(told.encode(errors="replace"), expected)
    if not is_right or (users and user is None):
        return None
    return user or ANYBODY
