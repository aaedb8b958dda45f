"""How far a leg can be trusted. See ChannelCreated."""

from __future__ import annotations

from typing import Literal

import msgspec


class Security(msgspec.Struct, frozen=True, omit_defaults=True):
    """How SIP travels (`udp`, `tcp`, `tls`, ...), how media is encrypted, and the `user` who proved who he is.

    Of a call that we place `media` is what is offered.
    """

    transport: str = ""
    media: Literal["none", "dtls-srtp"] = "none"
    user: str | None = None
