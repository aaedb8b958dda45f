"""The code blocks of a page, each with the comment that says how it is run.

<!-- shell: with call 1001; exit 1 -->
```sh
callflow hangup ID
```

The comment stands on the lines right above the fence: a kind, then after a colon an argument and options, separated by
semicolons. What the kinds do: see `tests.docs.page`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    ROOT / "README.md",
    *(path for path in sorted((ROOT / "docs").glob("*.md")) if path.name != "benchmarks.md"),
    *sorted((ROOT / "examples").glob("*/README.md")),
)

OPTIONS = frozenset({"beside", "exit", "with", "until", "during", "while", "reconnect"})

_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,}|~{3,})(?P<language>[a-z]*)\s*$")
_COMMENT = re.compile(r"<!--\s*(?P<kind>[a-z]+)\s*(?::\s*(?P<rest>.*?))?\s*-->\s*\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A code block; `kind` is empty when nothing says how it is run."""

    page: Path
    line: int
    language: str
    text: str
    kind: str = ""
    parts: tuple[str, ...] = ()
    index: int = 0
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def argument(self) -> str:
        return self.parts[0] if self.parts and _split(self.parts[0])[0] not in OPTIONS else ""

    @property
    def place(self) -> str:
        page = self.page.relative_to(ROOT) if self.page.is_relative_to(ROOT) else self.page
        return f"{page}:{self.line}"


def read_blocks(page: Path) -> list[Block]:
    """The code blocks of a page, in order."""
    return list(_blocks(page, page.read_text().splitlines()))


def _blocks(page: Path, lines: list[str]) -> Iterator[Block]:
    number, index = 0, 0
    while number < len(lines):
        opened = _FENCE.match(lines[number])
        if opened is None:
            number += 1
            continue
        end = number + 1
        while lines[end].strip() != opened["fence"]:
            end += 1
        body = [line.removeprefix(opened["indent"]) for line in lines[number + 1 : end]]
        kind, parts = _comment_above(lines[:number])
        yield Block(
            page=page,
            line=number + 1,
            language=opened["language"],
            text="\n".join(body) + "\n",
            kind=kind,
            parts=parts,
            index=index,
            options={name: rest for name, _, rest in map(_split, parts) if name in OPTIONS},
        )
        number, index = end + 1, index + 1


def _split(part: str) -> tuple[str, str, str]:
    return part.partition(" ")


def _comment_above(lines: list[str]) -> tuple[str, tuple[str, ...]]:
    if not lines or not lines[-1].rstrip().endswith("-->"):
        return "", ()
    begin = max(number for number, line in enumerate(lines) if "<!--" in line)
    comment = _COMMENT.match("\n".join(lines[begin:]).strip())
    if comment is None:
        return "", ()
    return comment["kind"], tuple(part.strip() for part in re.split(r"[;\n]+", comment["rest"] or "") if part.strip())
