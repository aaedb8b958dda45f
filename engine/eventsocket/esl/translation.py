"""Our events as FreeSWITCH's: one function for each, that keeps the leg true and tells clients, in its order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeVar, cast

from callflow.protocol import events
from callflow.protocol.outcomes import Played, Recorded

from . import acting, conferring, keeping_audio, streaming
from .hub import Hub, Translation
from .leg import CONTEXT, Leg, codec_name, codec_rate, host_of
from .performing import arrive, end_all
from .vocabulary import cause_name, cause_of_failure

E = TypeVar("E", bound=events.Event)

PROFILE_HOST = "callflow"


def _of_leg(translate: Callable[[Hub, Leg, E, float], None]) -> Translation:
    """A translation of events that are always a channel's."""

    def checked(hub: Hub, leg: Leg | None, event: events.Event, at: float) -> None:
        if leg is not None:
            translate(hub, leg, cast("E", event), at)  # the table says so

    return checked


def _over(of_leg: Callable[[Hub, Leg, E, float], None], of_room: Callable[[Hub, E], None]) -> Translation:
    """A translation of what may be a channel's, or that of a conference."""

    def checked(hub: Hub, leg: Leg | None, event: events.Event, at: float) -> None:
        told = cast("E", event)  # the table says so
        if leg is not None:
            of_leg(hub, leg, told, at)
        else:
            of_room(hub, told)

    return checked


def _created(hub: Hub, leg: Leg, event: events.ChannelCreated, at: float) -> None:
    if not leg.is_inbound:
        hub.tell("CHANNEL_OUTGOING", leg, at)
    hub.enter(leg, "CS_INIT", at)
    if leg.is_inbound:
        hub.enter(leg, "CS_ROUTING", at)
    hub.tell("CHANNEL_CREATE", leg, at)
    if leg.is_inbound:
        hub.call(leg, "RINGING", at)
        hub.enter(leg, "CS_EXECUTE", at)
        if leg.owner is not None and leg.owner == hub.steering.session:
            arrive(hub, leg)
    else:
        hub.tell("CHANNEL_ORIGINATE", leg, at)
        hub.enter(leg, "CS_ROUTING", at)
        hub.enter(leg, "CS_CONSUME_MEDIA", at)


def _ringing(hub: Hub, leg: Leg, event: events.ChannelRinging, at: float) -> None:
    leg.progress_at = leg.progress_at or at
    hub.tell("CHANNEL_PROGRESS", leg, at)
    hub.call(leg, "RINGING", at)


def _progress(hub: Hub, leg: Leg, event: events.ChannelProgress, at: float) -> None:
    leg.early_at, leg.answer_state = at, "early"
    leg.progress_at = leg.progress_at or at
    hub.tell("CHANNEL_PROGRESS_MEDIA", leg, at)
    hub.call(leg, "EARLY", at)


def _answered(hub: Hub, leg: Leg, event: events.ChannelAnswered, at: float) -> None:
    leg.answered_at, leg.answer_state, leg.codec = at, "answered", event.codec
    for way in ("read", "write"):
        name, rate = codec_name(event.codec), str(codec_rate(event.codec))
        hub.tell("CODEC", leg, at, {f"channel-{way}-codec-name": name, f"channel-{way}-codec-rate": rate})
    hub.tell("CHANNEL_ANSWER", leg, at)
    hub.call(leg, "ACTIVE", at)


def _held(hub: Hub, leg: Leg, event: events.ChannelHeld, at: float) -> None:
    leg.held_at = at
    hub.tell("CHANNEL_HOLD", leg, at)
    hub.call(leg, "HELD", at)


def _resumed(hub: Hub, leg: Leg, event: events.ChannelResumed, at: float) -> None:
    hub.tell("CHANNEL_UNHOLD", leg, at)
    hub.call(leg, "ACTIVE", at)


def _bridged(hub: Hub, leg: Leg, event: events.ChannelBridged, at: float) -> None:
    other = hub.find(event.other)
    if leg.bridge == event.bridge or other is None:  # told on the channel that the command was given to
        return
    for each, far, role in ((leg, other, "originatee"), (other, leg, "originator")):
        each.bridge, each.other, each.other_type, each.bridged_at = event.bridge, far.id, role, at
    other.call_uuid = leg.call_id
    hub.tell("CHANNEL_BRIDGE", leg, at, {"Bridge-A-Unique-ID": leg.id, "Bridge-B-Unique-ID": other.id})
    for each in (leg, other):
        hub.tell("CALL_UPDATE", each, at, {"Direction": "SEND"})
        hub.enter(each, "CS_EXCHANGE_MEDIA", at)
    _apply_actions(hub, leg, other)


def _unbridged(hub: Hub, leg: Leg, event: events.ChannelUnbridged, at: float) -> None:
    leg.bridge = ""
    other = hub.find(event.other)
    if other is not None:
        _apply_actions(hub, leg, other)
    if event.command is None:
        return
    hub.tell("CHANNEL_UNBRIDGE", leg, at, {"Bridge-A-Unique-ID": leg.id, "Bridge-B-Unique-ID": event.other})
    hub.steering.note_outcome(event.command, event.outcome)


def _apply_actions(hub: Hub, leg: Leg, other: Leg) -> None:
    if leg.actions or other.actions:
        hub.nursery.start_soon(acting.bridged, hub, leg, other)


def _texted(hub: Hub, leg: Leg, event: events.MessageReceived, at: float) -> None:
    headers = {"Content-Type": event.content_type, "Content-Length": str(len(event.body.encode()))}
    hub.tell("RECV_MESSAGE", leg, at, headers, body=event.body)


def _wrote(hub: Hub, leg: Leg | None, event: events.Event, at: float) -> None:
    """A text outside of any call."""
    text = cast("events.TextReceived", event)
    headers = {
        "login": f"sip:mod_sofia@{hub.domain}",
        "proto": "sip",
        "from": f"{text.sender}@{hub.domain}",
        "from_user": text.sender,
        "from_host": hub.domain,
        "to": f"{text.to}@{hub.domain}",
        "to_user": text.to,
        "to_host": hub.domain,
        "context": CONTEXT,
        "type": text.content_type,
        "from_full": f"<sip:{text.sender}@{hub.domain}>",
        "Content-Length": str(len(text.body.encode())),
    }
    hub.announce("MESSAGE", headers, body=text.body, at=at)


def _waits(hub: Hub, leg: Leg | None, event: events.Event, at: float) -> None:
    """Voice messages wait for a user, or no longer."""
    mailbox = cast("events.MailboxChanged", event)
    headers = {
        "MWI-Messages-Waiting": "yes" if mailbox.new else "no",
        "MWI-Message-Account": f"{mailbox.user}@{hub.domain}",
        "MWI-Voice-Message": f"{mailbox.new}/{mailbox.saved} (0/0)",
    }
    hub.announce("MESSAGE_WAITING", headers, at=at)


def _talks(hub: Hub, leg: Leg, event: events.ChannelTalking, at: float) -> None:
    hub.tell("TALK", leg, at)


def _is_silent(hub: Hub, leg: Leg, event: events.ChannelSilent, at: float) -> None:
    hub.tell("NOTALK", leg, at)


def _keyed(hub: Hub, leg: Leg, event: events.DigitEnded, at: float) -> None:
    samples = str(event.duration_ms * 8)
    hub.tell("DTMF", leg, at, {"DTMF-Digit": event.digit, "DTMF-Duration": samples, "DTMF-Source": "RTP"})


def _playing(hub: Hub, leg: Leg, event: events.PlaybackStarted, at: float) -> None:
    hub.tell("PLAYBACK_START", leg, at, _file(leg.playbacks.get(event.command, "")))


def _played(hub: Hub, leg: Leg, event: events.PlaybackFinished, at: float) -> None:
    outcome = event.outcome
    status = "done"
    if isinstance(outcome, Played):
        status = "done" if outcome.reason == "completed" else "break"
        leg.variables |= {
            "playback_ms": str(outcome.heard_ms),
            "playback_seconds": str(outcome.heard_ms // 1000),
            "playback_samples": str(outcome.heard_ms * 8),
        }
        if outcome.digit is not None:
            leg.variables["playback_terminator_used"] = outcome.digit
    path = leg.playbacks.pop(event.command, "")
    hub.tell("PLAYBACK_STOP", leg, at, {**_file(path), "Playback-Status": status})
    hub.steering.note_outcome(event.command, outcome)


def _file(path: str) -> dict[str, str]:
    scheme = path.partition("://")[0] if "://" in path else ""
    return ({"Playback-File-Type": scheme} if scheme else {}) | {"Playback-File-Path": path}


def _recording(hub: Hub, leg: Leg, event: events.RecordingStarted, at: float) -> None:
    path = leg.recordings.setdefault(event.command, event.path)
    hub.tell("MEDIA_BUG_START", leg, at, {"Media-Bug-Function": "session_record", "Media-Bug-Target": path})
    hub.tell("RECORD_START", leg, at, {"Record-File-Path": path})


def _recorded(hub: Hub, leg: Leg, event: events.RecordingFinished, at: float) -> None:
    path = leg.recordings.pop(event.command, "")
    if isinstance(event.outcome, Recorded):
        spent = event.outcome.duration_ms
        leg.variables |= {
            "record_ms": str(spent),
            "record_seconds": str(spent // 1000),
            "record_samples": str(spent * 8),
            "record_file_path": path or event.outcome.path,
            "record_completion_cause": "success-silence" if event.outcome.reason == "silence" else "success-maxtime",
        }
    hub.tell("RECORD_STOP", leg, at, {"Record-File-Path": path})
    hub.tell("MEDIA_BUG_STOP", leg, at, {"Media-Bug-Function": "session_record", "Media-Bug-Target": path})
    hub.steering.note_outcome(event.command, event.outcome)


def _owned(hub: Hub, leg: Leg, event: events.OwnerChanged, at: float) -> None:
    leg.owner = event.owner
    if event.to:
        leg.destination, leg.transferred_at = event.to, at
    if event.state is not None:
        leg.variables |= event.state.variables  # that another app has set
    if event.owner != hub.steering.session:
        end_all(hub, leg)
    elif event.to:
        arrive(hub, leg)


def _ended(hub: Hub, leg: Leg, event: events.ChannelEnded, at: float) -> None:
    leg.hangup_at, leg.hung_up_by, leg.sip_status = at, event.ended_by, event.sip_status
    leg.cause = leg.cause or _cause(leg, event)
    leg.state = "CS_HANGUP" if leg.state != "CS_EXECUTE" else leg.state
    leg.answer_state = "hangup"
    hub.tell("CHANNEL_HANGUP", leg, at)
    if leg.is_parked:
        leg.is_parked = False
        hub.tell("CHANNEL_UNPARK", leg, at)
    end_all(hub, leg)
    hub.enter(leg, "CS_HANGUP", at)
    hub.call(leg, "HANGUP", at)
    hub.enter(leg, "CS_REPORTING", at)
    hub.tell("CHANNEL_HANGUP_COMPLETE", leg, at)
    hub.end(leg)
    hub.tell("CHANNEL_DESTROY", leg, at)
    leg.state = "CS_DESTROY"
    hub.tell("CHANNEL_STATE", leg, at)
    hub.legs.pop(leg.id, None)
    hub.schedule.drop(leg.id)
    if leg.files:
        hub.nursery.start_soon(keeping_audio.remove, leg)


def _cause(leg: Leg, event: events.ChannelEnded) -> str:
    if event.phase == "answered":
        return cause_name(event.cause)
    if leg.is_inbound:
        return "ORIGINATOR_CANCEL" if event.ended_by == "caller" else cause_name(event.cause)
    if event.ended_by in ("app", "caller"):
        return "ORIGINATOR_CANCEL"
    return cause_of_failure(event.sip_status, event.cause)


def _noted(hub: Hub, leg: Leg | None, event: events.Event, at: float) -> None:
    """Nothing that FreeSWITCH's clients know; who gave the command waits for it."""
    done = cast("events.DialFinished", event)  # or another with a command and an outcome
    hub.steering.note_outcome(done.command, done.outcome)


def _registered(hub: Hub, leg: Leg | None, event: events.Event, at: float) -> None:
    added = cast("events.RegistrationAdded", event)
    headers = _registration(added.user, added.contact) | {
        "status": "Registered(UDP)",
        "expires": str(round(added.expires_after)),
    }
    hub.announce("CUSTOM", headers, subclass="sofia::register", at=at)


def _unregistered(hub: Hub, leg: Leg | None, event: events.Event, at: float) -> None:
    gone = cast("events.RegistrationRemoved", event)
    subclass = "sofia::expire" if isinstance(event, events.RegistrationExpired) else "sofia::unregister"
    hub.announce("CUSTOM", _registration(gone.user, gone.contact), subclass=subclass, at=at)


def _gateway(hub: Hub, leg: Leg | None, event: events.Event, at: float) -> None:
    trunk = cast("events.TrunkUp", event).trunk  # they all have one
    state, ping = _GATEWAY[type(event)]
    headers = {"Gateway": trunk, "State": state} | ({"Ping-Status": ping} if ping else {})
    hub.announce("CUSTOM", headers, subclass="sofia::gateway_state", at=at)


_GATEWAY: Mapping[type[events.Event], tuple[str, str]] = MappingProxyType({
    events.TrunkUp: ("NOREG", "UP"),
    events.TrunkDown: ("NOREG", "DOWN"),
    events.TrunkRegistered: ("REGED", ""),
    events.TrunkUnregistered: ("FAIL_WAIT", ""),
})


def _registration(user: str, contact: str) -> dict[str, str]:
    host = host_of(contact)
    address, _, port = host.rpartition(":") if ":" in host else (host, "", "5060")
    return {
        "profile-name": "internal",
        "from-user": user,
        "from-host": PROFILE_HOST,
        "contact": f'"{user}" <{contact}>',
        "to-user": user,
        "to-host": PROFILE_HOST,
        "network-ip": address,
        "network-port": port,
        "username": user,
        "realm": PROFILE_HOST,
    }


TRANSLATIONS: Mapping[type[events.Event], Translation] = MappingProxyType({
    events.ChannelCreated: _of_leg(_created),
    events.ChannelRinging: _of_leg(_ringing),
    events.ChannelProgress: _of_leg(_progress),
    events.ChannelAnswered: _of_leg(_answered),
    events.ChannelHeld: _of_leg(_held),
    events.ChannelResumed: _of_leg(_resumed),
    events.ChannelBridged: _of_leg(_bridged),
    events.ChannelUnbridged: _of_leg(_unbridged),
    events.BridgeJoined: _of_leg(conferring.joined),
    events.BridgeLeft: _of_leg(conferring.left),
    events.BridgeSpeaker: conferring.spoke,
    events.DigitEnded: _of_leg(_keyed),
    events.DigitsMatched: _of_leg(acting.matched),
    events.MessageReceived: _of_leg(_texted),
    events.MessageSent: _noted,
    events.TextReceived: _wrote,
    events.TextSent: _noted,
    events.PlaybackStarted: _of_leg(_playing),
    events.PlaybackFinished: _over(_played, conferring.played),
    events.RecordingStarted: _of_leg(_recording),
    events.RecordingFinished: _over(_recorded, conferring.recorded),
    events.ChannelTalking: _of_leg(_talks),
    events.ChannelSilent: _of_leg(_is_silent),
    events.MailboxChanged: _waits,
    events.StreamStarted: _of_leg(streaming.started),
    events.StreamTexted: _of_leg(streaming.texted),
    events.StreamDropped: _of_leg(streaming.dropped),
    events.StreamFinished: _of_leg(streaming.finished),
    events.OwnerChanged: _of_leg(_owned),
    events.ChannelEnded: _of_leg(_ended),
    events.GatherFinished: _noted,
    events.EchoFinished: _noted,
    events.DetectFinished: _noted,
    events.DigitsSent: _noted,
    events.DialFinished: _noted,
    events.TransferFinished: _noted,
    events.RegistrationAdded: _registered,
    events.RegistrationRemoved: _unregistered,
    events.RegistrationExpired: _unregistered,
    **dict.fromkeys(_GATEWAY, _gateway),
})
