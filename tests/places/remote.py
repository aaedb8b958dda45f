"""An example's app on "another machine": a process elsewhere that joins an engine, or is dialled by it, over TLS.

`python -m tests.places.remote join SCRIPT URL CA` or `... serve SCRIPT CERTIFICATE KEY`; the token is in REMOTE_TOKEN.
It says `ready PORT` when it listens.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import anyio
import anyio.abc

from callflow.app import App
from callflow.client import join, serve
from callflow.runtime.loader import load_app


async def main(how: str, script: Path, first: str, second: str) -> None:
    app, token = load_app(script, script.stem), os.environ["REMOTE_TOKEN"]
    if how == "join":
        await join(first, app, token=token, folder=script.parent, ca=Path(second))
    async with anyio.create_task_group() as tasks:

        async def listen(*, task_status: anyio.abc.TaskStatus[int]) -> None:
            await listen_for(app, token, script.parent, (Path(first), Path(second)), task_status)

        print(f"ready {await tasks.start(listen)}", flush=True)


async def listen_for(
    app: App, token: str, folder: Path, pair: tuple[Path, Path], task_status: anyio.abc.TaskStatus[int]
) -> None:
    certificate, key = pair
    await serve(app, token=token, folder=folder, certificate=certificate, key=key, task_status=task_status)


if __name__ == "__main__":
    how, script, first, second = sys.argv[1:]
    anyio.run(main, how, Path(script), first, second)
