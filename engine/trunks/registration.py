"""We as a user of the peer's registrar (RFC 3261 §10.2): registered, refreshed, and tried again when that fails."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import trio

from engine.sip.events import Flow
from engine.sip.messages import Address, ParseError, Response, Uri
from engine.transport.errors import Unreachable

from .asking import Answer, Asker
from .trunk import Target, Trunk

ANSWER_WITHIN = 35.0  # seconds; Timer F ends a request before
REMOVE_WITHIN = 1.0  # seconds for the peer to hear that we go
REFRESH_AT = 0.75  # of what was granted
LEAST, MOST = 30.0, 1800.0  # seconds until the next try (RFC 5626 4.5)
MAX_EXPIRES = 1 << 31


@dataclass(frozen=True, slots=True)
class Granted:
    """Registered, for so many seconds."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Failed:
    """Not registered; the registrar may have said when to come again."""

    reason: str
    retry_after: float = 0.0


class Registration:
    """The registration of one trunk."""

    def __init__(
        self, trunk: Trunk, asker: Asker, *, new_token: Callable[[], str], chance: Callable[[], float]
    ) -> None:
        self._trunk, self._asker, self._chance = trunk, asker, chance
        self._call_id = new_token()  # the same for all (10.2.4)
        self._cseq = 0
        self._expires = trunk.spec.expires
        self._held: tuple[Target, Flow] | None = None  # where we are registered

    async def run(self) -> None:
        """Be registered until cancelled."""
        failures = 0
        while True:
            result = await self._register()
            if isinstance(result, Granted):
                failures = 0
                self._trunk.note_registered(float(result.seconds))
                await trio.sleep(max(1.0, result.seconds * REFRESH_AT))
            else:
                pause = max(result.retry_after, back_off(failures, self._chance()))
                failures += 1
                self._trunk.note_unregistered(result.reason, retry_after=pause)
                await trio.sleep(pause)

    async def remove(self) -> None:
        """Take it back, if there is one."""
        if self._held is not None:
            target, flow = self._held
            await self._ask(target, flow, expires=0, within=REMOVE_WITHIN)

    async def _register(self) -> Granted | Failed:
        """With the first target that answers (RFC 3263 4.3)."""
        failed = Failed("no target answers")
        for target in self._trunk.ways() or self._trunk.targets:
            try:
                flow = await self._asker.sip.resolve(target.spec.uri())
            except Unreachable as error:
                failed = Failed(str(error)[:200])
                continue
            self._trunk.note_way(target, flow)
            answer = await self._ask_twice(target, flow)
            result = self._judge(answer, self._contact(flow))
            if isinstance(result, Granted):
                self._held = target, flow
                return result
            failed = result
            if not answer.is_useless:
                break
        self._held = None
        return failed

    async def _ask_twice(self, target: Target, flow: Flow) -> Answer:
        """Once more, if we wanted to stay too short a time (10.2.8)."""
        answer = await self._ask(target, flow, expires=self._expires)
        if answer.status == 423 and answer.response is not None:
            least = _seconds(answer.response.header("Min-Expires"))
            if least is not None and self._expires < least < MAX_EXPIRES:
                self._expires = least
                answer = await self._ask(target, flow, expires=least)
        return answer

    async def _ask(self, target: Target, flow: Flow, *, expires: int, within: float = ANSWER_WITHIN) -> Answer:
        spec = self._trunk.spec
        self._cseq += 1
        address = Address(Uri(user=spec.account, host=spec.from_domain or target.spec.host))
        answer = await self._asker.ask(
            "REGISTER",
            target.spec.uri(),
            flow=flow,
            address=address,
            headers=[("Contact", f"<{self._contact(flow)}>"), ("Expires", str(expires))],
            credentials=spec.credentials,
            call_id=self._call_id,
            cseq=self._cseq,
            within=within,
        )
        self._cseq = max(self._cseq, answer.cseq)
        return answer

    def _judge(self, answer: Answer, contact: Uri) -> Granted | Failed:
        if answer.status == 200 and answer.response is not None:
            seconds = _granted(answer.response, contact, self._expires)
            return Granted(seconds) if seconds > 0 else Failed("the registrar granted no time")
        header = answer.response.header("Retry-After") if answer.response is not None else None
        return Failed(str(answer), float(min(_seconds((header or "").split("(")[0].split(";")[0]) or 0, MAX_EXPIRES)))

    def _contact(self, flow: Flow) -> Uri:
        host, port = flow.local
        params = {} if flow.transport == "udp" else {"transport": flow.transport}
        return Uri(user=self._trunk.spec.account, host=host, port=port, params=params)


def back_off(failures: int, chance: float) -> float:
    """Seconds until the next try, after so many that failed: longer each time, and not all at once (RFC 5626 4.5)."""
    bound = min(MOST, LEAST * 2.0 ** min(failures, 16))
    return bound * (0.5 + 0.5 * chance)


def _granted(response: Response, contact: Uri, wanted: int) -> int:
    """The seconds that the registrar grants to our contact (10.2.4); it may have rewritten it."""
    try:
        contacts = response.contacts
    except ParseError:
        contacts = []
    ours = next((each for each in contacts if each.uri == contact), contacts[0] if len(contacts) == 1 else None)
    seconds = _seconds(ours.params.get("expires")) if ours is not None else None
    if seconds is None:
        seconds = _seconds(response.header("Expires"))
    return min(wanted if seconds is None else seconds, MAX_EXPIRES)


def _seconds(text: str | None) -> int | None:
    match = re.fullmatch(r"[0-9]{1,10}", text.strip(), re.ASCII) if text is not None else None
    return int(match[0]) if match else None
