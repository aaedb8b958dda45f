"""Commands that send something to the peer beside what is heard: INFO, MESSAGE, OPTIONS and NOTIFY inside the call."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from .command import Command
from .outcomes import Outcome, Sent


class Message(Command, frozen=True, kw_only=True):
    """What a request inside the call carries. `headers` are those that the engine does not write itself."""

    ends_as: ClassVar[tuple[type[Outcome], ...]] = (Sent,)
    ended_by: ClassVar[str] = "message.sent"
    body: str = ""
    content_type: str = "text/plain"
    headers: dict[str, str] = msgspec.field(default_factory=dict)


class SendInfo(Message, frozen=True, kw_only=True):
    """Send an INFO: what it means is between the app and the peer."""

    name: ClassVar[str] = "send_info"


class SendMessage(Message, frozen=True, kw_only=True):
    """Send a text to the peer's screen (MESSAGE)."""

    name: ClassVar[str] = "send_message"


class SendOptions(Message, frozen=True, kw_only=True):
    """Ask the peer inside the call what it can do, or whether it is still there (OPTIONS)."""

    name: ClassVar[str] = "send_options"


class Notify(Message, frozen=True, kw_only=True):
    """Send a NOTIFY that nobody subscribed to, as phones take some for orders: `talk`, `hold`, `check-sync`."""

    name: ClassVar[str] = "notify"
    event: str
