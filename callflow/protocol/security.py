"""How far a leg can be trusted. See ChannelCreated."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

SrtpPolicy: TypeAlias = Literal["", "off", "optional", "required"]  # "": as the listener has it


class Security(msgspec.Struct, frozen=True, omit_defaults=True):
    """How SIP travels (`udp`, `tcp`, `tls`, ...), how media is encrypted, and the `user` who proved who he is.

    `media` is `none`, or `srtp` and the crypto-suite: `srtp AES_CM_128_HMAC_SHA1_80`, or `dtls-srtp`. Of a call that we
    place it is known with the answer; before, it is `dtls-srtp` where only that is offered.
    """

    transport: str = ""
    media: str = "none"
    user: str | None = None
