"""STUN on the port of SIP, by the test vectors' numbers of RFC 5769 and on a real socket."""

from __future__ import annotations

import struct

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from engine.transport.stun import answer, is_stun
from tests.transport.agents import Agent, running
from tests.trio_tests import run_trio

TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")  # RFC 5769 2.2, 2.3
COOKIE = bytes.fromhex("2112a442")
SOFTWARE = bytes.fromhex("8022000b") + b"test vector "
PRIORITY = bytes.fromhex("002400046e0001ff")


def request(attributes: bytes = b"", *, kind: int = 1) -> bytes:
    return struct.pack("!HH", kind, len(attributes)) + COOKIE + TRANSACTION + attributes


def test_an_ipv4_address_is_told_as_in_the_rfc():
    told = answer(request(), ("192.0.2.1", 32853))
    assert told == bytes.fromhex("0101000c") + COOKIE + TRANSACTION + bytes.fromhex("002000080001a147e112a643")


def test_an_ipv6_address_is_told_as_in_the_rfc():
    told = answer(request(), ("2001:db8:1234:5678:11:2233:4455:6677", 32853))
    value = bytes.fromhex("002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9")
    assert told == bytes.fromhex("01010018") + COOKIE + TRANSACTION + value


def test_an_attribute_that_may_be_ignored_is():
    told = answer(request(SOFTWARE), ("192.0.2.1", 1))
    assert told is not None
    assert told.startswith(b"\x01\x01")


def test_one_that_may_not_is_named():
    told = answer(request(PRIORITY), ("192.0.2.1", 1))
    assert told is not None
    assert told.startswith(b"\x01\x11")
    assert bytes.fromhex("0009000400000414000a000200240000") in told


@pytest.mark.parametrize(
    "data",
    [
        request(kind=0x0011),  # an indication
        request(kind=0x0101),  # an answer
        request()[:2] + b"\0\4" + request()[4:],  # longer than it is
        request(b"\x80\x22\x00\x0btest"),  # an attribute that ends too early
    ],
)
def test_what_wants_no_answer_gets_none(data: bytes):
    assert is_stun(data)
    assert answer(data, ("192.0.2.1", 1)) is None


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"OPTIONS sip:a@b SIP/2.0\r\n\r\n", request()[:19]])
def test_what_is_no_stun_is_sip(data: bytes):
    assert not is_stun(data)


@given(st.binary(max_size=300))
def test_nothing_makes_it_fall_and_no_answer_is_much_longer_than_its_question(attributes: bytes):
    data = request(attributes)
    told = answer(data, ("192.0.2.1", 1))
    assert told is None or len(told) <= len(data) + 20


@run_trio
async def test_it_is_answered_on_the_port_of_sip():
    agent = Agent("bob")
    async with running(agent):
        address = await agent.endpoint.listen("udp", "127.0.0.1", 0)
        with trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM) as phone:
            await phone.bind(("127.0.0.1", 0))
            await phone.sendto(request(), address)
            assert await phone.recv(100) == answer(request(), phone.getsockname())
    assert agent.events == []
