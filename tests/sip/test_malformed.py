"""Our own tortuous and malformed messages: malformed/*.sip, and what malformed/expected.tsv says of them."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from engine.sip.messages import ParseError, Request, StreamReader, parse_datagram, response

FOLDER = Path(__file__).parent / "malformed"
with (FOLDER / "expected.tsv").open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))

each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])


def octets(row: dict[str, str]) -> bytes:
    return (FOLDER / f"{row['name']}.sip").read_bytes()


def error_of(data: bytes) -> ParseError | None:
    try:
        parse_datagram(data)
    except ParseError as error:
        return error
    return None


def test_the_table_lists_every_file_once():
    assert sorted(row["name"] for row in ROWS) == sorted(path.stem for path in FOLDER.glob("*.sip"))


@each_row
def test_the_outcome_is_the_expected_one(row: dict[str, str]):
    error = error_of(octets(row))
    if error is None:
        assert row["outcome"] == "ok"
    else:
        assert (str(error.status), "yes" if error.partial else "no") == (row["outcome"], row["answerable"]), error
        assert str(error).startswith(f"{error.reason}: expected")


@pytest.mark.parametrize("row", [row for row in ROWS if row["answerable"] == "yes"], ids=lambda row: row["name"])
def test_the_answer_is_clean(row: dict[str, str]):
    with pytest.raises(ParseError) as caught:
        parse_datagram(octets(row))
    assert isinstance(caught.value.partial, Request)
    answer = response(caught.value.partial, caught.value.status, caught.value.reason, to_tag="t")
    lines = answer.removesuffix(b"\r\n\r\n").split(b"\r\n")
    assert lines[0].startswith(b"SIP/2.0 " + row["outcome"].encode())
    assert not [line for line in lines if b"\r" in line or b"\n" in line]
    names = {line.partition(b":")[0].decode() for line in lines[1:]}
    assert names == {"Via", "From", "To", "Call-ID", "CSeq", "Content-Length"}


@each_row
def test_a_stream_survives_it_or_is_closed(row: dict[str, str]):
    reader = StreamReader()
    reader.feed(octets(row))
    fields = b"Via: SIP/2.0/TCP a\r\nFrom: <sip:a>\r\nTo: <sip:b>\r\nCall-ID: c\r\nCSeq: 1 BYE\r\nl: 0\r\n\r\n"
    if not reader.pending and not reader.is_broken:
        assert [type(item).__name__ for item in reader.feed(b"SIP/2.0 200 OK\r\n" + fields)] == ["Response"]
