"""A TCP link that can be cut: between the app and the engine, which may be left in the belief that it holds."""

from __future__ import annotations

from dataclasses import dataclass, field

import trio


@dataclass(eq=False)
class Link:
    """Forwards whatever connects to `port`."""

    target: tuple[str, int]
    port: int = 0
    _connections: list[tuple[trio.SocketStream, trio.SocketStream, trio.CancelScope]] = field(default_factory=list)
    _abandoned: list[trio.SocketStream] = field(default_factory=list)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listener.socket.getsockname()[1]
        task_status.started()
        try:
            await trio.serve_listeners(self._serve, [listener])
        finally:
            for stream in self._abandoned:
                stream.socket.close()

    def cut(self, *, is_silent: bool) -> None:
        """Break what is connected now. `is_silent`: the engine does not notice."""
        for app, engine, scope in self._connections:
            app.socket.close()
            if is_silent:
                self._abandoned.append(engine)
            else:
                engine.socket.close()
            scope.cancel()
        self._connections.clear()

    async def _serve(self, app: trio.SocketStream) -> None:
        try:
            engine = await trio.open_tcp_stream(*self.target)
        except OSError:
            app.socket.close()
            return
        try:
            async with trio.open_nursery() as nursery:
                self._connections.append((app, engine, nursery.cancel_scope))
                nursery.start_soon(_pump, app, engine, nursery.cancel_scope)
                nursery.start_soon(_pump, engine, app, nursery.cancel_scope)
        finally:
            self._connections = [connection for connection in self._connections if connection[0] is not app]
            app.socket.close()
            if engine not in self._abandoned:
                engine.socket.close()


async def _pump(source: trio.SocketStream, sink: trio.SocketStream, scope: trio.CancelScope) -> None:
    """Until either end is gone; then both are."""
    try:
        async for data in source:
            await sink.send_all(data)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass
    scope.cancel()
