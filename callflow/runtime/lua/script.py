"""A Lua script, loaded: its app's name, its routes, the state that it runs in, and the files that it may require."""

from __future__ import annotations

import re
from pathlib import Path

from callflow.errors import ScriptError

from .interpreter import Interpreter, Limits
from .value import to_text

MAX_SOURCE = 1 << 20  # octets of one file
MODULES = Path(__file__).parent / "modules"  # what comes with us
_OURS = b"callflow."
_MODULE = re.compile(rb"[A-Za-z0-9_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_][A-Za-z0-9_-]*)*")


class LuaRoute:
    """A pattern: which function takes its calls is known in Lua."""

    __slots__ = ("expression", "pattern")

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.expression = re.compile(pattern)


class LuaScript:
    """Raises ScriptError, whose report has file, line and traceback, for whatever is wrong with the script."""

    def __init__(self, path: Path, *, limits: Limits | None = None, epoch: float = 0.0, seed: int = 0) -> None:
        """`seed`: of its random numbers."""
        self.path = path
        self.folder = path.resolve().parent
        self.lua = Interpreter(limits or Limits(), seed=seed)
        self.name = ""
        self.language = "en"
        self.routes: tuple[LuaRoute, ...] = ()
        self._load(epoch)

    @property
    def patterns(self) -> tuple[str, ...]:
        return tuple(route.pattern for route in self.routes)

    def read_module(self, name: bytes) -> tuple[bytes, str]:
        """What `require(name)` loads: `callflow.NAME` is ours, others the script's. Raises ScriptError."""
        if not _MODULE.fullmatch(name):
            raise ScriptError(
                f"expected a name such as menus or lib.menus, got {name.decode('utf-8', 'replace')!r:.80}"
            )
        relative = name.decode().replace(".", "/") + ".lua"
        if name.startswith(_OURS):
            return self._read_ours(relative)
        file = (self.folder / relative).resolve()
        if not file.is_relative_to(self.folder):
            raise ScriptError(f"expected a file of the script's folder, got a link to {relative} outside of it")
        return self._read(file), relative

    def _read_ours(self, relative: str) -> tuple[bytes, str]:
        file = MODULES / relative.removeprefix("callflow/")
        if not file.exists():
            known = ", ".join(sorted(f"callflow.{path.stem}" for path in MODULES.glob("*.lua")))
            raise ScriptError(f"expected one of {known}")
        return self._read(file), relative

    def _load(self, epoch: float) -> None:
        lua = self.lua
        lua.load(epoch, self._read(self.path), self.path.name.encode())
        while (asked := lua.take()) is not None:
            number, kind, *details = asked
            if kind == b"require":
                try:
                    content, relative = self.read_module(details[0])
                    lua.resume(epoch, number, content, relative.encode())
                except ScriptError as error:
                    lua.resume(epoch, number, None, str(error).encode())
            elif kind == b"load_failed":
                self._fail(*(detail.decode("utf-8", "replace") for detail in details[:2]))
            elif kind == b"loaded":
                self._declare(*details[:3])
        lua.check()

    def _declare(self, name: bytes, patterns: object, language: object) -> None:
        self.name = name.decode("utf-8", "replace")
        self.language = to_text(language) or "en"
        routes = []
        for pattern in patterns.values():  # type: ignore[attr-defined]  # a Lua table
            text = pattern.decode("utf-8", "replace")
            try:
                routes.append(LuaRoute(text))
            except re.error as error:
                self._fail(f'route "{text}": expected a regular expression: {error}', "")
        if not routes:
            self._fail(
                f'expected at least one app:route("...", function(call) ... end) of {self.name!r}, found none', ""
            )
        self.routes = tuple(routes)

    def _fail(self, text: str, trace: str) -> None:
        """The text begins with the file and the line, if Lua knows them."""
        is_placed = re.match(r"[\w./-]+\.lua:\d+:", text) is not None
        message = f"{self.folder}/{text}" if is_placed else f"{self.path}: {text}"
        raise ScriptError(message, report="\n".join(filter(None, (message, trace))))

    def _read(self, path: Path) -> bytes:
        try:
            with path.open("rb") as file:
                content = file.read(MAX_SOURCE + 1)
        except OSError as error:
            raise ScriptError(f"{path}: expected a Lua script: {error.strerror}") from error
        if len(content) > MAX_SOURCE:
            raise ScriptError(f"{path}: expected a script of at most {MAX_SOURCE} octets")
        return content
