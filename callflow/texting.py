"""A text that a user wrote to a number of this app's, outside of any call.

@app.on_message
async def answer(message: TextMessage) -> None:
    await message.reply(f"You wrote {message.body}")
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias, cast

from .protocol.commands import SendText
from .protocol.outcomes import Sent

if TYPE_CHECKING:
    from .link import Link
    from .protocol.events import TextReceived


class TextMessage:
    """What was written, by whom, to which number."""

    def __init__(self, link: Link, received: TextReceived) -> None:
        self._link = link
        self.sender: str = received.sender
        """The user who wrote it; he proved who he is."""
        self.to: str = received.to
        """The number it was written to."""
        self.body: str = received.body
        self.content_type: str = received.content_type

    def __repr__(self) -> str:
        return f"<TextMessage from {self.sender} to {self.to}>"

    async def reply(self, body: str, *, content_type: str = "text/plain") -> Sent:
        """Write back, from the number it was written to: completed, kept until a phone registers, or refused."""
        command = SendText(to=self.sender, body=body, sender=self.to, content_type=content_type)
        return cast("Sent", await self._link.perform(command))


MessageFunction: TypeAlias = Callable[[TextMessage], Awaitable[object]]
