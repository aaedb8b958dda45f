"""The app that is measured, as a process of its own: `BENCHMARK_TOKEN=... python -m benchmarks.websocket_app URL`."""

from __future__ import annotations

import os
import sys
from functools import partial

import anyio

from callflow.client import join

from .script import app


def main() -> None:
    """Join the engine until killed."""
    anyio.run(partial(join, sys.argv[1], app, token=os.environ["BENCHMARK_TOKEN"]), backend=app.backend)


if __name__ == "__main__":
    main()
