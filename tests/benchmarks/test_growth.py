"""A call costs the same however much there is beside it: its instructions are counted, in a simulation of all of it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
import trio

from benchmarks.instructions import counted
from benchmarks.paths import FLOW, SDP, app, message
from callflow.protocol.connection import Spelling
from callflow.protocol.events import ChannelAnswered
from callflow.testing import Simulation
from engine.abuse import Abuse
from engine.config import Config, User
from engine.eventsocket.log import EventLog
from engine.eventsocket.reader import Reader
from engine.refusals import Refusals
from engine.route import Route
from engine.sip.dialog import Headers
from engine.sip.events import Flow, InviteReceived
from engine.sip.messages import Request
from engine.sip.stack import SipStack
from engine.trunks.spec import TargetSpec, TrunkSpec

MORE = 1.10  # of the instructions, at most
CALLS = 5
SETTLING = 40.0  # seconds, of the virtual clock, until what began with the standing calls is over: 64*T1 and more


def settings(*, routes: int = 0, users: int = 0, trunks: int = 0) -> Config:
    """So many of each, of which the calls that are counted want one route, one user and no trunk."""
    return Config(
        abuse=Abuse(requests=0, failures=0),
        routes=(*_routes(routes), Route(to="1000", app="checked")),
        users=tuple(User(name=f"user{number}", password="secret") for number in range(users)),
        trunks=tuple(_trunk(number) for number in range(trunks)),
    )


def _routes(many: int) -> list[Route]:
    """Half of them plain numbers, half of them regular expressions."""
    return [Route(to=f"2{n:05}" if n % 2 else rf"3{n:05}\d+", app="checked") for n in range(many)]


def _trunk(number: int) -> TrunkSpec:
    address = f"100.{64 + number // 65536}.{number // 256 % 256}.{number % 256}"
    return TrunkSpec(
        name=f"trunk{number}",
        targets=(TargetSpec(host=address),),
        health=0.0,
        allow=(ipaddress.ip_network(address),),
    )


def cost_of_a_call(folder: Path, config: Config, *, standing: int = 0) -> float:
    """Instructions from its INVITE to its last event: two ends of SIP, a channel, the event socket, a script."""
    simulation = Simulation(app, folder=folder, settings=config)
    phones = count()
    instructions = 0

    async def call() -> Callable[[], None]:
        number = next(phones)
        phone = simulation.phone(f"caller{number}", host=f"10.1.{number // 200}.{number % 200 + 1}")
        phone.call("1000")
        await phone.answered()
        return phone.hang_up

    async def play() -> None:
        nonlocal instructions
        for _ in range(standing):
            await call()
        (await call())()
        await trio.sleep(SETTLING)
        with counted() as so_many:
            for _ in range(CALLS):
                (await call())()
            await trio.sleep(1.0)
        instructions = so_many.instructions

    simulation.run(play)
    return instructions / CALLS


@pytest.mark.parametrize(
    ("few", "many"),
    [
        (settings(routes=10), settings(routes=10_000)),
        (settings(users=10), settings(users=10_000)),
        (settings(trunks=10), settings(trunks=10_000)),
    ],
    ids=["routes", "users", "trunks"],
)
def test_a_call_costs_the_same_among_ten_thousand_as_among_ten(tmp_path: Path, few: Config, many: Config):
    assert cost_of_a_call(tmp_path, many) < MORE * cost_of_a_call(tmp_path, few)


def test_a_call_costs_the_same_beside_a_thousand_others_as_beside_ten(tmp_path: Path):
    few, many = (cost_of_a_call(tmp_path, settings(), standing=standing) for standing in (10, 1000))
    assert many < MORE * few


def test_sip_costs_the_same_beside_ten_thousand_calls_as_beside_ten():
    few, many = (_cost_in_the_stack(standing) for standing in (10, 10_000))
    assert many < MORE * few


def test_an_event_costs_each_of_a_thousand_subscribers_no_more_than_each_of_ten():
    few, many = (_cost_of_a_delivery(readers) for readers in (10, 1000))
    assert many < MORE * few


def test_a_refused_call_costs_a_small_part_of_one_that_is_answered(tmp_path: Path):
    assert _cost_of_a_refusal() < 0.02 * cost_of_a_call(tmp_path, settings())


def _cost_in_the_stack(standing: int) -> float:
    tokens = count(1 << 60)
    stack = SipStack(new_token=lambda: f"{next(tokens):x}")

    def call(number: int) -> None:
        stack.receive_datagram(message("INVITE", number, 1, body=SDP), FLOW, now=0.0)
        received = stack.next_event()
        assert isinstance(received, InviteReceived)
        stack.answer(received.invite, body=SDP, now=0.0)
        stack.datagrams_to_send()

    for number in range(standing):
        call(number)
    with counted() as so_many:
        for number in range(CALLS):
            call(standing + number)
    return so_many.instructions / CALLS


def _cost_of_a_delivery(readers: int) -> float:
    log = EventLog("e1", lambda: 0.0)
    all_of_them = [Reader(log, owners=frozenset(), may_read=True, wake=lambda: None) for _ in range(readers)]
    for reader in all_of_them:
        reader.subscriptions.add(["*"])
        reader.listen()
    with counted() as so_many:
        log.emit(ChannelAnswered(codec="PCMU"), channel="c1", call_seq=1, owner="s1")
        for reader in all_of_them:
            assert [entry.spelled(Spelling.MSGPACK) for entry in reader.take()[0]]
    return so_many.instructions / readers


def _cost_of_a_refusal() -> float:
    """Its INVITE and its ACK, with what remembers it."""
    refusals, later = Refusals(), (("Retry-After", "3"),)

    def refuse(request: Request, flow: Flow) -> Headers:
        if refusals.find(request) is None:
            refusals.keep(request, later)
        return later

    stack = SipStack(new_token=lambda: f"{1 << 60:x}", gate=refuse)
    with counted() as so_many:
        for number in range(CALLS):
            stack.receive_datagram(message("INVITE", number, 1, body=SDP), FLOW, now=0.0)
            assert stack.datagrams_to_send()
            stack.receive_datagram(message("ACK", number, 1, to=b"To: <sip:1000@192.0.2.2>;tag=x"), FLOW, now=0.0)
    return so_many.instructions / CALLS
