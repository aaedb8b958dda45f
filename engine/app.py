"""The composition root: a configuration becomes a running engine. With `engine.switch` the only place that wires parts.

async with trio.open_nursery() as nursery:
    engine = await nursery.start(serve, config)   # ready for calls
    ...
    nursery.cancel_scope.cancel()                 # calls end with BYE, apps are told, workers stop, sockets close
"""

from __future__ import annotations

import os
import secrets
import socket
import ssl
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, cast

import structlog
import trio

from callflow.protocol.schema import schema_text
from callflow.runtime.lua.worldspec import WorldSpec
from engine._native.media import trim_heap
from engine.config import App, Config, Esl, Listener, Rtp, Sip, Socket, join_host_port
from engine.encryption import exposures
from engine.eventsocket.certificate import ServerCertificate, trusting
from engine.eventsocket.esl.address import Application
from engine.eventsocket.esl.dialstring import LOOPBACK as LOOPBACK_TRUNK
from engine.eventsocket.esl.guard import LOOPBACK
from engine.eventsocket.outbound import Destination, OutboundDoor
from engine.eventsocket.tokens import Scope, Token, Tokens, check_exposure, load_token
from engine.eventsocket.websocket import PATH, serve_websocket
from engine.eventsocket.worker import serve_worker
from engine.media.engine import NativeMediaEngine
from engine.scripting.copies import Copies
from engine.scripting.decision import INTERNAL
from engine.scripting.reloading import reload_verbs
from engine.scripting.spare import Spare
from engine.scripting.supervised import AppSpec
from engine.scripting.supervisor import Host, Supervisor
from engine.scripting.watcher import watch_folder
from engine.sip.events import SipEvent
from engine.sip.stack import SipStack
from engine.store.bindings import DatabaseBindings
from engine.store.recorder import Recorder
from engine.store.shown import DatabaseShown
from engine.store.texts import DatabaseTexts
from engine.store.users import DatabaseUsers
from engine.switch import Switch
from engine.tide import Tide
from engine.traces import Traces, are_wanted, is_installed
from engine.transport.address import RECEIVE_BUFFER
from engine.transport.advertising import Advertising
from engine.transport.endpoint import Endpoint
from engine.transport.names import DnsNames
from engine.transport.tls import TlsContexts
from engine.trunks.spec import TargetSpec, TrunkSpec

if TYPE_CHECKING:
    from engine.telemetry.exporter import Exporter

ESL = "esl:"  # the scheme of routes to applications that speak FreeSWITCH's event socket
STOP_WITHIN = 2.0  # seconds for peers and apps to confirm the end

logger = structlog.get_logger("engine")


@dataclass(frozen=True, slots=True)
class Engine:
    """A running engine, as whoever started it sees it."""

    switch: Switch
    listeners: tuple[Listener, ...]  # of SIP, with the ports that the kernel gave
    socket_url: str
    supervisor: Supervisor  # of the apps that it runs itself
    certificates: tuple[ServerCertificate, ...] = ()  # of the event socket and of SIP
    routes: tuple[str, ...] = ()  # as configured
    esl: tuple[str, int] | None = None  # where FreeSWITCH's clients are let in

    @property
    def patterns(self) -> tuple[str, ...]:
        """What can be dialled: the configured routes, or without them those of the apps."""
        sessions = self.switch.sessions
        own = (route for app in sessions.apps for session in sessions.of(app) for route in session.routes)
        return self.routes or tuple(dict.fromkeys(own))


async def serve(
    config: Config,
    *,
    must_load: bool = True,
    spare: Spare | None = None,
    task_status: trio.TaskStatus[Engine] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run an engine until cancelled, or until it was drained; then stop it in order. `spare` may have a worker already.

    Raises OSError for an address that cannot be had, ExposureError for an event socket open to strangers,
    CertificateError for one whose certificate cannot be used, and with `must_load`
    `engine.scripting.supervised.LoadFailed` for a script that does not load at first.
    """
    try:
        with TemporaryDirectory(prefix="callflow-") as folder:
            await _serve(config, Path(folder), must_load, spare or Spare(), task_status)
    except BaseExceptionGroup as group:  # a start that failed has one reason; trio wraps it once per nursery
        raise _only(group) from None


async def _serve(
    config: Config, folder: Path, must_load: bool, spare: Spare, task_status: trio.TaskStatus[Engine]
) -> None:
    tokens = _tokens(config)
    certificate = _certificate(config.socket)
    sip_certificate = _certificate(config.sip)
    place = config.place
    async with _parts() as parts:
        switch = Switch(
            config,
            parts,
            engine=f"callflow/{version('callflow')}",
            media=NativeMediaEngine(
                _media_address(config),
                config.rtp.ports,
                threads=config.rtp.threads,
                hears_tones=config.rtp.hears_tones,
                stun=config.rtp.stun,
                turn=_turn(config.rtp),
            ),
            new_token=lambda purpose: _new_uuid if purpose == "channels" and _has_esl(config) else _new_token,
            epoch=time.time,
            recordings=config.data / "recordings",
            cache=config.data / "cache",
            texts=DatabaseTexts(place.texts, epoch=time.time, aside=place.aside("texts")),
            shown=DatabaseShown(place.shown, epoch=time.time, aside=place.aside("shown")),
            users=DatabaseUsers(place.users, epoch=time.time, aside=place.aside("users")),
            bindings=DatabaseBindings(
                place.bindings, epoch=time.time, clock=trio.current_time, aside=place.aside("bindings")
            ),
            records=lambda tell: Recorder(place.records, place.pending, epoch=time.time, on_written=tell),
            new_endpoint=partial(_endpoint, config.sip, _tls(config.sip, sip_certificate)),
        )
        traces = _traces(config, switch)
        try:
            await parts.start(switch.run)
            url = await _open_doors(switch, config, tokens, certificate, parts)
            esl = await _open_esl(switch, config, parts)
            supervisor = await _start_workers(switch, config, folder / "worker.socket", must_load, spare, parts)
            listeners = [await _listen(switch, listener) for listener in config.sip.listen]  # who calls is expected
            parts.start_soon(switch.trunks.run)
            _tell_room(switch.endpoint.backlog().room)
            _let_call_itself(switch, config, listeners)
            routes = tuple(route.to for route in config.routes)
            certificates = tuple(each for each in (certificate, sip_certificate) if each is not None)
            for each in certificates:
                parts.start_soon(each.watch)
            _warn_of_exposed_keys(config)
            task_status.started(Engine(switch, tuple(listeners), url, supervisor, certificates, routes, esl))
            parts.start_soon(switch.gate.watch_lag)
            parts.start_soon(switch.quality.run)
            parts.start_soon(
                Tide(lambda: switch.calls_and_transactions, partial(trio.to_thread.run_sync, trim_heap)).run
            )
            await switch.wait_drained()
        finally:
            with trio.move_on_after(STOP_WITHIN, shield=True):
                await switch.stop()
            if traces is not None:
                await traces.close()


def _traces(config: Config, switch: Switch) -> Exporter | None:
    """Trace the calls of the switch, if that is wanted."""
    if not are_wanted(config.traces, os.environ):
        return None
    if not is_installed():  # the configuration would have said so: it is the environment that wants them
        logger.warning("calls are not traced: pip install 'callflow[otel]'")
        return None
    from engine.telemetry.exporter import Exporter  # takes half a second to import, for those who want it
    from engine.telemetry.tracer import CallTracer

    exporter = Exporter(config.traces or Traces(), version=version("callflow"))
    tracer = CallTracer(exporter.tracer, epoch=time.time)
    tracer.watch(switch.log, switch.sockets)
    switch.table.trace = tracer.begin_leg
    return exporter


@asynccontextmanager
async def _parts() -> AsyncIterator[trio.Nursery]:
    """A nursery that outlives a cancellation from outside until the block ends: calls end before their sockets do."""
    async with trio.open_nursery() as outer:
        nursery: trio.Nursery = await outer.start(_hold)
        try:
            yield nursery
        finally:
            nursery.cancel_scope.cancel()


async def _hold(*, task_status: trio.TaskStatus[trio.Nursery]) -> None:
    async with trio.open_nursery() as nursery:
        nursery.cancel_scope.shield = True
        task_status.started(nursery)
        await trio.sleep_forever()


def _warn_of_exposed_keys(config: Config) -> None:
    """Say where keys of media can be read by others: once, it is what the configuration wants."""
    users = [(user.name, user.srtp) for user in config.users]
    for sentence in exposures(config.sip.srtp, config.sip.listen, users, config.trunks):
        logger.warning(sentence)


async def _listen(switch: Switch, listener: Listener) -> Listener:
    host, port = await switch.endpoint.listen(*listener)
    return Listener(listener.transport, host, port)


def _tell_room(granted: int) -> None:
    """Say how many octets of SIP by UDP the kernel lets wait, and the cure if that is little. Twice what is asked."""
    if 0 < granted < RECEIVE_BUFFER:
        advice = "raise net.core.rmem_max"
        logger.warning("small receive buffer", granted=granted, wanted=2 * RECEIVE_BUFFER, advice=advice)
    else:
        logger.debug("receive buffer", granted=granted)


async def _open_doors(
    switch: Switch, config: Config, tokens: Tokens, certificate: ServerCertificate | None, parts: trio.Nursery
) -> str:
    """Let apps in, and dial those behind routes. The URL of the event socket."""
    destinations = {
        route.socket: Destination(route.socket, route.token, trusting(route.ca) if route.ca is not None else None)
        for route in config.routes
        if route.socket is not None and not route.socket.startswith(ESL)
    }
    OutboundDoor(switch.sockets, destinations, parts, new_id=_new_token)
    host, port = config.socket.listen
    check_exposure(
        host,
        has_tokens=bool(config.socket.tokens),
        has_tls=certificate is not None,
        allow_plaintext=config.socket.allow_plaintext,
    )
    opened = await parts.start(
        partial(
            serve_websocket,
            switch.sockets,
            host,
            port,
            tokens=tokens,
            schema=schema_text,
            metrics=switch.metrics.text,
            origins=config.socket.origins,
            ssl_context=certificate.context if certificate is not None else None,
        )
    )
    return f"{'wss' if certificate is not None else 'ws'}://{join_host_port(*opened)}{PATH}"


async def _open_esl(switch: Switch, config: Config, parts: trio.Nursery) -> tuple[str, int] | None:
    """Let FreeSWITCH's clients in, and dial those behind routes."""
    if not _has_esl(config):
        return None
    from engine.eventsocket.esl.door import EslSettings, serve_esl  # an eighth of all there is to import at the start

    esl, sockets = config.esl, _esl_sockets(config)
    settings = EslSettings(
        listen=esl.listen if esl is not None else None,
        password=(esl.password or "") if esl is not None else "",
        networks=(esl.acl or tuple(LOOPBACK)) if esl is not None else (),
        sounds=esl.sounds if esl is not None else None,
        applications={socket: Application.parse(socket) for socket in sockets},
        users=esl.users if esl is not None else (),
        groups=esl.groups if esl is not None else {},
        numbers=esl.applications if esl is not None else {},
        web=(esl or Esl()).terms,
        names=switch.users.view(lambda user: user.name),
        addresses=lambda: [join_host_port(host, port) for _, host, port in switch.endpoint.listeners],
    )
    address: tuple[str, int] | None = await parts.start(partial(serve_esl, switch.sockets, settings))
    return address


def _has_esl(config: Config) -> bool:
    return config.esl is not None or bool(_esl_sockets(config))


def _esl_sockets(config: Config) -> Sequence[str]:
    return [route.socket for route in config.routes if route.socket is not None and route.socket.startswith(ESL)]


def _let_call_itself(switch: Switch, config: Config, listeners: Sequence[Listener]) -> None:
    """The engine as a peer of its own: `loopback/NUMBER` is a call to a number of its routes."""
    # Over TCP it would not be known by its port.
    at = next((listener for listener in listeners if listener.transport == "udp"), None)
    if not _has_esl(config) or at is None or switch.trunks.get(LOOPBACK_TRUNK) is not None:
        return
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(at.host, at.host)
    target = TargetSpec(host=host, port=at.port)
    switch.trunks.add(TrunkSpec(name=LOOPBACK_TRUNK, targets=(target,), health=0, context=INTERNAL, is_exact=True))


async def _start_workers(
    switch: Switch, config: Config, path: Path, must_load: bool, spare: Spare, parts: trio.Nursery
) -> Supervisor:
    tokens = Tokens()  # the supervisor's, one for each worker while it lives
    await parts.start(partial(serve_worker, switch.sockets, path, tokens=tokens))
    copies = Copies(config.data / "versions")
    supervisor = Supervisor(
        [_spec(config, app) for app in config.apps],
        socket=path,
        tokens=tokens,
        sessions=switch.sessions,
        events=switch.log,
        copies=copies,
        new_token=lambda: secrets.token_hex(16),
        epoch=time.time,
        host=_lua_host(switch, config),
        drain_within=config.limits.drain,
        spare=spare,
    )
    parts.start_soon(supervisor.run)
    await (supervisor.wait_ready() if must_load else supervisor.wait_settled())
    switch.sockets.add(reload_verbs(supervisor))
    for app_folder in supervisor.folders:
        parts.start_soon(watch_folder, app_folder, copies.is_skipped, supervisor.reload_changed)
    return supervisor


def _lua_host(switch: Switch, config: Config) -> Host | None:
    """What runs scripts in Lua inside the engine, if there are any: else there is no need of Lua."""
    if not any(_spec(config, app).is_embedded for app in config.apps):
        return None
    from engine.scripting.lua import host_versions

    return host_versions(switch.sockets, new_token=_new_token, epoch=time.time)


def _new_uuid() -> str:
    """Some of FreeSWITCH's clients refuse channels whose ids are no UUIDs."""
    return str(uuid.uuid4())


def _spec(config: Config, app: App) -> AppSpec:
    world = WorldSpec(app.http, str(config.database_of(app).absolute()))
    return AppSpec(app.name, app.script, config.limits_of(app), app.test, app.isolation, world)


def _new_token() -> str:
    return secrets.token_hex(8)


def _tokens(config: Config) -> Tokens:
    """Those configured, or else one of our own in DATA/token."""
    if config.socket.tokens:
        return Tokens(
            Token(name=token.name, secret=token.token, scopes=cast("frozenset[Scope]", frozenset(token.scopes)))
            for token in config.socket.tokens  # the configuration has checked their scopes
        )
    return Tokens([load_token(config.data / "token", lambda: secrets.token_hex(32))])


def _certificate(told: Socket | Sip) -> ServerCertificate | None:
    return ServerCertificate(told.certificate, told.key) if told.certificate is not None else None


def _tls(sip: Sip, certificate: ServerCertificate | None) -> TlsContexts:
    server = certificate.context if certificate is not None else None
    told = trusting(sip.ca) if sip.ca is not None else None  # now: what is wrong with it is the start's to say
    return TlsContexts(partial(_tls_client, told, sip), server)


def _tls_client(told: ssl.SSLContext | None, sip: Sip) -> ssl.SSLContext:
    context = told or ssl.create_default_context()
    if not sip.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _endpoint(sip: Sip, tls: TlsContexts, stack: SipStack, on_event: Callable[[SipEvent], None]) -> Endpoint:
    return Endpoint(
        stack,
        on_event=on_event,
        tls=tls,
        names=DnsNames(nameservers=sip.nameservers),
        enum_suffix=sip.enum,
        origins=sip.origins,
        advertising=Advertising(sip.advertise, sip.local),
    )


def _turn(rtp: Rtp) -> tuple[tuple[str, int], str, str] | None:
    return (rtp.turn.server, rtp.turn.username, rtp.turn.password) if rtp.turn is not None else None


def _media_address(config: Config) -> str:
    """The address in our SDP. With listeners on every address it is the one that leads out of this machine."""
    address = config.rtp_address
    if address not in ("0.0.0.0", "::"):
        return address
    family, anywhere = (socket.AF_INET, "192.0.2.1") if address == "0.0.0.0" else (socket.AF_INET6, "2001:db8::1")
    with socket.socket(family, socket.SOCK_DGRAM) as probe:  # connecting a datagram socket sends nothing
        try:
            probe.connect((anywhere, 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1" if family is socket.AF_INET else "::1"


def _only(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error of a group, or the group if there are several."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
