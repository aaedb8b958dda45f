"""Whether a target answers: OPTIONS at intervals (RFC 3261 §11). Without them it is looked up, to know its calls."""

from __future__ import annotations

import trio

from engine.sip.messages import Address, Uri
from engine.transport.errors import Unreachable

from .asking import Asker
from .trunk import Target, Trunk

ANSWER_WITHIN = 5.0  # seconds; meanwhile the request is sent four times over UDP
LOOK_UP_EVERY = 300.0  # seconds


async def watch(trunk: Trunk, target: Target, asker: Asker) -> None:
    """Tell the trunk how its target is, until cancelled."""
    while True:
        await _look(trunk, target, asker)
        await trio.sleep(trunk.spec.health or LOOK_UP_EVERY)


async def _look(trunk: Trunk, target: Target, asker: Asker) -> None:
    uri = target.spec.uri()
    try:
        flow = await asker.sip.resolve(uri)
    except Unreachable as error:
        trunk.note_silence(target, str(error)[:200])
        return
    trunk.note_way(target, flow)
    if not trunk.spec.health:
        return
    ours = Address(Uri(user=trunk.spec.account, host=trunk.spec.from_domain or flow.local[0]))
    answer = await asker.ask("OPTIONS", uri, flow=flow, address=ours, to=Address(uri), within=ANSWER_WITHIN)
    if answer.is_useless:
        trunk.note_silence(target, str(answer))
    else:  # whatever it is: somebody is there, 401 and 404 included
        trunk.note_answer(target, str(answer))
