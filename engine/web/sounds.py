"""Sounds by HTTP(S): fetched once for all who ask, kept, and asked for again when they are no longer fresh.

A command that names a URL is accepted at once; its play waits (engine/media/awaiting.py) until the sound is there.
When it cannot be had, the play ends as `failed`, and the error says why; one that was had before is played, if only
the server cannot be reached.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog
import trio

from .freshness import lifetime
from .shelf import Kept, Shelf
from .terms import FetchError, NotAllowed, Terms
from .web import WebError

if TYPE_CHECKING:
    from .fetch import Fetcher

MAX_WANTED = 100  # on their way at a time
MAX_PER_HOST = 20
LONGEST_URL = 2048
_RETRY_AFTER = 10.0  # seconds; a server that is away must not hold up every play

logger = structlog.get_logger("engine.web")


@dataclass(slots=True, eq=False)
class _Wanted:
    """A sound on its way."""

    url: str
    host: str
    has_begun: bool = False
    waiting: list[Callable[[str | None], None]] = field(default_factory=list)


class WebSounds:
    """Fulfils Web and `engine.media.awaiting.AwaitedFiles`. `run` it: without that nothing comes.

    `epoch` tells seconds since the epoch. `expect_sound` raises ValueError for a file that is none; on a thread.
    """

    def __init__(
        self, shelf: Shelf, terms: Terms, *, epoch: Callable[[], float], expect_sound: Callable[[Path, str], None]
    ) -> None:
        self._shelf = shelf
        self._terms = terms
        self._epoch = epoch
        self._expect_sound = expect_sound
        self._wanted: dict[Path, _Wanted] = {}
        self._news = trio.Event()

    async def run(self) -> None:
        """Fetch what is wanted, until cancelled."""
        await self._news.wait()
        from .fetch import Fetcher  # most engines fetch nothing, and an HTTP client is much to import

        fetcher = Fetcher(self._terms)
        try:
            async with trio.open_nursery() as nursery:
                while True:
                    await self._news.wait()
                    self._news = trio.Event()
                    for path, wanted in list(self._wanted.items()):
                        if not wanted.has_begun:
                            wanted.has_begun = True
                            nursery.start_soon(self._fetch, fetcher, path, wanted)
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                await fetcher.close()

    def path(self, url: str) -> Path:
        """See Web. What is wanted already, or is fresh, is not asked for."""
        if len(url) > LONGEST_URL:
            raise WebError("bad_argument", f"expected a URL of at most {LONGEST_URL} characters, got {len(url)}")
        try:
            self._terms.check(url)
        except NotAllowed as error:
            raise WebError("unauthorized", str(error)) from error
        except FetchError as error:
            raise WebError("bad_argument", str(error)) from error
        path, kept = self._shelf.path(url), self._shelf.find(url)
        if path not in self._wanted and (kept is None or kept.fresh_until <= self._epoch()):
            self._want(path, url)
        return path

    def wait(self, path: Path, then: Callable[[str | None], None]) -> bool:
        """See `engine.media.awaiting.AwaitedFiles`."""
        wanted = self._wanted.get(path)
        if wanted is not None:
            wanted.waiting.append(then)
        return wanted is not None

    def _want(self, path: Path, url: str) -> None:
        host = urlsplit(url).netloc
        busy = Counter(wanted.host for wanted in self._wanted.values())
        if len(self._wanted) >= MAX_WANTED or busy[host] >= MAX_PER_HOST:
            raise WebError("overloaded", f"expected at most {MAX_PER_HOST} sounds on their way from {host}")
        self._wanted[path] = _Wanted(url, host)
        self._news.set()

    async def _fetch(self, fetcher: Fetcher, path: Path, wanted: _Wanted) -> None:
        error: str | None = None
        try:
            await self._renew(fetcher, path, wanted.url)
        except (FetchError, OSError) as failure:
            logger.warning("a sound did not come", url=wanted.url.partition("?")[0], reason=str(failure))
            is_gone = isinstance(failure, FetchError) and failure.is_told
            before = self._shelf.find(wanted.url)
            if is_gone or before is None:
                error = f"{wanted.url}: {failure}"
            else:  # better what it was before than nothing, where only the way is blocked (RFC 9111 §4.2.4)
                before.fresh_until = self._epoch() + _RETRY_AFTER
        finally:
            del self._wanted[path]
        for then in wanted.waiting:
            then(error)

    async def _renew(self, fetcher: Fetcher, path: Path, url: str) -> None:
        before = self._shelf.find(url)
        part = self._shelf.part(url)
        try:
            fetched = await fetcher.fetch(url, part, headers=_conditions(before))
            if fetched.is_new:
                await self._check(part, path.suffix[1:])
            self._shelf.keep(
                Kept(
                    url=url,
                    octets=before.octets if before is not None else 0,
                    fresh_until=self._epoch() + lifetime(fetched.headers),
                    etag=fetched.headers.get("etag", before.etag if before and not fetched.is_new else ""),
                    last_modified=fetched.headers.get(
                        "last-modified", before.last_modified if before and not fetched.is_new else ""
                    ),
                )
            )
        finally:
            part.unlink(missing_ok=True)

    async def _check(self, part: Path, suffix: str) -> None:
        try:
            await trio.to_thread.run_sync(self._expect_sound, part, suffix)
        except ValueError as error:
            raise FetchError(str(error)) from error


def _conditions(kept: Kept | None) -> dict[str, str]:
    """Only if it is another than we have (RFC 9110 §13.1)."""
    if kept is None:
        return {}
    conditions = {"if-none-match": kept.etag, "if-modified-since": kept.last_modified}
    return {name: value for name, value in conditions.items() if value}
