"""What offer and answer agreed on, in the words of the data plane."""

from __future__ import annotations

from engine.sdp.security import Protection

from .session import Keys


def keys_of(protection: Protection | None) -> Keys | None:
    """The keys of a stream; None: it is plain."""
    if protection is None:
        return None
    return Keys(protection.suite, protection.local, protection.remote, protection.remote_mki)
