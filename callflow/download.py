"""Fetching recordings, part by part."""

from __future__ import annotations

from pathlib import Path

from .link import Link
from .protocol.commands import Download
from .protocol.queries import Downloaded


async def download(link: Link, path: str, to: Path) -> int:
    """Save a recording that the app made as a file, whole or not at all; its octets. Raises NotFound, OSError."""
    draft = to.with_name(to.name + ".part")
    size = 0
    try:
        with draft.open("wb") as file:
            while True:
                reply = await link.request(Download(path=path, offset=size))
                part = link.connection.data(reply, Downloaded)
                file.write(part.data)
                size += len(part.data)
                if size >= part.size or not part.data:
                    break
        draft.replace(to)
    finally:
        draft.unlink(missing_ok=True)
    return size
