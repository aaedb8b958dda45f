"""Api commands about nothing in particular: time, texts, global variables, names."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote, unquote

import trio

from callflow.protocol import commands

from .expansion import expand
from .hub import MAX_GLOBALS, Hub
from .leg import Leg
from .permission import ANYBODY, EslUser
from .vocabulary import LOG_LEVELS

OK = "+OK\n"
_LONGEST = 3600.0  # seconds
MODULES = frozenset({"mod_sofia", "mod_event_socket", "mod_commands", "mod_dptools"})


@dataclass(frozen=True, slots=True)
class Asked:
    """Where an api command is asked, by whom: of the hub, on a connection that may be for one channel."""

    hub: Hub
    leg: Leg | None = None
    user: EslUser = ANYBODY


@dataclass(frozen=True, slots=True)
class ApiCommand:
    """`answer` gives the text. `differs`: from FreeSWITCH's, in a few words."""

    answer: Callable[[Asked, str], Awaitable[str]]
    differs: str = ""


async def chat(asking: Asked, arguments: str) -> str:
    """`PROTOCOL|FROM|TO|TEXT[|CONTENT-TYPE]`: a text to a user, outside of any call."""
    parts = arguments.split("|")
    if len(parts) < 4 or parts[0] != "sip":
        return "-ERR expected: sip|from|to|message[|content-type]\n"
    sender, to = (part.removeprefix("sip:").partition("@")[0] for part in parts[1:3])
    await asking.hub.steering.command(None, commands.SendText(to=to, body=parts[3], sender=sender))
    return "Sent\n"


async def console(asking: Asked, arguments: str) -> str:
    words = arguments.split()
    return f"+OK console log level set to {words[1].upper()}\n" if words[:1] == ["loglevel"] and words[1:] else OK


async def create_uuid(asking: Asked, arguments: str) -> str:
    return asking.hub.new_id()


async def echo(asking: Asked, arguments: str) -> str:
    return arguments


async def evaluate(asking: Asked, arguments: str) -> str:
    leg = asking.leg
    if arguments.startswith("uuid:"):
        id, _, arguments = arguments.removeprefix("uuid:").partition(" ")
        leg = asking.hub.find(id)
    return expand(arguments, leg, asking.hub)


async def global_getvar(asking: Asked, arguments: str) -> str:
    if arguments:
        return asking.hub.globals.get(arguments, "")
    return "".join(f"{name}={value}\n" for name, value in asking.hub.globals.items())


async def global_setvar(asking: Asked, arguments: str) -> str:
    name, equals, value = arguments.partition("=")
    known = asking.hub.globals
    if not equals or not name:
        return "-USAGE: <var>=<value> [=<value2>]\n"
    if not value:
        known.pop(name, None)
    elif name not in known and len(known) >= MAX_GLOBALS:
        return f"-ERR expected at most {MAX_GLOBALS} global variables\n"
    else:
        known[name] = value
    return OK


async def hostname(asking: Asked, arguments: str) -> str:
    return asking.hub.core.hostname


async def log(asking: Asked, arguments: str) -> str:
    level, _, text = arguments.partition(" ")
    asking.hub.write_log(LOG_LEVELS.get(level.lower(), LOG_LEVELS["debug"]), text)
    return OK


async def md5(asking: Asked, arguments: str) -> str:
    return hashlib.md5(arguments.encode(errors="replace"), usedforsecurity=False).hexdigest()


async def module_exists(asking: Asked, arguments: str) -> str:
    return "true" if arguments in MODULES else "false"


async def load(asking: Asked, arguments: str) -> str:
    if arguments.strip() in MODULES:
        return "-ERR [Module already loaded]\n"
    return "+OK Reloading XML\n-ERR [module load file routine returned an error]\n"


async def reload(asking: Asked, arguments: str) -> str:
    module = arguments.strip().removeprefix("-f").strip()
    if module not in MODULES:
        return "-ERR unloading module [No such module!]\n" + await load(asking, module)
    asking.hub.announce("RELOADXML", {})
    return "+OK Reloading XML\n+OK module reloaded\n"


async def unload(asking: Asked, arguments: str) -> str:
    module = arguments.strip().removeprefix("-f").strip()
    return "-ERR [Module is not unloadable]\n" if module in MODULES else "-ERR [No such module!]\n"


async def msleep(asking: Asked, arguments: str) -> str:
    if re.fullmatch(r"[0-9]{1,9}", arguments, re.ASCII):
        await trio.sleep(min(int(arguments) / 1000, _LONGEST))
    return OK


async def reload_acl(asking: Asked, arguments: str) -> str:
    return "+OK acl reloaded\n"


async def reload_xml(asking: Asked, arguments: str) -> str:
    asking.hub.announce("RELOADXML", {})
    return "+OK [Success]\n"


async def sofia_contact(asking: Asked, arguments: str) -> str:
    user = arguments.rpartition("/")[2].partition("@")[0]
    return f"user/{user}" if user else "error/user_not_registered"


async def strepoch(asking: Asked, arguments: str) -> str:
    return str(int(asking.hub.epoch()))


async def strftime(asking: Asked, arguments: str) -> str:
    at, _, form = arguments.rpartition("|")
    seconds = float(at) if re.fullmatch(r"[0-9]{1,10}", at, re.ASCII) else asking.hub.epoch()
    return time.strftime((form or "%Y-%m-%d %T")[:128], time.localtime(seconds))


async def url_decode(asking: Asked, arguments: str) -> str:
    return unquote(arguments)


async def url_encode(asking: Asked, arguments: str) -> str:
    return quote(arguments, safe="")
