"""Whole calls over real sockets, and what is left of them: nothing."""

from __future__ import annotations

import errno
import os
import socket

import pytest
import trio
import trio.testing

from engine.sip.events import (
    AckReceived,
    Flow,
    InviteAnswered,
    InviteEnded,
    InviteFailed,
    InviteProgressed,
    InviteReceived,
    ReinviteAnswered,
    ReinviteFailed,
    ReinviteReceived,
    RequestReceived,
    ResponseReceived,
)
from engine.sip.messages import Address, Uri
from engine.sip.stack import SipStack
from engine.transport.endpoint import Endpoint
from engine.transport.errors import Unreachable
from tests.transport.agents import ANSWER, OFFER, Agent, answer_everything, running
from tests.trio_tests import run_trio

TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])


def open_files() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


@TRANSPORTS
@run_trio
async def test_a_call_is_made_answered_and_ended(transport):
    alice, bob = Agent("alice"), Agent("bob", react=answer_everything)
    async with running(alice, bob):
        await alice.endpoint.listen(transport, "127.0.0.1", 0)
        host, port = await bob.endpoint.listen(transport, "127.0.0.1", 0)
        invite = await alice.call(host, port, transport=transport)
        answered = await alice.wait_for(InviteAnswered)
        await bob.wait_for(AckReceived)
        assert answered.invite is invite
        alice.endpoint.hang_up(invite)
        assert (await bob.wait_for(InviteEnded)).by == "peer"


@TRANSPORTS
@run_trio
async def test_a_call_over_ipv6(transport):
    alice, bob = Agent("alice"), Agent("bob", react=answer_everything)
    async with running(alice, bob):
        await alice.endpoint.listen(transport, "::1", 0)
        _, port = await bob.endpoint.listen(transport, "::1", 0)
        invite = await alice.call("[::1]", port, transport=transport)
        received = await bob.wait_for(InviteReceived)
        assert received.flow.remote[0] == "::1"
        assert (received.request.via.host.strip("[]"), received.request.via.wants_rport) == ("::1", True)
        await bob.wait_for(AckReceived)
        alice.endpoint.hang_up(invite)
        assert (await bob.wait_for(InviteEnded)).by == "peer"


@TRANSPORTS
@run_trio
async def test_the_callee_can_hang_up(transport):
    alice, bob = Agent("alice"), Agent("bob", react=answer_everything)
    async with running(alice, bob):
        await alice.endpoint.listen(transport, "127.0.0.1", 0)
        host, port = await bob.endpoint.listen(transport, "127.0.0.1", 0)
        await alice.call(host, port, transport=transport)
        ack = await bob.wait_for(AckReceived)
        bob.endpoint.hang_up(ack.invite)
        assert (await alice.wait_for(InviteEnded)).by == "peer"


@run_trio
async def test_a_listener_on_all_addresses_names_the_one_that_the_peer_sees():
    alice, bob = Agent("alice"), Agent("bob", react=answer_everything)
    async with running(alice, bob):
        await alice.endpoint.listen("udp", "0.0.0.0", 0)
        host, port = await bob.endpoint.listen("udp", "0.0.0.0", 0)
        assert host == "0.0.0.0"
        await alice.call("127.0.0.1", port)
        received = await bob.wait_for(InviteReceived)
        assert received.flow.local == ("127.0.0.1", port)
        assert received.request.contacts[0].uri.host == "127.0.0.1"
        await bob.wait_for(AckReceived)


@run_trio
async def test_tcp_needs_no_listener_to_call():
    alice, bob = Agent("alice"), Agent("bob", react=answer_everything)
    async with running(alice, bob):
        host, port = await bob.endpoint.listen("tcp", "127.0.0.1", 0)
        invite = await alice.call(host, port, transport="tcp")
        await bob.wait_for(AckReceived)
        alice.endpoint.hang_up(invite)
        await bob.wait_for(InviteEnded)


@run_trio
async def test_a_tcp_connection_is_used_again():
    alice, bob = Agent("alice"), Agent("bob", react=answer_everything)
    async with running(alice, bob):
        host, port = await bob.endpoint.listen("tcp", "127.0.0.1", 0)
        uri = Uri.parse(f"sip:{host}:{port};transport=tcp")
        assert await alice.endpoint.resolve(uri) == await alice.endpoint.resolve(uri)


@run_trio
async def test_calls_at_the_same_time_share_one_new_connection():
    alice, bob = Agent("alice"), Agent("bob", react=answer_everything)
    flows: list[Flow] = []
    async with running(alice, bob):
        host, port = await bob.endpoint.listen("tcp", "127.0.0.1", 0)
        uri = Uri.parse(f"sip:{host}:{port};transport=tcp")

        async def resolve() -> None:
            flows.append(await alice.endpoint.resolve(uri))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(resolve)
            nursery.start_soon(resolve)
    assert flows[0] == flows[1]


@run_trio
async def test_a_call_ends_with_its_connection():
    alice, bob = Agent("alice"), Agent("bob", react=answer_everything)
    async with running(bob):
        host, port = await bob.endpoint.listen("tcp", "127.0.0.1", 0)
        async with running(alice):
            await alice.call(host, port, transport="tcp")
            await bob.wait_for(AckReceived)
        assert (await bob.wait_for(InviteEnded)).by == "transport"
        assert bob.stack.counts.invites == 0


@run_trio
async def test_nobody_listening_is_unreachable_by_tcp():
    alice = Agent("alice")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with running(alice):
        with pytest.raises(Unreachable, match=f"tcp:127.0.0.1:{port}"):
            await alice.call("127.0.0.1", port, transport="tcp")


@run_trio
async def test_a_uri_that_is_not_ours_to_call_is_unreachable():
    alice = Agent("alice")
    async with running(alice):
        for uri in ("sips:bob@127.0.0.1", "sip:bob@127.0.0.1;transport=sctp", "sip:bob@127.0.0.1"):
            with pytest.raises(Unreachable):
                await alice.endpoint.resolve(Uri.parse(uri))


@run_trio
async def test_a_name_is_tried_address_by_address():
    async def resolve_host(host: str) -> list[str]:
        return ["::1", "127.0.0.1"]

    endpoint = Endpoint(SipStack(new_token=lambda: "0" * 16), on_event=lambda _: None, resolve_host=resolve_host)
    async with trio.open_nursery() as nursery:
        await nursery.start(endpoint.run)
        with socket.create_server(("127.0.0.1", 0)) as server:
            flow = await endpoint.resolve(Uri.parse(f"sip:pbx.example:{server.getsockname()[1]};transport=tcp"))
            assert flow.remote[0] == "127.0.0.1"
        nursery.cancel_scope.cancel()


@TRANSPORTS
@run_trio
async def test_a_port_in_use_is_named_with_what_to_do(transport):
    one, two = Agent("one"), Agent("two")
    async with running(one, two):
        host, port = await one.endpoint.listen(transport, "127.0.0.1", 0)
        with pytest.raises(OSError, match=f"{transport}:127.0.0.1:{port}: the port is in use") as caught:
            await two.endpoint.listen(transport, host, port)
        assert caught.value.errno == errno.EADDRINUSE


@run_trio
async def test_an_address_of_another_machine_is_named():
    agent = Agent("agent")
    with pytest.raises(OSError, match="no such address"):
        await agent.endpoint.listen("udp", "192.0.2.1", 0)


@run_trio
async def test_listeners_are_those_a_peer_can_reach():
    agent = Agent("agent")
    async with running(agent):
        host, port = await agent.endpoint.listen("udp", "127.0.0.1", 0)
        with socket.create_server(("127.0.0.1", 0)) as server:
            await agent.endpoint.resolve(Uri.parse(f"sip:127.0.0.1:{server.getsockname()[1]};transport=tcp"))
        assert agent.endpoint.listeners == [("udp", host, port)]


@run_trio
async def test_a_datagram_that_cannot_be_sent_fails_the_call_at_once():
    alice = Agent("alice")
    async with running(alice):
        await alice.endpoint.listen("udp", "127.0.0.1", 0)
        uri = Uri.parse("sip:bob@127.0.0.1:5060")
        too_long = (("X-Long", "x" * 66_000),)
        flow = await alice.endpoint.resolve(uri)
        alice.endpoint.invite(uri, flow=flow, from_=Address.parse("<sip:a@b.example>"), body=OFFER, headers=too_long)
        assert (await alice.wait_for(InviteFailed)).status == 503


@TRANSPORTS
@run_trio
async def test_nothing_is_left_open(transport):
    async def make_a_call() -> None:
        alice, bob = Agent("alice"), Agent("bob", react=answer_everything)
        async with running(alice, bob):
            await alice.endpoint.listen(transport, "127.0.0.1", 0)
            host, port = await bob.endpoint.listen(transport, "127.0.0.1", 0)
            invite = await alice.call(host, port, transport=transport)
            await bob.wait_for(AckReceived)
            alice.endpoint.hang_up(invite)
            await bob.wait_for(InviteEnded)

    await make_a_call()  # what the first one opens for good, if anything, is not of the calls
    files, tasks = open_files(), trio.lowlevel.current_statistics().tasks_living
    await make_a_call()
    assert open_files() == files
    assert trio.lowlevel.current_statistics().tasks_living == tasks


@run_trio
async def test_every_verb_takes_effect_at_once():
    alice, bob = Agent("alice"), Agent("bob")
    async with running(alice, bob):
        await alice.endpoint.listen("udp", "127.0.0.1", 0)
        host, port = await bob.endpoint.listen("udp", "127.0.0.1", 0)
        ours = await alice.call(host, port)
        theirs = (await bob.wait_for(InviteReceived)).invite
        bob.endpoint.ring(theirs, headers=[("X-Tone", "low")])
        assert (await alice.wait_for(InviteProgressed)).response.header("X-Tone") == "low"
        bob.endpoint.answer(theirs, body=ANSWER)
        await alice.wait_for(InviteAnswered)
        await bob.wait_for(AckReceived)
        assert alice.endpoint.reinvite(ours, body=OFFER)
        await bob.wait_for(ReinviteReceived)
        bob.endpoint.answer(theirs, body=ANSWER)
        await alice.wait_for(ReinviteAnswered)
        await bob.wait_for(AckReceived)
        assert bob.endpoint.reinvite(theirs, body=OFFER)
        await alice.wait_for(ReinviteReceived)
        alice.endpoint.reject(ours, 488)
        assert (await bob.wait_for(ReinviteFailed)).status == 488


@run_trio
async def test_a_request_is_sent_and_responded_to():
    alice, bob = Agent("alice"), Agent("bob")
    async with running(alice, bob):
        await alice.endpoint.listen("udp", "127.0.0.1", 0)
        host, port = await bob.endpoint.listen("udp", "127.0.0.1", 0)
        uri, who = Uri.parse(f"sip:{host}:{port}"), Address.parse("<sip:alice@pbx.example>")
        flow = await alice.endpoint.resolve(uri)
        request = alice.endpoint.request("REGISTER", uri, flow=flow, from_=who, to=who)
        received = await bob.wait_for(RequestReceived)
        bob.endpoint.respond(received.transaction, 200, headers=[("Expires", "60")])
        response = await alice.wait_for(ResponseReceived)
        assert response.transaction is request
        assert response.response is not None
        assert response.response.header("Expires") == "60"


@run_trio
async def test_of_several_listeners_the_one_on_the_way_is_taken():
    agent = Agent("agent")
    async with running(agent):
        await agent.endpoint.listen("udp", "127.0.0.2", 0)
        host, port = await agent.endpoint.listen("udp", "127.0.0.1", 0)
        assert (await agent.endpoint.resolve(Uri.parse("sip:127.0.0.1:9"))).local == (host, port)
        # 192.0.2.0/24 is nobody's: whatever the way there, it is none of loopback, and the first has to do.
        assert (await agent.endpoint.resolve(Uri.parse("sip:192.0.2.1:9"))).local[0] == "127.0.0.2"


@TRANSPORTS
@run_trio
async def test_a_flow_that_is_no_more_fails_what_is_sent_by_it(transport):
    agent = Agent("agent")
    async with running(agent):
        flow = Flow(transport, ("127.0.0.1", 1), ("127.0.0.1", 2), 7)
        agent.endpoint.invite(
            Uri.parse("sip:bob@127.0.0.1:2"), flow=flow, from_=Address.parse("<sip:a@b.example>"), body=OFFER
        )
        assert (await agent.wait_for(InviteFailed)).status == 503


@run_trio
async def test_an_unknown_transport_is_no_listener():
    with pytest.raises(ValueError, match="expected udp, tcp, tls, ws or wss"):
        await Agent("agent").endpoint.listen("sctp", "127.0.0.1", 0)
