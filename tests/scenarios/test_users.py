"""Users who come and go while the engine runs, and what is said of them on their calls."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callflow import Answered, App, Call
from callflow.protocol.events import RegistrationRemoved, UserRemoved
from callflow.testing import Simulation
from engine.config import Config, User
from engine.registrar.users import User as KnownUser

app = App("desk")
seen: list[object] = []


@app.route("1")
async def answers(call: Call) -> None:
    seen.append((call.caller.number, call.caller.name, call.user, await call.get()))
    await call.answer()
    await call.wait_hangup()


@app.route("2")
async def rings_all(call: Call) -> None:
    outcome = await call.dial("group:sales")
    seen.append(outcome)


@pytest.fixture
def simulation(tmp_path):
    seen.clear()
    alice = User(name="alice", password="x", groups=("sales",), caller_id="Sales <3000>", variables={"tier": "gold"})
    return Simulation(app, folder=tmp_path, settings=Config(users=(alice,)))


def test_a_user_s_calls_have_the_caller_id_and_the_variables_that_are_his(simulation):
    async def main():
        alice = simulation.phone("alice")
        alice.call("1")
        await alice.answered()
        assert seen == [("3000", "Sales", "alice", {"tier": "gold"})]

    simulation.run(main)


def test_what_changes_while_the_engine_runs_counts_from_the_next_call_on(simulation):
    async def main():
        bob = simulation.phone("bob")
        await bob.registered()
        users, directory = simulation.switch.users, simulation.switch.directory
        directory.change(replace(users.get("bob"), caller_id="4711", variables={"a": "b"}))
        bob.call("1")
        await bob.answered()
        assert seen == [("4711", "", "bob", {"a": "b"})]

    simulation.run(main)


def test_all_phones_of_a_group_ring_and_the_first_that_answers_has_the_call(simulation):
    async def main():
        alice, bob, carol = (simulation.phone(name) for name in ("alice", "bob", "carol"))
        users, directory = simulation.switch.users, simulation.switch.directory
        for phone in (alice, bob, carol):
            await phone.registered()
        directory.change(replace(users.get("bob"), groups=("sales",)))
        carol.call("2")
        await alice.rings()
        await bob.rings()
        bob.answer()
        await bob.answered()
        await alice.ended()
        await carol.ended()
        assert [outcome.target for outcome in seen if isinstance(outcome, Answered)] == ["group:sales"]

    simulation.run(main)


def test_the_phones_of_a_user_who_is_removed_are_no_longer_registered(simulation):
    async def main():
        bob = simulation.phone("bob")
        await bob.registered()
        told: list[str] = []
        for kind in (RegistrationRemoved, UserRemoved):
            simulation.switch.log.watch(kind, lambda event, entry: told.append(event.name))
        simulation.switch.directory.remove("bob")
        assert simulation.switch.locations.contacts("bob") == []
        assert told == ["registration.removed", "user.removed"]

    simulation.run(main)


def test_who_is_added_can_register_at_once(simulation):
    async def main():
        simulation.switch.directory.add(KnownUser.of("dave", "x"))
        dave = simulation.phone("dave")
        await dave.registered()

    simulation.run(main)
