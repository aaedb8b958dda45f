"""The command `send_text`: a text to a user, outside of any call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, Protocol

from callflow.protocol import commands
from callflow.protocol.events import TextSent
from callflow.protocol.outcomes import Sent
from engine.channels.caller import NUMBER
from engine.channels.errors import CommandError
from engine.texting.service import DELIVERED, KEPT, LONGEST

from .dispatch import LongVerb
from .log import EventLog
from .session import Session

_LONGEST_TYPE = 128  # characters of a content type


class Texts(Protocol):
    """`engine.texting.service.Texting`."""

    def send(self, *, to: str, sender: str, body: str, content_type: str, then: Callable[[int], None]) -> bool: ...


def writing_verbs(
    texts: Texts, log: EventLog, is_user: Callable[[str], bool]
) -> Mapping[type[commands.Command], LongVerb]:
    """What does the command."""

    def send_text(session: Session, id: str, command: commands.Command) -> None:
        assert isinstance(command, commands.SendText)
        session.token.expect("calls:own")
        _check(command)
        if not is_user(command.to):
            raise CommandError("not_found", f"send_text: there is no user {command.to[:64]!r}")

        def tell(status: int) -> None:
            outcome = Sent(reason=_REASONS.get(status, "refused"), sip_status=status)
            log.emit(TextSent(command=id, outcome=outcome), owner=session.id)

        is_begun = texts.send(
            to=command.to, sender=command.sender, body=command.body, content_type=command.content_type, then=tell
        )
        if not is_begun:
            raise CommandError("overloaded", "send_text: too many texts are under way")

    return {commands.SendText: send_text}


_REASONS: Mapping[int, Literal["completed", "kept"]] = {DELIVERED: "completed", KEPT: "kept"}


def _check(command: commands.SendText) -> None:
    if command.sender and not NUMBER.fullmatch(command.sender):
        raise CommandError("bad_argument", f"send_text: expected a user or a number, got {command.sender[:64]!r}")
    if not 0 < len(command.body.encode()) <= LONGEST:
        raise CommandError("bad_argument", f"send_text: expected a body of 1 to {LONGEST} octets")
    kind = command.content_type
    if not kind or len(kind) > _LONGEST_TYPE or not kind.isascii() or not kind.isprintable():
        raise CommandError("bad_argument", f"send_text: expected a content type, got {kind[:64]!r}")
