"""`callflow top`: an engine at a glance, once a second."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Annotated

import trio
import typer
from rich.console import Console, Group
from rich.live import Live

from callflow.client import Engine, connect
from callflow.errors import CallflowError, Disconnected, EventsMissed, Unauthorized

from .board import ORDERS, PAST, PATTERNS, Board
from .frame import frame
from .keyboard import keys_unbuffered, read_keys
from .output import Refused
from .place import Connection
from .where import Where, choosing_engine

EVERY = 1.0  # seconds
_PAST = 1000  # events looked at to begin with: most of a minute, or what it came to of a busy one
_BACK_OFF = (0.5, 5.0)  # seconds until another try, first and longest
_KEYS = "q quit  s sort  r reverse"
_LINES = 40  # of a picture that is printed
_ANSWERS_WITHIN = 10.0  # seconds, or the connection is lost


@choosing_engine
def top(
    where: Where,
    once: Annotated[bool, typer.Option("--once", help="Print one picture and end, for scripts.")] = False,
    sort: Annotated[str, typer.Option("--sort", metavar="|".join(ORDERS), help="Which calls come first.")] = next(
        iter(ORDERS)
    ),
    lines: Annotated[
        int | None, typer.Option("--lines", min=8, metavar="N", help="How many lines. [default: those of the terminal]")
    ] = None,
) -> None:
    """Watch an engine: its calls and how good they sound, rates, failures by cause, errors, load, trunks.

    Keys: q ends it, s sorts the calls by something else, r turns the order round. A connection that is lost is told,
    and made again. The token needs the scope `read`.

    Examples:

        callflow top

        callflow top --sort quality

        callflow top --once --socket wss://switch.example.com:7443/v1/socket --token SECRET
    """
    if sort not in ORDERS:
        raise typer.BadParameter(f"expected one of {', '.join(ORDERS)}, got {sort!r}", param_hint="--sort")
    console = Console(highlight=False)
    if not once and not console.is_terminal:
        raise Refused("expected a terminal; for one picture: callflow top --once")
    connection = where.connection()
    view = View(console, Board(), sort, lines)
    with suppress(KeyboardInterrupt):
        trio.run(_print_once if once else _watch, connection, view)


class View:
    """The board on a terminal."""

    def __init__(self, console: Console, board: Board, order: str, lines: int | None) -> None:
        self.console = console
        self.board = board
        self._order = order
        self._lines = lines
        self._is_reversed = False

    def press(self, key: str) -> bool:
        """A key; whether that is the end."""
        if key == "s":
            names = list(ORDERS)
            self._order = names[(names.index(self._order) + 1) % len(names)]
        elif key == "r":
            self._is_reversed = not self._is_reversed
        return key in ("q", "Q")

    def print(self) -> None:
        """One picture, as lines."""
        width = None if self.console.is_terminal else 120
        self.console.print(self._picture(self._lines or _LINES), width=width)

    async def show(self, live: Live) -> None:
        """One picture, in place of the one before."""
        picture = self._picture(min(self._lines or self.console.height, self.console.height), _KEYS)
        # A terminal may stand still for as long as somebody reads it; events go on coming.
        await trio.to_thread.run_sync(lambda: live.update(picture, refresh=True), abandon_on_cancel=True)

    def _picture(self, lines: int, keys: str = "") -> Group:
        return frame(
            self.board, now=time.time(), lines=lines, order=self._order, is_reversed=self._is_reversed, keys=keys
        )


async def _print_once(connection: Connection, view: View) -> None:
    async with _connected(connection) as engine:
        await _begin(engine, view.board)
        await trio.sleep(EVERY)  # the load is of a time
        view.board.see(await engine.status(), now=time.time())
        view.print()


async def _watch(connection: Connection, view: View) -> None:
    with keys_unbuffered() as has_keys, Live(console=view.console, screen=True, auto_refresh=False) as live:

        async def draw() -> None:
            while True:
                await view.show(live)
                await trio.sleep(EVERY)

        async def heed_keys(end: Callable[[], None]) -> None:
            async for key in read_keys():
                if view.press(key):
                    end()
                await view.show(live)

        error: CallflowError | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(draw)
            if has_keys:
                nursery.start_soon(heed_keys, nursery.cancel_scope.cancel)
            error = await _error_of(lambda: _follow(connection, view.board))
            nursery.cancel_scope.cancel()
    if error is not None:
        raise error


async def _follow(connection: Connection, board: Board) -> None:
    """Keep the board true, over one connection after another. Raises CallflowError if there is not even a first."""
    delay, is_known = _BACK_OFF[0], False
    while True:
        try:
            async with _connected(connection) as engine:
                await _begin(engine, board)
                delay, is_known = _BACK_OFF[0], True
                await _stay(engine, board)
        except Unauthorized:
            raise
        except CallflowError as error:
            if not is_known:
                raise
            board.lost = str(error)
        await trio.sleep(delay)
        delay = min(delay * 2, _BACK_OFF[1])


async def _begin(engine: Engine, board: Board) -> None:
    status = await engine.status()
    state = await engine.state()
    past = await engine.recent(*PAST, last=_PAST)
    board.begin(state, past, began_at=past[0].at if len(past) >= _PAST else status.started_at)
    board.see(status, now=time.time())
    board.trunks, board.are_trunks_stale = await engine.trunks(), False


async def _stay(engine: Engine, board: Board) -> None:
    """Take in what happens and look at the load, until the connection is lost: raises CallflowError."""
    errors: list[CallflowError | None] = []
    async with trio.open_nursery() as nursery:

        async def until_lost(work: Callable[[Engine, Board], Awaitable[None]]) -> None:
            errors.append(await _error_of(lambda: work(engine, board)))
            nursery.cancel_scope.cancel()

        nursery.start_soon(until_lost, _take)
        nursery.start_soon(until_lost, _look)
    raise errors[0] or Disconnected("the connection to the engine ended")


async def _take(engine: Engine, board: Board) -> None:
    while True:
        try:
            async for frame, event in engine.events():
                board.take(event, at=frame.at, channel=frame.channel)
        except EventsMissed as missed:
            board.begin_again(missed.state)


async def _look(engine: Engine, board: Board) -> None:
    while True:
        await trio.sleep(EVERY)
        with trio.move_on_after(_ANSWERS_WITHIN) as scope:
            board.see(await engine.status(), now=time.time())
            if board.are_trunks_stale:
                board.are_trunks_stale = False
                board.trunks = await engine.trunks()
        if scope.cancelled_caught:
            raise Disconnected(f"the engine has not answered for {_ANSWERS_WITHIN:.0f} s")


async def _error_of(work: Callable[[], Awaitable[None]]) -> CallflowError | None:
    """Do it; what it raised, as a value, which no nursery wraps."""
    try:
        await work()
    except CallflowError as error:
        return error
    return None


def _connected(connection: Connection) -> AbstractAsyncContextManager[Engine]:
    return connect(
        connection.url,
        app="callflow-top",
        token=connection.token,
        subscribe=PATTERNS,
        ssl_context=connection.ssl_context,
    )
