"""What others change in rows that engines share: told as it happens; all are read anew when some may be missed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import TypeAlias

import structlog
import trio

from .connection import Database, Notices, Schema
from .records import StoreError

_BACK_OFF = (0.2, 10.0)  # seconds, first and longest

logger = structlog.get_logger("engine.store")

# Is given the keys that were changed; None: any may have been.
Read: TypeAlias = Callable[[Collection[str] | None], Awaitable[None]]


async def heed(database: Database, schema: Schema, read: Read) -> None:
    """Have `read` called for what changes, until cancelled; it may raise StoreError. At once if nobody else can."""
    delay, is_deaf = _BACK_OFF[0], False
    while True:
        try:
            notices = await trio.to_thread.run_sync(database.listen, schema)
            if notices is None:
                return
            try:
                await read(None)
                if is_deaf:
                    logger.warning(f"what others change of {schema.name} is heard again", database=str(database))
                delay, is_deaf = _BACK_OFF[0], False
                await _heed_each(notices, read)
            finally:
                with suppress(StoreError):
                    notices.close()
        except StoreError as error:
            if not is_deaf:
                told = f"what others change of {schema.name} is not heard: the store fails"
                logger.error(told, database=str(database), error=str(error))
            is_deaf = True
            await trio.sleep(delay)
            delay = min(delay * 2, _BACK_OFF[1])


async def _heed_each(notices: Notices, read: Read) -> None:
    while True:
        names = await trio.to_thread.run_sync(notices.take)
        if names:
            await read(names)
        else:
            await trio.lowlevel.wait_readable(notices)
