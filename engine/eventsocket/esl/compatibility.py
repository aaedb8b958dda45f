"""Which of FreeSWITCH's commands, applications and events there are: `python -m engine.eventsocket.esl.compatibility`.

It writes docs/reference/esl.md from the tables that clients are served by; a test says when the page is stale.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from .api import API
from .application import APPLICATIONS
from .asked import ApiCommand
from .command import COMMANDS
from .stage import Application
from .vocabulary import TOLD

PAGE = Path("docs/reference/esl.md")
_HEAD = """# FreeSWITCH's words, here

<!-- generated from engine/eventsocket/esl by `make docs`; do not edit -->

What [the door for FreeSWITCH's clients](../esl.md) knows. What it does not know is answered as FreeSWITCH answers it: a
command with `-ERR command not found`, an api command with `-ERR NAME Command not found!`; an application hangs up with
`DESTINATION_OUT_OF_ORDER`.
"""

# What public programs use most, by a count over 123 of them.
_API_IN_USE = """
    bg_system bgapi callcenter_config conference console create_uuid db echo eval expand expr file_exists fsctl
    global_getvar global_setvar group_call hash hostname hupall in_group json list_users load log lua luarun md5
    module_exists msleep originate regex reload reloadacl reloadxml sched_api sched_broadcast sched_del sched_hangup
    sched_transfer show sofia sofia_contact sql_escape status strepoch strftime switchname system tone_detect unload
    uptime url_decode url_encode user_data user_exists uuid_answer uuid_audio uuid_audio_fork uuid_audio_stream
    uuid_break uuid_bridge uuid_broadcast uuid_buglist uuid_deflect uuid_displace uuid_display uuid_dump
    uuid_early_ok uuid_exists uuid_fileman uuid_flush_dtmf uuid_getvar uuid_hold uuid_kill uuid_loglevel uuid_media
    uuid_media_reneg uuid_park uuid_phone_event uuid_pre_answer uuid_preprocess uuid_record uuid_recv_dtmf
    uuid_ring_ready uuid_send_dtmf uuid_setvar uuid_setvar_multi uuid_transfer valet_info version
"""
_APPLICATIONS_IN_USE = """
    answer att_xfer bind_digit_action bind_meta_app break bridge callcenter clear_digit_action conference curl db
    deflect delay_echo detect_speech displace_session eavesdrop echo endless_playback eval event execute_extension
    export fifo flush_dtmf gentones hangup hash hold info intercept limit log lua multiset multiunset park phrase
    play_and_get_digits playback pre_answer privacy push read record record_session redirect respond ring_ready say
    sched_broadcast sched_hangup sched_transfer send_dtmf set sleep socket speak start_dtmf start_tone_detect
    stop_dtmf stop_displace_session stop_record_session strftime system three_way tone_detect transfer unbind_meta_app
    unhold unset valet_park voicemail wait_for_silence
"""
_EVENTS_IN_USE = """
    ADD_SCHEDULE API BACKGROUND_JOB CALL_UPDATE CHANNEL_ANSWER CHANNEL_APPLICATION CHANNEL_BRIDGE CHANNEL_CALLSTATE
    CHANNEL_CREATE CHANNEL_DATA CHANNEL_DESTROY CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE CHANNEL_HANGUP
    CHANNEL_HANGUP_COMPLETE CHANNEL_HOLD CHANNEL_ORIGINATE CHANNEL_OUTGOING CHANNEL_PARK CHANNEL_PROGRESS
    CHANNEL_PROGRESS_MEDIA CHANNEL_STATE CHANNEL_UNBRIDGE CHANNEL_UNHOLD CHANNEL_UNPARK CHANNEL_UUID CODEC COMMAND
    CUSTOM DEL_SCHEDULE DETECTED_SPEECH DETECTED_TONE DEVICE_STATE DTMF EXE_SCHEDULE GENERAL HEARTBEAT LOG
    MEDIA_BUG_START MEDIA_BUG_STOP MESSAGE MESSAGE_WAITING MODULE_LOAD MODULE_UNLOAD NOTALK NOTIFY PLAYBACK_START
    PLAYBACK_STOP PRESENCE_IN PRESENCE_OUT PRIVATE_COMMAND RECORD_START RECORD_STOP RECV_INFO RECV_MESSAGE RELOADXML
    RE_SCHEDULE SEND_INFO SEND_MESSAGE SESSION_HEARTBEAT SHUTDOWN SOCKET_DATA STARTUP TALK
"""

_HANDED_OVER = "a script of ours stands in for it, where `[esl] applications` has its number"
# Why what they use is not there.
_LEFT_OUT: Mapping[str, str] = MappingProxyType({
    "callcenter": _HANDED_OVER,
    "callcenter_config": "the script that stands in for `callcenter` has its own queues and agents",
    "lua": f"as an application: {_HANDED_OVER}; as an api command: it would run without a call",
    "luarun": "it would run without a call; our scripts in Lua are apps",
    "voicemail": _HANDED_OVER,
})
_SENT = "what a client sends by `sendevent` reaches the others; no SIP comes of it"
# Why events that they subscribe to do not come of themselves.
_UNTOLD: Mapping[str, str] = MappingProxyType({
    "CHANNEL_APPLICATION": "by the application `event` alone",
    "CHANNEL_DATA": "the answer to `connect`",
    "CHANNEL_UUID": "a channel keeps its id",
    "COMMAND": _SENT,
    "DETECTED_SPEECH": "no recognizer is built in",
    "DEVICE_STATE": "the states of calls are told, those of devices are not",
    "GENERAL": _SENT,
    "LOG": "the command `log`",
    "MODULE_LOAD": "there are no modules to load",
    "MODULE_UNLOAD": "there are no modules to unload",
    "NOTIFY": _SENT,
    "PRESENCE_IN": "presence is for phones and scripts, see `presence.md`",
    "PRESENCE_OUT": "presence is for phones and scripts, see `presence.md`",
    "PRIVATE_COMMAND": _SENT,
    "RECV_INFO": "of what INFO brings keys are told, as DTMF",
    "SEND_INFO": f"{_SENT}; `uuid_send_info` sends one",
    "SEND_MESSAGE": f"{_SENT}; `chat` and `uuid_send_message` send one",
    "SOCKET_DATA": "nothing here is told by it",
    "STARTUP": "the door opens after it",
})


def page() -> str:
    """The whole page."""
    commands = sorted({command.prefix.strip() for command in COMMANDS} | {"auth", "userauth"})
    return "\n".join([
        _HEAD,
        "## Commands\n",
        " ".join(f"`{command}`" for command in commands) + "\n",
        "`userauth` is for the users of `[[esl.user]]`; those who may not ask everything may not steer calls either.\n",
        "`sendmsg` knows `execute`, `hangup` and `xferext`; `unicast` and `nomedia` are refused.\n",
        *_section("Api commands", API, _API_IN_USE.split()),
        *_section("Applications", APPLICATIONS, _APPLICATIONS_IN_USE.split()),
        *_events(),
    ])


def _section(
    title: str, there: Mapping[str, Application] | Mapping[str, ApiCommand], in_use: Sequence[str]
) -> Iterable[str]:
    yield f"## {title}\n"
    yield "| | differs from FreeSWITCH's |\n|---|---|"
    for name in sorted(there):
        yield f"| `{name}` | {there[name].differs} |"
    missing = sorted(set(in_use) - set(there))
    yield f"\nNot there by themselves, of the {len(in_use)} that are used most:\n"
    yield "\n".join(f"- `{name}`: {_LEFT_OUT[name]}" for name in missing) + "\n"


def _events() -> Iterable[str]:
    yield "## Events\n"
    yield " ".join(f"`{name}`" for name in sorted(TOLD)) + "\n"
    missing = sorted(set(_EVENTS_IN_USE.split()) - {name.partition(" ")[0] for name in TOLD})
    yield "The other names may be subscribed to, and do not come of themselves. Of those that are in use:\n"
    yield "\n".join(f"- `{name}`: {_UNTOLD[name]}" for name in missing) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
