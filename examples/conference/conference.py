"""A conference room: guests key a PIN and wait for the chair, whose keys steer it; and a lounge that is open to all."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from callflow import App, Call, Conference, Digits, Left, Tone

PIN, CHAIR_PIN = "4711", "8822"
WAITING = ("prompts/waiting.wav", Tone("ringback/us", seconds=12))
GOODBYES = {"locked": "prompts/locked.wav", "refused": "prompts/refused.wav"}

app = App("conference")


@app.route("3000")
async def guest(call: Call) -> None:
    await call.answer()
    async with (
        app.conference(
            "board", pin=PIN, ask="prompts/pin.wav", wrong="prompts/wrong.wav",
            enter="prompts/joined.wav", leave="prompts/left.wav", music=WAITING,
        ) as board,
        call.binding_digits("*6", muting(call, board)),
    ):  # fmt: skip
        left = await board.join(call, wait=True)
    await say_goodbye(call, left)


@app.route("3001")
async def chair(call: Call) -> None:
    await call.answer()
    keyed = await call.gather("prompts/pin.wav", max=4, min=4, valid=CHAIR_PIN, retries=2, invalid="prompts/wrong.wav")
    if not isinstance(keyed, Digits):
        await say_goodbye(call, Left("refused"))
        return
    async with app.conference("board", pin=PIN) as board, AsyncExitStack() as keys:
        for digits, function in chairing(board).items():
            await keys.enter_async_context(call.binding_digits(digits, function))
        await board.join(call, moderator=True, end=True, ask=False)


@app.route("3002")
async def lounge(call: Call) -> None:
    async with app.conference("lounge", enter="prompts/joined.wav", leave="prompts/left.wav") as room:
        await room.join(call)


def muting(call: Call, board: Conference) -> Callable[[], Awaitable[None]]:
    """What *6 does: nobody hears the caller, or all do again."""

    async def toggle() -> None:
        member = next((each for each in (await board.members()).members if each.id == call.id), None)
        if member is not None and member.muted:
            await board.unmute(call)
            await call.play("prompts/unmuted.wav")
        elif member is not None:
            await board.mute(call)
            await call.play("prompts/muted.wav")

    return toggle


def chairing(board: Conference) -> dict[str, Callable[[], Awaitable[object]]]:
    """What the chair's keys do: *51 locks and *50 unlocks the room, *7 mutes all guests and *8 lets them speak."""
    return {"*51": board.lock, "*50": board.unlock, "*7": board.mute, "*8": board.unmute}


async def say_goodbye(call: Call, left: Left) -> None:
    await call.play(GOODBYES.get(left.reason, "prompts/closed.wav"))
