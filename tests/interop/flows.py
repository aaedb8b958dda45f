"""What SIPp calls: `NAME-PORT` calls a phone at that port of this machine."""

from __future__ import annotations

import anyio

from callflow import Answered, App, Call, Tone
from callflow.protocol.events import TransferRequested

app = App("flows")


@app.route("answers")
async def answers(call: Call) -> None:
    await call.answer()
    await anyio.sleep_forever()


@app.route("hangs_up")
async def hangs_up(call: Call) -> None:
    await call.answer()
    await call.play(Tone("440", seconds=0.2))


@app.route("rings")
async def rings(call: Call) -> None:
    await call.ring(headers={"X-Step": "rings"})
    await anyio.sleep_forever()


@app.route("refuses")
async def refuses(call: Call) -> None:
    await call.reject("busy", headers={"X-Step": "refuses"})


@app.route("to-.*")
async def connects(call: Call) -> None:
    await _connect(call, redirects=0)


@app.route("follow-.*")
async def follows(call: Call) -> None:
    await _connect(call, redirects=1)


@app.route("transfers-.*")
async def may_be_transferred(call: Call) -> None:
    """By the callee, to anybody, as soon as an INFO says that it is connected."""
    result = await call.dial(_phone(call))
    if isinstance(result, Answered):
        async with result.leg.deciding_transfers(_allow), call.bridging(result.leg) as talk:
            await result.leg.send_info("connected", content_type="text/plain")
            await talk.wait()


@app.route("sent-.*")
async def sends_away(call: Call) -> None:
    """The callee is to call somebody else itself."""
    result = await call.dial(_phone(call), headers={"X-Step": "dials"})
    if isinstance(result, Answered):
        await call.answer(headers={"X-Step": "answers"})
        await result.leg.transfer("sip:other@192.0.2.1", headers={"X-Step": "sends away"})
        await result.leg.hangup(headers={"X-Step": "hangs up"})


@app.route("told-.*")
async def tells(call: Call) -> None:
    result = await call.dial(_phone(call))
    if isinstance(result, Answered):
        headers = {"X-Step": "tells"}
        sent = [
            await result.leg.send_info("a", content_type="text/plain", headers=headers),
            await result.leg.send_message("b", headers=headers),
            await result.leg.send_options(headers=headers),
            await result.leg.notify("talk", headers=headers),
        ]
        await call.set(told=" ".join(str(each.sip_status) for each in sent))
        await call.answer()


@app.route("by-.*")
async def goes_by_a_trunk(call: Call) -> None:
    """With what it has read, and with what the trunk is not to see."""
    read = await call.headers("Diversion", "History-Info")
    headers = {f"X-{name}": values[0] for name, values in read.items()}
    result = await call.dial(f"030@{call.to.partition('-')[2]}", headers={**headers, "X-Internal": "secret"})
    if isinstance(result, Answered):
        await call.bridge(result.leg)


@app.route("overflow")
async def goes_by_the_next_trunk(call: Call) -> None:
    """The first may hold one call, as it does; another is given one call in a second, and not two at once."""
    first, second = await call.dial("031@capped"), await call.dial("032@capped", "032@reserve")
    third = await call.dial(["033@slow", "034@slow"])
    if all(isinstance(result, Answered) for result in (first, second, third)):
        await call.answer()


@app.route("asked")
async def is_asked_who_it_is(call: Call) -> None:
    result = await call.dial("035@asks")
    if isinstance(result, Answered):
        await result.leg.transfer("sip:other@192.0.2.1")
        await result.leg.hangup()
        await call.answer()


async def _connect(call: Call, *, redirects: int) -> None:
    result = await call.dial(_phone(call), redirects=redirects)
    if not isinstance(result, Answered):
        await call.reject("busy")
        return
    await call.bridge(result.leg)


async def _allow(request: TransferRequested) -> bool:
    return True


def _phone(call: Call) -> str:
    return f"sip:phone@127.0.0.1:{call.to.partition('-')[2]}"
