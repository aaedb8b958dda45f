"""Lists of the engine's, asked for page by page."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from .link import Link
from .protocol.commands import Channels, Listing
from .protocol.frames import ChannelState

T = TypeVar("T")


async def list_pages(link: Link, listing: Listing, shape: type[list[T]], id_of: Callable[[T], str]) -> list[T]:
    """The whole list, of as many pages as it takes."""
    found: list[T] = []
    while True:
        after = id_of(found[-1]) if found else ""
        reply = await link.request(msgspec.structs.replace(listing, after=after))
        page = link.connection.data(reply, shape)
        found += page
        if len(page) < listing.limit:
            return found


async def list_channels(link: Link) -> list[ChannelState]:
    """The live channels."""
    return await list_pages(link, Channels(), list[ChannelState], lambda channel: channel.id)
