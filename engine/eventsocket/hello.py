"""The first frame: it is waited for, judged, and refused in words that the app can read."""

from __future__ import annotations

import re
from collections.abc import Sequence

import trio

from callflow.protocol.connection import EngineConnection, MalformedMessage
from callflow.protocol.frames import (
    HELLO_WITHIN,
    VERSION,
    AppFrame,
    CloseCode,
    Error,
    ErrorCode,
    Hello,
    ReplyFrame,
)

from .link import Link, LinkClosed
from .subscription import names_matching
from .tokens import Token, Tokens

_MAX_ROUTES = 1000
_MAX_PATTERN = 256
_APP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")  # it names a folder of recordings too
_REFUSE_WITHIN = 5.0  # seconds


class Refused(Exception):
    """A hello that is not accepted."""

    def __init__(self, close: CloseCode, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.close = close
        self.error = Error(code, message)


async def read_hello(link: Link) -> tuple[Hello, Sequence[AppFrame]]:
    """The hello, and the frames that came with it. Raises Refused, LinkClosed."""
    frames: Sequence[AppFrame] = ()
    try:
        with trio.move_on_after(HELLO_WITHIN):
            while not frames:
                for message in await link.receive():
                    frames = (*frames, *EngineConnection(link.spelling).receive(message))
    except MalformedMessage as error:
        raise Refused(CloseCode.MALFORMED, "bad_argument", f"malformed message: {error}") from error
    if not frames:
        raise Refused(CloseCode.NO_HELLO, "deadline", f"expected hello within {HELLO_WITHIN:.0f} s")
    if not isinstance(frames[0], Hello):
        raise Refused(CloseCode.NO_HELLO, "bad_argument", "expected hello first, got a command")
    return frames[0], frames[1:]


def judge(hello: Hello, *, tokens: Tokens | None, shown: Token | None) -> Token:
    """The token of whoever says hello: `shown` before, or one of `tokens`. Raises Refused."""
    if hello.protocol != VERSION:
        message = f"expected protocol {VERSION}, got {hello.protocol}"
        raise Refused(CloseCode.UNSUPPORTED, "unsupported", message)
    token = shown
    if token is None and tokens is not None and hello.token is not None:
        token = tokens.find(hello.token)
    if token is None:
        what = "a token, in hello or as Authorization: Bearer" if hello.token is None else "another token"
        raise Refused(CloseCode.UNAUTHORIZED, "unauthorized", f"expected {what}")
    _expect_sane(hello)
    if token.app is not None and token.app != hello.app:
        message = f"the token {token.name!r} is for the app {token.app!r}, not {hello.app!r}"
        raise Refused(CloseCode.UNAUTHORIZED, "unauthorized", message)
    if hello.routes and not token.allows("calls:own"):
        message = f"the token {token.name!r} lacks the scope calls:own, which routes need"
        raise Refused(CloseCode.UNAUTHORIZED, "unauthorized", message)
    return token


async def refuse(link: Link, refused: Refused) -> None:
    """Say why, and close."""
    with trio.move_on_after(_REFUSE_WITHIN):
        try:
            frame = ReplyFrame(id="hello", ok=False, error=refused.error)
            await link.send(EngineConnection(link.spelling).send(frame))
            await link.close(refused.close, refused.error.message)
        except LinkClosed:
            pass
    await link.abort()


def _expect_sane(hello: Hello) -> None:
    problem = None
    if not _APP_NAME.fullmatch(hello.app):
        problem = f"expected an app's name of letters, digits, _ . and -, at most 64, got {hello.app[:64]!r}"
    elif len(hello.routes) > _MAX_ROUTES or any(len(route) > _MAX_PATTERN for route in hello.routes):
        problem = f"expected at most {_MAX_ROUTES} routes of at most {_MAX_PATTERN} characters"
    else:
        try:
            for pattern in hello.subscribe:
                names_matching(pattern)
        except ValueError as error:
            problem = str(error)
    if problem is not None:
        raise Refused(CloseCode.BAD_HELLO, "bad_argument", problem)
