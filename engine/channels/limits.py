"""How much of everything a program or a peer may have. Over a limit is an error, never a slowdown."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Numbers per engine, per channel and per command. Times are seconds."""

    channels: int = 20_000
    running_commands: int = 32  # per channel
    digits_ahead: int = 64  # keyed before anybody asked
    digits_sent: int = 128  # in one send_digits
    entry: int = 128  # digits of one gather
    sources: int = 64  # in one prompt
    variables: int = 128  # per channel
    variable_name: int = 128  # characters
    variable_value: int = 8192  # characters
    stages: int = 16  # per dial
    targets: int = 32  # per dial
    redirects: int = 10  # per target
    originations: int = 5_000  # per engine
    contacts: int = 10  # rung for one user
    members: int = 1_000  # of one conference
    headers: int = 32  # given by a program for one message
    report_after: float = 2.0  # how long the media may take to report what was stopped
    transfer_rings: float = 60.0  # how long the target of a phone's transfer may ring
    transferor_leaves_after: float = 2.0  # a phone that has transferred and does not hang up is hung up
    retry_after: float = 5.0  # what a refused caller is told
