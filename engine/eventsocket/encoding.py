"""Frames as msgpack, whatever text is in them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from callflow.protocol.frames import MAX_MESSAGE, BridgeState, ChannelState, Frame, Snapshot

_PAGE = 100  # channels in one snapshot frame
_encoder = msgspec.msgpack.Encoder()


def encoded(frame: Frame) -> bytes:
    """The frame as msgpack. Text that is no Unicode, from a peer's octets, is made readable."""
    try:
        return _encoder.encode(frame)
    except UnicodeEncodeError:  # lone surrogates
        return _encoder.encode(_readable(msgspec.to_builtins(frame)))


def encoded_snapshot(channels: Sequence[ChannelState], bridges: Sequence[BridgeState]) -> list[bytes]:
    """The state as snapshot frames: one at least, the last without `more`."""
    pages = range(0, max(len(channels), len(bridges), 1), _PAGE)
    frames = []
    for at in pages:
        page = channels[at : at + _PAGE], bridges[at : at + _PAGE]
        frames += _encoded_page(*page, more=at != pages[-1])
    return frames


def _encoded_page(channels: Sequence[ChannelState], bridges: Sequence[BridgeState], *, more: bool) -> list[bytes]:
    frame = encoded(Snapshot(channels=tuple(channels), bridges=tuple(bridges), more=more))
    if len(frame) <= MAX_MESSAGE // 2 or len(channels) < 2:
        return [frame]
    half = len(channels) // 2  # long variables
    return [
        *_encoded_page(channels[:half], bridges, more=True),
        *_encoded_page(channels[half:], (), more=more),
    ]


def _readable(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_readable(key): _readable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_readable(item) for item in value]
    return value
