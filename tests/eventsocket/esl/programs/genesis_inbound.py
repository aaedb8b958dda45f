"""genesis, unmodified, dials the engine: it originates a call to a user, has it play, and hangs it up."""

import asyncio
import sys

from genesis import Channel, Inbound


async def main(host: str, port: str, password: str) -> None:
    async with Inbound(host, int(port), password) as client:
        print((await client.send("api echo hello")).body, flush=True)
        channel = await Channel.create(client, "user/desk")
        await channel.playback("tone_stream://%(200,0,440)")
        print("played", flush=True)
        await channel.hangup()
        print("hung up", flush=True)


asyncio.run(main(*sys.argv[1:]))
