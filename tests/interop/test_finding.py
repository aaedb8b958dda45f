"""Callees that only DNS knows: numbers by ENUM (RFC 6116), domains by NAPTR and SRV (RFC 3263), servers that fail."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.transport.nameserver import name_server
from tests.trio_tests import run_within

from . import needs
from .audio import ulaw_tone
from .engine import engine
from .places import CALLS
from .sipp import run_sipp, sipp
from .watch import watch

pytestmark = needs.program("sipp")


def zone(*ports: int) -> dict[tuple[str, str], list[str]]:
    """A number that is the shop's, whose servers are these, in their order; `quick` has all but the first."""
    servers = [f"{rank} 1 {port} host.shop.example." for rank, port in enumerate(ports)]
    return {
        ("3.2.1.0.3.9.4.e164.arpa", "NAPTR"): ['10 10 "u" "E2U+sip" "!^.*$!sip:shop@shop.example!" .'],
        ("shop.example", "NAPTR"): ['10 10 "s" "SIP+D2U" "" _sip._udp.shop.example.'],
        ("_sip._udp.shop.example", "SRV"): servers,
        ("_sip._udp.quick.example", "SRV"): servers[1:],
        ("host.shop.example", "A"): ["127.0.0.1"],
    }


@run_within(90)
async def test_a_number_and_a_domain_are_found_in_dns_servers_that_fail_passed_over_and_all_kept(tmp_path: Path):
    tone = tmp_path / "tone.ulaw"
    tone.write_bytes(ulaw_tone(700, 1))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        async with (
            sipp("refuse", tmp_path / "full", keys={"status": "503 Service Unavailable"}, calls=3) as full,
            sipp("answer", tmp_path / "shop", keys={"tone": tone}, calls=3) as shop,
            name_server(zone(silent.getsockname()[1], full.port, shop.port)) as names,
        ):
            sip = f'nameservers = ["127.0.0.1:{names.port}"]'
            async with engine(tmp_path / "engine", CALLS, sip=sip) as running, watch(running) as seen:
                await run_sipp("established", tmp_path / "number", running.udp, keys={"number": "3010"})
                await run_sipp("established", tmp_path / "domain", running.udp, keys={"number": "3011"})
                names.zone.clear()  # what it knows, it knows from before
                await run_sipp("established", tmp_path / "again", running.udp, keys={"number": "3011"})
                await full.wait()
                await shop.wait()
                await seen.wait("channel.ended", count=10)  # a caller and three servers, a caller and two, twice
    assert names.asked["3.2.1.0.3.9.4.e164.arpa", "NAPTR"] > 0
