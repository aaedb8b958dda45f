"""genesis, unmodified, dials the engine: it follows events, plays, asks for digits, originates, and bridges."""

import asyncio
import sys

from genesis import Channel, Inbound


async def main(host: str, port: str, password: str) -> None:
    async with Inbound(host, int(port), password) as client:
        parked: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        asking = asyncio.Event()

        async def on_park(event) -> None:
            if not parked.done():
                parked.set_result(event["Unique-ID"])

        async def on_execute(event) -> None:
            if event["Application"] == "play_and_get_digits":
                asking.set()

        async def on_hangup(event) -> None:
            if parked.done() and event["Unique-ID"] == parked.result():
                ended.set_result(event["Hangup-Cause"])

        client.on("CHANNEL_PARK", on_park)
        client.on("CHANNEL_EXECUTE", on_execute)
        client.on("CHANNEL_HANGUP", on_hangup)
        await client.send("events plain ALL")
        print("ready", flush=True)
        channel = await client.get_channel(await parked)
        await channel.answer()
        played = await channel.playback("tone_stream://%(200,0,440)")
        print(played["Application-Response"], flush=True)
        question = asyncio.create_task(
            channel.play_and_get_digits(
                1,
                20000,
                "#",
                "tone_stream://%(200,0,440)",
                1,
                4,
                regexp="\\d+",
                var_name="pin",
                invalid_file="silence",
                digit_timeout=20000,
            )
        )
        await asking.wait()
        print("asking", flush=True)
        print("digits", (await question)["variable_pin"], flush=True)
        desk = await Channel.create(client, "user/desk")
        await client.send(f"filter Unique-ID {channel.uuid}")
        await channel.bridge(desk)
        print("bridged", flush=True)
        await desk.hangup()
        print("hung up", flush=True)
        print(await ended, flush=True)


asyncio.run(main(*sys.argv[1:]))
