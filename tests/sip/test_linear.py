"""Ten times the octets cost ten times the work, whatever they are full of: no peer buys more with a large message."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

import pytest

from engine.sip.messages import MAX_HEADER_SECTION, Message, StreamReader, parse_datagram
from tests.sip.messages_by_hand import OFFER, request

SMALL, LARGE = 6_000, 60_000  # octets
MORE = 30  # times: ten are linear, a hundred quadratic; between them is room for caches and a busy machine
ROUNDS, TIMES = 15, 20

LONG_VALUE = "x" * 117


def many(name: str, value: str) -> Callable[[int], bytes]:
    """So many header fields of one kind that they come to about so many octets."""

    def make(size: int) -> bytes:
        count = min(size // (len(name) + len(value) + 4), 500)
        return request(headers=tuple((name, value) for _ in range(count)), body=OFFER)

    return make


def one(name: str, value: str, between: str = "") -> Callable[[int], bytes]:
    """One header field that comes to about so many octets."""

    def make(size: int) -> bytes:
        count = size // (len(value) + len(between))
        return request(headers=((name, between.join([value] * count)),), body=OFFER)

    return make


SHAPES = {
    "fields": many("X-Many", LONG_VALUE),
    "vias": many("Via", f"SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK{LONG_VALUE}"),
    "routes": many("Record-Route", f"<sip:{LONG_VALUE}@192.0.2.9;lr>"),
    "a value": one("X-Long", "x"),
    "folds": one("X-Folded", "x", "\r\n "),
    "quotes": one("Contact", '"\\""', " "),
    "brackets": one("Contact", "<", ""),
    "commas": one("Route", "<sip:a@192.0.2.9;lr>", ","),
    "parameters": one("Contact", "<sip:a@192.0.2.9>", ";x=1"),
    "blanks": one("X-Blank", "x" + " " * 20),
    "escapes": one("Contact", "%41", ""),
    "no colons": lambda size: request().replace(b"\r\n\r\n", b"\r\nx" * (size // 3) + b"\r\n\r\n"),
    "line ends": lambda size: b"\r\n" * (size // 2) + request(),
    "lone line ends": lambda size: request().replace(b"\r\n\r\n", b"\r\nX: " + b"\r" * size + b"\r\n\r\n"),
    "a user": lambda size: request(uri=f"sip:{'%41' * (size // 3)}@192.0.2.1"),
    "a Call-ID": lambda size: request(call_id="x" * size),
    "a body": lambda size: request(body=b"\r\n" * (size // 2)),
}  # fmt: skip


def cost(work: Callable[[], object]) -> float:
    """The least CPU time of many rounds: what others do with the machine is in the rest."""
    least = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(TIMES):
            work()
        least = min(least, time.process_time() - began)
    return least


def is_linear(work: Callable[[bytes], object], make: Callable[[int], bytes]) -> bool:
    small, large = make(SMALL), make(LARGE)
    assert len(large) > 8 * len(small)
    gc.collect()
    return cost(lambda: work(large)) < MORE * cost(lambda: work(small))


def read_all(data: bytes) -> None:
    """Parse a message, and ask it for all that the engine asks any."""
    try:
        message = parse_datagram(data)
    except ValueError:
        return
    assert isinstance(message, Message)
    for name in ("Via", "Contact", "Route", "Record-Route", "X-Many", "X-Long"):
        message.values(name)
        message.header(name)
    _ = message.vias, message.from_.tag, message.to.tag, message.raw, message.body


@pytest.mark.parametrize("shape", SHAPES)
def test_a_message_is_read_in_time_that_grows_with_its_octets(shape: str):
    assert is_linear(read_all, SHAPES[shape])


def test_a_stream_of_small_pieces_is_read_in_time_that_grows_with_its_octets():
    def work(data: bytes) -> None:
        reader = StreamReader()
        for start in range(0, len(data), 50):
            reader.feed(data[start : start + 50])

    assert LARGE < MAX_HEADER_SECTION
    assert is_linear(work, SHAPES["a value"])


def test_a_stream_of_many_messages_in_one_piece_is_read_in_time_that_grows_with_its_octets():
    def make(size: int) -> bytes:
        return request("OPTIONS") * (size // len(request("OPTIONS")))

    assert is_linear(lambda data: StreamReader().feed(data), make)
