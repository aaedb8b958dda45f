"""The command `drain`: nothing new is let in, and the engine ends when its calls have."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from callflow.protocol import commands, queries

from .dispatch import Verb
from .session import Session


def drain_verbs(drain: Callable[[], None], calls: Callable[[], int]) -> Mapping[type[commands.Command], Verb]:
    """What does the command."""

    def begin(session: Session, command: commands.Command) -> queries.Draining:
        session.token.expect("admin")
        drain()
        return queries.Draining(calls=calls())

    return {commands.Drain: begin}
