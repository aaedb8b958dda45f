"""An app: a name, and the functions that take its calls.

app = App("reception")

@app.route("1000")
async def reception(call: Call) -> None:
    await call.answer()
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal, TypeVar

from .call import Call
from .conference import Conference, make_sounds
from .dialing import Answered, Stage, make_stages
from .errors import BadArgument, Disconnected, RouteError
from .protocol.commands import Originate, SendText, SetLamp, SetMailbox, SetPresence, Source
from .protocol.outcomes import Failed, Sent
from .routing import CallFunction, Route, find_route, make_route
from .sources import as_sources
from .texting import MessageFunction

if TYPE_CHECKING:
    from .link import Link
    from .session import AppSession

Function = TypeVar("Function", bound=Callable[[Call], Awaitable[object]])


class App:
    """What a script defines, once. The worker, `connect` and `serve` run it."""

    def __init__(self, name: str, *, backend: Literal["asyncio", "trio"] = "asyncio", language: str = "en") -> None:
        """`language`: in which its calls are spoken to, until `call.set_language` says otherwise."""
        self.name = name
        self.language = language
        self.backend: Literal["asyncio", "trio"] = backend
        self._routes: list[Route] = []
        self.reattached: CallFunction | None = None
        """Who takes up calls of a session that was lost, see `on_reattach`."""
        self.message_function: MessageFunction | None = None
        """Who answers texts, see `on_message`."""
        self.sessions: list[AppSession] = []
        """The engines that it is connected to, now."""

    def __repr__(self) -> str:
        return f"App({self.name!r})"

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes, in the order in which they were declared: the first that matches wins."""
        return tuple(self._routes)

    @property
    def patterns(self) -> tuple[str, ...]:
        """The patterns of the routes, in their order."""
        return tuple(route.pattern for route in self._routes)

    def route(self, *patterns: str) -> Callable[[Function], Function]:
        """Give the calls to numbers that match a pattern (a regular expression, the whole number) to this function.

        Raises RouteError for a bad pattern, one that is taken already, and a function that is not async.
        """
        if not patterns:
            raise RouteError("route: expected at least one pattern, got none")

        def declare(function: Function) -> Function:
            for pattern in patterns:
                self._add(make_route(pattern, function))
            return function

        return declare

    def on_reattach(self, function: Function) -> Function:
        """Give the calls that a lost session of this app had to this function; else their routes' begin again.

        Such a call has a `policy` that made it wait. It is answered, or bridged, as it was; what played or recorded has
        ended. `call.variables` and `call.legs` say how far it came. Raises RouteError for a function that is not async.

        @app.on_reattach
        async def go_on(call: Call) -> None:
            await call.play("we-are-back.wav")
        """
        self.reattached = make_route("", function).function
        return function

    def on_message(self, function: MessageFunction) -> MessageFunction:
        """Give the texts that users write to numbers of this app's routes, outside of calls, to this function.

        Raises RouteError for a function that is not async.

        @app.on_message
        async def answer(message: TextMessage) -> None:
            await message.reply("We call you back")
        """
        if not inspect.iscoroutinefunction(function):
            raise RouteError(f"on_message: expected an async function, got {function!r}")
        self.message_function = function
        return function

    async def send_text(self, to: str, body: str, *, sender: str = "", content_type: str = "text/plain") -> Sent:
        """Send a text to a user's phones, outside of any call: completed, kept until one registers, or refused.

        `sender`: a user, or a number, that it is from. Raises NotFound when there is no such user,
        Disconnected when the app is connected to no engine.
        """
        return await self._session.write(SendText(to=to, body=body, sender=sender, content_type=content_type))

    async def originate(
        self,
        *stages: Stage,
        script: CallFunction | None = None,
        route: str | None = None,
        app: str | None = None,
        bridge: Call | None = None,
        timeout: float = 30.0,  # noqa: ASYNC109 - the engine's, and no error
        caller_id: str | None = None,
        withheld: bool = False,
        headers: Mapping[str, str] | None = None,
        tones: bool = True,
        deadline: float | None = None,
    ) -> Answered | Failed:
        """Dial without a caller; the arguments are those of `Call.dial`. The leg that answers goes to one of four.

        `script`: an async function of this app, which then has the call; `route`: as if it had called that number;
        `app`: that app takes it; `bridge`: it is bridged with a call of this app's. Returns when somebody has answered,
        or nobody. Raises Disconnected when the app is connected to no engine, BadArgument for not one of the four.
        """
        if sum(way is not None for way in (script, route, app, bridge)) != 1:
            raise BadArgument("expected one of script, route, app and bridge", command="originate")
        session = self._session
        command = Originate(
            stages=make_stages(stages, new_leg=session.new_leg), timeout=timeout, caller_id=caller_id,
            withheld=withheld, headers=dict(headers or {}), route=route, app=app,
            bridge=bridge.id if bridge is not None else None, tones=tones,
        )  # fmt: skip
        return await session.originate(command, script=script, deadline=deadline)

    async def set_mailbox(
        self, user: str, *, new: int = 0, saved: int = 0, urgent_new: int = 0, urgent_saved: int = 0
    ) -> None:
        """Tell how many voice messages wait for a user, as the lamps of his phones show it.

        The urgent ones are among the others. Raises NotFound when there is no such user, Disconnected when the app is
        connected to no engine.
        """
        command = SetMailbox(user=user, new=new, saved=saved, urgent_new=urgent_new, urgent_saved=urgent_saved)
        await self._session.request(command)

    async def set_lamp(self, lamp: str, state: Literal["off", "ringing", "busy"]) -> None:
        """Light the lamps of phones that watch a user, or a number such as that of a parking place.

        Raises Disconnected when the app is connected to no engine.
        """
        await self._session.request(SetLamp(lamp=lamp, state=state))

    async def set_presence(
        self, user: str, status: Literal["open", "closed", "auto"], *, note: str = "", activity: str = ""
    ) -> None:
        """Say how a user is reached, over what his phones say of that; `auto` takes it back.

        `activity`: a word of RFC 4480, such as `away` or `meeting`. Raises NotFound when there is no such user,
        Disconnected when the app is connected to no engine.
        """
        await self._session.request(SetPresence(user=user, status=status, note=note, activity=activity))

    @asynccontextmanager
    async def conference(
        self,
        name: str,
        *,
        pin: str = "",
        ask: Source | Sequence[Source] = (),
        wrong: Source | Sequence[Source] = (),
        enter: Source | Sequence[Source] = (),
        leave: Source | Sequence[Source] = (),
        music: Source | Sequence[Source] = (),
    ) -> AsyncGenerator[Conference, None]:
        """A handle of this app's conference of that name; it is made when the first call joins.

        `pin`: who joins is asked for it with `ask`, and `wrong` is played after a wrong one. `enter` and `leave` are
        heard by all when one of this script's calls comes and goes, `music` by itself while it waits or is alone.
        Raises Disconnected when the app is connected to no engine.

        async with app.conference("board", pin="4711") as board:
            await board.join(call)
        """

        def make(link: Link) -> Conference:
            sounds = make_sounds(enter, leave, music)
            return Conference(link, name, pin=pin, ask=as_sources(ask), wrong=as_sources(wrong), sounds=sounds)

        with self._session.conferring(make) as conference:
            yield conference

    def find(self, number: str, *, pattern: str | None = None) -> Route | None:
        """The route of a number; `pattern` is the engine's choice, if it made one."""
        return find_route(self._routes, number, pattern=pattern)

    @property
    def _session(self) -> AppSession:
        if not self.sessions:
            raise Disconnected(f"the app {self.name} is not connected to an engine")
        return self.sessions[0]

    def _add(self, route: Route) -> None:
        if route.pattern in self.patterns:
            raise RouteError(f'route "{route.pattern}" is taken already: each pattern leads to one function')
        self._routes.append(route)
