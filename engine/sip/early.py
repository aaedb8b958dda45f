"""The early dialogs that an INVITE of ours has made: one for each To tag in its provisionals (RFC 3261 12.1, 13.2.2.4).

Several stand side by side when a proxy forked the INVITE. Requests of the peer find their own by its tag; the 2xx that
comes first confirms one, and the others are kept for their numbers only: a late 2xx of theirs is ended with a BYE that
goes on from what was sent in its dialog before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .dialog import Dialog, DialogKey
from .messages import Response

MAX_EARLY_DIALOGS = 16  # of one INVITE; those beyond ring as well, but have no dialog


@dataclass(slots=True)
class EarlyDialog:
    """One of them. `answer` is the last description that came in its provisionals."""

    dialog: Dialog
    answer: bytes = b""
    rseq: int | None = None  # of the last reliable provisional (RFC 3262)
    has_settled: bool = False  # our offer was answered reliably

    def note_reliable(self, number: int, *, has_answer: bool) -> bool:
        """A reliable provisional came; False if it came before, or one is missing (RFC 3262 4)."""
        if self.rseq is not None and number != self.rseq + 1:
            return False
        self.rseq = number
        self.has_settled = self.has_settled or has_answer
        return True


class EarlyDialogs:
    """Those of one INVITE, by To tag."""

    __slots__ = ("_by_tag",)

    def __init__(self) -> None:
        self._by_tag: dict[str, EarlyDialog] = {}

    def __iter__(self) -> Iterator[EarlyDialog]:
        return iter(self._by_tag.values())

    def get(self, tag: str | None) -> EarlyDialog | None:
        return self._by_tag.get(tag or "")

    def add(self, dialog: Dialog) -> EarlyDialog | None:
        """None: there are too many."""
        if len(self._by_tag) >= MAX_EARLY_DIALOGS:
            return None
        early = self._by_tag[dialog.remote_tag] = EarlyDialog(dialog)
        return early

    def clear(self) -> list[DialogKey]:
        """The INVITE goes out anew, with credentials: what the last one made is nothing any more."""
        keys = [early.dialog.key for early in self]
        self._by_tag.clear()
        return keys

    def confirm(self, dialog: Dialog) -> Dialog:
        """The dialog that a 2xx makes, with what has happened in it already. The route set is that of the 2xx."""
        early = self._by_tag.get(dialog.remote_tag)
        if early is not None:
            dialog.local_cseq = max(dialog.local_cseq, early.dialog.local_cseq)
            dialog.remote_cseq = early.dialog.remote_cseq
        return dialog

    def answer_of(self, response: Response) -> bytes:
        """The description of a 2xx: its own, or the one that a provisional of its dialog brought (13.2.1)."""
        early = self.get(response.to.tag)
        return response.body or (early.answer if early is not None else b"")
