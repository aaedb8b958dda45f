"""What stays of a channel: its record, made of what was known at its beginning and at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callflow.protocol.events import ChannelEnded
from callflow.protocol.records import CallRecord

if TYPE_CHECKING:
    from .channel import Channel


def record_of(channel: Channel, ended: ChannelEnded) -> CallRecord:
    """The record of a channel that ends so."""
    facts = channel.facts
    return CallRecord(
        channel=channel.id,
        direction=facts.direction,
        caller=facts.caller.number or facts.caller.uri,
        caller_name=facts.caller.name,
        callee=facts.callee.number or facts.callee.uri,
        to=facts.to,
        app=channel.app,
        route=facts.route,
        user=facts.user,
        trunk=facts.trunk,
        parent=facts.parent,
        bridged_with=tuple(channel.bridged_with),
        created_at=ended.created_at,
        progress_at=ended.progress_at,
        answered_at=ended.answered_at,
        ended_at=ended.ended_at,
        billable=ended.billable,
        cause=ended.cause,
        cause_name=ended.cause_name,
        sip_status=ended.sip_status,
        sip_reason=ended.sip_reason,
        ended_by=ended.ended_by,
        phase=ended.phase,
        codec=channel.signalling.codec if ended.answered_at is not None else "",
        received=ended.received,
        sent=ended.sent,
        sip_call_id=facts.sip_call_id,
        variables=dict(channel.variables),
    )
