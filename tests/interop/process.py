"""What the kernel knows of a process: the ports it listens on, its descriptors, threads and children."""

from __future__ import annotations

import os
import resource
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import trio


async def until(condition: Callable[[], object]) -> None:
    """Wait for what nothing tells: look again and again."""
    while not condition():  # noqa: ASYNC110
        await trio.sleep(0.005)


def socket_inodes(pid: int) -> dict[str, int]:
    """Socket inode → descriptor number."""
    found = {}
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(entry)
        except FileNotFoundError:
            continue
        if target.startswith("socket:["):
            found[target[8:-1]] = int(entry.name)
    return found


def listening_ports(pid: int, table: str = "tcp") -> list[int]:
    """The TCP ports (or bound UDP ports, with table "udp") of a process, in the order it opened them."""
    inodes = socket_inodes(pid)
    state = {"tcp": "0A", "udp": "07"}[table]
    ports = []
    for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == state and fields[9] in inodes:
            ports.append((inodes[fields[9]], int(fields[1].rpartition(":")[2], 16)))
    return [port for _, port in sorted(ports)]


def descriptors(pid: int) -> Counter[str]:
    """How many descriptors of each kind a process has: socket, pipe, file, ..."""
    kinds: Counter[str] = Counter()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            target = os.readlink(entry)
            kinds["file" if target.startswith("/") else target.partition(":")[0]] += 1
    return kinds


def sockets(pid: int) -> Counter[str]:
    """How many sockets of each kind a process has: tcp, udp, unix; those of another kind are not counted."""
    inodes = socket_inodes(pid).keys()
    kinds: Counter[str] = Counter()
    for kind, column in {"tcp": 9, "udp": 9, "unix": 6}.items():
        rows = Path(f"/proc/{pid}/net/{kind}").read_text().splitlines()[1:]
        kinds[kind] = sum(row.split()[column] in inodes for row in rows)
    return kinds


def resident(pid: int) -> int:
    """The octets of memory that a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def threads(pid: int) -> Counter[str]:
    """The threads of a process by name, but for those that trio keeps for a while in case of further work."""
    names: Counter[str] = Counter()
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            names[(task / "comm").read_text().strip()] += 1
    return Counter({name: count for name, count in names.items() if not name.startswith("Trio")})


def children(pid: int) -> list[int]:
    """The process's children."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += map(int, (task / "children").read_text().split())
    return sorted(found)


def workers(pid: int) -> list[int]:
    """The engine's children that run a script: they have named themselves before they load it."""
    return [child for child in children(pid) if name_of(child).startswith("cf-")]


def spares(pid: int) -> list[int]:
    """The engine's children that wait for a script."""
    return [child for child in children(pid) if name_of(child) == "cf spare"]


def name_of(pid: int) -> str:
    """What it calls itself; empty: it has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def is_running(pid: int) -> bool:
    """Whether there is such a process, not counting one that waits to be reaped."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
