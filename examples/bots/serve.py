"""The bots, at ws://127.0.0.1:8765/: `python -m examples.bots.serve`."""

import asyncio

from websockets.asyncio.server import ServerConnection, serve

from .counting_bot import counting
from .echo_bot import echo

BOTS = {"/echo": echo, "/counting": counting}


async def talk(connection: ServerConnection) -> None:
    path = connection.request.path if connection.request is not None else ""
    if bot := BOTS.get(path):
        await bot(connection)


async def main() -> None:
    async with serve(talk, "127.0.0.1", 8765) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
