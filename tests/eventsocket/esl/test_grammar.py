"""The grammar of dial strings as a table: what is written, and what is dialled in which order with which variables."""

from __future__ import annotations

import pytest

from engine.eventsocket.esl.dialstring import Endpoint, parse

GROUPS = {"sales": ("desk", "mobile")}

# What is written; the stages, each of targets as `TRUNK/TARGET{VARIABLES}`; the variables for all.
TABLE = [
    ("user/1001", [["1001"]], {}),
    ("user/1001@example.com", [["1001"]], {}),
    ("USER/1001", [["1001"]], {}),
    ("sofia/internal/5@192.0.2.1", [["sip:5@192.0.2.1"]], {}),
    ("sofia/internal/5@192.0.2.1:5080;transport=tcp", [["sip:5@192.0.2.1:5080;transport=tcp"]], {}),
    ("sofia/internal/1001%example.com", [["1001"]], {}),
    ("sofia/internal/5@192.0.2.1;fs_path=sip:192.0.2.9", [["sip:5@192.0.2.1"]], {}),
    ("sofia/gateway/carrier/0301234", [["carrier/0301234"]], {}),
    ("sofia/gateway/external::carrier/+49301234", [["carrier/+49301234"]], {}),
    ("loopback/1000", [["loopback/1000"]], {}),
    ("loopback/1000/default/XML", [["loopback/1000"]], {}),
    ("group/sales", [["desk", "mobile"]], {}),
    ("group/sales@example.com|user/a", [["desk", "mobile"], ["a"]], {}),
    ("[x=1]group/sales", [["desk{x=1}", "mobile{x=1}"]], {}),
    ("user/a,user/b", [["a", "b"]], {}),
    ("user/a, user/b", [["a", "b"]], {}),
    ("user/a|user/b", [["a"], ["b"]], {}),
    ("user/a,user/b|user/c,user/d", [["a", "b"], ["c", "d"]], {}),
    ("user/a:_:user/b", [["a", "b"]], {}),
    ("user/a|user/b:_:user/c", [["a", "c"], ["b"]], {}),
    ("{a=1}user/x:_:{b=2}user/y", [["x", "y"]], {"a": "1", "b": "2"}),
    ("<a=1>user/x:_:user/y", [["x", "y"]], {"a": "1"}),
    ("<a=1>{a=2}user/x", [["x"]], {"a": "2"}),
    ("{a=1}{b=2}user/x", [["x"]], {"a": "1", "b": "2"}),
    ("{a=1,b=2}user/x", [["x"]], {"a": "1", "b": "2"}),
    ("{a='1,2',b=3}user/x", [["x"]], {"a": "1,2", "b": "3"}),
    ("{a='b c'} user/x", [["x"]], {"a": "b c"}),
    ("{^^:a=1,2:b=3}user/x", [["x"]], {"a": "1,2", "b": "3"}),
    ("{a='x}y'}user/x", [["x"]], {"a": "x}y"}),
    ("{a=}user/x", [["x"]], {"a": ""}),
    ("[a=1]user/x,[a=2]user/y", [["x{a=1}", "y{a=2}"]], {}),
    ("[a=1,b=2]user/x|user/y", [["x{a=1,b=2}"], ["y"]], {}),
    ("[a='1|2']user/x", [["x{a=1|2}"]], {}),
    ("{a=1}[b=2]sofia/gateway/g/5", [["g/5{b=2}"]], {"a": "1"}),
]


def spelled(endpoint: Endpoint) -> str:
    variables = ",".join(f"{name}={value}" for name, value in endpoint.variables.items())
    trunk = f"{endpoint.trunk}/" if endpoint.trunk else ""
    return trunk + endpoint.target + (f"{{{variables}}}" if variables else "")


@pytest.mark.parametrize(("text", "stages", "variables"), TABLE, ids=[text for text, _, _ in TABLE])
def test_what_is_written_is_dialled(text: str, stages: list[list[str]], variables: dict[str, str]):
    dialled = parse(text, GROUPS)
    assert [[spelled(endpoint) for endpoint in stage] for stage in dialled.stages] == stages
    assert dialled.variables == variables
