"""What a running command is to its channel.

A verb lives from its command's acceptance to its one outcome event. It starts media under names that the channel gives
(`channel.name_for(verb)`), hears of them by `receive`, and ends by `channel.finish(verb, event)`, once.
"""

from __future__ import annotations

import enum
from typing import Protocol

from engine.media.session import MediaEvent


class Why(enum.Enum):
    """Why a running command is ended from outside."""

    CANCELLED = "cancelled"
    HANGUP = "hangup"
    REPLACED = "replaced"


class Verb(Protocol):
    """A running command."""

    @property
    def command_id(self) -> str:
        """The id its client gave it."""
        ...

    def press(self, digit: str) -> bool:
        """A key went down. True: it was for this verb and is not kept for a later one."""
        ...

    def receive(self, event: MediaEvent) -> None:
        """The media reports something of a name this verb started."""
        ...

    def stop(self, why: Why) -> None:
        """End: at once, or as soon as the media has reported what was heard. More than once does no harm."""
        ...

    def give_up(self) -> None:
        """The media did not report in time: end with what is known."""
        ...
