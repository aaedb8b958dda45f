"""From a host to its addresses. A literal address is its own; a name is looked up in the system's way."""

from __future__ import annotations

import socket

import trio

from ..sip.next_hop import is_literal
from .errors import Unreachable

LOOKUP_TIMEOUT = 5.0


async def resolve_host(host: str) -> list[str]:
    """Literal addresses, best first. Raises Unreachable."""
    if is_literal(host):
        return [host]
    try:
        with trio.fail_after(LOOKUP_TIMEOUT):
            found = await trio.socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except trio.TooSlowError:
        raise Unreachable(f"{host}: no answer from the name service within {LOOKUP_TIMEOUT:g} s") from None
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"{host}: no address found ({error})") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
