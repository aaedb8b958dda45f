"""Commands that transfer calls, and that say what becomes of a phone's wish to transfer one."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from .command import Command
from .outcomes import Outcome, TransferFailed, Transferred


class Transfer(Command, frozen=True, kw_only=True):
    """Have the peer call somebody else itself (REFER): a `target`, or whoever `other` talks with, in its place.

    The call stays up until its app hangs up: the peer may say no. `timeout` is how long the outcome may take.
    """

    name: ClassVar[str] = "transfer"
    ends_as: ClassVar[tuple[type[Outcome], ...]] = (Transferred, TransferFailed)
    ended_by: ClassVar[str] = "transfer.finished"
    target: str = ""
    other: str | None = None
    timeout: float = 60.0
    headers: dict[str, str] = msgspec.field(default_factory=dict)


class TransferPolicy(Command, frozen=True, kw_only=True):
    """Who decides when the peer's phone wants to transfer: the engine, this app within `wait` seconds, or nobody.

    The app decides by `accept_transfer` or `refuse_transfer`; a wish that it does not answer in time is refused.
    """

    name: ClassVar[str] = "transfer_policy"
    requests: Literal["engine", "app", "refuse"] = "engine"
    wait: float = 10.0


class AcceptTransfer(Command, frozen=True, kw_only=True):
    """Let the phone's wish be done, or send the other party to this `target` instead. `channel.transferred` follows."""

    name: ClassVar[str] = "accept_transfer"
    request: str
    target: str = ""


class RefuseTransfer(Command, frozen=True, kw_only=True):
    """Tell the phone no, with a SIP status of 400 to 699; the call goes on as it was."""

    name: ClassVar[str] = "refuse_transfer"
    request: str
    status: int = 603
