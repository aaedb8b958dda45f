"""The RTP data plane (engine/native/src/media), as engine/media/engine.py uses it."""

import os
from collections.abc import Sequence
from typing import Any, TypeAlias, final

__all__ = [
    "Engine",
    "Leg",
    "NoPorts",
    "Pipe",
    "Room",
    "Source",
    "detect",
    "expect_sound",
    "measure",
    "samples",
    "trim_heap",
]

def detect(samples: Sequence[int], level_dbov: float) -> list[tuple[str, int, int, int]]:
    """What is detected in 16-bit samples at 8 kHz: `(noticed, at_ms, lasted_ms, level_dbov)`."""

def expect_sound(path: str | os.PathLike[str], suffix: str | None = None) -> None:
    """Raise ValueError, with the reason, if a file cannot be played at all."""

def measure(path: str | os.PathLike[str], suffix: str | None = None) -> tuple[int, str | None]:
    """How many samples at 8 kHz a file has, and what is wrong behind them. Raises ValueError.

    `suffix`: of the name that it has elsewhere, which says what raw samples are in it.
    """

def samples(path: str | os.PathLike[str], suffix: str | None = None) -> bytes:
    """Its samples at 8 kHz, of 16 bits in the machine's order. Raises ValueError."""

def trim_heap() -> bool:
    """Give back to the system what the heap has free. Whether there was any."""

class NoPorts(OSError):
    """No RTP port pair could be had; the text says why."""

@final
class Source:
    """Something to play."""

    @staticmethod
    def file(path: str | os.PathLike[str], suffix: str | None = None) -> Source: ...
    @staticmethod
    def tone(
        frequencies: Sequence[float], cadence_ms: Sequence[int], duration_ms: int | None, level_dbm0: float
    ) -> Source: ...
    @staticmethod
    def silence(duration_ms: int) -> Source: ...

@final
class Engine:
    """The data plane: its threads run from construction to `shutdown`. Nothing here waits for a media thread."""

    def __new__(
        cls,
        address: str,
        first_port: int,
        last_port: int,
        threads: int,
        *,
        stun: tuple[str, int] | None = None,
        turn: tuple[tuple[str, int], str, str] | None = None,  # a server, a name and a password
    ) -> Engine: ...
    @property
    def fingerprint(self) -> str:
        """That of its certificate, as `a=fingerprint` has it."""

    @property
    def fd(self) -> int:
        """Readable while reports wait."""

    @property
    def reports_dropped(self) -> int:
        """Digits and sounds dropped because more than 65,536 reports waited."""

    def take_lateness(self) -> float:
        """Seconds that a media thread was late by work of its own since the last time."""

    def open(self) -> Leg:
        """Raises NoPorts."""

    def open_room(self, near: Leg | None = None) -> Room:
        """On the media thread of `near`."""

    def reports(self) -> list[tuple[Any, ...]]:
        """Everything reported since the last time: `(leg, kind, ...)`, kinds as in engine.py."""

    def frames(self) -> list[tuple[int, bool, int, bytes]]:
        """The frames of all pipes since the last time: `(pipe, is_received, at_ms, octets)`."""

    def shutdown(self) -> None:
        """Close every leg and end every thread."""

Figures: TypeAlias = tuple[  # in the order of engine.media.session.Statistics
    tuple[int, int, int, int, int, int, float],
    tuple[int, float, float | None],
    tuple[int, float, float, int],
    tuple[int, int],
]

@final
class Leg:
    """One leg. Every method raises RuntimeError when its media thread does not keep up with 65,536 commands."""

    @property
    def id(self) -> int: ...
    @property
    def port(self) -> int: ...
    def associate(
        self,
        *,
        ice: tuple[tuple[str, str], tuple[str, str] | None, bool, bool, tuple[str, int], Sequence[str]]
        | None,  # our ufrag and password, the peer's, are we lite, controlling, our address, the peer's candidates
        dtls: tuple[bool, Sequence[str]] | None,  # are we the client, the peer's fingerprints
        remote: tuple[str, int] | None,
    ) -> None:
        """Raises ValueError for what is no address or no fingerprint."""
    def secure(self, keys: tuple[str, bytes, bytes, bytes] | None) -> None:
        """A crypto-suite, our key and the peer's with their salts, and the identifier that the peer's packets carry.

        Raises ValueError for what does not fit the suite.
        """

    def update(
        self,
        *,
        remote: tuple[str, int] | None,
        signalled_from: str | None,
        codec: str,
        clock_rate: int,
        opus: tuple[int, bool, bool],
        event_rate: int,
        comfort_noise: int | None,
        payload_type: int,
        ptime_ms: int,
        telephone_event: int | None,
        hears_tones: bool,
        is_muxed: bool,
        may_send: bool,
        may_receive: bool,
    ) -> None: ...
    def play(
        self,
        name: str,
        sources: Sequence[Source],
        *,
        repeat: int,
        gain_db: float,
        offset_ms: int,
        fades_ms: tuple[int, int],
    ) -> None: ...
    def record(
        self, name: str, path: str | os.PathLike[str], *, max_ms: int, silence_ms: int, is_trimmed: bool
    ) -> None: ...
    def record_both(self, name: str, path: str | os.PathLike[str], *, is_stereo: bool, max_ms: int) -> None: ...
    def control(self, name: str, *, is_paused: bool | None, seek_ms: int | None, gain_db: float | None) -> None: ...
    def mute(self, *, incoming: bool, outgoing: bool) -> None: ...
    def stop(self, name: str) -> None: ...
    def echo(self, *, delay_ms: int | None) -> None: ...
    def send_digits(self, name: str, digits: str, *, is_inband: bool | None, duration_ms: int, gap_ms: int) -> None: ...
    def open_pipe(
        self, name: str, pipe: int, *, is_linear: bool, rate: int, hears_received: bool, hears_sent: bool
    ) -> Pipe:
        """`pipe` is its name in frames. Raises ValueError for a rate that there is none of."""

    def relay(self, other: Leg) -> None: ...
    def unrelay(self) -> None: ...
    def leave_room(self) -> None: ...
    def watch_audio(self, *, is_on: bool) -> None: ...
    def detect(self, *, level_dbov: float | None) -> None: ...
    def statistics(self) -> Figures: ...
    def look(self) -> tuple[Figures, Figures] | None:
        """The figures at the look before, and now; None: what came since sounds as that did."""

    def close(self) -> None: ...

@final
class Pipe:
    """What a program outside says goes in here; what it hears comes by `Engine.frames`."""

    def write(self, octets: bytes) -> int:
        """How many were taken."""

    def mark(self, mark: int) -> bool:
        """False: too much waits."""

    def clear(self) -> None: ...
    def figures(self) -> tuple[int, int]:
        """Milliseconds that were said, and that wait."""

    def close(self) -> None: ...

@final
class Room:
    """Legs that hear each other."""

    @property
    def id(self) -> int:
        """Reports on it come under this name."""

    def add(
        self, leg: Leg, *, gain_db: float, is_muted: bool, is_deaf: bool, speaks_to: Leg | None, is_tapped: bool
    ) -> None:
        """Also for one that is in it: in another way from now on."""

    def play(
        self,
        name: str,
        sources: Sequence[Source],
        *,
        repeat: int,
        gain_db: float,
        offset_ms: int,
        fades_ms: tuple[int, int],
    ) -> None: ...
    def record(self, name: str, path: str | os.PathLike[str], *, max_ms: int) -> None: ...
    def control(self, name: str, *, is_paused: bool) -> None: ...
    def stop(self, name: str) -> None: ...
    def close(self) -> None: ...
