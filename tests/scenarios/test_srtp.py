"""Encrypted media by policy: who is offered what, who is refused, who hears whom, and that no key is shown."""

from __future__ import annotations

import wave

import pytest

from callflow import Answered, App, Call
from callflow.protocol.events import ChannelCreated, ChannelSecured
from callflow.simulation.simulation import Simulation
from engine.config import Config, Sip, User
from engine.encryption import SrtpOfListeners
from engine.sdp.security import OFFERED

app = App("srtp")
seen: list[object] = []
STRONG = f"srtp {OFFERED[0]}"


@pytest.fixture(autouse=True)
def nothing_seen():
    seen.clear()


@app.route("200")
async def speaks(call: Call) -> None:
    seen.append(call.security.media)
    await call.play("prompt.wav")
    await call.record("said.wav", max=2)


@app.route("201")
async def dials(call: Call) -> None:
    result = await call.dial("bob", timeout=20)
    if isinstance(result, Answered):
        seen.append((call.security.media, result.leg.security.media))
        await call.bridge(result.leg)


def world(folder, policy="optional", **settings) -> Simulation:
    with wave.open(str(folder / "prompt.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 8000, "NONE", ""))
        file.writeframes(bytes(16000))
    config = Config(sip=Sip(srtp=SrtpOfListeners(everywhere=policy)), **settings)
    return Simulation(app, folder=folder, settings=config)


@pytest.mark.parametrize(
    ("policy", "phone", "media"),
    [
        ("off", "off", "none"),
        ("off", "optional", "none"),
        ("off", "required", None),
        ("optional", "off", "none"),
        ("optional", "optional", STRONG),
        ("optional", "required", STRONG),
        ("required", "off", None),
        ("required", "optional", STRONG),
        ("required", "required", STRONG),
    ],
)
def test_what_a_phone_and_its_listener_come_to(tmp_path, policy, phone, media):
    simulation = world(tmp_path, policy)

    async def test() -> None:
        alice = simulation.phone("alice", srtp=phone)
        await alice.registered()
        alice.call("200")
        if media is None:
            ended = await alice.ended()
            assert (ended.was_answered, ended.status) == (False, 488)
            return
        await alice.hears("prompt.wav")
        assert seen == [media]
        assert alice.session is not None
        assert alice.session.statistics().packets_forged == 0
        await alice.ended()

    simulation.run(test)


@pytest.mark.parametrize(("listeners", "user", "media"), [("off", "required", STRONG), ("required", "off", "none")])
def test_what_is_said_of_a_user_counts_more_than_the_listener_both_ways(tmp_path, listeners, user, media):
    users = tuple(User(name=name, password="x", srtp=user) for name in ("alice", "bob"))
    simulation = world(tmp_path, listeners, users=users)

    async def test() -> None:
        alice, bob = (simulation.phone(name, srtp="optional") for name in ("alice", "bob"))
        await alice.registered()
        await bob.registered()
        alice.call("201")
        await bob.rings()
        bob.answer()
        await alice.connected_to(bob)
        assert seen == [(media, media)]
        alice.hang_up()
        await bob.ended()

    simulation.run(test)


def test_a_phone_that_encrypts_and_one_that_does_not_hear_each_other(tmp_path):
    simulation = world(tmp_path)

    async def test() -> None:
        alice, bob = simulation.phone("alice", srtp="required"), simulation.phone("bob")
        await alice.registered()
        await bob.registered()
        alice.call("201")
        await bob.rings()
        bob.answer()
        await alice.connected_to(bob)
        await bob.connected_to(alice)
        assert seen == [(STRONG, "none")]
        alice.hold()
        await simulation.wait(1)
        assert not alice.listens_to(bob)
        alice.resume()
        await simulation.wait(1)
        await alice.connected_to(bob)
        alice.hang_up()
        await bob.ended()
        assert not simulation.happened(ChannelSecured)

    simulation.run(test)


def test_no_key_is_shown_in_a_trace(tmp_path):
    simulation = world(tmp_path)

    async def test() -> None:
        alice = simulation.phone("alice", srtp="required")
        await alice.registered()
        alice.call("200")
        await alice.answered()
        created = simulation.happened(ChannelCreated)[0]
        found, _ = simulation.switch.wire.find([created.sip_call_id], after=0, count=1000, max_octets=1 << 20)
        bodies = [line for each in found for line in each.data.splitlines() if line.startswith(b"a=crypto")]
        assert len(bodies) == 2 * len(OFFERED) + 1  # the INVITE, again with credentials, and its answer
        assert all(set(line.split(b"inline:")[1]) == set(b"x") for line in bodies)
        assert all(
            int(each.data.split(b"Content-Length: ")[1].split(b"\r")[0]) == len(body_of(each.data)) for each in found
        )
        alice.hang_up()
        await alice.ended()

    simulation.run(test)


def body_of(data: bytes) -> bytes:
    return data.partition(b"\r\n\r\n")[2]
