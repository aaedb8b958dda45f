"""A dial string becomes the stages of our `dial` and `originate`, and their outcome a cause of FreeSWITCH's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from callflow.protocol.commands import Target
from callflow.protocol.outcomes import Answered, AnyOutcome, Branch, Failed

from .dialstring import DialString, DialStringError, Endpoint
from .steering import Refused
from .vocabulary import cause_of_failure

DEFAULT_TIMEOUT = 60.0  # seconds
_LONGEST = 3600.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What is dialled. `variables`: of the legs, by id. `error`: the cause of what cannot be dialled at all."""

    stages: tuple[tuple[Target, ...], ...]
    timeout: float
    caller_id: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    variables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    error: str = ""
    has_leg_timeout: bool = False
    by_trunk: frozenset[str] = frozenset()  # legs


def plan(
    dialled: DialString,
    *,
    new_id: Callable[[], str],
    timeout: float | None = None,
    caller_name: str = "",
    caller_number: str = "",
) -> Plan:
    """`timeout` and the caller are those that the dial string's own variables go before. Raises DialStringError."""
    general = dialled.variables
    legs: dict[str, Mapping[str, str]] = {}
    stages: list[tuple[Target, ...]] = []
    errors: list[str] = []
    for stage in dialled.stages:
        errors += [endpoint.error for endpoint in stage if endpoint.error]
        targets = tuple(_target(each, general, legs, new_id) for each in stage if not each.error)
        stages += [targets] if targets else []
    own = {**general, **(dialled.stages[0][0].variables if len(legs) == 1 else {})}
    return Plan(
        tuple(stages),
        seconds(general.get("originate_timeout") or general.get("call_timeout")) or timeout or DEFAULT_TIMEOUT,
        caller_id(
            own.get("origination_caller_id_name", caller_name), own.get("origination_caller_id_number", caller_number)
        ),
        sip_headers(general),
        legs,
        errors[-1] if errors and not stages else "",
        any("leg_timeout" in variables for variables in legs.values()),
        frozenset(target.leg for stage in stages for target in stage if target.trunk),
    )


def caller_id(name: str, number: str) -> str | None:
    """As our commands spell it."""
    number = "".join(character for character in number if character.isalnum() or character in "+*#._-")[:64]
    name = "".join(character for character in name if character.isprintable() and character not in '"<>\\')[:64]
    if not number:
        return None
    return f'"{name}" <{number}>' if name else number


def sip_headers(variables: Mapping[str, str]) -> dict[str, str]:
    """The headers that `sip_h_X-...` variables ask for. Raises DialStringError."""
    headers = {name.removeprefix("sip_h_"): value for name, value in variables.items() if name.startswith("sip_h_X-")}
    for name, value in headers.items():
        if not (name + value).isprintable():
            raise DialStringError(f"expected no control characters in sip_h_{name[:64]!r}, got {value[:64]!r}")
    return headers


def cause_of(outcome: AnyOutcome, planned: Plan, unmade: frozenset[str] = frozenset()) -> str:
    """Why nobody answered; `unmade` are legs that never came to be, for there was nobody to call."""
    if isinstance(outcome, Answered):
        return "SUCCESS"
    if isinstance(outcome, Failed) and outcome.reason != "no_answer":
        return "ORIGINATOR_CANCEL"
    branches = outcome.branches if isinstance(outcome, Failed) else ()
    if not branches:
        return "NO_ANSWER"
    if branches[-1].leg in unmade and branches[-1].reason == "unavailable":
        return "USER_NOT_REGISTERED"
    if branches[-1].leg in unmade and branches[-1].leg in planned.by_trunk:
        return "GATEWAY_DOWN"
    return _cause_of_branch(branches[-1], has_leg_timeout=planned.has_leg_timeout)


def cause_of_refusal(refused: Refused) -> str:
    """Why nobody was called at all."""
    if "trunk" in refused.details:
        return "INVALID_GATEWAY"
    return "SUBSCRIBER_ABSENT" if refused.code == "not_found" else "DESTINATION_OUT_OF_ORDER"


def wants_tones(variables: Mapping[str, str]) -> bool:
    """Whether busy and the like, before the answer, are to count. Which tones, and what they mean, we know."""
    return bool(variables.get("monitor_early_media_fail", "").strip())


def dial_status(cause: str) -> str:
    """The variable DIALSTATUS."""
    return {
        "SUCCESS": "SUCCESS", "USER_BUSY": "BUSY", "NO_ANSWER": "NOANSWER", "ORIGINATOR_CANCEL": "CANCEL",
    }.get(cause, cause)  # fmt: skip


def seconds(text: str | None) -> float | None:
    """A time-out as a variable holds it; None if it is none."""
    if text is None or not text.strip().isascii() or not text.strip().isdigit() or len(text) > 8:
        return None
    return min(max(float(text), 1.0), _LONGEST)


def _target(
    endpoint: Endpoint,
    general: Mapping[str, str],
    legs: dict[str, Mapping[str, str]],
    new_id: Callable[[], str],
) -> Target:
    own = {**general, **endpoint.variables}
    is_first = not legs
    leg = endpoint.variables.get("origination_uuid") or (general.get("origination_uuid") if is_first else None)
    leg = leg or new_id()
    legs[leg] = own
    delay = seconds(endpoint.variables.get("leg_delay_start")) or 0.0
    timeout = seconds(own.get("leg_timeout"))
    return Target(
        endpoint.target,
        leg,
        delay,
        timeout,
        sip_headers(endpoint.variables),
        trunk=endpoint.trunk,
        username=own.get("sip_auth_username", ""),
        password=own.get("sip_auth_password", ""),
    )


def _cause_of_branch(branch: Branch, *, has_leg_timeout: bool) -> str:
    if branch.reason == "no_answer" and not branch.sip_status:
        return "ALLOTTED_TIMEOUT" if has_leg_timeout else "NO_ANSWER"
    if branch.reason == "cancelled":
        return "ORIGINATOR_CANCEL"
    return cause_of_failure(branch.sip_status, branch.q850)
