"""genesis, unmodified, is dialled by the engine: it answers, plays, asks for a digit, bridges and hangs up."""

import asyncio

from genesis import Outbound, Session


async def handle(session: Session) -> None:
    await session.channel.answer()
    print("caller", session.context["Caller-Caller-ID-Number"], "uuid", bool(session.channel.uuid), flush=True)
    await session.channel.playback("tone_stream://%(300,100,440)")
    print("played", flush=True)
    asked = await session.channel.play_and_get_digits(
        3, 20000, "#", "menu.wav", 1, 1, regexp="\\d", var_name="chosen", invalid_file="invalid.wav", digit_timeout=1000
    )
    print("digits", asked["variable_chosen"], flush=True)
    await session.sendmsg("execute", "bridge", "user/desk", block=True)
    print("parted", flush=True)
    await session.channel.hangup()


async def main() -> None:
    server = Outbound(handle, "127.0.0.1", 0)
    await server.start(block=False)
    print("port", server.server.sockets[0].getsockname()[1], flush=True)
    await asyncio.sleep(3600)


asyncio.run(main())
