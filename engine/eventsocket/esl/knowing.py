"""Api commands about users, groups and registrations: what FreeSWITCH keeps in its directory."""

from __future__ import annotations

from engine.channels.errors import CommandError
from engine.channels.source import resolve_sources

from .asked import Asked
from .sound import file_name

_COLUMNS = "userid|context|domain|group|contact|callgroup|effective_caller_id_name|effective_caller_id_number"
_JOINED = {"A": ",", "F": "|", "E": ":_:"}


async def user_exists(asking: Asked, arguments: str) -> str:
    words = arguments.split()
    return "true" if len(words) > 1 and words[1] in asking.hub.users else "false"


async def user_data(asking: Asked, arguments: str) -> str:
    words = arguments.split()
    user = words[0].partition("@")[0] if words else ""
    known = {"id": user, "user": user, "user_context": "default", "dial-string": f"user/{user}"}
    return known.get(words[-1], "") if user in asking.hub.users and len(words) > 1 else ""


async def file_exists(asking: Asked, arguments: str) -> str:
    """Whether it could be played."""
    if not arguments or "://" in arguments:
        return "false"
    try:
        resolve_sources((file_name(arguments, asking.hub.sounds),), asking.hub.steering.owner, 1)
    except CommandError:
        return "false"
    return "true"


async def list_users(asking: Asked, arguments: str) -> str:
    words = arguments.split()
    wanted = dict(zip(words[::2], words[1::2], strict=False))
    rows = []
    for user in asking.hub.users:
        groups = [group for group, members in asking.hub.groups.items() if user in members]
        if wanted.get("user", user) == user and wanted.get("group", groups[0] if groups else "") in (*groups, ""):
            rows.append(f"{user}|default|{asking.hub.domain}|{'/'.join(groups)}|user/{user}||{user}|{user}")
    return "\n".join([_COLUMNS, *rows]) + "\n\n+OK\n"


async def group_call(asking: Asked, arguments: str) -> str:
    """`GROUP[@DOMAIN][+A|+F|+E]`: all together, one after another, or each by itself."""
    name, _, how = arguments.partition("+")
    members = asking.hub.groups.get(name.partition("@")[0])
    if not members:
        return "error/NO_ROUTE_DESTINATION"
    return _JOINED.get(how.strip().upper(), ",").join(f"user/{member}" for member in members)


async def in_group(asking: Asked, arguments: str) -> str:
    words = arguments.split()
    members = asking.hub.groups.get(words[-1].partition("@")[0], ()) if words else ()
    return "true" if len(words) > 1 and words[0].partition("@")[0] in members else "false"


async def domain_exists(asking: Asked, arguments: str) -> str:
    return "true" if arguments == asking.hub.domain else "false"
