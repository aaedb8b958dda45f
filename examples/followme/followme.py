"""Follow me: call 2000, and the desk phone rings, then the mobile. Whoever answers first has the call.

2001 has more of it: phones that ring together, each with a delay and a time of its own; 1 to accept; and voicemail.
"""

from callflow import Answered, App, Call, Digits, Say, Target
from callflow.library import Voicemail

app = App("followme")
voicemail = Voicemail(silence=3)


@app.route("2000")
async def follow_me(call: Call) -> None:
    result = await call.dial("desk", "mobile", timeout=15, ringback="us")
    if isinstance(result, Answered):
        await call.bridge(result.leg)
    else:
        await call.play("prompts/sorry.wav")


@app.route("2001")
async def follow_me_everywhere(call: Call) -> None:
    won = await call.dial(
        Target("desk", timeout=10),
        ["mobile", Target("home", delay=4, timeout=12)],
        timeout=20, ringback="us", confirm=accepts,
    )  # fmt: skip
    if isinstance(won, Answered):
        await call.bridge(won.leg)
    else:
        is_busy = any(branch.reason == "busy" for branch in won.branches)
        await voicemail(call, box="2001", kind="busy" if is_busy else "unavailable")


async def accepts(callee: Call) -> bool:
    """Whoever picks up keys 1: the voicemail of a mobile does not."""
    return await callee.gather(Say("call for you, press 1 to accept"), valid="1", timeout=6, retries=1) == Digits("1")
