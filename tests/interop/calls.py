"""The script of the tests with real phones: examples/followme with less patience, and the single verbs."""

from __future__ import annotations

import anyio

from callflow import Answered, App, Call, Digits

app = App("script")


@app.route("2000")
async def follow_me(call: Call) -> None:
    result = await call.dial("desk", "mobile", timeout=2, ringback="us")
    if isinstance(result, Answered):
        with anyio.move_on_after(4):
            await call.bridge(result.leg)


@app.route("3000")
async def one_digit(call: Call) -> None:
    await call.answer()
    match await call.gather(max=1, timeout=20):
        case Digits(value):
            await call.set(pressed=value)
            await call.hangup()


@app.route("3001")
async def echo(call: Call) -> None:
    await call.answer()
    await call.echo()


@app.route("3002")
async def missing_prompt(call: Call) -> None:
    await call.answer()
    await call.play("no-such-prompt.wav")
