"""A part of a channel, that knows the channel it belongs to without keeping it.

The channel has its parts; if they had the channel, too, thirty objects of each call would lie about after its end until
the collector of garbage came, which stops everything while it looks at all that there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import ref

if TYPE_CHECKING:
    from .channel import Channel


class Part:
    """Whoever uses a part has come by its channel, or by a timer that ends with it: it is there."""

    __slots__ = ("_whose",)

    def __init__(self, channel: Channel) -> None:
        self._whose = ref(channel)

    @property
    def _channel(self) -> Channel:
        channel = self._whose()
        assert channel is not None
        return channel
