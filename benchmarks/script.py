"""The app that is measured: a number for each thing an app may do. Run by a worker, or by `websocket_app`."""

from __future__ import annotations

from callflow import Answered, App, Call

ANSWER, PLAY, BRIDGE, CONFERENCE, STREAM = "1000", "2000", "3{port:05}", "4{room:05}", "5{kind}{port:05}"
PROMPT = "prompt.wav"

app = App("benchmark")


@app.route(ANSWER)
async def answer(call: Call) -> None:
    await call.answer()
    await call.wait_hangup()


@app.route(PLAY)
async def play(call: Call) -> None:
    await call.answer()
    await call.play(PROMPT, repeat=0)


@app.route("3[0-9]{5}")
async def bridge(call: Call) -> None:
    """Connect with whoever listens on that port."""
    result = await call.dial(f"sip:callee@127.0.0.1:{int(call.to[1:])}")
    if isinstance(result, Answered):
        await call.bridge(result.leg)


@app.route("4[0-9]{5}")
async def confer(call: Call) -> None:
    """Take part in the conference of that number."""
    async with app.conference(call.to[1:]) as room:
        await room.join(call)


@app.route("5[0-9]{6}")
async def stream(call: Call) -> None:
    """Stream to a program at that port, in one of four ways."""
    await call.answer()
    kind, place = call.to[1], f"ws://127.0.0.1:{int(call.to[2:])}"
    if kind == "0":
        await call.stream(f"{place}/read")
    elif kind == "1":
        await call.stream(f"{place}/echo")
    elif kind == "2":
        await call.stream(f"{place}/echo", rate=24000)
    elif kind == "3":
        await call.stream(f"{place}/echo", dialect="twilio")
    else:
        await call.stream(f"{place}/read", dialect="raw", tracks="mixed", direction="send")
