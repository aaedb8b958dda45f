"""Session descriptions as values (RFC 8866), over the native codec. The only module that imports it for SDP.

::

    offer = SessionDescription.parse(body)  # raises ParseError
    offer.media[0].payloads  # [Payload(0, "PCMU"), ...], static payload types too
"""

from __future__ import annotations

from engine._native.codec import Crypto, MediaDescription, Origin, ParseError, Payload, SessionDescription

__all__ = ["Crypto", "MediaDescription", "Origin", "ParseError", "Payload", "SessionDescription"]
