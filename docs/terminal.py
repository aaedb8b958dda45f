"""A terminal's text as it grows, and an SVG that plays it: for docs/record.py.

Understood is what our commands print: text, line ends, and SGR for bold, dim and red; other sequences are left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH, HEIGHT = 8.43, 19  # pixels of a character cell
PADDING, BAR = 14, 28
HOLD = 5.0  # seconds that the last frame stands

_PART = re.compile(r"\x1b\[(?P<sgr>[0-9;]*)m|\x1b\[[0-9;?]*[A-Za-z]|\x1b[()>=].?|(?P<text>[^\x1b]+)|\x1b")

_STYLE = """
svg{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace}
.w{fill:#f6f8fa;stroke:#d0d7de}.r{fill:#eaeef2}.t{fill:#57606a;font-size:12px}text{fill:#1f2328;white-space:pre}
.b{font-weight:700}.d{fill:#6e7781}.e{fill:#cf222e}.p{fill:#0a7d33;font-weight:700}
@media (prefers-color-scheme:dark){.w{fill:#161b22;stroke:#30363d}.r{fill:#21262d}.t{fill:#8b949e}
text{fill:#e6edf3}.d{fill:#8b949e}.e{fill:#ff7b72}.p{fill:#56d364}}
"""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text of one style, since when it is there, and in which column it begins."""

    at: float
    column: int
    text: str
    style: str


@dataclass(slots=True)
class Row:
    """A line of the terminal."""

    pieces: list[Piece] = field(default_factory=list)
    width: int = 0


class Screen:
    """Lines that only grow: nothing we record moves the cursor back."""

    def __init__(self) -> None:
        self.rows = [Row()]
        self._style = ""

    def feed(self, text: str, at: float) -> None:
        """Take in what was printed at that second."""
        for part in _PART.finditer(text):
            if part["sgr"] is not None:
                self._style = _style(part["sgr"])
            elif part["text"] is not None:
                self._print(part["text"].replace("\r", ""), at)

    def _print(self, text: str, at: float) -> None:
        first, *rest = text.split("\n")
        self._append(first, at)
        for line in rest:
            self.rows.append(Row())
            self._append(line, at)

    def _append(self, text: str, at: float) -> None:
        row = self.rows[-1]
        if text:
            row.pieces.append(Piece(at, row.width, text, self._style))
            row.width += len(text)


def render(panes: Sequence[tuple[str, Sequence[Row]]], *, columns: int) -> str:
    """The panes one above the other, as an SVG that plays again and again."""
    panes = [(title, _without_blank_end(rows)) for title, rows in panes]
    moments = sorted({piece.at for _, rows in panes for row in rows for piece in row.pieces})
    duration = moments[-1] + HOLD
    names = {at: f"k{number}" for number, at in enumerate(moments)}
    width = columns * WIDTH + 2 * PADDING
    top, bodies = 1.0, []
    for title, rows in panes:
        height = BAR + len(rows) * HEIGHT + 2 * PADDING - 6
        bodies.append(_pane(title, rows, names, top=top, width=width, height=height))
        top += height + 12
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width + 2:.0f} {top - 11:.0f}" role="img">',
        "<title>A first call: make run in one terminal, callflow dial in the other</title>",
        f"<style>{_STYLE}{_animation(names, duration)}</style>",
        *bodies,
        "</svg>\n",
    ])


def _animation(names: dict[float, str], duration: float) -> str:
    """Each moment's pieces are hidden until it comes; who wants no motion sees the last frame."""
    rules = [f"{{animation:{duration:.1f}s step-end infinite}}"]
    frames = []
    for at, name in names.items():
        percent = f"{100 * at / duration:.2f}"
        frames.append(f"@keyframes {name}{{0%{{opacity:0}}{percent}%{{opacity:1}}}}.{name}{{animation-name:{name}}}")
    return f".a{rules[0]}{''.join(frames)}@media (prefers-reduced-motion:reduce){{.a{{animation:none}}}}"


def _pane(title: str, rows: Sequence[Row], names: dict[float, str], *, top: float, width: float, height: float) -> str:
    corner, side = "a7.5 7.5 0 0 1 7.5", BAR - 8
    bar = f"M1.5 {top + BAR}v-{side}{corner}-7.5h{width - 16:.0f}{corner} 7.5v{side}z"
    lines = [
        f'<rect class="w" x="1" y="{top}" width="{width:.0f}" height="{height}" rx="8"/>',
        f'<path class="r" d="{bar}"/>',
        f'<text class="t" x="{PADDING + 1}" y="{top + 19}">{escape(title)}</text>',
    ]
    for number, row in enumerate(rows):
        y = top + BAR + PADDING + (number + 0.6) * HEIGHT
        lines += [_text(piece, names[piece.at], y) for piece in _joined(row.pieces)]
    return "\n".join(lines)


def _text(piece: Piece, name: str, y: float) -> str:
    x = PADDING + 1 + piece.column * WIDTH
    length = f' textLength="{len(piece.text) * WIDTH:.1f}"' if len(piece.text) > 1 else ""
    classes = f"a {name} {piece.style}".strip()
    return f'<text class="{classes}" x="{x:.1f}" y="{y:.1f}"{length}>{escape(piece.text, quote=False)}</text>'


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """What stands side by side, came at once and looks alike is one; blanks at its ends are nothing to draw."""
    joined: list[Piece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if last is not None and (last.at, last.style) == (piece.at, piece.style):
            joined[-1] = Piece(last.at, last.column, last.text + piece.text, last.style)
        else:
            joined.append(piece)
    return [stripped for piece in joined if (stripped := _stripped(piece)).text]


def _stripped(piece: Piece) -> Piece:
    text = piece.text.lstrip()
    return Piece(piece.at, piece.column + len(piece.text) - len(text), text.rstrip(), piece.style)


def _without_blank_end(rows: Sequence[Row]) -> list[Row]:
    kept = list(rows)
    while kept and "".join(piece.text for piece in kept[-1].pieces).strip() in ("", "$"):
        kept.pop()
    return kept


def _style(sgr: str) -> str:
    codes = [int(code or 0) for code in sgr.split(";")]
    names = {1: "b", 2: "d", 31: "e", 32: "p"}
    return " ".join(names[code] for code in codes if code in names)
