"""Who guesses passwords is banned, by a running engine and over real sockets; whoever has a call keeps it."""

from __future__ import annotations

from pathlib import Path

import trio

from engine.sip.messages import Response
from tests.trio_tests import run_trio

from .engine import engine
from .places import CALLS
from .process import until
from .watch import watch
from .wire import OFFER, Peer, message, peer

ABUSE = """\
[abuse]
exempt = []
failures = 5
"""
WRONG = (
    'Authorization: Digest username="{user}", realm="callflow", nonce="n", uri="sip:127.0.0.1", '
    'response="00000000000000000000000000000000", algorithm=MD5'
)


async def guess(by: Peer, user: str) -> Response:
    return await by.ask(message("REGISTER", user=user, headers=(WRONG.format(user=user),)))


def without_chance(response: Response) -> list[str]:
    """What was answered, but for what differs from answer to answer."""
    told = response.raw.decode().split("\r\n")
    return [line.partition("nonce=")[0] for line in told if not line.startswith(("Via", "Call-ID", "To", "From"))]


@run_trio
async def test_a_guesser_is_banned_keeps_his_call_and_is_alone_with_it(tmp_path: Path):
    async with (
        engine(tmp_path / "engine", CALLS, tables=ABUSE) as running,
        watch(running) as seen,
        peer("127.0.0.2", running.udp) as guesser,
        peer("127.0.0.3", running.udp) as other,
    ):
        invite = message("INVITE", call_id="kept", body=OFFER)
        ok = await guesser.ask(invite)
        assert ok.status == 200
        tag = ok.to.tag or ""
        await guesser.send(message("ACK", call_id="kept", to_tag=tag))
        await seen.wait("channel.answered")

        assert [(await guess(guesser, "alice")).status for _ in range(5)] == [401] * 5
        await guesser.send(message("REGISTER", user="alice", headers=(WRONG.format(user="alice"),)))
        await until(lambda: "banned" in running.log)

        assert (await other.ask(message("OPTIONS"))).status == 200
        # In this order by one socket: had the first been answered, that answer would be here first.
        await guesser.send(message("OPTIONS", call_id="unheard"))
        await guesser.send(message("OPTIONS", call_id="kept", to_tag=tag, cseq=2))
        answered = []
        while "kept" not in answered:
            received = await guesser.receive()
            assert isinstance(received, Response)
            answered += [received.call_id] if received.cseq_method == "OPTIONS" else []
        assert answered == ["kept"]
        assert (await guesser.ask(message("BYE", call_id="kept", to_tag=tag, cseq=3))).status == 200
        await seen.wait("channel.ended")

        with trio.socket.socket() as stream:
            await stream.bind(("127.0.0.2", 0))
            await stream.connect(running.tcp)
            await stream.send(message("OPTIONS", transport="TCP"))
            assert await stream.recv(100) == b""
        assert (await seen.client.status()).counters["bans"] == 1
        assert running.log.count("banned") == 1


@run_trio
async def test_unknown_users_and_wrong_passwords_get_the_same_octets(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running, peer("127.0.0.1", running.udp) as guesser:
        known, unknown = await guess(guesser, "alice"), await guess(guesser, "nobody")
        assert known.status == 401
        assert without_chance(known) == without_chance(unknown)


@run_trio
async def test_requests_beyond_the_rate_get_503_and_those_of_calls_do_not(tmp_path: Path):
    limits = "[abuse]\nexempt = []\nrequests = 1\nfailures = 0\n"
    async with (
        engine(tmp_path / "engine", CALLS, tables=limits) as running,
        peer("127.0.0.2", running.udp) as caller,
    ):
        ok = await caller.ask(message("INVITE", call_id="kept", body=OFFER))
        tag = ok.to.tag or ""
        await caller.send(message("ACK", call_id="kept", to_tag=tag))
        refused = await caller.ask(message("OPTIONS"))
        while refused.status == 200:  # what the rate allows, which on a slow machine is more
            refused = await caller.ask(message("OPTIONS"))
        assert refused.status == 503
        assert 2 <= int(refused.header("Retry-After") or 0) <= 10
        for cseq in range(2, 12):
            assert (await caller.ask(message("OPTIONS", call_id="kept", to_tag=tag, cseq=cseq))).status == 200
        assert (await caller.ask(message("BYE", call_id="kept", to_tag=tag, cseq=12))).status == 200
