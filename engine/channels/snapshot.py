"""A channel as a list or a snapshot shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callflow.protocol.frames import ChannelState

if TYPE_CHECKING:
    from .channel import Channel


def state_of(channel: Channel) -> ChannelState:
    """What is true of the channel now."""
    facts, owner = channel.facts, channel.owner
    bridge = channel.bridge or (channel.member.room if channel.member is not None else None)
    return ChannelState(
        id=channel.id,
        direction=facts.direction,
        state=channel.state.value,
        caller=facts.caller.number or facts.caller.uri,
        callee=facts.callee.number or facts.callee.uri,
        to=facts.to,
        created_at=channel.account.created_at,
        answered_at=channel.account.answered_at,
        app=channel.app,
        owner=owner.session if owner is not None else None,
        user=facts.user,
        trunk=facts.trunk,
        parent=facts.parent,
        bridge=bridge.id if bridge is not None else None,
        call_seq=channel.call_seq,
        variables=dict(channel.variables),
        withheld=facts.withheld,
        security=facts.security,
        mos=channel.quality.mos,
    )
