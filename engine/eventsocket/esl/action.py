"""What keys of a channel do: one binding of bind_digit_action or bind_meta_app. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Whose: TypeAlias = Literal["self", "peer", "both"]


@dataclass(frozen=True, slots=True)
class Action:
    """`keyed_by`: whose keys do it; `done_on`: with which channel."""

    realm: str
    digits: str
    kind: str  # exec or api
    name: str
    data: str
    keyed_by: Whose = "self"
    done_on: Whose = "self"
