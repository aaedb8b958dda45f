"""A reception: call 1000 for a menu, 1001 for an echo, 1002 for a tone."""

from callflow import Answered, App, Call, Digits, Tone

app = App("ivr")


@app.route("1000")
async def reception(call: Call) -> None:
    await call.answer()
    await call.play("prompts/welcome.wav")
    while True:
        match await call.gather("prompts/menu.wav", valid="[1239]", retries=2, invalid="prompts/invalid.wav"):
            case Digits("1"):
                await call.play("prompts/about.wav")
            case Digits("2"):
                await record_a_message(call)
            case Digits("3"):
                await speak_with_alice(call)
            case Digits("9"):
                continue
            case _:
                break
    await call.play("prompts/goodbye.wav")


async def record_a_message(call: Call) -> None:
    await call.play("prompts/record.wav")
    message = await call.record(f"{call.id}.wav", max=30, silence=4, beep=True)
    await call.play("prompts/yours.wav", message.path)


async def speak_with_alice(call: Call) -> None:
    await call.play("prompts/alice.wav")
    result = await call.dial("alice", timeout=20, ringback="us")
    if isinstance(result, Answered):
        await call.bridge(result.leg)
    else:
        await call.play("prompts/nobody.wav")


@app.route("1001")
async def echo(call: Call) -> None:
    await call.answer()
    await call.play("prompts/echo.wav")
    await call.echo()


@app.route("1002")
async def tone(call: Call) -> None:
    await call.answer()
    await call.play(Tone("440"))
