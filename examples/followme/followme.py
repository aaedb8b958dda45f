"""Follow me: call 2000, and the desk phone rings, then the mobile. Whoever answers first has the call."""

from callflow import Answered, App, Call

app = App("followme")


@app.route("2000")
async def follow_me(call: Call) -> None:
    result = await call.dial("desk", "mobile", timeout=15, ringback="us")
    if isinstance(result, Answered):
        await call.bridge(result.leg)
    else:
        await call.play("prompts/sorry.wav")
