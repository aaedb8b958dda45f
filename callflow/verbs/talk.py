"""Two calls connected."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

from callflow.protocol.commands import Bridge, Unbridge
from callflow.protocol.outcomes import Unbridged
from callflow.running import Running, running

if TYPE_CHECKING:
    from callflow.call import Call


async def bridge(call: Call, other: Call, *, hangup_after: bool = True, deadline: float | None = None) -> Unbridged:
    """Connect with another call of this script, until one of them leaves or hangs up.

    An unanswered caller is answered. With `hangup_after`, whoever is left is hung up, too.
    """
    return cast(
        "Unbridged", await call._leg.perform(Bridge(other=other.id, hangup_after=hangup_after), deadline=deadline)
    )


@asynccontextmanager
async def bridging(call: Call, other: Call, *, hangup_after: bool = True) -> AsyncGenerator[Running[Unbridged], None]:
    """Connect with another call while the script does something else; the end of the block parts them."""
    async with running(call._leg, Bridge(other=other.id, hangup_after=hangup_after)) as handle:
        yield cast("Running[Unbridged]", handle)


async def unbridge(call: Call, *, deadline: float | None = None) -> None:
    """Part the call from its bridge; both stay up."""
    await call._leg.ask(Unbridge(), deadline=deadline)
