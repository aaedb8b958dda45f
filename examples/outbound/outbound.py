"""An app that the engine dials: one WebSocket per call, to wherever a route's `socket` says.

It keeps nothing between calls, so any number of it can stand behind a load balancer. Key an order's number, and hear
how many parcels are on their way. The prompts are beside the app: the engine asks for those that it has not played yet.
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

import anyio

from callflow import App, Call, Digits, Say
from callflow.client import serve

HERE = Path(__file__).parent
PARCELS = {"11": 2, "12": 3, "13": 21}

app = App("outbound")


@app.route("5000")
async def parcels(call: Call) -> None:
    await call.answer()
    for _ in range(3):
        match await call.gather("prompts/order.wav", min=2, max=2, timeout=8):
            case Digits(order) if order in PARCELS:
                await call.set(order=order)
                await call.play(Say(str(PARCELS[order]), kind="number"), "prompts/parcels.wav")
                return
            case _:
                await call.play("prompts/unknown.wav")


async def run(port: int, token: str, on_ready: Callable[[int], None]) -> None:
    """Take calls until Ctrl-C."""
    async with anyio.create_task_group() as tasks:

        async def take(*, task_status: anyio.abc.TaskStatus[int]) -> None:
            await serve(app, token=token, port=port, folder=HERE, task_status=task_status)

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
