"""A script that wants to know who calls before it takes the call."""

from __future__ import annotations

import pytest
import trio

from callflow import App, Call
from callflow.simulation.simulation import HOST
from engine.registrar.users import User
from engine.sip.digest import Credentials

app = App("security")
pytestmark = pytest.mark.callflow(app)
callers: list[str | None] = []


@app.route("1000")
async def known(call: Call) -> None:
    callers.append(call.security.user)
    if call.security.user is None:
        await call.reject(407)
    await call.answer()


@pytest.fixture(autouse=True)
def no_callers():
    callers.clear()


async def test_a_script_asks_an_anonymous_caller_who_he_is_and_has_him_call_again(simulation):
    """The phone calls under a name that is no user's, and answers the challenge with its credentials."""
    simulation.switch.users.add(User.of("alice", "secret"))
    phone, media = simulation.device("somebody", host="10.0.3.1", credentials=Credentials("alice", "secret"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(media.run)
        await nursery.start(phone.endpoint.run)
        line = await phone.call(f"sip:1000@{HOST}")
        assert await line.wait_answered()
        assert callers == [None, "alice"]
        await line.wait_ended()  # the script has returned
        await line.wait_closed()
        nursery.cancel_scope.cancel()


async def test_who_cannot_say_who_he_is_is_not_let_in(simulation):
    stranger = simulation.phone("stranger", registers=False)
    stranger.call("1000")
    assert (await stranger.ended()).status == 401  # he claims to be a user, and does not know the password
    assert callers == [None]
