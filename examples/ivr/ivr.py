"""A reception: call 1000 for a menu, 1001 for an echo, 1002 for a tone, 1003 for departments, 1004 for the time."""

from datetime import datetime

from callflow import Answered, App, Call, Digits, Invalid, Menu, Say, TimedOut, Tone
from callflow.library import Hours

HOURS = Hours("mon-fri 09:00-17:00, sat 10:00-14:00")
PEOPLE = {"201": "alice", "202": "bob"}

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


@app.route("1003")
async def departments(call: Call) -> None:
    await call.answer()
    keyed = await call.gather(
        Say("press 1 for sales, 2 for support, or dial the extension"),
        max=3, valid="[12]|20[0-9]", digit_timeout=2, retries=2, invalid=Say("sorry, invalid"),
    )  # fmt: skip
    match keyed:
        case Digits("1"):
            if isinstance(await SALES(call), TimedOut | Invalid):
                await call.play(Say("goodbye"))
        case Digits("2"):
            await call.play(Say("support is open now" if HOURS.is_open() else "sorry, support is closed now"))
        case Digits(extension):
            await put_through(call, extension)
        case _:
            await call.play(Say("goodbye"))


async def put_through(call: Call, extension: str) -> None:
    await call.play(Say("connecting"), Say(extension, kind="digits"))
    won = await call.dial(PEOPLE[extension], timeout=20, ringback="us") if extension in PEOPLE else None
    if isinstance(won, Answered):
        await call.bridge(won.leg)
    else:
        await call.play(Say("sorry, not available"))


async def new_calls(call: Call) -> None:
    await call.play(Say("sales for new calls"))


async def old_calls(call: Call) -> None:
    await call.play(Say("sales for old calls"))


SALES = Menu(Say("press 1 for new, 2 for old"), {"1": new_calls, "2": old_calls}, invalid=Say("sorry, invalid"))


@app.route("1004")
async def time_and_date(call: Call) -> None:
    await call.answer()
    keyed = await call.gather(Say("for english, press 1"), Say("für deutsch, 2 drücken", language="de"), valid="[12]")
    if keyed == Digits("2"):
        await call.set_language("de")
    now = datetime.now()
    await call.play(
        Say("es ist" if keyed == Digits("2") else "the time is"),
        Say(f"{now:%H:%M}", kind="time"),
        Say(f"{now:%Y-%m-%d}", kind="date"),
    )


@app.route("1[0-9]{3}")
async def any_other(call: Call) -> None:
    await call.play(Say("sorry, invalid number"), Say(call.to, kind="digits"))
    await call.hangup("unallocated_number")
