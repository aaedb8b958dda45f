"""What [[user]] and [[trunk]] say of how the engine and a peer tell each other who calls, and of headers and prices."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from types import MappingProxyType
from typing import Any, TypeVar

from engine.sip.identity import IdentityHeader, IdentityPolicy
from engine.sip.messages import check_program_headers

from .toml_reader import Wrong, list_of, read_text, show, suggest, table

_HEADERS: Mapping[str, IdentityHeader] = MappingProxyType({"from": "from", "pai": "pai", "ppi": "ppi", "rpid": "rpid"})
_LONGEST_HEADER = 1024  # characters of a name and its value
_MOST = 64  # headers
_MOST_PRICES = 10_000

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ways:
    reads: IdentityHeader = "from"
    writes: IdentityHeader = "from"


def read_identity_policy(value: object) -> IdentityPolicy:
    """`"pai"` for both ways, or `{ in = "pai", out = "from" }`."""
    ways = _read_ways(value) if isinstance(value, dict) else _Ways(reads=(told := _header(value)), writes=told)
    return IdentityPolicy(ways.reads, ways.writes)


def _header(value: object) -> IdentityHeader:
    if not isinstance(value, str) or value not in _HEADERS:
        raise ValueError(f"expected a header that tells who calls{suggest(str(value), _HEADERS)}, got {show(value)}")
    return _HEADERS[value]


def read_headers(value: object) -> tuple[tuple[str, str], ...]:
    """Header fields of every INVITE to a peer."""
    fields = _pairs(value, read_text, "headers and their values")
    if len(fields) > _MOST:
        raise ValueError(f"expected at most {_MOST} headers, got {len(fields)}")
    for name, text in fields:
        if len(name) + len(text) > _LONGEST_HEADER:
            raise Wrong(f"expected at most {_LONGEST_HEADER} characters, got {len(name) + len(text)}", at=(name,))
    check_program_headers(fields)
    return fields


def read_names(value: object) -> frozenset[str]:
    """Names of headers, in lower case."""
    return frozenset(name.lower() for name in list_of(read_text)(value))


def read_costs(value: object) -> tuple[tuple[str, float], ...]:
    """What a minute costs, by how a number begins; the longest beginnings first."""
    costs = _pairs(value, _price, "beginnings of numbers and what they cost")
    if len(costs) > _MOST_PRICES:
        raise ValueError(f"expected at most {_MOST_PRICES} prices, got {len(costs)}")
    for beginning, _ in costs:
        if not re.fullmatch(r"\+?[0-9*#]{0,32}", beginning, re.ASCII):
            raise Wrong(f'expected the beginning of a number such as "+49", got {show(beginning)}', at=(beginning,))
    return tuple(sorted(costs, key=lambda cost: -len(cost[0])))


def _price(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value < 0:
        raise ValueError(f"expected a price of 0 or more, got {show(value)}")
    return float(value)


def _pairs(value: object, read: Callable[[Any], _T], what: str) -> tuple[tuple[str, _T], ...]:
    if not isinstance(value, dict):
        raise ValueError(f"expected {what}, got {show(value)}")
    found = []
    for name, item in value.items():
        try:
            found.append((name, read(item)))
        except ValueError as error:
            raise Wrong(str(error), at=(name,)) from error
    return tuple(found)


_read_ways = table(_Ways, MappingProxyType({"in": ("reads", _header), "out": ("writes", _header)}))
