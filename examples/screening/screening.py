"""Call screening: callers say who they are, and whoever is called decides; and what goes out is looked at, too."""

from callflow import Answered, App, Call, Digits, Recorded
from callflow.library import Numbers, Voicemail

OWNER = "alice"
TRUNK = "carrier"
WITHHELD = '"Anonymous" <sip:anonymous@anonymous.invalid>'

app = App("screening")
blocked = Numbers("mallory", "0900*")  # who may not call
dear = Numbers("0190*", "0900*")  # where nobody may call
voicemail = Voicemail(silence=3)


@app.route("2100")
async def screened(call: Call) -> None:
    if call.caller.number in blocked:
        await call.reject("declined")
        return
    name = await ask_name(call)
    if name is None:
        await call.play("prompts/no-name.wav")
        return
    rejections: list[Call] = []

    async def decide(callee: Call) -> bool:
        keyed = await callee.gather(
            "prompts/call-from.wav", name.path, "prompts/choices.wav", max=1, valid="[123]", retries=1
        )
        if keyed == Digits("2"):
            rejections.append(callee)
        return keyed == Digits("1")

    won = await call.dial(OWNER, timeout=30, ringback="us", confirm=decide)
    if isinstance(won, Answered):
        await call.bridge(won.leg)
    elif rejections:
        await call.play("prompts/rejected.wav")
    else:
        await voicemail(call, box=OWNER)


async def ask_name(call: Call) -> Recorded | None:
    """What the caller says to be called; None: not a word, twice."""
    await call.answer()
    for _ in range(2):
        await call.play("prompts/say-your-name.wav")
        said = await call.record(f"names/{call.id}.wav", max=4, silence=2, beep=True, trim=True)
        if said.duration_ms > 300:
            await call.play("prompts/one-moment.wav")
            return said
    return None


@app.route(r"\*97")
async def messages(call: Call) -> None:
    await voicemail.listen(call, box=OWNER)


@app.route(r"\*77(0\d+)")
async def call_withheld(call: Call) -> None:
    await call_out(call, call.to.removeprefix("*77"), caller_id=WITHHELD, headers={"Privacy": "id"})


@app.route(r"0\d+")
async def call_with_number(call: Call) -> None:
    await call_out(call, call.to)


async def call_out(
    call: Call, number: str, *, caller_id: str | None = None, headers: dict[str, str] | None = None
) -> None:
    if number in dear:
        await call.reject(503)
        return
    won = await call.dial(f"{number}@{TRUNK}", timeout=60, early_media=True, caller_id=caller_id, headers=headers)
    if isinstance(won, Answered):
        await call.bridge(won.leg)
    else:
        await call.reject("unavailable")
