"""The life of a channel: its states, what moves it, and in which states a command is legal.

Both directions share one table. A pair that is absent is not legal, and what a peer does in it is ignored.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias


class State(enum.Enum):
    CREATED = "created"  # the INVITE came or went, nothing above 100 yet
    RINGING = "ringing"  # 180
    EARLY = "early"  # 183 with SDP: the caller can hear us
    ANSWERED = "answered"  # 200
    ENDING = "ending"  # the peer knows; the media still reports what ran
    ENDED = "ended"  # channel.ended is out; nothing is held any more


class Trigger(enum.Enum):
    RING = enum.auto()
    PROGRESS = enum.auto()
    ANSWER = enum.auto()
    END = enum.auto()
    DRAIN = enum.auto()  # every command has had its outcome


S, T = State, Trigger

# RFC 3261 13.2.2 and 13.3.1 as one leg sees them: provisional responses in any number, then one final.
TRANSITIONS: Mapping[tuple[State, Trigger], State] = MappingProxyType({
    (S.CREATED, T.RING): S.RINGING,
    (S.CREATED, T.PROGRESS): S.EARLY,
    (S.CREATED, T.ANSWER): S.ANSWERED,
    (S.CREATED, T.END): S.ENDING,
    (S.RINGING, T.PROGRESS): S.EARLY,
    (S.RINGING, T.ANSWER): S.ANSWERED,
    (S.RINGING, T.END): S.ENDING,
    (S.EARLY, T.ANSWER): S.ANSWERED,
    (S.EARLY, T.END): S.ENDING,
    (S.ANSWERED, T.END): S.ENDING,
    (S.ENDING, T.DRAIN): S.ENDED,
})

Phase: TypeAlias = Literal["setup", "ringing", "early", "answered"]

PHASES: Mapping[State, Phase] = MappingProxyType({
    S.CREATED: "setup",
    S.RINGING: "ringing",
    S.EARLY: "early",
    S.ANSWERED: "answered",
})

UNANSWERED = frozenset({S.CREATED, S.RINGING, S.EARLY})
ALIVE = UNANSWERED | {S.ANSWERED}
