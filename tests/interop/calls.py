"""The script of the tests with real phones: examples/followme with less patience, and the single verbs."""

from __future__ import annotations

import anyio

from callflow import Answered, App, Call, Digits, Tone

app = App("calls")


@app.route("2000")
async def follow_me(call: Call) -> None:
    result = await call.dial("desk", "mobile", timeout=2, ringback="us")
    if isinstance(result, Answered):
        with anyio.move_on_after(4):
            await call.bridge(result.leg)


@app.route("2001")
async def desk(call: Call) -> None:
    await call.dial("desk", timeout=20)


@app.route("2002")
async def desk_in_a_hurry(call: Call) -> None:
    await call.answer()
    await call.dial("desk", timeout=0.7)
    await call.play(Tone("350", seconds=0.2))


@app.route("2003")
async def connected_with_desk(call: Call) -> None:
    result = await call.dial("desk", timeout=20)
    if isinstance(result, Answered):
        await call.bridge(result.leg)


@app.route("2005", "2006")
async def tells_that_it_is_connected(call: Call) -> None:
    """With whom it calls, or who calls: the one that is to transfer."""
    result = await call.dial("mobile" if call.to == "2005" else "desk", timeout=20)
    if isinstance(result, Answered):
        async with call.bridging(result.leg) as talk:
            await (call if call.to == "2005" else result.leg).send_info("connected", content_type="text/plain")
            await talk.wait()


@app.route("2004")
async def sent_to_desk(call: Call) -> None:
    await call.answer()
    await call.transfer("2003")


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


@app.route("3003")
async def tone(call: Call) -> None:
    await call.answer()
    await call.play(Tone("440"))


@app.route("3004")
async def ring(call: Call) -> None:
    await call.ring()
    await anyio.sleep_forever()


@app.route("3005")
async def fail(call: Call) -> None:
    await call.answer()
    raise RuntimeError("the script has a bug")


@app.route("3006")
async def press(call: Call) -> None:
    await call.answer()
    await call.play(Tone("440", seconds=0.5))
    await call.send_digits("19*#", duration_ms=100, gap_ms=60)
    await call.play(Tone("440", seconds=0.5))


@app.route("3010", "3011")
async def found_in_dns(call: Call) -> None:
    result = await call.dial("enum:+4930123" if call.to == "3010" else "sip:shop@quick.example", timeout=20)
    if isinstance(result, Answered):
        await call.bridge(result.leg)


@app.route("0.*")
async def by_trunk(call: Call) -> None:
    result = await call.dial(f"{call.to}@carrier", timeout=20)
    if isinstance(result, Answered):
        await call.bridge(result.leg)


@app.route("4930999")
async def from_the_carrier(call: Call) -> None:
    await call.answer()
    await call.play(Tone("440", seconds=0.5))


@app.route("3007")
async def hear_us_first(call: Call) -> None:
    await call.play(Tone("440", seconds=0.5))
    await call.answer()
    await call.play(Tone("440", seconds=0.2))


@app.route("3009")
async def confer(call: Call) -> None:
    async with app.conference("all", enter=Tone("660", seconds=0.1), music=Tone("440")) as room:
        await room.join(call, record="minutes.wav")


@app.route("3008")
async def listen(call: Call) -> None:
    """To whoever is in the conference."""
    async with app.conference("all") as room:
        for member in (await room.members()).members:
            await call.listen(member.id, "barge")
