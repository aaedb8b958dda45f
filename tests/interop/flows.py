"""What SIPp calls: `NAME-PORT` calls a phone at that port of this machine."""

from __future__ import annotations

import anyio

from callflow import Answered, App, Call, Tone

app = App("flows")


@app.route("answers")
async def answers(call: Call) -> None:
    await call.answer()
    await anyio.sleep_forever()


@app.route("hangs_up")
async def hangs_up(call: Call) -> None:
    await call.answer()
    await call.play(Tone("440", seconds=0.2))


@app.route("to-.*")
async def connects(call: Call) -> None:
    result = await call.dial(f"sip:phone@127.0.0.1:{call.to.partition('-')[2]}")
    if isinstance(result, Answered):
        await call.bridge(result.leg)
    else:
        await call.reject("busy")
