"""What tests need of the machine. Without it they are skipped, which fails in CI."""

from __future__ import annotations

import shutil
import socket

import pytest

_PACKAGES = {
    "baresip": "baresip-core",
    "chromium": "chromium",
    "kamailio": "kamailio kamailio-websocket-modules",
    "sipp": "sip-tester",
    "sipsak": "sipsak",
    "tshark": "tshark",
}


def program(name: str) -> pytest.MarkDecorator:
    """A program of Debian's."""
    reason = f"{name} is not installed: apt-get install {_PACKAGES[name]}"
    return pytest.mark.skipif(shutil.which(name) is None, reason=reason)


def raw_sockets() -> pytest.MarkDecorator:
    """To see the packets of others, and to send some in their name, as SIPp does when it plays a capture."""
    return pytest.mark.skipif(not _may_open_raw_sockets(), reason="raw sockets are for root (CAP_NET_RAW)")


def _may_open_raw_sockets() -> bool:
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
    except PermissionError:
        return False
    return True
