"""What `Call.dial` takes and gives: stages of targets in, `Answered` or `Failed` out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from .errors import BadArgument
from .protocol.commands import Target

if TYPE_CHECKING:
    from .call import Call

Stage: TypeAlias = str | Target | Sequence[str | Target]


@dataclass(frozen=True, slots=True)
class Answered:
    """A target answered: `leg` is the call to it, which this script now owns."""

    leg: Call
    target: str = ""


def make_stages(stages: Sequence[Stage], *, new_leg: Callable[[], str]) -> tuple[tuple[Target, ...], ...]:
    """Stages in turn, the targets of a stage together, each with the id that its channel shall have.

    Raises BadArgument for no stage and for one without targets.
    """
    if not stages:
        raise BadArgument("expected at least one stage: a target, or a list of targets", command="dial")
    return tuple(_make_stage(stage, new_leg) for stage in stages)


def _make_stage(stage: Stage, new_leg: Callable[[], str]) -> tuple[Target, ...]:
    targets = (stage,) if isinstance(stage, str | Target) else tuple(stage)
    if not targets:
        raise BadArgument("expected a stage with at least one target, got an empty list", command="dial")
    return tuple(_make_target(target, new_leg) for target in targets)


def _make_target(target: str | Target, new_leg: Callable[[], str]) -> Target:
    if isinstance(target, str):
        return Target(target=target, leg=new_leg())
    return target if target.leg else msgspec.structs.replace(target, leg=new_leg())
