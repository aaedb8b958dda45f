"""hash and db: values that programs keep in the switch, by realm and key. Here both are in memory, and bounded."""

from __future__ import annotations

from .asked import Asked
from .stage import NONE, Stage

_DONE = "+OK"  # without the end of a line


async def hash_api(asking: Asked, arguments: str) -> str:
    kept, (verb, realm, key, value) = asking.hub.hash, _read(arguments)
    match verb:
        case "insert" | "insert_ifempty":
            if verb == "insert_ifempty" and (realm, key) in kept.values:
                return "-ERR key already exists\n"
            return f"{_DONE}\n" if kept.put(realm, key, value) else "-ERR too much is kept\n"
        case "delete" | "delete_ifmatch":
            found = kept.values.get((realm, key))
            if found is None or (verb == "delete_ifmatch" and found != value):
                return "-ERR Not found\n"
            del kept.values[realm, key]
            return f"{_DONE}\n"
        case "select":
            return kept.values.get((realm, key), "")
    return "-USAGE: [insert|insert_ifempty|delete|delete_ifmatch|select]/<realm>/<key>/<value>\n"


async def db_api(asking: Asked, arguments: str) -> str:
    kept, (verb, realm, key, value) = asking.hub.database, _read(arguments)
    match verb:
        case "insert":
            return _DONE if kept.put(realm, key, value) else "-ERR too much is kept\n"
        case "delete":
            for name in [each for each in kept.values if each[0] == realm and key in ("", each[1])]:
                del kept.values[name]
            return _DONE
        case "select":
            return kept.values.get((realm, key), "")
        case "exists":
            return "true" if (realm, key) in kept.values else "false"
        case "count":
            return str(sum(realm in ("", each[0]) for each in kept.values))
        case "list":
            found = [each[1] if realm else each[0] for each in kept.values if realm in ("", each[0])]
            return ",".join(dict.fromkeys(found))
    return "!err!"


async def hash_application(stage: Stage, data: str) -> str:
    await hash_api(Asked(stage.hub, stage.leg), data)
    return NONE


async def db_application(stage: Stage, data: str) -> str:
    await db_api(Asked(stage.hub, stage.leg), data)
    return NONE


def _read(text: str) -> tuple[str, str, str, str]:
    """`VERB/REALM/KEY/VALUE`: the value may have slashes."""
    verb, realm, key, value = [*text.strip().split("/", 3), "", "", ""][:4]
    return verb.lower(), realm, key, value
