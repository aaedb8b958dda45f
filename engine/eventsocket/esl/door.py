"""The whole door, wired: the hub with its session, clients that dial us, applications that we dial."""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import trio

from engine.eventsocket.eventsocket import EventSocket
from engine.web.terms import Terms

from . import keeping_audio
from .address import Application
from .api import answer_api
from .application import APPLICATIONS
from .asked import Asked
from .browsing import Browsing
from .dialstring import Groups
from .guard import LOOPBACK, Guard, Network
from .headers import Core
from .hub import Hub
from .inbound import serve_inbound
from .leg import Leg
from .outbound import OutboundDoor
from .permission import EslUser
from .steering import Steering
from .transferring import handing_over
from .translation import TRANSLATIONS

# Clients look at the number to know what they may ask for.
_VERSION = "1.11.0-release-callflow 64bit"


@dataclass(frozen=True, slots=True, kw_only=True)
class EslSettings:
    """`listen`: where clients dial us, None: nowhere. `sounds`: the folder of the prompts.

    `users`: who may say `userauth`; `groups`: users that a dial string rings together.
    `numbers` of our routes take calls in place of applications. `names`: of all users of the engine; `addresses`:
    where it listens for SIP. `web`: who may be asked by `curl`.
    """

    listen: tuple[str, int] | None = None
    password: str = field(default="", repr=False)
    networks: tuple[Network, ...] = tuple(LOOPBACK)
    sounds: Path | None = None
    applications: Mapping[str, Application] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)
    users: tuple[EslUser, ...] = ()
    names: Collection[str] = ()
    addresses: Callable[[], Sequence[str]] = lambda: ()
    groups: Groups = field(default_factory=dict)
    web: Terms | None = None


async def serve_esl(
    sockets: EventSocket,
    settings: EslSettings,
    *,
    epoch: Callable[[], float] = time.time,
    task_status: trio.TaskStatus[tuple[str, int] | None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled, and tell the address when listening. Raises OSError."""
    browsing = Browsing(settings.web) if settings.web is not None else None
    try:
        await _serve(sockets, settings, browsing, epoch, task_status)
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
            if browsing is not None:
                await browsing.close()


async def _serve(
    sockets: EventSocket,
    settings: EslSettings,
    browsing: Browsing | None,
    epoch: Callable[[], float],
    task_status: trio.TaskStatus[tuple[str, int] | None],
) -> None:
    async with trio.open_nursery() as nursery:
        steering = Steering(sockets, new_id=_new_id, sounds=settings.sounds)
        core = Core(_new_id(), socket.gethostname(), "127.0.0.1", _VERSION, epoch())
        hub = Hub(
            sockets,
            steering,
            core,
            translations=TRANSLATIONS,
            applications={**APPLICATIONS, **{name: handing_over(name, to) for name, to in settings.numbers.items()}},
            nursery=nursery,
            new_id=_new_id,
            epoch=epoch,
            sounds=str(settings.sounds or ""),
            groups=settings.groups,
            users=settings.names,
            addresses=settings.addresses,
            answer=_answer,
            browsing=browsing,
        )
        OutboundDoor(hub, settings.applications)
        await nursery.start(_steer, hub)
        await keeping_audio.remove_all(hub)
        nursery.start_soon(hub.beat)
        address: tuple[str, int] | None = None
        if settings.listen is not None:
            users = {user.name: user for user in settings.users}
            serve = partial(serve_inbound, hub, *settings.listen, password=settings.password, users=users)
            address = await nursery.start(partial(serve, guard=Guard(settings.networks)))
        task_status.started(address)


async def _steer(hub: Hub, *, task_status: trio.TaskStatus[None]) -> None:
    """Until the engine stops; then the clients are told."""
    await hub.steering.run(task_status=task_status)
    hub.shut_down()


async def _answer(hub: Hub, line: str, leg: Leg | None) -> str:
    return await answer_api(Asked(hub, leg), line)


def _new_id() -> str:
    return str(uuid.uuid4())
