"""Two bots on the phone: 2000 says everything back, 2001 counts, and whoever talks interrupts it."""

from contextlib import suppress

from callflow import App, Call, ChannelTalking, Detection, NotFound, StreamHandle, race

ECHO = "ws://127.0.0.1:8765/echo"
COUNTING = "ws://127.0.0.1:8765/counting"

app = App("bots")


@app.route("2000")
async def echo(call: Call) -> None:
    await call.answer()
    await call.stream(ECHO)


@app.route("2001")
async def counting(call: Call) -> None:
    await call.answer()
    async with call.streaming(COUNTING, encoding="mulaw") as bot, call.detecting() as heard:
        await race(bot.wait(), interrupt(bot, heard))


async def interrupt(bot: StreamHandle, heard: Detection) -> None:
    """Let the bot fall silent when the caller talks."""
    async for sound in heard:
        if isinstance(sound, ChannelTalking):
            with suppress(NotFound):  # it has just hung up
                await bot.clear()
