"""Sessions behind routers: a relay by coturn, a TURN server not written by us (RFC 8656)."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import trio

from engine.media.engine import NativeMediaEngine
from engine.media.session import CandidateFound, CandidatesComplete, MediaSecured, PeerReached, ToneSource
from engine.sdp.association import IceCredentials, Presence
from engine.sdp.negotiation import Negotiation
from tests.ports import free_ports
from tests.trio_tests import run_within

from .harness import Floor, Leg, stream_to

pytestmark = pytest.mark.skipif(
    shutil.which("turnserver") is None, reason="coturn is not installed: apt-get install coturn"
)
OPTIONS = (
    "-n", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--lt-cred-mech", "--user=alice:secret",
    "--realm=example.org", "--allow-loopback-peers", "--no-cli", "--no-tls", "--no-dtls", "--no-tcp",
    "--log-file=stdout",
)  # fmt: skip


@asynccontextmanager
async def coturn(folder: Path) -> AsyncIterator[tuple[str, int]]:
    """A TURN server that relays for alice."""
    port, last = free_ports(40)
    command = [
        "turnserver", *OPTIONS, f"--listening-port={port}", f"--min-port={port + 4}", f"--max-port={last}",
        f"--pidfile={folder / 'pid'}", f"--userdb={folder / 'db'}",
    ]  # fmt: skip
    process = await trio.lowlevel.open_process(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        await _wait_ready(("127.0.0.1", port))
        yield "127.0.0.1", port
    finally:
        with trio.CancelScope(shield=True):
            process.kill()
            await process.wait()


async def _wait_ready(server: tuple[str, int]) -> None:
    """Ask for our own address until that is answered."""
    request = bytes.fromhex("000100002112a442") + b"transaction1"
    with trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM) as sock:
        while True:
            with trio.move_on_after(0.2), suppress(ConnectionRefusedError):
                await sock.sendto(request, server)
                await sock.recv(1500)
                return


@asynccontextmanager
async def relayed(folder: Path, turn: tuple[str, int], password: str = "secret") -> AsyncIterator[Floor]:
    engine = NativeMediaEngine("127.0.0.1", (20000, 29999), turn=(turn, "alice", password))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(engine.run)
        yield Floor("native", engine, folder)
        nursery.cancel_scope.cancel()


def negotiation(floor: Floor, leg: Leg, name: str) -> Negotiation:
    presence = Presence(floor.engine.fingerprint, lambda: IceCredentials(name, name * 8), gathers=True)
    return Negotiation(local=leg.session.local, session_id=1, presence=presence, offers_association=True)


async def gather(leg: Leg, side: Negotiation) -> str:
    """Wait for all candidates, and give them to the description. The relayed one."""
    await leg.wait(CandidatesComplete)
    found = [event.candidate for event in leg.all(CandidateFound)]
    for candidate in found:
        side.add_candidate(candidate)
    side.end_candidates()
    [relay] = [candidate for candidate in found if " typ relay " in candidate]
    return relay


def without_host(description: bytes) -> bytes:
    return b"".join(line for line in description.splitlines(keepends=True) if b" typ host" not in line)


@run_within(60)
async def test_two_who_know_but_each_others_relay_hear_each_other(tmp_path: Path):
    async with coturn(tmp_path) as turn, relayed(tmp_path, turn) as floor:
        one, other = floor.open(), floor.open()
        offerer, answerer = negotiation(floor, one, "abcd"), negotiation(floor, other, "efgh")
        offerer.create_offer()
        assert offerer.offered_association is not None
        one.session.associate(offerer.offered_association)
        relays = [await gather(one, offerer)]
        answerer.receive_offer(without_host(offerer.create_offer()))
        assert answerer.offered_association is not None
        other.session.associate(answerer.offered_association)
        relays.append(await gather(other, answerer))
        offerer.receive_answer(without_host(answerer.create_answer()))
        for leg, peer, side in ((one, other, offerer), (other, one, answerer)):
            assert side.agreed is not None
            assert side.agreed.association is not None
            leg.session.associate(side.agreed.association)
            leg.session.update(stream_to(peer, is_muxed=True))
        for leg in (one, other):
            await leg.wait(MediaSecured)
        reached = {(await leg.wait(PeerReached)).remote for leg in (one, other)}
        assert reached & {(relay.split()[4], int(relay.split()[5])) for relay in relays}
        for leg in (one, other):
            leg.session.play("p", [ToneSource((1000.0,))])
        for leg in (one, other):
            await floor.until(lambda leg=leg: leg.session.statistics().packets_received > 20)


@run_within(60)
async def test_with_a_wrong_password_there_is_no_relay_and_no_end_to_it(tmp_path: Path):
    async with coturn(tmp_path) as turn, relayed(tmp_path, turn, "wrong") as floor:
        leg = floor.open()
        side = negotiation(floor, leg, "abcd")
        side.create_offer()
        assert side.offered_association is not None
        leg.session.associate(side.offered_association)
        await leg.wait(CandidatesComplete)
        assert not leg.all(CandidateFound)
