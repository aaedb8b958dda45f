"""Voicemail: callers leave messages, owners hear them, greet, and are told.

voicemail = Voicemail(Mailboxes(Path("/var/lib/office/mailboxes.json")))

await voicemail(call, box="100")           # leave a message
await voicemail.listen(call, box="100")    # the owner's menu
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import TypeAlias

from callflow import Call, Digits, NotFound, Recorded, Say, Silence, Source

from .mailbox import GreetingKind, Mailbox, Mailboxes, Message

OnMessage: TypeAlias = Callable[[Call, str, Message], Awaitable[object]]
SHORTEST = 1.0  # seconds: less than that is somebody who hung up
_GREETING_SECONDS = 60.0


class Voicemail:
    """The boxes. `on_message` is called after each message, in the few seconds of a caller who has hung up: a mail?

    `longest`: seconds of a message. `silence`: seconds of it that end one. `clock`: seconds since the epoch.
    """

    def __init__(
        self,
        boxes: Mailboxes | None = None,
        *,
        on_message: OnMessage | None = None,
        longest: float = 180.0,
        silence: float = 5.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.boxes: Mailboxes = boxes or Mailboxes()
        self._on_message = on_message
        self._longest = longest
        self._silence = silence
        self._clock = clock

    async def __call__(self, call: Call, *, box: str, kind: GreetingKind = "unavailable") -> Message | None:
        """Greet the caller, and take a message. None: there was no word, or no room."""
        await call.answer()
        mailbox = self.boxes.box(box)
        if mailbox.is_full:
            await call.play(Say("sorry, the mailbox is not available, goodbye"))
            return None
        await call.play(*greeting_of(mailbox, kind))
        recorded = await call.record(
            f"voicemail/{box}/{call.id}.wav", max=self._longest, silence=self._silence, beep=True
        )
        message = await self._deliver(call, box, recorded)
        if recorded.reason != "hangup":
            await call.play(Say("your message was saved, thank you, goodbye" if message else "goodbye"))
        return message

    async def listen(self, call: Call, *, box: str, tries: int = 3) -> None:
        """The owner's menu: 1 new messages, 2 saved ones, 3 a greeting, # goodbye; after its PIN, if it has one."""
        await call.answer()
        mailbox = self.boxes.box(box)
        if mailbox.pin and not await self._knows_pin(call, mailbox.pin, tries):
            await call.play(Say("sorry, goodbye"))
            return
        while True:
            await self._light(call, box)
            match await call.gather(*menu_of(mailbox), max=1, valid="[123#]", terminators="", retries=1):
                case Digits("1"):
                    await self._hear(call, box, list(mailbox.new))
                case Digits("2"):
                    await self._hear(call, box, list(mailbox.saved))
                case Digits("3"):
                    await self._record_greeting(call, box)
                case _:
                    await call.play(Say("goodbye"))
                    return

    async def _deliver(self, call: Call, box: str, recorded: Recorded) -> Message | None:
        seconds = recorded.duration_ms / 1000
        if recorded.reason == "silence":
            seconds -= self._silence
        if recorded.reason == "failed" or seconds < SHORTEST:
            return None
        message = Message(recorded.path, call.caller.number, self._clock(), seconds)
        self.boxes.deliver(box, message)
        await self._light(call, box)
        if self._on_message is not None:
            await self._on_message(call, box, message)
        return message

    async def _knows_pin(self, call: Call, pin: str, tries: int) -> bool:
        keyed = await call.gather(
            Say("please enter your pin"), min=len(pin), max=len(pin), valid=pin, retries=tries - 1,
            invalid=Say("the pin is invalid"),
        )  # fmt: skip
        return isinstance(keyed, Digits)

    async def _hear(self, call: Call, box: str, messages: list[Message]) -> None:
        if not messages:
            await call.play(Say("no messages"))
        for number, message in enumerate(messages, start=1):
            if not await self._hear_one(call, box, number, message):
                return

    async def _hear_one(self, call: Call, box: str, number: int, message: Message) -> bool:
        """Play one until it is saved, deleted or left: is the next one wanted?"""
        at = datetime.fromtimestamp(message.at)
        head: tuple[Source, ...] = (
            Say(f"message {number} from"), Say(message.caller, kind="spelled"), Say(at.strftime("%H:%M"), kind="time"),
        )  # fmt: skip
        choices = Say("press 1 to repeat, press 2 to save, press 3 to delete, press hash for the menu")
        while True:
            keyed = await call.gather(
                *head, message.path, Silence(0.3), choices, max=1, valid="[123#]", terminators="", retries=1
            )
            match keyed:
                case Digits("1"):
                    continue
                case Digits("2"):
                    self.boxes.save(box, message)
                    await self._light(call, box)
                    await call.play(Say("message saved"))
                    return True
                case Digits("3"):
                    self.boxes.delete(box, message)
                    await self._light(call, box)
                    await call.play(Say("message deleted"))
                    return True
                case _:
                    return False

    async def _record_greeting(self, call: Call, box: str) -> None:
        path = f"voicemail/{box}/greeting-{call.id}.wav"
        await call.play(Say("please record your message"))
        recorded = await call.record(path, max=_GREETING_SECONDS, silence=self._silence, beep=True, trim=True)
        if recorded.reason in ("failed", "hangup"):
            return
        keyed = await call.gather(recorded.path, Say("press 1 to save"), max=1, valid="1", terminators="")
        if isinstance(keyed, Digits):
            self.boxes.greet(box, "unavailable", recorded.path)
            await call.play(Say("saved"))

    async def _light(self, call: Call, box: str) -> None:
        """Tell the phones of the user of that name, whoever calls; a box may be nobody's."""
        mailbox = self.boxes.box(box)
        with suppress(NotFound):
            await call.set_mailbox(box, new=len(mailbox.new), saved=len(mailbox.saved))


def greeting_of(mailbox: Mailbox, kind: GreetingKind) -> tuple[Source, ...]:
    """What a caller hears first: the owner's greeting, or ours."""
    own = mailbox.greetings.get(kind) or mailbox.greetings.get("unavailable")
    if own is not None:
        return (own,)
    reason = "busy" if kind == "busy" else "not available"
    return (Say(f"the user is {reason} now, please leave your message"),)


def menu_of(mailbox: Mailbox) -> tuple[Source, ...]:
    """What the owner hears first."""
    new, saved = len(mailbox.new), len(mailbox.saved)
    counts = f"you have {new} new {'message' if new == 1 else 'messages'} and {saved} saved"
    return (Say(counts), Say("press 1 for new messages, 2 for saved messages, 3 to record, hash for goodbye"))
