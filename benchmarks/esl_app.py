"""The application behind `esl://` that is measured: `python -m benchmarks.esl_app PORT`.

asyncio's protocols, for the least that Python can do for a connection: the engine is measured, not its application.
"""

from __future__ import annotations

import asyncio
import sys

CONNECT = b"connect\n\n"
ANSWER = b"sendmsg\ncall-command: execute\nexecute-app-name: answer\n\n"


class Conversation(asyncio.Protocol):
    """One call: it is asked for, answered, and left alone until it ends."""

    def __init__(self) -> None:
        self._is_known = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(CONNECT)

    def data_received(self, data: bytes) -> None:
        if not self._is_known and data.endswith(b"\n\n"):
            self._is_known = True
            self._transport.write(ANSWER)


async def main(port: int) -> None:
    """Listen until killed."""
    server = await asyncio.get_running_loop().create_server(Conversation, "127.0.0.1", port, backlog=4096)
    print("listening", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
