"""A campaign: call 7000, and everybody on the list is called. People talk with you, machines get a message.

One after another the users of `NUMBERS` are dialled. A person hears who calls and is connected with the agent; to a
machine the message is spoken after the beep; a fax, and who cannot be reached, is noted. At the end the agent hears how
many there were.
"""

import logging
from collections import Counter

from callflow import Answered, App, Call, Detected, Say, Tone

app = App("campaign")
log = logging.getLogger(__name__)

NUMBERS = ("desk", "mobile", "home")
MUSIC = Tone("392+494", seconds=1)  # for the agent, while whoever picked up is listened to


@app.route("7000")
async def campaign(agent: Call) -> None:
    """The agent waits in the line while the list is worked off."""
    await agent.answer()
    results: Counter[str] = Counter()
    for number in NUMBERS:
        dialled = await agent.dial(number, timeout=20, ringback="us")
        result = await reached(agent, dialled.leg) if isinstance(dialled, Answered) else "unreached"
        log.info("%s: %s", number, result)
        results[result] += 1
    await agent.play(
        Say(str(results["person"]), kind="number"), "prompts/people.wav",
        Say(str(results["machine"]), kind="number"), "prompts/machines.wav",
    )  # fmt: skip


async def reached(agent: Call, callee: Call) -> str:
    """Somebody picked up: a person is connected, all others are done with."""
    async with agent.playing(MUSIC, repeat=0):
        result = await listen(callee)
    if result == "person":
        await agent.bridge(callee, hangup_after=False)
    if not callee.is_over:
        await callee.hangup()
    return result


async def listen(callee: Call) -> str:
    """Who is it? A person hears who calls, a machine is given the message."""
    match await callee.detect("answerer", "cng", "ced"):
        case Detected("human" | "unknown"):
            await callee.play("prompts/hello.wav")
            return "person"
        case Detected("machine"):
            await callee.detect("beep", "silence", silence=2.0, timeout=40)
            await callee.play("prompts/message.wav")
            return "machine"
        case _:
            return "fax"
