"""FreeSWITCH's dial strings: `{a=1}user/1001,[b=2]sofia/internal/5@host|user/1002`. Pure; errors are DialStringError.

`,` rings together, `|` and then what follows, `:_:` are several dial strings at once. `{}` is for all legs, `[]` for
one, `<>` for all strings. Single quotes keep a comma.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

MAX_LENGTH = 16 * 1024
MAX_ENDPOINTS = 32
LOOPBACK = "loopback"  # the trunk by which the engine calls itself
Groups: TypeAlias = Mapping[str, Sequence[str]]  # the users of each
NO_GROUPS: Groups = MappingProxyType({})
_CLOSING = {"{": "}", "[": "]", "<": ">"}


class DialStringError(ValueError):
    """What came is no dial string. `cause` is what FreeSWITCH's clients are told."""

    def __init__(self, message: str, cause: str = "DESTINATION_OUT_OF_ORDER") -> None:
        super().__init__(message)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One to be rung. `target` is ours: a user's name or a SIP URI, or a number by a `trunk`.

    `error` is the cause of an `error/` endpoint.
    """

    target: str
    variables: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    trunk: str = ""


@dataclass(frozen=True, slots=True)
class DialString:
    """Stages that are tried in turn, and the variables for all legs."""

    stages: tuple[tuple[Endpoint, ...], ...]
    variables: Mapping[str, str] = field(default_factory=dict)


def parse(text: str, groups: Groups = NO_GROUPS) -> DialString:
    """Read a dial string. Raises DialStringError."""
    if len(text) > MAX_LENGTH:
        raise DialStringError(f"expected a dial string of at most {MAX_LENGTH} characters, got {len(text)}")
    common, rest = _variables(text.strip(), "<")
    parts = rest.split(":_:")
    general: dict[str, str] = dict(common)
    stages: list[tuple[Endpoint, ...]] = []
    for part in parts:
        own, urls = _variables(part.strip(), "{")
        general |= own
        found = [_stage(stage, groups) for stage in _split(urls, "|")]
        for at, stage in enumerate(found):
            if at < len(stages) and len(parts) > 1:
                stages[at] += stage
            else:
                stages.append(stage)
    if not any(stages) or not all(stages):
        raise DialStringError("expected whom to dial, got nothing")
    if sum(map(len, stages)) > MAX_ENDPOINTS:
        raise DialStringError(f"expected at most {MAX_ENDPOINTS} endpoints")
    return DialString(tuple(stages), general)


def split_arguments(text: str) -> list[str]:
    """Words separated by spaces; quotes and brackets keep what is inside together."""
    words, word, quote, depth = [], "", "", 0
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character == "'" and (not word or depth or word[-1] in "=,"):
            quote = character
        elif character in "{[(<":
            depth += 1
        elif character in "}])>" and depth:
            depth -= 1
        elif character == " " and not depth:
            words += [word] if word else []
            word = ""
            continue
        word += character
    if quote or depth:
        raise DialStringError(f"expected {'a closing quote' if quote else 'a closing bracket'} in {text[:64]!r}")
    return [*words, word] if word else words


def _stage(text: str, groups: Groups) -> tuple[Endpoint, ...]:
    parts = [part.strip() for part in _split(text, ",") if part.strip()]
    return tuple(endpoint for part in parts for endpoint in _endpoints(part, groups))


def _endpoints(text: str, groups: Groups) -> tuple[Endpoint, ...]:
    """One, or those of a group."""
    variables, url = _variables(text, "[")
    kind, _, rest = url.partition("/")
    if kind.lower() != "group":
        return (_endpoint(variables, url),)
    members = groups.get(rest.partition("@")[0])
    if not members:
        raise DialStringError(f"there is no group {rest[:64]!r}", "NO_ROUTE_DESTINATION")
    return tuple(Endpoint(member, variables) for member in members)


def _endpoint(variables: Mapping[str, str], url: str) -> Endpoint:
    kind, slash, rest = url.partition("/")
    if not slash or not rest:
        raise DialStringError(f"expected an endpoint such as user/1001, got {url[:64]!r}", "CHAN_NOT_IMPLEMENTED")
    if kind.lower() == "error":
        return Endpoint("", variables, error=rest.upper())
    if kind.lower() == "user":
        return Endpoint(rest.partition("@")[0], variables)
    if kind.lower() == "loopback":  # /NUMBER[/CONTEXT[/DIALPLAN]]
        return Endpoint(rest.partition("/")[0], variables, trunk=LOOPBACK)
    if kind.lower() == "sofia":
        profile, _, target = rest.partition("/")
        is_gateway = profile.lower() == "gateway"
        return _gateway(variables, target) if is_gateway else Endpoint(_sofia(rest), variables)
    raise DialStringError(f"expected user/, sofia/, loopback/ or group/, got {kind[:32]!r}", "CHAN_NOT_IMPLEMENTED")


def _gateway(variables: Mapping[str, str], target: str) -> Endpoint:
    """NAME/NUMBER: the gateways are our trunks. NAME may come after the profile's, as `external::NAME`."""
    name, slash, number = target.partition("/")
    if not slash or not number:
        raise DialStringError(f"expected sofia/gateway/NAME/NUMBER, got {target[:64]!r}", "INVALID_URL")
    return Endpoint(number.partition("@")[0], variables, trunk=name.rpartition("::")[2])


def _sofia(rest: str) -> str:
    _, slash, target = rest.partition("/")
    if not slash or not target:
        raise DialStringError(f"expected sofia/PROFILE/TARGET, got {rest[:64]!r}", "INVALID_URL")
    target = target.partition(";fs_path=")[0]
    if "%" in target:  # a user of ours, by domain
        return target.partition("%")[0]
    target = target.removeprefix("sip:")
    return f"sip:{target}" if "@" in target or "." in target or ":" in target else target


def _variables(text: str, opening: str) -> tuple[dict[str, str], str]:
    """The variables in brackets at the beginning, and the rest."""
    variables: dict[str, str] = {}
    while text.startswith(opening):
        end = _closing(text, _CLOSING[opening])
        variables |= _pairs(text[1:end])
        text = text[end + 1 :].lstrip()
    return variables, text


def _closing(text: str, closing: str) -> int:
    is_quoted = False
    for at, character in enumerate(text):
        if character == "'":
            is_quoted = not is_quoted
        elif character == closing and not is_quoted:
            return at
    raise DialStringError(f"expected {closing!r} in {text[:64]!r}")


def _pairs(text: str) -> dict[str, str]:
    separator = ","
    if text.startswith("^^") and len(text) > 2:  # another separator, such as {^^:a=1:b=2}
        separator, text = text[2], text[3:]
    pairs = (part.partition("=") for part in _split(text, separator))
    return {name.strip(): value.strip().strip("'") for name, equals, value in pairs if equals and name.strip()}


def _split(text: str, separator: str) -> list[str]:
    """Parts between separators that are neither quoted nor in brackets."""
    parts, part, is_quoted, depth = [], "", False, 0
    previous = ""
    for character in text:
        if character == "'":
            is_quoted = not is_quoted
        elif not is_quoted:
            depth += (character in "[{") - (character in "]}" and depth > 0)
        if character == separator and not is_quoted and not depth and previous != "\\":
            parts.append(part)
            part = ""
        else:
            part += character
        previous = character
    if is_quoted or depth:
        raise DialStringError(f"expected a closing quote or bracket in {text[:64]!r}")
    return [*parts, part]
