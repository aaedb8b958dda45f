"""A call centre: callers wait for agents, who log in; a supervisor listens in; whoever gives up may leave a message."""

from callflow import App, Call, Failed, Say
from callflow.library import GaveUp, Hours, Queue, Supervision, Voicemail

app = App("callcenter")
hours = Hours("mon-sun 00:00-24:00")
floor = Supervision()
voicemail = Voicemail(silence=3)


async def recorded(call: Call, leg: Call, agent: str) -> None:
    async with call.recording_call(f"calls/{call.id}.wav"):
        await floor.bridge(call, leg, name=agent)


support = Queue(
    strategy="longest_idle", ring=15, wrap_up=10, announce_every=25, patience=300, callback=True,
    music="prompts/music.wav", bridge=recorded,
)  # fmt: skip


@app.route("5100")
async def caller(call: Call) -> None:
    if not hours.is_open():
        await voicemail(call, box="support")
        return
    await call.answer()
    await call.play("prompts/welcome.wav")
    match await support.enter(call):
        case GaveUp("full" | "timeout"):
            await voicemail(call, box="support")
        case GaveUp():
            pass
        case _:
            await call.play("prompts/goodbye.wav")


@app.route(r"\*20")
async def log_in(call: Call) -> None:
    support.log_in(call.caller.number)
    await call.play(Say("hello"))


@app.route(r"\*21")
async def pause(call: Call) -> None:
    support.pause(call.caller.number)
    await call.play(Say("on hold"))


@app.route(r"\*22")
async def log_out(call: Call) -> None:
    support.log_out(call.caller.number)
    await call.play(Say("goodbye"))


@app.route(r"\*23")
async def call_back(call: Call) -> None:
    if not support.callbacks:
        await call.play(Say("no calls"))
    elif isinstance(await support.return_call(call), Failed):
        await call.play(Say("sorry, not available"))


@app.route(r"\*24")
async def hear_messages(call: Call) -> None:
    await voicemail.listen(call, box="support")


@app.route(r"\*9(\w+)")
async def supervise(call: Call) -> None:
    if await floor.supervise(call, call.to.removeprefix("*9")) is None:
        await call.play(Say("no calls"))
