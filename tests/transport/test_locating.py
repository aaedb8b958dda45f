"""From a URI to servers (RFC 3263), by a real name server and by none."""

from __future__ import annotations

import pytest

from engine.sip.messages import Uri
from engine.transport.errors import Unreachable
from engine.transport.locating import Hop, locate
from engine.transport.names import DnsNames, HostNames
from tests.trio_tests import run_trio

from .nameserver import NameServer, name_server

ZONE = {
    ("example.net", "NAPTR"): [
        '20 10 "s" "SIP+D2U" "" _sip._udp.example.net.',
        '10 10 "s" "SIP+D2T" "" _sip._tcp.example.net.',
        '5 10 "u" "E2U+sip" "!^.*$!sip:a@b!" .',
    ],
    ("_sip._udp.example.net", "SRV"): ["10 1 5080 b.example.net.", "5 1 5070 a.example.net."],
    ("_sip._tcp.example.net", "SRV"): ["0 0 5090 a.example.net."],
    ("_sips._tcp.example.net", "SRV"): ["0 0 5061 a.example.net."],
    ("a.example.net", "A"): ["192.0.2.1"],
    ("a.example.net", "AAAA"): ["2001:db8::1"],
    ("b.example.net", "A"): ["192.0.2.2"],
    ("only.example.org", "A"): ["192.0.2.3"],
    ("_sip._udp.weighed.example.org", "SRV"): ["1 90 5060 a.example.net.", "1 10 5060 b.example.net."],
    ("_sip._udp.gone.example.org", "SRV"): ["0 0 0 ."],
    ("gone.example.org", "A"): ["192.0.2.9"],
    ("half.example.org", "A"): ["192.0.2.8"],
    ("_sip._udp.half.example.org", "SRV"): ["0 0 5060 nowhere.example.org.", "1 0 5060 b.example.net."],
}


async def found(server: NameServer, uri: str, *, transport: str | None = None, chance: float = 0.5) -> list[str]:
    hops = await locate(Uri.parse(uri), server.names, transport=transport, chance=lambda: chance)
    return [f"{hop.transport}:{hop.host}:{hop.port}" for hop in hops]


@run_trio
async def test_naptr_says_how_and_srv_where():
    async with name_server(ZONE) as server:
        assert await found(server, "sip:alice@example.net") == [
            "tcp:192.0.2.1:5090", "tcp:2001:db8::1:5090",
            "udp:192.0.2.1:5070", "udp:2001:db8::1:5070", "udp:192.0.2.2:5080",
        ]  # fmt: skip


@run_trio
async def test_a_transport_in_the_uri_needs_no_naptr():
    async with name_server(ZONE) as server:
        hops = await found(server, "sip:alice@example.net;transport=udp")
        assert hops == ["udp:192.0.2.1:5070", "udp:2001:db8::1:5070", "udp:192.0.2.2:5080"]
        assert server.asked["example.net", "NAPTR"] == 0


@run_trio
async def test_sips_goes_by_tls_alone():
    async with name_server(ZONE) as server:
        assert await found(server, "sips:alice@example.net") == ["tls:192.0.2.1:5061", "tls:2001:db8::1:5061"]


@run_trio
async def test_a_port_or_an_address_is_taken_as_it_is():
    async with name_server(ZONE) as server:
        assert await found(server, "sip:alice@b.example.net:5099") == ["udp:192.0.2.2:5099"]
        assert await found(server, "sip:alice@192.0.2.7") == ["udp:192.0.2.7:5060"]
        assert await found(server, "sips:alice@[2001:db8::7]") == ["tls:2001:db8::7:5061"]
        assert server.asked == {("b.example.net", "A"): 1, ("b.example.net", "AAAA"): 1}


@run_trio
async def test_a_host_without_srv_is_found_by_its_address():
    async with name_server(ZONE) as server:
        assert await found(server, "sip:alice@only.example.org") == ["udp:192.0.2.3:5060"]
        assert await found(server, "sip:alice@only.example.org;transport=tcp") == ["tcp:192.0.2.3:5060"]


@run_trio
async def test_servers_of_one_priority_are_chosen_by_weight():
    async with name_server(ZONE) as server:
        firsts = {(await found(server, "sip:weighed.example.org", chance=chance))[0] for chance in (0.05, 0.95)}
        assert firsts == {"udp:192.0.2.1:5060", "udp:192.0.2.2:5060"}


@run_trio
async def test_a_server_whose_host_is_not_there_is_left_out():
    async with name_server(ZONE) as server:
        assert await found(server, "sip:half.example.org") == ["udp:192.0.2.2:5060"]


@run_trio
async def test_what_is_nowhere_is_unreachable():
    async with name_server(ZONE) as server:
        with pytest.raises(Unreachable, match=r"nowhere\.example\.org: no address found"):
            await found(server, "sip:nowhere.example.org")
        with pytest.raises(Unreachable, match="expected sip over udp, tcp or tls"):
            await found(server, "sip:example.net;transport=sctp")


@run_trio
async def test_answers_are_kept_as_long_as_they_say():
    async with name_server(ZONE) as server:
        names = server.names
        for _ in range(3):
            await locate(Uri.parse("sip:example.net"), names, transport=None, chance=lambda: 0.5)
        assert set(server.asked.values()) == {1}
    async with name_server(ZONE, ttl=0) as server:
        names = server.names
        for _ in range(2):
            await names.addresses("b.example.net")
        assert server.asked["b.example.net", "A"] == 2


@run_trio
async def test_the_name_that_was_called_is_the_one_that_a_certificate_must_have():
    async with name_server(ZONE) as server:
        hops = await locate(Uri.parse("sips:example.net"), server.names, transport=None, chance=lambda: 0.5)
        assert hops[0] == Hop("tls", "192.0.2.1", 5061, "example.net")


@run_trio
async def test_names_without_a_dot_are_the_system_s():
    assert "127.0.0.1" in await DnsNames(nameservers=[]).addresses("localhost")


@run_trio
async def test_a_host_that_dns_does_not_know_is_asked_of_the_system():
    async def system(host: str) -> list[str]:
        return ["192.0.2.55"]

    assert await DnsNames(nameservers=[], resolve_host=system).addresses("pbx.example.org") == ["192.0.2.55"]
    hops = await locate(Uri.parse("sip:pbx.example.org"), HostNames(system), transport=None, chance=lambda: 0.5)
    assert hops == [Hop("udp", "192.0.2.55", 5060, "pbx.example.org")]
