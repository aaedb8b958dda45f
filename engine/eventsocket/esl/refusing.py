"""What this door does not do on purpose: a client is told so, and what to use instead; its calls go on."""

from __future__ import annotations

from .asked import ApiCommand, Asked
from .stage import Application, Stage

_NO_SHELL = "refused: a door over the network runs no shell"
_NO_RECOGNIZER = "refused: no recognizer is built in; stream the call to one by uuid_audio_fork"


def _api(why: str) -> ApiCommand:
    async def answer(asking: Asked, arguments: str) -> str:
        return f"-ERR {why}\n"

    return ApiCommand(answer, why)


def _application(why: str) -> Application:
    async def perform(stage: Stage, data: str) -> str:
        return f"-ERR {why}"

    return Application(perform, why)


NO_SHELL_API = _api(_NO_SHELL)
NO_SHELL = _application(_NO_SHELL)
NO_RECOGNIZER = _application(_NO_RECOGNIZER)
