"""show, status, version, uptime: lists of what there is, as tables, JSON or XML."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import cast
from xml.sax.saxutils import escape

from callflow.protocol import commands
from callflow.protocol.queries import RegistrationState

from .asked import MODULES, Asked
from .hub import MAX_RATE, MAX_SESSIONS, Hub, uptime
from .leg import Leg, codec_name, codec_rate, host_of
from .schedule import Task

_USAGE = "-USAGE: codec|endpoint|application|api|channels [count|like <match string>]|calls|registrations|status\n"
_PAGE = 1000

CHANNEL_COLUMNS = [
    "uuid",
    "direction",
    "created",
    "created_epoch",
    "name",
    "state",
    "cid_name",
    "cid_num",
    "ip_addr",
    "dest",
    "application",
    "application_data",
    "dialplan",
    "context",
    "read_codec",
    "read_rate",
    "read_bit_rate",
    "write_codec",
    "write_rate",
    "write_bit_rate",
    "secure",
    "hostname",
    "presence_id",
    "presence_data",
    "accountcode",
    "callstate",
    "callee_name",
    "callee_num",
    "callee_direction",
    "call_uuid",
    "sent_callee_name",
    "sent_callee_num",
    "initial_cid_name",
    "initial_cid_num",
    "initial_ip_addr",
    "initial_dest",
    "initial_dialplan",
    "initial_context",
]
CALL_COLUMNS = [
    "uuid",
    "direction",
    "created",
    "created_epoch",
    "name",
    "state",
    "cid_name",
    "cid_num",
    "ip_addr",
    "dest",
    "presence_id",
    "presence_data",
    "accountcode",
    "callstate",
    "callee_name",
    "callee_num",
    "callee_direction",
    "call_uuid",
    "hostname",
    "sent_callee_name",
    "sent_callee_num",
    "b_uuid",
    "b_direction",
    "b_created",
    "b_created_epoch",
    "b_name",
    "b_state",
    "b_cid_name",
    "b_cid_num",
    "b_ip_addr",
    "b_dest",
    "b_presence_id",
    "b_presence_data",
    "b_accountcode",
    "b_callstate",
    "b_callee_name",
    "b_callee_num",
    "b_callee_direction",
    "b_sent_callee_name",
    "b_sent_callee_num",
    "call_created_epoch",
]
REGISTRATION_COLUMNS = [
    "reg_user",
    "realm",
    "token",
    "url",
    "expires",
    "network_ip",
    "network_port",
    "network_proto",
    "hostname",
    "metadata",
]
TASK_COLUMNS = ["task_id", "task_desc", "task_group", "task_runtime", "task_sql_manager", "hostname"]
_INTERFACE = ("type", "name")
_ENDPOINTS = ("error", "group", "loopback", "sofia", "user")
_NOTHING = frozenset([
    "codec",
    "dialplan",
    "file",
    "timer",
    "aliases",
    "complete",
    "chat",
    "management",
    "nat_map",
    "say",
    "interfaces",
    "interface_types",
    "limits",
])
Rows = Sequence[Mapping[str, str]]


async def show(asking: Asked, arguments: str) -> str:
    words = arguments.split()
    what = words[0].lower() if words else ""
    form = words[-1].lower() if len(words) > 2 and words[-2].lower() == "as" else "csv"
    found = await _find(asking.hub, what, words)
    if found is None:
        return _USAGE
    columns, rows = found
    if "count" in words[1:2]:
        return f'{{"row_count": {len(rows)}}}' if form == "json" else f"\n{len(rows)} total.\n"
    return _FORMS.get(form, _csv)(columns, rows)


async def status(asking: Asked, arguments: str) -> str:
    hub = asking.hub
    now, pulse, alive = hub.epoch(), hub.pulse, len(hub.legs)
    up = uptime(now - hub.core.started_at)
    return (
        f"UP {up}\nFreeSWITCH (Version {hub.core.version}) is ready\n{pulse.sessions} session(s) since startup\n"
        f"{alive} session(s) - peak {pulse.peak}, last 5min {pulse.peak_of_five_minutes(now, alive)}\n"
        f"{pulse.last(now)} session(s) per Sec out of max {MAX_RATE}, peak {pulse.fastest}, "
        f"last 5min {pulse.fastest_of_five_minutes(now)}\n{MAX_SESSIONS} session(s) max\n"
        "min idle cpu 0.00/100.00\nCurrent Stack Size/Max 240K/8192K\n"
    )


async def version(asking: Asked, arguments: str) -> str:
    number = asking.hub.core.version
    return f"{number.partition(' ')[0]}\n" if arguments == "short" else f"FreeSWITCH Version {number} ( 64bit)\n"


async def uptime_of_engine(asking: Asked, arguments: str) -> str:
    seconds = asking.hub.epoch() - asking.hub.core.started_at
    unit = arguments or "s"
    factors = {"us": 1e6, "microseconds": 1e6, "ms": 1e3, "milliseconds": 1e3, "m": 1 / 60, "minutes": 1 / 60,
               "h": 1 / 3600, "hours": 1 / 3600, "d": 1 / 86400, "days": 1 / 86400}  # fmt: skip
    return f"{int(seconds * factors.get(unit, 1))}\n"


async def _find(hub: Hub, what: str, words: Sequence[str]) -> tuple[Sequence[str], Rows] | None:
    if what == "channels":
        rows = [_channel(hub, leg) for leg in hub.legs.values()]
        if len(words) > 2 and words[1].lower() == "like":
            rows = [row for row in rows if any(words[2].strip("%") in value for value in row.values())]
        return CHANNEL_COLUMNS, rows
    if what in ("calls", "bridged_calls", "detailed_calls", "detailed_bridged_calls"):
        return CALL_COLUMNS, list(_calls(hub, are_bridged="bridged" in what))
    if what == "registrations":
        return REGISTRATION_COLUMNS, await _registrations(hub)
    if what == "application":
        return ("name",), [{"name": name} for name in sorted(hub.applications)]
    if what == "tasks":
        return TASK_COLUMNS, [_task(hub, task) for task in hub.schedule.tasks.values()]
    if what == "endpoint":
        return _INTERFACE, [{"type": "endpoint", "name": name} for name in _ENDPOINTS]
    if what == "modules":
        return _INTERFACE, [{"type": "generic", "name": name} for name in sorted(MODULES)]
    return (_INTERFACE, []) if what in _NOTHING else None


def _task(hub: Hub, task: Task) -> dict[str, str]:
    return {
        "task_id": str(task.id),
        "task_desc": task.about,
        "task_group": task.group,
        "task_runtime": str(int(task.due_at)),
        "hostname": hub.core.hostname,
    }


def _channel(hub: Hub, leg: Leg) -> dict[str, str]:
    caller, callee = leg.facts.caller, leg.facts.callee
    codec = codec_name(leg.codec)
    rate = str(codec_rate(leg.codec)) if leg.codec else ""
    return {
        "uuid": leg.id,
        "direction": leg.facts.direction,
        "created": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(leg.created_at)),
        "created_epoch": str(int(leg.created_at)),
        "name": leg.name,
        "state": leg.state,
        "cid_name": caller.name or caller.number,
        "cid_num": caller.number,
        "ip_addr": host_of((caller if leg.is_inbound else callee).uri).partition(":")[0],
        "dest": leg.destination or leg.facts.to,
        "application": leg.application,
        "application_data": leg.application_data,
        "dialplan": "XML",
        "context": "default",
        "read_codec": codec,
        "read_rate": rate,
        "write_codec": codec,
        "write_rate": rate,
        "hostname": hub.core.hostname,
        "callstate": leg.call_state,
        "callee_name": callee.name if not leg.is_inbound else "",
        "callee_num": callee.number if not leg.is_inbound else "",
        "call_uuid": leg.call_id,
        "accountcode": leg.variables.get("accountcode", ""),
        "initial_cid_name": caller.name or caller.number,
        "initial_cid_num": caller.number,
        "initial_dest": leg.facts.to,
        "initial_dialplan": "XML",
        "initial_context": "default",
    }


def _calls(hub: Hub, *, are_bridged: bool) -> Rows:
    rows, seen = [], set()
    for leg in hub.legs.values():
        other = hub.find(leg.other) if leg.bridge and leg.other is not None else None
        if leg.id in seen or (are_bridged and other is None):
            continue
        row = _channel(hub, leg)
        if other is not None:
            seen.add(other.id)
            row |= {f"b_{name}": value for name, value in _channel(hub, other).items()}
        rows.append(row | {"call_created_epoch": row["created_epoch"]})
    return rows


async def _registrations(hub: Hub) -> Rows:
    answer = await hub.steering.command(None, commands.Registrations(limit=_PAGE))
    states = cast("list[RegistrationState]", answer)  # the protocol says so
    rows = []
    for state in states:
        address, _, port = host_of(state.contact).rpartition(":")
        rows.append({
            "reg_user": state.user,
            "realm": "callflow",
            "url": f"sofia/internal/{state.contact}",
            "network_ip": address or host_of(state.contact),
            "network_port": port if address else "5060",
            "network_proto": "udp",
            "hostname": hub.core.hostname,
        })
    return rows


def _csv(columns: Sequence[str], rows: Rows) -> str:
    if not rows:
        return "\n0 total.\n"
    lines = [",".join(_cell(row.get(column, "")) for column in columns) for row in rows]
    return "\n".join([",".join(columns), *lines]) + f"\n\n{len(rows)} total.\n"


def _cell(value: str) -> str:
    value = " ".join(value.splitlines())
    return f'"{value}"' if "," in value else value


def _json(columns: Sequence[str], rows: Rows) -> str:
    if not rows:
        return '{"row_count": 0}\n'
    filled = [{column: row.get(column, "") for column in columns} for row in rows]
    return json.dumps({"row_count": len(rows), "rows": filled}, separators=(",", ":")) + "\n"


def _xml(columns: Sequence[str], rows: Rows) -> str:
    if not rows:
        return '<result row_count="0"/>\n'
    lines = [f'<result row_count="{len(rows)}">']
    for number, row in enumerate(rows, 1):
        cells = "".join(f"<{column}>{escape(row.get(column, ''))}</{column}>" for column in columns)
        lines.append(f'  <row row_id="{number}">{cells}</row>')
    return "\n".join([*lines, "</result>"]) + "\n"


_FORMS = {"csv": _csv, "json": _json, "xml": _xml}
