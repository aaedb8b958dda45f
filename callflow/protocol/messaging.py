"""Commands that send something beside what is heard: INFO, MESSAGE, OPTIONS and NOTIFY inside the call, and texts."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from .command import Command
from .outcomes import Outcome, Sent


class Message(Command, frozen=True, kw_only=True):
    """What a request inside the call carries. `headers` are those that the engine does not write itself."""

    ends_as: ClassVar[tuple[type[Outcome], ...]] = (Sent,)
    ended_by: ClassVar[str] = "message.sent"
    never: ClassVar[tuple[str, ...]] = ("kept",)
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


class SendText(Command, frozen=True, kw_only=True):
    """Send a text to a user, outside of any call: to all his phones, or when one registers, within a week.

    `sender` is whom it is from: a user, or a number. `not_found`: there is no such user.
    """

    name: ClassVar[str] = "send_text"
    of: ClassVar[Literal["channel", "engine"]] = "engine"
    ends_as: ClassVar[tuple[type[Outcome], ...]] = (Sent,)
    ended_by: ClassVar[str] = "text.sent"
    never: ClassVar[tuple[str, ...]] = ("stopped",)
    to: str
    body: str
    sender: str = ""
    content_type: str = "text/plain"
