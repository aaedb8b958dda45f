"""From a phone number to the addresses where it is reached (ENUM, RFC 6116): NAPTR records that rewrite it (RFC 3402).

What DNS says is a stranger's: a rule's expression must be one that cannot run for long, and its result a SIP URI.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ..sip.messages import ParseError, Uri
from .errors import Unreachable

SUFFIX = "e164.arpa"
_NUMBER = re.compile(r"\+[0-9]{1,15}", re.ASCII)  # E.164
_MOST = 8  # addresses of one number
_DEEPEST = 5  # rules that lead to other rules
_LONGEST = 128  # characters of an expression
_REPEATS = 4  # in one expression: with 16 characters to match, no more than some 10,000 steps


@dataclass(frozen=True, slots=True)
class Rule:
    """A NAPTR record: rewrite the number, or go on at `replacement`."""

    order: int
    preference: int
    flags: str
    service: str
    regexp: str
    replacement: str


class RuleNames(Protocol):
    """A name service that has rules."""

    async def rules(self, domain: str) -> Sequence[Rule]:
        """None are an empty sequence."""
        ...


def domain_of(number: str, suffix: str) -> str:
    """Where the rules of a number are: its digits, the last first (RFC 6116 3.2). Raises Unreachable."""
    if not _NUMBER.fullmatch(number):
        raise Unreachable(f"enum:{number[:32]}: expected a number of E.164 such as +4930123")
    return ".".join([*reversed(number[1:]), suffix])


async def look_up(number: str, names: RuleNames, *, suffix: str) -> list[Uri]:
    """The SIP URIs of a number, the most wanted first. Raises Unreachable if there are none."""
    found = await _follow(domain_of(number, suffix), number, names, _DEEPEST)
    if not found:
        raise Unreachable(f"enum:{number}: no SIP address in {suffix}")
    return list(dict.fromkeys(found))[:_MOST]


async def _follow(domain: str, number: str, names: RuleNames, depth: int) -> list[Uri]:
    found: list[Uri] = []
    rules = sorted(await names.rules(domain), key=lambda rule: (rule.order, rule.preference))
    for rule in rules:
        if rule.flags.lower() == "u" and _is_sip(rule.service):
            uri = rewrite(rule.regexp, number)
            found += [uri] if uri is not None else []
        elif not rule.flags and rule.replacement and depth > 0:  # RFC 6116 3.4.3: not the end of it
            found += await _follow(rule.replacement, number, names, depth - 1)
        if len(found) >= _MOST:
            break
    return found


def _is_sip(service: str) -> bool:
    """`E2U+sip`, several services perhaps (RFC 6116 3.4.3), or `sip+E2U` of RFC 2916."""
    parts = service.lower().split("+")
    return "e2u" in (parts[0], parts[-1]) and any(part.partition(":")[0] in ("sip", "sips") for part in parts)


def rewrite(regexp: str, number: str) -> Uri | None:
    """What an expression such as `!^.*$!sip:info@example.com!` makes of the number; None if that is not to be had."""
    parts = regexp[1:].split(regexp[0]) if regexp and not regexp[0].isalnum() and regexp[0] != "\\" else []
    if len(parts) != 3 or parts[2].lower() not in ("", "i") or not _is_harmless(parts[0]):
        return None
    try:
        match = re.search(parts[0], number, re.IGNORECASE if parts[2] else 0)
        text = re.sub(r"\\([1-9])", lambda back: (match[int(back[1])] or "") if match else "", parts[1])
        uri = Uri.parse(text)
    except (re.error, IndexError, OverflowError, ParseError):
        return None
    return uri if match is not None and uri.scheme in ("sip", "sips") else None


def _is_harmless(expression: str) -> bool:
    """Few repetitions, and none of a group: matching it against a number ends soon."""
    plain = re.sub(r"\\.|\[[^]]*\]", "x", expression)
    if len(expression) > _LONGEST or "{" in plain or "(?" in plain or re.search(r"\)[*+?]", plain):
        return False
    return len(re.findall(r"[*+?]", plain)) <= _REPEATS
