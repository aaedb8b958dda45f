"""An office that has all of callflow.library, a number for each."""

from callflow import Answered, App, Call, Digits, Failed, Say, Tone
from callflow.library import (
    Directory,
    Entry,
    Full,
    GaveUp,
    Mailboxes,
    Message,
    Parked,
    Parking,
    Pickup,
    Queue,
    Supervision,
    Voicemail,
    page,
    scheduled,
)  # fmt: skip

app = App("office")
mails: list[str] = []


async def mail(call: Call, box: str, message: Message) -> None:
    mails.append(f"{box}: {message.caller}")
    await call.set({"mails": ",".join(mails)}) if not call.is_over else None


boxes = Mailboxes()
boxes.set_pin("200", "4321")
while not boxes.box("110").is_full:
    boxes.deliver("110", Message("old.wav", "alice", 0.0, 3.0))
voicemail = Voicemail(boxes, on_message=mail, silence=3)
parking = Parking("701", "702", timeout=60, music=Tone("440"))
pickup = Pickup()
floor = Supervision()
people = Directory(Entry("Alice Adams", "alice"), Entry("Al Brown", "bob"), Entry("Carol Clark", "carol"))


async def supervised(call: Call, leg: Call, agent: str) -> None:
    await floor.bridge(call, leg, name=agent)


sales = Queue(
    "alice", "bob", music=Tone("440"), bridge=supervised, wrap_up=30, announce_every=20, callback=True, capacity=3
)
everybody = Queue("alice", "bob", strategy="ring_all", music=Tone("440"), patience=30)


@app.route("100", "110", "200")
async def leave(call: Call) -> None:
    await voicemail(call, box=call.to)


@app.route("\\*97(.+)")
async def listen(call: Call) -> None:
    await voicemail.listen(call, box=call.to[3:])


@app.route("70")
async def park(call: Call) -> None:
    match await parking.park(call):
        case Parked(was_picked_up=False):
            await call.play(Tone("620", seconds=1))
        case Full():
            await call.play(Tone("480", seconds=1))
        case _:
            pass


@app.route("70[12]")
async def fetch(call: Call) -> None:
    if await parking.pickup(call, call.to) is None:
        await call.play(Tone("480", seconds=1))


@app.route("300")
async def ring(call: Call) -> None:
    match await pickup.dial(call, "desk", group="sales", timeout=20):
        case Answered(leg):
            await call.bridge(leg)
        case Failed():
            await call.play(Tone("620", seconds=1))
        case _:
            pass


@app.route("\\*8")
async def take(call: Call) -> None:
    if await pickup.take(call, group="sales") is None:
        await call.play(Tone("480", seconds=1))


@app.route("400")
async def queue(call: Call) -> None:
    if isinstance(await sales.enter(call), GaveUp):
        await call.play(Say("goodbye"))


@app.route("401")
async def all_ring(call: Call) -> None:
    match await everybody.enter(call):
        case GaveUp(reason):
            await call.play(Tone("620", seconds=1))
            await call.set(reason=reason)
        case _:
            pass


@app.route("402")
async def call_back(call: Call) -> None:
    if await sales.return_call(call) is None:
        await call.play(Tone("480", seconds=1))


@app.route("\\*9(.+)")
async def supervise(call: Call) -> None:
    if await floor.supervise(call, call.to[2:]) is None:
        await call.play(Tone("480", seconds=1))


@app.route("411")
async def who(call: Call) -> None:
    found = await people.choose(call)
    if found is not None and isinstance(won := await call.dial(found.target), Answered):
        await call.bridge(won.leg)


@app.route("500")
async def paging(call: Call) -> None:
    await page(app, call, ["alice", "bob", "nobody-of-that-name"])


@app.route("600")
async def short(call: Call) -> None:
    await call.answer()
    async with scheduled(lambda: call.play(Tone("620", seconds=1)), after=10, every=10):
        await call.gather(max=1, timeout=60, valid="1")
    await call.play(Tone("440", seconds=1))
    match await call.gather(max=1, timeout=1):
        case Digits():
            pass
        case _:
            await call.hangup()
