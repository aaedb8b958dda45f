"""What offer and answer came to, as the data plane needs it."""

from __future__ import annotations

from engine.sdp.codec import CODECS, OpusFormat
from engine.sdp.negotiation import Agreement

from .keys import keys_of
from .session import Direction, Stream


def stream_of(agreed: Agreement, *, signalled_from: str | None = None) -> Stream:
    """The stream of an agreement with a peer whose SIP comes from that host."""
    opus = agreed.opus or OpusFormat()
    return Stream(
        agreed.remote,
        agreed.codec,
        agreed.payload_type,
        agreed.telephone_event,
        Direction(agreed.direction.value),
        agreed.ptime_ms,
        is_muxed=agreed.is_muxed,
        event_rate=agreed.event_rate,
        comfort_noise=agreed.comfort_noise,
        bitrate=opus.bitrate,
        has_fec=opus.has_fec,
        has_dtx=opus.has_dtx,
        clock_rate=CODECS[agreed.codec].clock_rate,
        keys=keys_of(agreed.protection),
        signalled_from=signalled_from,
    )
