"""UDP ports for what has to be told its own, or has to run out of them: no two test processes are given the same.

They lie below those that the kernel hands out, and that the engines and phones of tests draw their RTP ports from.
"""

from __future__ import annotations

import socket
from contextlib import ExitStack, suppress
from functools import cache
from itertools import cycle, islice

_LOWEST, _HIGHEST = 10000, 20000
_SHARE = 500  # ports of one process


def free_ports(count: int) -> tuple[int, int]:
    """The first and the last of so many successive ports, the first even, that nobody has now.

    It is long until any of them is given again.
    """
    share = _claim()
    for first in islice(share.starts, _SHARE):
        if first + count <= share.end and _are_free(range(first, first + count)):
            share.skip(count)
            return first, first + count - 1
    raise AssertionError(f"no {count} free ports in a row below {share.end}")


class _Share:
    """The ports of this process, as long as it runs."""

    def __init__(self, first: int) -> None:
        self.end = first + _SHARE
        self.starts = cycle(range(first, self.end, 2))

    def skip(self, count: int) -> None:
        """So many from the last start on are given."""
        for _ in range((count - 1) // 2):
            next(self.starts)


@cache
def _claim() -> _Share:
    """Whose a share is, is said by a socket of its name (unix(7): abstract names end with the process)."""
    for first in range(_LOWEST, _HIGHEST, _SHARE):
        with socket.socket(socket.AF_UNIX) as claim, suppress(OSError):  # an error: another process has it
            claim.bind(f"\0callflow tests: ports {first}")
            claim.detach()  # open to the end
            return _Share(first)
    raise AssertionError(f"every share of the ports {_LOWEST}-{_HIGHEST} is in use: do so many tests run at once?")


def _are_free(ports: range) -> bool:
    with ExitStack() as stack:
        try:
            for port in ports:
                stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)).bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
