"""What the kernel knows of a process: the ports it listens on, its descriptors and children."""

from __future__ import annotations

import os
from pathlib import Path


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


def descriptors(pid: int) -> list[str]:
    """What the process's descriptors point to."""
    return sorted(os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir())


def children(pid: int) -> list[int]:
    """The process's children."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += map(int, (task / "children").read_text().split())
    return sorted(found)
