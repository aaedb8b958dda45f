"""The versions of an app: how each stands, and which of them takes the next call. Decisions only, no processes.

The newest takes the calls, or a share of them beside the version before it. Calls stay with the version that they
began with: one that takes none any more drains, and retires when its last call has ended.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

KEPT = 5  # versions to go back to
PROBATION = 100  # calls, after which a version has proven itself
WORST = (5, 0.2)  # errors, and as a share of its calls, that one on probation is rolled back for


class VersionState(enum.Enum):
    """How a version stands."""

    LOADING = "loading"
    ACTIVE = "active"
    DRAINING = "draining"
    RETIRED = "retired"
    FAILED = "failed"


class Trigger(enum.Enum):
    """What happens to a version."""

    CONNECTED = enum.auto()  # its worker has imported the script and declared its routes
    REFUSED = enum.auto()  # it did not load
    REPLACED = enum.auto()  # another takes the new calls
    RECALLED = enum.auto()  # new calls go back to it
    ENDED = enum.auto()  # its last call is over, or was given up


TRANSITIONS: Mapping[tuple[VersionState, Trigger], VersionState] = MappingProxyType({
    (VersionState.LOADING, Trigger.CONNECTED): VersionState.ACTIVE,
    (VersionState.LOADING, Trigger.REFUSED): VersionState.FAILED,
    (VersionState.ACTIVE, Trigger.REPLACED): VersionState.DRAINING,
    (VersionState.DRAINING, Trigger.RECALLED): VersionState.ACTIVE,
    (VersionState.DRAINING, Trigger.ENDED): VersionState.RETIRED,
    (VersionState.RETIRED, Trigger.RECALLED): VersionState.LOADING,
})


class NoVersion(ValueError):
    """There is no version to go back to, or to give a share to."""


class Version:
    """One version of an app."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.name = str(number)
        self.state = VersionState.LOADING
        self.hash = ""  # of its folder's content
        self.folder: Path | None = None  # the copy
        self.calls = 0  # that it has had
        self.errors = 0
        self.saved_at: float | None = None  # the files that it was made for; seconds since the epoch
        self.loaded_at: float | None = None
        self.is_up = False  # its worker is connected
        self.is_recalled = False  # it was good enough before

    def __repr__(self) -> str:
        return f"<version {self.name} {self.state.value}>"

    @property
    def error_rate(self) -> float:
        """Errors per call."""
        return self.errors / max(self.calls, 1)

    @property
    def is_on_probation(self) -> bool:
        return self.calls <= PROBATION and not self.is_recalled

    @property
    def is_live(self) -> bool:
        """It has a worker, or is to have one."""
        return self.state in (VersionState.LOADING, VersionState.ACTIVE, VersionState.DRAINING)

    def enter(self, trigger: Trigger) -> None:
        """Change state. Raises ValueError for what cannot happen in this one."""
        after = TRANSITIONS.get((self.state, trigger))
        if after is None:
            raise ValueError(f"version {self.name}: {trigger.name} cannot happen while it is {self.state.value}")
        self.state = after
        self.is_recalled |= trigger is Trigger.RECALLED


class Versions:
    """The versions of one app."""

    def __init__(self) -> None:
        self.all: list[Version] = []  # by number: the live ones, and the last that were
        self.canary: Version | None = None
        self.share = 1.0  # of the canary
        self._line: list[Version] = []  # that had all new calls, one after another; the last one has them
        self._made = 0
        self._offered = 0  # calls since the share was set
        self._given = 0  # of these to the canary

    @property
    def current(self) -> Version | None:
        """Who takes the calls that are not the canary's."""
        return self._line[-1] if self._line else None

    @property
    def live(self) -> list[Version]:
        return [version for version in self.all if version.is_live]

    def find(self, name: str) -> Version | None:
        return next((version for version in self.all if version.name == name), None)

    def add(self) -> Version:
        """A version that is to be loaded."""
        self._made += 1
        version = Version(self._made)
        self.all.append(version)
        self._forget()
        return version

    def next(self) -> Version | None:
        """Who takes the next call. The canary's turns come evenly; while it has no worker it has none."""
        canary = self.canary
        # n/10 as floats is a little less than it should be for some n.
        if canary is not None and canary.is_up and self._given + 1 <= self.share * (self._offered + 1) + 1e-9:
            return canary
        return self.current

    def count(self, version: Version) -> None:
        """A version was given a new call."""
        version.calls += 1
        self._offered += 1
        self._given += version is self.canary

    def install(self, version: Version, share: float = 1.0) -> list[Version]:
        """A version has loaded: it takes this share of the calls. Those that take none any more."""
        version.enter(Trigger.CONNECTED)
        if share < 1 and self.current is not None:
            return self._replace([self.canary], canary=version, share=share)
        before = [self.canary, self.current]
        if version in self._line:  # recalled
            del self._line[self._line.index(version) :]
        self._line = [*self._line, version][-KEPT:]
        return self._replace(before, canary=None, share=1.0)

    def refuse(self, version: Version) -> None:
        """A version has not loaded: whoever takes calls goes on."""
        version.enter(Trigger.REFUSED)
        if version in self._line:
            self._line.remove(version)

    def give_share(self, share: float) -> list[Version]:
        """Change the canary's share; with all of it, it is the canary no more. Those that take no calls any more."""
        canary = self.canary
        if canary is None:
            raise NoVersion("no two versions share the calls")
        if share < 1:
            return self._replace([], canary=canary, share=share)
        before = [self.current]
        self._line = [*self._line, canary][-KEPT:]
        return self._replace(before, canary=None, share=1.0)

    def is_worse(self, version: Version) -> bool:
        """So many of a new version's calls fail that the one before it had better take them."""
        before = self._before(version)
        return (
            before is not None
            and before.state is not VersionState.LOADING
            and version.is_on_probation
            and version.errors >= WORST[0]
            and version.error_rate >= WORST[1]
            and version.error_rate > before.error_rate
        )

    def _before(self, version: Version) -> Version | None:
        """Who would take its calls if it were rolled back."""
        if version is self.canary:
            return self.current
        is_alone = self.canary is None and version is self.current and len(self._line) > 1
        return self._line[-2] if is_alone else None

    def roll_back(self) -> tuple[Version, list[Version]]:
        """Who takes the calls again, and who takes none any more. One that had retired must be loaded first."""
        if self.canary is not None and self.current is not None:
            return self.current, self._replace([self.canary], canary=None, share=1.0)
        if len(self._line) < 2:
            raise NoVersion("there is no version before this one")
        current, target = self._line[-1], self._line[-2]
        if target.state is not VersionState.LOADING:  # else it is on its way
            target.enter(Trigger.RECALLED)
        if target.state is VersionState.LOADING:
            return target, []
        self._line.pop()
        return target, self._replace([current], canary=None, share=1.0)

    def _replace(self, versions: Iterable[Version | None], *, canary: Version | None, share: float) -> list[Version]:
        self.canary, self.share = canary, share
        self._offered = self._given = 0
        replaced = [version for version in versions if version is not None and version.state is VersionState.ACTIVE]
        for version in replaced:
            version.enter(Trigger.REPLACED)
        return replaced

    def _forget(self) -> None:
        """Drop the oldest of those that have no worker and to which nobody can go back."""
        past = [version for version in self.all if not version.is_live]
        kept = [*past[-KEPT:], *self._line]
        self.all = [version for version in self.all if version.is_live or version in kept]
