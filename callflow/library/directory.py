"""The directory: a caller spells a name on the keys, hears who that may be, and chooses.

people = Directory(Entry("Alice Adams", "alice", recording="names/alice.wav"), Entry("Bob Brown", "bob"))

found = await people.choose(call)
"""

from __future__ import annotations

from dataclasses import dataclass

from callflow import Call, Digits, Say, Silence, Source

KEYPAD = {
    letter: key
    for key, letters in {
        "2": "abcäàáâåæç", "3": "defèéêë", "4": "ghiìíîï", "5": "jkl", "6": "mnoöòóôñø", "7": "pqrsß", "8": "tuvüùúû",
        "9": "wxyz",
    }.items()
    for letter in letters
}  # fmt: skip
_MOST = 9  # choices: one key each
_LONGEST = 12  # digits of a name


@dataclass(frozen=True, slots=True)
class Entry:
    """A person: the name, whom to dial, and how the name sounds: without a recording it is said, or spelled."""

    name: str
    target: str
    recording: Source | None = None

    @property
    def sound(self) -> Source:
        """The name, to be played."""
        return self.recording if self.recording is not None else Say(self.name)


class Directory:
    """The people. Each is found by the beginning of any part of the name."""

    def __init__(self, *entries: Entry) -> None:
        self.entries = entries

    def find(self, digits: str) -> list[Entry]:
        """Those with a part of their name that begins with these keys."""
        return [entry for entry in self.entries if any(keys.startswith(digits) for keys in _keys_of(entry.name))]

    async def choose(
        self,
        call: Call,
        *,
        prompt: Source = Say("please enter the name"),  # noqa: B008 - a value
        nobody: Source = Say("sorry, there is no user"),  # noqa: B008 - a value
        tries: int = 3,
    ) -> Entry | None:
        """Ask for a name until one is chosen; None after `tries`."""
        for _ in range(tries):
            keyed = await call.gather(prompt, min=2, max=_LONGEST, valid="[2-9]+", digit_timeout=2)
            found = self.find(keyed.value)[:_MOST] if isinstance(keyed, Digits) else []
            if not found:
                await call.play(nobody)
            elif (chosen := await _choose_one(call, found)) is not None:
                return chosen
        return None


async def _choose_one(call: Call, found: list[Entry]) -> Entry | None:
    prompt: list[Source] = []
    for key, entry in enumerate(found, start=1):
        prompt += [Say(f"press {key} for"), entry.sound, Silence(0.3)]
    keyed = await call.gather(*prompt, max=1, valid=f"[1-{len(found)}]", terminators="", retries=1)
    return found[int(keyed.value) - 1] if isinstance(keyed, Digits) else None


def _keys_of(name: str) -> list[str]:
    parts = name.lower().replace("-", " ").split()
    whole = ["".join(parts), *parts]
    return ["".join(KEYPAD.get(letter, "") for letter in part) for part in whole]
