"""Api commands that work on texts: regex, sql_escape, expr, strftime and their like. Pure."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from .asked import Asked
from .interest import compiled

_LONGEST = 256  # characters that a pattern looks at
_OPERATORS: Mapping[type[ast.operator], Callable[[float, float], float]] = MappingProxyType({
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Mod: operator.mod,
})  # fmt: skip
_WRONG = "-ERR expected an expression such as 1+2*3, got {}\n"


async def regex(asking: Asked, arguments: str) -> str:
    """`DATA|PATTERN[|SUBSTITUTE]`: whether it matches, or the substitute with `$1` and so on."""
    separator = "|"
    if arguments.startswith("m:") and len(arguments) > 3:
        separator, arguments = arguments[2], arguments[3:]
        arguments = arguments.removeprefix(separator)
    parts = arguments.split(separator)
    if len(parts) < 2:
        return "-ERR\n"
    try:
        found = compiled(parts[1].strip("/")).search(parts[0][:_LONGEST])
    except (re.error, RecursionError, OverflowError):
        return "-ERR\n"
    if len(parts) < 3:
        return "true" if found is not None else "false"
    if found is None:
        return "" if len(parts) > 3 and "n" in parts[3] else parts[0]

    def group(match: re.Match[str]) -> str:
        number = int(match[1] or match[2])
        return (found[number] or "") if number <= (found.re.groups) else ""

    return re.sub(r"[$%](?:([0-9])|\{([0-9])\})", group, parts[2])


async def sql_escape(asking: Asked, arguments: str) -> str:
    return arguments.replace("'", "''")


async def escape(asking: Asked, arguments: str) -> str:
    return arguments.replace("\\", "\\\\").replace('"', '\\"')


async def replace(asking: Asked, arguments: str) -> str:
    """`DATA|WHAT|BY`."""
    parts = arguments.split("|")
    return parts[0].replace(parts[1], parts[2]) if len(parts) > 2 and parts[1] else "-ERR\n"


async def expr(asking: Asked, arguments: str) -> str:
    """Numbers, `+ - * / %` and parentheses."""
    try:
        value = _value(ast.parse(arguments[:256].strip(), mode="eval").body, depth=0)
        return f"{value:.2f}" if value != int(value) else str(int(value))
    except (SyntaxError, ValueError, ArithmeticError, RecursionError, MemoryError):
        return _WRONG.format(repr(arguments[:64]))


def _value(node: ast.expr, *, depth: int) -> float:
    if depth > 32:
        raise ValueError
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, depth=depth + 1)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(left, depth=depth + 1), _value(right, depth=depth + 1))
    raise ValueError
