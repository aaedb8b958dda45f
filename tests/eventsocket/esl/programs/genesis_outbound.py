"""genesis, unmodified, is dialled by the engine: it answers, plays and hangs up, waiting for each to end."""

import asyncio

from genesis import Outbound, Session


async def handle(session: Session) -> None:
    await session.channel.answer()
    await session.channel.playback("tone_stream://%(200,0,440)")
    print("played to", session.context["Caller-Caller-ID-Number"], flush=True)
    await session.channel.hangup()


async def main() -> None:
    server = Outbound(handle, "127.0.0.1", 0)
    await server.start(block=False)
    print("port", server.server.sockets[0].getsockname()[1], flush=True)
    await asyncio.sleep(3600)


asyncio.run(main())
