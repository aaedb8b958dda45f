"""An app that the engine dials: one WebSocket per call, to wherever a route's `socket` says.

It keeps nothing between calls, so any number of it can stand behind a load balancer. Key an order's number, and hear a
tone for each parcel that is on its way.
"""

import argparse
import os
from collections.abc import Callable

import anyio

from callflow import App, Call, Digits, Silence, Tone
from callflow.client import serve

PARCELS = {"11": 1, "12": 2, "13": 3}
ASK = Tone("440", seconds=0.3)
UNKNOWN = Tone("busy/us", seconds=2)

app = App("outbound")


@app.route("5000")
async def parcels(call: Call) -> None:
    await call.answer()
    for _ in range(3):
        match await call.gather(ASK, min=2, max=2, timeout=8):
            case Digits(order) if order in PARCELS:
                await call.set(order=order)
                await call.play(*[Tone("880", seconds=0.5), Silence(0.5)] * PARCELS[order])
                return
            case _:
                await call.play(UNKNOWN)


async def run(port: int, token: str, on_ready: Callable[[int], None]) -> None:
    """Take calls until Ctrl-C."""
    async with anyio.create_task_group() as tasks:

        async def take(*, task_status: anyio.abc.TaskStatus[int]) -> None:
            await serve(app, token=token, port=port, task_status=task_status)

        on_ready(await tasks.start(take))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--port", type=int, default=7500, help="where the engine finds this app; 0 for any")
    arguments = parser.parse_args()

    def say(port: int) -> None:
        print(f"calls are taken at ws://127.0.0.1:{port}/", flush=True)

    anyio.run(run, arguments.port, os.environ["OUTBOUND_TOKEN"], say)


if __name__ == "__main__":
    main()
