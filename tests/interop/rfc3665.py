"""The callees of RFC 3665: one that answers, one that is busy, one that is not there, one that nobody picks up, ..."""

from __future__ import annotations

import anyio

from callflow import Answered, App, Call, Tone

app = App("rfc3665")


@app.route("1001")
async def answers(call: Call) -> None:
    await call.answer()
    await call.play(Tone("440"))


@app.route("1002")
async def answers_and_hangs_up(call: Call) -> None:
    await call.ring()
    await call.answer()


@app.route("1003")
async def rings(call: Call) -> None:
    await call.ring()
    await anyio.sleep_forever()


@app.route("1004")
async def is_busy(call: Call) -> None:
    await call.reject("busy")


@app.route("1005")
async def is_unavailable(call: Call) -> None:
    await call.reject("unavailable")


@app.route("1006")
async def has_moved(call: Call) -> None:
    await call.redirect("1001")


@app.route("1007")
async def is_behind_two_proxies(call: Call) -> None:
    result = await call.dial("1007@proxies")
    if isinstance(result, Answered):
        await call.bridge(result.leg)


@app.route("1008")
async def does_not_respond(call: Call) -> None:
    await call.dial("1008@nowhere")
    await call.reject("unavailable")
