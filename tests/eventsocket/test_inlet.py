"""Frames of a WebSocket, cut out of what was read: what is whole is read here, the rest is the library's."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side

from engine.eventsocket.inlet import Inlet, Kind

LONGEST = 1000

frames = st.builds(
    Frame,
    st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.CONT, Opcode.PING, Opcode.PONG, Opcode.CLOSE]),
    st.binary(max_size=100),
    st.booleans(),
)


def sent(frame: Frame, *, mask: bool = True) -> bytes:
    """A frame as it travels, whether it follows the rules or not."""
    length = len(frame.data)
    head = bytes([frame.fin << 7 | frame.opcode])
    bit = 0x80 if mask else 0
    if length <= 125:
        head += bytes([bit | length])
    elif length <= 0xFFFF:
        head += bytes([bit | 126]) + length.to_bytes(2, "big")
    else:
        head += bytes([bit | 127]) + length.to_bytes(8, "big")
    if not mask:
        return head + frame.data
    key = b"\x01\x02\x03\x04"
    return head + key + bytes(octet ^ key[at % 4] for at, octet in enumerate(frame.data))


def new_inlet(*, is_masked: bool = True) -> Inlet:
    return Inlet(is_masked=is_masked, longest=LONGEST)


@pytest.mark.parametrize("is_masked", [True, False])
@pytest.mark.parametrize("length", [0, 1, 125, 126, LONGEST])
@pytest.mark.parametrize(("opcode", "kind"), [(Opcode.TEXT, Kind.TEXT), (Opcode.BINARY, Kind.BINARY)])
def test_a_message_in_one_frame_is_read_whole(opcode, kind, length, is_masked):
    data = sent(Frame(opcode, b"x" * length), mask=is_masked)
    assert new_inlet(is_masked=is_masked).feed(data) == [(kind, b"x" * length)]


def test_a_message_that_comes_octet_by_octet_is_read_when_it_is_whole():
    inlet = new_inlet()
    *first, last = sent(Frame(Opcode.BINARY, b"x" * 200))
    assert not [piece for octet in first for piece in inlet.feed(bytes([octet]))]
    assert inlet.feed(bytes([last])) == [(Kind.BINARY, b"x" * 200)]


def test_messages_that_come_together_are_read_one_by_one():
    data = sent(Frame(Opcode.BINARY, b"a")) + sent(Frame(Opcode.TEXT, b"b")) + sent(Frame(Opcode.BINARY, b"c"))
    assert new_inlet().feed(data[:-1]) == [(Kind.BINARY, b"a"), (Kind.TEXT, b"b")]


@pytest.mark.parametrize("opcode", [Opcode.PING, Opcode.PONG, Opcode.CLOSE])
def test_a_control_frame_is_the_librarys(opcode):
    data = sent(Frame(opcode, b"12"))
    assert new_inlet().feed(data + sent(Frame(Opcode.BINARY, b"x"))) == [(Kind.OTHER, data), (Kind.BINARY, b"x")]


def test_the_parts_of_a_message_are_the_librarys_and_what_follows_is_not():
    parts = [
        sent(Frame(Opcode.TEXT, b"a", fin=False)),
        sent(Frame(Opcode.CONT, b"b", fin=False)),
        sent(Frame(Opcode.PING, b"")),
        sent(Frame(Opcode.CONT, b"c")),
    ]
    expected = [*((Kind.OTHER, part) for part in parts), (Kind.TEXT, b"d")]
    assert new_inlet().feed(b"".join(parts) + sent(Frame(Opcode.TEXT, b"d"))) == expected


def test_a_message_in_the_middle_of_another_is_the_librarys_to_refuse():
    first, second = sent(Frame(Opcode.TEXT, b"a", fin=False)), sent(Frame(Opcode.TEXT, b"b"))
    assert new_inlet().feed(first + second) == [(Kind.OTHER, first), (Kind.OTHER, second)]


@pytest.mark.parametrize(
    "wrong",
    [
        sent(Frame(Opcode.BINARY, b"x"), mask=False),
        sent(Frame(Opcode.BINARY, b"x" * (LONGEST + 1)))[:10],
        sent(Frame(Opcode.PING, b"x" * 126))[:6],
        b"\x82\xff" + b"\xff" * 8,
    ],
    ids=["not masked", "too long", "a long ping", "as long as can be said"],
)
def test_what_breaks_the_rules_is_not_waited_for_and_all_behind_it_is_the_librarys(wrong):
    inlet = new_inlet()
    assert inlet.feed(wrong) == [(Kind.OTHER, wrong)]
    assert inlet.feed(sent(Frame(Opcode.BINARY, b"x")))[0][0] is Kind.OTHER


@settings(deadline=None)
@given(st.lists(frames, max_size=8), st.binary(max_size=20), st.lists(st.integers(1, 50), max_size=8), st.booleans())
@example([Frame(Opcode.TEXT, b"a", fin=False), Frame(Opcode.TEXT, b"b")], b"", [1], True)
def test_however_it_is_cut_it_says_what_the_library_alone_says(frames, garbage, sizes, is_masked):
    data = b"".join(sent(frame, mask=is_masked) for frame in frames) + garbage
    expected = read_by_library(data, is_masked)
    inlet, protocol, said = new_inlet(is_masked=is_masked), new_protocol(is_masked), []
    for chunk in cut(data, sizes):
        for kind, octets in inlet.feed(chunk):
            if kind is Kind.OTHER:
                protocol.receive_data(octets)
                said += map(as_said, protocol.events_received())
            elif protocol.parser_exc is None and protocol.close_rcvd is None:
                said.append((Opcode.TEXT if kind is Kind.TEXT else Opcode.BINARY, octets, True))
    assert said == expected[0]
    assert type(protocol.parser_exc) is expected[1]


def read_by_library(data: bytes, is_masked: bool) -> tuple[list[tuple[Opcode, bytes, bool]], type]:
    protocol = new_protocol(is_masked)
    protocol.receive_data(data)
    return [as_said(frame) for frame in protocol.events_received()], type(protocol.parser_exc)


def new_protocol(is_masked: bool) -> Protocol:
    return Protocol(Side.SERVER if is_masked else Side.CLIENT, max_size=LONGEST)


def as_said(event) -> tuple[Opcode, bytes, bool]:
    return event.opcode, bytes(event.data), event.fin


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    chunks = []
    for size in sizes:
        chunks.append(data[:size])
        data = data[size:]
    return [chunk for chunk in (*chunks, data) if chunk]
