"""What clients send becomes requests, however it is cut; whatever is wrong is one error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.eventsocket.esl.framing import MAX_BODY, MAX_HEAD, MAX_HEAD_OF_STRANGER, FramingError, Parser, Request


def parse(data: bytes, *, is_trusted: bool = True) -> list[Request]:
    parser = Parser()
    if is_trusted:
        parser.trust()
    parser.feed(data)
    requests = []
    while (request := parser.next_request()) is not None:
        requests.append(request)
    return requests


def test_a_command_ends_with_an_empty_line():
    assert parse(b"api status\n\nexit\n\n") == [Request("api status"), Request("exit")]


def test_lines_may_end_with_cr_lf():
    assert parse(b"sendmsg u\r\ncall-command: hangup\r\n\r\n") == [Request("sendmsg u", (("call-command", "hangup"),))]


def test_empty_lines_before_a_command_are_skipped():
    assert parse(b"\n\r\n\nexit\n\n") == [Request("exit")]


def test_half_a_command_is_none_yet():
    assert parse(b"api status\n") == []


def test_a_body_is_as_long_as_it_is_said_to_be():
    [request, after] = parse(b"sendevent X\nContent-Length: 4\n\nab\n\nexit\n\n")
    assert (request.body, after.line) == ("ab\n\n", "exit")


def test_a_header_is_found_in_any_case():
    [request] = parse(b"sendmsg\nExecute-App-Name: answer\n\n")
    assert request.header("execute-app-name") == "answer"


@pytest.mark.parametrize("length", ["-1", "+3", "1e3", "", "\u0663", "4 4", str(MAX_BODY + 1), "9" * 40])
def test_a_length_that_is_none_is_an_error(length: str):
    with pytest.raises(FramingError):
        parse(f"sendevent X\nContent-Length: {length}\n\n".encode())


def test_two_lengths_are_an_error():
    with pytest.raises(FramingError):
        parse(b"sendevent X\nContent-Length: 1\ncontent-length: 1\n\na")


def test_a_stranger_sends_short_commands_and_no_body():
    with pytest.raises(FramingError):
        parse(b"auth " + b"x" * MAX_HEAD_OF_STRANGER + b"\n\n", is_trusted=False)
    with pytest.raises(FramingError):
        parse(b"auth x\nContent-Length: 1\n\na", is_trusted=False)


def test_a_command_that_does_not_end_is_an_error():
    with pytest.raises(FramingError):
        parse(b"x" * (MAX_HEAD + 1))


@given(st.binary(max_size=300), st.lists(st.integers(1, 20)))
def test_it_does_not_matter_how_octets_are_cut_and_errors_are_of_one_kind(data: bytes, cuts: list[int]):
    def read(pieces: list[bytes]) -> list[Request] | str:
        parser, found = Parser(), []
        parser.trust()
        try:
            for piece in pieces:
                parser.feed(piece)
                while (request := parser.next_request()) is not None:
                    found.append(request)
        except FramingError as error:
            return str(error)
        return found

    pieces, at = [], 0
    for cut in cuts:
        pieces.append(data[at : at + cut])
        at += cut
    assert read([*pieces, data[at:]]) == read([data])


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"]), max_size=50), st.binary(max_size=50))
def test_a_request_with_a_body_is_read_back(text: str, body: bytes):
    line = " ".join(("api", *text.split()))
    [request] = parse(f"{line}\nContent-Length: {len(body)}\n\n".encode() + body)
    assert (request.line, request.body) == (line, body.decode(errors="replace"))
