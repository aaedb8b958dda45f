"""Menus: a prompt, and what each key leads to.

main = Menu("menu.wav", {"1": sales, "2": support, "3": Menu("more.wav", {"1": hours, "9": address})})

@app.route("1000")
async def reception(call: Call) -> None:
    await main(call)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

from .errors import BadArgument
from .protocol.commands import Source
from .protocol.outcomes import Digits, Invalid, TimedOut
from .sources import as_sources

if TYPE_CHECKING:
    from .call import Call

KEYS = frozenset("0123456789*#ABCD")

ResultT = TypeVar("ResultT", covariant=True)
T = TypeVar("T")
Choice: TypeAlias = "Callable[[Call], Awaitable[T]]"  # a script's function; a Menu, too


@dataclass(frozen=True, slots=True)
class Menu(Generic[ResultT]):
    """Calling it has the caller choose: what the function of the choice returns, or why there was no choice.

    `choices` lead from what is keyed, one digit or several, to async functions of a call. After an entry that is no
    choice, or none `timeout` seconds after the prompt, `invalid` is played and the prompt again, `retries` times.
    """

    prompt: Source | Sequence[Source]
    choices: Mapping[str, Choice[ResultT]]
    _: KW_ONLY
    timeout: float = 5.0
    retries: int = 2
    invalid: Source | Sequence[Source] = ()

    def __post_init__(self) -> None:
        if not self.choices or not all(key and KEYS.issuperset(key) for key in self.choices):
            raise BadArgument(f"expected keys such as 1 or *5, got {list(self.choices)}", command="menu")

    async def __call__(self, call: Call) -> ResultT | TimedOut | Invalid:
        """Play the prompt to a caller, and go where the choice leads."""
        lengths = [len(key) for key in self.choices]
        entry = await call.gather(
            *as_sources(self.prompt),
            min=min(lengths),
            max=max(lengths),
            valid="|".join("".join(f"[{digit}]" for digit in key) for key in self.choices),
            terminators="" if any("#" in key for key in self.choices) else "#",
            timeout=self.timeout,
            retries=self.retries,
            invalid=self.invalid,
        )
        return await self.choices[entry.value](call) if isinstance(entry, Digits) else entry
