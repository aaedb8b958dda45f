"""Clients that dial the engine: the access list, the password, and then their commands."""

from __future__ import annotations

import hmac
import math
from collections.abc import Mapping
from types import MappingProxyType

import structlog
import trio

from . import packet
from .client import Client
from .command import NOT_FOUND, handle
from .framing import Request
from .guard import Guard
from .hub import Hub
from .permission import ANYBODY, EslUser, find_user

LOGIN_WITHIN = 25.0  # seconds
MAX_CLIENTS = 10_000
NO_USERS: Mapping[str, EslUser] = MappingProxyType({})
_BACKLOG = 1024

logger = structlog.get_logger("engine.esl")


async def serve_inbound(
    hub: Hub,
    host: str,
    port: int,
    *,
    password: str,
    guard: Guard,
    users: Mapping[str, EslUser] = NO_USERS,
    task_status: trio.TaskStatus[tuple[str, int]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Let clients in until cancelled, and tell the address when listening. Raises OSError."""
    listeners = await trio.open_tcp_listeners(port, host=host, backlog=_BACKLOG)
    address = listeners[0].socket.getsockname()
    door = _Door(hub, password, guard, users)
    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, door.welcome, listeners)
        task_status.started((address[0], address[1]))


class _Door:
    def __init__(self, hub: Hub, password: str, guard: Guard, users: Mapping[str, EslUser]) -> None:
        self._hub = hub
        self._password = password.encode()
        self._guard = guard
        self._users = users
        self._open = 0

    async def welcome(self, stream: trio.SocketStream) -> None:
        """Serve one connection, to its end."""
        host, port = stream.socket.getpeername()[:2]
        if self._open >= MAX_CLIENTS or not self._guard.admits(host, trio.current_time()):
            logger.warning("refused", peer=f"{host}:{port}", clients=self._open)
            await _reject(stream)
            return
        self._open += 1
        try:
            await self._serve(stream, host, port)
        except Exception:  # a fault of ours must not take other clients with it
            logger.exception("a client failed", peer=f"{host}:{port}")
        finally:
            self._open -= 1

    async def _serve(self, stream: trio.SocketStream, host: str, port: int) -> None:
        client = Client(stream, self._hub, peer=f"{host}:{port}")
        login = Login(client, host, self._password, self._guard, self._users)
        try:
            with trio.CancelScope(deadline=trio.current_time() + LOGIN_WITHIN) as scope:
                login.scope = scope
                await client.serve(login.receive, greeting=packet.AUTH_REQUEST)
        finally:
            self._hub.clients.discard(client)


class Login:
    """Judges what one client says until it has shown the password; then its commands are done."""

    def __init__(
        self,
        client: Client,
        host: str,
        password: bytes,
        guard: Guard,
        users: Mapping[str, EslUser] = NO_USERS,
    ) -> None:
        self.is_done = False
        self.scope: trio.CancelScope | None = None
        self._client = client
        self._host = host
        self._password = password
        self._guard = guard
        self._users = users

    async def receive(self, client: Client, request: Request) -> None:
        verb, _, shown = request.line.partition(" ")
        if self.is_done:
            return await handle(client, request)
        if verb.lower() == "exit":
            client.reply("+OK bye")
            return client.goodbye()
        if verb.lower() not in ("auth", "userauth"):
            return client.reply(NOT_FOUND)
        is_user = verb.lower() == "userauth"
        user = find_user(shown, self._users, self._password) if is_user else self._judge(shown)
        if user is None:
            return await self._refuse()
        return self._accept(user, user.headers() if is_user else ())

    def _judge(self, shown: str) -> EslUser | None:
        is_right = hmac.compare_digest(shown.strip().encode(errors="replace"), self._password)
        return ANYBODY if is_right else None

    def _accept(self, user: EslUser, told: packet.Pairs) -> None:
        self.is_done = True
        self._guard.succeed(self._host)
        self._client.parser.trust()
        self._client.hub.clients.add(self._client)
        if self.scope is not None:
            self.scope.deadline = math.inf
        self._client.user = user
        self._client.reply("+OK accepted", told)
        logger.info("connected", peer=self._client.peer, user=user.name)

    async def _refuse(self) -> None:
        delay = self._guard.fail(self._host, trio.current_time())
        logger.warning("wrong password", peer=self._client.peer)
        await trio.sleep(delay)
        self._client.reply("-ERR invalid")
        self._client.goodbye()


async def _reject(stream: trio.SocketStream) -> None:
    with trio.move_on_after(1.0):
        try:
            await stream.send_all(packet.rude_rejection())
            await stream.send_eof()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
    await trio.aclose_forcefully(stream)
