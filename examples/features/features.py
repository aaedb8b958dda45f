"""What an office's phones can do: star codes in a call, pickup, eavesdropping, numbers from outside, groups."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeAlias

import anyio

from callflow import Answered, App, Call, CallEnded, Digits, Say, Tone, race
from callflow.library import Intercepted, Parking, Pickup, Supervision, Voicemail

EXTENSIONS = {"201": "alice", "202": "bob", "203": "carol"}
DIRECT = {"+4930555201": "201", "+4930555300": "300"}  # numbers from outside, and where they lead
HUNT = ("alice", "bob")  # one after another
GROUP = ("alice", "bob", "carol")  # all together
MUSIC = Tone("392+494", seconds=1)
Key: TypeAlias = Callable[[], Awaitable[None]]

app = App("features")
pickup, floor, voicemail = Pickup(), Supervision(), Voicemail(silence=3)
parking = Parking("701", "702", "703")


@app.route("20[1-3]")
async def extension(call: Call) -> None:
    await reach(call, call.to)


@app.route("300")
async def hunt(call: Call) -> None:
    await ring(call, *HUNT, patience=12, box="300")


@app.route("400")
async def ring_group(call: Call) -> None:
    await ring(call, GROUP, patience=20, box="400")


@app.route(*(number.replace("+", r"\+") for number in DIRECT))
async def from_outside(call: Call) -> None:
    number = DIRECT[call.to]
    await (hunt(call) if number == "300" else reach(call, number))


@app.route(r"\*8")
async def take_a_ringing_call(call: Call) -> None:
    if await pickup.take(call) is None:
        await call.play(Say("sorry, no calls"))


@app.route(r"\*9(20[1-3])")
async def eavesdrop(call: Call) -> None:
    if await floor.supervise(call, EXTENSIONS[call.to[2:]]) is None:
        await call.play(Say("sorry, no calls"))


@app.route("70[1-3]")
async def fetch_a_parked_call(call: Call) -> None:
    if await parking.pickup(call, call.to) is None:
        await call.play(Say("sorry, no calls"))


async def reach(call: Call, number: str) -> None:
    await ring(call, EXTENSIONS[number], patience=20, box=number)


async def ring(call: Call, *stages: str | tuple[str, ...], patience: float, box: str) -> None:
    won = await pickup.dial(call, *stages, timeout=patience, ringback="eu")
    if isinstance(won, Answered):
        await Conversation(call, won.leg, won.target).run()
    elif not isinstance(won, Intercepted):
        await voicemail(call, box=box)


class Conversation:
    """A caller and a colleague, who keys *1 to record, *2 to transfer, *3 to ask somebody first, *4 to park."""

    def __init__(self, call: Call, leg: Call, name: str) -> None:
        self.call, self.leg, self.name = call, leg, name
        self.wish = ""
        self._wished = anyio.Event()

    async def run(self) -> None:
        """Have them talk, and do what is keyed, until the caller has nobody any more."""
        going_on = True
        while going_on:
            self.wish, self._wished = "", anyio.Event()
            async with self._watching_keys():
                await race(floor.bridge(self.call, self.leg, name=self.name), self._wished.wait())
            going_on = await self._do()

    async def _do(self) -> bool:
        match self.wish:
            case "transfer":
                return await self._transfer()
            case "consult":
                return await self._consult()
            case "park":
                await self.leg.hangup()
                await parking.park(self.call)
                return False
            case _:
                return False

    async def _transfer(self) -> bool:
        """Blind: the caller goes to whom the colleague keys, who is gone by then."""
        target = await self._ask_whom()
        if target is None:
            return True
        await self.leg.hangup()
        won = await self.call.dial(target, timeout=20, ringback="eu")
        return self._go_on_with(won.leg, won.target) if isinstance(won, Answered) else await self._apologize()

    async def _consult(self) -> bool:
        """Attended: the colleague talks to a third first, and hangs up to connect the two; if that one does, no."""
        target = await self._ask_whom()
        if target is None:
            return True
        async with self.call.playing(MUSIC, repeat=0):
            won = await self.leg.dial(target, timeout=20, ringback="eu")
            if not isinstance(won, Answered):
                return True
            try:
                await self.leg.bridge(won.leg, hangup_after=False)
            except CallEnded:  # the colleague has hung up
                return self._go_on_with(won.leg, won.target)
        return True

    async def _ask_whom(self) -> str | None:
        async with self.call.playing(MUSIC, repeat=0):
            keyed = await self.leg.gather(Say("please dial the number"), min=3, max=3, valid="20[1-3]", retries=1)
        return EXTENSIONS[keyed.value] if isinstance(keyed, Digits) else None

    def _go_on_with(self, leg: Call, name: str) -> bool:
        self.leg, self.name = leg, name
        return True

    async def _apologize(self) -> bool:
        await self.call.play(Say("sorry, not available"))
        return False

    @asynccontextmanager
    async def _watching_keys(self) -> AsyncGenerator[None, None]:
        async with AsyncExitStack() as stack:
            for keys, wish in {"*2": "transfer", "*3": "consult", "*4": "park"}.items():
                await stack.enter_async_context(self.leg.binding_digits(keys, self._wishing(wish)))
            await stack.enter_async_context(self.leg.binding_digits("*1", self._recording(stack)))
            yield

    def _wishing(self, wish: str) -> Key:
        async def want() -> None:
            self.wish = wish
            self._wished.set()

        return want

    def _recording(self, stack: AsyncExitStack) -> Key:
        async def record() -> None:
            path = f"{self.call.id}-{self.name}.wav"
            await stack.enter_async_context(self.call.recording_call(path))

        return record
